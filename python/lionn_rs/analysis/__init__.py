"""From unwrapped trajectories to diffusivity, conductivity and activation energy, with errors.

All functions are pure: arrays in, frozen records with ``to_dict()`` out. Times of frames are fs,
lag times ps, lengths Å, diffusivities cm²/s, conductivities mS/cm, energies eV.
"""

from __future__ import annotations

from .anderson_stuart import AndersonStuartResult, anderson_stuart
from .anderson_stuart_terms import binding_energy, effective_radius, strain_energy
from .arrhenius import arrhenius, arrhenius_from_results
from .arrhenius_result import ArrheniusPoint, ArrheniusResult, Extrapolation, UpperBound
from .conductivity import CollectiveResult, nernst_einstein, nernst_einstein_factor
from .diffusion import diffusivity
from .msd import MsdCurve, collective_msd, msd, msd_by_species
from .rdf import RdfResult, first_peak, jump_distance, rdf
from .results import AxisDiffusivity, DiffusionResult
from .trajectory import remove_drift, unwrap

__all__ = [
    "AndersonStuartResult",
    "ArrheniusPoint",
    "ArrheniusResult",
    "AxisDiffusivity",
    "CollectiveResult",
    "DiffusionResult",
    "Extrapolation",
    "MsdCurve",
    "RdfResult",
    "UpperBound",
    "anderson_stuart",
    "arrhenius",
    "arrhenius_from_results",
    "binding_energy",
    "collective_msd",
    "diffusivity",
    "effective_radius",
    "first_peak",
    "jump_distance",
    "msd",
    "msd_by_species",
    "nernst_einstein",
    "nernst_einstein_factor",
    "rdf",
    "remove_drift",
    "strain_energy",
    "unwrap",
]
