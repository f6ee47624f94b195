//! Aligned buffers of the fast paths and their view as vectors.
//!
//! Kernels keep vectors out of closures: closures are not compiled for the instruction set of the kernel around them.

use aligned_vec::{AVec, ConstAlign};
use pulp::{Simd, bytemuck};

/// Numbers aligned to the widest vector, so that no load crosses a cache line.
pub(super) type Array = AVec<f64, ConstAlign<64>>;

/// Squared distance of the padding: beyond every cutoff, and finite in all that is derived from it.
pub(super) const FAR: f64 = 1e30;

/// Sets an array to `n` equal numbers.
pub(super) fn reset(array: &mut Array, n: usize, value: f64) {
    array.resize(n, value);
    array.fill(value);
}

/// Makes an array at least `n` long; what it holds is overwritten later.
pub(super) fn reserve(array: &mut Array, n: usize) {
    if array.len() < n {
        array.resize(n, 0.0);
    }
}

/// The whole vectors of a slice.
#[inline(always)]
pub(super) fn vectors<S: Simd>(slice: &[f64]) -> &[S::f64s] {
    S::as_simd_f64s(slice).0
}

/// The whole vectors of a slice.
#[inline(always)]
pub(super) fn vectors_mut<S: Simd>(slice: &mut [f64]) -> &mut [S::f64s] {
    S::as_mut_simd_f64s(slice).0
}

/// Vector `v` of three rows.
#[inline(always)]
pub(super) fn components<S: Simd>([x, y, z]: &[Array; 3], v: usize) -> [S::f64s; 3] {
    [vectors::<S>(x)[v], vectors::<S>(y)[v], vectors::<S>(z)[v]]
}

/// The numbers in a slice of vectors.
#[inline(always)]
pub(super) fn lanes<S: Simd>(vectors: &[S::f64s]) -> &[f64] {
    bytemuck::cast_slice(vectors)
}
