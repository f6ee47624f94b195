"""Figures of a training: learning curves, parity, residuals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from lionn_rs.errors import DataError

from .style import COLORS, DOUBLE_IN, GRAY, LIGHT, new_figure, panel_label

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from lionn_rs.training.history import History
    from lionn_rs.training.metrics import Predictions

SET_COLORS: Final = {"train": COLORS[0], "validation": COLORS[4], "test": COLORS[1]}
"""Color of every set; other sets take the remaining colors in order."""

MAX_POINTS: Final = 20_000
"""Points of a scatter plot; more are thinned evenly, errors are always those of all points."""

N_BINS: Final = 50

LEGEND_ROOM: Final = 20.0
"""Factor by which the density axis of the residuals reaches beyond the peak."""

MEV: Final = 1e3
"""meV in an eV."""


def learning_curves(
    history: History,
    *,
    n_images: tuple[int, int] | None = None,
    log_iterations: bool = False,
) -> Figure:
    """Loss, energy and force error over the iterations, training and validation.

    The best iteration is marked; of several starts the one that holds it is drawn in full, the
    others are faint.

    Parameters
    ----------
    history : History
        Of :func:`lionn_rs.train`.
    n_images : (int, int), optional
        Training and validation images: losses are then drawn per image, and both can share an
        axis. Without it, the training loss as it stands in the history, a sum over images.
    log_iterations : bool
        Logarithmic axis of iterations; iteration 0 is left out.

    Returns
    -------
    Figure

    Raises
    ------
    DataError
        For an empty history.
    """
    if not history.rows:
        raise DataError("learning_curves: the history is empty")
    columns = history.columns()
    best = _best_row(columns)
    if n_images is not None:
        columns["loss"] = columns["loss"] / n_images[0]
        columns["validation_loss"] = columns["validation_loss"] / max(n_images[1], 1)
    else:
        columns["validation_loss"] = np.full_like(columns["loss"], np.nan)
    panels = [
        ("loss", 1.0, "training loss" if n_images is None else "loss per image"),
        ("energy_rmse_per_atom", MEV, "energy RMSE / (meV/atom)"),
        ("force_rmse", MEV, "force RMSE / (meV/Å)"),
        ("stress_rmse", MEV, "stress RMSE / (meV/Å³)"),
    ]
    drawn = [panel for panel in panels if np.isfinite(columns[panel[0]]).any()]
    with new_figure(1, len(drawn), width_in=DOUBLE_IN, height_in=2.6) as (figure, axes):
        for ax, letter, (name, factor, label) in zip(axes[0], "abcd", drawn, strict=False):
            _draw_curves(ax, columns, name, factor, best)
            ax.set_xlabel("iteration")
            ax.set_ylabel(label)
            _plain_log_scale(ax)
            if log_iterations:
                ax.set_xscale("log")
                ax.xaxis.set_major_formatter("{x:g}")
            panel_label(ax, letter)
        axes[0, -1].legend(loc="lower left" if log_iterations else "upper right")
    return figure


def _plain_log_scale(ax: Axes) -> None:
    """Logarithmic y axis with numbers written out."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    ax.set_yscale("log")
    ax.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.yaxis.set_minor_formatter(NullFormatter())


def _best_row(columns: Mapping[str, NDArray[np.float64]]) -> int:
    validated = np.isfinite(columns["validation_loss"])
    if not validated.any():
        return int(np.argmin(columns["loss"]))
    return int(np.argmin(np.where(validated, columns["validation_loss"], np.inf)))


def _draw_curves(
    ax: Axes,
    columns: Mapping[str, NDArray[np.float64]],
    name: str,
    factor: float,
    best: int,
) -> None:
    starts, iteration = columns["start"], columns["iteration"]
    best_start = starts[best]
    values = factor * columns[name]
    for start in np.unique(starts):
        chosen = starts == start
        if start != best_start:
            ax.plot(iteration[chosen], values[chosen], color=LIGHT, linewidth=0.8, zorder=1)
    chosen = starts == best_start
    ax.plot(iteration[chosen], values[chosen], color=SET_COLORS["train"], label="training")
    validation = factor * columns[f"validation_{name}"]
    shown = chosen & np.isfinite(validation)
    color = SET_COLORS["validation"]
    if shown.any():
        ax.plot(iteration[shown], validation[shown], color=color, label="validation")
    if shown[best]:
        ax.plot(iteration[best], validation[best], "o", color=color, markersize=4, zorder=3)
    ax.axvline(
        iteration[best],
        color=GRAY,
        linewidth=0.9,
        linestyle="--",
        label=f"best, iteration {iteration[best]:.0f}",
    )


