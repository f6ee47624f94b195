"""Figures of a scan: errors against descriptor and topology, errors against cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import numpy as np

from lionn_rs.errors import DataError

from .style import COLORS, DOUBLE_IN, GRAY, SINGLE_IN, new_figure, one_axes, panel_label
from .training import MEV, SET_COLORS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from lionn_rs.workflows.scan.results import Quantity, ScanGroup, ScanResult, Statistic

__all__ = ["pareto_front", "plot_pareto", "plot_scan_errors"]

Point = tuple[float, float]

MARKERS: Final = "osD^vP*X"
DODGE: Final = 0.13
"""Distance of the three sets along the axis, in units of one category."""
WIDE_RANGE: Final = 5.0
"""Ratio of the largest to the least error above which the axis is logarithmic."""
LEAST_ROOM: Final = 1.03
"""Least factor by which an axis reaches beyond the points."""
POINT_RADIUS: Final = 3.0
RING_RADIUS: Final = 6.0
LABEL_PLACES: Final = tuple(
    (x, y, horizontal, vertical)
    for distance in (4, 8, 14)
    for x, y, horizontal, vertical in (
        (distance, distance, "left", "bottom"),
        (-distance, -distance, "right", "top"),
        (distance, 0, "left", "center"),
        (-distance, 0, "right", "center"),
        (distance, -distance, "left", "top"),
        (-distance, distance, "right", "bottom"),
        (0, distance, "center", "bottom"),
        (0, -distance, "center", "top"),
    )
)
"""Where a label may stand beside its point (points of type), in order of preference."""
N_CLOSE: Final = 8
"""So many of these places are close enough for a label among many."""


@dataclass(frozen=True)
class _Panel:
    """Groups side by side, each with its name on the axis."""

    title: str
    names: list[str]
    groups: list[ScanGroup]


@dataclass(frozen=True)
class _Label:
    """Text beside a point, which is a circle of some radius (points of type)."""

    text: str
    point: Point
    color: str
    bold: bool
    radius: float


def plot_scan_errors(result: ScanResult) -> Figure:
    """Force and energy RMSE of the three sets against descriptor and topology.

    Points are means over the seeds, bars their standard deviation, lines guide the eye: Fig. 3 of
    Rao, Yao and Grabow (2020), for several descriptors side by side.

    Parameters
    ----------
    result : ScanResult

    Returns
    -------
    Figure

    Raises
    ------
    DataError
        No member has finished.
    """
    panels = _panels(_groups(result, "plot_scan_errors"))
    quantities: list[tuple[Quantity, str]] = [
        ("force_rmse", "force RMSE / (meV/Å)"),
        ("energy_rmse_per_atom", "energy RMSE / (meV/atom)"),
    ]
    quantities = [entry for entry in quantities if _values(panels, entry[0])]
    n_names = sum(len(panel.names) for panel in panels)
    longest = max(len(name) for panel in panels for name in panel.names)
    width = float(np.clip(0.9 + 0.5 * n_names + 0.3 * len(panels), SINGLE_IN, 2 * DOUBLE_IN))
    with new_figure(
        len(quantities),
        len(panels),
        width_in=width,
        height_in=0.7 + 2.0 * len(quantities),
        sharex="col",
        sharey="row",
        width_ratios=[len(panel.names) + 0.5 for panel in panels],
    ) as (figure, axes):
        crowded = longest * n_names * 0.075 > width - 0.9
        for row, (quantity, label) in enumerate(quantities):
            for ax, panel in zip(axes[row], panels, strict=True):
                _draw_errors(ax, panel, quantity)
            axes[row, 0].set_ylabel(label)
            _set_scale(axes[row, 0], _values(panels, quantity))
            panel_label(axes[row, 0], "ab"[row])
        for ax, panel in zip(axes[0], panels, strict=True):
            ax.set_title(panel.title)
        for ax, panel in zip(axes[-1], panels, strict=True):
            ax.set_xticks(range(len(panel.names)), panel.names)
            ax.set_xlim(-0.5, len(panel.names) - 0.5)
            if crowded:
                ax.tick_params("x", rotation=40)
                for text in ax.get_xticklabels():
                    text.set_ha("right")
                    text.set_rotation_mode("anchor")
        handles, names = axes[0, 0].get_legend_handles_labels()
        figure.legend(handles, names, loc="outside upper center", ncols=len(names))
    return figure


def pareto_front(costs: Sequence[float], errors: Sequence[float]) -> list[int]:
    """Points that no other beats in cost and error, cheapest first.

    Parameters
    ----------
    costs, errors : sequence of float
        Of each point; smaller is better.

    Returns
    -------
    list of int
        Positions of the points.

    Examples
    --------
    >>> pareto_front([10, 20, 30, 40], [0.3, 0.1, 0.2, 0.05])
    [0, 1, 3]
    """
    front: list[int] = []
    for k in sorted(range(len(costs)), key=lambda k: (costs[k], errors[k])):
        if not front or errors[k] < errors[front[-1]]:
            front.append(k)
    return front


def plot_pareto(result: ScanResult, ax: Axes | None = None) -> Figure:
    """Test error against the time of energy and forces, and the front of what is worth its cost.

    Force RMSE where the images have forces, else energy RMSE per atom; without a test set the
    errors are those of the validation set. The ring marks the lowest validation loss. Points are
    labeled with their topology, or with their descriptor if the topology is the same for all;
    labels without room are left out.

    Parameters
    ----------
    result : ScanResult
    ax : Axes, optional
        Where to draw; default: a new figure.

    Returns
    -------
    Figure

    Raises
    ------
    DataError
        No member has finished, or none has been timed.
    """
    groups = [g for g in _groups(result, "plot_pareto") if g.us_per_atom is not None]
    if not groups:
        raise DataError("plot_pareto: no member has been timed")
    chosen = "test" if groups[0].error_of("test", "energy_rmse_per_atom") else "validation"
    quantity: Quantity = "force_rmse"
    label = f"{chosen} force RMSE / (meV/Å)"
    if groups[0].error_of(chosen, quantity) is None:
        quantity, label = "energy_rmse_per_atom", f"{chosen} energy RMSE / (meV/atom)"
    costs = [float(group.us_per_atom or 0.0) for group in groups]
    found = [_statistic(group, chosen, quantity) for group in groups]
    errors = [MEV * statistic.mean for statistic in found]
    spreads = [MEV * (statistic.spread or 0.0) for statistic in found]
    x_label = "energy and forces on one core / (µs per atom)"
    with one_axes(ax, x_label, label, width_in=5.6, height_in=4.2) as (figure, axes):
        names = list(dict.fromkeys(group.descriptor for group in groups))
        for k, name in enumerate(names):
            own = [n for n, group in enumerate(groups) if group.descriptor == name]
            axes.errorbar(
                [costs[n] for n in own],
                [errors[n] for n in own],
                [spreads[n] for n in own],
                color=COLORS[k % len(COLORS)],
                marker=MARKERS[k % len(MARKERS)],
                markersize=4.5,
                elinewidth=0.8,
                linewidth=0.4,
                label=name,
                zorder=3,
            )
        best = groups.index(result.best_group) if result.best_group in groups else None
        if best is not None:
            axes.plot(
                costs[best],
                errors[best],
                marker="o",
                markersize=2 * RING_RADIUS,
                markerfacecolor="none",
                markeredgewidth=0.9,
                color="black",
                linestyle="none",
                label="lowest validation loss",
            )
        _pareto_scale(axes, "x", costs)
        ends = [m + sign * s for m, s in zip(errors, spreads, strict=True) for sign in (-1, 1)]
        _pareto_scale(axes, "y", [end for end in ends if end > 0])
        front = pareto_front(costs, errors)
        corners = _draw_front(axes, [(costs[k], errors[k]) for k in front])
        one_topology = len({group.hidden_layers for group in groups}) == 1
        _legend(axes, names)
        labels = [
            _Label(
                group.descriptor if one_topology else _topology(group),
                (costs[k], errors[k]),
                COLORS[names.index(group.descriptor) % len(COLORS)],
                bold=k in front,
                radius=RING_RADIUS if k == best else POINT_RADIUS,
            )
            for k, group in enumerate(groups)
        ]
        bars = [((c, e - s), (c, e + s)) for c, e, s in zip(costs, errors, spreads, strict=True)]
        _place_labels(figure, axes, labels, [*bars, *pairwise(corners)])
    return figure


def _draw_front(ax: Axes, points: list[Point]) -> list[Point]:
    """Staircase through the points, from the upper to the right edge; returns its corners."""
    right, top = ax.get_xlim()[1], ax.get_ylim()[1]
    (first, _), (_, last) = points[0], points[-1]
    corners = [(first, top)]
    for cost, error in points:
        corners += [(cost, corners[-1][1]), (cost, error)]
    corners.append((right, last))
    x, y = zip(*corners, strict=True)
    ax.plot(x, y, color=GRAY, linewidth=0.9, label="front", zorder=1)
    return corners


def _legend(ax: Axes, names: list[str]) -> None:
    """Descriptors first, in the order of the grid."""
    handles, labels = ax.get_legend_handles_labels()
    order = sorted(range(len(labels)), key=lambda k: (labels[k] not in names, k))
    ax.legend(
        [handles[k] for k in order],
        [labels[k] for k in order],
        loc="upper left",
        bbox_to_anchor=(1.01, 1.0),
    )


def _groups(result: ScanResult, who: str) -> list[ScanGroup]:
    if not result.groups:
        raise DataError(f"{who}: no member of the scan has finished")
    return result.groups


def _panels(groups: list[ScanGroup]) -> list[_Panel]:
    """One panel per descriptor with its topologies; a single one if the topology is the same."""
    topologies = dict.fromkeys(group.hidden_layers for group in groups)
    if len(topologies) == 1:
        return [_Panel(_topology(groups[0]), [group.descriptor for group in groups], groups)]
    panels = []
    for name in dict.fromkeys(group.descriptor for group in groups):
        own = [group for group in groups if group.descriptor == name]
        panels.append(_Panel(name, [_topology(group) for group in own], own))
    return panels


def _topology(group: ScanGroup) -> str:
    return f"({','.join(str(n) for n in group.hidden_layers)})"


def _statistic(group: ScanGroup, name: str, quantity: Quantity) -> Statistic:
    statistic = group.error_of(name, quantity)
    if statistic is None:
        raise DataError(f"{group.descriptor}: no {quantity} on the {name} set")
    return statistic


def _values(panels: list[_Panel], quantity: Quantity) -> list[float]:
    found = [g.error_of(name, quantity) for p in panels for g in p.groups for name in SET_COLORS]
    return [statistic.mean for statistic in found if statistic is not None]


def _draw_errors(ax: Axes, panel: _Panel, quantity: Quantity) -> None:
    for k, (name, color) in enumerate(SET_COLORS.items()):
        found = [(n, g.error_of(name, quantity)) for n, g in enumerate(panel.groups)]
        points = [(n, statistic) for n, statistic in found if statistic is not None]
        if not points:
            continue
        ax.errorbar(
            [n + DODGE * (k - 1) for n, _ in points],
            [MEV * statistic.mean for _, statistic in points],
            [MEV * (statistic.spread or 0.0) for _, statistic in points],
            color=color,
            marker=MARKERS[k],
            markersize=4,
            linewidth=0.7,
            elinewidth=1.2,
            capsize=2,
            label={"train": "training"}.get(name, name),
        )


def _set_scale(ax: Axes, values: list[float]) -> None:
    if max(values) > WIDE_RANGE * min(values):
        _plain_log(ax, "y")


def _pareto_scale(ax: Axes, axis: str, values: list[float]) -> None:
    """Logarithmic axis with numbers written out and room for labels."""
    low, high = min(values), max(values)
    room = max((high / low) ** 0.12, LEAST_ROOM)
    (ax.set_xlim if axis == "x" else ax.set_ylim)(low / room, high * room)
    _plain_log(ax, axis)


def _plain_log(ax: Axes, axis: str) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, NullLocator

    (ax.set_xscale if axis == "x" else ax.set_yscale)("log")
    chosen = ax.xaxis if axis == "x" else ax.yaxis
    low, high = ax.get_xlim() if axis == "x" else ax.get_ylim()
    narrow = high < 6.0 * low
    steps = (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0) if narrow else (1.0, 2.0, 5.0)
    chosen.set_major_locator(LogLocator(subs=steps))
    chosen.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    chosen.set_minor_formatter(NullFormatter())
    chosen.set_minor_locator(NullLocator())


def _place_labels(
    figure: Figure,
    ax: Axes,
    labels: list[_Label],
    lines: list[tuple[Point, Point]],
) -> None:
    """Write labels beside points where they hide no point, line or other label.

    Those of the front come first and in bold; another that finds no place close by is left out.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.transforms import Bbox

    FigureCanvasAgg(figure).draw()  # settles the layout, so that places on paper are known
    to_paper = ax.transData.transform
    taken = [Bbox(np.sort(to_paper(line), axis=0)) for line in lines]
    for label in labels:
        extent = label.radius * figure.dpi / 72
        center = to_paper(label.point)
        taken.append(Bbox([center - extent, center + extent]))
    inside = ax.get_window_extent()
    for label in sorted(labels, key=lambda label: not label.bold):
        places = LABEL_PLACES if label.bold else LABEL_PLACES[:N_CLOSE]
        for x, y, horizontal, vertical in places:
            text = ax.annotate(
                label.text,
                label.point,
                xytext=(x, y),
                textcoords="offset points",
                ha=horizontal,
                va=vertical,
                fontsize=7,
                fontweight="bold" if label.bold else "normal",
                color=label.color,
            )
            box = text.get_window_extent()
            within = inside.contains(box.x0, box.y0) and inside.contains(box.x1, box.y1)
            if within and not any(box.overlaps(other) for other in taken):
                taken.append(box)
                break
            text.remove()
