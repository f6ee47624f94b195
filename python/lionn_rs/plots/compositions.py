"""Figure of a comparison of compositions: conductivity, activation energy, which is the best."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lionn_rs.plots.campaign import plain_log_axis
from lionn_rs.plots.style import COLORS, DOUBLE_IN, new_figure, panel_label

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from lionn_rs.analysis.compositions.result import CompositionComparison

__all__ = ["plot_compositions"]


def plot_compositions(result: CompositionComparison, *, label: str = "concentration") -> Figure:
    """Compositions with every arrangement beside the mean.

    (a) conductivity where the Arrhenius lines lead, (b) activation energy, both with 95 % intervals
    of the means and the arrangements as small symbols; (c) the chance that each composition is the
    best, at that temperature and in the middle of those that were run.

    Parameters
    ----------
    result : CompositionComparison
    label : str
        Name and unit of the concentration.

    Returns
    -------
    Figure
    """
    places = _places(result)
    with new_figure(1, 3, width_in=DOUBLE_IN, height_in=2.7) as (figure, grid):
        axes = grid[0]
        _draw(
            axes[0],
            result,
            places,
            values=[mean.conductivity_mS_cm for mean in result.means],
            intervals=[mean.conductivity_interval_mS_cm for mean in result.means],
            members=[(line.composition, line.conductivity_mS_cm) for line in result.lines],
        )
        plain_log_axis(axes[0])
        axes[0].set_ylabel(f"σ({result.temperature_K:g} K) / mS cm$^{{-1}}$")
        _draw(
            axes[1],
            result,
            places,
            values=[mean.activation_energy_eV for mean in result.means],
            intervals=[mean.activation_energy_interval_eV for mean in result.means],
            members=[(line.composition, line.activation_energy_eV) for line in result.lines],
        )
        axes[1].set_ylabel("$E_a$ / eV")
        _draw_chances(axes[2], result, places)
        for ax, letter in zip(axes, "abc", strict=True):
            panel_label(ax, letter)
            known = all(mean.concentration is not None for mean in result.means)
            ax.set_xlabel(label if known else "composition")
            # Every concentration that was run is named; they are few.
            names = [
                mean.name if mean.concentration is None else f"{mean.concentration:.3g}"
                for mean in result.means
            ]
            ax.set_xticks(list(places.values()), names)
            ax.margins(x=0.15)
    return figure


def _places(result: CompositionComparison) -> dict[str, float]:
    """Place of each composition on the axis: its concentration, else its number."""
    found = [mean.concentration for mean in result.means]
    if any(x is None for x in found) or len(set(found)) < len(found):
        return {mean.name: float(k) for k, mean in enumerate(result.means)}
    return {
        mean.name: mean.concentration for mean in result.means if mean.concentration is not None
    }


def _step(places: dict[str, float]) -> float:
    """Smallest distance of two compositions on the axis."""
    return float(np.min(np.diff(np.sort(list(places.values())))))


def _draw(
    ax: Axes,
    result: CompositionComparison,
    places: dict[str, float],
    *,
    values: list[float],
    intervals: list[tuple[float, float]],
    members: list[tuple[str, float]],
) -> None:
    step = _step(places)
    for name, x in places.items():
        own = sorted(value for member, value in members if member == name)
        beside = x + step * (0.14 + 0.06 * (np.arange(len(own)) % 2))
        ax.plot(beside, own, "o", color=COLORS[1], markersize=2.8, markerfacecolor="none")
    low, high = np.array(intervals).T
    center = np.array(values)
    ax.errorbar(
        [places[mean.name] for mean in result.means], center, yerr=[center - low, high - center],
        fmt="s", color=COLORS[0], markersize=4.5, capsize=2.5, linewidth=1.1,
    )  # fmt: skip


def _draw_chances(ax: Axes, result: CompositionComparison, places: dict[str, float]) -> None:
    step = _step(places)
    x = np.array([places[mean.name] for mean in result.means])
    series = (
        (f"{result.temperature_K:g} K", [m.chance_of_highest_conductivity for m in result.means]),
        (f"{result.between_K:.0f} K", [m.chance_of_highest_between for m in result.means]),
    )
    for k, (name, chances) in enumerate(series):
        shift = 0.16 * step * (2 * k - 1)
        ax.bar(x + shift, 100 * np.array(chances), 0.3 * step, color=COLORS[k], label=name)
    ax.axhline(100.0 / len(x), color="0.5", linewidth=0.7, linestyle=":")
    ax.set_ylim(0.0, 100.0)
    ax.set_ylabel("chance to conduct best / %")
    ax.legend(fontsize="small")
