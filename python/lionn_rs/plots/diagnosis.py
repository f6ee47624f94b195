"""Figures of a training diagnosis: residuals of energies and forces, and the patterns in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from lionn_rs.errors import DataError

from .style import COLORS, DOUBLE_IN, GRAY, new_figure, panel_label
from .training import MEV, SET_COLORS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from lionn_rs.analysis.diagnosis.patterns import EnergyStructure
    from lionn_rs.analysis.diagnosis.residuals import ForceResiduals
    from lionn_rs.training.metrics import Predictions

__all__ = ["energy_residuals", "force_residuals"]

MOST_BARS: Final = 12
"""Groups that are drawn; of more, those with the most atoms."""

LONGEST_NAME: Final = 26
"""Characters of a name on an axis."""


def energy_residuals(
    predictions: Mapping[str, Predictions], structures: Mapping[str, EnergyStructure]
) -> Figure:
    """Energy residuals against reference energy and against the order of the images.

    Dashed lines are plus and minus the energy RMSE of all images; rings mark the images that form
    a pattern.

    Parameters
    ----------
    predictions : mapping of str to Predictions
        One entry per set.
    structures : mapping of str to EnergyStructure
        Of the same sets.

    Returns
    -------
    Figure

    Raises
    ------
    DataError
        Without predictions.
    """
    if not predictions:
        raise DataError("energy_residuals: no predictions")
    everything = np.concatenate([p.energy_errors_per_atom for p in predictions.values()])
    rmse = MEV * float(np.sqrt(np.mean(everything**2)))
    with new_figure(1, 2, width_in=DOUBLE_IN, height_in=3.0, sharey=True, width_ratios=(3, 2)) as (
        figure,
        axes,
    ):
        start = 0
        ringed = False
        for k, (name, p) in enumerate(predictions.items()):
            color = SET_COLORS.get(name, COLORS[k % len(COLORS)])
            residual = MEV * p.energy_errors_per_atom
            order = start + np.arange(len(residual))
            members = list(structures[name].members) if name in structures else []
            for ax, x in ((axes[0, 0], p.reference_energies / p.n_atoms), (axes[0, 1], order)):
                ax.scatter(x, residual, s=12, color=color, linewidths=0, alpha=0.75, label=name)
                ax.scatter(
                    x[members],
                    residual[members],
                    s=46,
                    facecolors="none",
                    edgecolors=COLORS[6],
                    linewidths=0.8,
                )
            ringed = ringed or bool(members)
            start += len(residual)
        for ax, letter in zip(axes[0], "ab", strict=True):
            ax.axhline(0.0, color=GRAY, linewidth=0.8, zorder=0)
            for sign in (-1, 1):
                ax.axhline(sign * rmse, color=GRAY, linewidth=0.8, linestyle="--", zorder=0)
            panel_label(ax, letter)
        _energy_axes(axes[0, 0], axes[0, 1], rmse, ringed=ringed)
    return figure


def _energy_axes(energy: Axes, order: Axes, rmse: float, *, ringed: bool) -> None:
    from matplotlib.lines import Line2D

    energy.set_ylabel("energy residual / (meV/atom)")
    energy.set_xlabel("reference energy / (eV/atom)")
    energy.ticklabel_format(axis="x", useOffset=False)
    energy.locator_params(axis="x", nbins=6)
    order.set_xlabel("image, sets one after the other")
    handles, labels = energy.get_legend_handles_labels()
    handles.append(Line2D([], [], color=GRAY, linewidth=0.8, linestyle="--"))
    labels.append(f"± RMSE, {rmse:.1f} meV/atom")
    if ringed:
        ring = Line2D([], [], marker="o", linestyle="", markerfacecolor="none", markersize=6)
        ring.set_markeredgecolor(COLORS[6])
        handles.append(ring)
        labels.append("part of a pattern")
    energy.figure.legend(handles, labels, loc="outside upper center", ncols=len(labels))


def force_residuals(residuals: Mapping[str, Mapping[str, Sequence[ForceResiduals]]]) -> Figure:
    """Force RMSE by element, source group and size of the reference force.

    Parameters
    ----------
    residuals : mapping of str to mapping
        For every set the result of :func:`lionn_rs.analysis.diagnosis.residuals.force_residuals`.

    Returns
    -------
    Figure
        Points are the RMSE of force components; in the last panel the line beside them is the
        root mean square of the reference components, the error of a model that says zero.

    Raises
    ------
    DataError
        Without residuals.
    """
    if not residuals:
        raise DataError("force_residuals: no sets with forces")
    groups = _names(residuals, "group")
    with new_figure(1, 3, width_in=DOUBLE_IN, height_in=3.1, width_ratios=(1, 1.5, 1.5)) as (
        figure,
        axes,
    ):
        _points(axes[0, 0], residuals, "element", _names(residuals, "element"))
        _points(axes[0, 1], residuals, "group", groups)
        right = 1.08 * max(ax.get_xlim()[1] for ax in axes[0, :2])
        for ax in axes[0, :2]:
            ax.set_xlim(0.0, right)
        axes[0, 0].set_title("element")
        axes[0, 1].set_title("source group")
        _against_size(axes[0, 2], residuals)
        for ax, letter in zip(axes[0], "abc", strict=True):
            panel_label(ax, letter)
        handles, labels = axes[0, 2].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper center", ncols=len(labels))
    return figure


def _names(residuals: Mapping[str, Mapping[str, Sequence[ForceResiduals]]], by: str) -> list[str]:
    counts: dict[str, int] = {}
    for tables in residuals.values():
        for row in tables[by]:
            counts[row.name] = counts.get(row.name, 0) + row.n_atoms
    largest = sorted(counts, key=lambda name: -counts[name])[:MOST_BARS]
    return [name for name in counts if name in largest]


def _points(
    ax: Axes,
    residuals: Mapping[str, Mapping[str, Sequence[ForceResiduals]]],
    by: str,
    names: list[str],
) -> None:
    offsets = _offsets(len(residuals))
    for k, (offset, (name, tables)) in enumerate(zip(offsets, residuals.items(), strict=True)):
        color = SET_COLORS.get(name, COLORS[k % len(COLORS)])
        rows = [row for row in tables[by] if row.name in names]
        height = np.array([names.index(row.name) for row in rows]) + offset
        ax.plot([MEV * row.rmse for row in rows], height, "o", color=color, markersize=4.5)
    ax.set_yticks(range(len(names)), [_short(name) for name in names])
    ax.set_ylim(len(names) - 0.5, -0.5)
    ax.grid(axis="y", color="#E6E6E6", linewidth=0.6)
    ax.tick_params(axis="y", length=0)
    ax.set_xlabel("force RMSE / (meV/Å)")


def _against_size(
    ax: Axes, residuals: Mapping[str, Mapping[str, Sequence[ForceResiduals]]]
) -> None:
    for k, (name, tables) in enumerate(residuals.items()):
        color = SET_COLORS.get(name, COLORS[k % len(COLORS)])
        rows = tables["size"]
        # Bins overlap between sets, so every one stands at the root mean square of its forces.
        sizes = np.array([np.sqrt(3.0) * row.reference_rms for row in rows])
        label = name if len(residuals) > 1 else "force RMSE"
        rmse = MEV * np.array([row.rmse for row in rows])
        ax.plot(sizes, rmse, "o-", color=color, markersize=4, linewidth=1.0, label=label)
    low, high = ax.get_xlim()
    line = np.linspace(max(low, 0.0), high, 2)
    top = ax.get_ylim()[1]
    ax.plot(line, MEV * line / np.sqrt(3.0), color=GRAY, linewidth=0.9, linestyle="--",
            label="a model that says zero")  # fmt: skip
    ax.set_xlim(0.0, high)
    ax.set_ylim(0.0, top * 1.1)
    ax.set_xlabel(r"$|F_\mathrm{ref}|$ / (eV/Å)")
    ax.set_ylabel("force RMSE / (meV/Å)")
    ax.set_title("size of the force")


def _offsets(n: int) -> NDArray[np.float64]:
    return np.asarray((np.arange(n) - 0.5 * (n - 1)) * min(0.22, 0.7 / max(n, 1)))


def _short(name: str) -> str:
    half = LONGEST_NAME // 2
    return name if len(name) <= LONGEST_NAME else f"{name[: half - 1]}…{name[-half:]}"
