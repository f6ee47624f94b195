"""Watching a potential along a run: columns, stop, dump, resume, refusals; random weights."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.io import read

import lionn_rs as lionn
from lionn_rs._core import LennardJones
from lionn_rs.committee import atom_force_std
from lionn_rs.errors import ConfigError, DataError
from lionn_rs.md import MdJob, Protocol, Trajectory, run_many, run_md
from tests.conftest import random_crystal, random_potential

TINY = 1e-6
"""A limit that every assessment exceeds."""


def protocol(**options: object) -> Protocol:
    settings = {
        "temperature_K": 300,
        "timestep_fs": 0.5,
        "heating_ps": 0.0,
        "equilibration_ps": 0.0,
        "production_ps": 0.02,
        "stride": 4,
        "stride_thermo": 1,
        "precision": "float64",
        "assess_stride": 5,
        "max_temperature_factor": 1000.0,
    }
    return Protocol(**(settings | options))


@pytest.fixture(scope="module")
def crystal() -> Atoms:
    return random_crystal(1, 16)


@pytest.fixture(scope="module")
def committee() -> lionn.Committee:
    members = [random_potential(seed, cutoff=4.0) for seed in (1, 2)]
    ranges = {
        element: {
            "n_environments": 1,
            "center": [0.1] * n,
            "width": [1.0] * n,
            "directions": [],
            "variance": [],
            "noise": 1.0,
            "largest": 1.0,
            "quantiles": [0.5, 0.9, 1.0],
        }
        for element, n in members[0].descriptor.n_features.items()
    }
    core = lionn.Committee(members).core.with_training_range(ranges)
    return lionn.Committee(core).with_spread_scale(1.0, 2.0)


@pytest.fixture(scope="module")
def whole(committee, crystal) -> lionn.md.MdResult:
    """Run without any limit."""
    return run_md(committee, crystal, protocol(), progress=False)


def test_table_holds_what_the_committee_says(committee, whole) -> None:
    thermo, trajectory = whole.thermo, whole.trajectory
    assessed = np.isfinite(thermo["max_force_std"])
    np.testing.assert_array_equal(thermo["step"][assessed], np.arange(0, 41, 5))
    np.testing.assert_array_equal(np.isfinite(thermo["max_grade"]), assessed)
    for frame in (0, 5, 10):
        atoms = trajectory.atoms(frame)
        expected = committee.evaluate(atoms)
        row = int(np.flatnonzero(thermo["step"] == trajectory.step[frame])[0])
        assert thermo["potential_energy"][row] == pytest.approx(expected.energy, abs=1e-9)
        spread = atom_force_std(expected.forces_std)
        assert thermo["energy_std"][row] == pytest.approx(expected.energy_std, abs=1e-9)
        assert thermo["max_force_std"][row] == pytest.approx(spread.max(), abs=1e-9)
        assert thermo["mean_force_std"][row] == pytest.approx(spread.mean(), abs=1e-9)
        assert thermo["max_grade"][row] == pytest.approx(expected.extrapolation.grade.max())
        assert thermo["mean_grade"][row] == pytest.approx(expected.extrapolation.grade.mean())
    found = whole.metadata["assessments"]
    later = assessed & (thermo["step"] > 0)
    assert found["n_assessed"] == 8
    assert found["n_uncertain"] == 0
    assert found["max_force_std"] == thermo["max_force_std"][later].max()
    assert found["max_grade"] == thermo["max_grade"][later].max()
    assert found["mean_force_std"] == pytest.approx(thermo["mean_force_std"][later].mean())
    assert whole.metadata["spread_scale"] == (1.0, 2.0)
    assert whole.uncertain_frames == []


def test_one_potential_without_range_has_the_table_of_before(crystal) -> None:
    result = run_md(random_potential(1, cutoff=4.0), crystal, protocol(), progress=False)
    assert not {"max_force_std", "max_grade"} & set(result.thermo)
    assert result.metadata["assessments"] == {"n_assessed": 0, "n_uncertain": 0, "n_dumped": 0}


def test_mean_forces_drive_the_dynamics_of_a_committee(committee, crystal, whole) -> None:
    """Assessed or not, and with any number of threads: the same bits; the energy is conserved."""
    rare = run_md(committee, crystal, protocol(assess_stride=1000), progress=False, n_threads=1)
    threads = run_md(committee, crystal, protocol(), progress=False, n_threads=2)
    for other in (rare, threads):
        np.testing.assert_array_equal(whole.trajectory.positions(), other.trajectory.positions())
    nve = run_md(
        committee, crystal, protocol(thermostat="none", timestep_fs=0.2), progress=False
    ).thermo
    drift = np.ptp(nve["conserved"])
    assert drift < 0.01 * np.ptp(nve["kinetic_energy"])


def test_stop_ends_cleanly_and_resumes_to_the_same_bits(
    tmp_path, committee, crystal, whole
) -> None:
    stop = protocol(on_uncertain="stop", max_force_std=TINY)
    folder = tmp_path / "run"
    first = run_md(committee, crystal, stop, output=folder, progress=False)
    assert first.status == "stopped"
    assert first.message.startswith("step 5: force spread of atom ")
    assert first.metadata["status"] == "stopped"
    assert [atoms.info["step"] for atoms in first.uncertain_frames] == [5]
    again = run_md(committee, crystal, stop, output=folder, resume=True, progress=False)
    assert again.message.startswith("step 10: ")
    free = run_md(committee, crystal, protocol(), output=folder, resume=True, progress=False)
    assert free.status == "finished"
    np.testing.assert_array_equal(whole.trajectory.positions(), free.trajectory.positions())
    for name, column in whole.thermo.items():
        np.testing.assert_array_equal(column, free.thermo[name], err_msg=name)
    assert [atoms.info["step"] for atoms in free.uncertain_frames] == [5, 10]
    assert Trajectory.open(folder).n_frames == 11


def test_dump_keeps_frames_apart_and_few(tmp_path, committee, crystal, whole) -> None:
    dump = protocol(
        on_uncertain="dump", max_grade=TINY, uncertain_interval_ps=0.005, max_uncertain_frames=3
    )
    folder = tmp_path / "run"
    result = run_md(committee, crystal, dump, output=folder, progress=False)
    assert result.status == "finished"
    assert result.metadata["assessments"]["n_uncertain"] == 8
    frames = read(folder / "uncertain_frames.extxyz", index=":")
    assert [atoms.info["step"] for atoms in frames] == [5, 15, 25]
    np.testing.assert_array_equal(whole.trajectory.positions(), result.trajectory.positions())
    expected = committee.evaluate(frames[1])
    assert frames[1].calc is None, "energies of the network must not look like labels"
    assert frames[1].info["time_fs"] == 7.5
    assert frames[1].info["network_energy"] == pytest.approx(expected.energy, abs=1e-5)
    for name, values in [
        ("network_forces", expected.forces),
        ("force_std", expected.forces_std),
        ("extrapolation_grade", expected.extrapolation.grade),
        ("extrapolation_excess", expected.extrapolation.excess),
    ]:
        np.testing.assert_allclose(frames[1].arrays[name], values, atol=1e-4, err_msg=name)
    memory = run_md(committee, crystal, dump, progress=False)
    assert [atoms.info["step"] for atoms in memory.uncertain_frames] == [5, 15, 25]


def test_frames_after_the_checkpoint_are_dropped_on_resume(tmp_path, committee, crystal) -> None:
    """As after a killed process: the file is ahead of the checkpoint, its last frame is torn."""
    options = {"on_uncertain": "dump", "max_grade": TINY, "uncertain_interval_ps": 0.0}
    whole, parts = tmp_path / "whole" / "run", tmp_path / "parts" / "run"
    run_md(committee, crystal, protocol(**options), output=whole, progress=False)
    short = protocol(**options, production_ps=0.01)
    run_md(committee, crystal, short, output=parts, progress=False)
    file = parts / "uncertain_frames.extxyz"
    text = file.read_text()
    ahead = io.StringIO(text.replace("step=20", "step=21"))
    lines = ahead.read().splitlines(keepends=True)
    file.write_text(text + "".join(lines[3 * 18 : 4 * 18 - 5]))
    run_md(committee, crystal, protocol(**options), output=parts, resume=True, progress=False)
    assert file.read_bytes() == (whole / "uncertain_frames.extxyz").read_bytes()

    file.write_text("garbage\n")
    longer = protocol(**options, production_ps=0.03)
    with pytest.raises(DataError, match="line 1: not a frame of this run"):
        run_md(committee, crystal, longer, output=parts, resume=True, progress=False)


def test_run_of_an_earlier_version_is_continued(tmp_path, crystal) -> None:
    """Checkpoint and md.json without anything about assessments."""
    import json

    potential = random_potential(1, cutoff=4.0)
    folder = tmp_path / "run"
    run_md(potential, crystal, protocol(production_ps=0.01), output=folder, progress=False)
    with np.load(folder / "checkpoint.npz") as stored:
        arrays = {name: stored[name] for name in stored.files if "assessment" not in name}
    np.savez(folder / "checkpoint.npz", **arrays)
    state = json.loads((folder / "md.json").read_text())
    for key in ("assessed", "spread_scale", "assessments"):
        del state[key]
    watch = ("assess_stride", "on_uncertain", "max_force_std", "max_grade")
    for key in (*watch, "max_uncertain_frames", "uncertain_interval_ps"):
        del state["protocol"][key]
    (folder / "md.json").write_text(json.dumps(state))
    result = run_md(potential, crystal, protocol(), output=folder, resume=True, progress=False)
    assert result.status == "finished"
    assert result.thermo["step"][-1] == 40


def test_side_by_side_a_stopped_run_does_not_end_the_others(committee, crystal) -> None:
    jobs = [
        MdJob(committee, crystal, protocol(on_uncertain="stop", max_force_std=limit))
        for limit in (TINY, 1e6)
    ]
    results = run_many(jobs, 2, progress=False)
    assert [result.status for result in results] == ["stopped", "finished"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_force_std": 0.1}, "max_force_std needs a committee, this is one potential"),
        ({"max_grade": 2.0}, "max_grade needs a potential that knows its training environments"),
        ({"on_uncertain": "stop"}, "on_uncertain = 'stop' needs a limit: max_force_std"),
    ],
)
def test_limits_on_what_is_not_known_are_refused(tmp_path: Path, crystal, options, message) -> None:
    folder = tmp_path / "run"
    with pytest.raises(ConfigError, match=message):
        run_md(random_potential(1), crystal, protocol(**options), output=folder, progress=False)
    assert not folder.exists()


def test_analytic_potentials_know_nothing(argon: Atoms, lj: LennardJones) -> None:
    result = run_md(lj, argon, protocol(temperature_K=40), progress=False)
    assert "max_grade" not in result.thermo
    with pytest.raises(ConfigError, match="max_grade needs"):
        run_md(lj, argon, protocol(temperature_K=40, max_grade=1.0), progress=False)
