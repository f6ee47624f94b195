"""Van Hove functions: where an ion is, and where the others are, a time later."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lionn_rs import _core
from lionn_rs.analysis._records import Record
from lionn_rs.analysis.transport.sources import FrameSource, as_source, atom_blocks, read_frames
from lionn_rs.analysis.transport.trajectory import Floats, as_cell, as_symbols, members
from lionn_rs.errors import ConfigError
from lionn_rs.units import PS_TO_FS

N_BLOCKS = 5


@dataclass(frozen=True, kw_only=True)
class VanHoveSelf(Record):
    """Distribution of the displacement of single ions over a lag."""

    species: str
    n_ions: int
    lag_ps: Floats
    """(n_lags,) lag times, ps."""
    r_A: Floats
    """(n_bins,) bin centers, Å."""
    density: Floats
    """(n_lags, n_bins) ``4 pi r² G_s(r, t)``, 1/Å; its integral over all r is 1."""
    beyond: Floats
    """(n_lags,) part of the displacements longer than the last bin."""
    msd_A2: Floats
    """(n_lags,) mean squared displacement, Å²."""
    non_gaussian: Floats
    """(n_lags,) ``3 <r⁴> / (5 <r²>²) - 1``: 0 for Brownian motion, positive for hops."""


@dataclass(frozen=True, kw_only=True)
class VanHoveDistinct(Record):
    """Density of other ions around the place where an ion was a lag ago."""

    pair: tuple[str, str]
    """(at the time origin, a lag later)."""
    lag_ps: Floats
    """(n_lags,) lag times, ps; a lag of 0 is the radial distribution function."""
    r_A: Floats
    """(n_bins,) bin centers, Å."""
    g: Floats
    """(n_lags, n_bins) ``G_d(r, t) / rho``; 1 where nothing is known any more."""
    g_se: Floats
    """(n_lags, n_bins) standard error over blocks of time origins."""
    n_origins: int


def van_hove_self(
    positions: ArrayLike | FrameSource,
    *,
    frame_interval_fs: float,
    species: str,
    symbols: Sequence[str] | None = None,
    numbers: ArrayLike | None = None,
    lags_ps: Sequence[float] | None = None,
    r_max: float = 8.0,
    n_bins: int = 160,
) -> VanHoveSelf:
    """Self part of the van Hove function, over all time origins and ions.

    Parameters
    ----------
    positions : (n_frames, n_atoms, 3) array or FrameSource, Å
        Unwrapped positions, drift removed. A source is read in blocks of ions.
    frame_interval_fs : float
        Time between frames, fs.
    species : str
        Chemical symbol of the ions.
    symbols, numbers : (n_atoms,)
        Chemical symbols or atomic numbers, one of the two.
    lags_ps : sequence of float, optional
        Lag times, rounded to frames. Default: 40 lags, evenly on a logarithmic scale up to half of
        the trajectory.
    r_max : float
        End of the last bin, Å.
    n_bins : int
        Number of bins.

    Returns
    -------
    VanHoveSelf

    Raises
    ------
    ConfigError
        For a species that does not occur or a lag outside of the trajectory.

    References
    ----------
    L. Van Hove, Phys. Rev. 95, 249 (1954), doi 10.1103/PhysRev.95.249. Non-Gaussian parameter:
    A. Rahman, Phys. Rev. 136, A405 (1964), doi 10.1103/PhysRev.136.A405.

    Examples
    --------
    >>> import numpy as np
    >>> walk = np.cumsum(np.random.default_rng(1).standard_normal((400, 20, 3)), axis=0)
    >>> result = van_hove_self(walk, frame_interval_fs=1.0, species="Li", symbols=["Li"] * 20,
    ...                        lags_ps=[0.004], r_max=12.0)
    >>> print(round(float(result.density[0].sum() * 12.0 / 160), 2))
    1.0
    """
    source = as_source(positions)
    n_frames, n_atoms = source.shape[:2]
    atoms = members(as_symbols(n_atoms, symbols=symbols, numbers=numbers), species)
    lags = lag_frames(lags_ps, n_frames, frame_interval_fs)
    counts = np.zeros((len(lags), n_bins), dtype=np.uint64)
    squared, fourth = np.zeros(len(lags)), np.zeros(len(lags))
    for some, path in atom_blocks(source, atoms.astype(np.intp)):
        every = np.arange(len(some), dtype=np.uint64)
        counts += _core.van_hove_self(path, every, lags, float(r_max), n_bins)
        moments = _core.displacement_moments(path, every, lags) * (len(some) / len(atoms))
        squared += moments[:, 6]
        fourth += moments[:, 7]
    windows = (n_frames - lags.astype(float))[:, None] * len(atoms)
    still = squared <= 0.0
    ratio = np.divide(fourth, squared**2, out=np.full(len(lags), 5 / 3), where=~still)
    edges = np.linspace(0.0, r_max, n_bins + 1)
    return VanHoveSelf(
        species=species,
        n_ions=len(atoms),
        lag_ps=lags.astype(np.float64) * (frame_interval_fs / PS_TO_FS),
        r_A=0.5 * (edges[1:] + edges[:-1]),
        density=counts / windows / (r_max / n_bins),
        beyond=1.0 - counts.sum(axis=1) / windows[:, 0],
        msd_A2=squared,
        non_gaussian=3.0 / 5.0 * ratio - 1.0,
    )


def van_hove_distinct(
    positions: ArrayLike | FrameSource,
    *,
    cell: ArrayLike,
    frame_interval_fs: float,
    pair: tuple[str, str],
    symbols: Sequence[str] | None = None,
    numbers: ArrayLike | None = None,
    lags_ps: Sequence[float] | None = None,
    r_max: float = 8.0,
    n_bins: int = 100,
    max_origins: int = 100,
) -> VanHoveDistinct:
    """Distinct part of the van Hove function, relative to the mean density.

    A peak that grows at r = 0 says that ions move into places which others have left: concerted
    motion along sites.

    Parameters
    ----------
    positions : (n_frames, n_atoms, 3) array or FrameSource, Å
        Unwrapped positions, drift removed. Of a source only time origins and their partners are
        read.
    cell : (3, 3) array, Å
        Rows are the lattice vectors, all periodic.
    frame_interval_fs : float
        Time between frames, fs.
    pair : (str, str)
        Species at the time origin, species a lag later.
    symbols, numbers : (n_atoms,)
        Chemical symbols or atomic numbers, one of the two.
    lags_ps : sequence of float, optional
        Lag times, rounded to frames, 0 included. Default: 0 and 11 more up to half of the
        trajectory, evenly on a logarithmic scale.
    r_max : float
        End of the last bin, Å; may exceed half of the cell.
    n_bins : int
        Number of bins.
    max_origins : int
        At most this many evenly spaced time origins.

    Returns
    -------
    VanHoveDistinct

    Raises
    ------
    ConfigError
        For a species that does not occur, a lag outside of the trajectory, fewer than one origin.
    """
    matrix = as_cell(cell)
    source = as_source(positions)
    n_frames, n_atoms = source.shape[:2]
    names = as_symbols(n_atoms, symbols=symbols, numbers=numbers)
    first, second = (members(names, kind) for kind in pair)
    if max_origins < 1:
        raise ConfigError(f"van Hove function: max_origins must be at least 1, got {max_origins}")
    if lags_ps is None:
        some = lag_frames(None, n_frames, frame_interval_fs, n_lags=11)
        lags = np.concatenate([np.zeros(1, dtype=np.uint64), some])
    else:
        lags = lag_frames(lags_ps, n_frames, frame_interval_fs, smallest=0)
    edges = np.linspace(0.0, r_max, n_bins + 1)
    shells = 4.0 / 3.0 * np.pi * np.diff(edges**3)
    ideal = len(first) * shells * len(second) / abs(float(np.linalg.det(matrix)))
    g, g_se, n_origins = [], [], 0
    for lag in lags.astype(np.intp):
        n = min(max_origins, n_frames - lag)
        origins = np.unique(np.linspace(0, n_frames - 1 - lag, n).astype(np.intp))
        # The origins, then the frames a lag later: a lag of as many frames as there are origins.
        path = read_frames(source, np.concatenate([origins, origins + lag]))
        rows = np.arange(len(origins), dtype=np.uint64)
        counts = _core.van_hove_distinct(
            matrix.tolist(), path, first, second, rows, len(rows), float(r_max), n_bins
        )
        g.append(counts.mean(axis=0) / ideal)
        blocks = np.array_split(counts, min(N_BLOCKS, len(counts)))
        means = np.array([block.mean(axis=0) for block in blocks]) / ideal
        spread = np.std(means, axis=0, ddof=1) if len(means) > 1 else np.full(n_bins, np.nan)
        g_se.append(spread / np.sqrt(len(means)))
        n_origins = max(n_origins, len(origins))
    return VanHoveDistinct(
        pair=pair,
        lag_ps=lags.astype(np.float64) * (frame_interval_fs / PS_TO_FS),
        r_A=0.5 * (edges[1:] + edges[:-1]),
        g=np.array(g),
        g_se=np.array(g_se),
        n_origins=n_origins,
    )


def lag_frames(
    lags_ps: Sequence[float] | None,
    n_frames: int,
    frame_interval_fs: float,
    *,
    smallest: int = 1,
    n_lags: int = 40,
) -> NDArray[np.uint64]:
    """Lag times as rising numbers of frames; the default is logarithmic up to half of the frames.

    Raises
    ------
    ConfigError
        For a lag below one frame (or below 0) or beyond the trajectory.
    """
    if not frame_interval_fs > 0.0:
        raise ConfigError(f"frame_interval_fs must be positive, got {frame_interval_fs}")
    if n_frames < 2:
        raise ConfigError(f"a lag needs at least 2 frames, got {n_frames}")
    if lags_ps is None:
        last = max((n_frames - 1) // 2, 1)
        return np.unique(np.round(np.geomspace(1, last, n_lags)).astype(np.uint64))
    frames = [round(float(lag) * PS_TO_FS / frame_interval_fs) for lag in lags_ps]
    for lag, frame in zip(lags_ps, frames, strict=True):
        if not smallest <= frame < n_frames:
            raise ConfigError(
                f"lag of {lag:g} ps does not fit {n_frames} frames every {frame_interval_fs:g} fs "
                f"(from {smallest * frame_interval_fs / PS_TO_FS:g} to "
                f"{(n_frames - 1) * frame_interval_fs / PS_TO_FS:g} ps)"
            )
    return np.unique(np.array(frames, dtype=np.uint64))
