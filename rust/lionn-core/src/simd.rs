//! The instruction set of the fast kernels, chosen at run time.
//!
//! A kernel is written once, generic over [`pulp::Simd`], and compiled for every level. [`Level::detect`] takes the
//! best one that the processor offers; the environment variable [`VARIABLE`] forces another, to compare or measure.
//! Results of different levels differ by rounding (the order of sums follows the vector width), never by method.

use crate::error::{Error, Result};
// Pairs of numbers, which the compiler maps to the vectors that every processor of the architecture has.
use pulp::Scalar128b as Portable;
use pulp::{Arch, Simd, WithSimd};
use std::any::TypeId;
use std::sync::LazyLock;

/// Environment variable that forces a level.
pub const VARIABLE: &str = "LIONN_RS_SIMD";

/// An instruction set that this processor has.
#[derive(Debug, Clone, Copy)]
pub struct Level(Arch);

impl Level {
    /// All levels of this processor, slowest first.
    pub fn available() -> Vec<Self> {
        #[allow(unused_mut, reason = "other processors have one level")]
        let mut levels = vec![Self(Arch::Scalar)];
        #[cfg(target_arch = "x86_64")]
        {
            levels.extend(pulp::x86::V3::try_new().map(|simd| Self(Arch::V3(simd))));
            levels.extend(pulp::x86::V4::try_new().map(|simd| Self(Arch::V4(simd))));
        }
        #[cfg(target_arch = "aarch64")]
        levels.extend(pulp::aarch64::Neon::try_new().map(|simd| Self(Arch::Neon(simd))));
        levels
    }

    /// The level that [`VARIABLE`] asked for when it was first needed; without it the fastest one.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] for a name that this processor does not offer.
    pub fn detect() -> Result<Self> {
        static DETECTED: LazyLock<std::result::Result<Level, String>> =
            LazyLock::new(Level::from_environment);
        DETECTED.clone().map_err(Error::InvalidParameter)
    }

    fn from_environment() -> std::result::Result<Self, String> {
        let levels = Self::available();
        let Some(wanted) = std::env::var_os(VARIABLE).filter(|value| !value.is_empty()) else {
            return Ok(levels[levels.len() - 1]);
        };
        levels.iter().copied().find(|level| wanted == level.name()).ok_or_else(|| {
            let names: Vec<&str> = levels.iter().map(|level| level.name()).collect();
            format!(
                "{VARIABLE}={} is not an instruction set of this processor, which offers {}",
                wanted.to_string_lossy(),
                names.join(", ")
            )
        })
    }

    /// `baseline` (what every processor of the architecture has), `avx2` (with FMA), `avx512` or `neon`.
    pub fn name(self) -> &'static str {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Arch::V3(_) => "avx2",
            #[cfg(target_arch = "x86_64")]
            Arch::V4(_) => "avx512",
            #[cfg(target_arch = "aarch64")]
            Arch::Neon(_) => "neon",
            _ => "baseline",
        }
    }

    /// Runs a kernel compiled for this level.
    #[inline]
    pub(crate) fn run<K: WithSimd>(self, kernel: K) -> K::Output {
        match self.0 {
            Arch::Scalar => kernel.with_simd(Portable),
            arch => arch.dispatch(kernel),
        }
    }
}

/// Sums of products; fused where the processor has the instruction.
///
/// The portable vectors of [`pulp`] fuse by calling the C library, thirty times slower than multiplying and adding.
pub(crate) trait MulAdd: Simd {
    /// `a b + c`.
    #[inline(always)]
    fn mul_add(self, a: Self::f64s, b: Self::f64s, c: Self::f64s) -> Self::f64s {
        if TypeId::of::<Self>() == TypeId::of::<Portable>() {
            self.add_f64s(self.mul_f64s(a, b), c)
        } else {
            self.mul_add_e_f64s(a, b, c)
        }
    }

    /// `a b - c`.
    #[inline(always)]
    fn mul_sub(self, a: Self::f64s, b: Self::f64s, c: Self::f64s) -> Self::f64s {
        self.mul_add(a, b, self.neg_f64s(c))
    }

    /// `c - a b`.
    #[inline(always)]
    fn neg_mul_add(self, a: Self::f64s, b: Self::f64s, c: Self::f64s) -> Self::f64s {
        if TypeId::of::<Self>() == TypeId::of::<Portable>() {
            self.sub_f64s(c, self.mul_f64s(a, b))
        } else {
            self.negate_mul_add_e_f64s(a, b, c)
        }
    }
}
impl<S: Simd> MulAdd for S {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_have_distinct_names_and_start_with_the_baseline() {
        let names: Vec<_> = Level::available().into_iter().map(Level::name).collect();
        assert_eq!(names[0], "baseline");
        assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "{names:?}");
    }
}
