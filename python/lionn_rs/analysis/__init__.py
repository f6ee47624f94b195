"""From unwrapped trajectories to diffusivity, conductivity and activation energy, with errors.

All functions are pure: arrays in, frozen records with ``to_dict()`` out. Times of frames are fs,
lag times ps, lengths Å, diffusivities cm²/s, conductivities mS/cm, energies eV.
"""

from __future__ import annotations

from .anderson_stuart import AndersonStuartResult, anderson_stuart
from .anderson_stuart_terms import binding_energy, effective_radius, strain_energy
from .arrhenius import arrhenius, arrhenius_from_results
from .arrhenius_points import combine_replicas
from .arrhenius_result import (
    ArrheniusPoint,
    ArrheniusResult,
    DirectRun,
    Extrapolation,
    PiecewiseFit,
    UpperBound,
    VtfFit,
)
from .attempt import EffectiveBarrier, effective_barrier
from .combine import CombinedDiffusion, diffusivity_of_runs
from .conductivity import (
    CollectiveResult,
    OnsagerPair,
    SpeciesConductivity,
    nernst_einstein,
    nernst_einstein_factor,
)
from .diffusion import diffusivity
from .ion_density import IonDensity, ion_density
from .jump_records import JumpResult
from .jumps import find_sites, jumps
from .msd import MsdCurve, collective_msd, cross_msd, msd, msd_by_species, msd_tensor
from .rdf import RdfResult, jump_distance, rdf
from .rdf_shell import Shell
from .resampling import ErrorEstimate, SpreadError
from .results import AxisDiffusivity, DiffusionResult
from .sites import SiteSet, name_equivalent, sites_from_coordinates, sites_from_density
from .sources import FrameSource
from .tensor import DiffusionTensor, Direction, PrincipalAxis
from .trajectory import remove_drift, unwrap
from .vacf import VacfResult, vacf, velocities_from_positions
from .van_hove import VanHoveDistinct, VanHoveSelf, van_hove_distinct, van_hove_self

__all__ = [
    "AndersonStuartResult",
    "ArrheniusPoint",
    "ArrheniusResult",
    "AxisDiffusivity",
    "CollectiveResult",
    "CombinedDiffusion",
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
    "binding_energy",
    "collective_msd",
    "combine_replicas",
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
    "sites_from_coordinates",
    "sites_from_density",
    "strain_energy",
    "unwrap",
    "vacf",
    "van_hove_distinct",
    "van_hove_self",
    "velocities_from_positions",
]
