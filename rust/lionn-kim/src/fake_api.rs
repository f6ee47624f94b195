//! In place of libkim-api in the tests of this crate: handles are pointers to [`Simulator`].

#![allow(non_upper_case_globals, non_snake_case, clippy::missing_safety_doc, missing_docs)]
// SAFETY (everywhere): handles come from the tests and are valid.
#![allow(clippy::undocumented_unsafe_blocks)]

use libc::{c_char, c_int, c_void};
use std::collections::BTreeMap;
use std::ffi::CStr;
use std::ptr::{null, null_mut};

#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Id(pub c_int);

pub type CreateFunction = unsafe extern "C" fn(*mut c_void, Id, Id, Id, Id, Id) -> c_int;

macro_rules! constants {
    ($($name:ident = $value:literal;)*) => { $(pub const $name: Id = Id($value);)* };
}

constants! {
    KIM_LENGTH_UNIT_A = 1;
    KIM_ENERGY_UNIT_eV = 3;
    KIM_CHARGE_UNIT_unused = 0;
    KIM_TEMPERATURE_UNIT_unused = 0;
    KIM_TIME_UNIT_unused = 0;
    KIM_NUMBERING_zeroBased = 0;
    KIM_LANGUAGE_NAME_c = 1;
    KIM_LOG_VERBOSITY_error = 2;
    KIM_SUPPORT_STATUS_optional = 3;
    KIM_MODEL_ROUTINE_NAME_Compute = 2;
    KIM_MODEL_ROUTINE_NAME_ComputeArgumentsCreate = 1;
    KIM_MODEL_ROUTINE_NAME_ComputeArgumentsDestroy = 6;
    KIM_MODEL_ROUTINE_NAME_Destroy = 7;
    KIM_COMPUTE_ARGUMENT_NAME_numberOfParticles = 0;
    KIM_COMPUTE_ARGUMENT_NAME_particleSpeciesCodes = 1;
    KIM_COMPUTE_ARGUMENT_NAME_particleContributing = 2;
    KIM_COMPUTE_ARGUMENT_NAME_coordinates = 3;
    KIM_COMPUTE_ARGUMENT_NAME_partialEnergy = 4;
    KIM_COMPUTE_ARGUMENT_NAME_partialForces = 5;
    KIM_COMPUTE_ARGUMENT_NAME_partialParticleEnergy = 6;
    KIM_COMPUTE_ARGUMENT_NAME_partialVirial = 7;
    KIM_COMPUTE_ARGUMENT_NAME_partialParticleVirial = 8;
}

/// A simulator with one model and one set of arguments.
pub struct Simulator {
    pub model: *mut c_void,
    pub buffers: *mut c_void,
    pub routines: BTreeMap<Id, *const c_void>,
    pub species: Vec<String>,
    pub known: Vec<&'static str>,
    pub distances: Vec<f64>,
    pub supported: Vec<Id>,
    pub log: Vec<String>,
    pub integers: BTreeMap<Id, Vec<c_int>>,
    pub doubles: BTreeMap<Id, Vec<f64>>,
    pub neighbors: Vec<Vec<c_int>>,
}

