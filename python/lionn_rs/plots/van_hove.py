"""Figures of van Hove functions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lionn_rs.analysis import VanHoveDistinct, VanHoveSelf
from lionn_rs.numbers import significant

from .style import COLORS, DOUBLE_IN, GRAY, LIGHT, new_figure, panel_label

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

N_CURVES = 5


def plot_van_hove(self_part: VanHoveSelf, distinct: VanHoveDistinct) -> Figure:
    """Displacements at some lags and as a map over all lags, and the distinct part at some lags.

    Dashed lines are Gaussians of the same mean squared displacement.

    Parameters
    ----------
    self_part : VanHoveSelf
        Self part.
    distinct : VanHoveDistinct
        Distinct part.

    Returns
    -------
    Figure
    """
    with new_figure(2, 2, width_in=DOUBLE_IN, height_in=4.9) as (figure, axes):
        _draw_curves(axes[0, 0], self_part)
        _draw_map(figure, axes[0, 1], self_part)
        _draw_distinct(axes[1, 0], distinct)
        _draw_non_gaussian(axes[1, 1], self_part)
        for ax, letter in zip(axes.ravel(), "abcd", strict=True):
            panel_label(ax, letter)
    return figure


def _some(n: int) -> list[int]:
    return [int(k) for k in np.unique(np.linspace(0, n - 1, min(N_CURVES, n)).astype(int))]


def _shades(n: int) -> Any:
    import matplotlib as mpl

    return mpl.colormaps["plasma"](np.linspace(0.0, 0.85, max(n, 2)))


def _draw_curves(ax: Axes, result: VanHoveSelf) -> None:
    chosen = _some(len(result.lag_ps))
    for k, color in zip(chosen, _shades(len(chosen)), strict=False):
        label = f"{significant(float(result.lag_ps[k]), 2)} ps"
        ax.plot(result.r_A, result.density[k], color=color, label=label)
        variance = float(result.msd_A2[k]) / 3.0
        if variance > 0.0:
            r = result.r_A
            gauss = 4.0 * np.pi * r**2 * np.exp(-0.5 * r**2 / variance)
            gauss /= (2.0 * np.pi * variance) ** 1.5
            ax.plot(r, gauss, color=color, linestyle="--", linewidth=0.8)
    # The sharp first peak would hide everything else.
    later = result.density[chosen[1:]] if len(chosen) > 1 else result.density
    ax.set_ylim(0.0, 1.15 * float(later.max()))
    ax.set_xlim(0.0, float(result.r_A[-1]))
    ax.set_xlabel("displacement r / Å")
    ax.set_ylabel(r"$4\pi r^2 G_s(r,t)$ / Å$^{-1}$")
    ax.legend(title=f"{result.species}, lag", title_fontsize=7.5)


def _draw_map(figure: Figure, ax: Axes, result: VanHoveSelf) -> None:
    # A root scale: hops of few ions stay visible beside the peak of those that stayed.
    from matplotlib.colors import PowerNorm

    top = float(np.percentile(result.density, 99.0))
    image = ax.pcolormesh(
        result.lag_ps, result.r_A, result.density.T, shading="nearest", cmap="Blues",
        norm=PowerNorm(0.5, vmin=0.0, vmax=top if top > 0.0 else 1.0), rasterized=True,
    )  # fmt: skip
    ax.set_xscale("log")
    ax.set_xlabel("lag / ps")
    ax.set_ylabel("displacement r / Å")
    bar = figure.colorbar(image, ax=ax, extend="max")
    bar.set_label(r"$4\pi r^2 G_s(r,t)$ / Å$^{-1}$")


def _draw_distinct(ax: Axes, result: VanHoveDistinct) -> None:
    ax.axhline(1.0, color=LIGHT, linewidth=0.8)
    chosen = _some(len(result.lag_ps))
    for k, color in zip(chosen, _shades(len(chosen)), strict=False):
        label = f"{significant(float(result.lag_ps[k]), 2)} ps"
        ax.plot(result.r_A, result.g[k], color=color, label=label)
        low, high = result.g[k] - result.g_se[k], result.g[k] + result.g_se[k]
        ax.fill_between(result.r_A, low, high, color=color, alpha=0.2, linewidth=0)
    ax.set_xlim(0.0, float(result.r_A[-1]))
    top = float(result.g[:, len(result.r_A) // 8 :].max())
    # Room for the legend above the curves.
    ax.set_ylim(0.0, max(1.8 * top, 2.0))
    ax.set_xlabel("distance r / Å")
    ax.set_ylabel(r"$G_d(r,t)\,/\,\rho$")
    ax.legend(title="–".join(result.pair) + ", lag", title_fontsize=7.5, loc="upper right", ncols=2)


def _draw_non_gaussian(ax: Axes, result: VanHoveSelf) -> None:
    ax.axhline(0.0, color=GRAY, linewidth=0.8)
    ax.plot(result.lag_ps, result.non_gaussian, color=COLORS[0], marker=".", markersize=3)
    ax.set_xscale("log")
    ax.set_xlabel("lag / ps")
    ax.set_ylabel(r"non-Gaussian parameter $\alpha_2$")
