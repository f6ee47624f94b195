"""Before any displacement is measured: shapes, species, unwrapping."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lionn_rs import _core
from lionn_rs.analysis.transport.drift import Drift, DriftWeights, Floats, remove_drift
from lionn_rs.errors import ConfigError, DataError, ShapeError

__all__ = [
    "Convention",
    "Drift",
    "DriftWeights",
    "Floats",
    "as_cell",
    "as_cells",
    "as_positions",
    "as_symbols",
    "remove_drift",
    "unwrap",
]

Convention = Literal["fractional", "cartesian"]
"""How steps are added when the cell changes; see :func:`unwrap`."""


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


def as_cells(cell: ArrayLike, n_frames: int) -> Floats:
    """One cell (1, 3, 3) or one for each frame (n_frames, 3, 3), Å.

    Raises
    ------
    ShapeError
        For another shape.
    DataError
        If the lattice vectors of a frame span no volume.
    """
    cells = np.ascontiguousarray(cell, dtype=np.float64)
    if cells.ndim == 2:
        return as_cell(cells)[None]
    if cells.shape != (n_frames, 3, 3):
        raise ShapeError(f"cell must have shape (3, 3) or ({n_frames}, 3, 3), got {cells.shape}")
    volumes = np.abs(np.linalg.det(cells))
    flat = np.flatnonzero(~(volumes > 1e-9 * np.prod(np.linalg.norm(cells, axis=2), axis=1)))
    if len(flat):
        raise DataError(f"cell of frame {flat[0]} spans no volume: {cells[flat[0]].tolist()}")
    return cells


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


def unwrap(
    positions: ArrayLike,
    cell: ArrayLike,
    *,
    fractional: bool = False,
    convention: Convention = "fractional",
) -> Floats:
    """Continuous paths from positions that were folded back into a periodic cell.

    Each displacement between consecutive frames is replaced by its shortest periodic image and the
    displacements are added up. In a skewed cell rounding fractional differences does not give the
    shortest image, so the search runs over the 27 neighbors in a Minkowski-reduced cell. An image
    shorter than half of the shortest lattice vector is certified to be the only one so short;
    anything longer is refused, because the path is then ambiguous. (A step of more than half a
    lattice vector that ends close to another image cannot be told from a short one: the frames
    must be close enough in time.)

    Parameters
    ----------
    positions : (n_frames, n_atoms, 3) array, Å
        Wrapped positions; fractional coordinates with ``fractional=True``.
    cell : (3, 3) or (n_frames, 3, 3) array, Å
        Rows are the lattice vectors; periodic along all three; one for all frames or one for each.
    fractional : bool
        Positions are fractional coordinates.
    convention : {"fractional", "cartesian"}
        In a cell that changes. ``"fractional"``: steps are added in fractional coordinates, the sum
        is multiplied by the mean cell; the breathing of the cell drops out. ``"cartesian"``: steps
        of the wrapped positions are added in Å, the toroidal-view-preserving scheme. Fractional
        paths times the cell of each frame are not offered: displacements then grow with the
        distance from the origin, and diffusivities come out too large. Without effect if the cell
        is constant.

    Returns
    -------
    (n_frames, n_atoms, 3) float64, Å
        Unwrapped Cartesian positions; in a constant cell the first frame is as given.

    Raises
    ------
    DataError
        If an atom moves further than half of the shortest lattice vector between two frames.

    References
    ----------
    Shortest vectors of a Minkowski-reduced cell: P. Q. Nguyen and D. Stehlé, ACM Trans. Algorithms
    5, 46 (2009), doi 10.1145/1597036.1597050. Variable cells: S. von Bülow, J. T. Bullerjahn,
    G. Hummer, J. Chem. Phys. 153, 021101 (2020), doi 10.1063/5.0008316; J. T. B. Kulke, J. V.
    Vermaas, J. Chem. Theory Comput. 18, 6161 (2022), doi 10.1021/acs.jctc.2c00327.
    """
    points = as_positions(positions)
    cells = as_cells(cell, len(points))
    points = points @ cells if fractional else points.copy()
    unwrapper = _core.Unwrapper(points.shape[1], reference_cell(cells, convention), False)
    unwrapper.advance(points, cells)
    return points


def reference_cell(cells: Floats, convention: Convention) -> list[list[float]] | None:
    """Cell that fractional paths are multiplied with; None for the Cartesian convention.

    Raises
    ------
    ConfigError
        For another convention.
    """
    if convention == "cartesian":
        return None
    if convention != "fractional":
        raise ConfigError(
            f"unwrapping convention must be 'fractional' or 'cartesian', got {convention!r}"
        )
    mean: list[list[float]] = (cells[0] if len(cells) == 1 else cells.mean(axis=0)).tolist()
    return mean
