"""How long ions stay in a site, with stays that the run cuts off taken into account."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2

from lionn_rs.analysis._records import Record
from lionn_rs.analysis.mechanism.visits import Visits
from lionn_rs.analysis.transport.trajectory import Floats

LEVEL = 0.95


@dataclass(frozen=True, kw_only=True)
class Residence(Record):
    """Residence time in sites of one kind, or of all kinds."""

    label: str
    """Kind of site, ``all`` for all of them."""
    n_exits: int
    """Stays whose end was seen."""
    n_cut: int
    """Stays that the beginning or the end of the run cuts off."""
    exposure_ps: float
    """Time in such sites, summed over the ions, ps."""
    mean_ps: float | None
    """Maximum-likelihood mean of an exponential distribution: exposure by exits, ps."""
    mean_interval_ps: tuple[float, float | None]
    """95 % interval of the mean (exact for a Poisson process); no upper end without exits."""
    median_ps: float | None
    """Median of the Kaplan-Meier curve, ps; ``None`` if more than half outlive the run."""
    time_ps: Floats
    """(n,) times at which the survival curve steps, ps, from 0."""
    survival: Floats
    """(n,) Kaplan-Meier estimate of the probability to stay longer."""
    survival_se: Floats
    """(n,) its standard error (Greenwood's formula)."""

    @property
    def exponential_ratio(self) -> float | None:
        """Median by ``ln 2`` times the mean: 1 for an exponential, less where ions soon go back."""
        if self.median_ps is None or not self.mean_ps:
            return None
        return self.median_ps / (float(np.log(2.0)) * self.mean_ps)


def residence(
    visits: Visits,
    chosen: NDArray[np.bool_],
    *,
    label: str,
    frame_interval_fs: float,
) -> Residence:
    """Residence time of chosen visits.

    The exponential mean uses all of the time in the sites: a stay that had begun before the run is
    as good as any other for a process without memory, and one that outlives the run counts as
    time without exit. The survival curve makes no such assumption and leaves out stays whose
    beginning was not seen.

    Parameters
    ----------
    visits : Visits
        All stays.
    chosen : (n_visits,) bool
        Stays that count.
    label : str
        Words for the record.
    frame_interval_fs : float
        Time between frames, fs.

    Returns
    -------
    Residence

    References
    ----------
    E. L. Kaplan, P. Meier, J. Am. Stat. Assoc. 53, 457 (1958), doi 10.2307/2281868.
    F. Garwood, Biometrika 28, 437 (1936), doi 10.1093/biomet/28.3-4.437 (interval).
    """
    dt = frame_interval_fs / 1000.0
    length = (visits.leave - visits.enter)[chosen]
    ended = (visits.leave < visits.n_frames)[chosen]
    exposure = float(length.sum()) * dt
    n = int(ended.sum())
    low, high = rate_interval(n)
    began = visits.follows[chosen]
    time, survival, error = kaplan_meier(length[began], ended[began])
    below = np.flatnonzero(survival <= 0.5)
    return Residence(
        label=label,
        n_exits=n,
        n_cut=int(np.sum(~ended | ~began)),
        exposure_ps=exposure,
        mean_ps=exposure / n if n else None,
        mean_interval_ps=(exposure / high, exposure / low if low > 0.0 else None),
        median_ps=float(time[below[0]]) * dt if len(below) else None,
        time_ps=time * dt,
        survival=survival,
        survival_se=error,
    )


def rate_interval(n: int) -> tuple[float, float]:
    """Exact 95 % interval of the mean of a Poisson variable that was found to be ``n``.

    Examples
    --------
    >>> [round(float(x), 2) for x in rate_interval(10)]
    [4.8, 18.39]
    """
    tail = 0.5 * (1.0 - LEVEL)
    low = 0.5 * float(chi2.ppf(tail, 2 * n)) if n else 0.0
    return low, 0.5 * float(chi2.ppf(1.0 - tail, 2 * n + 2))


def kaplan_meier(
    length: NDArray[np.int64], ended: NDArray[np.bool_]
) -> tuple[Floats, Floats, Floats]:
    """Survival curve of stays, some of which outlive the observation.

    Parameters
    ----------
    length : (n,) int64
        Observed lengths, frames.
    ended : (n,) bool
        Whether the end was seen.

    Returns
    -------
    time, survival, standard error : (m,) float64
        From time 0, one entry per distinct length of an ended stay.
    """
    times = np.unique(length[ended])
    ordered = np.sort(length)
    at_risk = len(ordered) - np.searchsorted(ordered, times, side="left")
    exits = np.bincount(np.searchsorted(times, length[ended]), minlength=len(times))
    survival = np.cumprod(1.0 - exits / at_risk)
    remaining = np.where(at_risk > exits, at_risk - exits, 1)
    variance = np.cumsum(np.where(at_risk > exits, exits / (at_risk * remaining), 0.0))
    return (
        np.concatenate([[0.0], times]),
        np.concatenate([[1.0], survival]),
        np.concatenate([[0.0], survival * np.sqrt(variance)]),
    )
