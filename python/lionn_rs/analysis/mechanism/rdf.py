"""Radial distribution functions and coordination numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from lionn_rs import _core
from lionn_rs.analysis._records import Record
from lionn_rs.analysis.mechanism.rdf_shell import Shell, first_shell
from lionn_rs.analysis.transport.sources import FrameSource, as_source
from lionn_rs.analysis.transport.trajectory import Floats, as_cell, as_symbols, members
from lionn_rs.errors import ConfigError, DataError


@dataclass(frozen=True, kw_only=True)
class RdfResult(Record):
    """g(r) of one pair of species, averaged over frames."""

    pair: tuple[str, str]
    """(center, neighbor)."""
    r_A: Floats
    """(n_bins,) bin centers, Å."""
    g: Floats
    """(n_bins,) radial distribution function; 1 for an ideal gas."""
    coordination: Floats
    """(n_bins,) neighbors of one center within the outer edge of the bin."""
    n_frames: int
    """Frames that were used."""
    n_blocks: int
    """Consecutive blocks of frames behind the errors; 1: no errors."""
    g_se: Floats
    """(n_bins,) standard error of g over the blocks; not finite with one block."""
    shell: Shell | None
    """First shell; ``None`` if no peak stands out."""


def rdf(
    positions: ArrayLike | FrameSource,
    *,
    cell: ArrayLike,
    pair: tuple[str, str],
    symbols: Sequence[str] | None = None,
    numbers: ArrayLike | None = None,
    r_max: float = 8.0,
    n_bins: int = 200,
    max_frames: int = 200,
    n_blocks: int = 5,
    pbc: Sequence[bool] = (True, True, True),
) -> RdfResult:
    """Radial distribution function ``g(r) = n(r) / (4 pi r² dr rho)`` and its first shell.

    Errors come from blocks of consecutive frames: they are honest if a block is longer than the
    slowest motion of the neighbors.

    Parameters
    ----------
    positions : (n_frames, n_atoms, 3) or (n_atoms, 3) array or FrameSource, Å
        Wrapped or unwrapped. Of a source only the frames that are used are read.
    cell : (3, 3) array, Å
        Rows are the lattice vectors.
    pair : (center, neighbor)
        Chemical symbols.
    symbols, numbers : (n_atoms,)
        Chemical symbols or atomic numbers, one of the two.
    r_max : float
        Largest distance, Å; may exceed half of the cell, images are counted.
    n_bins : int
        Number of bins.
    max_frames : int
        At most this many evenly spaced frames are used.
    n_blocks : int
        Blocks for the errors.
    pbc : (3,) bool
        Periodicity.

    Returns
    -------
    RdfResult

    Raises
    ------
    ConfigError
        If a species does not occur, there are no frames, or ``max_frames`` or ``n_blocks`` is not
        positive.

    Examples
    --------
    Simple cubic lattice: 6, 12 and 8 neighbors.

    >>> import numpy as np
    >>> result = rdf(np.zeros((1, 3)), cell=3.0 * np.eye(3), pair=("Po", "Po"), symbols=["Po"],
    ...              r_max=5.5, n_bins=55)
    >>> [round(float(result.coordination[k])) for k in (35, 45, 54)]
    [6, 18, 26]
    >>> print(round(result.shell.peak_A, 1), round(result.shell.coordination))
    3.0 6
    """
    matrix = as_cell(cell)
    if not isinstance(positions, FrameSource):
        array = np.asarray(positions, dtype=np.float64)
        positions = array[None] if array.ndim == 2 else array
    source = as_source(positions)
    n_frames, n_atoms = source.shape[:2]
    names = as_symbols(n_atoms, symbols=symbols, numbers=numbers)
    for name, value in (("max_frames", max_frames), ("n_blocks", n_blocks)):
        if value < 1:
            raise ConfigError(f"rdf: {name} must be at least 1, got {value}")
    first, second = (members(names, kind) for kind in pair)
    if n_frames == 0:
        raise ConfigError("rdf: the trajectory has no frames")
    frames = np.unique(np.linspace(0, n_frames - 1, min(max_frames, n_frames)).astype(int))
    lattice, periodic = matrix.tolist(), [bool(p) for p in pbc]
    blocks = np.array_split(frames, min(n_blocks, len(frames)))
    counts = np.zeros((len(blocks), n_bins))
    for row, block in zip(counts, blocks, strict=True):
        for frame in block:
            points = np.ascontiguousarray(source.read(frame, frame + 1)[0], dtype=np.float64)
            row += _core.pair_histogram(
                lattice, periodic, points, first, second, float(r_max), n_bins
            )
        row /= len(block) * len(first)
    weights = np.array([len(block) for block in blocks]) / len(frames)
    per_center = weights @ counts
    edges = np.linspace(0.0, r_max, n_bins + 1)
    shells = 4.0 / 3.0 * np.pi * np.diff(edges**3)
    ideal = shells * len(second) / abs(float(np.linalg.det(matrix)))
    if len(blocks) > 1:
        g_se = np.std(counts / ideal, axis=0, ddof=1) / np.sqrt(len(blocks))
    else:
        g_se = np.full(n_bins, np.nan)
    return RdfResult(
        pair=pair,
        r_A=0.5 * (edges[1:] + edges[:-1]),
        g=per_center / ideal,
        coordination=np.cumsum(per_center),
        n_frames=len(frames),
        n_blocks=len(blocks),
        g_se=g_se,
        shell=first_shell(
            counts, ideal, edges, n_centers=len(frames) * len(first) if len(frames) > 1 else None
        ),
    )


def jump_distance(
    positions: ArrayLike,
    *,
    cell: ArrayLike,
    symbols: Sequence[str],
    species: str = "Li",
    r_max: float = 6.0,
    n_bins: int = 240,
    n_blocks: int = 4,
    max_frames: int = 400,
) -> tuple[float, float]:
    """Distance between neighboring sites: first peak of g(r) of the mobile ions.

    Parameters
    ----------
    positions : (n_frames, n_atoms, 3) array, Å
        Frames of a trajectory.
    cell : (3, 3) array, Å
        Rows are the lattice vectors.
    symbols : (n_atoms,) sequence of str
        Chemical symbols.
    species : str
        Mobile element.
    r_max, n_bins, n_blocks, max_frames
        As in :func:`rdf`.

    Returns
    -------
    distance, se : float
        Position of the peak and its standard error over the blocks, Å.

    Raises
    ------
    DataError
        Fewer than two frames per block, or no peak that stands out in every block.

    Examples
    --------
    >>> import numpy as np
    >>> from ase.build import bulk
    >>> atoms = bulk("Li", "sc", a=3.2).repeat(3)
    >>> frames = atoms.positions + np.random.default_rng(0).normal(0.0, 0.2, (200, 27, 3))
    >>> distance, se = jump_distance(frames, cell=atoms.cell.array, symbols=["Li"] * 27)
    >>> abs(distance - 3.2) < 0.05, se < 0.05
    (True, True)
    """
    frames = np.asarray(positions, dtype=np.float64)
    if frames.ndim != 3 or n_blocks < 2 or len(frames) < 2 * n_blocks:
        raise DataError(
            f"jump distance needs at least two frames in each of {n_blocks} blocks, got an array "
            f"of shape {frames.shape}"
        )
    found = rdf(
        frames,
        cell=cell,
        pair=(species, species),
        symbols=symbols,
        r_max=r_max,
        n_bins=n_bins,
        n_blocks=n_blocks,
        max_frames=max_frames,
    )
    if found.shell is None or found.shell.peak_se_A is None:
        raise DataError(
            f"g(r) of {species}-{species} has no peak that stands out up to {r_max:g} Å"
        )
    return found.shell.peak_A, found.shell.peak_se_A
