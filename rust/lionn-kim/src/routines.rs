//! The functions that libkim-api calls.

use crate::api::*;
use crate::compute::{Buffers, Outputs, Particles, Voigt, compute};
use crate::model;
use libc::{c_char, c_int, c_void};
use lionn_core::linalg::Vec3;
use lionn_core::potential::{CommitteePotential, Potential};
use std::any::Any;
use std::ffi::{CStr, CString, OsStr};
use std::os::unix::ffi::OsStrExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::ptr::{NonNull, null, null_mut};

const SUCCESS: c_int = 0;
const FAILURE: c_int = 1;
const TRUE: c_int = 1;
/// All quantities that a simulator may ask for.
const N_OUTPUTS: usize = 5;

/// What belongs to one model in the simulator; libkim-api keeps pointers to the three last.
struct Model {
    potential: CommitteePotential,
    influence_distance: f64,
    cutoff: f64,
    will_not_request_neighbors_of_noncontributing_particles: c_int,
}

/// Creates the model from the potential file beside this object.
///
/// # Safety
/// To be called by libkim-api with its `KIM_ModelCreate`.
pub unsafe extern "C" fn create(
    handle: *mut c_void,
    _length: Id,
    _energy: Id,
    _charge: Id,
    _temperature: Id,
    _time: Id,
) -> c_int {
    // SAFETY: the caller's promise.
    let result = guarded(|| unsafe { register(handle, model::load(&object_path()?)?) });
    report(result, |message, line, file| {
        // SAFETY: the handle is valid during this call, the texts end with a zero.
        unsafe { KIM_ModelCreate_LogEntry(handle, KIM_LOG_VERBOSITY_error, message, line, file) }
    })
}

/// Tells libkim-api everything about the potential.
///
/// # Safety
/// As [`create`].
unsafe fn register(handle: *mut c_void, potential: CommitteePotential) -> Result<(), String> {
    let symbols = model::symbols(&potential);
    let cutoff = potential.cutoff();
    let model = Box::into_raw(Box::new(Model {
        potential,
        influence_distance: cutoff,
        cutoff,
        will_not_request_neighbors_of_noncontributing_particles: TRUE,
    }));
    let routines = [
        (KIM_MODEL_ROUTINE_NAME_Compute, run as *const c_void),
        (KIM_MODEL_ROUTINE_NAME_ComputeArgumentsCreate, create_arguments as *const c_void),
        (KIM_MODEL_ROUTINE_NAME_ComputeArgumentsDestroy, destroy_arguments as *const c_void),
        (KIM_MODEL_ROUTINE_NAME_Destroy, destroy as *const c_void),
    ];
    // SAFETY: the handle is valid; the model lives until `destroy` and does not move; every routine has the type that
    // its name demands.
    let failures = unsafe {
        KIM_ModelCreate_SetModelBufferPointer(handle, model.cast());
        KIM_ModelCreate_SetInfluenceDistancePointer(handle, &raw const (*model).influence_distance);
        KIM_ModelCreate_SetNeighborListPointers(
            handle,
            1,
            &raw const (*model).cutoff,
            &raw const (*model).will_not_request_neighbors_of_noncontributing_particles,
        );
        let mut failures = KIM_ModelCreate_SetUnits(
            handle,
            KIM_LENGTH_UNIT_A,
            KIM_ENERGY_UNIT_eV,
            KIM_CHARGE_UNIT_unused,
            KIM_TEMPERATURE_UNIT_unused,
            KIM_TIME_UNIT_unused,
        );
        failures |= KIM_ModelCreate_SetModelNumbering(handle, KIM_NUMBERING_zeroBased);
        for (name, routine) in routines {
            failures |= KIM_ModelCreate_SetRoutinePointer(handle, name, KIM_LANGUAGE_NAME_c, TRUE, routine);
        }
        failures
    };
    let refused = symbols.iter().enumerate().find(|(code, symbol)| {
        // SAFETY: the handle is valid.
        unsafe { !set_species(handle, symbol, *code as c_int) }
    });
    let outcome = match refused {
        Some((_, symbol)) => Err(format!("libkim-api knows no element {symbol}")),
        None if failures != SUCCESS => Err("libkim-api refused units, numbering or routines".to_owned()),
        None => Ok(()),
    };
    if outcome.is_err() {
        // SAFETY: made by `Box::into_raw` above; libkim-api does not call `destroy` after a failure.
        drop(unsafe { Box::from_raw(model) });
    }
    outcome
}

/// Whether libkim-api accepts the element and its code.
///
/// # Safety
/// As [`create`].
unsafe fn set_species(handle: *mut c_void, symbol: &str, code: c_int) -> bool {
    CString::new(symbol).is_ok_and(|name| {
        // SAFETY: the handle is valid, the name ends with a zero.
        let status = unsafe {
            KIM_ModelCreate_SetSpeciesCode(handle, KIM_SpeciesName_FromString(name.as_ptr()), code)
        };
        status == SUCCESS
    })
}

