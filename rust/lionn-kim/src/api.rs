//! What is used of the C interface of libkim-api, version 2. The simulator resolves it.

use libc::{c_char, c_int, c_void};

/// All constants of the interface are structures of one integer that are passed by value.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Id(pub c_int);

/// `KIM_ModelCreateFunction`.
pub type CreateFunction = unsafe extern "C" fn(*mut c_void, Id, Id, Id, Id, Id) -> c_int;

unsafe extern "C" {
    pub safe static KIM_LENGTH_UNIT_A: Id;
    pub safe static KIM_ENERGY_UNIT_eV: Id;
    pub safe static KIM_CHARGE_UNIT_unused: Id;
    pub safe static KIM_TEMPERATURE_UNIT_unused: Id;
    pub safe static KIM_TIME_UNIT_unused: Id;
    pub safe static KIM_NUMBERING_zeroBased: Id;
    pub safe static KIM_LANGUAGE_NAME_c: Id;
    pub safe static KIM_LOG_VERBOSITY_error: Id;
    pub safe static KIM_SUPPORT_STATUS_optional: Id;
    pub safe static KIM_MODEL_ROUTINE_NAME_Compute: Id;
    pub safe static KIM_MODEL_ROUTINE_NAME_ComputeArgumentsCreate: Id;
    pub safe static KIM_MODEL_ROUTINE_NAME_ComputeArgumentsDestroy: Id;
    pub safe static KIM_MODEL_ROUTINE_NAME_Destroy: Id;
    pub safe static KIM_COMPUTE_ARGUMENT_NAME_numberOfParticles: Id;
    pub safe static KIM_COMPUTE_ARGUMENT_NAME_particleSpeciesCodes: Id;
    pub safe static KIM_COMPUTE_ARGUMENT_NAME_particleContributing: Id;
    pub safe static KIM_COMPUTE_ARGUMENT_NAME_coordinates: Id;
    pub safe static KIM_COMPUTE_ARGUMENT_NAME_partialEnergy: Id;
    pub safe static KIM_COMPUTE_ARGUMENT_NAME_partialForces: Id;
    pub safe static KIM_COMPUTE_ARGUMENT_NAME_partialParticleEnergy: Id;
    pub safe static KIM_COMPUTE_ARGUMENT_NAME_partialVirial: Id;
    pub safe static KIM_COMPUTE_ARGUMENT_NAME_partialParticleVirial: Id;

    /// Equals the constant `KIM_SPECIES_NAME_<symbol>`.
    pub fn KIM_SpeciesName_FromString(symbol: *const c_char) -> Id;

    pub fn KIM_ModelCreate_SetUnits(
        create: *mut c_void,
        length: Id,
        energy: Id,
        charge: Id,
        temperature: Id,
        time: Id,
    ) -> c_int;
    pub fn KIM_ModelCreate_SetModelNumbering(create: *mut c_void, numbering: Id) -> c_int;
    pub fn KIM_ModelCreate_SetInfluenceDistancePointer(create: *mut c_void, distance: *const f64);
    pub fn KIM_ModelCreate_SetNeighborListPointers(
        create: *mut c_void,
        n_lists: c_int,
        cutoffs: *const f64,
        will_not_request_neighbors_of_noncontributing_particles: *const c_int,
    );
    pub fn KIM_ModelCreate_SetSpeciesCode(create: *mut c_void, species: Id, code: c_int) -> c_int;
    /// `function` is a `KIM_Function *`, to be cast by its `routine`.
    pub fn KIM_ModelCreate_SetRoutinePointer(
        create: *mut c_void,
        routine: Id,
        language: Id,
        required: c_int,
        function: *const c_void,
    ) -> c_int;
    pub fn KIM_ModelCreate_SetModelBufferPointer(create: *mut c_void, buffer: *mut c_void);
    pub fn KIM_ModelCreate_LogEntry(
        create: *const c_void,
        verbosity: Id,
        message: *const c_char,
        line: c_int,
        file: *const c_char,
    );

    pub fn KIM_ModelDestroy_GetModelBufferPointer(destroy: *const c_void, buffer: *mut *mut c_void);

    pub fn KIM_ModelComputeArgumentsCreate_SetArgumentSupportStatus(
        create: *mut c_void,
        argument: Id,
        status: Id,
    ) -> c_int;
    pub fn KIM_ModelComputeArgumentsCreate_SetModelBufferPointer(create: *mut c_void, buffer: *mut c_void);
    pub fn KIM_ModelComputeArgumentsDestroy_GetModelBufferPointer(
        destroy: *const c_void,
        buffer: *mut *mut c_void,
    );

    pub fn KIM_ModelCompute_GetModelBufferPointer(compute: *const c_void, buffer: *mut *mut c_void);
    pub fn KIM_ModelCompute_LogEntry(
        compute: *const c_void,
        verbosity: Id,
        message: *const c_char,
        line: c_int,
        file: *const c_char,
    );

    pub fn KIM_ModelComputeArguments_GetModelBufferPointer(
        arguments: *const c_void,
        buffer: *mut *mut c_void,
    );
    pub fn KIM_ModelComputeArguments_GetArgumentPointerInteger(
        arguments: *const c_void,
        argument: Id,
        pointer: *mut *mut c_int,
    ) -> c_int;
    pub fn KIM_ModelComputeArguments_GetArgumentPointerDouble(
        arguments: *const c_void,
        argument: Id,
        pointer: *mut *mut f64,
    ) -> c_int;
    pub fn KIM_ModelComputeArguments_GetNeighborList(
        arguments: *const c_void,
        list: c_int,
        particle: c_int,
        n_neighbors: *mut c_int,
        neighbors: *mut *const c_int,
    ) -> c_int;
}
