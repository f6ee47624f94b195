"""From the fitted line to an error bar, an upper bound and the diffusivity along each axis."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from lionn_rs import _core
from lionn_rs.analysis.transport.excess import NONE, Excess, excess
from lionn_rs.analysis.transport.gls import LineFit, fit_line, hop_length
from lionn_rs.analysis.transport.msd import AXES
from lionn_rs.analysis.transport.resampling import (
    SpreadError,
    block_spread,
    concerted_spread,
    ion_spread,
    run_spread,
)
from lionn_rs.analysis.transport.results import AxisDiffusivity
from lionn_rs.analysis.transport.trajectory import Floats
from lionn_rs.analysis.transport.window import LARGEST_FALL, UPPER_FRACTION
from lionn_rs.units import A2_FS_TO_CM2_S

HE_SLOPE, HE_FLOOR = 3.43, 0.04
"""RSD = 3.43/sqrt(N_eff) + 0.04, He et al. 2018, eq. 13."""
LARGEST_HOP_A = 12.0
"""A larger estimate comes from immobile and mobile ions in one average, not from hops."""
SELECTED = 0.99
"""One-sided probability of an upper bound; see :func:`upper_bound`."""
DOUBTFUL = 0.2
"""Probability below which a spread of few blocks or runs doubts the errors found without it."""
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
    n_runs: int = 1
    """Independent runs, whose carriers stand one run after the other."""

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
        run_spread(run.relative, run.carriers, line, n_runs=run.n_runs),
    )
    return tuple(spread for spread in found if spread is not None)


def reported_error(
    line: LineFit, spreads: tuple[SpreadError, ...], straight: bool
) -> tuple[str, float, float]:
    """Error that is reported: method, standard deviation of ln D, half width of its 95 % interval.

    The analytic variance times what the spreads say of its excess
    (:mod:`lionn_rs.analysis.transport.excess`). The excess between ions and that of ions in concert
    add up. Blocks and runs see all that changes with time or from run to run, but are few: they
    count where a spread as large as theirs has a probability below ``DOUBTFUL`` with the errors
    found so far, and then raise those. The method is the spread that shows the largest excess among
    those that show one more likely than not, ``gls`` if none does.
    """
    found = {spread.kind: spread for spread in spreads}
    parts: dict[str, Excess] = {
        kind: excess(found[kind].inflation ** 2, found[kind].dof)
        for kind in ("ions", "concerted")
        if kind in found
    }
    total = parts.get("concerted", NONE)
    for kind in ("blocks", "runs"):
        # Blocks do not see how ions differ, runs do.
        if kind == "runs":
            total = total.plus(parts.get("ions", NONE))
        if kind in found:
            spread, ratio = found[kind], (found[kind].inflation / total.sd) ** 2
            if stats.chi2.sf(spread.dof * ratio, spread.dof) < DOUBTFUL:
                parts[kind] = excess(ratio, spread.dof)
                total = total.times(parts[kind])
    gls = line.slope_sd / line.slope
    ln_sd, half_width = gls * total.sd, gls * total.half_width
    likely = {kind: part.sd for kind, part in parts.items() if part.probability > 0.5}
    method = max(likely, key=likely.__getitem__, default="gls")
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
    """Upper bound of D, cm²/s, that holds in 95 % of the runs that get no value.

    With a nonnegative intercept ``D <= MSD(t)/(6t)`` at every lag. A truly diffusive MSD of that
    size is worth ``n = 1/RSD²`` events; the bound is the Poisson limit for ``n`` events, and that
    of none (three hops) when there are none. Runs without a value are the slow ones among all runs
    of the same kind: to hold for them the limit is that of 99 %.
    """
    n, total = len(run.carriers), curve.sum(axis=0)
    last = max(int(UPPER_FRACTION * (run.n_frames - 1)), 2)
    slope = float(total[last]) / last
    hops = n * slope * (run.n_frames - 1) / run.site**2
    gaussian = 4.0 / 9.0 * last / (n * (run.n_frames - last))
    events = 1.0 / (gaussian + 1.0 / max(hops, 1e-12))
    bound = slope * float(stats.chi2.ppf(SELECTED, 2.0 * (events + 1.0))) / (2.0 * events)
    if line is not None and line.slope > 0.0:
        fitted = line.slope * float(np.exp(stats.norm.ppf(SELECTED) * line.slope_sd / line.slope))
        # A bent line can only flatten further: its slope is a bound as well. Otherwise the bound
        # must not cut into the interval of D.
        bent = line.curvature_z < 0.0 and line.slope_change < -LARGEST_FALL
        bound = min(bound, fitted) if bent else max(bound, fitted)
    floor = NO_HOP_EVENTS * run.site**2 / (n * (run.n_frames - 1))
    return float(max(bound, floor) * run.to_cm2_s)
