"""What the Nosé-Hoover chain samples: distributions, degrees of freedom, equipartition, start.

Numbers of the tests: docs/explanations/physical-validation.md.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from ase import Atoms
from scipy import stats

from lionn_rs import _core
from lionn_rs.md import MdResult, Protocol, run_md
from lionn_rs.md.averages import mean_and_error
from lionn_rs.units import BOLTZMANN_EV_K, EV_FS2_PER_U_A2
from tests.physics.conftest import Measured
from tests.physics.systems import (
    NAMES,
    System,
    argon,
    blocks,
    chain,
    core_run,
    named,
    production,
    sampled,
)
from tests.physics.test_md_ensemble import pv, pv_units, quietly, samples

pytestmark = pytest.mark.physics
HOTTER = {"argon": 54.0, "LGPS": 650.0}
"""Second temperature of the ratio of energy distributions, K: about one width of U away."""


def energies_on_axes(result: MdResult) -> Any:
    """Kinetic energies (n_frames, n_atoms, 3), eV."""
    velocities = result.trajectory.velocities("production")[1:]
    masses = result.trajectory.atoms().get_masses()
    return 0.5 * masses[:, None] * velocities**2 / EV_FS2_PER_U_A2


@pytest.mark.parametrize("name", NAMES)
def test_kinetic_energy_is_canonical(name: str, measured: Measured) -> None:
    """Tests 4 and 7, the mean temperature, and the conserved quantity of a long run."""
    system = named(name)
    n_dof = 3 * len(system.atoms) - 3
    result = sampled(system, system.temperature_K)
    table = production(result)
    mean, error = mean_and_error(table["temperature_K"])
    measured(
        4, name, "error of the mean temperature", error / mean, high=0.005, line="at most 0.5 %"
    )
    measured.within(4, name, "mean temperature", mean, error, system.temperature_K, unit="K")
    kinetic = n_dof / 2 * BOLTZMANN_EV_K * system.temperature_K
    relative = table["kinetic_energy"] / kinetic
    ratio, ratio_error = mean_and_error(relative)
    n = len(system.atoms)
    quantity = f"N = {n}: mean of K over (3N - 3)/2 kT (3N: {1 + 1 / (n - 1):.4f})"
    measured.within(7, name, quantity, ratio, ratio_error, 1.0)

    data = samples(result, system.atoms, spacing=system.spacing)
    p = quietly(pv.kinetic_energy.distribution, data, strict=True, data_is_uncorrelated=True)
    measured(4, name, "Kolmogorov-Smirnov p of K", p, low=0.01, line="above 0.01")
    deviations = quietly(
        pv.kinetic_energy.distribution,
        data,
        strict=False,
        data_is_uncorrelated=True,
        bootstrap_seed=1,
    )
    for what, value in zip(("mean", "width"), deviations, strict=True):
        quantity = f"{what} of K, physical_validation"
        measured(4, name, quantity, value, low=-3, high=3, unit="SE", line="within 3 SE")
    measured.curve(f"kinetic-{name}", ratio=data.observables.kinetic_energy / kinetic, n_dof=n_dof)

    conserved = table["conserved"] / n
    time_ps = table["time_fs"] / 1000
    parts = list(blocks(len(conserved), 20))
    line = stats.linregress(
        [time_ps[part].mean() for part in parts], [conserved[part].mean() for part in parts]
    )
    measured(
        3,
        name,
        f"drift of the conserved quantity at {system.timestep_fs:g} fs",
        line.slope,
        error=line.stderr,
        low=-1e-6 + 2 * line.stderr,
        high=1e-6 - 2 * line.stderr,
        unit="eV/atom/ps",
        line="size + 2 SE below 1e-6",
    )
    rms = np.std(conserved - line.slope * time_ps)
    thermal = BOLTZMANN_EV_K * system.temperature_K
    quantity = "rms of the conserved quantity over kT, per atom"
    measured(3, name, quantity, rms / thermal, high=1e-2)
    last = result.trajectory.velocities("production")[-1]
    momentum = np.abs((system.atoms.get_masses()[:, None] * last).sum(axis=0)).max()
    measured(7, name, "total momentum at the end", momentum, high=1e-10, unit="u Å/fs")


@pytest.mark.parametrize("name", NAMES)
def test_equipartition(name: str, measured: Measured) -> None:
    """Elements and axes have one temperature.

    With zero total momentum ``<K_i> = 3/2 kT (1 - m_i/M)``. physical_validation takes the three
    degrees of freedom from all atoms alike, which is wrong by 1.5 % for lithium in 50 atoms; here
    every frame gets the velocity of the center of mass back, drawn from its own distribution, and
    has 3N degrees of freedom.
    """
    system = named(name)
    result = sampled(system, system.temperature_K)
    thermal = BOLTZMANN_EV_K * system.temperature_K
    masses = system.atoms.get_masses()
    symbols = np.array(system.atoms.get_chemical_symbols())
    expected = 0.5 * thermal * (1 - masses / masses.sum())
    kinetic = energies_on_axes(result)
    scores = []
    for element in dict.fromkeys(symbols):
        of_element = symbols == element
        on_axes = kinetic[:, of_element].sum(axis=1) / expected[of_element].sum()
        mean, error = mean_and_error(on_axes.mean(axis=1) * system.temperature_K)
        target = system.temperature_K
        measured.within(6, name, f"temperature of {element}", mean, error, target, unit="K")
        for axis in range(3):
            mean, error = mean_and_error(on_axes[:, axis])
            scores.append((mean - 1) / error)
    p = stats.chi2.sf(np.square(scores).sum(), len(scores))
    quantity = f"chi² p of {len(scores)} temperatures, element by axis"
    measured(6, name, quantity, p, low=0.01, line="above 0.01")

    velocities = result.trajectory.velocities("production")[1 :: system.frame_spacing]
    velocities = velocities / np.sqrt(EV_FS2_PER_U_A2)
    rng = np.random.default_rng(1)
    drift = rng.normal(scale=np.sqrt(thermal / masses.sum()), size=(len(velocities), 1, 3))
    data = with_velocities(system, velocities + drift)
    groups = [np.flatnonzero(symbols == element).tolist() for element in dict.fromkeys(symbols)]
    if len(groups) == 1:
        groups = [list(range(k, len(masses), 2)) for k in (0, 1)]
    values = quietly(
        pv.kinetic_energy.equipartition,
        data,
        strict=False,
        molec_groups=groups,
        data_is_uncorrelated=True,
        bootstrap_seed=1,
        verbosity=0,
    )
    worst = np.abs(np.array(values)).max()
    quantity = "worst mean or width of a group, physical_validation"
    measured(6, name, quantity, worst, high=3, unit="SE", line="within 3 SE")


def with_velocities(system: System, velocities: Any) -> Any:
    atoms: Atoms = system.atoms
    n = len(atoms)
    return pv.data.SimulationData(
        units=pv_units(),
        system=pv.data.SystemData(
            natoms=n,
            nconstraints=0,
            ndof_reduction_tra=0,
            ndof_reduction_rot=0,
            mass=atoms.get_masses(),
            molecule_idx=np.arange(n),
            nconstraints_per_molecule=np.zeros(n),
        ),
        ensemble=pv.data.EnsembleData(
            "NVT", natoms=n, volume=atoms.get_volume(), temperature=system.temperature_K
        ),
        trajectory=pv.data.TrajectoryData(position=np.zeros_like(velocities), velocity=velocities),
        dt=system.timestep_fs,
    )


@pytest.mark.parametrize("name", NAMES)
def test_energies_at_two_temperatures(name: str, measured: Measured) -> None:
    """The histograms of U have the ratio of the Boltzmann factors; rows are decorrelated."""
    system = named(name)
    cold, hot = (
        samples(sampled(system, temperature_K), system.atoms, spacing=system.spacing)
        for temperature_K in (system.temperature_K, HOTTER[name])
    )
    [quantile] = quietly(pv.ensemble.check, cold, hot, total_energy=False, bootstrap_seed=1)
    quantity = f"slope of ln p(U) at {HOTTER[name]:g} K over p(U) at {system.temperature_K:g} K"
    measured(5, name, quantity, quantile, low=-3, high=3, unit="SE", line="within 3 SE")


@pytest.mark.parametrize("n", [8, 32])
def test_degrees_of_freedom_of_small_systems(n: int, measured: Measured) -> None:
    """3N instead of 3N - 3 would be wrong by more than ten errors."""
    system = argon(n)
    temperature_K = 50.0
    velocities = _core.maxwell_boltzmann(system.atoms.get_masses(), 2 * temperature_K, seed=1)
    run = core_run(system, system.atoms.positions, velocities, 4.0, stride_thermo=5)
    run.set_thermostat(chain(temperature_K, system.tau_fs))
    run.run(5000)
    run.drain()
    run.run(400_000)
    kinetic = run.drain()["kinetic_energy"]
    ratio, error = mean_and_error(kinetic / (0.5 * (3 * n - 3) * BOLTZMANN_EV_K * temperature_K))
    assert error < 0.1 / n
    quantity = f"N = {n}: mean of K over (3N - 3)/2 kT (3N: {1 + 1 / (n - 1):.4f})"
    measured.within(7, "argon", quantity, ratio, error, 1.0)
    momentum = np.abs((system.atoms.get_masses()[:, None] * run.velocities).sum(axis=0)).max()
    quantity = f"N = {n}: total momentum at the end"
    measured(7, "argon", quantity, momentum, high=1e-10, unit="u Å/fs")


@pytest.mark.parametrize("name", NAMES)
def test_first_velocities(name: str, measured: Measured) -> None:
    """5000 seeds: components are Gaussian, the kinetic energy has N_dof degrees of freedom."""
    system = named(name)
    masses = system.atoms.get_masses()
    temperature_K = system.temperature_K
    n_dof = 3 * len(masses) - 3
    draws = np.array(
        [
            _core.maxwell_boltzmann(masses, temperature_K, seed=seed, exact=False)
            for seed in range(5000)
        ]
    )
    thermal = BOLTZMANN_EV_K * temperature_K
    widths = np.sqrt(thermal / masses * (1 - masses / masses.sum()) * EV_FS2_PER_U_A2)
    p = stats.kstest((draws / widths[:, None]).ravel(), "norm").pvalue
    measured(10, name, "Kolmogorov-Smirnov p of the components", p, low=0.01, line="above 0.01")
    twice = (masses[:, None] * draws**2).sum(axis=(1, 2)) / EV_FS2_PER_U_A2 / thermal
    p = stats.kstest(twice, stats.chi2(n_dof).cdf).pvalue
    quantity = f"Kolmogorov-Smirnov p of 2K/kT against chi²({n_dof})"
    measured(10, name, quantity, p, low=0.01, line="above 0.01")
    momentum = np.abs((masses[:, None] * draws).sum(axis=1)).max()
    measured(10, name, "total momentum", momentum, high=1e-12, unit="u Å/fs")
    exact, again, other = (
        _core.maxwell_boltzmann(masses, temperature_K, seed=seed, exact=True) for seed in (1, 1, 2)
    )
    kinetic = 0.5 * (masses[:, None] * exact**2).sum() / EV_FS2_PER_U_A2
    deviation = abs(2 * kinetic / (n_dof * BOLTZMANN_EV_K) / temperature_K - 1)
    measured(10, name, "exact start: T over target, less 1", deviation, high=1e-12)
    assert np.array_equal(exact, again)
    assert not np.array_equal(exact, other)


@pytest.mark.parametrize("name", NAMES)
def test_heating_follows_its_program(name: str, measured: Measured) -> None:
    """Rescaling follows exactly; a chain within the canonical width ``T sqrt(2/N_dof)``."""
    system = named(name)
    options: dict[str, Any] = {
        "temperature_K": system.temperature_K,
        "start_temperature_K": 0.2 * system.temperature_K,
        "timestep_fs": system.timestep_fs,
        "heating_ps": 20,
        "equilibration_ps": 0,
        "production_ps": 0,
        "tau_fs": system.tau_fs,
        "stride_thermo": 1,
        "stride": 1000,
        "seed": 1,
    }
    for kind in ("rescale", "nose-hoover-chain"):
        protocol = Protocol(**options, heating_thermostat=kind)
        table = run_md(system.potential, system.atoms, protocol, progress=False).thermo
        relative = table["temperature_K"][1:] / table["target_K"][1:] - 1
        if kind == "rescale":
            quantity = "heating by rescaling: T over target, less 1"
            measured(10, name, quantity, np.abs(relative).max(), high=1e-12)
            continue
        width = np.sqrt(2 / (3 * len(system.atoms) - 3))
        late = relative[len(relative) // 4 :] / width
        mean, error = mean_and_error(late)
        quantity = "heating by a chain: mean of T less target, in canonical widths"
        measured(10, name, quantity, mean, error=error, low=-0.5, high=0.5, line="within 0.5")
        rms = np.sqrt(np.mean(late**2))
        quantity = "heating by a chain: rms of T less target, in canonical widths"
        measured(10, name, quantity, rms, low=0.7, high=1.4)
