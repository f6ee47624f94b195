"""What an observed spread says of the error: against direct integration, and calibrated."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate, optimize, stats

from lionn_rs.analysis.transport.excess import NONE, Excess, excess

Z95 = stats.norm.ppf(0.975)


def integrated(ratio: float, dof: float) -> tuple[float, float]:
    """Probability of an excess and half width by quadrature over the share k = 1/lambda."""

    def density(root: float) -> float:
        # Substituting k = root²: the root is uniform beforehand.
        return float(stats.chi2.pdf(dof * ratio * root**2, dof) * root**2)

    def outside(width: float) -> float:
        tail = integrate.quad(lambda u: density(u) * 2.0 * stats.norm.sf(width * u), 0.0, 1.0)[0]
        return (density(1.0) * 2.0 * stats.norm.sf(width) + tail) / whole - 0.05

    slab = integrate.quad(density, 0.0, 1.0)[0]
    whole = density(1.0) + slab
    return slab / whole, optimize.brentq(outside, 1.9, 1e3)


@pytest.mark.parametrize("dof", [3, 19, 58.5, 400])
@pytest.mark.parametrize("ratio", [0.5, 1.0, 1.7, 4.0])
def test_agrees_with_direct_integration(ratio: float, dof: float) -> None:
    found = excess(ratio, dof)
    probability, half_width = integrated(ratio, dof)
    assert found.probability == pytest.approx(probability, rel=1e-4)
    # 24 points stand for a continuous distribution; its tail is longest for few degrees of freedom.
    assert found.half_width == pytest.approx(half_width, rel=0.03 if dof < 10 else 0.005)


@pytest.mark.parametrize("dof", [5, 19, 58])
def test_intervals_hold_in_95_percent_over_what_was_assumed(dof: int) -> None:
    """Draw the truth from the prior, a spread and an error from the truth."""
    rng = np.random.default_rng(dof)
    n = 3000
    share = np.where(rng.random(n) < 0.5, 1.0, rng.random(n))
    error = rng.standard_normal(n) / share
    ratio = rng.chisquare(dof, n) / dof / share**2
    widths = np.array([excess(r, dof).half_width for r in ratio])
    # Three binomial standard deviations.
    assert np.mean(np.abs(error) < widths) == pytest.approx(0.95, abs=3 * np.sqrt(0.0475 / n))


@pytest.mark.parametrize(("variance", "low", "high"), [(1.0, 0.95, 0.975), (1.5, 0.92, 0.96)])
def test_intervals_hold_at_any_one_truth(variance: float, low: float, high: float) -> None:
    """Twenty ions: neither a right error nor one that is somewhat small leaves 0.92 to 0.98."""
    rng = np.random.default_rng(1)
    widths = np.array([excess(variance * r, 19).half_width for r in rng.chisquare(19, 1000) / 19])
    held = float(np.mean(2.0 * stats.norm.cdf(widths / np.sqrt(variance)) - 1.0))
    assert low < held < high


def test_a_large_spread_of_many_is_taken_at_its_word_and_none_leaves_the_error() -> None:
    found = excess(4.0, 400)
    assert found.sd == pytest.approx(2.0, rel=0.01)
    assert found.half_width == pytest.approx(2.0 * Z95, rel=0.01)
    # Far below one: no reason to widen, and no number breaks.
    for small in (excess(0.2, 4000), excess(0.0, 50)):
        assert small.half_width == pytest.approx(Z95, rel=1e-3)
    assert (NONE.probability, NONE.sd) == (0.0, 1.0)
    assert NONE.half_width == pytest.approx(Z95)


def test_excesses_add_and_multiply() -> None:
    two, three = (Excess(np.array([v]), np.ones(1)) for v in (2.0, 3.0))
    assert two.plus(three).sd == pytest.approx(2.0)
    assert two.times(three).sd == pytest.approx(np.sqrt(6.0))
    assert NONE.plus(two).half_width == pytest.approx(np.sqrt(2.0) * Z95)


def test_ratio_of_half_width_to_sd_is_never_below_that_of_a_normal() -> None:
    """Who turns it into degrees of freedom (comparisons of two D) gets a number."""
    for ratio in (0.3, 1.0, 1.5, 3.0):
        for dof in (1, 3, 19, 58):
            found = excess(ratio, dof).plus(excess(1.2, 58))
            assert found.half_width >= Z95 * found.sd * (1.0 - 1e-9)
