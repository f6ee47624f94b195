"""Figures of molecular-dynamics runs: temperature and conserved quantity against time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lionn_rs.errors import DataError
from lionn_rs.plots.style import GRAY, one_axes, temperature_colors
from lionn_rs.units import PS_TO_FS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from lionn_rs.md.trajectory import Trajectory

__all__ = ["plot_conserved", "plot_temperature"]

MAX_POINTS = 600
"""Points per curve; longer tables are averaged in blocks, which also calms the noise."""
MEV_PER_EV = 1000.0


def plot_temperature(runs: Trajectory | Sequence[Trajectory], ax: Axes | None = None) -> Figure:
    """Instantaneous temperature against time, with the target.

    Parameters
    ----------
    runs : Trajectory or sequence of Trajectory
        Runs with a thermo table, for example one for each temperature.
    ax : Axes, optional
        Where to draw; default: a new figure.

    Returns
    -------
    Figure

    Raises
    ------
    DataError
        No run has a row in its thermo table.
    """
    tables = _tables(runs)
    with one_axes(ax, "time / ps", "temperature / K") as (figure, axes):
        colors = temperature_colors([temperature_K for temperature_K, _ in tables])
        for temperature_K, table in tables:
            time_ps, values = blocks(table["time_fs"] / PS_TO_FS, table["temperature_K"])
            axes.plot(time_ps, values, color=colors[temperature_K], lw=0.7)
            target = table["target_K"]
            if np.isfinite(target).any():
                axes.plot(table["time_fs"] / PS_TO_FS, target, color="black", lw=0.8, ls=":")
        _label_runs(axes, colors)
        axes.set_ylim(bottom=0)
        axes.set_xlim(left=0)
    return figure


def plot_conserved(runs: Trajectory | Sequence[Trajectory], ax: Axes | None = None) -> Figure:
    """Change of the conserved quantity per atom since the start of the run, meV.

    For rescaling it is the total energy less the work of the rescaling, for the Nosé-Hoover chain
    the extended energy. What remains is the error of the time step and of the potential.

    Parameters
    ----------
    runs : Trajectory or sequence of Trajectory
        Runs with a thermo table.
    ax : Axes, optional
        Where to draw; default: a new figure.

    Returns
    -------
    Figure

    Raises
    ------
    DataError
        No run has a row in its thermo table.
    """
    listed = _listed(runs)
    tables = _tables(runs)
    with one_axes(ax, "time / ps", "conserved quantity / (meV/atom)") as (figure, axes):
        colors = temperature_colors([temperature_K for temperature_K, _ in tables])
        n_atoms = [run.n_atoms for run in listed if len(run.thermo["step"])]
        for (temperature_K, table), n in zip(tables, n_atoms, strict=True):
            change = MEV_PER_EV * (table["conserved"] - table["conserved"][0]) / n
            time_ps, values = blocks(table["time_fs"] / PS_TO_FS, change)
            axes.plot(time_ps, values, color=colors[temperature_K], lw=0.9)
        axes.axhline(0, color=GRAY, lw=0.6, zorder=0)
        _label_runs(axes, colors)
        axes.set_xlim(left=0)
    return figure


def blocks(
    x: NDArray[np.float64], y: NDArray[np.float64], max_points: int = MAX_POINTS
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Means over consecutive blocks, so that at most ``max_points`` remain; a rest is left out.

    Examples
    --------
    >>> x = np.arange(6.0)
    >>> blocks(x, x**2, 3)[1].tolist()
    [0.5, 6.5, 20.5]
    """
    size = -(-len(x) // max_points)
    if size <= 1:
        return x, y
    n = len(x) // size * size
    return x[:n].reshape(-1, size).mean(axis=1), y[:n].reshape(-1, size).mean(axis=1)


def _listed(runs: Trajectory | Sequence[Trajectory]) -> list[Trajectory]:
    return list(runs) if isinstance(runs, Sequence) else [runs]


def _tables(runs: Trajectory | Sequence[Trajectory]) -> list[tuple[float, dict[str, Any]]]:
    tables = [(run.temperature_K, run.thermo) for run in _listed(runs)]
    tables = [(temperature_K, table) for temperature_K, table in tables if len(table["step"])]
    if not tables:
        raise DataError("there is no run with a row in its thermo table")
    return tables


def _label_runs(axes: Axes, colors: dict[float, Any]) -> None:
    from matplotlib.lines import Line2D

    hot_first = sorted(colors, reverse=True)
    axes.legend(
        [Line2D([], [], color=colors[temperature_K]) for temperature_K in hot_first],
        [f"{temperature_K:g} K" for temperature_K in hot_first],
        ncols=2 if len(hot_first) > 4 else 1,
        loc="best",
    )
