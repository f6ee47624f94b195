"""Generalized least squares line through a window-averaged MSD, with its analytic covariance.

MSD values at different lags of one run share most of their windows and are strongly correlated;
least squares that ignores this reports an error thousands of times too small. Here the covariance
is computed, not sampled:

``C_ij = (1/N) { 2 sum_axes <G_i G_j>_windows + a^2 s <overlap_ij>_windows }``

*First term*: exact for ``N`` independent Gaussian coordinates whose structure function is the MSD
itself (measured below the fit window, the fitted line above it), so diffusion, vibration and
rattling inside a cage are all in it. For plain diffusion and ``t_i <= t_j << T`` it is ``2 sum_axes
(2 D_axis)^2 (t_i^2 t_j - t_i^3/3) / (N T)``, isotropic ``(2/3) (6D)^2 (...)/(N T)``. *Second term*:
diffusion by rare hops of length ``a`` instead of many small steps (``s`` is the slope 6D): the
fourth cumulant of a compound Poisson process, in the same limit ``a^2 6D t_i t_j / (N T)``. It adds
``1/N_eff`` to the relative variance of D, ``N_eff = 6 D N T / a^2`` hops, and does not change the
best line.

References
----------
H. Qian, M. P. Sheetz, E. L. Elson, Biophys. J. 60, 910 (1991), doi 10.1016/S0006-3495(91)82125-7;
X. Michalet, Phys. Rev. E 82, 041914 (2010), doi 10.1103/PhysRevE.82.041914;
A. R. McCluskey, S. W. Coles, B. J. Morgan, J. Chem. Theory Comput. 21, 79 (2025),
doi 10.1021/acs.jctc.4c01249 (covariance from the observed variance, sampled posterior).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import LinAlgError, cho_factor, cho_solve

from lionn_rs import _core
from lionn_rs.analysis.transport.trajectory import Floats
from lionn_rs.errors import DataError

N_LAGS = 30
"""Lags used in a fit; more add nothing, neighbors are almost perfectly correlated."""
RIDGE = 1e-9
"""Relative increase of the diagonal that keeps the Cholesky factorization stable."""
LARGEST_RIDGE = 1e-2
"""Beyond this the MSD is not described by the line at all."""
N_ITERATIONS = 4
"""Most rounds of covariance and slope; two or three are the rule."""
CONVERGED = 0.05
"""Change of the slope, in its standard deviations, at which the rounds end."""
SMALLEST_SHARE = 1e-3
"""An axis whose fitted slope is below this share of the mean keeps that share in the covariance."""


@dataclass(frozen=True)
class LineFit:
    """Straight line through MSD values, in frames: ``MSD = intercept + slope * lag``."""

    lags: NDArray[np.int64]
    """(n,) lags in frames."""
    slope: float
    """Å² per frame."""
    slope_sd: float
    """Standard deviation of the slope, Å² per frame."""
    intercept: float
    """Å²."""
    intercept_sd: float
    """Standard deviation of the intercept, Å²."""
    weights: Floats
    """(n,) the slope is ``weights @ msd``."""
    covariance: Floats
    """(n, n) covariance of the MSD values, Å⁴."""
    curvature_z: float
    """Coefficient of an added quadratic term, in its standard deviations."""
    slope_change: float
    """Change of the slope from the first to the last lag by that term, relative to the slope."""


def choose_lags(first: int, last: int) -> NDArray[np.int64]:
    """About ``N_LAGS`` lags from ``first`` to ``last``, denser at the short, precise end."""
    spaced = 0.5 * (np.linspace(first, last, N_LAGS) + np.geomspace(first, last, N_LAGS))
    return np.unique(np.round(spaced).astype(np.int64))


def fit_line(
    curve: Floats, lags: NDArray[np.int64], *, n_particles: int, hop_length_A: float
) -> LineFit:
    """Best line through the sum over the given axes.

    Parameters
    ----------
    curve : (n_axes, n_frames) float64, Å²
        Window-averaged MSD along each axis, at every lag in frames.
    lags : (n,) int
        Lags of the fit, ascending.
    n_particles : int
        Number of independently moving ions (1 for a collective displacement).
    hop_length_A : float
        Hop length ``a`` of the discreteness term, Å.

    Returns
    -------
    LineFit
    """
    values = curve[:, lags].sum(axis=0)
    design = np.column_stack([np.ones(len(lags)), lags.astype(float)])
    slopes = np.array([np.polyfit(lags, axis[lags], 1)[0] for axis in curve])
    for _ in range(N_ITERATIONS):
        covariance = msd_covariance(
            curve, slopes, lags, n_particles=n_particles, hop_length_A=hop_length_A
        )
        solution, spread, gain = _solve(design, values, covariance)
        previous, slopes = slopes, np.array([gain[1] @ axis[lags] for axis in curve])
        if np.abs(slopes - previous).max() < CONVERGED * spread[1, 1] ** 0.5:
            break
    _, wide, wide_gain = _solve(
        np.column_stack([design, (lags / lags[-1]) ** 2]), values, covariance
    )
    bend = float(wide_gain[2] @ values)
    change = 2.0 * bend * float(lags[-1] - lags[0]) / float(lags[-1]) ** 2
    return LineFit(
        lags=lags,
        slope=float(solution[1]),
        slope_sd=float(np.sqrt(spread[1, 1])),
        intercept=float(solution[0]),
        intercept_sd=float(np.sqrt(spread[0, 0])),
        weights=gain[1],
        covariance=covariance,
        curvature_z=bend / float(np.sqrt(wide[2, 2])),
        slope_change=change / abs(float(solution[1])),
    )


def msd_covariance(
    curve: Floats,
    slopes: Floats,
    lags: NDArray[np.int64],
    *,
    n_particles: int,
    hop_length_A: float,
    n_frames: int | None = None,
) -> Floats:
    """Covariance of the window-averaged MSD (sum over the axes) at the given lags, Å⁴.

    Parameters
    ----------
    curve : (n_axes, n_frames) float64, Å²
        MSD; used as the structure function up to the first lag.
    slopes : (n_axes,) float64
        Å² per frame; the structure function beyond the first lag.
    lags : (n,) int
        Lags in frames, ascending.
    n_particles, hop_length_A
        As in :func:`fit_line`.
    n_frames : int, optional
        Length of the run that the average is taken over, if not that of ``curve``.

    Returns
    -------
    (n, n) float64
    """
    length = curve.shape[1] if n_frames is None else n_frames
    first = int(lags[0])
    frames = lags.astype(np.uint64)
    floor = SMALLEST_SHARE * max(float(np.mean(np.abs(slopes))), 1e-12)
    gentle = np.maximum(slopes, floor)
    result = np.zeros((len(lags), len(lags)))
    for axis, slope in zip(curve, gentle, strict=True):
        structure = np.empty(length)
        structure[: first + 1] = axis[: first + 1]
        structure[first:] = axis[first] + slope * np.arange(length - first)
        result += 2.0 * _core.window_products(structure, frames, first, 2)
    if hop_length_A > 0.0:
        overlap = _window_overlap(length, tuple(lags.tolist()))
        result += hop_length_A**2 * float(gentle.sum()) * overlap
    return result / n_particles


@lru_cache(maxsize=8)
def _window_overlap(length: int, lags: tuple[int, ...]) -> Floats:
    """Mean over pairs of windows of the frames that they share, (n, n); read only."""
    ramp = np.arange(length, dtype=np.float64)
    overlap: Floats = _core.window_products(ramp, np.array(lags, dtype=np.uint64), 0, 1)
    overlap.setflags(write=False)
    return overlap


def _solve(design: Floats, values: Floats, covariance: Floats) -> tuple[Floats, Floats, Floats]:
    """Solution, its covariance, and the matrix that maps values to the solution."""
    scale = np.sqrt(np.diag(covariance))
    if not np.all(np.isfinite(scale)) or np.any(scale <= 0.0):
        raise DataError("MSD has no spread at some lag: the atoms do not move")
    factor = _factorize(covariance / np.outer(scale, scale))
    scaled = design / scale[:, None]
    weighted = cho_solve(factor, scaled)
    spread: Floats = np.asarray(np.linalg.inv(scaled.T @ weighted), dtype=np.float64)
    gain = spread @ weighted.T / scale
    return gain @ values, spread, gain


def _factorize(correlation: Floats) -> tuple[Floats, bool]:
    """Cholesky factor, with as small a ridge as it takes.

    A measured structure function joined to a line need not be that of any process, and its
    covariance can have slightly negative eigenvalues.
    """
    ridge, identity = RIDGE, np.eye(len(correlation))
    while True:
        try:
            factor, lower = cho_factor(correlation + ridge * identity, lower=True)
        except LinAlgError:
            ridge *= 10.0
            if ridge > LARGEST_RIDGE:
                raise DataError(
                    f"the covariance of {len(correlation)} MSD values is not positive definite: "
                    "the MSD bends too sharply for a line, use longer runs or another window"
                ) from None
        else:
            return factor, bool(lower)


def hop_length(moments: Floats, growth: Floats) -> float:
    """Effective hop length from the fourth cumulant of the displacements, Å.

    Independent hops of length ``a`` give ``<r^4> - <r^2>^2 - 2 sum_axes <x^2>^2 = a^2 (6 D t)``
    (fourth cumulant of a compound Poisson process); harmonic vibration adds nothing. The estimate
    is the mean over the given lags. Ions of different mobility raise it, which widens the error.

    Parameters
    ----------
    moments : (n_lags, 8) float64
        From ``_core.displacement_moments``.
    growth : (n_lags,) float64, Å²
        ``6 D t`` at these lags: the MSD without vibration.

    Returns
    -------
    float
        0 if the cumulant is not positive.
    """
    second = moments[:, :3]
    cumulant = moments[:, 7] - moments[:, 6] ** 2 - 2.0 * np.sum(second**2, axis=1)
    return float(np.sqrt(max(np.mean(cumulant / growth), 0.0)))
