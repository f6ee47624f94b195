"""Folding, unfolding and the rotation that some formats ask for; all frame by frame."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from lionn_rs.analysis.transport.trajectory import Floats, unwrap
from lionn_rs.errors import DataError

__all__ = ["SteadyBasis", "Unwrapper", "fold", "restricted_cell", "restricted_cells"]

ROUNDING = 1e-12
"""Relative size of what counts as zero in a lattice vector."""


class SteadyBasis:
    """The same lattice vectors from frame to frame, where a program exchanged them.

    At constant pressure LAMMPS replaces lattice vectors by sums of them when the box becomes too
    skewed (``fix npt``, ``flip``): the lattice is the same, fractional coordinates are not. With
    ``H`` of a frame close to ``M·H`` of the one before, ``M`` a matrix of integers, the vectors of
    the first frame are followed.
    """

    def __init__(self) -> None:
        self._last: Floats | None = None
        self._basis = np.eye(3)
        self.n_changes = 0

    def __call__(self, cells: Floats) -> tuple[Floats, Floats]:
        """Cells in the basis of the first frame, and the matrices ``C`` with ``s' = s·C``.

        Parameters
        ----------
        cells : (n_frames, 3, 3), Å

        Returns
        -------
        cells, changes : (n_frames, 3, 3), Å and integers

        Raises
        ------
        DataError
            A cell is not close to any description of the one before.
        """
        before = np.concatenate([cells[:1] if self._last is None else self._last[None], cells[:-1]])
        self._last = cells[-1]
        steps = np.rint(cells @ np.linalg.inv(before))
        changed = np.any(steps != np.eye(3), axis=(1, 2))
        if not changed.any() and np.array_equal(self._basis, np.eye(3)):
            return cells, np.broadcast_to(np.eye(3), cells.shape)
        bases = np.empty_like(cells)
        for k, step in enumerate(steps):
            if changed[k]:
                if round(abs(np.linalg.det(step))) != 1:
                    raise DataError("the cell jumps to another lattice from one frame to the next")
                self._basis = np.rint(step @ self._basis)
                self.n_changes += 1
            bases[k] = self._basis
        return np.linalg.inv(bases) @ cells, bases


class Unwrapper:
    """Continuous paths from folded positions, block by block, in cells that may change.

    Keeps the lattice shift of every atom, so that the result does not depend on the size of the
    blocks. Where the cell changes, unwrapped positions are ``(s + n)·H`` with fractional
    coordinates ``s``, integer shifts ``n`` and the cell ``H`` of the frame; the step between two
    frames is measured in the cell of the later one.

    Attributes
    ----------
    shifted : bool
        Whether any step was replaced by another image.
    extent : float
        Largest range of fractional coordinates as given; 1 if they are folded.
    """

    def __init__(self) -> None:
        self._last: Floats | None = None
        self._shift: Floats | None = None
        self._range = (np.full(3, np.inf), np.full(3, -np.inf))
        self.shifted = False

    @property
    def extent(self) -> float:
        """See the class."""
        return float((self._range[1] - self._range[0]).max())

    def __call__(self, fractional: Floats, cells: Floats, first_frame: int) -> Floats:
        """Unwrapped Cartesian positions (n_frames, n_atoms, 3), Å, of the next frames.

        Raises
        ------
        DataError
            An atom moves so far between two frames that its path is ambiguous.
        """
        if self._last is None:
            self._last = fractional[0]
            self._shift = np.zeros_like(fractional[0])
        low, high = self._range
        self._range = (
            np.minimum(low, fractional.min(axis=(0, 1))),
            np.maximum(high, fractional.max(axis=(0, 1))),
        )
        path = np.concatenate([self._last[None], fractional])
        jumps = np.empty_like(fractional)
        begin = 0
        # Frames of one cell go through in one call.
        edges = [0, *(np.flatnonzero(np.any(cells[1:] != cells[:-1], axis=(1, 2))) + 1)]
        for begin, end in zip(edges, [*edges[1:], len(cells)], strict=True):
            try:
                straight = unwrap(path[begin : end + 1], cells[begin], fractional=True)
            except DataError as error:
                raise DataError(_renumbered(str(error), first_frame + begin - 1)) from error
            s = straight @ np.linalg.inv(cells[begin])
            jumps[begin:end] = np.rint(s[1:] - path[begin + 1 : end + 1])
        assert self._shift is not None
        # `unwrap` starts each stretch at its first frame as given.
        for begin, end in zip(edges, [*edges[1:], len(cells)], strict=True):
            jumps[begin:end] += self._shift
            self._shift = jumps[end - 1]
        self.shifted = self.shifted or bool(jumps.any())
        self._last = fractional[-1]
        return (fractional + jumps) @ cells


def _renumbered(text: str, offset: int) -> str:
    """Frame numbers of the file instead of those of a block."""

    def shifted(match: re.Match[str]) -> str:
        return f"frames {int(match[1]) + offset} and {int(match[2]) + offset}"

    return re.sub(r"frames (\d+) and (\d+)", shifted, text)


def fold(positions: Floats, cells: Floats) -> tuple[Floats, NDArray[np.int64]]:
    """Fractional coordinates in [0, 1) and the integer lattice shifts that were taken off.

    Parameters
    ----------
    positions : (n_frames, n_atoms, 3), Å
    cells : (n_frames, 3, 3), Å
    """
    fractional = positions @ np.linalg.inv(cells)
    images = np.floor(fractional)
    inside = fractional - images
    # A tiny negative number folds to 1.
    images += inside >= 1.0
    return np.where(inside >= 1.0, 0.0, inside), images.astype(np.int64)


def restricted_cell(cell: Floats) -> tuple[Floats, Floats]:
    """Cell with the first vector along x and the second in the xy plane, and the rotation to it.

    Programs that store a triclinic cell as lengths and angles, or as LAMMPS does, need it.
    A left-handed cell has no such form; then all three lattice vectors are reversed, which
    leaves the lattice what it is, and no atom is mirrored.

    Parameters
    ----------
    cell : (3, 3), Å
        Rows are lattice vectors.

    Returns
    -------
    cell : (3, 3), Å
        Lower triangular, positive diagonal.
    rotation : (3, 3)
        Proper rotation ``R``; positions ``x`` become ``x·R``.

    Raises
    ------
    DataError
        The cell spans no volume.

    Examples
    --------
    >>> import numpy as np
    >>> cell, rotation = restricted_cell(np.array([[0.0, 4.0, 0.0], [4.0, 0.0, 0.0], [0, 0, 5.0]]))
    >>> cell.tolist(), float(np.linalg.det(rotation).round(12))
    ([[4.0, 0.0, 0.0], [0.0, 4.0, 0.0], [0.0, 0.0, 5.0]], 1.0)
    """
    if np.array_equal(cell, np.tril(cell)) and np.all(np.diag(cell) > 0):
        return cell, np.eye(3)
    if not abs(np.linalg.det(cell)) > ROUNDING * np.prod(np.linalg.norm(cell, axis=1)):
        raise DataError(f"the cell spans no volume: {cell.tolist()}")
    q, r = np.linalg.qr(cell.T)
    sign = np.sign(np.diag(r))
    rotation, lower = q * sign, (r.T * sign)
    if np.linalg.det(rotation) < 0:
        rotation = -rotation
    small = np.abs(lower) < ROUNDING * np.linalg.norm(cell, axis=1)[:, None]
    # No negative zeros.
    return np.where(small, 0.0, lower) + 0.0, np.where(np.abs(rotation) < ROUNDING, 0.0, rotation)


def restricted_cells(cells: Floats) -> tuple[Floats, Floats]:
    """:func:`restricted_cell` of every frame, (n_frames, 3, 3) twice."""
    same = np.all(cells == cells[0], axis=(1, 2)).all()
    if same:
        cell, rotation = restricted_cell(cells[0])
        return np.broadcast_to(cell, cells.shape), np.broadcast_to(rotation, cells.shape)
    pairs = [restricted_cell(cell) for cell in cells]
    return np.stack([cell for cell, _ in pairs]), np.stack([turn for _, turn in pairs])
