"""``kill -9`` at any moment: what is left can be read, and goes on to the same bits."""

from __future__ import annotations

import json
import random
import signal
import time
from pathlib import Path

import h5py
import numpy as np
import pytest

from lionn_rs.md import Trajectory
from tests.safety.conftest import MANY, command
from tests.safety.program import KILLED, Program

SEED = 20
SHARE_OF_A_LIFE = 0.3
"""A killed process lives up to this part of an undisturbed one: its start and many checkpoints."""


def same_folders(first: Path, second: Path) -> None:
    """Same files; frames, thermo table and final state the same to the last bit."""
    names = sorted(path.relative_to(first) for path in first.rglob("*"))
    assert names == sorted(path.relative_to(second) for path in second.rglob("*"))
    assert any(name.name == "trajectory.h5" for name in names)
    for name in names:
        one, two = first / name, second / name
        if name.name in ("thermo.csv", "uncertain_frames.extxyz"):
            assert one.read_bytes() == two.read_bytes(), name
        elif name.suffix == ".npz":
            with np.load(one) as a, np.load(two) as b:
                assert a.files == b.files
                for key in a.files:
                    assert a[key].tobytes() == b[key].tobytes(), (name, key)
        elif name.suffix == ".h5":
            same_frames(one, two)
        elif name.name == "md.json":
            assert json.loads(one.read_text())["status"] == "finished"
            assert json.loads(two.read_text())["status"] == "finished"


def same_frames(first: Path, second: Path) -> None:
    with h5py.File(first) as a, h5py.File(second) as b:
        places = ("position/step", "position/time", "position/value", "velocity/value")
        for place in places:
            one, two = (file["particles/all"][place][:] for file in (a, b))
            assert one.tobytes() == two.tobytes(), place
        assert (a["particles/all/position/step"][:] >= 0).all()


def kept_step(folder: Path) -> int:
    """Step of the checkpoint that a killed process left, -1 if none; frames must be readable."""
    if not (folder / "checkpoint.npz").is_file():
        return -1
    with np.load(folder / "checkpoint.npz") as checkpoint:
        step = int(checkpoint["step"])
        assert np.isfinite(checkpoint["positions"]).all()
    trajectory = Trajectory.open(folder)
    assert np.isfinite(trajectory.positions()).all()
    assert (np.diff(trajectory.step) == 5).all()
    # Frames are on the disk before the checkpoint that counts on them.
    with h5py.File(folder / "trajectory.h5") as file:
        assert file["particles/all/position/step"][:].max() > step - 5
    return step


def kill_until_finished(
    program: Program,
    arguments: list[object],
    output: Path,
    n_kills: int,
    seed: int,
    seconds: float,
) -> int:
    """Kill at random moments, resume, and let the last one finish; returns how many were killed.

    ``seconds`` is how long an undisturbed process takes.
    """
    rng = random.Random(seed)
    killed = 0
    kept: dict[Path, int] = {}
    while killed < n_kills:
        program.start(*arguments)
        time.sleep(rng.uniform(0.0, SHARE_OF_A_LIFE * seconds))
        before = {path: kept_now(path) for path in kept}
        program.signal(signal.SIGKILL)
        code = program.wait()
        if code == 0:
            return killed
        assert code == KILLED, program.err.read_text()
        killed += 1
        for file in output.rglob("checkpoint.npz"):
            step = kept_step(file.parent)
            # What was on the disk before the kill is never lost again.
            assert step >= max(kept.get(file.parent, -1), before.get(file.parent, -1))
            kept[file.parent] = step
    assert program.run(*arguments) == 0, program.err.read_text()
    return killed


def kept_now(folder: Path) -> int:
    with np.load(folder / "checkpoint.npz") as checkpoint:
        return int(checkpoint["step"])


def test_one_run(program: Program, inputs: Path, whole: Path, tmp_path: Path) -> None:
    output = tmp_path / "killed"
    seconds = float((whole / "one.seconds").read_text())
    n = kill_until_finished(program, command(inputs, output), output, 24, SEED, seconds)
    assert n >= 3
    same_folders(output, whole / "one")


def test_runs_side_by_side(program: Program, inputs: Path, whole: Path, tmp_path: Path) -> None:
    output = tmp_path / "killed"
    seconds = float((whole / "many.seconds").read_text())
    n = kill_until_finished(program, command(inputs, output, *MANY), output, 12, SEED, seconds)
    assert n >= 3
    same_folders(output, whole / "many")


@pytest.mark.physics
@pytest.mark.parametrize("seed", range(10))
def test_hundreds_of_kills(program: Program, inputs: Path, tmp_path: Path, seed: int) -> None:
    arguments = command(inputs, tmp_path / "whole", "--time-ps", 12)
    started = time.monotonic()
    assert program.run(*arguments) == 0, program.err.read_text()
    seconds = time.monotonic() - started
    output = tmp_path / "killed"
    arguments = command(inputs, output, "--time-ps", 12)
    n = kill_until_finished(program, arguments, output, 30, seed, seconds)
    assert n >= 10
    same_folders(output, tmp_path / "whole")


@pytest.mark.parametrize("step", [5, pytest.param(1, marks=pytest.mark.physics)])
def test_before_the_changes_of_files(
    program: Program, inputs: Path, tmp_path: Path, step: int
) -> None:
    """Systematic: the first process dies before its n-th change, for all n, and is resumed.

    Between two operations it writes and flushes, so every order in which something can be on the
    disk occurs, that of the very first files included.
    """
    whole = tmp_path / "whole"
    assert program.run(*command(inputs, whole, config="short.toml")) == 0
    n = 0
    while True:
        n += step
        output = tmp_path / f"killed-{n}"
        arguments = command(inputs, output, config="short.toml")
        code = program.run(*arguments, kill_before=n, folder=str(output))
        if code == 0:
            break
        assert code == KILLED, program.err.read_text()
        kept_step(output)
        if n % 4 == 0:  # the second process dies as well
            program.run(*arguments, kill_before=7, folder=str(output))
        assert program.run(*arguments) == 0, program.err.read_text()
        same_folders(output, whole)
    assert n > 20
