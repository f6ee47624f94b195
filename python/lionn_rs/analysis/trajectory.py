"""Before any displacement is measured: unwrapping, species, drift of the framework."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lionn_rs.errors import ConfigError, DataError, ShapeError

from ._records import Record

Floats = NDArray[np.float64]
DriftWeights = Literal["mass", "mean"]


def as_positions(positions: ArrayLike) -> Floats:
    """C-contiguous float64 trajectory of shape (n_frames, n_atoms, 3).

    Raises
    ------
    ShapeError
        For another shape.
    """
    array = np.ascontiguousarray(positions, dtype=np.float64)
    if array.ndim != 3 or array.shape[2] != 3:
        raise ShapeError(f"positions must have shape (n_frames, n_atoms, 3), got {array.shape}")
    return array


def as_cell(cell: ArrayLike) -> Floats:
    """Cell matrix (3, 3), rows are lattice vectors, Å.

    Raises
    ------
    ShapeError
        For another shape.
    DataError
        If the lattice vectors span no volume.
    """
    matrix = np.ascontiguousarray(cell, dtype=np.float64)
    if matrix.shape != (3, 3):
        raise ShapeError(f"cell must have shape (3, 3), got {matrix.shape}")
    if not abs(np.linalg.det(matrix)) > 1e-9 * np.prod(np.linalg.norm(matrix, axis=1)):
        raise DataError(f"cell spans no volume: {matrix.tolist()}")
    return matrix


def as_symbols(
    n_atoms: int, *, symbols: Sequence[str] | None, numbers: ArrayLike | None
) -> NDArray[np.str_]:
    """Chemical symbol of every atom, from symbols or atomic numbers.

    Raises
    ------
    ConfigError
        Unless exactly one of the two is given.
    ShapeError
        If the number of entries differs from the number of atoms.
    """
    if (symbols is None) == (numbers is None):
        raise ConfigError("give either symbols or numbers (one entry per atom)")
    if symbols is not None:
        names = [str(symbol) for symbol in symbols]
    else:
        from ase.data import chemical_symbols

        names = [chemical_symbols[int(z)] for z in np.asarray(numbers).ravel()]
    if len(names) != n_atoms:
        raise ShapeError(
            f"symbols must have {n_atoms} entries to match positions, got {len(names)}"
        )
    return np.array(names)


def members(symbols: NDArray[np.str_], species: str) -> NDArray[np.uint64]:
    """Return the indices of the atoms of a species.

    Raises
    ------
    ConfigError
        If there are none.
    """
    found = np.flatnonzero(symbols == species)
    if len(found) == 0:
        there = ", ".join(sorted(set(symbols.tolist())))
        raise ConfigError(f"no {species} atoms (there are {there})")
    return found.astype(np.uint64)


def unwrap(positions: ArrayLike, cell: ArrayLike, *, fractional: bool = False) -> Floats:
    """Continuous paths from positions that were folded back into a periodic cell.

    Each displacement between consecutive frames is replaced by its shortest periodic image and the
    displacements are added up. In a skewed cell rounding fractional differences does not give the
    shortest image, so the search runs over the 27 neighbors in a Minkowski-reduced cell. An image
    shorter than half of the shortest lattice vector is certified to be the only one so short;
    anything longer is refused, because the path is then ambiguous.

    Parameters
    ----------
    positions : (n_frames, n_atoms, 3) array, Å
        Wrapped positions; fractional coordinates with ``fractional=True``.
    cell : (3, 3) array, Å
        Rows are the lattice vectors; periodic along all three, the same in all frames.
    fractional : bool
        Positions are fractional coordinates.

    Returns
    -------
    (n_frames, n_atoms, 3) float64, Å
        Unwrapped Cartesian positions; the first frame is as given.

    Raises
    ------
    DataError
        If an atom moves further than half of the shortest lattice vector between two frames.

    References
    ----------
    Shortest vectors of a Minkowski-reduced cell: P. Q. Nguyen and D. Stehlé, ACM Trans. Algorithms
    5, 46 (2009), doi 10.1145/1597036.1597050.
    """
    from ase.geometry import minkowski_reduce

    matrix = as_cell(cell)
    points = as_positions(positions)
    if fractional:
        points = points @ matrix
    if len(points) < 2:
        return points.copy()
    reduced = np.asarray(minkowski_reduce(matrix)[0], dtype=np.float64)
    certified = 0.5 * float(np.linalg.norm(reduced, axis=1).min())
    steps = np.diff(points, axis=0)
    steps -= np.round(steps @ np.linalg.inv(reduced)) @ reduced
    # Only images longer than the certified radius can have a shorter partner.
    far = np.argwhere(np.einsum("fax,fax->fa", steps, steps) >= certified**2)
    if len(far):
        shifts = np.array(list(product((-1, 0, 1), repeat=3)), dtype=np.float64) @ reduced
        images = steps[far[:, 0], far[:, 1], None, :] + shifts
        lengths = np.linalg.norm(images, axis=2)
        best = lengths.argmin(axis=1)
        worst = int(lengths.min(axis=1).argmax())
        if lengths[worst].min() >= certified:
            frame, atom = (int(k) for k in far[worst])
            raise DataError(
                f"atom {atom} moves {lengths[worst].min():.2f} Å between frames {frame} and "
                f"{frame + 1}, more than half of the shortest lattice vector ({certified:.2f} Å): "
                "its path is ambiguous; store frames more often"
            )
        steps[far[:, 0], far[:, 1]] = images[np.arange(len(far)), best]
    result = np.empty_like(points)
    result[0] = points[0]
    np.cumsum(steps, axis=0, out=result[1:])
    result[1:] += points[0]
    return result


def check_unwrapped(positions: Floats, cell: Floats) -> None:
    """Refuse positions that jump by about half a cell from one frame to the next.

    Raises
    ------
    DataError
        If a step is longer than half of the smallest distance between opposite cell faces.
    """
    volume = abs(np.linalg.det(cell))
    faces = [np.linalg.norm(np.cross(cell[(k + 1) % 3], cell[(k + 2) % 3])) for k in range(3)]
    limit = 0.5 * float(volume / max(faces))
    longest, where = 0.0, (0, 0)
    for frame in range(len(positions) - 1):
        step = positions[frame + 1] - positions[frame]
        squares = np.einsum("ax,ax->a", step, step)
        atom = int(squares.argmax())
        if squares[atom] > longest:
            longest, where = float(squares[atom]), (frame, atom)
    if longest**0.5 > limit:
        frame, atom = where
        raise DataError(
            f"atom {atom} jumps {longest**0.5:.2f} Å between frames {frame} and {frame + 1} "
            f"(half of the cell is {limit:.2f} Å): the positions are wrapped or the frames "
            "too far apart; unwrap them first (analysis.unwrap, or wrapped=True)"
        )


@dataclass(frozen=True, kw_only=True)
class Drift(Record):
    """What the displacements are measured against."""

    reference: str
    """Set of atoms in words."""
    weights: str
    """``mass``, ``mean`` or ``none``."""
    n_atoms: int
    """Atoms in the reference set."""
    largest_A: float
    """Largest displacement of the reference from its start, Å."""


def remove_drift(
    positions: Floats,
    symbols: NDArray[np.str_],
    *,
    carrier: str,
    reference: str | Sequence[Any] = "framework",
    weights: DriftWeights = "mass",
) -> tuple[Floats, Drift]:
    """Positions relative to the moving center of a reference set of atoms.

    Parameters
    ----------
    positions : (n_frames, n_atoms, 3) float64, Å
        Unwrapped positions.
    symbols : (n_atoms,) str
        Chemical symbols.
    carrier : str
        The mobile species.
    reference : str or sequence
        ``"framework"`` (every atom that is not a carrier), ``"all"``, ``"none"``, a list of
        chemical symbols, or a list of atom indices.
    weights : {"mass", "mean"}
        Center of mass of the set, or plain mean.

    Returns
    -------
    positions, Drift
        Corrected copy, and the record of what was subtracted.

    Raises
    ------
    ConfigError
        For an unknown reference, or symbols that do not occur.
    """
    members, words = _reference_set(symbols, carrier, reference)
    if len(members) == 0:
        return positions, Drift(reference=words, weights="none", n_atoms=0, largest_A=0.0)
    if weights == "mass":
        from ase.data import atomic_masses, atomic_numbers

        mass = np.array([atomic_masses[atomic_numbers[s]] for s in symbols[members]])
    elif weights == "mean":
        mass = np.ones(len(members))
    else:
        raise ConfigError(f"drift weights must be 'mass' or 'mean', got {weights!r}")
    share = np.zeros(positions.shape[1])
    share[members] = mass / mass.sum()
    center: Floats = np.einsum("fax,a->fx", positions, share)
    drift = center - center[0]
    largest = float(np.linalg.norm(drift, axis=1).max())
    record = Drift(reference=words, weights=weights, n_atoms=len(members), largest_A=largest)
    return positions - drift[:, None, :], record


def _reference_set(
    symbols: NDArray[np.str_], carrier: str, reference: str | Sequence[Any]
) -> tuple[NDArray[np.intp], str]:
    none = np.array([], dtype=np.intp)
    if isinstance(reference, str):
        if reference == "framework":
            members = np.flatnonzero(symbols != carrier)
            if len(members) == 0:
                return none, "none (no framework atoms)"
            kinds = ", ".join(sorted(set(symbols[members].tolist())))
            return members, f"framework ({kinds})"
        if reference == "all":
            return np.arange(len(symbols)), "all atoms"
        if reference == "none":
            return none, "none"
        if reference not in symbols:
            raise ConfigError(
                "drift reference must be 'framework', 'all', 'none', chemical symbols or atom "
                f"indices, got {reference!r}"
            )
        return np.flatnonzero(symbols == reference), reference
    if len(reference) and all(isinstance(item, str) for item in reference):
        missing = sorted(set(reference) - set(symbols.tolist()))
        if missing:
            raise ConfigError(f"drift reference: no atoms of {', '.join(missing)} in the structure")
        return np.flatnonzero(np.isin(symbols, list(reference))), ", ".join(sorted(reference))
    members = np.unique(np.asarray(reference, dtype=np.intp))
    if len(members) == 0 or members[0] < 0 or members[-1] >= len(symbols):
        raise ConfigError(f"drift reference: atom indices must lie in 0..{len(symbols) - 1}")
    return members, f"{len(members)} chosen atoms"
