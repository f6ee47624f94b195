"""Picture of a cell with its framework atoms and the paths of the carriers."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from lionn_rs.analysis.transport.trajectory import Floats, as_cell, as_positions, as_symbols
from lionn_rs.errors import ConfigError

from .style import COLORS, DOUBLE_IN, LIGHT, new_figure, panel_label

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

VIEWS = {"a": (1, 2), "b": (0, 2), "c": (0, 1)}
"""Looking along one lattice vector: (horizontal, vertical) lattice vectors."""
FRAMEWORK_COLORS = (COLORS[4], COLORS[1], COLORS[2], COLORS[3])
MAX_FRAMES = 400
RADIUS_POINTS = 4.2
"""Marker radius of a framework atom with a covalent radius of 1 Å, points."""


def plot_paths(
    positions: ArrayLike,
    *,
    cell: ArrayLike,
    symbols: Sequence[str] | None = None,
    numbers: ArrayLike | None = None,
    carrier: str = "Li",
    along: tuple[str, str] = ("c", "b"),
    title: str = "",
) -> Figure:
    """Framework atoms (mean positions) and folded paths of all carriers, from two directions.

    Parameters
    ----------
    positions : (n_frames, n_atoms, 3) array, Å
        Unwrapped positions, drift removed.
    cell : (3, 3) array, Å
        Rows are the lattice vectors.
    symbols, numbers : (n_atoms,)
        Chemical symbols or atomic numbers, one of the two.
    carrier : str
        Species whose paths are drawn, each ion in its own shade.
    along : (str, str)
        Lattice vectors to look along, from ``a``, ``b``, ``c``.
    title : str
        Text above the figure.

    Returns
    -------
    Figure

    Raises
    ------
    ConfigError
        For an unknown direction or a missing carrier.
    """
    matrix = as_cell(cell)
    path = as_positions(positions)
    names = as_symbols(path.shape[1], symbols=symbols, numbers=numbers)
    if carrier not in names:
        raise ConfigError(f"plot_paths: no {carrier} atoms")
    for direction in along:
        if direction not in VIEWS:
            raise ConfigError(f"plot_paths: directions are a, b or c, got {direction!r}")
    frames = np.unique(np.linspace(0, len(path) - 1, min(MAX_FRAMES, len(path))).astype(int))
    fractional = path[frames] @ np.linalg.inv(matrix)
    # The commonest species first and largest: atoms behind each other stay visible as rings.
    framework = sorted(set(names.tolist()) - {carrier}, key=lambda s: (-np.sum(names == s), s))
    shapes = [flat_axes(matrix, direction) for direction in along]
    widths = [float(np.ptp(corners(flat)[:, 0])) for flat in shapes]
    heights = [float(np.ptp(corners(flat)[:, 1])) for flat in shapes]
    scale = (DOUBLE_IN - 1.2) / sum(widths)
    options: dict[str, Any] = {
        "width_in": DOUBLE_IN,
        "height_in": min(max(heights) * scale + 0.7, 6.5),
        "gridspec_kw": {"width_ratios": widths},
    }
    with new_figure(1, 2, **options) as (figure, axes):
        for ax, direction, flat, letter in zip(axes[0], along, shapes, "ab", strict=True):
            pair = VIEWS[direction]
            draw_cell(ax, flat)
            _draw_paths(ax, fractional[:, names == carrier][..., pair], flat)
            for k, symbol in enumerate(framework):
                mean = fractional[:, names == symbol].mean(axis=0)[:, pair]
                draw_atoms(ax, mean, flat, symbol, FRAMEWORK_COLORS[k % 4], 0.78**k)
            frame_view(ax, flat)
            ax.axis("off")
            ax.set_title(f"along {direction}", pad=4)
            panel_label(ax, letter)
        handles, labels = axes[0][0].get_legend_handles_labels()
        handles.insert(0, _path_handle())
        labels.insert(0, f"{carrier} paths")
        figure.legend(handles, labels, loc="outside lower center", ncols=len(labels))
        if title:
            figure.suptitle(title, fontsize=9.5)
    return figure


def flat_axes(matrix: Floats, direction: str) -> Floats:
    """Plane vectors (2, 2) of two lattice vectors seen along the third, the first horizontal."""
    view = matrix["abc".index(direction)]
    view = view / np.linalg.norm(view)
    first, second = (matrix[k] - (matrix[k] @ view) * view for k in VIEWS[direction])
    right = first / np.linalg.norm(first)
    up = second - (second @ right) * right
    up /= np.linalg.norm(up)
    return np.array([[first @ right, 0.0], [second @ right, second @ up]])


def corners(flat: Floats) -> Floats:
    """Outline (5, 2) of the flat cell, closed."""
    return np.array([[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]], dtype=np.float64) @ flat


def draw_cell(ax: Axes, flat: Floats) -> None:
    """Draw the outline of the cell."""
    outline = corners(flat)
    ax.plot(outline[:, 0], outline[:, 1], color=LIGHT, linewidth=1.0, zorder=1)


def _draw_paths(ax: Axes, paths: Floats, flat: Floats) -> None:
    """Folded paths of shape (n_frames, n_ions, 2), cut where they leave the cell."""
    import matplotlib as mpl
    from matplotlib.collections import LineCollection

    shades = mpl.colormaps["Blues"](np.linspace(0.55, 0.95, paths.shape[1]))
    cells = np.floor(paths)
    for ion in range(paths.shape[1]):
        start, end = paths[:-1, ion], paths[1:, ion]
        segments = [np.stack([start, end], axis=1) - cells[:-1, ion][:, None]]
        # A step over the border is drawn on both sides and clipped by the outline.
        crossing = np.any(cells[:-1, ion] != cells[1:, ion], axis=1)
        segments.append((np.stack([start, end], axis=1) - cells[1:, ion][:, None])[crossing])
        lines = LineCollection(
            list(np.concatenate(segments) @ flat), colors=[shades[ion]], linewidths=0.45,
            alpha=min(0.55, 30.0 / paths.shape[1]), zorder=2,
        )  # fmt: skip
        ax.add_collection(lines)
        clip_to_cell(lines, ax, flat)


def frame_view(ax: Axes, flat: Floats) -> None:
    """Equal scale, limits a little outside of the cell."""
    outline = corners(flat)
    margin = 0.035 * float(np.ptp(outline, axis=0).max())
    ax.set_xlim(outline[:, 0].min() - margin, outline[:, 0].max() + margin)
    ax.set_ylim(outline[:, 1].min() - margin, outline[:, 1].max() + margin)
    ax.set_aspect("equal")


def clip_to_cell(artist: Any, ax: Axes, flat: Floats) -> None:
    """Hide what lies outside of the cell."""
    from matplotlib.patches import Polygon

    artist.set_clip_path(Polygon(corners(flat), closed=True, transform=ax.transData))


def draw_atoms(ax: Axes, mean: Floats, flat: Floats, symbol: str, color: str, share: float) -> None:
    """Mean positions; atoms near an edge appear on the opposite edge too."""
    from ase.data import atomic_numbers, covalent_radii

    near = 0.03
    points = []
    for point in mean - np.floor(mean):
        for shift in product((-1.0, 0.0, 1.0), repeat=2):
            image = point + shift
            if np.all(image > -near) and np.all(image < 1.0 + near):
                points.append(image)
    flat_points = np.array(points) @ flat
    radius = share * RADIUS_POINTS * float(covalent_radii[atomic_numbers[symbol]])
    ax.scatter(
        flat_points[:, 0], flat_points[:, 1], s=np.pi * radius**2, color=color, edgecolors="white",
        linewidths=0.6, label=symbol, zorder=3, clip_on=False,
    )  # fmt: skip


def _path_handle() -> Any:
    from matplotlib.lines import Line2D

    return Line2D([], [], color=COLORS[0], linewidth=1.2)
