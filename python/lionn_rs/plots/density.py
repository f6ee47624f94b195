"""Picture of the ion density: projections along the lattice vectors with the framework atoms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from lionn_rs.analysis import IonDensity
from lionn_rs.analysis.transport.trajectory import Floats

from .structure import (
    FRAMEWORK_COLORS,
    VIEWS,
    clip_to_cell,
    corners,
    draw_atoms,
    draw_cell,
    flat_axes,
    frame_view,
)
from .style import DOUBLE_IN, new_figure, panel_label

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BRIGHTEST = 99.7
"""Percentile of the projection at which the color scale ends."""


def plot_density(
    density: IonDensity,
    *,
    framework: ArrayLike | None = None,
    symbols: Sequence[str] = (),
    title: str = "",
) -> Figure:
    """Density integrated along a, b and c, one panel each, on a common color scale.

    Parameters
    ----------
    density : IonDensity
        The density.
    framework : (n_atoms, 3) array, Å, optional
        Mean positions of the framework atoms.
    symbols : sequence of str
        Their symbols.
    title : str
        Text above the figure.

    Returns
    -------
    Figure
    """
    flats = {view: flat_axes(density.cell, view) for view in VIEWS}
    widths = [float(np.ptp(corners(flat)[:, 0])) for flat in flats.values()]
    height = max(float(np.ptp(corners(flat)[:, 1])) for flat in flats.values())
    projections = {view: _projection(density, view) for view in VIEWS}
    top = float(np.percentile(np.concatenate([p.ravel() for p in projections.values()]), BRIGHTEST))
    scale = (DOUBLE_IN - 1.3) / sum(widths)
    options: dict[str, Any] = {
        "width_in": DOUBLE_IN,
        "height_in": min(height * scale + 0.9, 6.5),
        "gridspec_kw": {"width_ratios": widths},
    }
    fractional = None
    if framework is not None and len(symbols):
        fractional = np.asarray(framework, dtype=np.float64) @ np.linalg.inv(density.cell)
    with new_figure(1, 3, **options) as (figure, axes):
        for ax, view, letter in zip(axes[0], VIEWS, "abc", strict=True):
            image = _draw_projection(ax, projections[view], flats[view], top)
            draw_cell(ax, flats[view])
            if fractional is not None:
                kinds = sorted(set(symbols), key=lambda s: (-list(symbols).count(s), s))
                for k, symbol in enumerate(kinds):
                    chosen = fractional[np.array(symbols) == symbol][:, VIEWS[view]]
                    draw_atoms(ax, chosen, flats[view], symbol, FRAMEWORK_COLORS[k % 4], 0.55)
            frame_view(ax, flats[view])
            ax.axis("off")
            ax.set_title(f"along {view}", pad=4)
            panel_label(ax, letter)
        bar = figure.colorbar(image, ax=axes[0].tolist(), shrink=0.8, pad=0.02, extend="max")
        bar.set_label(f"{density.species} per area / Å$^{{-2}}$")
        handles, labels = axes[0][0].get_legend_handles_labels()
        if handles:
            figure.legend(handles, labels, loc="outside lower center", ncols=len(labels))
        if title:
            figure.suptitle(title, fontsize=9.5)
    return figure


def _projection(density: IonDensity, view: str) -> Floats:
    """Ions per area (Å⁻²) seen along a lattice vector; rows: first in-plane vector."""
    axis = "abc".index(view)
    along = density.cell[axis]
    # Integral along the lattice vector; the plane normal to it is what one sees.
    return np.asarray(density.values.mean(axis=axis) * float(np.linalg.norm(along)))


def _draw_projection(ax: Axes, values: Floats, flat: Floats, top: float) -> Any:
    """Smooth color map over the cell; the first row and column close the period."""
    closed = np.pad(values, ((0, 1), (0, 1)), mode="wrap")
    first, second = (np.linspace(0.0, 1.0, n) for n in closed.shape)
    points = first[:, None, None] * flat[0] + second[None, :, None] * flat[1]
    image = ax.pcolormesh(
        points[..., 0], points[..., 1], closed, shading="gouraud", cmap="Blues", vmin=0.0,
        vmax=top if top > 0.0 else None, rasterized=True, zorder=0,
    )  # fmt: skip
    clip_to_cell(image, ax, flat)
    return image
