"""Several errors of one diffusivity side by side: ours, and those that others report."""

from __future__ import annotations

import numpy as np
from scipy import stats

from lionn_rs.analysis.transport.conductivity import Z95
from lionn_rs.analysis.transport.gls import LineFit
from lionn_rs.analysis.transport.resampling import (
    FEWEST,
    ErrorEstimate,
    SpreadError,
    bootstrap_interval,
    ion_slopes,
)
from lionn_rs.analysis.transport.trajectory import Floats
from lionn_rs.analysis.transport.uncertainty import HE_FLOOR, HE_SLOPE, Run

NOTES = {
    "gls": "analytic covariance with discrete hops",
    "ions": "spread between ions",
    "blocks": "spread between blocks of the run",
    "concerted": "ions that hop together",
    "runs": "spread between independent runs",
}


def side_by_side(
    run: Run, line: LineFit, spreads: tuple[SpreadError, ...], curve: Floats, method: str
) -> tuple[ErrorEstimate, ...]:
    """List all errors of a diffusive run.

    Parameters
    ----------
    run : Run
        The run.
    line : LineFit
        Its generalized least squares.
    spreads : tuple of SpreadError
        Observed spreads.
    curve : (3, n_frames) float64, Å²
        MSD of the carriers.
    method : str
        The method of the result.

    Returns
    -------
    tuple of ErrorEstimate
    """
    value, used = line.slope * run.to_cm2_s, method.split("+", maxsplit=1)[0]

    def entry(name: str, relative: float, quantile: float, note: str) -> ErrorEstimate:
        spread = float(np.exp(quantile * relative))
        return ErrorEstimate(
            method=name,
            diffusivity_cm2_s=value,
            relative_sd=relative,
            interval_cm2_s=(value / spread, value * spread),
            reported=name == used,
            note=note,
        )

    found = [entry("gls", line.slope_sd / line.slope, Z95, NOTES["gls"])]
    found += [
        entry(s.kind, s.relative_sd, float(stats.t.ppf(0.975, s.dof)), NOTES[s.kind])
        for s in spreads
    ]
    drawn = bootstrap_interval(ion_slopes(run.relative, run.carriers, line), n_runs=run.n_runs)
    if drawn is not None:
        found.append(
            ErrorEstimate(
                method="bootstrap",
                diffusivity_cm2_s=value,
                relative_sd=None,
                interval_cm2_s=(drawn[0] * run.to_cm2_s, drawn[1] * run.to_cm2_s),
                reported=False,
                note="ions drawn with repeats" + (", and runs" if run.n_runs >= FEWEST else ""),
            )
        )
    hops = len(run.carriers) * line.slope * (run.n_frames - 1) / run.site**2
    he = HE_SLOPE / float(np.sqrt(hops)) + HE_FLOOR
    found.append(entry("he2018", he, Z95, "empirical, He et al. 2018, eq. 13"))
    return (*found, _ordinary(run, line, curve))


def _ordinary(run: Run, line: LineFit, curve: Floats) -> ErrorEstimate:
    """Unweighted line through the same window, as in the source paper."""
    lags = np.arange(line.lags[0], line.lags[-1] + 1)
    fit = stats.linregress(lags, curve[:, lags].sum(axis=0))
    value, half = float(fit.slope), Z95 * float(fit.stderr)
    return ErrorEstimate(
        method="ols",
        diffusivity_cm2_s=value * run.to_cm2_s,
        relative_sd=float(fit.stderr) / abs(value),
        interval_cm2_s=((value - half) * run.to_cm2_s, (value + half) * run.to_cm2_s),
        reported=False,
        note="unweighted line; its error treats MSD values as independent: far too small",
    )
