//! Systems shared by the benchmarks.
