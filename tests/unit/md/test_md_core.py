"""The compiled run against another code, and its binding."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest
from ase import Atoms
from ase.calculators.lj import LennardJones as PeerLennardJones
from ase.md.verlet import VelocityVerlet

from lionn_rs._core import Harmonic, LennardJones, MdRun, maxwell_boltzmann
from lionn_rs.errors import ConfigError, ShapeError, SimulationError
from lionn_rs.structure_arrays import structure_arrays
from lionn_rs.units import EV_FS2_PER_U_A2


def make_run(potential: object, atoms: Atoms, **options: object) -> MdRun:
    cell, pbc, numbers, positions = structure_arrays(atoms)
    masses = atoms.get_masses()
    values: dict[str, object] = {
        "cell": cell,
        "pbc": pbc,
        "numbers": numbers,
        "positions": positions,
        "velocities": maxwell_boltzmann(masses, 80.0, seed=1),
        "masses": masses,
        "timestep_fs": 4.0,
        "skin": 0.4,
        "n_threads": 1,
    }
    return MdRun(potential, **(values | options))


def test_100_steps_agree_with_ase(argon: Atoms) -> None:
    """Same potential and start in ASE, whose time step is given in its own unit of time."""
    lj = LennardJones(epsilon=0.0104, sigma=3.4, onset=4.5, cutoff=5.2)
    run = make_run(lj, argon)
    fs = np.sqrt(EV_FS2_PER_U_A2)
    peer = argon.copy()
    peer.calc = PeerLennardJones(epsilon=0.0104, sigma=3.4, ro=4.5, rc=5.2, smooth=True)
    peer.set_velocities(run.velocities / fs)
    assert np.abs(run.forces - peer.get_forces()).max() < 1e-14
    VelocityVerlet(peer, timestep=4.0 * fs).run(100)
    assert run.run(100) == 100
    assert run.n_rebuilds > 0
    assert np.abs(run.positions - peer.positions).max() < 1e-10
    assert run.potential_energy == pytest.approx(peer.get_potential_energy(), abs=1e-12)


def test_records_are_columns_and_frames(lj: LennardJones, argon: Atoms) -> None:
    run = make_run(lj, argon, stride_thermo=5, stride_frames=10, record_velocities=True)
    run.observe()
    run.run(20)
    records = run.drain()
    assert records["step"].tolist() == [0, 5, 10, 15, 20]
    assert records["frame_step"].tolist() == [0, 10, 20]
    assert records["positions"].shape == records["velocities"].shape == (3, 32, 3)
    assert np.array_equal(records["positions"][-1], run.positions)
    assert records["conserved"][-1] == run.conserved
    assert np.isnan(records["target_K"]).all()
    assert len(run.drain()["step"]) == 0
    assert run.n_dof == 93


def test_a_time_limit_returns_early_and_changes_no_bit(lj: LennardJones, argon: Atoms) -> None:
    whole, cut = make_run(lj, argon), make_run(lj, argon)
    whole.run(3000)
    done = []
    while sum(done) < 3000:
        done.append(cut.run(3000 - sum(done), 0.01))
    assert len(done) > 1
    assert np.array_equal(whole.positions, cut.positions)


def test_other_threads_run_meanwhile(lj: LennardJones, argon: Atoms) -> None:
    run = make_run(lj, argon.repeat(2))
    thread = threading.Thread(target=run.run, args=(10**9, 0.5))
    thread.start()
    start, ticks = time.monotonic(), 0
    while thread.is_alive():
        ticks += 1
        time.sleep(0.01)
    assert ticks > 10
    assert time.monotonic() - start < 5
    assert run.step > 0


def test_snapshot_and_restore(lj: LennardJones, argon: Atoms) -> None:
    spec = {
        "kind": "nose-hoover-chain",
        "temperature_K": 80.0,
        "tau_fs": 100.0,
        "chain_length": 3,
        "n_weights": 3,
        "n_substeps": 1,
    }
    first, second = make_run(lj, argon), make_run(lj, argon)
    for run in (first, second):
        run.set_thermostat(spec)
    first.run(150)
    second.restore(first.snapshot())
    first.run(150)
    second.run(150)
    for name, value in first.snapshot().items():
        assert np.array_equal(value, second.snapshot()[name]), name
    with pytest.raises(
        ShapeError, match=r"thermostat variables must have shape \(0,\), got \(6,\)"
    ):
        make_run(lj, argon).restore(first.snapshot())
    broken = first.snapshot()
    del broken["exchanged"]
    with pytest.raises(ConfigError, match="the snapshot has no entry 'exchanged'"):
        second.restore(broken)


def test_collision_names_the_atoms_and_keeps_the_last_good_state() -> None:
    atoms = Atoms("LiS", positions=[[0, 0, 0], [3, 0.02, 0]])
    springs = Harmonic(sites=atoms.positions[::-1].copy(), stiffness=np.ones(2))
    run = make_run(springs, atoms, velocities=np.zeros((2, 3)), timestep_fs=1.0, n_dof=6)
    message = r"step \d+: temperature .* K, Li atom 0 and S atom 1 are 0\.\d\d Å apart .*last good"
    with pytest.raises(SimulationError, match=message):
        run.run(1000)
    good = run.last_good()
    assert np.linalg.norm(good["positions"][1] - good["positions"][0]) > 0.5
    run.restore(good)
    assert run.step == good["step"]


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"timestep_fs": -1.0}, ConfigError, "timestep must be positive, got -1 fs"),
        ({"n_threads": 0}, ConfigError, "n_threads must be at least 1, got 0"),
        ({"velocities": np.zeros((3, 3))}, ShapeError, r"velocities must have shape \(32, 3\)"),
        ({"positions": np.zeros((32, 2))}, ShapeError, r"positions must have shape \(n, 3\)"),
        ({"check_stride": 0}, ConfigError, "the stride not 0"),
        ({"min_distance": 9.0}, SimulationError, "step 0: .* apart"),
    ],
)
def test_bad_input_is_refused(
    lj: LennardJones, argon: Atoms, options: dict[str, object], error: type, message: str
) -> None:
    with pytest.raises(error, match=message):
        make_run(lj, argon, **options)


def test_unknown_thermostat_and_potential_are_refused(lj: LennardJones, argon: Atoms) -> None:
    run = make_run(lj, argon)
    with pytest.raises(ConfigError, match=r"thermostat: .*unknown variant"):
        run.set_thermostat({"kind": "berendsen"})
    with pytest.raises(ConfigError, match="must be a compiled potential, got str"):
        make_run("lj", argon)
