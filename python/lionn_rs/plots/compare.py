"""Figures that compare two sources of dynamics: Arrhenius overlay, radial distributions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from lionn_rs.analysis import ArrheniusResult, RdfResult
from lionn_rs.analysis.comparison.permutation import RdfDifference
from lionn_rs.analysis.comparison.result import Comparison
from lionn_rs.analysis.comparison.tests import Diffusivity
from lionn_rs.errors import DataError

from .diffusion import temperature_axis
from .style import COLORS, GRAY, LIGHT, new_figure, one_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MARKERS = ("o", "s")
LINES = ("-", (0, (4, 1.5)))
SHIFT = 0.006
"""Points of the two sides stand apart by twice this share of the axis."""


def plot_comparison(result: Comparison, ax: Axes | None = None) -> Figure:
    """Diffusivities of both sides against reciprocal temperature, with lines and 95 % bands.

    Runs that were not diffusive appear as upper limits.

    Parameters
    ----------
    result : Comparison
        The comparison.
    ax : Axes, optional
        Where to draw; default a new figure.

    Returns
    -------
    Figure
    """
    labels = "1000 K / T", "D / cm² s$^{-1}$"
    with one_axes(ax, *labels, width_in=4.2, height_in=3.4) as (figure, axes):
        sides = (
            (result.name_a, result.a, result.fit_a),
            (result.name_b, result.b, result.fit_b),
        )
        temperatures = sorted({r.temperature_K for _, found, _ in sides for r in found})
        low, high = 1000.0 / temperatures[-1], 1000.0 / temperatures[0]
        margin = max(0.06 * (high - low), 0.03)
        axes.set_xlim(low - margin, high + margin)
        for k, (name, found, fit) in enumerate(sides):
            label = name
            if fit is not None:
                half = fit.quantile * fit.activation_energy_sd_eV
                label = f"{name}: $E_a$ = {fit.activation_energy_eV:.2f} ± {half:.2f} eV"
                _draw_line(axes, fit, k)
            step = (2 * k - 1) * SHIFT * (high - low + 2 * margin)
            _draw_points(axes, found, k, step, label)
        axes.set_yscale("log")
        temperature_axis(axes, temperatures)
        axes.legend(loc="lower left", title="points and bands: 95 %", title_fontsize=7)
    return figure


def _draw_line(axes: Axes, fit: ArrheniusResult, k: int) -> None:
    used = [p.temperature_K for p in fit.points]
    grid = np.linspace(1000.0 / max(used), 1000.0 / min(used), 100)
    band = [fit.predict(1000.0 / x) for x in grid]
    edges = np.array([b.interval_cm2_s for b in band])
    axes.fill_between(grid, edges[:, 0], edges[:, 1], color=COLORS[k], alpha=0.18, linewidth=0)
    center = [b.diffusivity_cm2_s for b in band]
    axes.plot(grid, center, color=COLORS[k], linestyle=LINES[k])


def _draw_points(
    axes: Axes, results: Sequence[Diffusivity], k: int, step: float, label: str
) -> None:
    known = [r for r in results if r.diffusivity_cm2_s and r.interval_cm2_s]
    if known:
        x = np.array([1000.0 / r.temperature_K for r in known]) + step
        y = np.array([r.diffusivity_cm2_s for r in known], dtype=np.float64)
        ends = np.array([r.interval_cm2_s for r in known], dtype=np.float64)
        axes.errorbar(
            x, y, yerr=[y - ends[:, 0], ends[:, 1] - y], fmt=MARKERS[k], color=COLORS[k],
            markersize=4, capsize=2, linewidth=0.9, label=label,
        )  # fmt: skip
    bounded = [r for r in results if not r.diffusive]
    if bounded:
        x = np.array([1000.0 / r.temperature_K for r in bounded]) + step
        y = np.array([r.upper_bound_cm2_s for r in bounded])
        text = "not diffusive, upper limit" if known else f"{label}: upper limit"
        axes.errorbar(
            x, y, yerr=[0.5 * y, 0.0 * y], uplims=np.ones(len(y), dtype=bool), fmt="_",
            color=COLORS[k], markersize=9, linewidth=1.0, label=text,
        )  # fmt: skip


def plot_rdf_pairs(
    curves: Sequence[tuple[RdfResult, RdfResult]],
    differences: Sequence[RdfDifference],
    *,
    names: tuple[str, str],
) -> Figure:
    """g(r) of two sides, one panel per pair, with their difference below.

    The bands are one standard error of the mean.

    Parameters
    ----------
    curves : sequence of (RdfResult, RdfResult)
        Both sides, one entry per pair.
    differences : sequence of RdfDifference
        Of the same pairs.
    names : (str, str)
        Of the sides.

    Returns
    -------
    Figure

    Raises
    ------
    DataError
        Without curves.
    """
    if not curves:
        raise DataError("plot_rdf_pairs: no pairs")
    columns = min(4, len(curves))
    if len(curves) in (5, 6, 9):
        columns = 3
    rows = -(-len(curves) // columns)
    ratios = {"height_ratios": [2.4, 1.0] * rows}
    size = {"width_in": max(1.95 * columns + 0.3, 3.5), "height_in": 2.5 * rows + 0.4}
    with new_figure(2 * rows, columns, **size, gridspec_kw=ratios) as (figure, axes):
        for k, ((a, b), difference) in enumerate(zip(curves, differences, strict=True)):
            row, column = divmod(k, columns)
            above, below = axes[2 * row, column], axes[2 * row + 1, column]
            _draw_pair(above, a, b, difference, names)
            _draw_difference(below, a, b)
            if column == 0:
                above.set_ylabel("g(r)")
                below.set_ylabel("difference")
            if k + columns >= len(curves):
                below.set_xlabel("r / Å")
        for k in range(len(curves), rows * columns):
            row, column = divmod(k, columns)
            axes[2 * row, column].set_visible(False)
            axes[2 * row + 1, column].set_visible(False)
        handles, labels = axes[0, 0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper center", ncols=2)
    return figure


def _draw_pair(
    ax: Axes, a: RdfResult, b: RdfResult, difference: RdfDifference, names: tuple[str, str]
) -> None:
    ax.axhline(1.0, color=LIGHT, linewidth=0.8)
    for k, (name, curve) in enumerate(zip(names, (a, b), strict=True)):
        color, low, high = COLORS[k], curve.g - curve.g_se, curve.g + curve.g_se
        ax.fill_between(curve.r_A, low, high, color=color, alpha=0.25, linewidth=0)
        ax.plot(curve.r_A, curve.g, color=color, linestyle=LINES[k], linewidth=1.1, label=name)
    title = "–".join(a.pair)
    if difference.test is not None:
        title += f"   p = {difference.test.adjusted_p:.2g}"
    ax.set_title(title, fontsize=8)
    ax.set_xlim(0.0, float(a.r_A[-1]))
    ax.set_ylim(bottom=0.0)
    ax.tick_params(labelbottom=False)


def _draw_difference(ax: Axes, a: RdfResult, b: RdfResult) -> None:
    value, error = a.g - b.g, np.hypot(a.g_se, b.g_se)
    ax.axhline(0.0, color=LIGHT, linewidth=0.8)
    ax.fill_between(a.r_A, value - error, value + error, color=GRAY, alpha=0.35, linewidth=0)
    ax.plot(a.r_A, value, color="black", linewidth=0.8)
    ax.set_xlim(0.0, float(a.r_A[-1]))
    most = max(1.1 * float(np.max(np.abs(value))), 0.05)
    ax.set_ylim(-most, most)
