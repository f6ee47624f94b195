//! Integration tests of the core: one program, because every program links the whole core anew.

mod committee;
mod common;
mod density;
mod descriptors;
mod dynamics;
mod ensembles;
mod factorized;
mod gauss_newton;
mod labeled;
mod model_files;
mod neighbors;
mod potential;
mod repulsion;
mod training;
