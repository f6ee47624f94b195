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
ATOM_BLOCK_BYTES = 64 * 2**20
"""Size of a block of atoms over all frames."""


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


def frame_blocks(
    source: FrameSource, atoms: NDArray[np.intp] | None = None
) -> Iterator[tuple[int, Floats]]:
    """First frame and positions (n, k, 3) of consecutive blocks, float64, C-contiguous, Å."""
    n_frames, n_atoms = source.shape[:2]
    length = max(BLOCK_BYTES // (24 * max(n_atoms, 1)), 1)
    for start in range(0, n_frames, length):
        block = source.read(start, min(start + length, n_frames), atoms)
        yield start, np.ascontiguousarray(block, dtype=np.float64)


def atom_blocks(
    source: FrameSource, atoms: NDArray[np.intp]
) -> Iterator[tuple[NDArray[np.intp], Floats]]:
    """Yield some of the atoms and their paths (n_frames, k, 3) until all are done.

    Each is a pass over the frames. What is asked of one path at all lags needs all its frames.
    """
    n_frames = source.shape[0]
    size = max(ATOM_BLOCK_BYTES // (24 * max(n_frames, 1)), 1)
    for first in range(0, len(atoms), size):
        some = atoms[first : first + size]
        paths = np.empty((n_frames, len(some), 3))
        for start, block in frame_blocks(source, some):
            paths[start : start + len(block)] = block
        yield some, paths


def read_frames(
    source: FrameSource, frames: NDArray[np.intp], atoms: NDArray[np.intp] | None = None
) -> Floats:
    """Positions (len(frames), k, 3) of single frames, each of them read alone, Å."""
    n_atoms = source.shape[1] if atoms is None else len(atoms)
    found = np.empty((len(frames), n_atoms, 3))
    for row, frame in zip(found, frames, strict=True):
        row[:] = source.read(int(frame), int(frame) + 1, atoms)[0]
    return found


class Relative:
    """Frames of a source as seen from a moving center.

    Parameters
    ----------
    source : FrameSource
        Unwrapped positions.
    center : (n_frames, 3) float64, Å
        Displacement of the center since the first frame.
    """

    def __init__(self, source: FrameSource, center: Floats) -> None:
        self.source = source
        self.center = center
        self.shape = source.shape

    def read(
        self, start: int, stop: int, atoms: NDArray[np.intp] | None = None
    ) -> NDArray[np.floating]:
        """Positions (stop - start, n, 3) relative to the center, float64, Å."""
        return self.source.read(start, stop, atoms) - self.center[start:stop, None, :]


class Differences:
    """Velocities from consecutive frames of a source, ``(x(t+h) - x(t))/h``, Å/fs."""

    def __init__(self, source: FrameSource, frame_interval_fs: float) -> None:
        self.source = source
        self.interval_fs = frame_interval_fs
        self.shape = (source.shape[0] - 1, *source.shape[1:])

    def read(
        self, start: int, stop: int, atoms: NDArray[np.intp] | None = None
    ) -> NDArray[np.floating]:
        """Velocities (stop - start, n, 3) between the frames, float64, Å/fs."""
        block = np.asarray(self.source.read(start, stop + 1, atoms), dtype=np.float64)
        return np.diff(block, axis=0) / self.interval_fs


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


def check_unwrapped(positions: ArrayLike | FrameSource, cell: Floats) -> None:
    """Refuse positions that jump by about half a cell from one frame to the next.

    Raises
    ------
    DataError
        If a step is not shorter than half of the shortest lattice vector.
    """
    paths = Paths(as_source(positions), cell[None], wrapped=False, convention="fractional")
    for _ in paths.blocks():
        pass
