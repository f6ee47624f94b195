"""Diffusion does not depend on the thermostat, and velocities tell the same as positions.

Liquid argon (108 atoms, 145 K) and lithium in LGPS (900 K).
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from ase.build import bulk
from scipy import stats

from lionn_rs import _core
from lionn_rs.analysis import diffusivity
from lionn_rs.units import A2_FS_TO_CM2_S, BOLTZMANN_EV_K, EV_FS2_PER_U_A2
from tests.physics.conftest import Measured
from tests.physics.systems import (
    LENNARD_JONES,
    NAMES,
    Floats,
    System,
    blocks,
    chain,
    core_run,
    lgps,
)

pytestmark = pytest.mark.physics


@dataclass(frozen=True)
class Diffusing:
    """A system with moving atoms, and how long it is watched."""

    system: System
    carrier: str
    temperature_K: float
    site_distance_A: float
    run_ps: float
    frame_fs: float
    """Velocities change little between two frames."""
    window_ps: tuple[float, float]
    """Where the slope of the MSD and the integral of the VACF are compared."""


@functools.cache
def diffusing(name: str) -> Diffusing:
    if name == "LGPS":
        return Diffusing(lgps(), "Li", 900.0, 3.0, 120.0, 10.0, (2.0, 4.0))
    atoms = bulk("Ar", "fcc", a=5.97, cubic=True).repeat(3)
    potential = _core.LennardJones(**LENNARD_JONES)
    liquid = System("argon", atoms, potential, 145.0, 150.0, 4.0, 0.0, 1)
    return Diffusing(liquid, "Ar", 145.0, 3.4, 300.0, 20.0, (2.0, 4.0))


@functools.cache
def equilibrated(name: str) -> Any:
    """State after 40 ps at the temperature."""
    one = diffusing(name)
    system = one.system
    velocities = _core.maxwell_boltzmann(
        system.atoms.get_masses(), 2 * one.temperature_K, seed=5, exact=True
    )
    run = core_run(system, system.atoms.positions, velocities, system.timestep_fs)
    run.set_thermostat(chain(one.temperature_K, 100.0))
    run.run(round(40_000 / system.timestep_fs))
    return run.snapshot()


@functools.cache
def moved(name: str, tau_fs: float | None) -> dict[str, Floats]:
    """Frames and energies of a run; at constant energy if there is no tau.

    The energy of that run is the mean one of the run with tau = 100 fs: its velocities are scaled.
    """
    one = diffusing(name)
    system = one.system
    start = equilibrated(name)
    velocities = start["velocities"]
    if tau_fs is None:
        table = moved(name, 100.0)
        mean_energy = (table["potential_energy"] + table["kinetic_energy"]).mean()
        still = core_run(system, start["positions"], velocities, system.timestep_fs)
        masses = system.atoms.get_masses()[:, None]
        kinetic = 0.5 * (masses * velocities**2).sum() / EV_FS2_PER_U_A2
        velocities = velocities * np.sqrt((mean_energy - still.potential_energy) / kinetic)
    run = core_run(
        system,
        start["positions"],
        velocities,
        system.timestep_fs,
        stride_thermo=5,
        stride_frames=round(one.frame_fs / system.timestep_fs),
        record_velocities=True,
    )
    if tau_fs is not None:
        run.set_thermostat(chain(one.temperature_K, tau_fs))
    run.run(round(1000 * one.run_ps / system.timestep_fs))
    return run.drain()


def fitted(one: Diffusing, frames: dict[str, Floats], **options: Any) -> Any:
    return diffusivity(
        frames["positions"],
        cell=one.system.atoms.cell[:],
        frame_interval_fs=one.frame_fs,
        temperature_K=one.temperature_K,
        symbols=one.system.atoms.get_chemical_symbols(),
        carrier=one.carrier,
        drift_reference="none",
        site_distance_A=one.site_distance_A,
        **options,
    )


@pytest.mark.parametrize("name", NAMES)
def test_diffusivity_does_not_depend_on_the_thermostat(name: str, measured: Measured) -> None:
    """Chains with tau 20, 100 and 500 fs and constant energy: chi² of ln D."""
    one = diffusing(name)
    logs, errors = [], []
    for tau_fs in (20.0, 100.0, 500.0, None):
        frames = moved(name, tau_fs)
        result = fitted(one, frames)
        assert result.diffusive, result.refusal
        n_dof = 3 * len(one.system.atoms) - 3
        mean_K = 2 * frames["kinetic_energy"].mean() / (n_dof * BOLTZMANN_EV_K)
        logs.append(np.log(result.diffusivity_cm2_s))
        errors.append(result.ln_sd)
        label = "NVE" if tau_fs is None else f"tau {tau_fs:g} fs"
        measured(
            14,
            name,
            f"D of {one.carrier}, {label} ({mean_K:.0f} K)",
            result.diffusivity_cm2_s * 1e5,
            error=result.diffusivity_cm2_s * result.ln_sd * 1e5,
            low=0.0,
            unit="10⁻⁵ cm²/s",
            line="diffusive",
        )
    weights = 1 / np.square(errors)
    mean = np.average(logs, weights=weights)
    p = stats.chi2.sf((weights * np.square(np.array(logs) - mean)).sum(), len(logs) - 1)
    measured(14, name, "chi² p: one D for all four", p, low=0.01, line="above 0.01")
    measured(14, name, "largest error of an ln D", max(errors), high=0.25)


def velocity_integral(velocities: Floats, frame_fs: float, n_lags: int) -> Floats:
    """``(1/3) ∫ <v(0) v(t)> dt`` up to every lag, Å²/fs, averaged over atoms and origins."""
    n = len(velocities)
    spectrum = np.fft.rfft(velocities, n=2 * n, axis=0)
    products = np.fft.irfft(np.abs(spectrum) ** 2, axis=0)[:n_lags].sum(axis=2).mean(axis=1)
    correlation = products / (n - np.arange(n_lags))
    steps = 0.5 * (correlation[1:] + correlation[:-1]) * frame_fs
    return np.concatenate([[0.0], np.cumsum(steps)]) / 3


@pytest.mark.parametrize("name", NAMES)
def test_velocities_and_positions_give_the_same_diffusivity(name: str, measured: Measured) -> None:
    """``dMSD/dt = 2 ∫ <v v>``: the slope of the MSD in a window is the mean integral there.

    Errors from eight parts of the run. The trapezoidal sum of the correlation function is exact to
    about (ω dt)²/12 of an integral that is small for bound atoms, hence the short frame interval.
    """
    one = diffusing(name)
    frames = moved(name, 100.0)
    chosen = np.array(one.system.atoms.get_chemical_symbols()) == one.carrier
    first, last = (round(1000 * t / one.frame_fs) for t in one.window_ps)
    lags = np.arange(first, last + 1)
    parts = list(blocks(len(frames["positions"]), 8))
    integrals, slopes = [], []
    for part in parts:
        velocities = frames["velocities"][part][:, chosen]
        integral = velocity_integral(velocities, one.frame_fs, last + 1)
        integrals.append(integral[lags].mean())
        positions = frames["positions"][part][:, chosen]
        msd = [
            ((positions[lag:] - positions[: len(positions) - lag]) ** 2).sum(axis=2).mean()
            for lag in (first, last)
        ]
        slopes.append((msd[1] - msd[0]) / (6 * (last - first) * one.frame_fs))
    unit = A2_FS_TO_CM2_S * 1e5
    by_velocity, by_position = np.array(integrals) * unit, np.array(slopes) * unit
    count = np.sqrt(len(parts))
    error, other = (values.std(ddof=1) / count for values in (by_velocity, by_position))
    window = f"{one.window_ps[0]:g} to {one.window_ps[1]:g} ps"
    d_slope = by_position.mean()
    quantity = f"D of {one.carrier}, slope of the MSD, {window}"
    measured(15, name, quantity, d_slope, error=other, low=0.0, unit="10⁻⁵ cm²/s", line="beside")
    quantity = f"D of {one.carrier}, integral of the VACF to {window}"
    measured(
        15,
        name,
        quantity,
        by_velocity.mean(),
        error=error,
        low=d_slope - 3 * np.hypot(error, other),
        high=d_slope + 3 * np.hypot(error, other),
        unit="10⁻⁵ cm²/s",
        line="slope of the MSD within 3 SE",
    )
    result = fitted(one, frames)
    fit, fit_error = result.diffusivity_cm2_s * 1e5, result.diffusivity_cm2_s * result.ln_sd * 1e5
    quantity = "integral of the VACF less the D of lionn diffusion"
    both = float(np.hypot(error, fit_error))
    difference = by_velocity.mean() - fit
    measured.within(15, name, quantity, difference, both, 0.0, unit="10⁻⁵ cm²/s")
    measured(15, name, "relative error of that difference", both / fit, high=0.3)
