"""Figure of the spread of a committee against its error."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import numpy as np

from lionn_rs.errors import DataError

from .style import COLORS, DOUBLE_IN, GRAY, LIGHT, new_figure, panel_label

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from lionn_rs.training.calibration import SpreadErrors

__all__ = ["calibration"]

MEV: Final = 1e3
MAX_POINTS: Final = 5000
"""Points of the cloud behind the bins; more are thinned evenly."""
PANELS: Final = {
    "force": ("force spread of an atom / (meV/Å)", "force error / (meV/Å)"),
    "energy": ("energy spread / (meV/atom)", "energy error / (meV/atom)"),
}
MARGIN: Final = 1.6
"""Factor between the outermost bins and the edge of the axes."""
CLOUD: Final = (0.005, 0.995)
"""Quantiles of the cloud that the axes show at least."""


def calibration(
    pairs: Mapping[str, SpreadErrors], scale: Mapping[str, float], *, name: str = ""
) -> Figure:
    """RMS error against RMS spread in bins along the spread, without and with the factors.

    A spread that is right lies on the diagonal. The cloud shows single predictions with the factor,
    errors as the root mean square over components.

    Parameters
    ----------
    pairs : mapping of str to SpreadErrors
        ``"force"`` and ``"energy"`` as far as there are, with the factors of the committee
        (:func:`lionn_rs.training.spread_errors`).
    scale : mapping of str to float
        The factors.
    name : str
        The set of images, for the title.

    Returns
    -------
    Figure

    Raises
    ------
    DataError
        If no spread is larger than zero.
    """
    drawn = [key for key in PANELS if key in pairs and np.any(pairs[key].spread > 0.0)]
    if not drawn:
        raise DataError("calibration: the spread is zero everywhere")
    with new_figure(1, len(drawn), width_in=DOUBLE_IN, height_in=3.3) as (figure, axes):
        for ax, letter, key in zip(axes[0], "ab", drawn, strict=False):
            _draw(ax, pairs[key], scale[key])
            x_label, y_label = PANELS[key]
            ax.set_xlabel(x_label)
            ax.set_ylabel(y_label)
            panel_label(ax, letter)
        if name:
            figure.suptitle(f"{name} images", fontsize=9)
    return figure


def _draw(ax: Axes, pairs: SpreadErrors, factor: float) -> None:
    from lionn_rs.training.calibration import Agreement

    step = max(1, -(-len(pairs.spread) // MAX_POINTS))
    cloud = MEV * np.column_stack([pairs.spread, pairs.rms_error])[::step]
    cloud = cloud[(cloud > 0.0).all(axis=1)]
    ax.scatter(
        cloud[:, 0],
        cloud[:, 1],
        s=3.0,
        color=LIGHT,
        alpha=0.6,
        linewidths=0,
        rasterized=True,
        zorder=1,
    )
    edges = [np.quantile(cloud, CLOUD)] if len(cloud) else []
    variants = [("as it is", pairs.scaled(1.0 / factor), COLORS[1], "s")]
    if factor != 1.0:
        variants.append((f"times {factor:.2f}", pairs, COLORS[0], "o"))
    for label, found, color, marker in variants:
        spread, error = found.bins()
        ence = Agreement.of(found).ence
        ax.plot(
            MEV * spread,
            MEV * error,
            color=color,
            marker=marker,
            markersize=4.0,
            linewidth=1.0,
            label=f"{label}, ENCE {ence:.2f}",
            zorder=3,
        )
        edges.append(MEV * np.concatenate([spread, error]))
    shown = np.concatenate(edges)
    shown = shown[shown > 0.0]
    low, high = float(shown.min()) / MARGIN, float(shown.max()) * MARGIN
    ax.plot([low, high], [low, high], color=GRAY, linewidth=0.8, zorder=2)
    for axis, set_limits in ((ax.xaxis, ax.set_xlim), (ax.yaxis, ax.set_ylim)):
        (ax.set_xscale if axis is ax.xaxis else ax.set_yscale)("log")
        set_limits(low, high)
        _plain_numbers(axis, low, high)
    ax.set_aspect("equal")
    ax.legend(loc="upper left")


def _plain_numbers(axis: object, low: float, high: float) -> None:
    """Numbers written out; 1, 2, 5 where the axis spans little, else powers of ten alone."""
    from matplotlib.axis import Axis
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    assert isinstance(axis, Axis)
    steps = (1.0, 2.0, 5.0) if high / low < 100.0 else (1.0,)
    axis.set_major_locator(LogLocator(subs=steps))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())
