"""Ensembles through the protocol: stages, files, restart, mean cell; distributions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.io import read
from scipy import stats

from lionn_rs._core import LennardJones, MdRun, maxwell_boltzmann
from lionn_rs.errors import ConfigError, DataError, SimulationError
from lionn_rs.md import MdJob, Protocol, Trajectory, mean_cell, run_md
from lionn_rs.md.single_run import Run
from lionn_rs.md.stopping import Stop
from lionn_rs.structure_arrays import structure_arrays
from lionn_rs.units import BOLTZMANN_EV_K, EV_A3_TO_GPA
from lionn_rs.workflows.transport import analyze_folder


def protocol(**options: Any) -> Protocol:
    """Three stages of 60 steps."""
    values = {
        "temperature_K": 60,
        "start_temperature_K": 30,
        "timestep_fs": 4.0,
        "heating_ps": 0.24,
        "equilibration_ps": 0.24,
        "production_ps": 0.24,
        "heating_thermostat": "langevin",
        "barostat_tau_fs": 300,
        "stride": 5,
        "stride_thermo": 2,
        "precision": "float64",
        "skin": 0.4,
        "seed": 3,
    }
    return Protocol(**values | options)


@pytest.fixture
def tetragonal() -> Atoms:
    atoms = bulk("Ar", "fcc", a=5.3, cubic=True).repeat(2)
    atoms.set_cell(atoms.cell[:] * np.array([[1.0], [1.0], [1.02]]), scale_atoms=True)
    return atoms


def test_stages_name_what_acts() -> None:
    stages = protocol(
        barostat="anisotropic",
        pressure_GPa=0.1,
        thermostat="stochastic-rescale",
        production_end_K=90,
    ).stages
    heating, equilibration, production = stages
    assert heating.thermostat == {
        "kind": "langevin",
        "temperature_K": 60.0,
        "friction_per_ps": 5.0,
        "seed": 3,
    }
    ramp = {"start_K": 30.0, "end_K": 60.0, "n_steps": 60, "law": "temperature", "first_step": 0}
    assert heating.ramp == ramp
    assert equilibration.ramp is None
    assert equilibration.thermostat["chain_length"] == 3
    assert production.thermostat["kind"] == "stochastic-rescale"
    assert production.ramp is not None
    assert (production.ramp["first_step"], production.ramp["end_K"]) == (120, 90.0)
    assert [stage.barostat for stage in stages] == [production.barostat] * 3
    assert production.barostat == {
        "coupling": "anisotropic",
        "pressure_GPa": 0.1,
        "temperature_K": 60.0,
        "tau_fs": 300.0,
        "chain_length": 3,
        "n_weights": 3,
        "n_substeps": 1,
    }
    plain = Protocol(temperature_K=300, barostat="isotropic", thermostat="nose-hoover").stages
    assert plain[0].thermostat["kind"] == "rescale"
    assert plain[0].barostat is None, "rescaling samples no ensemble that a barostat could extend"
    assert plain[2].thermostat["chain_length"] == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"barostat": "isotropic", "thermostat": "none"},
            "^protocol: barostat = 'isotropic' needs a thermostat that samples a constant "
            "temperature, but thermostat is 'none'$",
        ),
        (
            {"barostat": "isotropic", "equilibration_thermostat": "rescale"},
            "but equilibration_thermostat is 'rescale'$",
        ),
        ({"pressure_GPa": 1.0}, "pressure_GPa = 1 needs a barostat, but barostat is 'none'$"),
        ({"production_end_K": 90, "thermostat": "none"}, "production_end_K needs a thermostat"),
        ({"barostat": "triclinic"}, "barostat: .*'isotropic' or 'anisotropic', got 'triclinic'"),
        ({"friction_per_ps": 0}, "friction_per_ps: .*greater than 0, got 0"),
        ({"max_volume_factor": 1}, "max_volume_factor: .*greater than 1, got 1"),
    ],
)
def test_what_makes_no_sense_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        protocol(**options)


def test_open_cells_are_refused_before_anything_is_written(
    lj: LennardJones, tetragonal: Atoms, tmp_path: Path
) -> None:
    tetragonal.pbc = [True, True, False]
    with pytest.raises(ConfigError, match=r"periodic along a, b and c, its pbc is \[True, True, F"):
        run_md(
            lj, tetragonal, protocol(barostat="isotropic"), output=tmp_path / "x", progress=False
        )
    assert not (tmp_path / "x").exists()


def test_files_of_a_run_at_constant_pressure(
    lj: LennardJones, tetragonal: Atoms, tmp_path: Path
) -> None:
    settings = protocol(barostat="anisotropic", pressure_GPa=0.1, velocities=True)
    result = run_md(lj, tetragonal, settings, output=tmp_path / "run", progress=False)
    memory = run_md(lj, tetragonal, settings, progress=False)
    trajectory = Trajectory.open(tmp_path / "run")
    assert trajectory.changes_cell
    cells = trajectory.cells()
    assert cells.shape == (37, 3, 3)
    np.testing.assert_array_equal(cells, memory.trajectory.cells())
    np.testing.assert_array_equal(trajectory.cell, tetragonal.cell[:])
    np.testing.assert_array_equal(trajectory.atoms(-1).cell[:], cells[-1])
    np.testing.assert_array_equal(memory.trajectory.atoms(-1).cell[:], cells[-1])
    thermo = result.thermo
    assert list(thermo)[-5:] == ["volume", "pressure_GPa", "a", "b", "c"]
    rows = np.flatnonzero(np.isin(thermo["step"], trajectory.step))
    frames = np.flatnonzero(np.isin(trajectory.step, thermo["step"]))
    lengths = np.stack([thermo[axis][rows] for axis in "abc"], axis=1)
    np.testing.assert_allclose(lengths, np.linalg.norm(cells[frames], axis=2), rtol=1e-14)
    np.testing.assert_allclose(thermo["volume"][rows], np.linalg.det(cells[frames]), rtol=1e-14)
    assert np.ptp(thermo["a"] / thermo["c"]) > 1e-3
    assert np.ptp(thermo["conserved"]) < 5e-3
    # The pressure of a frame, computed apart: virial theorem with finite differences of the energy.
    energy = [
        MdRun(
            lj,
            cell=cells[-1] * scale,
            pbc=(True, True, True),
            numbers=trajectory.numbers.astype(np.uint8),
            positions=trajectory.positions()[-1] * scale,
            velocities=np.zeros((32, 3)),
            masses=trajectory.masses,
            timestep_fs=1.0,
            skin=0.0,
        ).potential_energy
        for scale in (1 - 1e-5, 1 + 1e-5)
    ]
    volume = thermo["volume"][-1]
    slope = (energy[1] - energy[0]) / (volume * ((1 + 1e-5) ** 3 - (1 - 1e-5) ** 3))
    pressure = (2 * thermo["kinetic_energy"][-1] / (3 * volume) - slope) * EV_A3_TO_GPA
    assert thermo["pressure_GPa"][-1] == pytest.approx(pressure, rel=1e-6)
    stages = json.loads((tmp_path / "run" / "md.json").read_text())["stages"]
    assert stages[2]["barostat"]["pressure_GPa"] == 0.1
    with h5py.File(tmp_path / "run" / "trajectory.h5") as file:
        edges = file["particles/all/box/edges"]
        assert edges["value"].attrs["unit"] == "Angstrom"
        assert edges["step"] == file["particles/all/position/step"]
    frames = trajectory.source("production")
    assert frames.cells.shape == (frames.shape[0], 3, 3)
    np.testing.assert_array_equal(frames.cells, trajectory.cells("production"))
    np.testing.assert_array_equal(frames.read(2, 5), trajectory.positions("production")[2:5])
    np.testing.assert_array_equal(
        frames.read(0, 99, np.array([3, 1])), trajectory.positions("production")[:, [3, 1]]
    )


def test_a_cell_that_explodes_leaves_its_last_good_state(
    lj: LennardJones, tetragonal: Atoms, tmp_path: Path
) -> None:
    settings = protocol(barostat="isotropic", pressure_GPa=-0.4, production_ps=20)
    with pytest.raises(SimulationError, match="times that of the start"):
        run_md(lj, tetragonal, settings, output=tmp_path, progress=False)
    good = read(tmp_path / "last_good.extxyz")
    growth = good.get_volume() / tetragonal.get_volume()
    assert 1.1 < growth < 2
    with np.load(tmp_path / "last_good.npz") as state:
        np.testing.assert_allclose(good.cell[:], state["cell"], atol=1e-6)


@pytest.mark.parametrize(
    "options",
    [
        {"barostat": "isotropic", "thermostat": "langevin"},
        # The square of the square root of 45.7 is another floating-point number.
        {"barostat": "isotropic", "temperature_K": 45.7, "heating_law": "velocity"},
        {"barostat": "anisotropic", "production_end_K": 90.0},
        {"thermostat": "stochastic-rescale", "heating_thermostat": "nose-hoover"},
    ],
)
def test_interrupted_runs_continue_to_the_same_bits(
    lj: LennardJones, tetragonal: Atoms, tmp_path: Path, options: dict[str, Any]
) -> None:
    settings = protocol(**options)
    run_md(lj, tetragonal, settings, output=tmp_path / "whole", progress=False)

    class Interrupted(Exception):
        pass

    part = tmp_path / "part"
    for n_calls in (1, 2, 3):
        run = Run(MdJob(lj, tetragonal, settings, part, resume=True), checkpoint_interval_s=0.0)
        core = run._start()
        left = n_calls

        def advance(*_: Any, **__: Any) -> None:
            nonlocal left
            left -= 1
            if left < 0:
                raise Interrupted

        calls = _Short(core)
        with pytest.raises(Interrupted):
            run._steps(calls, advance, Stop(), lambda: 1)  # type: ignore[arg-type]
    run_md(lj, tetragonal, settings, output=part, resume=True, progress=False)
    assert (tmp_path / "whole/thermo.csv").read_bytes() == (part / "thermo.csv").read_bytes()
    one, two = Trajectory.open(tmp_path / "whole"), Trajectory.open(part)
    np.testing.assert_array_equal(one.positions(), two.positions())
    np.testing.assert_array_equal(one.cells(), two.cells())
    with np.load(tmp_path / "whole/checkpoint.npz") as a, np.load(part / "checkpoint.npz") as b:
        for name in a.files:
            np.testing.assert_array_equal(a[name], b[name], err_msg=name)


class _Short:
    """A core object that makes at most 17 steps per call."""

    def __init__(self, core: MdRun) -> None:
        self._core = core

    def run(self, n_steps: int, time_limit_s: float) -> int:
        return self._core.run(min(n_steps, 17))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._core, name)


def test_a_ramp_cannot_be_made_longer(lj: LennardJones, argon: Atoms, tmp_path: Path) -> None:
    run_md(lj, argon, protocol(production_end_K=90), output=tmp_path, progress=False)
    longer = protocol(production_end_K=90, production_ps=0.48)
    with pytest.raises(ConfigError, match=r"production_ps was 0\.24 and is 0\.48 now"):
        run_md(lj, argon, longer, output=tmp_path, resume=True, progress=False)
    with pytest.raises(DataError, match="temperature of the production changes"):
        analyze_folder(tmp_path, None)  # type: ignore[arg-type]


def test_runs_of_earlier_versions_know_no_barostat(
    lj: LennardJones, argon: Atoms, tmp_path: Path
) -> None:
    defaults = {"heating_thermostat": "rescale", "barostat_tau_fs": 1000}
    short, longer = protocol(**defaults, production_ps=0.12), protocol(**defaults)
    run_md(lj, argon, short, output=tmp_path / "old", progress=False)
    new = {"heating_thermostat", "production_end_K", "friction_per_ps", "barostat", "pressure_GPa"}
    new |= {"barostat_tau_fs", "record_pressure", "max_volume_factor"}
    path = tmp_path / "old/md.json"
    state = json.loads(path.read_text())
    state["protocol"] = {k: v for k, v in state["protocol"].items() if k not in new}
    for stage in state["stages"]:
        del stage["barostat"], stage["ramp"]
    path.write_text(json.dumps(state))
    with np.load(tmp_path / "old/checkpoint.npz") as stored:
        old = {k: stored[k] for k in stored.files if k not in ("cell", "list_cell", "barostat")}
    np.savez(tmp_path / "old/checkpoint.npz", **old)
    run_md(lj, argon, longer, output=tmp_path / "old", resume=True, progress=False)
    run_md(lj, argon, longer, output=tmp_path / "new", progress=False)
    assert (tmp_path / "old/thermo.csv").read_bytes() == (tmp_path / "new/thermo.csv").read_bytes()


def test_mean_cell_has_the_target_pressure_at_constant_volume(
    lj: LennardJones, tetragonal: Atoms, tmp_path: Path
) -> None:
    """What a user does: lattice constants at constant pressure, then a run in that cell."""
    from lionn_rs.md.cell import write_mean_cell

    # A crystal far from melting: three free lengths of 32 atoms wander widely near it.
    settings = protocol(
        temperature_K=25,
        start_temperature_K=10,
        barostat="anisotropic",
        pressure_GPa=0.1,
        equilibration_ps=10,
        production_ps=150,
        stride=1000,
        stride_thermo=5,
    )
    result = run_md(lj, tetragonal, settings, output=tmp_path / "npt", progress=False)
    cell = mean_cell(result.trajectory)
    assert abs(cell.pressure_GPa - 0.1) < 4 * cell.pressure_error_GPa
    assert cell.pressure_error_GPa < 1e-3
    assert max(cell.length_errors) < 0.02
    assert np.ptp(cell.lengths) < 4 * np.hypot(*sorted(cell.length_errors)[1:])
    path = write_mean_cell(result.trajectory)
    assert path is not None
    atoms = read(path)
    np.testing.assert_allclose(atoms.cell.lengths(), cell.lengths, atol=1e-6)
    np.testing.assert_allclose(atoms.info["cell_length_errors"], cell.length_errors, rtol=1e-6)
    np.testing.assert_allclose(
        atoms.get_scaled_positions(), tetragonal.get_scaled_positions(), atol=1e-6
    )
    fixed = protocol(
        temperature_K=25,
        start_temperature_K=10,
        equilibration_ps=10,
        production_ps=40,
        record_pressure=True,
    )
    thermo = run_md(lj, atoms, fixed, progress=False).thermo
    pressure = thermo["pressure_GPa"][thermo["stage"] == "production"]
    # Fluctuations of volume and shape make the pressure at the mean cell differ from the mean
    # pressure by about kT (1 + B')/2V for each mode, 1e-3 GPa in so small a cell.
    assert pressure.mean() == pytest.approx(0.1, abs=0.006)
    assert np.ptp(thermo["volume"]) == 0


def test_mean_cell_needs_a_changing_cell_and_rows(lj: LennardJones, argon: Atoms) -> None:
    with pytest.raises(DataError, match="fixed cell"):
        mean_cell(run_md(lj, argon, protocol(production_ps=0.04), progress=False).trajectory)
    few = protocol(barostat="isotropic", production_ps=0.04)
    with pytest.raises(DataError, match=r"has 5 rows .* needs at least 8"):
        mean_cell(run_md(lj, argon, few, progress=False).trajectory)


def samples(run: MdRun, column: str, n_samples: int, n_apart: int, n_before: int) -> np.ndarray:
    run.run(n_before)
    run.drain()
    run.run(n_samples * n_apart)
    return run.drain()[column][n_apart - 1 :: n_apart]


def make(atoms: Atoms, lj: LennardJones, temperature_K: float, **options: Any) -> MdRun:
    cell, pbc, numbers, positions = structure_arrays(atoms)
    masses = atoms.get_masses()
    velocities = maxwell_boltzmann(masses, temperature_K, seed=5)
    return MdRun(
        lj,
        cell=cell,
        pbc=pbc,
        numbers=numbers,
        positions=positions,
        velocities=velocities,
        masses=masses,
        **options,
    )


@pytest.mark.parametrize(
    "thermostat",
    [
        {"kind": "langevin", "friction_per_ps": 10.0, "seed": 1},
        {"kind": "stochastic-rescale", "tau_fs": 50.0, "seed": 1},
        {
            "kind": "nose-hoover-chain",
            "tau_fs": 100.0,
            "chain_length": 3,
            "n_weights": 3,
            "n_substeps": 1,
        },
    ],
)
def test_kinetic_energy_follows_the_gamma_distribution(
    argon: Atoms, lj: LennardJones, thermostat: dict[str, Any]
) -> None:
    """Kolmogorov-Smirnov test of samples 0.8 ps apart against ``K ~ Gamma(N_dof/2, k_B T)``."""
    run = make(argon, lj, 60.0, timestep_fs=4.0, skin=0.6)
    run.set_thermostat({**thermostat, "temperature_K": 50.0})
    kinetic = samples(run, "kinetic_energy", 250, 200, 2000)
    expected = stats.gamma(93 / 2, scale=BOLTZMANN_EV_K * 50.0)
    assert stats.kstest(kinetic, expected.cdf).pvalue > 0.01
    # It has teeth: two atoms' worth of degrees of freedom too many would be seen.
    wrong = stats.gamma(99 / 2, scale=BOLTZMANN_EV_K * 50.0)
    assert stats.kstest(kinetic, wrong.cdf).pvalue < 1e-3


def test_volume_of_an_ideal_gas_follows_the_gamma_distribution() -> None:
    """``p(V) ~ V^(N-1) exp(-P V/k_B T)`` for N free atoms without total momentum.

    Langevin dynamics makes free atoms forget their velocities, which nothing else does.
    """
    n_atoms, temperature_K, pressure_GPa = 6, 300.0, 0.01
    kT = BOLTZMANN_EV_K * temperature_K
    scale = kT / (pressure_GPa / EV_A3_TO_GPA)
    length = (n_atoms * scale) ** (1 / 3)
    positions = np.random.default_rng(1).uniform(size=(n_atoms, 3)) * length
    atoms = Atoms("Ar6", positions=positions, cell=[length] * 3, pbc=True)
    nothing = LennardJones(epsilon=1e-30, sigma=1e-3, onset=0.5, cutoff=1.0)
    run = make(
        atoms,
        nothing,
        temperature_K,
        timestep_fs=10.0,
        skin=1.0,
        min_distance=0.0,
        max_volume_factor=1e6,
        check_stride=1000,
    )
    run.set_thermostat(
        {
            "kind": "langevin",
            "temperature_K": temperature_K,
            "friction_per_ps": 5.0,
            "seed": 2,
        }
    )
    run.set_barostat(
        {
            "coupling": "isotropic",
            "pressure_GPa": pressure_GPa,
            "temperature_K": temperature_K,
            "tau_fs": 300.0,
            "chain_length": 3,
            "n_weights": 3,
            "n_substeps": 1,
        }
    )
    volume = samples(run, "volume", 600, 500, 2000)
    assert stats.kstest(volume, stats.gamma(n_atoms, scale=scale).cdf).pvalue > 0.01
    for wrong in (n_atoms - 1, n_atoms + 1):
        assert stats.kstest(volume, stats.gamma(wrong, scale=scale).cdf).pvalue < 1e-3


def test_total_momentum_stays_zero(lj: LennardJones, tetragonal: Atoms) -> None:
    for options in (
        {"barostat": "anisotropic"},
        {"barostat": "isotropic", "thermostat": "langevin"},
        {"thermostat": "stochastic-rescale"},
        {"thermostat": "none"},
    ):
        settings = protocol(**options, velocities=True, production_ps=2)
        velocities = run_md(lj, tetragonal, settings, progress=False).trajectory.velocities()
        momentum = (tetragonal.get_masses()[None, :, None] * velocities).sum(axis=1)
        assert np.abs(momentum).max() < 1e-12, options
