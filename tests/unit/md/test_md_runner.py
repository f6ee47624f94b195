"""Runs with their files: content, restart after a kill, interruption, several at once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.io import read

from lionn_rs._core import Harmonic, LennardJones
from lionn_rs.errors import ConfigError, DataError, SimulationError
from lionn_rs.md import MdJob, Protocol, Trajectory, run_many, run_md
from lionn_rs.md.storage import describe


def same_files(first: Path, second: Path) -> None:
    """Same thermo table, same frames, same final state, to the last bit."""
    assert (first / "thermo.csv").read_bytes() == (second / "thermo.csv").read_bytes()
    one, two = Trajectory.open(first), Trajectory.open(second)
    assert np.array_equal(one.step, two.step)
    assert np.array_equal(one.positions(), two.positions())
    with np.load(first / "checkpoint.npz") as a, np.load(second / "checkpoint.npz") as b:
        assert a.files == b.files
        for name in a.files:
            assert np.array_equal(a[name], b[name]), name


def test_formula_of_a_supercell_counts_atoms(lj: LennardJones, short: Protocol) -> None:
    salt = bulk("NaCl", "rocksalt", a=5.64, cubic=True).repeat((2, 1, 1))
    assert describe(lj, salt, short)["formula"] == "Cl8Na8"


def test_files_of_a_run(lj: LennardJones, argon: Atoms, short: Protocol, tmp_path: Path) -> None:
    result = run_md(lj, argon, short, output=tmp_path / "run", progress=False)
    assert result.status == "finished"
    assert {path.name for path in (tmp_path / "run").iterdir()} == {
        "trajectory.h5",
        "thermo.csv",
        "checkpoint.npz",
        "md.json",
    }
    thermo = result.thermo
    heating = thermo["stage"] == "heating"
    assert heating.sum() == 50
    assert np.allclose(thermo["temperature_K"][heating], thermo["target_K"][heating], rtol=1e-12)
    assert thermo["temperature_K"][0] == pytest.approx(60)
    assert np.ptp(thermo["conserved"]) < 5e-3
    metadata = json.loads((tmp_path / "run" / "md.json").read_text())
    assert metadata["status"] == "finished"
    assert metadata["step"] == 350
    assert metadata["n_dof"] == 93
    assert metadata["protocol"]["temperature_K"] == 120
    assert metadata["extrapolation"]["n_steps"] == 0
    assert len(metadata["structure_hash"]) == 64
    # A finished run is not run again.
    again = run_md(lj, argon, short, output=tmp_path / "run", resume=True, progress=False)
    assert again.status == "finished"
    assert again.trajectory.n_frames == result.trajectory.n_frames == 71


def test_memory_and_files_agree(
    lj: LennardJones, argon: Atoms, short: Protocol, tmp_path: Path
) -> None:
    memory = run_md(lj, argon, short, progress=False).trajectory
    files = run_md(lj, argon, short, output=tmp_path / "a", progress=False, n_threads=2).trajectory
    assert np.array_equal(memory.positions(), files.positions())
    assert np.array_equal(memory.velocities("production"), files.velocities("production"))
    assert memory.thermo.keys() == files.thermo.keys()
    for name, column in memory.thermo.items():
        assert np.array_equal(column, files.thermo[name]), name


def test_seeds_differ_and_repeat(lj: LennardJones, argon: Atoms, short: Protocol) -> None:
    def final(seed: int) -> np.ndarray:
        protocol = short.model_copy(update={"seed": seed})
        return run_md(lj, argon, protocol, progress=False).trajectory.positions()[-1]

    assert np.array_equal(final(1), final(1))
    assert not np.array_equal(final(1), final(2))


def test_folder_is_not_overwritten_and_resume_checks_what_is_run(
    lj: LennardJones, argon: Atoms, short: Protocol, tmp_path: Path
) -> None:
    run_md(lj, argon, short, output=tmp_path, progress=False)
    with pytest.raises(ConfigError, match="not empty"):
        run_md(lj, argon, short, output=tmp_path, progress=False)
    hotter = short.model_copy(update={"temperature_K": 130.0})
    with pytest.raises(ConfigError, match=r"temperature_K was 120\.0 and is 130\.0 now"):
        run_md(lj, argon, hotter, output=tmp_path, resume=True, progress=False)
    moved = argon.copy()
    moved.positions[0, 0] += 0.01
    with pytest.raises(ConfigError, match="the structure is another one"):
        run_md(lj, moved, short, output=tmp_path, resume=True, progress=False)
    other = LennardJones(epsilon=0.0105, sigma=3.4, onset=5.5, cutoff=7.0)
    with pytest.raises(ConfigError, match="the potential is another one"):
        run_md(other, argon, short, output=tmp_path, resume=True, progress=False)
    result = run_md(other, argon, hotter, output=tmp_path, force=True, progress=False)
    assert result.temperature_K == 130


def test_a_longer_production_continues_a_finished_run(
    lj: LennardJones, argon: Atoms, short: Protocol, tmp_path: Path
) -> None:
    longer = short.model_copy(update={"production_ps": 1.6})
    run_md(lj, argon, short, output=tmp_path / "a", progress=False)
    run_md(lj, argon, longer, output=tmp_path / "a", resume=True, progress=False)
    run_md(lj, argon, longer, output=tmp_path / "b", progress=False)
    same_files(tmp_path / "a", tmp_path / "b")
    assert Trajectory.open(tmp_path / "a").frames("production") == slice(30, 111)
    with pytest.raises(ConfigError, match=r"production_ps was 1\.6 and is 0\.8 now"):
        run_md(lj, argon, short, output=tmp_path / "a", resume=True, progress=False)


SCRIPT = """
    import sys
    from ase.build import bulk
    from lionn_rs._core import LennardJones
    from lionn_rs.md import Protocol, run_md
    argon = bulk("Ar", "fcc", a=5.3, cubic=True).repeat(2)
    lj = LennardJones(epsilon=0.0104, sigma=3.4, onset=5.5, cutoff=7.0)
    protocol = Protocol(temperature_K=120, timestep_fs=4.0, heating_ps=4, equilibration_ps=2,
                        production_ps=160, stride=5, stride_thermo=3, skin=0.4)
    run_md(lj, argon, protocol, output=sys.argv[1], resume=True, checkpoint_interval_s=0.02,
           progress=False, n_threads=1)
