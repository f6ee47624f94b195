"""Errors of D from the data themselves: spread between ions, between blocks, in concert.

The analytic covariance of :mod:`lionn_rs.analysis.transport.gls` assumes independent, equivalent
ions in a steady state. Ions of different mobility, ions that hop in concert, slow changes of the
structure and differences between runs show up as a spread between ions, blocks or runs that is
larger than predicted. An error from few blocks is itself uncertain by tens of percent: what is done
with it is said in :func:`lionn_rs.analysis.transport.uncertainty.reported_error`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from lionn_rs import _core
from lionn_rs.analysis._records import Record
from lionn_rs.analysis.transport.gls import LineFit, choose_lags, fit_line
from lionn_rs.analysis.transport.msd import msd
from lionn_rs.analysis.transport.trajectory import Floats

FEWEST = 4
"""Fewer ions or blocks give no usable spread."""
MOST_BLOCKS = 20
CONCERTED_LAG_FS = 500.0
"""Ions that hop within this time of each other count as hopping together."""
LAGS_PER_BLOCK = 3
"""A block is at least this many times as long as the first lag of the fit."""
OVERLAP_GAIN = 1.5
"""Degrees of freedom per window if windows start at every frame: the squares of two windows are
correlated by the share u of their overlap if hops are rare, ``1/integral u^2 = 3/2``; more
(5/2) for many small steps."""
FRAMES_AT_ONCE = 10_000
"""Frames whose displacements are in memory at once."""
SIGNIFICANCE = 0.05
"""A spread counts as larger than predicted below this probability of chance."""


@dataclass(frozen=True, kw_only=True)
class SpreadError(Record):
    """Relative standard error of D from the spread of ions, time blocks or windows."""

    kind: str
    """``ions``, ``blocks``, ``concerted`` or ``runs``."""
    n: int
    """Number of ions, blocks, independent windows or runs."""
    relative_sd: float
    """Standard error of the mean over D."""
    predicted_relative_sd: float
    """What the analytic covariance predicts for the same estimator."""
    significant: bool
    """The spread is larger than predicted at the 5 % level."""

    @property
    def dof(self) -> float:
        """Degrees of freedom of the observed variance."""
        return OVERLAP_GAIN * self.n if self.kind == "concerted" else self.n - 1.0

    @property
    def inflation(self) -> float:
        """Observed over predicted error."""
        return self.relative_sd / self.predicted_relative_sd


@dataclass(frozen=True, kw_only=True)
class ErrorEstimate(Record):
    """One way to a diffusivity and its error."""

    method: str
    diffusivity_cm2_s: float
    relative_sd: float | None
    """Standard deviation over D; None where only the interval is known."""
    interval_cm2_s: tuple[float, float]
    """Nominal 95 % interval."""
    reported: bool
    """Whether the method of the result is this one."""
    note: str


def ion_spread(positions: Floats, carriers: NDArray[np.intp], line: LineFit) -> SpreadError | None:
    """Error of the slope from the ion-to-ion spread of the same linear estimator.

    Parameters
    ----------
    positions : (n_frames, n_atoms, 3) float64, Å
        Unwrapped, drift removed.
    carriers : (k,) int
        Indices of the ions.
    line : LineFit
        The fit whose weights are applied to each ion.

    Returns
    -------
    SpreadError or None
        None for fewer than 4 ions or a slope that is not positive.
    """
    if len(carriers) < FEWEST or line.slope <= 0.0:
        return None
    slopes = ion_slopes(positions, carriers, line)
    return _compare("ions", slopes, line.slope, line.slope_sd)


def block_spread(
    positions: Floats, carriers: NDArray[np.intp], line: LineFit, *, hop_length_A: float
) -> SpreadError | None:
    """Error of the slope from its spread between consecutive blocks of the run.

    Each block gets its own MSD; one line estimator, fitted to their mean, is applied to all, with
    the same first lag and at most two thirds of the block as last lag.

    Parameters
    ----------
    positions, carriers, line
        As in :func:`ion_spread`.
    hop_length_A : float
        Hop length of the discreteness term, Å.

    Returns
    -------
    SpreadError or None
        None if the run is shorter than four blocks.
    """
    n_frames = len(positions)
    first = int(line.lags[0])
    n_blocks = min(MOST_BLOCKS, (n_frames - 1) // (LAGS_PER_BLOCK * first))
    if n_blocks < FEWEST or line.slope <= 0.0:
        return None
    length = n_frames // n_blocks
    lags = choose_lags(first, min(2 * length // 3, int(line.lags[-1])))
    if len(lags) < 3:
        return None
    ions = _paths(positions, carriers)
    curves = np.array(
        [msd(ions[block * length : (block + 1) * length])[0] for block in range(n_blocks)]
    )
    fit = fit_line(curves.mean(axis=0), lags, n_particles=len(carriers), hop_length_A=hop_length_A)
    slopes = curves[:, :, lags].sum(axis=1) @ fit.weights
    return _compare("blocks", slopes, line.slope, fit.slope_sd / float(np.sqrt(n_blocks)))


def concerted_spread(
    positions: Floats, carriers: NDArray[np.intp], line: LineFit, *, frame_interval_fs: float
) -> SpreadError | None:
    """Error of the slope when ions hop together: fewer independent movers than ions.

    Ratio of the variance over time of the mean squared displacement of all ions within half a
    picosecond to the variance of one ion over their number. It is 1 for independent ions and m for
    groups of m ions that hop as one; short windows see it where blocks of the run are too few.

    Parameters
    ----------
    positions, carriers, line
        As in :func:`ion_spread`.
    frame_interval_fs : float
        Time between frames, fs.

    Returns
    -------
    SpreadError or None
        None for one ion, or fewer than four windows.
    """
    lag = max(round(CONCERTED_LAG_FS / frame_interval_fs), 1)
    n_windows = (len(positions) - lag) // lag
    if n_windows < FEWEST or len(carriers) < 2 or line.slope <= 0.0:
        return None
    ions = _paths(positions, carriers)
    # Moments of each ion block by block: all squares would be as large as a trajectory.
    mean = np.empty(len(ions) - lag)
    first, second = np.zeros(len(carriers)), np.zeros(len(carriers))
    for start in range(0, len(mean), FRAMES_AT_ONCE):
        stop = min(start + FRAMES_AT_ONCE, len(mean))
        steps = ions[start + lag : stop + lag] - ions[start:stop]
        squares = np.einsum("fax,fax->fa", steps, steps)
        mean[start:stop] = squares.mean(axis=1)
        first += squares.sum(axis=0) / len(mean)
        second += (squares**2).sum(axis=0) / len(mean)
    alone = float(np.mean(second - first**2)) / len(carriers)
    if alone <= 0.0:
        return None
    ratio = float(np.var(mean)) / alone
    relative, dof = line.slope_sd / line.slope, OVERLAP_GAIN * n_windows
    return SpreadError(
        kind="concerted",
        n=n_windows,
        relative_sd=relative * float(np.sqrt(ratio)),
        predicted_relative_sd=relative,
        significant=float(stats.chi2.sf(dof * ratio, dof)) < SIGNIFICANCE,
    )


def run_spread(
    positions: Floats, carriers: NDArray[np.intp], line: LineFit, *, n_runs: int
) -> SpreadError | None:
    """Error of the slope from its spread between independent runs.

    Parameters
    ----------
    positions : (n_frames, n_runs * n_ions, 3) float64, Å
        The carriers of all runs, one run after the other.
    carriers, line
        As in :func:`ion_spread`.
    n_runs : int
        Number of runs.

    Returns
    -------
    SpreadError or None
        None for one run.
    """
    if n_runs < 2 or line.slope <= 0.0:
        return None
    slopes = ion_slopes(positions, carriers, line).reshape(n_runs, -1).mean(axis=1)
    return _compare("runs", slopes, line.slope, line.slope_sd)


def ion_slopes(positions: Floats, carriers: NDArray[np.intp], line: LineFit) -> Floats:
    """Slope of each ion's own MSD by the same linear estimator, Å² per frame; their mean is D's."""
    single = _core.msd_per_atom(positions, carriers.astype(np.uint64), line.lags.astype(np.uint64))
    return np.asarray(single.sum(axis=2) @ line.weights)


def bootstrap_interval(
    slopes: Floats, *, n_runs: int, seed: int = 0, n_samples: int = 2000
) -> tuple[float, float] | None:
    """95 % percentile interval of the mean slope: runs drawn with repeats, then ions of each.

    With fewer than four runs only the ions are drawn, within their run.

    Parameters
    ----------
    slopes : (n_runs * n_ions,) float64
        From :func:`ion_slopes`, one run after the other.
    n_runs : int
        Number of runs.
    seed : int
        Of the drawing.
    n_samples : int
        Bootstrap samples.

    Returns
    -------
    (low, high) or None
        None for fewer than four ions, or if a mean is not positive.

    References
    ----------
    B. Efron, R. J. Tibshirani, An Introduction to the Bootstrap, Chapman and Hall (1993), ch. 8.
    """
    table = slopes.reshape(n_runs, -1)
    n_ions = table.shape[1]
    if slopes.size < FEWEST:
        return None
    rng = np.random.default_rng(seed)
    runs = np.broadcast_to(np.arange(n_runs), (n_samples, n_runs))
    if n_runs >= FEWEST:
        runs = rng.integers(n_runs, size=(n_samples, n_runs))
    ions = rng.integers(n_ions, size=(n_samples, n_runs, n_ions))
    means = table[runs[:, :, None], ions].mean(axis=(1, 2))
    low, high = (float(q) for q in np.quantile(means, [0.025, 0.975]))
    return (low, high) if low > 0.0 else None


def _paths(positions: Floats, carriers: NDArray[np.intp]) -> Floats:
    """Paths of the carriers; no copy if there is nothing else."""
    if np.array_equal(carriers, np.arange(positions.shape[1])):
        return positions
    return np.ascontiguousarray(positions[:, carriers])


def _compare(kind: str, slopes: Floats, slope: float, predicted: float) -> SpreadError:
    n = len(slopes)
    observed = float(np.std(slopes, ddof=1) / np.sqrt(n))
    chance = float(stats.chi2.sf((n - 1) * (observed / predicted) ** 2, n - 1))
    return SpreadError(
        kind=kind,
        n=n,
        relative_sd=observed / slope,
        predicted_relative_sd=predicted / slope,
        significant=chance < SIGNIFICANCE,
    )
