"""Figures of features: their distribution over images, and their influence on a potential."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from lionn_rs.errors import DataError

from .style import COLORS, DOUBLE_IN, GRAY, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage
    from numpy.typing import NDArray

    from lionn_rs.analysis.diagnosis.fingerprint_statistics import FeatureStatistics
    from lionn_rs.analysis.diagnosis.sensitivity import FeatureSensitivity

__all__ = ["feature_sensitivity", "fingerprint_distributions"]

MAX_BINS: Final = 40
"""Bins of the scaled value of a feature; fewer where there are few atoms."""

ROW_IN: Final = 1.35
"""Height of the panel of one element, inches."""

MARGIN_IN: Final = 0.75

N_NAMED: Final = 6
"""Features of each element that are named in the figure of sensitivity."""

FIRST_MARK: Final = 1.2
MARK_STEP: Final = 0.22
"""Heights of the rows of flags above the scaled values, which end at 1."""

FLAG_MARKS: Final = {
    "constant": (COLORS[6], "x"),
    "narrow": (COLORS[2], "d"),
    "switch": (COLORS[1], "s"),
    "redundant": (COLORS[3], "o"),
}


def fingerprint_distributions(
    fingerprints: Mapping[str, NDArray[np.float64]], statistics: Sequence[FeatureStatistics]
) -> Figure:
    """Distribution of every feature, one narrow histogram each, one panel per element.

    Every column is a histogram of one feature, scaled to its own range, dark where values are
    frequent and white where there are none. Marks above flag features of little use.

    Parameters
    ----------
    fingerprints : mapping of str to (n_atoms, n_features) float64
        From :func:`lionn_rs.analysis.diagnosis.fingerprint_statistics.collect_fingerprints`.
    statistics : sequence of FeatureStatistics
        Of the same fingerprints.

    Returns
    -------
    Figure

    Raises
    ------
    DataError
        Without fingerprints.
    """
    if not fingerprints:
        raise DataError("fingerprint_distributions: no fingerprints")
    elements = sorted(fingerprints)
    present = [f for f in FLAG_MARKS if any(f in row.flags for row in statistics)]
    height = ROW_IN * len(elements) + MARGIN_IN
    with new_figure(len(elements), 1, width_in=DOUBLE_IN, height_in=height) as (figure, axes):
        for ax, element in zip(axes[:, 0], elements, strict=True):
            rows = [row for row in statistics if row.element == element]
            image = _draw_columns(ax, fingerprints[element], rows)
            _draw_flags(ax, rows, present)
            ax.set_ylabel(f"{element}, scaled")
        axes[-1, 0].set_xlabel("feature")
        bar = figure.colorbar(image, ax=axes[:, 0], fraction=0.025, pad=0.01)
        bar.set_label("atoms, relative to the fullest bin")
        _flag_legend(figure, present)
    return figure


def _draw_columns(
    ax: Axes, values: NDArray[np.float64], rows: Sequence[FeatureStatistics]
) -> AxesImage:
    from matplotlib import colormaps
    from matplotlib.colors import ListedColormap

    # Rice's rule: twice the cube root of the number of values.
    n_bins = int(min(MAX_BINS, 2.0 * len(values) ** (1 / 3)))
    density = np.full((n_bins, len(rows)), np.nan)
    for k, row in enumerate(rows):
        if row.is_constant:
            continue
        counts, _ = np.histogram(values[:, k], bins=n_bins, range=(row.minimum, row.maximum))
        density[:, k] = np.where(counts > 0, counts / counts.max(), np.nan)
    return ax.imshow(
        density,
        origin="lower",
        aspect="auto",
        extent=(-0.5, len(rows) - 0.5, -1.0, 1.0),
        cmap=ListedColormap(colormaps["Blues"](np.linspace(0.18, 1.0, 128))),
        vmin=0.0,
        vmax=1.0,
        interpolation="nearest",
    )


def _draw_flags(ax: Axes, rows: Sequence[FeatureStatistics], present: Sequence[str]) -> None:
    for level, flag in enumerate(present):
        color, marker = FLAG_MARKS[flag]
        marked = [k for k, row in enumerate(rows) if flag in row.flags]
        height = np.full(len(marked), FIRST_MARK + MARK_STEP * level)
        ax.plot(marked, height, marker, color=color, markersize=3.5)
    ax.set_xlim(-0.5, len(rows) - 0.5)
    ax.set_ylim(-1.0, FIRST_MARK + MARK_STEP * max(len(present) - 0.5, 0.0))
    ax.set_yticks([-1, 0, 1])


def _flag_legend(figure: Figure, present: Sequence[str]) -> None:
    from matplotlib.lines import Line2D

    handles = []
    for flag in present:
        color, marker = FLAG_MARKS[flag]
        handles.append(Line2D([], [], color=color, marker=marker, linestyle="", markersize=6))
    if handles:
        figure.legend(handles, present, loc="outside upper center", ncols=len(present))


def feature_sensitivity(rows: Sequence[FeatureSensitivity]) -> Figure:
    """Influence of every feature on energies and forces, one panel per element.

    Bars upward: ``<|dE/ds|> std(s)``; bars downward: change of the forces when the feature is
    frozen. The strongest features are named below.

    Parameters
    ----------
    rows : sequence of FeatureSensitivity
        From :func:`lionn_rs.analysis.diagnosis.sensitivity.sensitivity`.

    Returns
    -------
    Figure

    Raises
    ------
    DataError
        Without rows.
    """
    if not rows:
        raise DataError("feature_sensitivity: no features")
    elements = sorted({row.element for row in rows})
    with_forces = all(row.force is not None for row in rows)
    height = ROW_IN * len(elements) + MARGIN_IN
    with new_figure(
        len(elements), 2, width_in=DOUBLE_IN, height_in=height, width_ratios=(3, 2)
    ) as (figure, axes):
        for (left, right), element in zip(axes, elements, strict=True):
            own = [row for row in rows if row.element == element]
            _bars(left, own, with_forces=with_forces)
            left.set_ylabel(element)
            _strongest(right, own)
        axes[-1, 0].set_xlabel("feature")
        axes[-1, 1].set_xlabel("influence on the energy / eV")
        labels = ["energy, eV (up)"] + ["forces, eV/Å (down)"] * with_forces
        handles = axes[0, 0].containers
        figure.legend(handles, labels, loc="outside upper center", ncols=2)
    return figure


def _bars(ax: Axes, rows: Sequence[FeatureSensitivity], *, with_forces: bool) -> None:
    index = [row.index for row in rows]
    ax.bar(index, [row.energy for row in rows], color=COLORS[0], width=0.8)
    if with_forces:
        ax.bar(index, [-(row.force or 0.0) for row in rows], color=COLORS[4], width=0.8)
    ax.axhline(0.0, color=GRAY, linewidth=0.8)
    ax.set_xlim(-0.6, len(rows) - 0.4)
    ax.yaxis.set_major_formatter(lambda value, _: f"{abs(value):g}")


def _strongest(ax: Axes, rows: Sequence[FeatureSensitivity]) -> None:
    chosen = sorted(rows, key=lambda row: -row.energy)[:N_NAMED]
    ax.barh(range(len(chosen)), [row.energy for row in chosen], color=COLORS[0], height=0.7)
    ax.set_yticks(range(len(chosen)), [row.label for row in chosen], fontsize=6.5)
    ax.set_ylim(N_NAMED - 0.5, -0.5)
    ax.tick_params(axis="y", length=0)
