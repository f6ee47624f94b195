"""Figures of radial distribution functions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lionn_rs.analysis import RdfResult, Shell
from lionn_rs.errors import DataError
from lionn_rs.numbers import significant

from .style import COLORS, GRAY, LIGHT, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COORDINATION_TOP = 14.0
"""Upper end of the coordination axis; first shells of solids have at most 12 neighbors."""
COORDINATION_TICKS = (0, 4, 8, 12)


def plot_rdf(results: Sequence[RdfResult]) -> Figure:
    """g(r) of one or several pairs, one panel each, with the running coordination number.

    Parameters
    ----------
    results : sequence of RdfResult
        The pairs.

    Returns
    -------
    Figure

    Raises
    ------
    DataError
        Without results.
    """
    if not results:
        raise DataError("plot_rdf: no results")
    columns = 2 if len(results) == 4 else min(3, len(results))
    rows = -(-len(results) // columns)
    size = {"width_in": 2.45 * columns + 0.4, "height_in": 2.1 * rows + 0.2}
    with new_figure(rows, columns, **size) as (figure, axes):
        for k, result in enumerate(results):
            ax = axes[k // columns, k % columns]
            ax.axhline(1.0, color=LIGHT, linewidth=0.8)
            ax.plot(result.r_A, result.g, color=COLORS[0])
            low, high = result.g - result.g_se, result.g + result.g_se
            ax.fill_between(result.r_A, low, high, color=COLORS[0], alpha=0.25, linewidth=0)
            ax.set_title("–".join(result.pair))
            if result.shell is not None:
                _mark_peak(ax, result.shell)
            ax.set_xlim(0.0, float(result.r_A[-1]))
            ax.set_ylim(bottom=0.0)
            twin = ax.twinx()
            twin.plot(result.r_A, result.coordination, color=COLORS[1], linewidth=0.9)
            twin.set_ylim(0.0, COORDINATION_TOP)
            twin.set_yticks(COORDINATION_TICKS)
            twin.tick_params(axis="y", colors=COLORS[1])
            twin.spines["right"].set_visible(True)
            twin.spines["right"].set_color(GRAY)
            if k % columns == 0:
                ax.set_ylabel("g(r)", color=COLORS[0])
            if k % columns == columns - 1 or k == len(results) - 1:
                twin.set_ylabel("coordination number", color=COLORS[1])
            if k + columns >= len(results):
                ax.set_xlabel("r / Å")
                ax.tick_params(labelbottom=True)
        for k in range(len(results), rows * columns):
            axes[k // columns, k % columns].set_visible(False)
    return figure


def _mark_peak(ax: Axes, shell: Shell) -> None:
    """Name the position of the first peak, and the end of the shell by a dotted line."""
    ax.annotate(
        f"{significant(shell.peak_A)} Å",
        xy=(shell.peak_A, shell.peak_g),
        xytext=(4, 4),
        textcoords="offset points",
        fontsize=7,
        color=COLORS[0],
    )
    if shell.minimum_A is not None:
        ax.axvline(shell.minimum_A, color=GRAY, linewidth=0.8, linestyle=":")
