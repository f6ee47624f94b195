//! Atoms in chunks: computed by any thread in any order, added to the totals in the order of the atoms.
//!
//! Every thread takes the next chunk that nobody has taken, so a thread that starts late or is held up costs no more than
//! one chunk. Whoever finishes a chunk adds what is complete from the front, while the others go on computing; there
//! is no serial part between blocks, and the bits of the sums do not depend on who did what.

use super::{Assessment, Evaluation, Extrapolation};
use crate::linalg::{Mat3, Vec3};
use rayon::prelude::*;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

/// Atoms per chunk: small, so that threads finish together, yet worth the microsecond that handing over costs.
const CHUNK: usize = 4;
/// Finished chunks per thread that may wait for one in front of them.
const IN_FLIGHT: usize = 8;

/// Energies and pair gradients `dE_i/dr_ij` of the atoms of one chunk.
#[derive(Debug, Default)]
pub(super) struct ChunkResult {
    pub energies: Vec<f64>,
    /// End of every atom's entries in `index` and `gradient`.
    pub ends: Vec<usize>,
    pub index: Vec<u32>,
    pub gradient: Vec<Vec3>,
    pub virial: Mat3,
    pub extrapolation: Extrapolation,
    /// Range of every atom, where an assessment is wanted.
    pub atoms: Vec<AtomRange>,
    /// Energy of every member for every atom, atom after atom; empty unless wanted.
    pub member_energies: Vec<f64>,
    /// What `gradient` is to the mean, for every member; empty unless wanted.
    pub member_gradients: Vec<Vec<Vec3>>,
}

/// How far one atom is from the training set.
#[derive(Debug, Clone, Copy)]
pub(super) struct AtomRange {
    pub excess: f64,
    pub feature: Option<u32>,
    pub grade: Option<f64>,
}

/// Where the results of all chunks are added.
pub(super) struct Totals<'a> {
    pub evaluation: &'a mut Evaluation,
    pub assessment: Option<&'a mut Assessment>,
}

impl ChunkResult {
    pub fn clear(&mut self) {
        self.energies.clear();
        self.ends.clear();
        self.index.clear();
        self.gradient.clear();
        self.virial = [[0.0; 3]; 3];
        self.extrapolation = Extrapolation::default();
        self.atoms.clear();
        self.member_energies.clear();
        self.member_gradients.iter_mut().for_each(Vec::clear);
    }

    /// Adds to the totals; the only place where results of different chunks meet, always in the same order.
    fn add_to(&self, first_atom: usize, totals: &mut Totals<'_>) {
        if let Some(assessment) = totals.assessment.as_deref_mut() {
            self.add_assessment(first_atom, assessment);
        }
        let out = &mut *totals.evaluation;
        let mut start = 0;
        for (offset, (&end, &energy)) in self.ends.iter().zip(&self.energies).enumerate() {
            let i = first_atom + offset;
            out.atomic_energies[i] = energy;
            add_forces(i, &self.index[start..end], &self.gradient[start..end], &mut out.forces);
            start = end;
        }
        for a in 0..3 {
            for b in 0..3 {
                out.virial[a][b] += self.virial[a][b];
            }
        }
        out.extrapolation.n_atoms += self.extrapolation.n_atoms;
        if self.extrapolation.worst > out.extrapolation.worst {
            out.extrapolation.worst = self.extrapolation.worst;
            out.extrapolation.worst_atom = self.extrapolation.worst_atom;
        }
    }
}

impl ChunkResult {
    /// The chunks come in the order of the atoms, so that arrays per atom are filled by appending.
    fn add_assessment(&self, first_atom: usize, out: &mut Assessment) {
        for atom in &self.atoms {
            out.excess.push(atom.excess);
            out.feature.push(atom.feature);
            out.grade.extend(atom.grade);
        }
        let n_members = out.member_energies.len();
        if n_members == 0 {
            return;
        }
        for energies in self.member_energies.chunks_exact(n_members) {
            for (sum, energy) in out.member_energies.iter_mut().zip(energies) {
                *sum += energy;
            }
        }
        let n_atoms = out.member_forces.len() / n_members;
        for (forces, gradient) in out.member_forces.chunks_exact_mut(n_atoms).zip(&self.member_gradients) {
            let mut start = 0;
            for (offset, &end) in self.ends.iter().enumerate() {
                add_forces(first_atom + offset, &self.index[start..end], &gradient[start..end], forces);
                start = end;
            }
        }
    }
}

/// Adds the forces of center `i` on its neighbors and on itself.
#[inline]
pub(super) fn add_forces(i: usize, index: &[u32], gradient: &[Vec3], forces: &mut [Vec3]) {
    let mut own = [0.0; 3];
    for (&j, g) in index.iter().zip(gradient) {
        let force = &mut forces[j as usize];
        for a in 0..3 {
            force[a] -= g[a];
            own[a] += g[a];
        }
    }
    for a in 0..3 {
        forces[i][a] += own[a];
    }
}

/// Buffers of all threads.
#[derive(Debug)]
pub(super) struct Chunks<W> {
    works: Vec<W>,
    slots: Vec<Slot>,
}

#[derive(Debug, Default)]
struct Slot {
    is_complete: AtomicBool,
    result: Mutex<ChunkResult>,
}

impl<W> Default for Chunks<W> {
    fn default() -> Self {
        Self { works: Vec::new(), slots: Vec::new() }
    }
}

