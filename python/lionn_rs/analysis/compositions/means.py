"""Means of groups whose members scatter more than their own errors say, and their differences.

One number per member (an arrangement of the dopants, with everything that was run for it) with the
standard deviation that its runs give it: ``theta_gm ~ N(mu_g, sd_gm² + tau²)``. The spread between
members ``tau`` is the same in all groups and follows by restricted maximum likelihood. Errors of
the means use the weighted scatter of the members themselves and Student's t with as many degrees of
freedom as there are members beyond one in each group (J. Hartung, G. Knapp, Stat. Med. 20, 3875
(2001), doi 10.1002/sim.1009), not narrower than the stated errors with ``tau`` allow (C. Röver,
G. Knapp, T. Friede, BMC Med. Res. Methodol. 15, 99 (2015), doi 10.1186/s12874-015-0091-1). With
equally many members, alike in error, this is the analysis of variance, and exact.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, stats

from lionn_rs.analysis.arrhenius.fit import ERROR_DOF
from lionn_rs.analysis.arrhenius.result import CONFIDENCE
from lionn_rs.analysis.transport.trajectory import Floats

__all__ = ["Pair", "ReplicatedMeans", "chance_of_largest", "replicated_means"]

N_DRAWS = 200_000
"""Of the simulated probabilities: binomial error at most 0.0011."""


@dataclass(frozen=True)
class Pair:
    """Difference of two groups."""

    first: int
    second: int
    difference: float
    """First minus second."""
    sd: float
    p_value: float
    """Two-sided, of this pair alone."""
    adjusted_p: float
    """The same for all pairs together: the probability that any of them differs as much by chance
    (Tukey and Kramer; not below the exact one where errors are unequal, A. J. Hayter, Ann. Stat.
    12, 61 (1984), doi 10.1214/aos/1176346392)."""
    interval: tuple[float, float]
    """95 %, for all pairs together."""


@dataclass(frozen=True)
class ReplicatedMeans:
    """Means of groups with what is known about their errors."""

    means: Floats
    """(n_groups,)"""
    sd: Floats
    """(n_groups,) standard deviations of the means."""
    between_sd: float
    """Spread between members beyond their own errors, ``tau``."""
    within_sd: float
    """Root of the mean square of the stated errors of members."""
    n_members: tuple[int, ...]
    dof: float
    """Degrees of freedom of the errors."""
    from_members: bool
    """Whether the errors follow from the scatter of members; False with one in each group: then
    they are those stated."""
    p_equal: float
    """Probability of means that differ as much by chance (F test)."""
    pairs: tuple[Pair, ...]

    @property
    def quantile(self) -> float:
        """Standard deviations of half a 95 % interval."""
        return float(stats.t.ppf(0.5 * (1.0 + CONFIDENCE), self.dof))

    @property
    def intervals(self) -> Floats:
        """(n_groups, 2) 95 % intervals, each for its mean alone."""
        half = self.quantile * self.sd
        return np.column_stack([self.means - half, self.means + half])


def replicated_means(
    values: Floats, sd: Floats, group: NDArray[np.intp], *, error_dof: float = ERROR_DOF
) -> ReplicatedMeans:
    """Means of groups of members, their errors and their differences.

    Parameters
    ----------
    values, sd : (n,) float64
        Members and their own standard deviations.
    group : (n,) int
        Group of each, 0, 1, ...
    error_dof : float
        Degrees of freedom to which ``sd`` is known where every group has one member only.

    Returns
    -------
    ReplicatedMeans
    """
    n_groups = int(group.max()) + 1
    n_members = tuple(int(np.sum(group == g)) for g in range(n_groups))
    spare = len(values) - n_groups
    tau = _between(values, sd, group) if spare else 0.0
    weights = 1.0 / (sd**2 + tau**2)
    total = np.bincount(group, weights, n_groups)
    means = np.bincount(group, weights * values, n_groups) / total
    scale = 1.0
    if spare:
        scale = max(float(np.sum(weights * (values - means[group]) ** 2)) / spare, 1.0)
    deviations = np.sqrt(scale / total)
    dof = float(spare) if spare else error_dof
    return ReplicatedMeans(
        means=means,
        sd=deviations,
        between_sd=tau,
        within_sd=float(np.sqrt(np.mean(sd**2))),
        n_members=n_members,
        dof=dof,
        from_members=spare > 0,
        p_equal=_equal(means, deviations, dof),
        pairs=_pairs(means, deviations, dof),
    )


def _between(values: Floats, sd: Floats, group: NDArray[np.intp]) -> float:
    """Spread between the members of a group, the same in all, by restricted maximum likelihood."""

    def deviance(tau: float) -> float:
        weights = 1.0 / (sd**2 + tau**2)
        total = np.bincount(group, weights)
        means = np.bincount(group, weights * values) / total
        chi2 = np.sum(weights * (values - means[group]) ** 2)
        return float(chi2 - np.sum(np.log(weights)) + np.sum(np.log(total)))

    largest = 3.0 * max(float(np.ptp(values[group == g])) for g in set(group.tolist()))
    if largest == 0.0:
        return 0.0
    grid = largest * np.linspace(0.0, 1.0, 61) ** 2
    best = int(np.argmin([deviance(tau) for tau in grid]))
    around = (grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)])
    found = optimize.minimize_scalar(
        deviance, bounds=around, method="bounded", options={"xatol": 1e-9 * largest}
    )
    # Where nothing speaks for a spread it is none, not a small number.
    return 0.0 if deviance(0.0) <= float(found.fun) + 1e-9 else float(found.x)


def _equal(means: Floats, sd: Floats, dof: float) -> float:
    """F test of equal means, of independent errors."""
    if len(means) < 2:
        return 1.0
    weights = sd**-2.0
    common = np.sum(weights * means) / np.sum(weights)
    square = np.sum(weights * (means - common) ** 2) / (len(means) - 1)
    return float(stats.f.sf(square, len(means) - 1, dof))


@cache
def _critical(n: int, dof: float) -> float:
    """Difference of two of ``n`` means, in its standard deviations, that is significant."""
    return float(stats.studentized_range.ppf(CONFIDENCE, n, dof) / np.sqrt(2.0))


def _pairs(means: Floats, sd: Floats, dof: float) -> tuple[Pair, ...]:
    n = len(means)
    if n < 2:
        return ()
    wide = _critical(n, dof)
    found = []
    for i, j in itertools.combinations(range(n), 2):
        spread = float(np.hypot(sd[i], sd[j]))
        difference = float(means[i] - means[j])
        deviation = abs(difference) / spread
        alone = float(2.0 * stats.t.sf(deviation, dof))
        together = float(stats.studentized_range.sf(np.sqrt(2.0) * deviation, n, dof))
        found.append(
            Pair(
                first=i,
                second=j,
                difference=difference,
                sd=spread,
                p_value=alone,
                # The quadrature of the studentized range has an error of its own.
                adjusted_p=min(max(together, alone), 1.0),
                interval=(difference - wide * spread, difference + wide * spread),
            )
        )
    return tuple(found)


def chance_of_largest(found: ReplicatedMeans, *, seed: int, smallest: bool = False) -> Floats:
    """Probability that each mean is the largest, given the data and no preference before.

    By simulation: means drawn around those found, with their errors and a common factor of them
    that the degrees of freedom leave open (multivariate t).

    Parameters
    ----------
    found : ReplicatedMeans
    seed : int
        Seed of the draws.
    smallest : bool
        Of the smallest instead.

    Returns
    -------
    (n_groups,) float64
    """
    rng = np.random.default_rng(seed)
    factor = np.sqrt(found.dof / rng.chisquare(found.dof, (N_DRAWS, 1)))
    drawn = found.means + found.sd * factor * rng.standard_normal((N_DRAWS, len(found.means)))
    best = np.argmin(drawn, axis=1) if smallest else np.argmax(drawn, axis=1)
    return np.bincount(best, minlength=len(found.means)) / N_DRAWS
