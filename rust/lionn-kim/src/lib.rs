//! A KIM portable model: the potentials of lionn-core inside LAMMPS and other KIM-aware simulators, under MPI.
//!
//! The object serves any potential: it reads [`model::FILE_NAME`] in its own folder, which `lionn lammps export` makes. The
//! symbols of libkim-api stay undefined and come from the simulator that loads the object. One rank computes with one
//! thread.
//!
//! `api` declares what is used of libkim-api, `routines` is what libkim-api calls, `compute` is safe code between its arrays
//! and [`lionn_core`].
//!
//! Interface: R. S. Elliott, E. B. Tadmor, Knowledgebase of Interatomic Models (KIM) Application Programming Interface (API),
//! OpenKIM (2011), doi 10.25950/ff8f563a; version 2.

#[cfg(not(test))]
mod api;
#[cfg(test)]
#[path = "fake_api.rs"]
mod api;
mod compute;
mod model;
mod routines;

use libc::{c_char, c_int, c_void};

/// `KIM::SharedLibrarySchemaV2`.
#[repr(C)]
pub struct Schema {
    item_type: c_int,
    item_name: *const c_char,
    create_language: c_int,
    create: api::CreateFunction,
    driver_name: *const c_char,
    specification: *const c_void,
    n_parameter_files: c_int,
    parameter_files: *const c_void,
    n_metadata_files: c_int,
    metadata_files: *const c_void,
}

// SAFETY: all pointers are null or point to constants.
unsafe impl Sync for Schema {}

const PORTABLE_MODEL: c_int = 1;
const LANGUAGE_C: c_int = 1;

/// Version of [`Schema`].
#[unsafe(no_mangle)]
#[allow(non_upper_case_globals)]
pub static kim_shared_library_schema_version: c_int = 2;

/// What libkim-api looks for.
#[unsafe(no_mangle)]
#[allow(non_upper_case_globals)]
pub static kim_shared_library_schema: Schema = Schema {
    item_type: PORTABLE_MODEL,
    item_name: c"lionn_rs".as_ptr(),
    create_language: LANGUAGE_C,
    create: routines::create,
    driver_name: std::ptr::null(),
    specification: std::ptr::null(),
    n_parameter_files: 0,
    parameter_files: std::ptr::null(),
    n_metadata_files: 0,
    metadata_files: std::ptr::null(),
};
