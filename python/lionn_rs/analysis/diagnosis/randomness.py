"""Is a sequence of numbers structureless? Runs test, scan for shifted stretches, outliers.

All tests take the null hypothesis that the values are exchangeable: any order is as likely as any
other. Where images are correlated in time they are not exchangeable, and a small p-value may say no
more than that; tests that allow for it compare with cyclic shifts of the sequence, which keep its
own correlation and break its relation to the order under test.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.special import gammaln, ndtri
from scipy.stats import t as student

from lionn_rs.analysis._records import Record
from lionn_rs.errors import ConfigError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = [
    "RunsTest",
    "Stretch",
    "cyclic_shift_p_value",
    "exceedance",
    "generalized_esd",
    "normal_scores",
    "runs_p_value",
    "runs_test",
    "scan",
    "scan_null",
    "shift_null",
]

SHORTEST_STRETCH: Final = 3
"""Values that a stretch holds at least: one large value is an outlier, not a pattern."""

LENGTH_RATIO: Final = 1.25
"""Ratio of the lengths of stretches that are looked at, one after the other."""

MOST_SHIFTS: Final = 999
"""Cyclic shifts that are looked at; of longer sequences evenly spaced ones."""

BLOCK_ENTRIES: Final = 50_000
"""Numbers that are worked on at once; half a megabyte."""

ROUNDING: Final = 1e-9
"""Strengths closer than this are equal."""

LARGEST_OUTLIER_FRACTION: Final = 0.1
"""Upper bound on the fraction of outliers that :func:`generalized_esd` looks for."""


@dataclass(frozen=True)
class RunsTest(Record):
    """Wald-Wolfowitz test of the signs of a sequence about its median.

    Attributes
    ----------
    n_above, n_below : int
        Values above and below the median; values equal to it are left out.
    n_runs : int
        Stretches of equal sign.
    expected_runs : float
        Mean number of runs of an exchangeable sequence.
    p_value : float
        Exact two-sided p-value: twice the smaller tail, at most 1.
    p_few : float
        Exact probability of so few runs or fewer: small where neighbors resemble each other.
    """

    n_above: int
    n_below: int
    n_runs: int
    expected_runs: float
    p_value: float
    p_few: float


def runs_p_value(n_runs: int, n_above: int, n_below: int) -> tuple[float, float]:
    """Exact probabilities of at most, and of at least, ``n_runs`` runs.

    With ``N = C(n1 + n2, n1)`` equally likely arrangements of ``n1`` and ``n2`` signs ::

        P(R = 2k)     = 2 C(n1-1, k-1) C(n2-1, k-1) / N
        P(R = 2k + 1) = [C(n1-1, k) C(n2-1, k-1) + C(n1-1, k-1) C(n2-1, k)] / N

    Parameters
    ----------
    n_runs : int
        Number of runs.
    n_above, n_below : int
        Number of either sign, at least 1.

    Returns
    -------
    (float, float)
        ``P(R <= n_runs)`` and ``P(R >= n_runs)``.

    References
    ----------
    Wald and Wolfowitz, Ann. Math. Stat. 11, 147 (1940), doi 10.1214/aoms/1177731909.

    Examples
    --------
    >>> few, many = runs_p_value(2, 5, 5)  # 2 of the 252 arrangements
    >>> round(few * 252, 12)
    2.0
    """
    runs = np.arange(2, n_above + n_below + 1)
    k = runs // 2
    total = _log_choose(n_above + n_below, np.array([n_above]))
    a, b = n_above - 1, n_below - 1
    same = _log_choose(a, k - 1) + _log_choose(b, k - 1)
    first = np.exp(_log_choose(a, k) + _log_choose(b, k - 1) - total)
    second = np.exp(_log_choose(a, k - 1) + _log_choose(b, k) - total)
    probability = np.where(runs % 2 == 0, 2.0 * np.exp(same - total), first + second)
    return (
        min(1.0, float(probability[runs <= n_runs].sum())),
        min(1.0, float(probability[runs >= n_runs].sum())),
    )


def runs_test(values: Array) -> RunsTest:
    """Wald-Wolfowitz runs test of the signs of a sequence about its median.

    Parameters
    ----------
    values : (n,) float64
        The sequence in the order to be tested.

    Returns
    -------
    RunsTest
        Exact at every size.

    Raises
    ------
    ConfigError
        If there are no values on either side of the median.

    References
    ----------
    Wald and Wolfowitz, Ann. Math. Stat. 11, 147 (1940), doi 10.1214/aoms/1177731909.

    Examples
    --------
    >>> import numpy as np
    >>> runs_test(np.arange(10.0)).n_runs
    2
    """
    signs = _signs(values)
    n_above, n_below = int(np.sum(signs > 0)), int(np.sum(signs < 0))
    if n_above == 0 or n_below == 0:
        raise ConfigError("runs test: all values are equal")
    n_runs = _count_runs(signs)
    few, many = runs_p_value(n_runs, n_above, n_below)
    return RunsTest(
        n_above=n_above,
        n_below=n_below,
        n_runs=n_runs,
        expected_runs=1.0 + 2.0 * n_above * n_below / (n_above + n_below),
        p_value=min(1.0, 2.0 * min(few, many)),
        p_few=few,
    )


def cyclic_shift_p_value(values: Array, order: NDArray[np.int64]) -> float:
    """P-value of few runs in a second order that allows for correlation in the first.

    ``values`` stand in time order; ``order`` sorts them by another quantity. The number of runs in
    that order is compared with the numbers for all cyclic shifts of ``values`` in time: they keep
    the correlation in time and break the relation to the other quantity.

    Parameters
    ----------
    values : (n,) float64
        In time order.
    order : (n,) int64
        Indices that sort by the other quantity.

    Returns
    -------
    float
        Fraction of the shifts (at most 1000), the given one included, with so few runs or fewer;
        at least one over their number.

    References
    ----------
    The shift test for two dependent processes: Lotwick and Silverman, J. R. Stat. Soc. B 44, 406
    (1982), doi 10.1111/j.2517-6161.1982.tb01221.x.
    """
    signs = np.sign(values - np.median(values))
    shifts = [0, *_shifts(len(values))]
    counts = np.array([_count_runs(_nonzero(np.roll(signs, s)[order])) for s in shifts])
    return float(np.mean(counts <= counts[0]))


def normal_scores(values: Array) -> Array:
    """Quantiles of the normal distribution at the ranks of the values, ``ndtri((rank - 1/2)/n)``.

    Parameters
    ----------
    values : (n,) float64

    Returns
    -------
    (n,) float64
        With mean 0 and variance 1; the same numbers for all sequences of one length without ties.
    """
    from scipy.stats import rankdata

    scores = ndtri((rankdata(values) - 0.5) / len(values))
    return np.asarray((scores - scores.mean()) / scores.std())


@dataclass(frozen=True)
class Stretch(Record):
    """Consecutive values that differ from the others.

    Attributes
    ----------
    start, stop : int
        Positions ``start:stop`` in the sequence.
    strength : float
        Standardized mean score, positive above the others.
    p_value : float
        Chance of a stretch so strong or stronger anywhere in an exchangeable sequence.
    """

    start: int
    stop: int
    strength: float
    p_value: float


def scan(scores: Array, null: Array, *, alpha: float, two_sided: bool = True) -> list[Stretch]:
    """Find stretches of a sequence whose mean score differs from that of the rest.

    For a stretch of ``m`` of ``n`` standardized scores with sum ``S`` ::

        Z = S / sqrt(m (1 - m/n))

    The largest ``|Z|`` over all stretches (lengths from 3 to n/2, each a quarter longer than the
    one before) is compared with its distribution over permutations, which takes account of the
    number of stretches looked at. Further stretches that do not overlap are compared with the
    same distribution, which is conservative.

    Parameters
    ----------
    scores : (n,) float64
        Mean 0 and variance 1, such as :func:`normal_scores`, in the order to be tested.
    null : (n_permutations,) float64
        Largest strengths of permuted scores, from :func:`scan_null` with the same ``two_sided``.
    alpha : float
        Largest p-value of a stretch that is returned.
    two_sided : bool
        Also look for stretches below the others.

    Returns
    -------
    list of Stretch
        The strongest first; they do not overlap.

    References
    ----------
    Kulldorff, Commun. Stat. Theory Methods 26, 1481 (1997), doi 10.1080/03610929708831995;
    for ranks: Jung and Cho, Int. J. Health Geogr. 14, 30 (2015), doi 10.1186/s12942-015-0024-6.
    """
    found: list[Stretch] = []
    free = np.ones(len(scores), dtype=bool)
    while True:
        best = _strongest(scores, free, two_sided=two_sided)
        if best is None:
            return found
        strength, start, stop = best
        p_value = exceedance(abs(strength), null)
        if p_value > alpha:
            return found
        found.append(Stretch(start, stop, strength, p_value))
        free[start:stop] = False


def exceedance(strength: float, null: Array) -> float:
    """P-value of a strength: ``(1 + number of larger or equal ones in null)/(1 + len(null))``."""
    # Sums of the same scores in another order differ by rounding.
    return float((1 + np.sum(null >= strength - ROUNDING)) / (1 + len(null)))


def scan_null(
    scores: Array, *, n_permutations: int, seed: int, two_sided: bool = True
) -> NDArray[np.float64]:
    """Largest strengths (see :func:`scan`) of random permutations of scores.

    Parameters
    ----------
    scores : (n,) float64
        Mean 0 and variance 1.
    n_permutations : int
        Number of permutations; the smallest p-value is ``1/(1 + n_permutations)``.
    seed : int
        Seed of the permutations.
    two_sided : bool
        As for :func:`scan`.

    Returns
    -------
    (n_permutations,) float64
    """
    rng = np.random.default_rng(seed)
    null = [
        _largest(rng.permuted(np.tile(scores, (n_rows, 1)), axis=1), two_sided=two_sided)
        for n_rows in _block_sizes(n_permutations, len(scores))
    ]
    return np.concatenate(null)


def shift_null(scores: Array, order: NDArray[np.int64], *, two_sided: bool = True) -> Array:
    """Largest strengths of cyclic shifts in time other than the given one, sorted by ``order``.

    Parameters
    ----------
    scores : (n,) float64
        Mean 0 and variance 1, in time order.
    order : (n,) int64
        Indices that sort by the other quantity (see :func:`cyclic_shift_p_value`).
    two_sided : bool
        As for :func:`scan`.

    Returns
    -------
    (n_shifts,) float64
        All ``n - 1`` shifts, or 999 evenly spaced ones.
    """
    n = len(scores)
    shifts = _shifts(n)
    blocks = np.split(shifts, np.cumsum(_block_sizes(len(shifts), n))[:-1])
    null = [
        _largest(scores[(order[None, :] - block[:, None]) % n], two_sided=two_sided)
        for block in blocks
    ]
    return np.concatenate(null)


def generalized_esd(values: Array, *, alpha: float) -> NDArray[np.int64]:
    """Outliers of a normal sample, at most one in ten, by the generalized ESD test.

    The value farthest from the mean is taken out, one at a time; outliers are all values up to the
    last whose distance in standard deviations exceeds ::

        lambda_i = (n - i) t / sqrt((n - i - 1 + t²)(n - i + 1)),

    ``t`` the quantile ``1 - alpha/(2 (n - i + 1))`` of Student's distribution with ``n - i - 1``
    degrees of freedom. Several outliers cannot hide each other.

    Parameters
    ----------
    values : (n,) float64
        The sample; accurate from 25 values on.
    alpha : float
        Chance of an outlier in a normal sample.

    Returns
    -------
    (n_outliers,) int64
        Their positions, the farthest first.

    References
    ----------
    Rosner, Technometrics 25, 165 (1983), doi 10.1080/00401706.1983.10487848.
    """
    n = len(values)
    left = np.arange(n)
    removed: list[int] = []
    n_outliers = 0
    for i in range(1, int(LARGEST_OUTLIER_FRACTION * n) + 1):
        sample = values[left]
        spread = sample.std(ddof=1)
        if not spread > 0.0:
            break
        distance = np.abs(sample - sample.mean())
        worst = int(np.argmax(distance))
        quantile = float(student.ppf(1.0 - alpha / (2.0 * (n - i + 1)), n - i - 1))
        limit = (n - i) * quantile / np.sqrt((n - i - 1 + quantile**2) * (n - i + 1))
        removed.append(int(left[worst]))
        left = np.delete(left, worst)
        if distance[worst] / spread > limit:
            n_outliers = i
    return np.array(removed[:n_outliers], dtype=np.int64)


def _log_choose(n: int, k: NDArray[np.int64]) -> Array:
    """Logarithm of the binomial coefficients, -inf where they are zero."""
    valid = (k >= 0) & (k <= n)
    inside = np.clip(k, 0, n)
    value = gammaln(n + 1) - gammaln(inside + 1) - gammaln(n - inside + 1)
    return np.asarray(np.where(valid, value, -np.inf))


def _signs(values: Array) -> Array:
    return _nonzero(np.sign(values - np.median(values)))


def _nonzero(signs: Array) -> Array:
    return np.asarray(signs[signs != 0.0])


def _count_runs(signs: Array) -> int:
    return 1 + int(np.sum(signs[1:] != signs[:-1]))


def _lengths(n: int) -> list[int]:
    lengths: list[int] = []
    length = SHORTEST_STRETCH
    while length <= n // 2:
        lengths.append(length)
        length = max(length + 1, int(length * LENGTH_RATIO))
    return lengths


def _strengths(rows: Array, length: int) -> Array:
    """Strengths of all stretches of one length, (n_rows, n - length + 1)."""
    n = rows.shape[1]
    sums = np.cumsum(rows, axis=1)
    window = sums[:, length - 1 :].copy()
    window[:, 1:] -= sums[:, : n - length]
    return np.asarray(window / np.sqrt(length * (1.0 - length / n)))


def _largest(rows: Array, *, two_sided: bool) -> Array:
    largest = np.full(len(rows), -np.inf)
    for length in _lengths(rows.shape[1]):
        strengths = _strengths(rows, length)
        values = np.abs(strengths) if two_sided else strengths
        largest = np.maximum(largest, values.max(axis=1))
    return largest


def _strongest(
    scores: Array, free: NDArray[np.bool_], *, two_sided: bool
) -> tuple[float, int, int] | None:
    """Strength and limits of the strongest stretch that overlaps none found before."""
    best: tuple[float, int, int] | None = None
    largest = -np.inf
    n_taken = np.concatenate([[0], np.cumsum(~free)])
    for length in _lengths(len(scores)):
        strengths = _strengths(scores[None, :], length)[0]
        sizes = np.abs(strengths) if two_sided else strengths
        sizes = np.where(n_taken[length:] > n_taken[:-length], -np.inf, sizes)
        start = int(np.argmax(sizes))
        if sizes[start] > largest:
            largest = float(sizes[start])
            best = float(strengths[start]), start, start + length
    return best


def _block_sizes(n_rows: int, n_columns: int) -> list[int]:
    """Rows of the blocks in which a table is worked through, to keep it in the cache."""
    size = max(1, BLOCK_ENTRIES // n_columns)
    return [min(size, n_rows - start) for start in range(0, n_rows, size)]


def _shifts(n: int) -> NDArray[np.int64]:
    """Cyclic shifts other than 0, all of them or evenly spaced ones."""
    return np.unique(np.linspace(1, n - 1, min(n - 1, MOST_SHIFTS)).astype(np.int64))
