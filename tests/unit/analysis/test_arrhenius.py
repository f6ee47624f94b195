"""Arrhenius fits against closed forms."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy import stats

from lionn_rs.analysis import arrhenius, nernst_einstein
from lionn_rs.errors import ConfigError, DataError, ShapeError
from lionn_rs.units import BOLTZMANN_EV_K

T = np.array([600.0, 700.0, 800.0, 1000.0, 1200.0])
ENERGY, PREFACTOR = 0.25, 2e-3


def exact(temperature: np.ndarray) -> np.ndarray:
    return PREFACTOR * np.exp(-ENERGY / (BOLTZMANN_EV_K * temperature))


def test_exact_line_and_closed_form_errors() -> None:
    sd = 0.1
    fit = arrhenius(T, exact(T), np.full(5, sd))
    assert fit.activation_energy_eV == pytest.approx(ENERGY)
    assert fit.prefactor_cm2_s == pytest.approx(PREFACTOR)
    x = 1.0 / (BOLTZMANN_EV_K * T)
    spread = np.sum((x - x.mean()) ** 2)
    assert fit.activation_energy_sd_eV == pytest.approx(sd / np.sqrt(spread))
    x300 = 1.0 / (BOLTZMANN_EV_K * 300.0)
    ln_sd = sd * np.sqrt(1 / 5 + (x300 - x.mean()) ** 2 / spread)
    at = fit.extrapolation
    assert at.ln_sd == pytest.approx(ln_sd)
    assert at.diffusivity_cm2_s == pytest.approx(exact(np.array(300.0)))
    # The points lie on the line: only their stated errors count, which are known.
    assert fit.interval_basis == "errors"
    factor = np.exp(stats.norm.ppf(0.975) * ln_sd)
    assert at.interval_cm2_s[1] == pytest.approx(at.diffusivity_cm2_s * factor)
    assert at.beyond_data_K == pytest.approx(300.0)
    assert any("extrapolated over 300 K" in text for text in fit.warnings)


def test_unequal_weights_agree_with_polyfit() -> None:
    rng = np.random.default_rng(1)
    sd = np.array([0.3, 0.2, 0.15, 0.1, 0.1])
    y = np.log(exact(T)) + sd * rng.standard_normal(5)
    fit = arrhenius(T, np.exp(y), sd)
    x = 1.0 / (BOLTZMANN_EV_K * T)
    slope, intercept = np.polyfit(x, y, 1, w=1 / sd)
    assert fit.activation_energy_eV == pytest.approx(-slope)
    assert np.log(fit.prefactor_cm2_s) == pytest.approx(intercept)


def test_scatter_beyond_the_errors_replaces_them() -> None:
    y = np.log(exact(T)) + np.array([0.3, -0.3, 0.0, 0.3, -0.3])
    fit = arrhenius(T, np.exp(y), np.full(5, 0.05))
    assert fit.chi2_per_dof > 10
    assert fit.interval_basis == "scatter"
    # The same as an unweighted fit that estimates the error from the residuals.
    x = 1.0 / (BOLTZMANN_EV_K * T)
    expected = stats.linregress(x, y)
    assert fit.activation_energy_sd_eV == pytest.approx(expected.stderr)
    half = stats.t.ppf(0.975, 3) * expected.stderr
    assert fit.activation_energy_interval_eV[1] == pytest.approx(-expected.slope + half)
    assert any("scatter more than their errors" in text for text in fit.warnings)


def test_replicas_enter_with_their_spread() -> None:
    temperature = np.repeat(T, 3)
    quiet = arrhenius(temperature, exact(temperature), np.full(15, 0.1))
    assert quiet.replica_ln_sd == 0.0
    assert quiet.points[0].ln_sd == pytest.approx(0.1 / np.sqrt(3))
    assert quiet.degrees_of_freedom == 3
    noisy = np.exp(np.log(exact(temperature)) + 0.5 * np.tile([-1.0, 0.0, 1.0], 5))
    fit = arrhenius(temperature, noisy, np.full(15, 0.1))
    # Total variance of a replica is 0.25 (ddof 1), 0.01 of it expected.
    assert fit.replica_ln_sd == pytest.approx(np.sqrt(0.25 - 0.01))
    assert fit.points[0].ln_sd == pytest.approx(0.5 / np.sqrt(3))
    assert fit.points[0].n_replicas == 3


def test_curvature_is_noticed() -> None:
    bent = np.log(exact(T)) - 2.0 * (1000.0 / T - 1.0) ** 2
    fit = arrhenius(T, np.exp(bent), np.full(5, 0.02))
    assert fit.curvature_p < 0.05
    assert any("curved" in text for text in fit.warnings)


def test_upper_bounds_are_listed_and_compared() -> None:
    bounds = [(500.0, float(exact(np.array(500.0))) * 3), (400.0, 1e-12)]
    fit = arrhenius(T, exact(T), np.full(5, 0.1), upper_bounds=bounds)
    assert [b.temperature_K for b in fit.upper_bounds] == [400.0, 500.0]
    assert [b.contradicts_fit for b in fit.upper_bounds] == [True, False]
    assert len(fit.points) == 5


def test_conductivity_at_300_K() -> None:
    fit = arrhenius(T, exact(T), np.full(5, 0.1), n_carriers=20, volume_A3=976.7)
    expected = nernst_einstein(
        float(exact(np.array(300.0))), n_carriers=20, charge=1, volume_A3=976.7, temperature_K=300.0
    )
    assert fit.extrapolation.conductivity_mS_cm == pytest.approx(expected)
    json.dumps(fit.to_dict())
    assert "mS/cm" in str(fit)


@pytest.mark.parametrize("true_over_stated", [1.0, 3.0])
def test_coverage_of_the_extrapolation(true_over_stated: float) -> None:
    """95 % intervals cover with known errors, and when all errors are stated too small."""
    rng = np.random.default_rng(2)
    sd = np.array([0.3, 0.25, 0.2, 0.12, 0.1])
    truth = float(exact(np.array(300.0)))
    n_trials, inside, by_scatter = 1000, 0, 0
    for _ in range(n_trials):
        noise = true_over_stated * sd * rng.standard_normal(5)
        fit = arrhenius(T, exact(T) * np.exp(noise), sd)
        low, high = fit.extrapolation.interval_cm2_s
        inside += low <= truth <= high
        by_scatter += fit.interval_basis == "scatter"
    # Expected: 0.983 (the wider of two intervals of 0.95 that share the center) and 0.952; two
    # standard deviations of the count are 0.008 and 0.014.
    assert 0.93 <= inside / n_trials <= 0.99
    # t_3 sqrt(chi2/3) > 1.96, or > 1.96 / 3: probabilities 0.77 and 0.99.
    assert by_scatter / n_trials == pytest.approx(
        0.77 if true_over_stated == 1.0 else 0.99, abs=0.04
    )


def test_refusals() -> None:
    with pytest.raises(DataError, match="3 temperatures or more, got 2"):
        arrhenius([600, 600.2, 700], [1e-6, 1e-6, 2e-6], [0.1, 0.1, 0.1])
    with pytest.raises(ShapeError, match="equally long"):
        arrhenius(T, exact(T)[:3], np.full(5, 0.1))
    with pytest.raises(ConfigError, match="diffusivities must be positive"):
        arrhenius(T, -exact(T), np.full(5, 0.1))
