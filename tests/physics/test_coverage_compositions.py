"""Do intervals and tests of compositions hold, whatever differs between arrangements?"""

from __future__ import annotations

import numpy as np
import pytest

from lionn_rs.analysis.compositions.means import replicated_means
from lionn_rs.analysis.compositions.planning import plans

pytestmark = pytest.mark.physics

N_TRIALS = 1000
"""Binomial standard deviation of 0.95: 0.007."""


@pytest.mark.parametrize("tau", [0.0, 0.2, 1.0])
@pytest.mark.parametrize("true_over_stated", [1.0, 2.0])
@pytest.mark.parametrize("n_members", [(2, 2, 2), (5, 5, 5), (1, 4, 4)])
def test_intervals_of_means_hold(tau, true_over_stated, n_members):
    """Also with errors of the runs stated too small by two, and one member in a group."""
    rng = np.random.default_rng(1)
    group = np.repeat(np.arange(3), n_members)
    inside = 0
    for _ in range(N_TRIALS):
        sd = rng.uniform(0.1, 0.3, len(group))
        noise = np.hypot(tau, true_over_stated * sd) * rng.standard_normal(len(group))
        ends = replicated_means(noise, sd, group).intervals
        inside += int(np.sum((ends[:, 0] <= 0.0) & (ends[:, 1] >= 0.0)))
    share = inside / (3 * N_TRIALS)
    print(f"\n{n_members}, tau {tau}, errors {true_over_stated}: coverage {share:.3f}")
    assert share >= 0.925


@pytest.mark.parametrize("tau", [0.0, 0.4])
def test_false_optima_are_rare(tau):
    """Any of three equal compositions called different: at most 5 %."""
    rng = np.random.default_rng(2)
    group, sd, alarms, trials = np.repeat(np.arange(3), 4), np.full(12, 0.2), 0, 300
    for _ in range(trials):
        found = replicated_means(np.hypot(tau, sd) * rng.standard_normal(12), sd, group)
        alarms += min(pair.adjusted_p for pair in found.pairs) < 0.05
    print(f"\ntau {tau}: any pair significant in {alarms / trials:.3f}")
    assert alarms / trials <= 0.05 + 3 * 0.0126


def test_a_plan_finds_its_difference_as_often_as_it_says():
    rng = np.random.default_rng(3)
    tau, sd, ratio = 0.2, 0.2, 1.5
    pilot = replicated_means(
        np.hypot(tau, sd) * rng.standard_normal(600), np.full(600, sd), np.repeat(np.arange(3), 200)
    )
    plan = next(plan for plan in plans(pilot) if plan.ratio == ratio)
    assert plan.n_units is not None
    group, found, trials = np.repeat(np.arange(3), plan.n_units), 0, 200
    for _ in range(trials):
        values = np.hypot(tau, sd) * rng.standard_normal(len(group))
        values[group == 1] += np.log(ratio)
        (pair, *_) = replicated_means(values, np.full(len(group), sd), group).pairs
        found += pair.adjusted_p < 0.05
    print(f"\n{plan.n_units} members: found in {found / trials:.3f}")
    # 0.8 by plan, a little more because Bonferroni's value is above Tukey's; 3 x 0.028.
    assert 0.72 <= found / trials <= 0.92
