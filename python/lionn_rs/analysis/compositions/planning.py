"""How long, or with how many arrangements, one has to run to tell compositions apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from scipy import stats

from lionn_rs.analysis.arrhenius.result import CONFIDENCE
from lionn_rs.analysis.compositions.means import ReplicatedMeans
from lionn_rs.analysis.compositions.result import POWER, Plan

__all__ = ["plans"]

RATIOS: Final = (1.2, 1.5, 2.0)
"""Ratios of conductivities that one may want to know."""
MOST_UNITS: Final = 1000
LEAST_RATIO: Final = 1.001
"""Observed ratios below are no difference to plan for."""


def plans(found: ReplicatedMeans, ratios: Sequence[float] = RATIOS) -> tuple[Plan, ...]:
    """Length of the runs, or number of arrangements, that shows a ratio of two conductivities.

    The variance of a mean of ``n`` arrangements is ``(tau² + s²/f)/n`` for runs ``f`` times as
    long: only the errors of the runs, ``s``, become smaller with their length. Looked for is the
    first ``f`` or ``n`` for which the difference is the critical value of the test of all pairs and
    the Student t of the wanted power together, in standard deviations of the difference.

    Parameters
    ----------
    found : ReplicatedMeans
        Of ln(conductivity), with more than one arrangement of some composition.
    ratios : sequence of float
        The observed one of the best and the second best is added.

    Returns
    -------
    tuple of Plan
        Empty if nothing is known about the spread between arrangements.
    """
    k = len(found.means)
    if not found.from_members or k < 2:
        return ()
    highest, second = np.sort(found.means)[::-1][:2]
    observed = float(np.exp(highest - second))
    wanted = [(ratio, False) for ratio in ratios]
    if observed > LEAST_RATIO:
        wanted.insert(0, (observed, True))
    n = k / sum(1.0 / members for members in found.n_members)
    tau2, within2 = found.between_sd**2, found.within_sd**2
    made = []
    for ratio, is_observed in wanted:
        room = np.log(ratio) ** 2 / (2.0 * _deviations(k, found.dof) ** 2)
        left = room * n - tau2
        made.append(
            Plan(
                ratio=ratio,
                observed=is_observed,
                length_factor=float(within2 / left) if left > 0.0 else None,
                n_units=_n_units(k, np.log(ratio) ** 2, tau2 + within2),
            )
        )
    return tuple(made)


def _deviations(k: int, dof: float) -> float:
    """Difference, in its standard deviations, that is found with the wanted power.

    With Bonferroni's critical value, a little above Tukey's and much cheaper.
    """
    n_pairs = k * (k - 1) // 2
    critical = float(stats.t.ppf(1.0 - 0.5 * (1.0 - CONFIDENCE) / n_pairs, dof))
    return critical + float(stats.t.ppf(POWER, dof))


def _n_units(k: int, square: float, variance: float) -> int | None:
    """Members of each group for which the difference is found, by bisection."""

    def enough(n: int) -> bool:
        return bool(2.0 * variance / n * _deviations(k, float(k * (n - 1))) ** 2 <= square)

    low, high = 1, MOST_UNITS
    if not enough(high):
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high
