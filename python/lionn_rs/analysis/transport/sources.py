"""Frames from wherever they are, in blocks: an array, or a file that is never read as a whole."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lionn_rs import _core
from lionn_rs.analysis.transport.trajectory import Convention, Floats, as_cells, reference_cell
from lionn_rs.errors import ShapeError

BLOCK_BYTES = 32 * 2**20
"""Size of a block of frames in memory."""


@runtime_checkable
class FrameSource(Protocol):
    """What the analysis asks of a trajectory."""

    @property
    def shape(self) -> tuple[int, ...]:
        """``(n_frames, n_atoms, 3)``."""

    def read(
        self, start: int, stop: int, atoms: NDArray[np.intp] | None = None
    ) -> NDArray[np.floating]:
        """Positions (stop - start, n, 3) of some frames, Å, of all atoms or the given ones."""


class ArraySource:
    """Frames of an array, float64 or float32; the array is not copied."""

    def __init__(self, positions: ArrayLike) -> None:
        array = np.asarray(positions)
        if array.dtype not in (np.float32, np.float64):
            array = array.astype(np.float64)
        if array.ndim != 3 or array.shape[2] != 3:
            raise ShapeError(f"positions must have shape (n_frames, n_atoms, 3), got {array.shape}")
        self.array = array
        self.shape: tuple[int, ...] = array.shape

    def read(
        self, start: int, stop: int, atoms: NDArray[np.intp] | None = None
    ) -> NDArray[np.floating]:
        """Frames ``start`` to ``stop``."""
        part = self.array[start:stop]
        return part if atoms is None else part[:, atoms]


def as_source(positions: ArrayLike | FrameSource) -> FrameSource:
    """Make a source of an array; a source stays as it is."""
    return positions if isinstance(positions, FrameSource) else ArraySource(positions)


class Paths:
    """Continuous paths of the atoms of a source, block by block.

    Parameters
    ----------
    source : FrameSource
        The frames.
    cells : (1, 3, 3) or (n_frames, 3, 3) float64, Å
        One cell, or one for each frame.
    wrapped : bool
        Positions are folded into the cell; otherwise steps are checked to be short.
    convention : {"fractional", "cartesian"}
        See :func:`lionn_rs.analysis.unwrap`.
    """

    def __init__(
        self, source: FrameSource, cells: Floats, *, wrapped: bool, convention: Convention
    ) -> None:
        self.source = source
        self.cells = as_cells(cells[0] if len(cells) == 1 else cells, source.shape[0])
        self.wrapped = wrapped
        self.reference = reference_cell(self.cells, convention)
        self.convention = convention
        self.longest: tuple[float, float, int, int] = (0.0, 0.0, 0, 0)

    @property
    def n_frames(self) -> int:
        """Number of frames."""
        return self.source.shape[0]

    @property
    def n_atoms(self) -> int:
        """Number of atoms."""
        return self.source.shape[1]

    def blocks(self, atoms: NDArray[np.intp] | None = None) -> Iterator[tuple[int, Floats]]:
        """First frame and positions (n, k, 3) of consecutive blocks, Å.

        A pass over all atoms checks every step; passes over some atoms rely on that.

        Raises
        ------
        DataError
            A step that is too long, or a position that is not finite.
        """
        n_atoms = self.n_atoms if atoms is None else len(atoms)
        length = max(BLOCK_BYTES // (24 * max(self.n_atoms, 1)), 1)
        unwrapper = _core.Unwrapper(n_atoms, self.reference, not self.wrapped)
        as_they_are = len(self.cells) == 1 and not self.wrapped and atoms is not None
        for start in range(0, self.n_frames, length):
            stop = min(start + length, self.n_frames)
            block = np.array(self.source.read(start, stop, atoms), dtype=np.float64, order="C")
            if not as_they_are:
                cells = self.cells if len(self.cells) == 1 else self.cells[start:stop]
                unwrapper.advance(block, cells)
            yield start, block
        if atoms is None:
            self.longest = unwrapper.longest
