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


@pytest.mark.parametrize("error_dof", [np.inf, 10.0, 0.0])
def test_exact_line_and_closed_form_errors(error_dof: float) -> None:
    sd = 0.1
    # Residuals orthogonal to the line, of one known chi².
    x = 1.0 / (BOLTZMANN_EV_K * T)
    design = np.column_stack([np.ones(5), x])
    rest = np.array([1.0, -1.0, 1.0, -1.0, 1.0])
    rest -= design @ np.linalg.lstsq(design, rest, rcond=None)[0]
    rest *= sd * np.sqrt(2.4) / np.linalg.norm(rest)
    fit = arrhenius(T, exact(T) * np.exp(rest), np.full(5, sd), error_dof=error_dof)
    assert fit.activation_energy_eV == pytest.approx(ENERGY)
    assert fit.prefactor_cm2_s == pytest.approx(PREFACTOR)
    assert fit.chi2_per_dof == pytest.approx(0.8)
    # Three degrees of freedom of the scatter join those of the errors.
    factor, quantile = {
        np.inf: (1.0, stats.norm.ppf(0.975)),
        10.0: ((10.0 + 2.4) / 13.0, stats.t.ppf(0.975, 13)),
        0.0: (0.8, stats.t.ppf(0.975, 3)),
    }[error_dof]
    spread = np.sum((x - x.mean()) ** 2)
    assert fit.activation_energy_sd_eV == pytest.approx(sd * np.sqrt(factor / spread))
    x300 = 1.0 / (BOLTZMANN_EV_K * 300.0)
    ln_sd = sd * np.sqrt(factor * (1 / 5 + (x300 - x.mean()) ** 2 / spread))
    at = fit.extrapolation
    assert at.ln_sd == pytest.approx(ln_sd)
    assert at.diffusivity_cm2_s == pytest.approx(exact(np.array(300.0)))
    assert fit.interval_basis == "errors"
    assert at.interval_cm2_s[1] == pytest.approx(at.diffusivity_cm2_s * np.exp(quantile * ln_sd))
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


def test_replicas_that_share_an_arrangement_are_correlated() -> None:
    """Two arrangements at every temperature: their offsets do not average out over temperatures."""
    temperature = np.repeat(T, 2)
    offsets = np.tile([-0.4, 0.4], 5)
    values = exact(temperature) * np.exp(offsets)
    sd = np.full(10, 0.05)
    shared = arrhenius(temperature, values, sd, replica_labels=["a", "b"] * 5)
    alone = arrhenius(temperature, values, sd)
    # Variance 2 * 0.4² of two arrangements, of which 0.05²/5 is expected noise.
    assert shared.replica_ln_sd == pytest.approx(np.sqrt(0.32 - 0.05**2 / 5), rel=1e-3)
    # The offset is common to all temperatures: the slope is known as well as without it, the
    # height is not.
    assert shared.activation_energy_sd_eV < 0.3 * alone.activation_energy_sd_eV
    assert shared.prefactor_ln_sd > 0.35
    with pytest.raises(ShapeError, match="one entry per run"):
        arrhenius(temperature, values, sd, replica_labels=["a"])


def test_replicas_whose_errors_are_known_up_to_a_factor() -> None:
    """Nothing is known of the errors but their ratios: only the scatter says how large they are."""
    temperature = np.repeat(T, 2)
    values = exact(temperature) * np.exp(np.tile([-0.4, 0.4, 0.3, -0.3], 3)[:10])
    fit = arrhenius(temperature, values, np.full(10, 0.05), error_dof=0.0)
    assert fit.replica_ln_sd > 0.3
    assert fit.error_dof == 0.0
    assert fit.quantile == pytest.approx(stats.t.ppf(0.975, 3))


def test_direct_runs_are_compared_and_not_fitted() -> None:
    fit = arrhenius(T, exact(T), np.full(5, 0.1))
    at = float(exact(np.array(300.0)))
    beside = arrhenius(
        T, exact(T), np.full(5, 0.1), direct=[(300.0, at * 1.2, 0.2), (300.0, at / 30.0, 0.2)]
    )
    assert beside.activation_energy_eV == fit.activation_energy_eV
    assert beside.extrapolation == fit.extrapolation
    far, near = beside.direct
    assert near.consistent
    assert not far.consistent
    expected = np.log(1.2) / np.hypot(fit.extrapolation.ln_sd, 0.2)
    assert near.z == pytest.approx(expected)
    assert near.p_value == pytest.approx(2 * stats.t.sf(expected, fit.error_dof + 3))
    assert [w for w in beside.warnings if "direct run" in w] == [str(far)]


def test_refusals() -> None:
    with pytest.raises(DataError, match="3 temperatures or more, got 2"):
        arrhenius([600, 600.2, 700], [1e-6, 1e-6, 2e-6], [0.1, 0.1, 0.1])
    with pytest.raises(ShapeError, match="equally long"):
        arrhenius(T, exact(T)[:3], np.full(5, 0.1))
    with pytest.raises(ConfigError, match="diffusivities must be positive"):
        arrhenius(T, -exact(T), np.full(5, 0.1))
    with pytest.raises(ConfigError, match="extrapolate_to_K must be positive"):
        arrhenius(T, exact(T), np.full(5, 0.1), extrapolate_to_K=0.0)
    with pytest.raises(ConfigError, match="error_dof must be 0 or more"):
        arrhenius(T, exact(T), np.full(5, 0.1), error_dof=-1.0)
