"""From unwrapped trajectories to diffusivity, conductivity and activation energy, with errors.

All functions are pure: arrays in, frozen records with ``to_dict()`` out. Times of frames are fs,
lag times ps, lengths Å, diffusivities cm²/s, conductivities mS/cm, energies eV.
"""

from __future__ import annotations

from .arrhenius import arrhenius, arrhenius_from_results
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
from .conductivity import CollectiveResult, nernst_einstein, nernst_einstein_factor
from .diffusion import diffusivity
from .msd import MsdCurve, collective_msd, msd, msd_by_species
from .rdf import RdfResult, rdf
from .resampling import ErrorEstimate, SpreadError
from .results import AxisDiffusivity, DiffusionResult
from .trajectory import remove_drift, unwrap

__all__ = [
    "ArrheniusPoint",
    "ArrheniusResult",
    "AxisDiffusivity",
    "CollectiveResult",
    "CombinedDiffusion",
    "DiffusionResult",
    "DirectRun",
    "ErrorEstimate",
    "Extrapolation",
    "MsdCurve",
    "PiecewiseFit",
    "RdfResult",
    "SpreadError",
    "UpperBound",
    "VtfFit",
    "arrhenius",
    "arrhenius_from_results",
    "collective_msd",
    "diffusivity",
    "diffusivity_of_runs",
    "msd",
    "msd_by_species",
    "nernst_einstein",
    "nernst_einstein_factor",
    "rdf",
    "remove_drift",
    "unwrap",
]
