"""How often molecular dynamics left the range of the training set."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .style import COLORS, SINGLE_IN, one_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["plot_extrapolation"]

LEAST_PERCENT = 0.1
"""The logarithmic axis begins here, or a factor of 5 below the smallest value."""


def plot_extrapolation(runs: Sequence[dict[str, Any]], ax: Axes | None = None) -> Figure:
    """Environments outside the training range against temperature, one point per run.

    Parameters
    ----------
    runs : sequence of dict
        With ``temperature_K`` and ``extrapolation_rate`` (environments outside over all
        environments; ``None`` for runs without production). No extrapolation at all is drawn as
        an open marker at the bottom of the logarithmic axis.
    ax : Axes, optional

    Returns
    -------
    Figure
    """
    shown = [
        (run["temperature_K"], 100.0 * run["extrapolation_rate"])
        for run in runs
        if run["extrapolation_rate"] is not None
    ]
    floor = min([LEAST_PERCENT, *(percent / 5 for _, percent in shown if percent > 0)])
    labels = "temperature / K", "environments outside / %"
    with one_axes(ax, *labels, width_in=SINGLE_IN * 1.6) as (figure, axes):
        for temperature, percent in shown:
            axes.plot(
                temperature,
                max(percent, floor),
                "o",
                color=COLORS[0],
                markerfacecolor=COLORS[0] if percent > 0 else "white",
                clip_on=False,
            )
        axes.set_yscale("log")
        axes.set_ylim(floor, 100.0)
        axes.yaxis.set_major_formatter("{x:g}")
    return figure