/// Path of the file that this code was loaded from.
fn object_path() -> Result<PathBuf, String> {
    let mut info =
        libc::Dl_info { dli_fname: null(), dli_fbase: null_mut(), dli_sname: null(), dli_saddr: null_mut() };
    // SAFETY: any address may be asked for; `info` is written.
    let found = unsafe { libc::dladdr(create as *const c_void, &raw mut info) };
    if found == 0 || info.dli_fname.is_null() {
        return Err("cannot find the folder of this model (dladdr failed)".to_owned());
    }
    // SAFETY: a text that lives as long as the object is loaded.
    let name = unsafe { CStr::from_ptr(info.dli_fname) };
    Ok(PathBuf::from(OsStr::from_bytes(name.to_bytes())))
}

/// # Safety
/// To be called by libkim-api, once, with the model that [`create`] made.
unsafe extern "C" fn destroy(handle: *mut c_void) -> c_int {
    let mut model = null_mut();
    // SAFETY: the handle is valid; the buffer is the box of `register`, or null.
    unsafe {
        KIM_ModelDestroy_GetModelBufferPointer(handle, &raw mut model);
        free::<Model>(model)
    }
}

/// Declares what can be computed and makes the buffers of one set of arguments.
///
/// # Safety
/// To be called by libkim-api.
unsafe extern "C" fn create_arguments(_compute: *const c_void, handle: *mut c_void) -> c_int {
    let outputs: [Id; N_OUTPUTS] = [
        KIM_COMPUTE_ARGUMENT_NAME_partialEnergy,
        KIM_COMPUTE_ARGUMENT_NAME_partialForces,
        KIM_COMPUTE_ARGUMENT_NAME_partialParticleEnergy,
        KIM_COMPUTE_ARGUMENT_NAME_partialVirial,
        KIM_COMPUTE_ARGUMENT_NAME_partialParticleVirial,
    ];
    let buffers = Box::into_raw(Box::<Buffers>::default());
    // SAFETY: the handle is valid; the buffers live until `destroy_arguments`.
    unsafe {
        KIM_ModelComputeArgumentsCreate_SetModelBufferPointer(handle, buffers.cast());
        outputs.into_iter().fold(SUCCESS, |failures, name| {
            failures
                | KIM_ModelComputeArgumentsCreate_SetArgumentSupportStatus(
                    handle,
                    name,
                    KIM_SUPPORT_STATUS_optional,
                )
        })
    }
}

/// # Safety
/// To be called by libkim-api, once for every set of arguments.
unsafe extern "C" fn destroy_arguments(_compute: *const c_void, handle: *mut c_void) -> c_int {
    let mut buffers = null_mut();
    // SAFETY: the handle is valid; the buffer is the box of `create_arguments`, or null.
    unsafe {
        KIM_ModelComputeArgumentsDestroy_GetModelBufferPointer(handle, &raw mut buffers);
        free::<Buffers>(buffers)
    }
}

/// # Safety
/// `pointer` is null or was made by `Box::<T>::into_raw` and is not used again.
unsafe fn free<T>(pointer: *mut c_void) -> c_int {
    if !pointer.is_null() {
        // SAFETY: the caller's promise.
        drop(unsafe { Box::from_raw(pointer.cast::<T>()) });
    }
    SUCCESS
}

/// Energy, forces and virials of one step.
///
/// # Safety
/// To be called by libkim-api with a model and arguments of this object.
unsafe extern "C" fn run(handle: *const c_void, arguments: *const c_void) -> c_int {
    // SAFETY: the caller's promise.
    let result = guarded(|| unsafe { run_unguarded(handle, arguments) });
    report(result, |message, line, file| {
        // SAFETY: the handle is valid during this call, the texts end with a zero.
        unsafe { KIM_ModelCompute_LogEntry(handle, KIM_LOG_VERBOSITY_error, message, line, file) }
    })
}

