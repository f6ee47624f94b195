"""The same trajectory through pymatgen's DiffusionAnalyzer, for comparison.

pymatgen-analysis-diffusion (S. P. Ong and contributors) is what most published AIMD conductivities
were made with. Its standard deviation treats correlated MSD values as independent and is too small
by orders of magnitude; it is given under a name that says so.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lionn_rs.analysis._records import Record
from lionn_rs.analysis.transport.trajectory import Floats

MOST_POSITIONS = 20_000_000
"""Frames times atoms above which the comparison is left out: it needs several copies in memory."""


@dataclass(frozen=True, kw_only=True)
class PymatgenValue(Record):
    """What DiffusionAnalyzer gives in one smoothing mode."""

    smoothed: str
    """``max`` (all time origins) or ``False`` (one origin)."""
    diffusivity_cm2_s: float | None
    conductivity_mS_cm: float | None
    """With pymatgen's own charge number of the species."""
    reported_sd_cm2_s_known_too_small: float | None
    """Error of an ordinary line fit to correlated data; not an error bar."""
    note: str


def pymatgen_values(
    positions: Floats,
    symbols: NDArray[np.str_],
    cell: Floats,
    *,
    frame_interval_fs: float,
    temperature_K: float,
    carrier: str,
) -> tuple[PymatgenValue, ...]:
    """Run DiffusionAnalyzer with ``smoothed="max"`` and ``smoothed=False``.

    Parameters
    ----------
    positions : (n_frames, n_atoms, 3) float64, Å
        Unwrapped, before drift removal: pymatgen subtracts the mean of the non-carriers itself.
    symbols : (n_atoms,) str
        Chemical symbols.
    cell : (3, 3) float64, Å
        Rows are the lattice vectors.
    frame_interval_fs, temperature_K : float
        Time between frames, temperature.
    carrier : str
        The mobile species.

    Returns
    -------
    tuple of PymatgenValue
    """
    if np.all(symbols == carrier):
        note = "DiffusionAnalyzer needs framework atoms"
        return tuple(_absent(mode, note) for mode in ("max", "False"))
    from pymatgen.analysis.diffusion.analyzer import DiffusionAnalyzer
    from pymatgen.core.structure import Structure

    structure = Structure(cell, symbols.tolist(), positions[0], coords_are_cartesian=True)
    displacements = np.ascontiguousarray((positions - positions[0]).transpose(1, 0, 2))
    result = []
    for mode in ("max", False):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                analyzer = DiffusionAnalyzer(
                    structure,
                    displacements,
                    carrier,
                    temperature_K,
                    frame_interval_fs,  # type: ignore[arg-type]  # any number will do
                    1,
                    smoothed=mode,
                )
        except (ValueError, np.linalg.LinAlgError) as error:
            result.append(_absent(str(mode), f"DiffusionAnalyzer: {error}"))
            continue
        result.append(
            PymatgenValue(
                smoothed=str(mode),
                diffusivity_cm2_s=float(analyzer.diffusivity),
                conductivity_mS_cm=float(analyzer.conductivity),
                reported_sd_cm2_s_known_too_small=float(analyzer.diffusivity_std_dev),
                note="standard deviation assumes independent MSD values: known to be far too small",
            )
        )
    return tuple(result)


def skipped_values(n_frames: int, n_atoms: int) -> tuple[PymatgenValue, ...]:
    """Values that say why DiffusionAnalyzer did not run."""
    note = (
        f"not run: {n_frames} frames of {n_atoms} atoms need too much memory "
        f"(limit: {MOST_POSITIONS} positions)"
    )
    return tuple(_absent(mode, note) for mode in ("max", "False"))


def _absent(mode: str, note: str) -> PymatgenValue:
    return PymatgenValue(
        smoothed=mode,
        diffusivity_cm2_s=None,
        conductivity_mS_cm=None,
        reported_sd_cm2_s_known_too_small=None,
        note=note,
    )
