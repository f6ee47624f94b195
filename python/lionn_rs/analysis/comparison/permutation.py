"""Differences of curves between two sets of runs, judged by exchanging pieces of the runs.

Errors of g(r) are correlated over r, and those of few runs are hardly known, so no error model is
used: if both sets sample the same equilibrium, pieces of the same length may be exchanged between
them, and the observed difference is one among those of all arrangements. Pieces must be
independent; whole runs are, consecutive pieces of one run only if they are longer than its slowest
motion.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike

from lionn_rs.analysis._records import Record
from lionn_rs.analysis.mechanism.rdf import RdfResult
from lionn_rs.analysis.transport.trajectory import Floats
from lionn_rs.errors import ConfigError, DataError, ShapeError

__all__ = [
    "PermutationResult",
    "RdfDifference",
    "log_ratio",
    "mean_distance",
    "permutation_test",
    "rdf_difference",
    "vibration_amplitude2",
]

MOST_ARRANGEMENTS = 9999
"""More are sampled instead of counted."""
AT_ONCE = 500
"""Arrangements evaluated together."""

Distance = Callable[[Floats, Floats], Floats]


@dataclass(frozen=True, kw_only=True)
class PermutationResult(Record):
    """How often exchanging pieces gives a difference as large as the observed one."""

    statistic: float
    p_value: float
    adjusted_p: float
    """The same for the largest of all differences that were tested together."""
    n_a: int
    """Pieces of A."""
    n_b: int
    n_arrangements: int
    """Counted or sampled, the observed one included; ``p_value`` is at least one over it."""


def mean_distance(a: Floats, b: Floats) -> Floats:
    """Mean of ``|a - b|`` over the last axis."""
    return np.asarray(np.abs(a - b).mean(axis=-1))


def log_ratio(a: Floats, b: Floats) -> Floats:
    """``|ln(a/b)|`` of positive numbers, mean over the last axis."""
    return np.asarray(np.abs(np.log(a / b)).mean(axis=-1))


def permutation_test(
    a: Sequence[ArrayLike],
    b: Sequence[ArrayLike],
    *,
    distance: Distance = mean_distance,
    seed: int = 0,
) -> tuple[PermutationResult, ...]:
    """Probability of distances between means as large as observed, if all pieces are alike.

    Several quantities of the same pieces are tested together: every arrangement gives a distance of
    each, in units of its own mean over the arrangements, and ``adjusted_p`` compares with the
    largest of them. The chance that any of them falls below 5 % is then 5 %, whatever their
    correlation.

    Parameters
    ----------
    a, b : sequences of (n_a, m), (n_b, m) arrays
        One array per quantity, one row per independent piece; pieces have the same length.
    distance : callable
        Of two arrays ``(k, m)``, ``(k,)`` distances.
    seed : int
        For sampled arrangements, where there are too many to count.

    Returns
    -------
    tuple of PermutationResult
        One per quantity.

    Raises
    ------
    ShapeError
        The rows of a quantity differ in length, or the numbers of pieces between quantities.
    DataError
        Fewer than three pieces, or none of a side.

    References
    ----------
    P. H. Westfall, S. S. Young, Resampling-Based Multiple Testing, Wiley (1993), section 2.6.
    Sampled arrangements count the observed one: B. Phipson, G. K. Smyth, Stat. Appl. Genet. Mol.
    Biol. 9, 39 (2010), doi 10.2202/1544-6115.1585.

    Examples
    --------
    >>> a, b = [[1.0], [1.1], [0.9]], [[5.0], [5.1], [4.9]]
    >>> permutation_test([a], [b])[0].p_value  # the largest of 20, and its mirror image
    0.1
    """
    pairs = [
        (np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64))
        for x, y in zip(a, b, strict=True)
    ]
    n_a, n_b = _sizes(pairs)
    counted = math.comb(n_a + n_b, n_a) <= MOST_ARRANGEMENTS
    first = np.zeros((1, n_a + n_b))
    first[:, :n_a] = 1.0
    portions = _choices(n_a, n_b, seed, counted=counted)
    columns = []
    for rows_a, rows_b in pairs:
        rows = np.concatenate([rows_a, rows_b])
        total = rows.sum(axis=0)
        found = []
        for chosen in (first, *portions):
            sums = chosen @ rows
            found.append(distance(sums / n_a, (total - sums) / n_b))
        columns.append(np.concatenate(found))
    # The observed arrangement comes first; it is among those that are counted.
    every = np.stack(columns, axis=1)
    observed, others = every[0], every[1:] if counted else every
    scale = others.mean(axis=0)
    scaled = np.divide(others, scale, out=np.ones_like(others), where=scale > 0.0)
    # Sums in another order differ in the last digits.
    bar = np.divide(observed, scale, out=np.ones_like(observed), where=scale > 0.0) * (1.0 - 1e-9)
    largest = scaled.max(axis=1)
    return tuple(
        PermutationResult(
            statistic=float(observed[k]),
            p_value=float(np.mean(scaled[:, k] >= bar[k])),
            adjusted_p=float(np.mean(largest >= bar[k])),
            n_a=n_a,
            n_b=n_b,
            n_arrangements=len(others),
        )
        for k in range(len(pairs))
    )


def _sizes(pairs: Sequence[tuple[Floats, Floats]]) -> tuple[int, int]:
    """Count the pieces of both sides, the same for all quantities."""
    sizes = {(len(x), len(y)) for x, y in pairs}
    if len(sizes) != 1 or any(x.ndim != 2 or x.shape[1:] != y.shape[1:] for x, y in pairs):
        shapes = ", ".join(f"{x.shape} and {y.shape}" for x, y in pairs) or "none"
        raise ShapeError(f"permutation test: rows of A and B must be equally long, got {shapes}")
    n_a, n_b = sizes.pop()
    if min(n_a, n_b) < 1 or n_a + n_b < 3:
        raise DataError(f"a permutation test needs more pieces than {n_a} and {n_b}")
    return n_a, n_b


def _choices(n_a: int, n_b: int, seed: int, *, counted: bool) -> Sequence[Floats]:
    """0/1 rows that say which pieces count as A, in portions."""
    n = n_a + n_b
    if counted:
        members = np.array(list(combinations(range(n), n_a)))
    else:
        rng = np.random.default_rng(seed)
        members = np.argsort(rng.random((MOST_ARRANGEMENTS, n)), axis=1)[:, :n_a]
    rows = np.zeros((len(members), n))
    np.put_along_axis(rows, members, 1.0, axis=1)
    return np.array_split(rows, math.ceil(len(rows) / AT_ONCE))


@dataclass(frozen=True, kw_only=True)
class RdfDifference(Record):
    """g(r) of A against g(r) of B for one pair of species."""

    pair: tuple[str, str]
    largest: float
    """Largest ``|g_A - g_B|``."""
    largest_at_A: float
    """Where it is, Å."""
    largest_se: float | None
    """Standard error of that difference; None without errors."""
    integrated_A: float
    """``int |g_A - g_B| dr``, Å: also of two samples of one curve not 0, see the test."""
    relative: float
    """``int |g_A - g_B| dr / int (g_A + g_B) dr``: 0 for equal curves, 1 without overlap."""
    peak_shift_A: float | None
    """First peak of A minus that of B; None where one has none."""
    peak_shift_se_A: float | None
    test: PermutationResult | None
    """Of the mean difference over r; None without pieces."""


def rdf_difference(
    a: RdfResult, b: RdfResult, *, test: PermutationResult | None = None
) -> RdfDifference:
    """Difference of two radial distribution functions and its significance.

    Parameters
    ----------
    a, b : RdfResult
        The same pair on the same bins.
    test : PermutationResult, optional
        Of g(r) of pieces; see :func:`permutation_test`.

    Returns
    -------
    RdfDifference

    Raises
    ------
    ConfigError
        The pairs or the bins differ.
    """
    if a.pair != b.pair:
        raise ConfigError(f"g(r) of {'-'.join(a.pair)} and {'-'.join(b.pair)} cannot be compared")
    if a.r_A.shape != b.r_A.shape or not np.allclose(a.r_A, b.r_A):
        raise ConfigError("rdf_difference: the bins differ; use the same r_max and n_bins")
    difference = a.g - b.g
    at = int(np.argmax(np.abs(difference)))
    width = float(a.r_A[1] - a.r_A[0])
    se = float(np.hypot(a.g_se[at], b.g_se[at]))
    shift = shift_se = None
    if a.shell is not None and b.shell is not None:
        shift = a.shell.peak_A - b.shell.peak_A
        if a.shell.peak_se_A is not None and b.shell.peak_se_A is not None:
            shift_se = float(np.hypot(a.shell.peak_se_A, b.shell.peak_se_A))
    both = float(np.sum(a.g + b.g))
    return RdfDifference(
        pair=a.pair,
        largest=float(np.abs(difference[at])),
        largest_at_A=float(a.r_A[at]),
        largest_se=se if np.isfinite(se) else None,
        integrated_A=float(np.sum(np.abs(difference)) * width),
        relative=float(np.sum(np.abs(difference))) / both if both > 0.0 else 0.0,
        peak_shift_A=shift,
        peak_shift_se_A=shift_se,
        test=test,
    )


def vibration_amplitude2(positions: ArrayLike) -> float:
    """Mean squared displacement of atoms from their mean positions, ``<|r - <r>|²>``, Å².

    Grows with the length of the run where atoms leave their places or groups rotate: compare runs
    of the same length.

    Parameters
    ----------
    positions : (n_frames, n_atoms, 3) array, Å
        Unwrapped, drift removed.

    Returns
    -------
    float
        Å².

    Examples
    --------
    >>> import numpy as np
    >>> noise = np.random.default_rng(0).normal(0.0, 0.1, (500, 20, 3))
    >>> abs(vibration_amplitude2(noise) - 0.03) < 0.001
    True
    """
    path = np.asarray(positions, dtype=np.float64)
    return float(np.mean(np.var(path, axis=0).sum(axis=1)))