/// # Safety
/// As [`run`].
unsafe fn run_unguarded(handle: *const c_void, arguments: *const c_void) -> Result<(), String> {
    let (mut model, mut buffers) = (null_mut(), null_mut());
    // SAFETY: both handles are valid during this call.
    unsafe {
        KIM_ModelCompute_GetModelBufferPointer(handle, &raw mut model);
        KIM_ModelComputeArguments_GetModelBufferPointer(arguments, &raw mut buffers);
    }
    if model.is_null() || buffers.is_null() {
        return Err("called before the model was created".to_owned());
    }
    // SAFETY: the boxes of `register` and `create_arguments`. The model is only read; buffers belong to these arguments, which
    // libkim-api computes one call at a time.
    let (model, buffers) = unsafe { (&*model.cast::<Model>(), &mut *buffers.cast::<Buffers>()) };
    // SAFETY: the handle is valid; arrays have the lengths that the interface promises: `n` particles, three coordinates
    // and forces, six components of a virial each; outputs do not overlap.
    let (particles, outputs) = unsafe {
        let number = required(integers(arguments, KIM_COMPUTE_ARGUMENT_NAME_numberOfParticles, 1)?)?;
        let n = usize::try_from(number[0]).map_err(|_| format!("there are {} particles", number[0]))?;
        let particles = Particles {
            species: required(integers(arguments, KIM_COMPUTE_ARGUMENT_NAME_particleSpeciesCodes, n)?)?,
            contributing: required(integers(arguments, KIM_COMPUTE_ARGUMENT_NAME_particleContributing, n)?)?,
            positions: required(doubles::<Vec3>(arguments, KIM_COMPUTE_ARGUMENT_NAME_coordinates, n)?)?,
        };
        let outputs = Outputs {
            energy: doubles(arguments, KIM_COMPUTE_ARGUMENT_NAME_partialEnergy, 1)?.map(|e| &mut e[0]),
            forces: doubles(arguments, KIM_COMPUTE_ARGUMENT_NAME_partialForces, n)?,
            energies: doubles(arguments, KIM_COMPUTE_ARGUMENT_NAME_partialParticleEnergy, n)?,
            virial: doubles::<Voigt>(arguments, KIM_COMPUTE_ARGUMENT_NAME_partialVirial, 1)?
                .map(|virial| &mut virial[0]),
            virials: doubles(arguments, KIM_COMPUTE_ARGUMENT_NAME_partialParticleVirial, n)?,
        };
        (particles, outputs)
    };
    let neighbors = |i: usize| -> Result<&[c_int], String> {
        let (mut n, mut list) = (0, null());
        // SAFETY: the handle is valid, the results are written.
        let failed = unsafe {
            KIM_ModelComputeArguments_GetNeighborList(arguments, 0, i as c_int, &raw mut n, &raw mut list)
        };
        match usize::try_from(n) {
            _ if failed != SUCCESS => Err(format!("the simulator has no neighbors of particle {i}")),
            Ok(0) => Ok(&[]),
            // SAFETY: `n` integers that stay as they are during this call; there is only one list.
            Ok(n) if !list.is_null() => Ok(unsafe { std::slice::from_raw_parts(list, n) }),
            _ => Err(format!("the simulator gave no list of the {n} neighbors of particle {i}")),
        }
    };
    compute(&model.potential, particles, neighbors, outputs, buffers)
}

/// An argument of `n` integers; `None` where the simulator has none.
///
/// # Safety
/// `arguments` is valid and the argument has that size.
unsafe fn integers<'a>(arguments: *const c_void, name: Id, n: usize) -> Result<Option<&'a [c_int]>, String> {
    let mut pointer = null_mut();
    // SAFETY: the caller's promise; the result is written.
    let failed =
        unsafe { KIM_ModelComputeArguments_GetArgumentPointerInteger(arguments, name, &raw mut pointer) };
    // SAFETY: the caller's promise.
    checked(failed, pointer, n).map(|p| p.map(|p| unsafe { std::slice::from_raw_parts(p, n) }))
}

/// An argument of `n` arrays of doubles; `None` where the simulator has none.
///
/// # Safety
/// `arguments` is valid, the argument has that size, `T` is made of doubles, and there is no other reference to it.
unsafe fn doubles<'a, T>(
    arguments: *const c_void,
    name: Id,
    n: usize,
) -> Result<Option<&'a mut [T]>, String> {
    let mut pointer = null_mut();
    // SAFETY: the caller's promise; the result is written.
    let failed =
        unsafe { KIM_ModelComputeArguments_GetArgumentPointerDouble(arguments, name, &raw mut pointer) };
    // SAFETY: the caller's promise; arrays have the alignment of their doubles.
    checked(failed, pointer.cast::<T>(), n)
        .map(|p| p.map(|p| unsafe { std::slice::from_raw_parts_mut(p, n) }))
}

/// A pointer to `n` elements that a slice can be made of; ranks without particles may have none.
fn checked<T>(failed: c_int, pointer: *mut T, n: usize) -> Result<Option<*mut T>, String> {
    match NonNull::new(pointer) {
        _ if failed != SUCCESS => Err("libkim-api refused to give an argument".to_owned()),
        None if n == 0 => Ok(Some(NonNull::dangling().as_ptr())),
        pointer => Ok(pointer.map(NonNull::as_ptr)),
    }
}

fn required<T>(argument: Option<T>) -> Result<T, String> {
    argument.ok_or_else(|| "the simulator gave no particles, species or coordinates".to_owned())
}

/// Turns a panic into an error: it must not unwind into C.
fn guarded(work: impl FnOnce() -> Result<(), String>) -> Result<(), String> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| Err(panic_text(&*panic)))
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("internal error: {}", text.unwrap_or("panic"))
}

/// Writes an error to standard error and to the log of libkim-api.
fn report(result: Result<(), String>, log: impl FnOnce(*const c_char, c_int, *const c_char)) -> c_int {
    let Err(message) = result else {
        return SUCCESS;
    };
    eprintln!("lionn_rs: {message}");
    if let Ok(text) = CString::new(message) {
        log(text.as_ptr(), line!() as c_int, c"lionn-kim".as_ptr());
    }
    FAILURE
}

#[cfg(test)]
mod tests;
