"""Figures of a campaign: Arrhenius lines of all compositions, conductivities."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lionn_rs.errors import DataError
from lionn_rs.plots.diffusion import temperature_axis
from lionn_rs.plots.style import COLORS, DOUBLE_IN, SINGLE_IN, new_figure, one_axes, panel_label

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from lionn_rs.workflows.campaign.results import CampaignGroup, CampaignResult, Conductivity

MARKERS = "osD^vP*X"
"""One for each size and potential."""


def plot_arrhenius_lines(result: CampaignResult, ax: Axes | None = None) -> Figure:
    """Diffusivities against reciprocal temperature, with the lines of all compositions.

    Replicas are combined. Lines are solid between the data and dashed beyond, with their 95 %
    bands; they end with the data where these support no value at the temperature in question.

    Parameters
    ----------
    result : CampaignResult
        With at least one diffusivity.
    ax : Axes, optional
        Where to draw; default a new figure.

    Returns
    -------
    Figure

    Raises
    ------
    DataError
        No finished run is diffusive.
    """
    shown = [group for group in result.groups if group.conductivities]
    if not shown:
        raise DataError("plot_arrhenius_lines: no finished run is diffusive")
    colors, markers = _colors(len(shown)), _markers(result)
    labels = "1000 K / T", "D / cm² s$^{-1}$"
    # Room for the legend, which may be long, beside the axes.
    with one_axes(ax, *labels, width_in=6.2, height_in=3.6) as (figure, axes):
        temperatures: list[float] = []
        for k, group in enumerate(shown):
            points = group.points
            temperatures += [p.temperature_K for p in points]
            # Points of different compositions at one temperature must not hide each other.
            shift = 1.0 + 0.004 * (k - (len(shown) - 1) / 2)
            x = shift * np.array([1000.0 / p.temperature_K for p in points])
            y = np.array([p.diffusivity_cm2_s for p in points])
            low, high = np.array([p.interval_cm2_s for p in points]).T
            color, marker = colors[k], markers[_series(group)]
            label = result.label(group)
            if group.fit is not None:
                fit = group.fit
                half = fit.quantile * fit.activation_energy_sd_eV
                label += f": $E_a$ = {fit.activation_energy_eV:.2f} ± {half:.2f} eV"
                _draw_line(axes, group, color, result.extrapolate_to_K)
            axes.errorbar(
                x, y, yerr=[y - low, high - y], fmt=marker, color=color, markersize=4,
                capsize=2, linewidth=0.9, label=label,
            )  # fmt: skip
        axes.set_yscale("log")
        every = sorted(set(temperatures))
        extra = [result.extrapolate_to_K] if any(group.extrapolated for group in shown) else []
        axes.margins(x=0.04)
        if len({*every, *extra}) > 1:
            temperature_axis(axes, [*extra, every[-1], every[0], *every])
        axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), title="95 % intervals")
    return figure


def _draw_line(axes: Axes, group: CampaignGroup, color: Any, target_K: float) -> None:
    fit = group.fit
    assert fit is not None
    used = [1000.0 / point.temperature_K for point in fit.points]
    ends = [*used, *([1000.0 / target_K] if group.extrapolated else [])]
    grid = np.linspace(min(ends), max(ends), 120)
    band = [fit.predict(1000.0 / x) for x in grid]
    center = np.array([b.diffusivity_cm2_s for b in band])
    edges = np.array([b.interval_cm2_s for b in band])
    inside = (grid >= min(used)) & (grid <= max(used))
    axes.fill_between(grid, edges[:, 0], edges[:, 1], color=color, alpha=0.12, linewidth=0)
    axes.plot(grid, center, color=color, linestyle="--", linewidth=0.9)
    axes.plot(grid[inside], center[inside], color=color, linewidth=1.4)


def plot_concentration(result: CampaignResult) -> Figure:
    """Conductivity against concentration, as simulated and as extrapolated.

    (a) at the lowest temperature at which every composition with a concentration has a value,
    replicas combined; (b) from the Arrhenius lines, where they support a value. Bars are 95 %
    intervals.

    Parameters
    ----------
    result : CampaignResult
        With concentrations.

    Returns
    -------
    Figure

    Raises
    ------
    DataError
        No composition with a concentration has a conductivity.
    """
    placed = [g for g in result.groups if g.concentration is not None and g.conductivities]
    if not placed:
        raise DataError("plot_concentration: no conductivity with a concentration")
    common = set.intersection(*({c.temperature_K for c in g.conductivities} for g in placed))
    every = {c.temperature_K for g in placed for c in g.conductivities}
    simulated_K = min(common or every)

    def simulated(group: CampaignGroup) -> Conductivity | None:
        found = (c for c in group.conductivities if c.temperature_K == simulated_K)
        return next(found, None)

    panels: list[tuple[str, Callable[[CampaignGroup], Conductivity | None]]] = [
        (f"{simulated_K:g} K, simulated", simulated)
    ]
    if any(group.extrapolated for group in placed):
        panels.append(
            (f"{result.extrapolate_to_K:g} K, Arrhenius line", lambda group: group.extrapolated)
        )
    width = DOUBLE_IN if len(panels) > 1 else SINGLE_IN
    with new_figure(1, len(panels), width_in=width, height_in=2.9, sharex=True) as (
        figure,
        axes,
    ):
        for ax, letter, (title, value_of) in zip(axes[0], "ab", panels, strict=False):
            _draw_series(ax, result, placed, value_of)
            ax.set_xlabel(result.concentration_label)
            ax.set_ylabel("σ / mS cm$^{-1}$")
            plain_log_axis(ax)
            ax.set_title(title, loc="right")
            if len(panels) > 1:
                panel_label(ax, letter)
        if len(_markers(result)) > 1:
            axes[0][0].legend()
    return figure


def _draw_series(
    ax: Axes,
    result: CampaignResult,
    groups: list[CampaignGroup],
    value_of: Callable[[CampaignGroup], Conductivity | None],
) -> None:
    """Points of each size and potential, connected to guide the eye."""
    markers = _markers(result)
    span = np.ptp([group.concentration for group in groups]) or 1.0
    for k, (series, marker) in enumerate(markers.items()):
        found = [
            (group.concentration, value)
            for group in groups
            if _series(group) == series
            and group.concentration is not None
            and (value := value_of(group)) is not None
        ]
        found.sort(key=lambda entry: entry[0])
        if not found:
            continue
        shift = 0.012 * span * (k - (len(markers) - 1) / 2)
        x = np.array([concentration for concentration, _ in found]) + shift
        y = np.array([value.value_mS_cm for _, value in found])
        low, high = np.array([value.interval_mS_cm for _, value in found]).T
        ax.plot(x, y, color=COLORS[k % len(COLORS)], linewidth=0.7, linestyle=":")
        ax.errorbar(
            x, y, yerr=[y - low, high - y], fmt=marker, color=COLORS[k % len(COLORS)],
            markersize=4.5, capsize=2, linewidth=1.0, label=_series_label(result, series),
        )  # fmt: skip


def plain_log_axis(ax: Axes) -> None:
    """Logarithmic axis with plain numbers at 1, 2, 5, 10, ...: the range is often small."""
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

    ax.set_yscale("log")
    ax.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    ax.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    ax.yaxis.set_minor_formatter(NullFormatter())


def _series_label(result: CampaignResult, series: tuple[str, str]) -> str:
    """Size, and the potential if there are several."""
    several = len({group.potential for group in result.groups}) > 1
    return ", ".join(series) if several else series[0]


def _series(group: CampaignGroup) -> tuple[str, str]:
    return group.size, group.potential


def _markers(result: CampaignResult) -> dict[tuple[str, str], str]:
    series = list(dict.fromkeys(_series(group) for group in result.groups))
    return {entry: MARKERS[k % len(MARKERS)] for k, entry in enumerate(series)}


def _colors(n: int) -> list[Any]:
    """Distinct colors; a scale where there are many."""
    import matplotlib as mpl

    if n <= len(COLORS):
        return list(COLORS[:n])
    return [mpl.colormaps["plasma"](0.9 * k / (n - 1)) for k in range(n)]
