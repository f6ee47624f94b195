"""From unwrapped trajectories to diffusivity, conductivity and activation energy, with errors.

All functions are pure: arrays in, frozen records with ``to_dict()`` out. Times of frames are fs,
lag times ps, lengths Å, diffusivities cm²/s, conductivities mS/cm, energies eV.
"""

from __future__ import annotations

from .anderson_stuart import AndersonStuartResult, anderson_stuart
from .anderson_stuart_terms import binding_energy, effective_radius, strain_energy
from .arrhenius import arrhenius, arrhenius_from_results, combine_replicas
from .arrhenius_result import (
    ArrheniusPoint,
    ArrheniusResult,
    DirectRun,
    Extrapolation,
    PiecewiseFit,
    UpperBound,
    VtfFit,
)
from .combine import CombinedDiffusion, diffusivity_of_runs
from .conductivity import (
    CollectiveResult,
    OnsagerPair,
    SpeciesConductivity,
    nernst_einstein,
    nernst_einstein_factor,
)
from .diffusion import diffusivity
from .msd import MsdCurve, collective_msd, cross_msd, msd, msd_by_species, msd_tensor
from .rdf import RdfResult, first_peak, jump_distance, rdf
from .resampling import ErrorEstimate, SpreadError
from .results import AxisDiffusivity, DiffusionResult
from .sources import FrameSource
from .tensor import DiffusionTensor, Direction, PrincipalAxis
from .trajectory import remove_drift, unwrap

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
    "ErrorEstimate",
    "Extrapolation",
    "FrameSource",
    "MsdCurve",
    "OnsagerPair",
    "PiecewiseFit",
    "PrincipalAxis",
    "RdfResult",
    "SpeciesConductivity",
    "SpreadError",
    "UpperBound",
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
    "effective_radius",
    "first_peak",
    "jump_distance",
    "msd",
    "msd_by_species",
    "msd_tensor",
    "nernst_einstein",
    "nernst_einstein_factor",
    "rdf",
    "remove_drift",
    "strain_energy",
    "unwrap",
]