def parity(predictions: Mapping[str, Predictions]) -> Figure:
    """Predicted against reference energies per atom and force components.

    Parameters
    ----------
    predictions : mapping of str to Predictions
        One entry per set (``train``, ``validation``, ``test``, ...), from :func:`lionn_rs.predict`.

    Returns
    -------
    Figure

    Raises
    ------
    DataError
        Without predictions.
    """
    if not predictions:
        raise DataError("parity: no predictions")
    has_forces = any(p.forces is not None for p in predictions.values())
    with new_figure(1, 1 + has_forces, width_in=DOUBLE_IN, height_in=3.3) as (figure, axes):
        energy = axes[0, 0]
        for name, p in predictions.items():
            errors = p.energy_errors_per_atom
            label = f"{name}: RMSE {MEV * _rms(errors):.1f} meV/atom"
            reference, predicted = p.reference_energies / p.n_atoms, p.energies / p.n_atoms
            _scatter(energy, reference, predicted, name, predictions, label, size=9.0)
        _finish_parity(energy, "energy / (eV/atom)", "a")
        if has_forces:
            force = axes[0, 1]
            for name, p in predictions.items():
                if p.forces is None or p.reference_forces is None:
                    continue
                label = f"{name}: RMSE {MEV * _rms(p.forces - p.reference_forces):.0f} meV/Å"
                reference, predicted = p.reference_forces.ravel(), p.forces.ravel()
                _scatter(force, reference, predicted, name, predictions, label, size=2.5)
            _finish_parity(force, "force component / (eV/Å)", "b")
    return figure


def _scatter(
    ax: Axes,
    reference: NDArray[np.float64],
    predicted: NDArray[np.float64],
    name: str,
    names: Mapping[str, Any],
    label: str,
    *,
    size: float,
) -> None:
    step = max(1, -(-len(reference) // MAX_POINTS))
    ax.scatter(
        reference[::step],
        predicted[::step],
        s=size,
        color=_color(name, names),
        alpha=0.6,
        linewidths=0,
        rasterized=True,
        label=label,
    )


def _finish_parity(ax: Axes, quantity: str, letter: str) -> None:
    low = min(ax.get_xlim()[0], ax.get_ylim()[0])
    high = max(ax.get_xlim()[1], ax.get_ylim()[1])
    ax.plot([low, high], [low, high], color=GRAY, linewidth=0.8, zorder=0)
    ax.set_xlim(low, high)
    ax.set_ylim(low, high)
    ax.set_aspect("equal")
    ax.set_xlabel(f"DFT {quantity}")
    ax.set_ylabel(f"network {quantity}")
    ax.legend(loc="upper left", markerscale=2.0, handletextpad=0.2)
    panel_label(ax, letter)


def residuals(predictions: Mapping[str, Predictions], *, elements_of: str | None = None) -> Figure:
    """Histogram of the force errors: by set, and by element for one of them.

    Parameters
    ----------
    predictions : mapping of str to Predictions
        One entry per set.
    elements_of : str, optional
        The set shown by element; ``test`` if there is one, else the last.

    Returns
    -------
    Figure

    Raises
    ------
    DataError
        Without forces.
    """
    with_forces = {name: p for name, p in predictions.items() if p.force_errors is not None}
    if not with_forces:
        raise DataError("residuals: no predictions with forces")
    chosen = elements_of or ("test" if "test" in with_forces else list(with_forces)[-1])
    if chosen not in with_forces:
        raise DataError(f"residuals: no set '{chosen}' with forces (got {', '.join(with_forces)})")
    with new_figure(1, 2, width_in=DOUBLE_IN, height_in=2.8, sharey=True) as (figure, axes):
        limit = max(float(np.abs(p.force_errors).max()) for p in with_forces.values())  # type: ignore[arg-type]
        bins = np.linspace(-limit, limit, N_BINS + 1)
        for name, p in with_forces.items():
            _histogram(axes[0, 0], p.force_errors, bins, _color(name, with_forces), name)
        shown = with_forces[chosen]
        for k, element in enumerate(sorted({str(s) for s in shown.symbols})):
            errors = shown.force_errors
            assert errors is not None
            part = errors[shown.symbols == element]
            _histogram(axes[0, 1], part, bins, COLORS[k % len(COLORS)], element)
        axes[0, 1].set_title(f"{chosen} set by element")
        for ax, letter in zip(axes[0], "ab", strict=True):
            ax.set_xlabel("force error / (eV/Å)")
            ax.set_yscale("log")
            ax.legend(loc="upper right")
            panel_label(ax, letter)
        low, high = axes[0, 0].get_ylim()
        # Room for the legend above the peak.
        axes[0, 0].set_ylim(low, high * LEGEND_ROOM)
        axes[0, 0].set_ylabel("density / (Å/eV)")
    return figure


def _histogram(ax: Axes, errors: Any, bins: NDArray[np.float64], color: str, name: str) -> None:
    values = np.ravel(errors)
    heights, _ = np.histogram(values, bins=bins, density=True)
    label = f"{name}, RMSE {MEV * _rms(values):.0f} meV/Å"
    centers = 0.5 * (bins[:-1] + bins[1:])
    shown = heights > 0
    ax.plot(centers[shown], heights[shown], color=color, marker=".", markersize=3.5, label=label)


def _color(name: str, names: Mapping[str, Any]) -> str:
    if name in SET_COLORS:
        return SET_COLORS[name]
    free = [color for color in COLORS if color not in SET_COLORS.values()]
    others = [other for other in names if other not in SET_COLORS]
    return COLORS[0] if len(names) == 1 else free[others.index(name) % len(free)]


def _rms(values: NDArray[np.float64]) -> float:
    return float(np.sqrt(np.mean(np.square(values))))
