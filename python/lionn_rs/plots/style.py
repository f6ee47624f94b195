"""One look for all figures: sizes, fonts and colors that survive print and color blindness."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""M. Okabe, K. Ito, Color Universal Design (2008): distinguishable with any color vision."""

GRAY = "#6E6E6E"
LIGHT = "#BFBFBF"

SINGLE_IN = 3.5
"""Width of one journal column, inches."""
DOUBLE_IN = 7.1
"""Width of two journal columns, inches."""

RC: dict[str, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 8.5,
    "mathtext.fontset": "dejavusans",
    "axes.labelsize": 9,
    "axes.titlesize": 9,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "xtick.direction": "out",
    "ytick.direction": "out",
    "legend.fontsize": 7.5,
    "legend.frameon": False,
    "legend.handlelength": 1.6,
    "lines.linewidth": 1.4,
    "figure.dpi": 100,
    "savefig.dpi": 200,
    "figure.constrained_layout.use": True,
    "svg.fonttype": "none",
}


@contextmanager
def style() -> Iterator[None]:
    """Apply the look of lionn_rs to everything drawn inside the block."""
    import matplotlib as mpl

    with mpl.rc_context(RC):  # type: ignore[arg-type]
        yield


@contextmanager
def new_figure(
    n_rows: int = 1,
    n_columns: int = 1,
    *,
    width_in: float = SINGLE_IN,
    height_in: float = 2.8,
    **options: Any,
) -> Iterator[tuple[Figure, Any]]:
    """Figure that no global state knows of, and its array of axes; what the block draws is styled.

    Parameters
    ----------
    n_rows, n_columns : int
        Grid of axes.
    width_in, height_in : float
        Size in inches.
    **options
        Passed on to ``Figure.subplots``.

    Yields
    ------
    Figure, array of Axes (n_rows, n_columns)
    """
    from matplotlib.figure import Figure

    with style():
        figure = Figure(figsize=(width_in, height_in))
        yield figure, figure.subplots(n_rows, n_columns, squeeze=False, **options)


def save(figure: Figure, path: Path) -> None:
    """Write a figure with the settings of this style; the suffix chooses the format.

    Parameters
    ----------
    figure : Figure
        From one of the functions of :mod:`lionn_rs.plots`.
    path : Path
        ``*.png``, ``*.svg`` or ``*.pdf``.
    """
    with style():
        figure.savefig(path)


@contextmanager
def one_axes(
    ax: Axes | None,
    x_label: str,
    y_label: str,
    *,
    width_in: float = SINGLE_IN,
    height_in: float = 2.8,
) -> Iterator[tuple[Figure, Axes]]:
    """Labeled axes and their figure, the given ones or new ones; what the block draws is styled."""
    from matplotlib.figure import Figure

    with style():
        if ax is None:
            ax = Figure(figsize=(width_in, height_in)).subplots()
        ax.set_xlabel(x_label)
        ax.set_ylabel(y_label)
        yield ax.get_figure(root=True), ax  # type: ignore[misc]


def temperature_colors(temperatures_K: Sequence[float]) -> dict[float, Any]:
    """One color per temperature, dark (cold) to light (hot), even in gray-scale print."""
    import matplotlib as mpl

    ordered = sorted(set(temperatures_K))
    scale = mpl.colormaps["plasma"]
    if len(ordered) == 1:
        return {ordered[0]: COLORS[0]}
    return {t: scale(0.85 * k / (len(ordered) - 1)) for k, t in enumerate(ordered)}


def panel_label(ax: Axes, text: str) -> None:
    """Bold letter at the upper left corner, outside of the axes."""
    ax.annotate(
        text,
        xy=(0, 1),
        xycoords="axes fraction",
        xytext=(-4, 6),
        textcoords="offset points",
        fontweight="bold",
        fontsize=10,
        ha="right",
        va="bottom",
    )
