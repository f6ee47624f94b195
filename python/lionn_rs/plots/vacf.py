"""Figure of velocity autocorrelation functions and their spectra."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from lionn_rs.analysis import VacfResult
from lionn_rs.errors import DataError

from .style import COLORS, DOUBLE_IN, LIGHT, new_figure, panel_label

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHOWN_PS = 1.0
"""Longest lag shown; later there is noise only."""
LAST_SHARE = 0.999
"""The frequency axis ends where the spectrum holds this part of its integral."""


def plot_vacf(results: Sequence[VacfResult]) -> Figure:
    """Correlation over lag, and density of states over frequency, with standard errors.

    Parameters
    ----------
    results : sequence of VacfResult
        One per species.

    Returns
    -------
    Figure

    Raises
    ------
    DataError
        Without results.
    """
    if not results:
        raise DataError("plot_vacf: no results")
    end_THz = 0.0
    with new_figure(1, 2, width_in=DOUBLE_IN, height_in=2.7) as (figure, axes):
        left, right = axes[0]
        left.axhline(0.0, color=LIGHT, linewidth=0.8)
        for k, result in enumerate(results):
            color = COLORS[k % len(COLORS)]
            left.plot(result.lag_ps, result.correlation, color=color, label=result.species)
            left.fill_between(
                result.lag_ps, result.correlation - result.correlation_se,
                result.correlation + result.correlation_se, color=color, alpha=0.25, linewidth=0,
            )  # fmt: skip
            right.plot(result.frequency_THz, result.spectrum, color=color, label=result.species)
            right.fill_between(
                result.frequency_THz, result.spectrum - result.spectrum_se,
                result.spectrum + result.spectrum_se, color=color, alpha=0.25, linewidth=0,
            )  # fmt: skip
            total = np.cumsum(result.spectrum)
            last = int(np.searchsorted(total, LAST_SHARE * total[-1]))
            end_THz = max(end_THz, 1.05 * float(result.frequency_THz[last]))
        left.set_xlim(0.0, min(SHOWN_PS, max(float(r.lag_ps[-1]) for r in results)))
        left.set_xlabel("lag / ps")
        left.set_ylabel(r"$\langle v(0)\cdot v(t)\rangle\,/\,\langle v^2\rangle$")
        right.set_xlim(0.0, end_THz)
        right.set_ylim(bottom=0.0)
        right.set_xlabel("frequency / THz")
        right.set_ylabel("density of states / THz$^{-1}$")
        right.legend(loc="best")
        for ax, letter in zip(axes[0], "ab", strict=True):
            panel_label(ax, letter)
    return figure
