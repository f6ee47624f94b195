"""Choice of the diffusive window, and the decision that a run does not have one.

Lower end: the first lag at which the MSD has passed half a squared site distance (X. He, Y. Zhu, A.
Epstein, Y. Mo, npj Comput. Mater. 4, 18 (2018), doi 10.1038/s41524-018-0074-y) and at least 1 ps,
but not beyond half of the last lag; moved up while a quadratic term is beyond doubt. A
slope that falls steeply in every window tried belongs to subdiffusive motion and is refused. Upper
end: half of the run, as in He et al.

The MSD must grow by a quarter of a squared site distance inside the window. He et al. ask for half;
that refuses a fifth of runs of twenty ions with forty hops, the slow ones, and the rest gives D 6 %
too high on average. A bound for refused runs must then undo a selection, see
:func:`lionn_rs.analysis.transport.uncertainty.upper_bound`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lionn_rs.analysis._records import Record
from lionn_rs.analysis.transport.gls import LineFit, choose_lags, fit_line
from lionn_rs.analysis.transport.trajectory import Floats
from lionn_rs.errors import DataError
from lionn_rs.units import PS_TO_FS

UPPER_FRACTION = 0.5
"""Last lag of the window over the length of the run (He et al. 2018)."""
START_FRACTION = 0.5
"""The window starts where the MSD passes this fraction of the squared site distance (He et al.)."""
GROWTH_FRACTION = 0.25
"""The MSD must grow by this fraction of the squared site distance inside the window."""
SHORTEST_LAG_FS = 1000.0
"""Several periods of the slowest rattling; also the first lag of pymatgen's ``smoothed="max"``."""
CURVATURE_LIMIT = 2.0
"""Standard deviations of the quadratic term up to which the MSD counts as straight; beyond, half of
the change of slope is added to the error."""
N_STARTS = 8
"""Candidate starts, spaced geometrically."""
WIDTH = 2.0
"""The last lag is at least this many times the first."""
CERTAIN_CURVATURE = 3.0
"""Standard deviations at which a bend is no accident: the window starts later. A lower limit picks
out runs that are bent by chance and moves their slope by two standard deviations."""
LARGEST_FALL = 0.5
"""Relative fall of a significantly bent slope inside the window above which D is refused."""
SIGNIFICANT_SLOPE = 1.96
"""Slope over its standard deviation below which there is no diffusion to report."""


@dataclass(frozen=True, kw_only=True)
class FitWindow(Record):
    """Where the line was fitted and how straight the MSD is there."""

    start_ps: float
    """First lag, ps."""
    end_ps: float
    """Last lag, ps."""
    n_lags: int
    """Lags in the fit."""
    msd_start_A2: float
    """MSD at the first lag, Å²."""
    msd_end_A2: float
    """MSD at the last lag, Å²."""
    intercept_A2: float
    """Intercept of the line (vibration and local rattling), Å²."""
    log_log_slope: float
    """d ln MSD / d ln t over the window; 1 for diffusion, less with an intercept."""
    curvature_z: float
    """Quadratic term in its standard deviations."""
    slope_change: float
    """Change of the slope inside the window by that term, relative to the slope."""
    chosen_by: str
    """``automatic`` or ``user``."""


@dataclass(frozen=True)
class WindowChoice:
    """The fit in the chosen window, or the reason why there is none."""

    line: LineFit | None
    refusal: str
    straight: bool
    chosen_by: str


