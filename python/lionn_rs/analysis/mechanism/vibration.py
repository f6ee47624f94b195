"""Vibration of ions around the sites that they stay in."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lionn_rs.analysis.mechanism.jump_records import Vibration
from lionn_rs.analysis.mechanism.visits import Integers, Visits
from lionn_rs.analysis.transport.sources import FrameSource, atom_blocks
from lionn_rs.analysis.transport.trajectory import Floats


def site_vibration(
    source: FrameSource, atoms: NDArray[np.intp], visits: Visits, place: Floats
) -> Vibration | None:
    """Displacement from the mean place in the site, between entering and last being inside.

    Parameters
    ----------
    source : FrameSource
        Unwrapped positions, drift removed; read in blocks of ions.
    atoms : (n_ions,) int
        Indices of the ions.
    visits : Visits
        Their stays.
    place : (n_visits, 3) float64, Å
        Center of the image of the site of each stay.

    Returns
    -------
    Vibration or None
        ``None`` without stays.
    """
    if len(visits.ion) == 0:
        return None
    length = visits.last_inside - visits.enter + 1
    first, second = _moments(source, atoms, visits, place, length)
    # Moments about the center of the site, then about the mean place in it.
    n = np.bincount(visits.site, length)
    sums = np.stack([np.bincount(visits.site, column) for column in first.T], axis=1)
    mean = (sums / np.maximum(n, 1)[:, None])[visits.site]
    square = second - mean * (2.0 * first - length[:, None] * mean)
    axes = np.sqrt(square.sum(axis=0) / length.sum())
    weight = np.bincount(visits.ion, length, minlength=visits.n_ions)
    total = np.bincount(visits.ion, square.mean(axis=1), minlength=visits.n_ions)
    variance = float(total.sum() / weight.sum())
    error = None
    if visits.n_ions > 1:
        spread = np.sum((total - weight * variance) ** 2) * visits.n_ions / (visits.n_ions - 1)
        # d sqrt(v) = dv / (2 sqrt(v))
        error = float(np.sqrt(spread) / weight.sum() / (2.0 * np.sqrt(variance)))
    return Vibration(
        amplitude_A=float(np.sqrt(variance)),
        amplitude_se_A=error,
        axes_A=(float(axes[0]), float(axes[1]), float(axes[2])),
    )


def _moments(
    source: FrameSource, atoms: NDArray[np.intp], visits: Visits, place: Floats, length: Integers
) -> tuple[Floats, Floats]:
    """Add up displacements from the center of the site and their squares (n_visits, 3)."""
    first, second = np.empty((len(place), 3)), np.empty((len(place), 3))
    done = 0
    for some, paths in atom_blocks(source, atoms):
        begin, end = np.searchsorted(visits.ion, [done, done + len(some)])
        if end > begin:
            own = slice(begin, end)
            starts = np.concatenate([[0], np.cumsum(length[own])[:-1]])
            visit = np.repeat(np.arange(begin, end), length[own])
            frame = np.arange(len(visit)) + np.repeat(visits.enter[own] - starts, length[own])
            offset = paths[frame, visits.ion[visit] - done] - place[visit]
            first[own] = np.add.reduceat(offset, starts)
            offset *= offset
            second[own] = np.add.reduceat(offset, starts)
        done += len(some)
    return first, second