"""
N_STEPS = 41_500


def start(output: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", textwrap.dedent(SCRIPT), str(output)]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True)


def stop_on_the_way(output: Path, process: subprocess.Popen[str], number: int) -> dict[str, object]:
    """Send a signal once the run has written a checkpoint of the production."""
    limit = time.monotonic() + 60
    while time.monotonic() < limit:
        if (output / "md.json").is_file():
            step = json.loads((output / "md.json").read_text())["step"]
            if step > 1500 or process.poll() is not None:
                break
        time.sleep(0.005)
    process.send_signal(number)
    process.wait(60)
    state: dict[str, object] = json.loads((output / "md.json").read_text())
    return state


def stopped_run(parent: Path, number: int) -> tuple[Path, subprocess.Popen[str], dict[str, object]]:
    """A run that a signal stopped; on a busy machine the run may end first, then try again."""
    for attempt in range(8):
        output = parent / f"{number}-{attempt}"
        process = start(output)
        state = stop_on_the_way(output, process, number)
        if process.returncode != 0:
            return output, process, state
    raise AssertionError("no run could be stopped before its end")


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_killed_and_interrupted_runs_continue_with_the_same_bits(tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    assert start(whole).wait(120) == 0

    killed, _, state = stopped_run(tmp_path, signal.SIGKILL)
    assert state["status"] == "running"
    assert state["step"] < N_STEPS
    before = Trajectory.open(killed)
    assert before.step[-1] <= state["step"]
    assert np.isfinite(before.positions()).all()
    assert start(killed).wait(120) == 0
    same_files(killed, whole)

    stopped, process, state = stopped_run(tmp_path, signal.SIGINT)
    assert process.stderr is not None
    assert "KeyboardInterrupt" in process.stderr.read()
    assert state["status"] == "interrupted"
    # On a busy machine the signal may arrive as late as the last step.
    assert state["step"] <= N_STEPS
    assert start(stopped).wait(120) == 0
    same_files(stopped, whole)


def test_a_failed_run_leaves_frames_and_the_last_good_state(tmp_path: Path) -> None:
    atoms = Atoms("LiS", positions=[[0, 0, 0], [3, 0.02, 0]])
    springs = Harmonic(sites=atoms.positions[::-1].copy(), stiffness=np.ones(2))
    protocol = Protocol(
        temperature_K=1,
        heating_ps=0,
        equilibration_ps=0,
        production_ps=1,
        timestep_fs=1,
        thermostat="none",
        stride=1,
        n_dof=6,
        max_temperature_factor=1e9,
        precision="float64",
    )
    with pytest.raises(SimulationError, match="Li atom 0 and S atom 1 are"):
        run_md(springs, atoms, protocol, output=tmp_path / "a", progress=False)
    metadata = json.loads((tmp_path / "a" / "md.json").read_text())
    assert metadata["status"] == "failed"
    assert "Å apart" in metadata["message"]
    trajectory = Trajectory.open(tmp_path / "a")
    assert trajectory.n_frames > metadata["last_good_step"] > 0
    good = read(tmp_path / "a" / "last_good.extxyz")
    frame = trajectory.positions()[metadata["last_good_step"]]
    assert np.allclose(good.positions, frame, atol=1e-7)
    with pytest.raises(ConfigError, match="would fail again"):
        run_md(springs, atoms, protocol, output=tmp_path / "a", resume=True, progress=False)
    [result] = run_many([MdJob(springs, atoms, protocol, tmp_path / "b")], progress=False)
    assert result.status == "failed"
    assert "Å apart" in result.message


def test_many_runs_side_by_side_have_the_bits_of_single_runs(
    lj: LennardJones, argon: Atoms, short: Protocol, tmp_path: Path
) -> None:
    protocols = [short.model_copy(update={"temperature_K": t}) for t in (60.0, 90.0, 120.0)]
    jobs = [MdJob(lj, argon, p, tmp_path / f"{p.temperature_K:g}") for p in protocols]
    results = run_many(jobs, 2, progress=False)
    assert [result.temperature_K for result in results] == [60, 90, 120]
    assert all(result.status == "finished" for result in results)
    run_md(lj, argon, protocols[1], output=tmp_path / "single", progress=False)
    same_files(tmp_path / "90", tmp_path / "single")
    with pytest.raises(ConfigError, match="two runs would write into"):
        run_many([jobs[0], jobs[0]], progress=False)
    assert run_many([], progress=False) == []


def test_damaged_files_are_reported(
    lj: LennardJones, argon: Atoms, short: Protocol, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match="there is no trajectory"):
        Trajectory.open(tmp_path)
    run_md(lj, argon, short, output=tmp_path / "a", progress=False)
    with pytest.raises(ConfigError, match="no stage 'melting'"):
        Trajectory.open(tmp_path / "a").frames("melting")  # type: ignore[arg-type]
    (tmp_path / "a" / "checkpoint.npz").write_bytes(b"PK")
    with pytest.raises(DataError, match="cannot be read as a checkpoint"):
        run_md(lj, argon, short, output=tmp_path / "a", resume=True, progress=False)
    (tmp_path / "a" / "trajectory.h5").write_bytes(b"no HDF5")
    with pytest.raises(DataError, match="not a trajectory of lionn_rs"):
        Trajectory.open(tmp_path / "a")
