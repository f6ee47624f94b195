//! What a run records: thermodynamic rows and frames, each at its own stride.

use crate::linalg::{Mat3, Vec3};
use crate::md::state::State;
use crate::potential::AssessmentSummary;

/// Quantities of one step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ThermoRow {
    /// Steps since the start of the run.
    pub step: u64,
    /// Potential energy, eV.
    pub potential_energy: f64,
    /// Kinetic energy, eV.
    pub kinetic_energy: f64,
    /// Instantaneous temperature, K.
    pub temperature_k: f64,
    /// Target temperature of the thermostat, K; NaN where there is none.
    pub target_k: f64,
    /// Volume of the cell, Å³.
    pub volume: f64,
    /// Lengths of the lattice vectors, Å.
    pub lengths: Vec3,
    /// Instantaneous pressure `(2K + tr virial)/(3V)`, GPa; NaN in a cell that is not periodic in all directions.
    pub pressure_gpa: f64,
    /// Conserved quantity, eV: constant up to the error of the time step.
    pub conserved: f64,
    /// Atoms whose environment lies outside the training range.
    pub n_extrapolating: usize,
    /// Largest excess beyond a training range, in units of its width.
    pub worst_excess: f64,
    /// Reliability, at the steps at which it was assessed.
    pub assessment: Option<AssessmentSummary>,
}

/// Rows, and positions, reserved ahead of a call: a call that is cut by its time limit must not reserve the memory of
/// the steps it will not make. Beyond this the buffers grow as usual.
const MAX_RESERVED: usize = 100_000;

/// Something that looks at the state after every step.
pub trait Observer {
    /// Called before `n_steps` steps are made from `state`, to reserve memory.
    fn prepare(&mut self, state: &State, n_steps: u64);

    /// Called after every step.
    fn observe(&mut self, state: &State, row: &ThermoRow);
}

/// Keeps rows and frames in memory until they are taken.
#[derive(Debug, Clone, Default)]
pub struct Recorder {
    stride_thermo: u64,
    stride_frames: u64,
    with_velocities: bool,
    /// Rows at steps that are multiples of the thermo stride.
    pub thermo: Vec<ThermoRow>,
    /// Steps of the frames.
    pub frame_steps: Vec<u64>,
    /// Unwrapped positions of the frames, one after the other, Å.
    pub positions: Vec<Vec3>,
    /// Velocities of the frames, Å/fs; empty unless asked for.
    pub velocities: Vec<Vec3>,
    /// Lattice vectors of the frames, Å.
    pub cells: Vec<Mat3>,
}

impl Recorder {
    /// Rows and frames at steps divisible by the strides; a stride of 0 records nothing.
    pub fn new(stride_thermo: u64, stride_frames: u64, with_velocities: bool) -> Self {
        Self { stride_thermo, stride_frames, with_velocities, ..Self::default() }
    }

    /// Forget what was recorded, keeping the memory.
    pub fn clear(&mut self) {
        self.thermo.clear();
        self.frame_steps.clear();
        self.positions.clear();
        self.velocities.clear();
        self.cells.clear();
    }
}

/// Multiples of `stride` in `step + 1 ..= step + n_steps`.
fn multiples(step: u64, n_steps: u64, stride: u64) -> usize {
    let up_to = |last: u64| last.checked_div(stride).unwrap_or(0);
    (up_to(step + n_steps) - up_to(step)) as usize
}

fn due(step: u64, stride: u64) -> bool {
    stride != 0 && step.is_multiple_of(stride)
}

impl Observer for Recorder {
    fn prepare(&mut self, state: &State, n_steps: u64) {
        self.thermo.reserve(multiples(state.step, n_steps, self.stride_thermo).min(MAX_RESERVED));
        let n_frames = multiples(state.step, n_steps, self.stride_frames);
        let n_frames = n_frames.min(MAX_RESERVED / state.system.n_atoms().max(1));
        self.frame_steps.reserve(n_frames);
        self.cells.reserve(n_frames);
        self.positions.reserve(n_frames * state.system.n_atoms());
        if self.with_velocities {
            self.velocities.reserve(n_frames * state.system.n_atoms());
        }
    }

    fn observe(&mut self, state: &State, row: &ThermoRow) {
        if due(state.step, self.stride_thermo) {
            self.thermo.push(*row);
        }
        if due(state.step, self.stride_frames) {
            self.frame_steps.push(state.step);
            self.cells.push(*state.system.cell.vectors());
            self.positions.extend_from_slice(&state.system.positions);
            if self.with_velocities {
                self.velocities.extend_from_slice(&state.velocities);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reserved_memory_is_what_the_strides_need() {
        assert_eq!(multiples(0, 100, 10), 10);
        assert_eq!(multiples(5, 5, 10), 1);
        assert_eq!(multiples(10, 9, 10), 0);
        assert_eq!(multiples(0, 100, 0), 0);
        assert!(due(20, 10) && due(0, 10) && !due(21, 10) && !due(20, 0));
    }
}
