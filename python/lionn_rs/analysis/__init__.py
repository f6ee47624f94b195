"""From unwrapped trajectories to diffusivity, conductivity and activation energy, with errors.

All functions are pure: arrays in, frozen records with ``to_dict()`` out. Times of frames are fs, lag
times ps, lengths Å, diffusivities cm²/s, conductivities mS/cm, energies eV.
"""

from __future__ import annotations

from .conductivity import CollectiveResult, nernst_einstein, nernst_einstein_factor
from .diffusion import AxisDiffusivity, DiffusionResult, diffusivity
from .msd import MsdCurve, collective_msd, msd, msd_by_species
from .trajectory import remove_drift, unwrap

__all__ = [
    "AxisDiffusivity",
    "CollectiveResult",
    "DiffusionResult",
    "MsdCurve",
    "collective_msd",
    "diffusivity",
    "msd",
    "msd_by_species",
    "nernst_einstein",
    "nernst_einstein_factor",
    "remove_drift",
    "unwrap",
]
