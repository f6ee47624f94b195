"""From the fitted line to an error bar, an upper bound and the diffusivity along each axis."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from lionn_rs import _core
from lionn_rs.units import A2_FS_TO_CM2_S

from .conductivity import Z95
from .gls import LineFit, fit_line, hop_length
from .msd import AXES
from .resampling import SpreadError, block_spread, concerted_spread, ion_spread
from .results import AxisDiffusivity
from .trajectory import Floats
from .window import LARGEST_FALL, UPPER_FRACTION

HE_SLOPE, HE_FLOOR = 3.43, 0.04
"""RSD = 3.43/sqrt(N_eff) + 0.04, He et al. 2018, eq. 13."""
LARGEST_HOP_A = 12.0
"""A larger estimate comes from immobile and mobile ions in one average, not from hops."""
ONE_SIDED_95 = 1.6448536269514722
"""One-sided 95 % point of the normal distribution."""
NO_HOP_EVENTS = 3.0
"""95 % upper limit of a Poisson mean when no event was seen, -ln(0.05)."""


@dataclass(frozen=True)
class Run:
    """A trajectory ready to be analyzed."""

    relative: Floats
    names: NDArray[np.str_]
    carriers: NDArray[np.intp]
    curves: dict[str, Floats]
    interval_fs: float
    site: float
    given_hop: float | None
    carrier: str

    @property
    def n_frames(self) -> int:
        """Number of frames."""
        return len(self.relative)

    @property
    def to_cm2_s(self) -> float:
        """From a slope of the summed MSD in Å²/frame to a diffusivity."""
        return A2_FS_TO_CM2_S / (6.0 * self.interval_fs)


def estimate_hop(run: Run, line: LineFit) -> tuple[float, str]:
    """Hop length from the fourth cumulant at the short end of the window, with its source.

    Not below the site distance: rattling between split sites must not narrow the error.
    """
    if line.slope <= 0.0:
        return run.site, "site distance"
    first = int(line.lags[0])
    lags = np.unique(np.linspace(first, min(2 * first, int(line.lags[-1])), 4).astype(np.uint64))
    moments = _core.displacement_moments(run.relative, run.carriers.astype(np.uint64), lags)
    estimate = min(hop_length(moments, line.slope * lags.astype(float)), LARGEST_HOP_A)
    if estimate <= run.site:
        return run.site, f"site distance (estimate {estimate:.2f} Å is smaller)"
    return estimate, "fourth cumulant of the displacements"


def spread_errors(run: Run, line: LineFit, hop: float) -> tuple[SpreadError, ...]:
    """Observed spreads between ions, blocks and windows, where the run allows them."""
    found = (
        ion_spread(run.relative, run.carriers, line),
        block_spread(run.relative, run.carriers, line, hop_length_A=hop),
        concerted_spread(run.relative, run.carriers, line, frame_interval_fs=run.interval_fs),
    )
    return tuple(spread for spread in found if spread is not None)


def widest(
    line: LineFit, spreads: tuple[SpreadError, ...], straight: bool
) -> tuple[str, float, float]:
    """Choose the error: method, standard deviation of ln D, half width of its 95 % interval."""
    gls = line.slope_sd / line.slope
    options = [(Z95 * gls, "gls", gls)]
    for spread in spreads:
        if spread.significant:
            inflated = gls * max(spread.inflation, 1.0)
            quantile = float(stats.t.ppf(0.975, spread.n - 1))
            options.append((quantile * inflated, spread.kind, inflated))
    half_width, method, ln_sd = max(options)
    if not straight:
        bend = 0.5 * abs(line.slope_change)
        half_width *= float(np.hypot(ln_sd, bend)) / ln_sd
        method, ln_sd = f"{method}+curvature", float(np.hypot(ln_sd, bend))
    return method, ln_sd, half_width


def axis_diffusivities(
    run: Run, line: LineFit, hop: float, ln_sd: float | None
) -> tuple[AxisDiffusivity, ...]:
    """Per axis, with the error scaled like that of the total."""
    inflation = 1.0 if ln_sd is None else ln_sd / (line.slope_sd / line.slope)
    result = []
    for k, axis in enumerate(AXES):
        fit = fit_line(
            run.curves[run.carrier][k : k + 1],
            line.lags,
            n_particles=len(run.carriers),
            hop_length_A=hop,
        )
        result.append(
            AxisDiffusivity(
                axis=axis,
                diffusivity_cm2_s=3.0 * fit.slope * run.to_cm2_s,
                sd_cm2_s=3.0 * fit.slope_sd * inflation * run.to_cm2_s,
            )
        )
    return tuple(result)


def upper_bound(curve: Floats, run: Run, line: LineFit | None) -> float:
    """One-sided 95 % upper bound of D, cm²/s.

    With a nonnegative intercept ``D <= MSD(t)/(6t)`` at every lag; the bound adds the statistical
    error that a truly diffusive MSD of that size would have, and never falls below the three hops
    that may be missed (Poisson) when none is seen.
    """
    n, total = len(run.carriers), curve.sum(axis=0)
    last = max(int(UPPER_FRACTION * (run.n_frames - 1)), 2)
    lags = np.unique(np.array([max(last // 2, 1), last]))
    bounds = []
    for lag in lags:
        slope = float(total[lag]) / lag
        hops = n * slope * (run.n_frames - 1) / run.site**2
        gaussian = 4.0 / 9.0 * lag / (n * (run.n_frames - lag))
        spread = float(np.sqrt(gaussian + 1.0 / max(hops, 1.0)))
        bounds.append(slope * float(np.exp(ONE_SIDED_95 * spread)))
    bound = min(bounds)
    if line is not None and line.slope > 0.0:
        fitted = line.slope + ONE_SIDED_95 * line.slope_sd
        # A bent line can only flatten further: its slope is a bound as well. Otherwise the bound
        # must not cut into the interval of D.
        bent = line.curvature_z < 0.0 and line.slope_change < -LARGEST_FALL
        bound = min(bound, fitted) if bent else max(bound, fitted)
    floor = NO_HOP_EVENTS * run.site**2 / (n * (run.n_frames - 1))
    return float(max(bound, floor) * run.to_cm2_s)
