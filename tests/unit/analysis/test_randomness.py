"""Statistics tested as statistics: exact p-values, levels on noise, power on injected patterns."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from lionn_rs.analysis.diagnosis.randomness import (
    cyclic_shift_p_value,
    exceedance,
    generalized_esd,
    normal_scores,
    runs_p_value,
    runs_test,
    scan,
    scan_null,
    shift_null,
)
from lionn_rs.errors import ConfigError


@pytest.mark.parametrize(("n_above", "n_below"), [(1, 1), (3, 4), (5, 5), (2, 7), (1, 6)])
def test_runs_distribution_is_that_of_all_arrangements(n_above, n_below):
    n = n_above + n_below
    counts = []
    for above in itertools.combinations(range(n), n_above):
        signs = np.isin(np.arange(n), above)
        counts.append(1 + np.sum(signs[1:] != signs[:-1]))
    for runs in range(2, n + 1):
        few, many = runs_p_value(runs, n_above, n_below)
        assert few == pytest.approx(np.mean(np.array(counts) <= runs), abs=1e-12)
        assert many == pytest.approx(np.mean(np.array(counts) >= runs), abs=1e-12)


def test_runs_p_values_of_tables():
    # Swed and Eisenhart, Ann. Math. Stat. 14, 66 (1943): at n1 = n2 = 10 at most 6 runs at 0.05
    # (one-sided), at n1 = n2 = 20 at most 15.
    assert runs_p_value(6, 10, 10)[0] < 0.05 < runs_p_value(7, 10, 10)[0]
    assert runs_p_value(15, 20, 20)[0] < 0.05 < runs_p_value(16, 20, 20)[0]


def test_runs_distribution_becomes_normal():
    from scipy.stats import norm

    n1, n2 = 400, 500
    mean = 1 + 2 * n1 * n2 / (n1 + n2)
    variance = (mean - 1) * (mean - 2) / (n1 + n2 - 1)
    few, _ = runs_p_value(420, n1, n2)
    # With the correction for continuity the approximation is good to a percent here.
    assert few == pytest.approx(norm.cdf((420.5 - mean) / np.sqrt(variance)), rel=0.02)


def test_runs_test_sees_order_and_alternation():
    wave = np.sin(np.arange(60) / 10)
    assert runs_test(wave).p_few < 1e-6
    alternating = np.array([1.0, -1.0] * 30)
    result = runs_test(alternating)
    assert (result.n_runs, result.n_above, result.n_below) == (60, 30, 30)
    assert result.p_few == pytest.approx(1.0)
    assert result.p_value < 1e-6
    with pytest.raises(ConfigError, match="all values are equal"):
        runs_test(np.ones(5))


def test_runs_test_keeps_its_level():
    rng = np.random.default_rng(0)
    p = np.array([runs_test(rng.standard_cauchy(40)).p_value for _ in range(1000)])
    # Exact and discrete: at most the nominal level; three standard errors of 1000 draws.
    for level in (0.01, 0.05, 0.2):
        assert np.mean(p <= level) <= level + 3 * np.sqrt(level * (1 - level) / 1000)


def autocorrelated(rng: np.random.Generator, n: int, memory: float) -> np.ndarray:
    values = np.zeros(n + 50)
    for k in range(1, n + 50):
        values[k] = memory * values[k - 1] + rng.normal()
    return values[50:]


def test_cyclic_shifts_allow_for_correlation_in_time():
    """Two independent series with memory: sorting by one orders the other, but only in time."""
    rng = np.random.default_rng(1)
    plain, shifted = [], []
    for _ in range(150):
        energy, residual = (autocorrelated(rng, 100, 0.9) for _ in range(2))
        order = np.argsort(energy)
        plain.append(runs_test(residual[order]).p_few)
        shifted.append(cyclic_shift_p_value(residual, order))
    assert np.mean(np.array(plain) < 0.05) > 0.10  # the plain test is fooled
    assert np.mean(np.array(shifted) < 0.05) < 0.05 + 3 * np.sqrt(0.05 * 0.95 / 150)
    # A true dependence is still seen.
    energy = autocorrelated(rng, 100, 0.9)
    assert cyclic_shift_p_value(np.sin(3 * energy / energy.std()), np.argsort(energy)) <= 0.02


def test_scores_have_unit_variance_and_keep_the_order():
    values = np.random.default_rng(2).standard_cauchy(37)
    scores = normal_scores(values)
    assert scores.mean() == pytest.approx(0.0, abs=1e-12)
    assert scores.std() == pytest.approx(1.0)
    assert np.array_equal(np.argsort(scores), np.argsort(values))


def brute_force_largest(scores: np.ndarray, lengths: list[int]) -> float:
    n = len(scores)
    return max(
        abs(scores[a : a + m].sum()) / np.sqrt(m * (1 - m / n))
        for m in lengths
        for a in range(n - m + 1)
    )


def test_scan_agrees_with_brute_force():
    scores = normal_scores(np.random.default_rng(3).normal(size=20))
    found = scan(scores, np.zeros(9), alpha=1.0)
    lengths = [3, 4, 5, 6, 7, 8, 10]
    assert abs(found[0].strength) == pytest.approx(brute_force_largest(scores, lengths))
    used = np.concatenate([np.arange(s.start, s.stop) for s in found])
    assert len(used) == len(set(used.tolist()))


@pytest.mark.parametrize("two_sided", [True, False])
def test_scan_keeps_its_level(two_sided):
    rng = np.random.default_rng(4)
    n, n_trials = 50, 400
    null = scan_null(normal_scores(np.arange(n)), n_permutations=499, seed=5, two_sided=two_sided)
    hits = sum(
        bool(scan(normal_scores(rng.standard_t(2, size=n)), null, alpha=0.05, two_sided=two_sided))
        for _ in range(n_trials)
    )
    assert hits / n_trials <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / n_trials)


def test_scan_finds_a_shifted_stretch():
    rng = np.random.default_rng(6)
    values = rng.normal(size=120)
    values[70:85] -= 2.0
    null = scan_null(normal_scores(values), n_permutations=999, seed=0)
    found = scan(normal_scores(values), null, alpha=0.01)
    assert len(found) == 1
    assert found[0].strength < 0
    assert found[0].p_value == pytest.approx(0.001)
    inside = np.arange(found[0].start, found[0].stop)
    overlap = np.isin(inside, np.arange(70, 85)).sum()
    assert overlap >= 11
    assert len(inside) <= 19


def test_shift_null_holds_every_shift_of_a_short_sequence():
    scores = normal_scores(np.random.default_rng(7).normal(size=12))
    order = np.random.default_rng(8).permutation(12)
    null = shift_null(scores, order)
    expected = [brute_force_largest(np.roll(scores, s)[order], [3, 4, 5, 6]) for s in range(1, 12)]
    np.testing.assert_allclose(null, expected)
    assert exceedance(np.inf, null) == pytest.approx(1 / 12)


def test_generalized_esd_reproduces_rosners_example():
    # The example of Rosner (1983): 54 values, three outliers at the 5 % level.
    values = np.array([
        -0.25, 0.68, 0.94, 1.15, 1.20, 1.26, 1.26, 1.34, 1.38, 1.43, 1.49, 1.49, 1.55, 1.56, 1.58,
        1.65, 1.69, 1.70, 1.76, 1.77, 1.81, 1.91, 1.94, 1.96, 1.99, 2.06, 2.09, 2.10, 2.14, 2.15,
        2.23, 2.24, 2.26, 2.35, 2.37, 2.40, 2.47, 2.54, 2.62, 2.64, 2.90, 2.92, 2.92, 2.93, 3.21,
        3.26, 3.30, 3.59, 3.68, 4.30, 4.64, 5.34, 5.42, 6.01,
    ])  # fmt: skip
    assert sorted(values[generalized_esd(values, alpha=0.05)]) == [5.34, 5.42, 6.01]


@pytest.mark.parametrize("n", [25, 100])
def test_generalized_esd_keeps_its_level(n):
    rng = np.random.default_rng(9)
    hits = sum(bool(len(generalized_esd(rng.normal(size=n), alpha=0.05))) for _ in range(400))
    assert hits / 400 <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 400)
    assert len(generalized_esd(np.ones(n), alpha=0.05)) == 0
