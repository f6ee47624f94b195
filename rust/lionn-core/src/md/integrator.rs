//! Velocity Verlet, the two operators of one step.
//!
//! `v += (dt/2) F/m`, `x += dt v`, new forces, `v += (dt/2) F/m` (Swope et al., J. Chem. Phys. 76, 637 (1982),
//! doi:10.1063/1.442716): symplectic, time reversible, second order.

use crate::linalg::Vec3;
use crate::md::state::State;
use crate::units::ACCELERATION;

/// `v += time · F / m` with the time in fs, forces in eV/Å.
pub fn kick(state: &mut State, forces: &[Vec3], time_fs: f64) {
    let factor = ACCELERATION * time_fs;
    for i in 0..forces.len() {
        let scale = factor / state.masses()[i];
        for a in 0..3 {
            state.velocities[i][a] += scale * forces[i][a];
        }
    }
}

/// `x += time · v`.
pub fn drift(state: &mut State, time_fs: f64) {
    for (x, v) in state.system.positions.iter_mut().zip(&state.velocities) {
        for a in 0..3 {
            x[a] += time_fs * v[a];
        }
    }
}
