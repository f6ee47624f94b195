"""Figures of jumps: the network of sites, directions, residence times."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from lionn_rs.analysis import JumpResult
from lionn_rs.analysis.transport.trajectory import Floats
from lionn_rs.numbers import significant

from .structure import VIEWS, clip_to_cell, corners, draw_cell, flat_axes, frame_view
from .style import COLORS, DOUBLE_IN, GRAY, LIGHT, new_figure, panel_label

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SITE_POINTS = 60.0
"""Marker area of a site that is always occupied, points²."""
WIDEST_POINTS = 4.0
"""Width of the line of the commonest jump, points."""
MAX_CURVES = 5


def plot_jump_network(
    result: JumpResult,
    *,
    framework: ArrayLike | None = None,
    along: tuple[str, str] = ("c", "b"),
    title: str = "",
) -> Figure:
    """Sites in the cell, joined by lines as wide as jumps between them are common.

    Parameters
    ----------
    result : JumpResult
        The analysis.
    framework : (n_atoms, 3) array, Å, optional
        Mean positions of the framework atoms, drawn as dots.
    along : (str, str)
        Lattice vectors to look along.
    title : str
        Text above the figure.

    Returns
    -------
    Figure
    """
    cell = result.sites.cell
    flats = [flat_axes(cell, view) for view in along]
    widths = [float(np.ptp(corners(flat)[:, 0])) for flat in flats]
    heights = [float(np.ptp(corners(flat)[:, 1])) for flat in flats]
    scale = (DOUBLE_IN - 1.2) / sum(widths)
    options: dict[str, Any] = {
        "width_in": DOUBLE_IN,
        "height_in": min(max(heights) * scale + 0.9, 6.5),
        "gridspec_kw": {"width_ratios": widths},
    }
    kinds = sorted(set(result.sites.labels), key=lambda s: (len(s), s))
    named = len(kinds) <= len(COLORS) - 1
    colors = [COLORS[kinds.index(s) if named else 0] for s in result.sites.labels]
    with new_figure(1, 2, **options) as (figure, axes):
        for ax, view, flat, letter in zip(axes[0], along, flats, "ab", strict=True):
            plane = VIEWS[view]
            draw_cell(ax, flat)
            if framework is not None:
                points = np.asarray(framework) @ np.linalg.inv(cell)
                dots = (points - np.floor(points))[:, plane] @ flat
                ax.scatter(dots[:, 0], dots[:, 1], s=6, color=LIGHT, linewidths=0, zorder=1)
            _draw_paths(ax, result, plane, flat)
            spots = result.sites.fractional[:, plane] @ flat
            ax.scatter(
                spots[:, 0], spots[:, 1], s=np.maximum(SITE_POINTS * result.site_occupancy, 3.0),
                c=colors, edgecolors="white", linewidths=0.5, zorder=4, clip_on=False,
            )  # fmt: skip
            frame_view(ax, flat)
            ax.axis("off")
            ax.set_title(f"along {view}", pad=4)
            panel_label(ax, letter)
        figure.legend(
            handles=_network_handles(result, kinds if named and len(kinds) > 1 else []),
            loc="outside lower center",
            ncols=3 if len(kinds) < 2 or not named else min(len(kinds) + 2, 6),
        )
        if title:
            figure.suptitle(title, fontsize=9.5)
    return figure


def _network_handles(result: JumpResult, kinds: Sequence[str]) -> list[Any]:
    from matplotlib.lines import Line2D

    def dot(label: str, color: str) -> Any:
        return Line2D([], [], linestyle="", marker="o", markersize=6, color=color, label=label)

    handles = [dot(f"site {kind}", COLORS[k]) for k, kind in enumerate(kinds)]
    handles = handles or [dot("site (area: occupancy)", COLORS[0])]
    line = Line2D([], [], color=GRAY, linewidth=2.0, label=f"{result.n_jumps} jumps")
    return [*handles, line]


def _draw_paths(ax: Axes, result: JumpResult, plane: tuple[int, int], flat: Floats) -> None:
    """Each distinct path once, whatever its sense, with copies where it leaves the cell."""
    from matplotlib.collections import LineCollection

    if result.n_jumps == 0:
        return
    steps = result.jump_vector_A @ np.linalg.inv(result.sites.cell)
    start = result.sites.fractional[result.jump_from]
    ends = np.round(np.stack([start, start + steps], axis=1), 5)
    # The same line for both senses: the end that sorts first comes first, then folded.
    swap = result.jump_from > result.jump_to
    ends[swap] = ends[swap][:, ::-1]
    ends -= np.floor(ends[:, :1])
    paths, counts = np.unique(np.round(ends, 3).reshape(-1, 6), axis=0, return_counts=True)
    lines, widths = [], []
    for path, count in zip(paths.reshape(-1, 2, 3), counts, strict=True):
        for shift in product((-1.0, 0.0, 1.0), repeat=2):
            both = path[:, plane] + shift
            if np.all(both.max(axis=0) > 0.0) and np.all(both.min(axis=0) < 1.0):
                lines.append(both @ flat)
                widths.append(WIDEST_POINTS * np.sqrt(count / counts.max()))
    collection = LineCollection(lines, linewidths=widths, colors=GRAY, alpha=0.6, zorder=2)
    collection.set_capstyle("round")
    ax.add_collection(collection)
    clip_to_cell(collection, ax, flat)


def plot_jump_statistics(result: JumpResult) -> Figure:
    """Angles of the jumps to the axis, and the probability to stay in a site longer than a time.

    Parameters
    ----------
    result : JumpResult
        The analysis.

    Returns
    -------
    Figure
    """
    with new_figure(1, 2, width_in=DOUBLE_IN, height_in=2.7) as (figure, axes):
        _draw_angles(axes[0, 0], result)
        _draw_residence(axes[0, 1], result)
        for ax, letter in zip(axes[0], "ab", strict=True):
            panel_label(ax, letter)
    return figure


def _draw_angles(ax: Axes, result: JumpResult) -> None:
    found = result.directions
    width = float(found.angle_deg[1] - found.angle_deg[0])
    ax.bar(found.angle_deg, found.angle_counts, 0.92 * width, color=COLORS[0], label="jumps")
    ax.plot(
        found.angle_deg, found.angle_isotropic, color=COLORS[1], marker=".", markersize=3,
        label="random directions",
    )  # fmt: skip
    ax.set_xlim(0.0, 90.0)
    ax.set_xticks(range(0, 91, 15))
    ax.set_ylim(bottom=0.0)
    ax.set_xlabel(f"angle between jump and {found.axis} / °")
    ax.set_ylabel("jumps")
    if found.share_along is not None and found.share_along_se is not None:
        share = f"{100 * found.share_along:.0f} ± {100 * found.share_along_se:.0f} %"
        ax.set_title(f"within 45° of {found.axis}: {share}", fontsize=8)
    ax.legend(loc="best")


def _draw_residence(ax: Axes, result: JumpResult) -> None:
    shown = [r for r in result.residence if len(r.time_ps) > 1][: MAX_CURVES + 1]
    for k, stay in enumerate(shown):
        name = "all sites" if stay.label == "all" else f"site {stay.label}"
        color = COLORS[k]
        ax.step(stay.time_ps, stay.survival, where="post", color=color, label=name)
        ax.fill_between(
            stay.time_ps, np.clip(stay.survival - stay.survival_se, 1e-4, 1.0),
            np.clip(stay.survival + stay.survival_se, 1e-4, 1.0), step="post", color=color,
            alpha=0.2, linewidth=0,
        )  # fmt: skip
    if shown and shown[0].mean_ps:
        end = float(shown[0].time_ps[-1])
        time = np.linspace(0.0, end, 200)
        ax.plot(
            time, np.exp(-time / shown[0].mean_ps), color=GRAY, linestyle="--", linewidth=1.0,
            label=f"exponential, {significant(shown[0].mean_ps)} ps",
        )  # fmt: skip
        ax.set_xlim(0.0, end)
    ax.set_yscale("log")
    lowest = min((float(r.survival[r.survival > 0.0].min()) for r in shown), default=0.1)
    ax.set_ylim(max(0.5 * lowest, 1e-3), 1.1)
    ax.set_xlabel("time in the site / ps")
    ax.set_ylabel("probability to stay longer")
    if shown:
        ax.legend(loc="best")
    else:
        ax.text(0.5, 0.5, f"no complete stay in {result.run_ps:g} ps", transform=ax.transAxes,
                ha="center", color=GRAY)  # fmt: skip
