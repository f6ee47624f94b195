"""Curvature, two segments and VTF: known answers."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy import stats

from lionn_rs.analysis import arrhenius
from lionn_rs.analysis.arrhenius.fit import combine_runs
from lionn_rs.errors import DataError
from lionn_rs.units import BOLTZMANN_EV_K

T = np.array([350.0, 400.0, 450.0, 500.0, 600.0, 700.0, 850.0, 1000.0])


def two_segments(temperature: np.ndarray, *, hot: float, cold: float, at: float) -> np.ndarray:
    beta = 1.0 / (BOLTZMANN_EV_K * temperature)
    knee = 1.0 / (BOLTZMANN_EV_K * at)
    return 1e-3 * np.exp(-hot * beta - (cold - hot) * np.maximum(beta - knee, 0.0))


def test_two_segments_are_found() -> None:
    """As reported for LGPS: a steeper line below about 400 K."""
    values = two_segments(T, hot=0.2, cold=0.35, at=450.0)
    fit = arrhenius(T, values, np.full(8, 0.1))
    two = fit.piecewise
    assert two is not None
    assert two.p_value < 0.01
    assert two.hot_activation_energy_eV == pytest.approx(0.2, abs=0.01)
    assert two.cold_activation_energy_eV == pytest.approx(0.35, abs=0.02)
    assert two.break_interval_K[0] <= 450.0 <= two.break_interval_K[1]
    truth = float(two_segments(np.array([300.0]), hot=0.2, cold=0.35, at=450.0)[0])
    assert two.interval_cm2_s[0] < truth < two.interval_cm2_s[1]
    # The single line misses it.
    assert fit.extrapolation.interval_cm2_s[0] > truth
    assert any("two segments" in text for text in fit.warnings)
    json.dumps(fit.to_dict())


def test_a_straight_line_needs_no_break() -> None:
    values = two_segments(T, hot=0.25, cold=0.25, at=450.0)
    two = arrhenius(T, values, np.full(8, 0.1)).piecewise
    assert two is not None
    assert two.p_value > 0.9
    assert two.cold_activation_energy_eV == pytest.approx(0.25, abs=1e-6)
    assert arrhenius(T[::2], values[::2], np.full(4, 0.1)).piecewise is None


def test_vtf_recovers_its_parameters() -> None:
    prefactor, b, t0 = 2e-4, 900.0, 180.0
    values = prefactor * np.exp(-b / (T - t0))
    fit = arrhenius(T, values, np.full(8, 0.05), with_vtf=True)
    vtf = fit.vtf
    assert vtf is not None
    assert vtf.t0_K == pytest.approx(t0, rel=1e-3)
    assert vtf.b_K == pytest.approx(b, rel=1e-3)
    assert vtf.prefactor_cm2_s == pytest.approx(prefactor, rel=1e-3)
    assert vtf.diffusivity_cm2_s == pytest.approx(prefactor * np.exp(-b / 120.0), rel=1e-3)
    assert vtf.t0_interval_K[0] < t0 < vtf.t0_interval_K[1]
    assert vtf.aicc < fit.aicc
    assert any("VTF describes the points better" in text for text in fit.warnings)
    assert "T0 = 180 K" in str(vtf)


def test_vtf_of_an_arrhenius_line_is_that_line() -> None:
    values = 1e-3 * np.exp(-0.25 / (BOLTZMANN_EV_K * T))
    fit = arrhenius(T, values, np.full(8, 0.05), with_vtf=True)
    vtf = fit.vtf
    assert vtf is not None
    assert vtf.t0_K == pytest.approx(0.0, abs=1.0)
    assert vtf.diffusivity_cm2_s == pytest.approx(fit.extrapolation.diffusivity_cm2_s, rel=1e-2)
    assert vtf.aicc > fit.aicc
    with pytest.raises(DataError, match="VTF fit has three parameters"):
        arrhenius(T[:4], values[:4], np.full(4, 0.05), with_vtf=True)
    # There is nothing below T0.
    bent = 2e-4 * np.exp(-200.0 / (T - 320.0))
    cold = arrhenius(T, bent, np.full(8, 0.05), with_vtf=True).vtf
    assert cold is not None
    assert cold.diffusivity_cm2_s is None
    assert cold.interval_cm2_s is None
    assert "no diffusion at 300 K" in str(cold)


def test_replica_variance_agrees_with_analysis_of_variance() -> None:
    """Balanced, equal errors: restricted likelihood is the mean square within minus the error."""
    rng = np.random.default_rng(3)
    temperature = np.repeat(np.arange(5), 4)
    values = rng.standard_normal(20) * 0.5
    sd = np.full(20, 0.1)
    means, covariance, effect = combine_runs(values, sd, temperature, np.arange(20))
    table = values.reshape(5, 4)
    within = np.mean(table.var(axis=1, ddof=1))
    assert effect is not None
    assert effect.dof == 15
    assert effect.sd**2 == pytest.approx(within - 0.01, rel=1e-5)
    np.testing.assert_allclose(means, table.mean(axis=1))
    np.testing.assert_allclose(np.diag(covariance), within / 4, rtol=1e-5)
    assert effect.interval[0] < effect.sd < effect.interval[1]


def test_nested_variances_agree_with_analysis_of_variance() -> None:
    """Balanced: four arrangements, two seeds each, at five temperatures."""
    rng = np.random.default_rng(11)
    arrangement, temperature, _ = (
        part.ravel() for part in np.meshgrid(range(4), range(5), range(2), indexing="ij")
    )
    sd = np.full(40, 0.1)
    values = 0.5 * rng.standard_normal(4)[arrangement] + 0.3 * rng.standard_normal(40)
    means, covariance, effect = combine_runs(values, sd, temperature, arrangement)
    table = values.reshape(4, 5, 2)
    between = 10 * table.mean(axis=(1, 2)).var(ddof=1)
    rest = table - table.mean(axis=(1, 2))[:, None, None] - table.mean(axis=(0, 2))[:, None]
    within = np.sum((rest + table.mean()) ** 2) / (40 - 5 - 3)
    assert effect is not None
    assert effect.runs is not None
    assert (effect.dof, effect.runs.dof) == (3, 32)
    assert effect.sd == pytest.approx(np.sqrt((between - within) / 10), rel=1e-4)
    assert effect.runs.sd == pytest.approx(np.sqrt(within - 0.01), rel=1e-4)
    np.testing.assert_allclose(means, table.mean(axis=(0, 2)))
    # A mean: the offsets of four arrangements, common to all temperatures, and eight runs.
    common = (between - within) / 10 / 4
    np.testing.assert_allclose(covariance, common + np.eye(5) * within / 8, rtol=1e-3)
    low, high = effect.runs.interval
    ends = stats.chi2.ppf([0.975, 0.025], 32)
    assert [low**2 + 0.01, high**2 + 0.01] == pytest.approx(list(32 * within / ends))


def test_the_spread_between_single_runs_is_one_number() -> None:
    rng = np.random.default_rng(12)
    temperature = np.repeat(np.arange(4), 3)
    _, _, effect = combine_runs(
        rng.standard_normal(12), np.full(12, 0.1), temperature, np.arange(12)
    )
    assert effect is not None
    assert effect.runs is None
