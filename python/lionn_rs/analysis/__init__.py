"""From unwrapped trajectories to diffusivity, conductivity and activation energy, with errors.

All functions are pure: arrays in, frozen records with ``to_dict()`` out. Times of frames are fs,
lag times ps, lengths Å, diffusivities cm²/s, conductivities mS/cm, energies eV.
"""

from __future__ import annotations

from .arrhenius import arrhenius, arrhenius_from_results
from .arrhenius_result import ArrheniusPoint, ArrheniusResult, Extrapolation, UpperBound
from .attempt import EffectiveBarrier, effective_barrier
from .conductivity import CollectiveResult, nernst_einstein, nernst_einstein_factor
from .diffusion import diffusivity
from .ion_density import IonDensity, ion_density
from .jump_records import JumpResult
from .jumps import find_sites, jumps
from .msd import MsdCurve, collective_msd, msd, msd_by_species
from .rdf import RdfResult, rdf
from .rdf_shell import Shell
from .results import AxisDiffusivity, DiffusionResult
from .sites import SiteSet, name_equivalent, sites_from_coordinates, sites_from_density
from .trajectory import remove_drift, unwrap
from .vacf import VacfResult, vacf, velocities_from_positions
from .van_hove import VanHoveDistinct, VanHoveSelf, van_hove_distinct, van_hove_self

__all__ = [
    "ArrheniusPoint",
    "ArrheniusResult",
    "AxisDiffusivity",
    "CollectiveResult",
    "DiffusionResult",
    "EffectiveBarrier",
    "Extrapolation",
    "IonDensity",
    "JumpResult",
    "MsdCurve",
    "RdfResult",
    "Shell",
    "SiteSet",
    "UpperBound",
    "VacfResult",
    "VanHoveDistinct",
    "VanHoveSelf",
    "arrhenius",
    "arrhenius_from_results",
    "collective_msd",
    "diffusivity",
    "effective_barrier",
    "find_sites",
    "ion_density",
    "jumps",
    "msd",
    "msd_by_species",
    "name_equivalent",
    "nernst_einstein",
    "nernst_einstein_factor",
    "rdf",
    "remove_drift",
    "sites_from_coordinates",
    "sites_from_density",
    "unwrap",
    "vacf",
    "van_hove_distinct",
    "van_hove_self",
    "velocities_from_positions",
]
