//! Units and constants: Å, eV, u, fs, K. CODATA 2018 (exact in the SI since 2019).

/// Boltzmann constant, eV/K.
pub const BOLTZMANN: f64 = 8.617_333_262e-5;

/// Elementary charge, C (J per eV).
const ELEMENTARY_CHARGE: f64 = 1.602_176_634e-19;

/// Atomic mass unit, kg.
const ATOMIC_MASS: f64 = 1.660_539_066_60e-27;

/// 1 eV/(u Å) as an acceleration in Å/fs²; also 1 eV/u as a squared velocity in Å²/fs².
pub const ACCELERATION: f64 = ELEMENTARY_CHARGE / ATOMIC_MASS * 1e-10;

/// 1 GPa in eV/Å³.
pub const GIGAPASCAL: f64 = 1e9 * 1e-30 / ELEMENTARY_CHARGE;
