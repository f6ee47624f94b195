"""How often molecular dynamics left the range of the training set."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .style import COLORS, SINGLE_IN, one_axes, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["plot_extrapolation"]

FLOOR = 1e-7
"""Drawn in place of zero on the logarithmic axis."""


def plot_extrapolation(runs: Sequence[dict[str, Any]], ax: Axes | None = None) -> Figure:
    """Environments outside the training range against temperature, one point per run.

    Parameters
    ----------
    runs : sequence of dict
        With ``temperature_K`` and ``extrapolation_rate`` (environments outside over all
        environments; ``None`` for runs without production). No extrapolation at all is drawn as
        an open marker at the bottom.
    ax : Axes, optional

    Returns
    -------
    Figure
    """
    shown = [run for run in runs if run["extrapolation_rate"] is not None]
    with style():
        figure, axes = one_axes(ax, width_in=SINGLE_IN * 1.6)
        for run in shown:
            rate = run["extrapolation_rate"]
            axes.plot(
                run["temperature_K"],
                max(rate, FLOOR),
                "o",
                color=COLORS[0],
                markerfacecolor=COLORS[0] if rate > 0 else "white",
            )
        axes.set_yscale("log")
        axes.set_ylim(FLOOR / 2, 1.5)
        axes.set_xlabel("temperature / K")
        axes.set_ylabel("environments outside")
    return figure
