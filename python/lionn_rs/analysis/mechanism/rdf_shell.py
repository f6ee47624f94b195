"""The first shell of a radial distribution function: peak, minimum, coordination number, errors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lionn_rs.analysis._records import Record
from lionn_rs.analysis.transport.trajectory import Floats

SMOOTHING_A = 0.08
"""Standard deviation of the smoothing before extrema are looked for, Å; a tenth of a first peak."""
MIN_PROMINENCE = 0.15
"""A peak rises above the higher of its two flanks by this part of its height, at least."""
MIN_RISE = 0.1
"""... by this much in g(r)."""
MIN_NOISE = 5.0
"""... and by this many standard deviations of independent counts, unless there is one frame."""


@dataclass(frozen=True, kw_only=True)
class Shell(Record):
    """First shell of neighbors; errors are delete-one-block jackknife standard errors."""

    peak_A: float
    """Position of the first peak of g(r), Å."""
    peak_se_A: float | None
    """Its standard error; ``None`` with fewer than two blocks."""
    peak_g: float
    """Height of the smoothed peak."""
    minimum_A: float | None
    """Minimum behind the peak, Å; ``None`` if g(r) does not rise again."""
    minimum_se_A: float | None
    coordination: float | None
    """Neighbors of one center up to the minimum."""
    coordination_se: float | None
    """Includes the uncertainty of where the minimum is."""


def first_shell(
    counts: Floats, ideal: Floats, edges: Floats, *, n_centers: int | None
) -> Shell | None:
    """First peak and what it holds, with errors over blocks of the trajectory.

    Parameters
    ----------
    counts : (n_blocks, n_bins) float64
        Neighbors of one center per bin, mean of each block.
    ideal : (n_bins,) float64
        The same for an ideal gas.
    edges : (n_bins + 1,) float64, Å
        Edges of the bins.
    n_centers : int or None
        Centers times frames behind the counts, to tell peaks from noise; ``None`` for a single
        structure, whose peaks all count.

    Returns
    -------
    Shell or None
        ``None`` if there is no peak that stands out.
    """
    found = _extrema(counts.mean(axis=0), ideal, edges, n_centers)
    if found is None:
        return None
    n_blocks = len(counts)
    left_out = []
    if n_blocks > 1:
        total = counts.sum(axis=0)
        left_out = [
            _extrema((total - block) / (n_blocks - 1), ideal, edges, n_centers) for block in counts
        ]
    errors = [_jackknife([None if e is None else e[k] for e in left_out]) for k in range(4)]
    return Shell(
        peak_A=float(found[0] or 0.0),
        peak_se_A=errors[0],
        peak_g=float(found[1] or 0.0),
        minimum_A=found[2],
        minimum_se_A=None if found[2] is None else errors[2],
        coordination=found[3],
        coordination_se=None if found[3] is None else errors[3],
    )


def _jackknife(values: list[float | None]) -> float | None:
    """Return the standard error from values that leave out one block each."""
    known = [value for value in values if value is not None]
    if len(known) < 2 or len(known) < len(values):
        return None
    return float(np.sqrt((len(known) - 1) * np.var(known)))


def _extrema(
    counts: Floats, ideal: Floats, edges: Floats, n_centers: int | None
) -> tuple[float | None, float | None, float | None, float | None] | None:
    """Peak position and height, position of the minimum, coordination number."""
    from scipy.ndimage import gaussian_filter1d
    from scipy.signal import find_peaks

    width = float(edges[1] - edges[0])
    r = 0.5 * (edges[1:] + edges[:-1])
    g = gaussian_filter1d(counts / ideal, SMOOTHING_A / width, mode="nearest")
    noise = np.zeros_like(g)
    if n_centers is not None:
        # A Gaussian average is as good as one over 2 sqrt(pi) standard deviations.
        pairs = g * ideal / width * 2.0 * np.sqrt(np.pi) * SMOOTHING_A * n_centers
        noise = np.divide(g, np.sqrt(pairs), out=noise, where=pairs > 0.0)
    candidates, properties = find_peaks(g, prominence=0.0)
    rise = properties["prominences"]
    needed = np.maximum(np.maximum(MIN_PROMINENCE * g, MIN_RISE), MIN_NOISE * noise)[candidates]
    peaks = candidates[rise >= needed].tolist()
    if not peaks:
        return None
    peak = peaks[0]
    position = _vertex(r, g, peak)
    last = peaks[1] if len(peaks) > 1 else len(g) - 1
    valley = g[peak : last + 1]
    # A flat bottom (no atoms at all) has its minimum in the middle.
    lowest = np.flatnonzero(valley <= valley.min() + 1e-9 * g[peak])
    bottom = peak + int(lowest[len(lowest) // 2])
    if len(peaks) == 1 and g[bottom:].max() - g[bottom] < MIN_RISE:
        return position, float(g[peak]), None, None
    cumulated = float(np.interp(r[bottom], edges[1:], np.cumsum(counts)))
    minimum = float(r[bottom]) if len(lowest) > 1 else _vertex(r, g, bottom)
    return position, float(g[peak]), minimum, cumulated


def _vertex(r: Floats, g: Floats, k: int) -> float:
    """Vertex of the parabola through three points around an extremum, at most one bin away."""
    if not 0 < k < len(g) - 1:
        return float(r[k])
    left, middle, right = (float(x) for x in g[k - 1 : k + 2])
    bend = left - 2.0 * middle + right
    shift = 0.0 if bend == 0.0 else 0.5 * (left - right) / bend
    return float(r[k] + np.clip(shift, -1.0, 1.0) * (r[1] - r[0]))
