"""Figures of diffusion: MSD per temperature and axis, Arrhenius plot."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from lionn_rs.analysis import ArrheniusResult, DiffusionResult
from lionn_rs.analysis.arrhenius.fit import SIGNIFICANCE
from lionn_rs.analysis.transport.trajectory import Floats
from lionn_rs.errors import DataError
from lionn_rs.numbers import interval, significant
from lionn_rs.units import BOLTZMANN_EV_K

from .style import (
    COLORS,
    DOUBLE_IN,
    GRAY,
    LIGHT,
    new_figure,
    one_axes,
    panel_label,
    temperature_colors,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

AXIS_NAMES = ("x", "y", "z")
SHOWN_FRACTION = 0.7
"""Share of the lags drawn; longer lags have too few windows to be more than noise."""


def plot_msd(results: Sequence[DiffusionResult]) -> Figure:
    """MSD of the carriers at all temperatures, on logarithmic and linear axes.

    The fit window is thick, the fitted line dashed; runs without diffusion are gray and
    dotted.

    Parameters
    ----------
    results : sequence of DiffusionResult
        One or several runs.

    Returns
    -------
    Figure

    Raises
    ------
    DataError
        Without results.
    """
    if not results:
        raise DataError("plot_msd: no results")
    with new_figure(1, 2, width_in=DOUBLE_IN, height_in=3.0) as (figure, axes):
        logarithmic, linear = axes[0]
        colors = temperature_colors([r.temperature_K for r in results])
        seen: set[float] = set()
        for result in sorted(results, key=lambda r: -r.temperature_K):
            label = None
            if result.temperature_K not in seen:
                label = f"{result.temperature_K:g} K"
                seen.add(result.temperature_K)
            if not result.diffusive:
                label = f"{result.temperature_K:g} K, not diffusive"
            for ax in (logarithmic, linear):
                _draw_run(ax, result, colors[result.temperature_K], label)
        logarithmic.set_xscale("log")
        logarithmic.set_yscale("log")
        _slope_guide(logarithmic, results)
        linear.set_xlim(left=0.0)
        linear.set_ylim(bottom=0.0)
        carrier = results[0].carrier
        for ax, letter in ((logarithmic, "a"), (linear, "b")):
            ax.set_xlabel("lag time / ps")
            ax.set_ylabel(f"MSD of {carrier} / Å²")
            panel_label(ax, letter)
        linear.legend(loc="upper left")
    return figure


def _draw_run(ax: Axes, result: DiffusionResult, color: Any, label: str | None) -> None:
    shown = result.msd.lag_ps <= SHOWN_FRACTION * result.run_ps
    lag, total = result.msd.lag_ps[shown], result.msd.total_A2[shown]
    if not result.diffusive or result.window is None or result.diffusivity_cm2_s is None:
        ax.plot(lag, total, color=color, linestyle=":", linewidth=1.3, label=label)
        return
    window = result.window
    inside = (lag >= window.start_ps) & (lag <= window.end_ps)
    ax.plot(lag, total, color=color, linewidth=0.9, alpha=0.7)
    ax.plot(lag[inside], total[inside], color=color, linewidth=2.4, label=label)
    ends = np.array([window.start_ps, window.end_ps])
    # 1 cm²/s is 1e4 Å²/ps.
    line = window.intercept_A2 + 6.0 * result.diffusivity_cm2_s * 1e4 * ends
    if result.interval_cm2_s is not None:
        fan = [line[0] + 6e4 * d * (ends - ends[0]) for d in result.interval_cm2_s]
        ax.fill_between(ends, fan[0], fan[1], color=color, alpha=0.18, linewidth=0)
    ax.plot(ends, line, color="black", linestyle="--", linewidth=0.9)


def _slope_guide(ax: Axes, results: Sequence[DiffusionResult]) -> None:
    """Short line of log-log slope 1, above the hottest curve."""
    end = min(SHOWN_FRACTION * r.run_ps for r in results)
    x = np.array([0.08 * end, 0.3 * end])
    highest = max(float(np.interp(x[0], r.msd.lag_ps, r.msd.total_A2)) for r in results)
    y = 2.5 * highest * x / x[0]
    ax.plot(x, y, color="black", linewidth=0.8)
    ax.annotate(
        "slope 1",
        (float(x[0]), float(y[0])),
        xytext=(-3, 0),
        textcoords="offset points",
        ha="right",
        va="center",
        fontsize=7.5,
    )


def plot_msd_axes(result: DiffusionResult, ax: Axes | None = None) -> Figure:
    """MSD along x, y and z, with that of the framework species.

    Parameters
    ----------
    result : DiffusionResult
        One run.
    ax : Axes, optional
        Where to draw; default a new figure.

    Returns
    -------
    Figure
    """
    with one_axes(ax, "lag time / ps", "MSD per axis / Å²") as (figure, axes):
        shown = result.msd.lag_ps <= SHOWN_FRACTION * result.run_ps
        lag = result.msd.lag_ps[shown]
        values = {a.axis: a for a in result.axes}
        for k, name in enumerate(AXIS_NAMES):
            text = f"{result.carrier}, {name}"
            if name in values:
                one = values[name]
                text += f": {_times_ten(one.diffusivity_cm2_s, one.sd_cm2_s)} cm²/s"
            axes.plot(lag, result.msd.axes_A2[k][shown], color=COLORS[k], label=text)
        for k, curve in enumerate(result.framework_msd):
            axes.plot(
                curve.lag_ps[shown],
                curve.total_A2[shown] / 3.0,
                color=GRAY,
                linewidth=0.9,
                linestyle=(0, (4 - k % 3, 1 + k)),
                label=f"{curve.label} (framework, mean)",
            )
        if result.window is not None and result.diffusive:
            axes.axvspan(
                result.window.start_ps, result.window.end_ps, color=LIGHT, alpha=0.3, linewidth=0
            )
        axes.set_xlim(0.0, float(lag[-1]))
        # Room for the legend above the curves.
        axes.set_ylim(0.0, 1.55 * float(result.msd.axes_A2[:, shown].max()))
        axes.set_title(f"{result.temperature_K:g} K", loc="right")
        axes.legend(loc="upper left")
    return figure


def _times_ten(value: float, sd: float) -> str:
    """Value and error with a common power of ten."""
    power = int(np.floor(np.log10(max(abs(value), sd, 1e-30))))
    return f"({value / 10.0**power:.1f} ± {sd / 10.0**power:.1f})·10$^{{{power}}}$"


def plot_arrhenius(fit: ArrheniusResult, ax: Axes | None = None) -> Figure:
    """Diffusivity against reciprocal temperature with the 95 % band and the extrapolation.

    Runs that were not diffusive appear as upper limits, direct runs as stars; two segments are
    drawn where they are significantly better than one, VTF where it was fitted. An extrapolation
    that the data do not support is not drawn, and the legend says so.

    Parameters
    ----------
    fit : ArrheniusResult
        The fit.
    ax : Axes, optional
        Where to draw; default a new figure.

    Returns
    -------
    Figure
    """
    labels = "1000 K / T", "D / cm² s$^{-1}$"
    with one_axes(ax, *labels, width_in=4.2, height_in=3.4) as (figure, axes):
        at = fit.extrapolation
        used = [p.temperature_K for p in fit.points]
        every = [*used, *(bound.temperature_K for bound in fit.upper_bounds)]
        every += [run.temperature_K for run in fit.direct]
        every += [at.temperature_K] if at.supported else []
        low, high = 1000.0 / max(every), 1000.0 / min(every)
        margin = 0.04 * (high - low)
        grid = np.linspace(low - margin, high + margin, 200)
        band = [fit.predict(1000.0 / x) for x in grid]
        center = np.array([b.diffusivity_cm2_s for b in band])
        edges = np.array([b.interval_cm2_s for b in band])
        inside = (grid >= 1000.0 / max(used)) & (grid <= 1000.0 / min(used))
        axes.fill_between(grid, edges[:, 0], edges[:, 1], color=COLORS[5], alpha=0.25, linewidth=0)
        axes.plot(grid, center, color=COLORS[0], linestyle="--", linewidth=1.0)
        axes.plot(grid[inside], center[inside], color=COLORS[0], linewidth=1.6)
        x = np.array([1000.0 / p.temperature_K for p in fit.points])
        y = np.array([p.diffusivity_cm2_s for p in fit.points])
        low, high = np.array([p.interval_cm2_s for p in fit.points]).T
        axes.errorbar(
            x, y, yerr=[y - low, high - y], fmt="o", color="black", markersize=4,
            capsize=2, linewidth=0.9, label="runs, 95 %",
        )  # fmt: skip
        _draw_alternatives(axes, fit, grid)
        _draw_extrapolation(axes, fit)
        _draw_direct(axes, fit)
        for k, bound in enumerate(fit.upper_bounds):
            axes.errorbar(
                [1000.0 / bound.temperature_K], [bound.upper_bound_cm2_s],
                yerr=[[0.55 * bound.upper_bound_cm2_s], [0.0]], uplims=[True], fmt="_", color=GRAY,
                markersize=9, linewidth=1.0, label="not diffusive, upper limit" if k == 0 else None,
            )  # fmt: skip
        axes.set_yscale("log")
        axes.set_xlim(float(grid[0]), float(grid[-1]))
        first = [at.temperature_K] if at.supported else []
        temperature_axis(axes, [*first, max(used), min(used), *sorted(every)])
        half = fit.quantile * fit.activation_energy_sd_eV
        axes.annotate(
            f"$E_a$ = {fit.activation_energy_eV:.3f} ± {half:.3f} eV (95 %)",
            xy=(0.97, 0.96), xycoords="axes fraction", ha="right", va="top",
        )  # fmt: skip
        axes.legend(loc="lower left")
    return figure


def _draw_extrapolation(axes: Axes, fit: ArrheniusResult) -> None:
    at = fit.extrapolation
    value, (low, high) = at.diffusivity_cm2_s, at.interval_cm2_s
    if not at.supported:
        axes.plot([], [], " ", label=f"{at.temperature_K:g} K: no value, interval too wide")
        return
    label = f"{at.temperature_K:g} K"
    if at.conductivity_mS_cm is not None and at.conductivity_interval_mS_cm is not None:
        span = interval(*at.conductivity_interval_mS_cm)
        label += f": σ = {significant(at.conductivity_mS_cm, 2)} mS/cm, 95 % {span}"
    axes.errorbar(
        [1000.0 / at.temperature_K], [value], yerr=[[value - low], [high - value]], fmt="D",
        color=COLORS[1], markersize=4.5, capsize=2, linewidth=1.2, label=label,
    )  # fmt: skip


def _draw_direct(axes: Axes, fit: ArrheniusResult) -> None:
    for k, run in enumerate(fit.direct):
        value, factor = run.diffusivity_cm2_s, float(np.exp(1.96 * run.ln_sd))
        axes.errorbar(
            [1000.0 / run.temperature_K], [value],
            yerr=[[value - value / factor], [value * factor - value]], fmt="*", color=COLORS[2],
            markersize=9, capsize=2, linewidth=1.2, zorder=4,
            label="direct run, not fitted" if k == 0 else None,
        )  # fmt: skip


def _draw_alternatives(axes: Axes, fit: ArrheniusResult, grid: Floats) -> None:
    two, law = fit.piecewise, fit.vtf
    beta = grid / (1000.0 * BOLTZMANN_EV_K)
    if two is not None and two.p_value < SIGNIFICANCE:
        knee = 1.0 / (BOLTZMANN_EV_K * two.break_K)
        end = 1.0 / (BOLTZMANN_EV_K * two.temperature_K)

        def ln_d(b: Floats) -> Floats:
            change = two.cold_activation_energy_eV - two.hot_activation_energy_eV
            return np.asarray(-two.hot_activation_energy_eV * b - change * np.maximum(b - knee, 0))

        shift = float(np.log(two.diffusivity_cm2_s)) - float(ln_d(np.array([end]))[0])
        axes.plot(
            grid, np.exp(ln_d(beta) + shift), color=COLORS[3], linewidth=1.2, linestyle="-.",
            label=f"two segments, p = {two.p_value:.2g}",
        )  # fmt: skip
    if law is not None:
        temperature = 1000.0 / grid
        warm = temperature > law.t0_K + 1.0
        curve = law.prefactor_cm2_s * np.exp(-law.b_K / (temperature[warm] - law.t0_K))
        axes.plot(
            grid[warm], curve, color=COLORS[4], linewidth=1.2, linestyle=":",
            label=f"VTF, T$_0$ = {law.t0_K:.0f} K",
        )  # fmt: skip


def temperature_axis(axes: Axes, temperatures: Sequence[float]) -> None:
    """Temperatures in K along the top, the first ones first, as far as they do not overlap."""
    top = axes.secondary_xaxis("top")
    left, right = axes.get_xlim()
    ticks: list[float] = []
    for temperature in temperatures:
        x = 1000.0 / temperature
        if all(abs(x - 1000.0 / other) > 0.08 * (right - left) for other in ticks):
            ticks.append(temperature)
    top.set_xticks([1000.0 / t for t in ticks], [f"{t:g}" for t in ticks])
    top.set_xlabel("T / K")
    top.spines["top"].set_visible(True)
