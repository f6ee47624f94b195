from __future__ import annotations

import numpy as np

from lionn_rs.analysis import arrhenius
from lionn_rs.units import BOLTZMANN_EV_K


def _line(temperatures: list[float], scatter: list[float]) -> np.ndarray:
    t = np.array(temperatures)
    return 1e-3 * np.exp(-0.25 / (BOLTZMANN_EV_K * t) + np.array(scatter))


def test_a_wide_interval_is_not_a_value() -> None:
    temperatures = [600.0, 700.0, 800.0]
    fit = arrhenius(temperatures, _line(temperatures, [0.3, -0.3, 0.3]), np.full(3, 0.3))
    assert not fit.extrapolation.supported
    assert any("no value at 300 K" in warning for warning in fit.warnings)
    assert "no value at 300 K" in str(fit)


def test_a_narrow_interval_is() -> None:
    temperatures = [500.0, 600.0, 700.0, 800.0, 1000.0]
    scatter = [0.05, -0.05, 0.02, -0.03, 0.0]
    fit = arrhenius(temperatures, _line(temperatures, scatter), np.full(5, 0.1))
    assert fit.extrapolation.supported
    low, high = fit.extrapolation.interval_cm2_s
    assert low < 1e-3 * np.exp(-0.25 / (BOLTZMANN_EV_K * 300)) < high
    assert "D(300 K) =" in str(fit)