impl Simulator {
    pub fn new(known: &[&'static str]) -> Self {
        Self {
            model: null_mut(),
            buffers: null_mut(),
            routines: BTreeMap::new(),
            species: Vec::new(),
            known: known.to_vec(),
            distances: Vec::new(),
            supported: Vec::new(),
            log: Vec::new(),
            integers: BTreeMap::new(),
            doubles: BTreeMap::new(),
            neighbors: Vec::new(),
        }
    }

    pub fn handle(&mut self) -> *mut c_void {
        (&raw mut *self).cast()
    }
}

unsafe fn at<'a>(handle: *const c_void) -> &'a mut Simulator {
    unsafe { &mut *handle.cast_mut().cast() }
}

unsafe fn text(pointer: *const c_char) -> String {
    unsafe { CStr::from_ptr(pointer) }.to_str().unwrap().to_owned()
}

thread_local! {
    static SYMBOLS: std::cell::RefCell<Vec<String>> = const { std::cell::RefCell::new(Vec::new()) };
}

pub unsafe fn KIM_SpeciesName_FromString(symbol: *const c_char) -> Id {
    let symbol = unsafe { text(symbol) };
    SYMBOLS.with_borrow_mut(|symbols| {
        symbols.push(symbol);
        Id(symbols.len() as c_int - 1)
    })
}

pub unsafe fn KIM_ModelCreate_SetUnits(_: *mut c_void, l: Id, e: Id, _: Id, _: Id, _: Id) -> c_int {
    c_int::from([l, e] != [KIM_LENGTH_UNIT_A, KIM_ENERGY_UNIT_eV])
}

pub unsafe fn KIM_ModelCreate_SetModelNumbering(_: *mut c_void, _: Id) -> c_int {
    0
}

pub unsafe fn KIM_ModelCreate_SetInfluenceDistancePointer(create: *mut c_void, distance: *const f64) {
    unsafe { at(create).distances.push(*distance) }
}

pub unsafe fn KIM_ModelCreate_SetNeighborListPointers(
    create: *mut c_void,
    n_lists: c_int,
    cutoffs: *const f64,
    will_not: *const c_int,
) {
    unsafe {
        assert_eq!((n_lists, *will_not), (1, 1));
        at(create).distances.push(*cutoffs);
    }
}

pub unsafe fn KIM_ModelCreate_SetSpeciesCode(create: *mut c_void, species: Id, code: c_int) -> c_int {
    let symbol = SYMBOLS.with_borrow(|symbols| symbols[species.0 as usize].clone());
    let simulator = unsafe { at(create) };
    assert_eq!(code as usize, simulator.species.len());
    let is_known = simulator.known.contains(&symbol.as_str());
    simulator.species.push(symbol);
    c_int::from(!is_known)
}

pub unsafe fn KIM_ModelCreate_SetRoutinePointer(
    create: *mut c_void,
    routine: Id,
    _: Id,
    _: c_int,
    function: *const c_void,
) -> c_int {
    unsafe { at(create).routines.insert(routine, function) };
    0
}

pub unsafe fn KIM_ModelCreate_SetModelBufferPointer(create: *mut c_void, buffer: *mut c_void) {
    unsafe { at(create).model = buffer }
}

pub unsafe fn KIM_ModelCreate_LogEntry(
    create: *const c_void,
    _: Id,
    message: *const c_char,
    _: c_int,
    _: *const c_char,
) {
    unsafe { at(create).log.push(text(message)) }
}

pub unsafe fn KIM_ModelCompute_LogEntry(
    compute: *const c_void,
    _: Id,
    message: *const c_char,
    _: c_int,
    _: *const c_char,
) {
    unsafe { at(compute).log.push(text(message)) }
}

pub unsafe fn KIM_ModelDestroy_GetModelBufferPointer(handle: *const c_void, buffer: *mut *mut c_void) {
    unsafe { *buffer = at(handle).model }
}

pub unsafe fn KIM_ModelCompute_GetModelBufferPointer(handle: *const c_void, buffer: *mut *mut c_void) {
    unsafe { *buffer = at(handle).model }
}

pub unsafe fn KIM_ModelComputeArgumentsCreate_SetArgumentSupportStatus(
    create: *mut c_void,
    argument: Id,
    status: Id,
) -> c_int {
    assert_eq!(status, KIM_SUPPORT_STATUS_optional);
    unsafe { at(create).supported.push(argument) };
    0
}

pub unsafe fn KIM_ModelComputeArgumentsCreate_SetModelBufferPointer(
    create: *mut c_void,
    buffer: *mut c_void,
) {
    unsafe { at(create).buffers = buffer }
}

pub unsafe fn KIM_ModelComputeArgumentsDestroy_GetModelBufferPointer(
    handle: *const c_void,
    buffer: *mut *mut c_void,
) {
    unsafe { *buffer = at(handle).buffers }
}

pub unsafe fn KIM_ModelComputeArguments_GetModelBufferPointer(
    handle: *const c_void,
    buffer: *mut *mut c_void,
) {
    unsafe { *buffer = at(handle).buffers }
}

pub unsafe fn KIM_ModelComputeArguments_GetArgumentPointerInteger(
    arguments: *const c_void,
    argument: Id,
    pointer: *mut *mut c_int,
) -> c_int {
    let array = unsafe { at(arguments) }.integers.get_mut(&argument);
    unsafe { *pointer = array.map_or(null_mut(), |array| array.as_mut_ptr()) };
    0
}

pub unsafe fn KIM_ModelComputeArguments_GetArgumentPointerDouble(
    arguments: *const c_void,
    argument: Id,
    pointer: *mut *mut f64,
) -> c_int {
    let array = unsafe { at(arguments) }.doubles.get_mut(&argument);
    unsafe { *pointer = array.map_or(null_mut(), |array| array.as_mut_ptr()) };
    0
}

/// Particles without a list are an error, an empty list a null pointer.
pub unsafe fn KIM_ModelComputeArguments_GetNeighborList(
    arguments: *const c_void,
    list: c_int,
    particle: c_int,
    n_neighbors: *mut c_int,
    neighbors: *mut *const c_int,
) -> c_int {
    let Some(found) = unsafe { at(arguments) }.neighbors.get(particle as usize) else {
        return 1;
    };
    assert_eq!(list, 0);
    unsafe {
        *n_neighbors = found.len() as c_int;
        *neighbors = if found.is_empty() { null() } else { found.as_ptr() };
    }
    0
}
