"""Numbers that describe one image: what filters, statistics and comparisons need."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from lionn_rs.data.formats import RawImage

__all__ = [
    "energy_of",
    "formula_of",
    "group_name",
    "largest_force",
    "robust_scores",
    "shortest_distance",
    "structure_digest",
]

DIGEST_BYTES: Final = 16
DECIMALS: Final = 5
"""Positions that agree to 1e-5 Å are the same structure."""
NEIGHBOR_CUTOFF: Final = 4.0
"""Å; atoms without a neighbor closer than this count as isolated."""


def energy_of(image: RawImage) -> float | None:
    """Energy that belongs to the forces, eV, if there is one."""
    value = image.results.get("free_energy", image.results.get("energy"))
    return None if value is None else float(value)


def formula_of(image: RawImage) -> str:
    """Chemical formula."""
    kinds, counts = np.unique(image.numbers, return_counts=True)
    return _formula(tuple(kinds.tolist()), tuple(counts.tolist()))


@lru_cache(maxsize=4096)
def _formula(kinds: tuple[int, ...], counts: tuple[int, ...]) -> str:
    from ase.data import chemical_symbols
    from ase.formula import Formula

    content = {chemical_symbols[z]: n for z, n in zip(kinds, counts, strict=True)}
    return str(Formula.from_dict(content).format("metal"))


def group_name(image: RawImage) -> str:
    """Name of the source of an image; empty if unknown."""
    return str(image.info.get("group", image.info.get("source", "")))


def structure_digest(image: RawImage) -> bytes:
    """Short hash of elements, cell and positions as written, to 1e-5 Å."""
    digest = hashlib.blake2b(image.numbers.astype("<i8").tobytes(), digest_size=DIGEST_BYTES)
    for array in (image.positions, image.cell):
        digest.update((np.round(array, DECIMALS) + 0.0).tobytes())  # + 0.0: -0 is 0
    return digest.digest()


def largest_force(image: RawImage) -> float | None:
    """Largest force on an atom, eV/Å."""
    forces = image.results.get("forces")
    return None if forces is None else float(np.sqrt((np.asarray(forces) ** 2).sum(axis=1).max()))


def shortest_distance(image: RawImage) -> float:
    """Shortest distance between two atoms, periodic images included, Å; infinite beyond 4 Å.

    Zero where two atoms are at the same place.
    """
    from lionn_rs import _core
    from lionn_rs.errors import DataError

    a, b, c = (bool(p) for p in image.pbc)
    try:
        pairs = _core.neighbor_list(
            np.ascontiguousarray(image.cell),
            (a, b, c),
            np.ascontiguousarray(image.positions),
            NEIGHBOR_CUTOFF,
        )
    except DataError:
        return 0.0
    vectors = np.asarray(pairs[3])
    return float(np.sqrt((vectors**2).sum(axis=1).min())) if len(vectors) else np.inf


def robust_scores(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Distance of every value from the median, in robust standard deviations.

    Parameters
    ----------
    values : (n,) float64

    Returns
    -------
    (n,) float64
        ``(x - median) / (1.4826 MAD)``; zero where all values are the same.

    Examples
    --------
    >>> robust_scores(np.array([0.0, 1.0, 2.0, 3.0, 100.0])).round(1).tolist()
    [-1.3, -0.7, 0.0, 0.7, 66.1]
    """
    if len(values) == 0:
        return np.zeros(0)
    from scipy.stats import median_abs_deviation

    centered = values - np.median(values)
    spread = float(median_abs_deviation(values, scale="normal"))
    return np.asarray(centered / spread if spread > 0.0 else np.zeros_like(centered))