impl<W: Default + Send> Chunks<W> {
    /// Calls `compute` for all chunks of the atoms and adds the results to the totals, on the threads of the present
    /// pool.
    pub fn run<F>(&mut self, totals: Totals<'_>, compute: F)
    where
        F: Fn(&mut W, Range<usize>, &mut ChunkResult) + Sync,
    {
        let n_atoms = totals.evaluation.forces.len();
        let n_chunks = n_atoms.div_ceil(CHUNK);
        let n_threads = rayon::current_num_threads().min(n_chunks).max(1);
        if self.works.len() < n_threads {
            self.works.resize_with(n_threads, W::default);
            self.slots.resize_with(n_threads * IN_FLIGHT, Slot::default);
        }
        let queue = Queue {
            slots: &self.slots[..n_threads * IN_FLIGHT],
            n_atoms,
            n_chunks,
            n_taken: AtomicUsize::new(0),
            n_added: AtomicUsize::new(0),
            has_failed: AtomicBool::new(false),
            totals: Mutex::new(totals),
        };
        for slot in queue.slots {
            slot.is_complete.store(false, Ordering::Relaxed);
        }
        let works = &mut self.works[..n_threads];
        if let [work] = works {
            queue.serve(work, &compute);
        } else {
            works.par_iter_mut().with_max_len(1).for_each(|work| queue.serve(work, &compute));
        }
        queue.add_complete();
    }
}

/// One call of [`Chunks::run`].
struct Queue<'a> {
    slots: &'a [Slot],
    n_atoms: usize,
    n_chunks: usize,
    n_taken: AtomicUsize,
    n_added: AtomicUsize,
    has_failed: AtomicBool,
    totals: Mutex<Totals<'a>>,
}

impl Queue<'_> {
    /// What every thread does until no chunk is left.
    fn serve<W, F: Fn(&mut W, Range<usize>, &mut ChunkResult)>(&self, work: &mut W, compute: &F) {
        let _guard = FailOnPanic(&self.has_failed);
        loop {
            let chunk = self.n_taken.fetch_add(1, Ordering::Relaxed);
            if chunk >= self.n_chunks {
                return;
            }
            // The chunk in front is being computed by a thread that does not wait, so there will be room.
            while chunk >= self.n_added.load(Ordering::Acquire) + self.slots.len() {
                if self.has_failed.load(Ordering::Relaxed) {
                    return;
                }
                std::thread::yield_now();
                self.add_complete();
            }
            let slot = self.slot(chunk);
            let start = chunk * CHUNK;
            let mut result = lock(&slot.result);
            result.clear();
            compute(work, start..(start + CHUNK).min(self.n_atoms), &mut result);
            drop(result);
            slot.is_complete.store(true, Ordering::Release);
            self.add_complete();
        }
    }

    /// Adds the chunks that are complete from the front on, unless another thread is at it. A chunk that becomes
    /// complete just when that thread looks away is added with the next one, or at the end.
    fn add_complete(&self) {
        let mut out = match self.totals.try_lock() {
            Ok(out) => out,
            Err(TryLockError::Poisoned(error)) => error.into_inner(),
            Err(TryLockError::WouldBlock) => return,
        };
        let mut chunk = self.n_added.load(Ordering::Relaxed);
        while chunk < self.n_chunks && self.slot(chunk).is_complete.load(Ordering::Acquire) {
            let slot = self.slot(chunk);
            lock(&slot.result).add_to(chunk * CHUNK, &mut out);
            slot.is_complete.store(false, Ordering::Relaxed);
            chunk += 1;
            self.n_added.store(chunk, Ordering::Release);
        }
    }

    fn slot(&self, chunk: usize) -> &Slot {
        &self.slots[chunk % self.slots.len()]
    }
}

/// A poisoned lock only means that another thread panicked; the buffers are overwritten anyway.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Lets the other threads stop waiting when one panics.
struct FailOnPanic<'a>(&'a AtomicBool);

impl Drop for FailOnPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.store(true, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gradients of very different size: any other order of summation changes the forces.
    fn forces(n_threads: usize, n_atoms: usize) -> Evaluation {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(n_threads).build().unwrap();
        let mut out = Evaluation::default();
        let mut chunks = Chunks::<()>::default();
        for _ in 0..3 {
            out.reset(n_atoms);
            pool.install(|| {
                chunks.run(Totals { evaluation: &mut out, assessment: None }, |(), atoms, result| {
                    for i in atoms {
                        if i % 7 == 0 {
                            std::thread::sleep(std::time::Duration::from_micros(20));
                        }
                        for j in 0..3 {
                            let g = (1.0 + i as f64).powi(j as i32 * 5 - 5);
                            result.index.push(((i * 5 + j) % n_atoms) as u32);
                            result.gradient.push([g, -0.3 * g, 1.0 / (1.0 + g)]);
                        }
                        result.energies.push((i as f64).sin());
                        result.ends.push(result.gradient.len());
                        result.virial[0][1] += 0.1 * i as f64;
                    }
                });
            });
        }
        out
    }

    #[test]
    fn sums_have_the_same_bits_for_any_number_of_threads() {
        for n_atoms in [0, 1, 3, 50, 403] {
            let one = forces(1, n_atoms);
            for n_threads in [2, 3, 8] {
                let many = forces(n_threads, n_atoms);
                assert_eq!(one.forces, many.forces);
                assert_eq!(one.virial, many.virial);
                assert_eq!(one.atomic_energies, many.atomic_energies);
            }
        }
    }

    #[test]
    fn a_panic_ends_all_threads() {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
        let mut out = Evaluation::default();
        out.reset(400);
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            pool.install(|| {
                let totals = Totals { evaluation: &mut out, assessment: None };
                Chunks::<()>::default().run(totals, |(), atoms, _| assert!(!atoms.contains(&40)));
            });
        }));
        assert!(outcome.is_err());
    }
}