def choose_window(
    curve: Floats,
    frame_interval_fs: float,
    *,
    n_particles: int,
    site_distance_A: float,
    window_ps: tuple[float, float] | None = None,
) -> WindowChoice:
    """Find the window in which the MSD is a straight line, or say why there is none.

    Parameters
    ----------
    curve : (3, n_frames) float64, Å²
        Window-averaged MSD of the carriers.
    frame_interval_fs : float
        Time between frames, fs.
    n_particles : int
        Number of carriers.
    site_distance_A : float
        Distance between neighboring sites, Å.
    window_ps : (start, end), optional
        Use this window; the tests that can refuse a number still apply.

    Returns
    -------
    WindowChoice

    Raises
    ------
    DataError
        If the window given does not fit the run.
    """
    total = curve.sum(axis=0)
    n_frames = len(total)
    needed = GROWTH_FRACTION * site_distance_A**2
    if window_ps is not None:
        frames = [t * PS_TO_FS / frame_interval_fs for t in window_ps]
        first, last = (round(t) if np.isfinite(t) else -1 for t in frames)
        if not 0 < first < last < n_frames or last - first < 2:
            raise DataError(
                f"fit window {window_ps[0]:g}-{window_ps[1]:g} ps does not fit a run of "
                f"{(n_frames - 1) * frame_interval_fs / PS_TO_FS:g} ps with frames every "
                f"{frame_interval_fs:g} fs"
            )
        line = _fit(curve, first, last, n_particles, site_distance_A)
        reason = _span_refusal(total, first, last, needed) or _line_refusal(line)
        return WindowChoice(line, reason, abs(line.curvature_z) <= CURVATURE_LIMIT, "user")

    last = int(UPPER_FRACTION * (n_frames - 1))
    if float(total[: last + 1].max()) < needed:
        return WindowChoice(None, _too_small(total[: last + 1], needed), False, "automatic")
    passed = total[: last + 1] >= START_FRACTION * site_distance_A**2
    reached = int(np.argmax(passed)) if passed.any() else last
    shortest = int(np.ceil(SHORTEST_LAG_FS / frame_interval_fs))
    first = max(min(reached, int(last / WIDTH)), shortest, 1)
    if first * WIDTH > last or last - first < 2:
        reason = (
            f"a run of {(n_frames - 1) * frame_interval_fs / PS_TO_FS:.1f} ps is too short: the "
            f"window must reach from {first * frame_interval_fs / PS_TO_FS:g} ps, above the "
            f"rattling of the ions, to {WIDTH:g} times that within half of the run"
        )
        return WindowChoice(None, reason, False, "automatic")
    reason = _span_refusal(total, first, last, needed)
    starts = np.unique(np.round(np.geomspace(first, last / WIDTH, N_STARTS)).astype(int))
    fits = []
    for start in starts:
        fits.append(_fit(curve, int(start), last, n_particles, site_distance_A))
        if abs(fits[-1].curvature_z) <= CERTAIN_CURVATURE:
            break
    line = min(fits, key=lambda fit: abs(fit.curvature_z))
    straight = abs(line.curvature_z) <= CURVATURE_LIMIT
    return WindowChoice(line, reason or _line_refusal(line), straight, "automatic")


def describe(line: LineFit, curve: Floats, frame_interval_fs: float, chosen_by: str) -> FitWindow:
    """Record of the window of a fit."""
    total = curve.sum(axis=0)
    first, last = int(line.lags[0]), int(line.lags[-1])
    return FitWindow(
        start_ps=first * frame_interval_fs / PS_TO_FS,
        end_ps=last * frame_interval_fs / PS_TO_FS,
        n_lags=len(line.lags),
        msd_start_A2=float(total[first]),
        msd_end_A2=float(total[last]),
        intercept_A2=line.intercept,
        log_log_slope=float(np.polyfit(np.log(line.lags), np.log(total[line.lags]), 1)[0]),
        curvature_z=line.curvature_z,
        slope_change=line.slope_change,
        chosen_by=chosen_by,
    )


def _fit(curve: Floats, first: int, last: int, n_particles: int, hop: float) -> LineFit:
    return fit_line(curve, choose_lags(first, last), n_particles=n_particles, hop_length_A=hop)


def _too_small(total: Floats, needed: float) -> str:
    return (
        f"the largest MSD is {float(total.max()):.2f} Å², below {needed:.2f} Å² "
        "(a quarter of a squared site distance): the ions have hardly left their sites"
    )


def _span_refusal(total: Floats, first: int, last: int, needed: float) -> str:
    span = float(total[last] - total[first])
    if span >= needed:
        return ""
    return (
        f"the MSD grows by {span:.2f} Å² inside the fit window, less than {needed:.2f} Å² "
        "(a quarter of a squared site distance)"
    )


def _line_refusal(line: LineFit) -> str:
    if line.curvature_z < -CERTAIN_CURVATURE and line.slope_change < -LARGEST_FALL:
        return (
            f"the slope of the MSD still falls by {-100 * line.slope_change:.0f} % inside the fit "
            f"window ({-line.curvature_z:.1f} standard deviations): the motion is subdiffusive, "
            "the ions may be trapped in cages"
        )
    if line.slope > SIGNIFICANT_SLOPE * line.slope_sd:
        return ""
    return (
        f"the slope of the MSD is not significantly positive ({line.slope / line.slope_sd:.1f} "
        "standard deviations)"
    )
