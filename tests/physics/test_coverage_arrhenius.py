"""Do intervals of an Arrhenius fit hold, and do its tests err as often as they say?"""

from __future__ import annotations

import numpy as np
import pytest

from lionn_rs.analysis import arrhenius
from lionn_rs.analysis.arrhenius.fit import combine_runs
from lionn_rs.units import BOLTZMANN_EV_K

pytestmark = pytest.mark.physics

T = np.array([600.0, 700.0, 800.0, 1000.0, 1200.0])
SD = np.array([0.3, 0.25, 0.2, 0.12, 0.1])
N_TRIALS = 2000
"""Binomial standard deviation of 0.95: 0.005."""


def line(temperature: np.ndarray) -> np.ndarray:
    return 2e-3 * np.exp(-0.25 / (BOLTZMANN_EV_K * temperature))


@pytest.mark.parametrize(
    ("true_over_stated", "expected"), [(0.8, 0.987), (1.0, 0.967), (1.25, 0.936), (3.0, 0.926)]
)
def test_coverage_of_the_extrapolation(true_over_stated: float, expected: float) -> None:
    """Expected: direct simulation of the formula, 4000 fits; three standard deviations allowed."""
    rng = np.random.default_rng(2)
    truth = float(line(np.array(300.0)))
    inside = 0
    for _ in range(N_TRIALS):
        noise = true_over_stated * SD * rng.standard_normal(5)
        low, high = arrhenius(T, line(T) * np.exp(noise), SD).extrapolation.interval_cm2_s
        inside += low <= truth <= high
    print(f"\nerrors {true_over_stated} times the stated: coverage {inside / N_TRIALS:.3f}")
    assert inside / N_TRIALS == pytest.approx(expected, abs=0.02)


def test_coverage_with_errors_known_as_well_as_stated() -> None:
    """A common factor of the errors drawn from the distribution that the fit assumes: exactly 95 %.

    Without the take-over by the scatter it would be exact; that adds a little.
    """
    rng = np.random.default_rng(3)
    truth, inside = float(line(np.array(300.0))), 0
    for _ in range(N_TRIALS):
        noise = SD * rng.standard_normal(5) * np.sqrt(10.0 / rng.chisquare(10.0))
        low, high = arrhenius(T, line(T) * np.exp(noise), SD).extrapolation.interval_cm2_s
        inside += low <= truth <= high
    print(f"\ncoverage {inside / N_TRIALS:.3f}")
    assert 0.935 <= inside / N_TRIALS <= 0.975


@pytest.mark.parametrize("between", [0.0, 0.3])
def test_coverage_with_replicas(between: float) -> None:
    """Three replicas at each of five temperatures, whose spread is unknown to the fit."""
    rng = np.random.default_rng(4)
    temperature, sd = np.repeat(T, 3), np.repeat(SD, 3)
    truth, inside, trials = float(line(np.array(300.0))), 0, N_TRIALS // 4
    for _ in range(trials):
        noise = np.hypot(sd, between) * rng.standard_normal(15)
        fit = arrhenius(temperature, line(temperature) * np.exp(noise), sd)
        inside += (
            fit.extrapolation.interval_cm2_s[0] <= truth <= fit.extrapolation.interval_cm2_s[1]
        )
    print(f"\nreplica spread {between}: coverage {inside / trials:.3f}")
    assert 0.92 <= inside / trials <= 0.99


def test_replica_variance_is_unbiased_and_its_interval_holds() -> None:
    rng = np.random.default_rng(5)
    temperature, between, found, inside, trials = np.repeat(np.arange(5), 4), 0.4, [], 0, 300
    for _ in range(trials):
        values = np.hypot(0.15, between) * rng.standard_normal(20)
        effect = combine_runs(values, np.full(20, 0.15), temperature, np.arange(20))[2]
        assert effect is not None
        found.append(effect.sd**2)
        inside += effect.interval[0] <= between <= effect.interval[1]
    # 15 degrees of freedom: relative standard deviation sqrt(2/15), of the mean of 300 2 %.
    assert np.mean(found) == pytest.approx(between**2, rel=0.08)
    assert 0.91 <= inside / trials <= 0.98


@pytest.mark.parametrize(("between", "within"), [(0.0, 0.0), (0.4, 0.0), (0.4, 0.3), (0.0, 0.3)])
def test_coverage_with_seeds_nested_in_arrangements(between: float, within: float) -> None:
    """Four arrangements, two seeds of each, five temperatures; the fit knows neither spread."""
    rng = np.random.default_rng(7)
    temperature, sd = np.tile(np.repeat(T, 2), 4), np.tile(np.repeat(SD, 2), 4)
    label = np.repeat(np.arange(4), 10)
    truth, energy, inside, trials = float(line(np.array(300.0))), 0, 0, 300
    for _ in range(trials):
        noise = np.hypot(sd, within) * rng.standard_normal(40)
        noise += between * rng.standard_normal(4)[label]
        fit = arrhenius(temperature, line(temperature) * np.exp(noise), sd, replica_labels=label)
        low, high = fit.extrapolation.interval_cm2_s
        inside += low <= truth <= high
        low, high = fit.activation_energy_interval_eV
        energy += low <= 0.25 <= high
    print(f"\n{between}, {within}: 300 K {inside / trials:.3f}, E_a {energy / trials:.3f}")
    # Three binomial standard deviations of 0.95 are 0.038.
    assert inside / trials >= 0.912
    assert energy / trials >= 0.912


def test_a_break_is_found_when_there_is_one_and_rarely_otherwise() -> None:
    """False alarms at the 5 % level although the break is free; power for the one of LGPS."""
    rng = np.random.default_rng(6)
    temperature = np.array([350.0, 400.0, 450.0, 500.0, 600.0, 700.0, 850.0, 1000.0])
    beta = 1.0 / (BOLTZMANN_EV_K * temperature)
    hinge = np.maximum(beta - 1.0 / (BOLTZMANN_EV_K * 450.0), 0.0)
    trials = 600
    alarms = {"free break": 0, "curvature": 0, "free break, 0.1 eV": 0, "free break, 0.2 eV": 0}
    for _ in range(trials):
        noise = 0.15 * rng.standard_normal(8)
        fit = arrhenius(temperature, line(temperature) * np.exp(noise), np.full(8, 0.15))
        assert fit.piecewise is not None
        assert fit.curvature_p is not None
        alarms["free break"] += fit.piecewise.p_value < 0.05
        alarms["curvature"] += fit.curvature_p < 0.05
        for change in (0.1, 0.2):
            bent = line(temperature) * np.exp(noise - change * hinge)
            two = arrhenius(temperature, bent, np.full(8, 0.15)).piecewise
            assert two is not None
            alarms[f"free break, {change} eV"] += two.p_value < 0.05
    share = {name: count / trials for name, count in alarms.items()}
    print(f"\n{share}")
    # Three binomial standard deviations of 5 % are 2.7 %; errors exactly right make the moderated
    # test slightly conservative.
    assert 0.02 <= share["free break"] <= 0.077
    assert 0.015 <= share["curvature"] <= 0.077
    assert share["free break, 0.2 eV"] > 0.9
    assert share["free break, 0.1 eV"] > 0.4
