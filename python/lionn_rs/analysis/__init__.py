"""From unwrapped trajectories to diffusivity, conductivity and activation energy, with errors.

All functions are pure: arrays in, frozen records with ``to_dict()`` out. Times of frames are fs,
lag times ps, lengths Å, diffusivities cm²/s, conductivities mS/cm, energies eV.
"""

from __future__ import annotations

from lionn_rs.analysis.anderson_stuart import AndersonStuartResult, anderson_stuart
from lionn_rs.analysis.anderson_stuart_terms import binding_energy, effective_radius, strain_energy
from lionn_rs.analysis.arrhenius.line import arrhenius, arrhenius_from_results
from lionn_rs.analysis.arrhenius.points import combine_replicas
from lionn_rs.analysis.arrhenius.result import (
    ArrheniusPoint,
    ArrheniusResult,
    DirectRun,
    Extrapolation,
    PiecewiseFit,
    UpperBound,
    VtfFit,
)
from lionn_rs.analysis.compositions.compare import Composition, compare_compositions
from lionn_rs.analysis.compositions.result import CompositionComparison
from lionn_rs.analysis.mechanism.attempt import EffectiveBarrier, effective_barrier
from lionn_rs.analysis.mechanism.ion_density import DensitySummary, IonDensity, ion_density
from lionn_rs.analysis.mechanism.jump_records import JumpResult
from lionn_rs.analysis.mechanism.jumps import find_sites, jumps
from lionn_rs.analysis.mechanism.rdf import RdfResult, jump_distance, rdf
from lionn_rs.analysis.mechanism.rdf_shell import Shell
from lionn_rs.analysis.mechanism.sites import (
    SiteSet,
    name_equivalent,
    sites_from_coordinates,
    sites_from_density,
)
from lionn_rs.analysis.mechanism.vacf import VacfResult, vacf, velocities_from_positions
from lionn_rs.analysis.mechanism.van_hove import (
    VanHoveDistinct,
    VanHoveSelf,
    van_hove_distinct,
    van_hove_self,
)
from lionn_rs.analysis.schema import result_schema
from lionn_rs.analysis.transport.combine import CombinedDiffusion, diffusivity_of_runs
from lionn_rs.analysis.transport.conductivity import (
    CollectiveResult,
    OnsagerPair,
    SpeciesConductivity,
    nernst_einstein,
    nernst_einstein_factor,
)
from lionn_rs.analysis.transport.diffusion import diffusivity
from lionn_rs.analysis.transport.msd import (
    MsdCurve,
    collective_msd,
    cross_msd,
    msd,
    msd_by_species,
    msd_tensor,
)
from lionn_rs.analysis.transport.resampling import ErrorEstimate, SpreadError
from lionn_rs.analysis.transport.results import AxisDiffusivity, DiffusionResult
from lionn_rs.analysis.transport.sources import FrameSource
from lionn_rs.analysis.transport.tensor import DiffusionTensor, Direction, PrincipalAxis
from lionn_rs.analysis.transport.timing import ClockCheck, ballistic_temperature
from lionn_rs.analysis.transport.trajectory import remove_drift, unwrap

__all__ = [
    "AndersonStuartResult",
    "ArrheniusPoint",
    "ArrheniusResult",
    "AxisDiffusivity",
    "ClockCheck",
    "CollectiveResult",
    "CombinedDiffusion",
    "Composition",
    "CompositionComparison",
    "DensitySummary",
    "DiffusionResult",
    "DiffusionTensor",
    "DirectRun",
    "Direction",
    "EffectiveBarrier",
    "ErrorEstimate",
    "Extrapolation",
    "FrameSource",
    "IonDensity",
    "JumpResult",
    "MsdCurve",
    "OnsagerPair",
    "PiecewiseFit",
    "PrincipalAxis",
    "RdfResult",
    "Shell",
    "SiteSet",
    "SpeciesConductivity",
    "SpreadError",
    "UpperBound",
    "VacfResult",
    "VanHoveDistinct",
    "VanHoveSelf",
    "VtfFit",
    "anderson_stuart",
    "arrhenius",
    "arrhenius_from_results",
    "ballistic_temperature",
    "binding_energy",
    "collective_msd",
    "combine_replicas",
    "compare_compositions",
    "cross_msd",
    "diffusivity",
    "diffusivity_of_runs",
    "effective_barrier",
    "effective_radius",
    "find_sites",
    "ion_density",
    "jump_distance",
    "jumps",
    "msd",
    "msd_by_species",
    "msd_tensor",
    "name_equivalent",
    "nernst_einstein",
    "nernst_einstein_factor",
    "rdf",
    "remove_drift",
    "result_schema",
    "sites_from_coordinates",
    "sites_from_density",
    "strain_energy",
    "unwrap",
    "vacf",
    "van_hove_distinct",
    "van_hove_self",
    "velocities_from_positions",
]
