"""The stated time between frames against the stated temperature, on a crystal that vibrates."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lionn_rs.analysis import DiffusionResult, arrhenius_from_results, diffusivity
from lionn_rs.units import BOLTZMANN_EV_K

TEMPERATURE_K, STEP_FS, PERIOD_FS = 600.0, 2.0, 80.0
U_A2_FS2_TO_EV = 103.642696
MASSES = {"Li": 6.94, "S": 32.06}
SYMBOLS = ["Li"] * 40 + ["S"] * 40


def vibrating(seed: int = 0) -> np.ndarray:
    """Harmonic atoms with velocities of Maxwell's distribution at 600 K, a frame every 2 fs."""
    rng = np.random.default_rng(seed)
    mass = np.array([MASSES[s] for s in SYMBOLS])[:, None]
    # At a random phase half of the energy is kinetic: amplitudes sqrt(2) times the thermal ones.
    speed = np.sqrt(2.0 * BOLTZMANN_EV_K * TEMPERATURE_K / (mass * U_A2_FS2_TO_EV))
    omega = 2.0 * np.pi / PERIOD_FS
    phase = rng.uniform(0.0, 2.0 * np.pi, (80, 3))
    amplitude = rng.normal(0.0, speed, (80, 3)) / omega
    time = STEP_FS * np.arange(400)[:, None, None]
    return rng.uniform(0.0, 20.0, (80, 3)) + amplitude * np.sin(omega * time + phase)


def analyze(interval_fs: float, temperature_K: float = TEMPERATURE_K) -> DiffusionResult:
    return diffusivity(
        vibrating(), cell=20.0 * np.eye(3), symbols=SYMBOLS, frame_interval_fs=interval_fs,
        temperature_K=temperature_K,
    )  # fmt: skip


def test_a_right_clock_is_not_doubted() -> None:
    clock = analyze(STEP_FS).clock
    assert clock is not None
    # 240 oscillators: 2/sqrt(240) = 13 % of noise in the temperature, less for the sine's curvature
    # over one step, (sin(x)/x)² at x = pi 2/80: 0.2 %.
    assert clock.implied_temperature_K == pytest.approx(TEMPERATURE_K, rel=0.3)
    assert clock.consistent
    assert clock.warning == ""
    assert not any("between frames" in text for text in analyze(STEP_FS).warnings)


def test_a_wrong_clock_is_told_with_numbers() -> None:
    result = analyze(10.0 * STEP_FS)
    assert result.clock is not None
    assert not result.clock.consistent
    assert result.clock.implied_temperature_K == pytest.approx(6.0, rel=0.3)
    assert result.clock.likely_interval_fs == pytest.approx(STEP_FS, rel=0.15)
    (text,) = [text for text in result.warnings if text.startswith("between frames")]
    assert "not 600 K: are the frames 2" in text
    assert "instead of 20 fs?" in text
    assert result.to_dict()["clock"]["consistent"] is False


def test_an_arrhenius_fit_repeats_the_doubt() -> None:
    doubtful = analyze(10.0 * STEP_FS)
    runs = [
        replace(
            doubtful, temperature_K=t, diffusive=True, diffusivity_cm2_s=1e-3 * np.exp(-3000.0 / t),
            ln_sd=0.1, clock=doubtful.clock if t == 600.0 else None,
        )
        for t in (600.0, 800.0, 1000.0)
    ]  # fmt: skip
    fit = arrhenius_from_results(runs)
    assert [text for text in fit.warnings if text.startswith("600 K: between frames")]
    assert not [text for text in fit.warnings if text.startswith("800 K")]


def test_frames_too_far_apart_cannot_tell() -> None:
    rng = np.random.default_rng(0)
    path = np.cumsum(0.1 * rng.standard_normal((400, 80, 3)), axis=0)
    result = diffusivity(
        path, cell=20.0 * np.eye(3), symbols=SYMBOLS, frame_interval_fs=20.0, temperature_K=600.0
    )
    assert result.clock is None
