"""Figure of the speed: time per step of dynamics against the number of atoms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from lionn_rs.errors import DataError
from lionn_rs.plots.style import COLORS, GRAY, one_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from lionn_rs.workflows.benchmark.run import Case

__all__ = ["PAPER_ATOMS", "PAPER_SECONDS", "plot_scaling"]

PAPER_ATOMS, PAPER_SECONDS = 50, 60.0
"""Rao, Yao and Grabow (2020), section 3.3: "about 60 seconds for both DFT and the ANN" (AMP) for
one force calculation on one node with 20 cores (Intel E5-2660v3)."""


def plot_scaling(cases: Sequence[Case], ax: Axes | None = None, *, machine: str = "") -> Figure:
    """Least time per step against the number of atoms, one line per number of threads.

    The force calculation of the paper (its Fig. 5b) stands beside it, and a line of slope one.

    Parameters
    ----------
    cases : sequence of Case
        From :func:`lionn_rs.workflows.benchmark.run.benchmark`.
    ax : Axes, optional
        Where to draw; default: a new figure.
    machine : str
        Processor and instruction set, for the title.

    Returns
    -------
    Figure

    Raises
    ------
    DataError
        No case has steps of dynamics.
    """
    times = {
        (case.n_threads, case.n_atoms): float(result["least_s"])
        for case in cases
        if (result := case.results.get("md_step")) is not None
    }
    if not times:
        raise DataError("plot_scaling: no case has steps of dynamics")
    labels = "number of atoms", "time per step / s"
    with one_axes(ax, *labels, width_in=4.6, height_in=3.4) as (figure, axes):
        for k, n_threads in enumerate(sorted({n for n, _ in times})):
            sizes = sorted(n for threads, n in times if threads == n_threads)
            axes.plot(
                sizes,
                [times[n_threads, n] for n in sizes],
                color=COLORS[k % len(COLORS)],
                marker="os^D"[k % 4],
                markersize=4,
                label=f"lionn_rs, {n_threads} thread{'s' if n_threads > 1 else ''}",
            )
        axes.plot(
            PAPER_ATOMS,
            PAPER_SECONDS,
            marker="*",
            markersize=10,
            color="black",
            linestyle="none",
        )
        axes.annotate(
            "Rao, Yao, Grabow (2020), Fig. 5b:\none force call of AMP or DFT, 20 cores",
            (PAPER_ATOMS, PAPER_SECONDS),
            xytext=(8, 0),
            textcoords="offset points",
            va="center",
            fontsize=7.5,
        )
        most = max(n for _, n in times)
        ends = np.array([min(PAPER_ATOMS, *(n for _, n in times)), max(most, 10 * PAPER_ATOMS)])
        slowest = max(time / n for (_, n), time in times.items())
        axes.plot(ends, 2.0 * slowest * ends, color=GRAY, lw=0.8, ls="--", label="slope 1")
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_ylim(top=4.0 * PAPER_SECONDS)
        axes.set_title(machine, loc="left", fontsize=7.5)
        axes.legend(loc="lower right")
    return figure
