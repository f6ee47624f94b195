"""One step after another: order of the error, drift, reversibility, restart, threads, another code.

Numbers of the tests: docs/explanations/physical-validation.md.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase.calculators.lj import LennardJones as PeerLennardJones
from ase.md.verlet import VelocityVerlet
from scipy.stats import linregress

import lionn_rs as lionn
from lionn_rs.md import Protocol, run_md
from lionn_rs.units import BOLTZMANN_EV_K, EV_FS2_PER_U_A2
from tests.physics.conftest import Measured
from tests.physics.systems import (
    LENNARD_JONES,
    NAMES,
    System,
    blocks,
    chain,
    core_run,
    named,
    thermal_start,
)
from tests.physics.test_md_ensemble import pv, pv_units, quietly

pytestmark = pytest.mark.physics
STEPS_FS = (4.0, 2.0, 1.0, 0.5)
STARTS = range(1, 7)
SPAN_FS = 1000.0
"""Short: trajectories with different steps part, and then sample different fluctuations."""


def prepared(system: System, seed: int, timestep_fs: float, thermostat: str, **options: Any) -> Any:
    positions, velocities = thermal_start(system, seed, system.temperature_K)
    run = core_run(system, positions, velocities, timestep_fs, **options)
    if thermostat == "chain":
        run.set_thermostat(chain(system.temperature_K, system.tau_fs))
    return run


def detrended(run: Any, timestep_fs: float) -> Any:
    """Conserved quantity over the span without its straight line, eV."""
    run.observe()
    run.run(round(SPAN_FS / timestep_fs))
    values = run.drain()["conserved"]
    time = np.arange(len(values))
    return values - np.polyval(np.polyfit(time, values, 1), time)


@pytest.mark.parametrize("thermostat", ["none", "chain"])
@pytest.mark.parametrize("name", NAMES)
def test_error_of_the_conserved_quantity_is_second_order(
    name: str, thermostat: str, measured: Measured
) -> None:
    """Root mean square over six starts; its error from the starts, one left out at a time."""
    system = named(name)
    number = 1 if thermostat == "none" else 3
    series = {
        dt: [detrended(prepared(system, seed, dt, thermostat), dt) for seed in STARTS]
        for dt in STEPS_FS
    }
    squares = np.array([[np.mean(one**2) for one in series[dt]] for dt in STEPS_FS])
    n = squares.shape[1]
    means = np.sqrt(squares.mean(axis=1))
    left_out = np.sqrt((squares.sum(axis=1)[:, None] - squares) / (n - 1))
    measured.curve(
        f"order-{thermostat}-{name}",
        timestep_fs=STEPS_FS,
        rms_per_atom=means / len(system.atoms),
    )
    for k, (coarse, fine) in enumerate(pairwise(STEPS_FS)):
        ratios = left_out[k] / left_out[k + 1]
        error = np.sqrt((n - 1) * ratios.var())
        quantity = f"rms at {coarse:g} fs over rms at {fine:g} fs"
        ratio = means[k] / means[k + 1]
        measured(number, name, quantity, ratio, error=error, low=3.5, high=4.5, line="4.0 ± 0.5")
    simulations = [
        pv.data.SimulationData(
            units=pv_units(),
            observables=pv.data.ObservableData(constant_of_motion=np.concatenate(series[dt])),
            dt=dt,
        )
        for dt in STEPS_FS
    ]
    deviation = quietly(pv.integrator.convergence, simulations)
    quantity = "physical_validation, largest relative deviation from dt²"
    measured(number, name, quantity, deviation, high=0.125, line="at most 0.125 (4.0 ± 0.5)")


def with_mean_temperature(system: System) -> Any:
    """State whose energy belongs to the temperature of the system, within some kelvin.

    In a crystal twice as much energy as the kinetic one: twice ``(T - <T>) N_dof k/2`` is added.
    """
    positions, velocities = thermal_start(system, 1, system.temperature_K)
    for _ in range(3):
        run = core_run(system, positions, velocities, 1.0)
        run.run(5000)
        kinetic = run.drain()["kinetic_energy"]
        target = 0.5 * run.n_dof * BOLTZMANN_EV_K * system.temperature_K
        added = 2 * (target - kinetic.mean())
        positions = run.positions
        velocities = run.velocities * np.sqrt(1 + added / kinetic[-1])
    return positions, velocities


@pytest.mark.parametrize(("name", "timestep_fs"), [("argon", 2.0), ("LGPS", 1.0), ("LGPS", 2.0)])
def test_energy_does_not_drift(name: str, timestep_fs: float, measured: Measured) -> None:
    """Slope through the means of 20 blocks of 5 ps: 100 ps at constant energy."""
    system = named(name)
    run = core_run(system, *with_mean_temperature(system), timestep_fs, stride_thermo=5)
    run.run(round(100_000 / timestep_fs))
    table = run.drain()
    parts = list(blocks(len(table["conserved"]), 20))
    energy = [table["conserved"][part].mean() / len(system.atoms) for part in parts]
    time_ps = [table["step"][part].mean() * timestep_fs / 1000 for part in parts]
    line = linregress(time_ps, energy)
    mean_K = 2 * table["kinetic_energy"].mean() / (run.n_dof * BOLTZMANN_EV_K)
    measured(
        2,
        name,
        f"drift at {timestep_fs:g} fs ({mean_K:.0f} K)",
        line.slope,
        error=line.stderr,
        low=-1e-6 + 2 * line.stderr,
        high=1e-6 - 2 * line.stderr,
        unit="eV/atom/ps",
        line="size + 2 SE below 1e-6",
    )
    measured.curve(
        f"drift-{name}-{timestep_fs:g}",
        time_ps=table["step"][::100] * timestep_fs / 1000,
        energy_per_atom=(table["conserved"][::100] - table["conserved"][0]) / len(system.atoms),
    )


@pytest.mark.parametrize("thermostat", ["none", "chain"])
@pytest.mark.parametrize("name", NAMES)
def test_steps_are_reversible(name: str, thermostat: str, measured: Measured) -> None:
    """100 steps, velocities and those of the chain turned, 100 steps: the start."""
    system = named(name)
    run = prepared(system, 1, system.timestep_fs, thermostat)
    run.run(50)  # the chain moves
    before = run.positions
    run.run(100)
    turned = run.snapshot()
    turned["velocities"] = -turned["velocities"]
    n_chain = len(turned["thermostat"]) // 2
    turned["thermostat"] = np.concatenate(
        [-turned["thermostat"][:n_chain], turned["thermostat"][n_chain:]]
    )
    run.restore(turned)
    run.run(100)
    difference = np.abs(run.positions - before).max()
    label = "NVE" if thermostat == "none" else "chain"
    measured(8, name, f"largest distance from the start, {label}", difference, high=1e-9, unit="Å")


@pytest.mark.parametrize("name", NAMES)
def test_a_restart_changes_no_bit(name: str, tmp_path: Path, measured: Measured) -> None:
    """2n steps at once, and n, files closed, n more: positions, velocities, thermo table."""
    system = named(name)
    options: dict[str, Any] = {
        "temperature_K": system.temperature_K,
        "timestep_fs": system.timestep_fs,
        "heating_ps": 0.2,
        "equilibration_ps": 0.2,
        "stride": 10,
        "stride_thermo": 1,
        "velocities": True,
        "precision": "float64",
    }
    whole, half = (Protocol(**options, production_ps=ps) for ps in (1.0, 0.3))
    once = run_md(system.potential, system.atoms, whole, progress=False)
    folder = tmp_path / "run"
    run_md(system.potential, system.atoms, half, output=folder, progress=False)
    twice = run_md(
        system.potential, system.atoms, whole, output=folder, resume=True, progress=False
    )
    n_different = sum(
        np.count_nonzero(once.thermo[key] != twice.thermo[key])
        for key in ("potential_energy", "kinetic_energy", "conserved")
    )
    for what in ("positions", "velocities"):
        first, second = (getattr(result.trajectory, what)() for result in (once, twice))
        n_different += np.count_nonzero(first != second)
    assert twice.status == "finished"
    assert len(once.thermo["step"]) == len(twice.thermo["step"])
    measured(11, name, "numbers that differ after a restart", n_different, high=0, line="0")


@pytest.mark.parametrize("name", NAMES)
def test_threads_change_no_bit(name: str, measured: Measured) -> None:
    system = named(name)
    paths = []
    for n_threads in (1, 2, 3):
        run = prepared(system, 1, system.timestep_fs, "chain", n_threads=n_threads)
        run.run(300)
        paths.append(np.concatenate([run.positions, run.velocities, run.forces]))
    n_different = sum(np.count_nonzero(path != paths[0]) for path in paths[1:])
    measured(12, name, "numbers that differ with 2 and 3 threads", n_different, high=0, line="0")


@pytest.mark.parametrize("name", NAMES)
def test_100_steps_agree_with_ase(name: str, measured: Measured) -> None:
    """The same forces in the velocity Verlet loop of ASE, whose unit of time is its own."""
    system = named(name)
    run = prepared(system, 1, 1.0, "none")
    fs = np.sqrt(EV_FS2_PER_U_A2)
    peer = system.atoms.copy()
    peer.positions = run.positions
    peer.set_velocities(run.velocities / fs)
    if name == "argon":
        names = {"epsilon": "epsilon", "sigma": "sigma", "onset": "ro", "cutoff": "rc"}
        values = {names[key]: value for key, value in LENNARD_JONES.items()}
        peer.calc = PeerLennardJones(**values, smooth=True)
    else:
        peer.calc = lionn.LionnCalculator(system.potential)
    VelocityVerlet(peer, timestep=fs).run(100)
    run.run(100)
    difference = np.abs(run.positions - peer.positions).max()
    quantity = "100 steps against ASE VelocityVerlet"
    measured(13, name, quantity, difference, high=1e-10, unit="Å")
