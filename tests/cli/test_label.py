"""``lionn label``: wrong input, kills at any moment, signals, the stop file, two at a time."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
from ase.io import read, write

from lionn_rs.config_file import load_config
from lionn_rs.config_label import LabelConfig
from lionn_rs.workflows.jobs import claim
from lionn_rs.workflows.label.folder import read_ending
from tests.label_toys import TOY, copper, counts
from tests.programs import LIMIT_S, start, until

needs_proc = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="no /proc")
SECONDS = 0.25
"""Wall time of one calculation, to be killed in."""
N_FRAMES = 12


@pytest.fixture
def log(tmp_path) -> Path:
    return tmp_path / "calculations"


@pytest.fixture
def arguments(tmp_path, log) -> list[object]:
    """A command that labels for some seconds with two workers."""
    write(tmp_path / "frames.extxyz", copper(N_FRAMES))
    text = f'[label]\ncalculator = "{TOY}"\nn_workers = 2\nn_threads = 1\n'
    text += f'[label.running]\nlog = "{log}"\nseconds = {SECONDS}\n'
    (tmp_path / "toy.toml").write_text(text)
    config = ("--config", tmp_path / "toy.toml")
    return ["label", tmp_path / "frames.extxyz", *config, "--output", tmp_path / "out"]


def finish(process: subprocess.Popen[str]) -> tuple[int, str]:
    _, err = process.communicate(timeout=LIMIT_S)
    return process.returncode, err


def n_labelled(folder: Path) -> int:
    endings = [read_ending(place) for place in folder.glob("frames/*")]
    return sum(ending is not None for ending in endings)


def at_work(folder: Path) -> list[int]:
    """Processes that have a frame in hand."""
    holders = [claim.holder(place) for place in folder.glob("frames/*")]
    return [holder["pid"] for holder in holders if holder]


def same_labels(file: Path, tmp_path: Path) -> None:
    """All frames in order, with labels that are right."""
    images = read(file, ":")
    assert [image.info["n"] for image in images] == list(range(N_FRAMES))
    given = read(tmp_path / "frames.extxyz", ":")
    for image, frame in zip(images, given, strict=True):
        assert np.array_equal(image.positions, frame.positions)
        assert np.isfinite(image.get_forces()).all()
        assert np.abs(image.get_forces().sum(0)).max() < 1e-6  # of EMT: zero but for 8 decimals


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        ((), 2, "give --calculator (gpaw, cp2k, vasp, ...), or --config with [label]"),
        (("--calculator", "vesp"), 2, "unknown calculator 'vesp' (did you mean 'vasp'?"),
        (
            ("--calculator", "emt", "--stress-every", -1),
            2,
            "options: [label] stress_every: must be",
        ),
        (
            ("--calculator", "emt", "--time-limit", 0),
            2,
            "options: [label] time_limit_s: must be gre",
        ),
        (("--calculator", "emt", "--workers", 0), 2, "--workers must be at least 1, got 0"),
        (("--calculator", "emt", "--index", "x"), 1, "index must be a number or a slice such as"),
        (
            ("--calculator", "emt", "--index", "90:"),
            1,
            "frames.extxyz: no frames selected by '90:'",
        ),
        (("--calculator", "emt", "--dask", "nowhere"), 2, "--dask nowhere: no scheduler answers"),
        (("--config", "no.toml"), 2, "no.toml: no such file"),
    ],
)
def test_message_of_bad_option(options, code, message, lionn, tmp_path, monkeypatch):
    monkeypatch.setattr("lionn_rs.workflows.jobs.executors.DASK_TIMEOUT_S", 0.2)
    monkeypatch.chdir(tmp_path)
    write("frames.extxyz", copper(2))
    outcome = lionn("label", "frames.extxyz", "-o", "out", *options)
    assert outcome.err.splitlines()[-1].startswith(f"lionn: {message}")
    assert outcome.code == code


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[label]\nstress_every = 2", "[label] missing key 'calculator' (Name that ASE knows"),
        ('[label]\ncalculator = "emt"\nsetings = {}', "[label] unknown key 'setings' (did you m"),
        ('[label]\ncalculator = "emt"\nsettings = 1', "[label] settings: "),
        (
            '[label]\ncalculator = "vasp"\nsettings = { txt = 1 }\nrunning = { txt = 1 }',
            "[label] 'txt' is in settings and in running; keep one of them",
        ),
        ('[label]\ncalculator = "emt"\n[lable]', "unknown section [lable] (did you mean [label]?)"),
    ],
)
def test_message_of_bad_file(text, message, lionn, tmp_path):
    (tmp_path / "x.toml").write_text(text)
    write(tmp_path / "frames.extxyz", copper(1))
    options = ("--config", tmp_path / "x.toml", "-o", tmp_path / "out")
    outcome = lionn("label", tmp_path / "frames.extxyz", *options)
    assert outcome.code == 2
    assert outcome.err.startswith(f"lionn: {tmp_path / 'x.toml'}: {message}")
    assert outcome.err.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_foreign_folder_is_refused(lionn, tmp_path):
    write(tmp_path / "frames.extxyz", copper(1))
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.tex").write_text("x")
    label = ("label", tmp_path / "frames.extxyz", "--calculator", "emt", "-o", tmp_path / "out")
    outcome = lionn(*label)
    assert "output folder is not empty (--force to replace it)" in outcome.err
    assert "--force refused, the folder holds no results" in lionn(*label, "--force").err
    assert (tmp_path / "out" / "thesis.tex").exists()


def test_table_at_the_end_and_resolved_configuration(lionn, tmp_path, log):
    write(tmp_path / "frames.extxyz", copper(4, "", "scf", "scf"))
    text = f'[label]\ncalculator = "{TOY}"\nn_workers = 1\n[label.running]\nlog = "{log}"\n'
    (tmp_path / "toy.toml").write_text(text)
    options = ("--config", tmp_path / "toy.toml", "-o", tmp_path / "out")
    outcome = lionn("label", tmp_path / "frames.extxyz", *options)
    assert outcome.code == 0
    words = " ".join(outcome.out.replace("│", " ").split())
    assert "frames 4 labelled 2 failed 2 2 × SCFError: did not converge in N iterations" in words
    assert "seconds per frame" in words
    assert "dropped (SCFError: did not converge in 60 iterations)" in outcome.err
    # What was run is written down, and gives the same again.
    resolved = tmp_path / "out" / "config.resolved.toml"
    assert load_config(resolved, LabelConfig).label.running == {"log": str(log)}
    again = lionn("label", tmp_path / "frames.extxyz", "--config", resolved, "-o", tmp_path / "out")
    assert again.code == 0
    assert sum(map(len, counts(log).values())) == 4


def test_no_label_at_all_is_an_error(lionn, tmp_path, log):
    write(tmp_path / "frames.extxyz", copper(2, "scf", "scf"))
    (tmp_path / "toy.toml").write_text(
        f'[label]\ncalculator = "{TOY}"\n[label.running]\nlog = "{log}"\n'
    )
    options = ("--config", tmp_path / "toy.toml", "-o", tmp_path / "out")
    outcome = lionn("label", tmp_path / "frames.extxyz", *options)
    assert outcome.code == 1
    assert outcome.err.splitlines()[-1] == (
        "lionn: no frame was labelled, the first: frames.extxyz, frame 0: "
        "SCFError: did not converge in 60 iterations"
    )
    assert not (tmp_path / "out" / "labelled.extxyz").exists()


@needs_proc
def test_killed_at_any_moment_it_loses_the_frames_at_work_alone(arguments, tmp_path, log):
    """``kill -9`` of the command, then of a worker; then it is left to finish."""
    rng = random.Random(7)
    folder, n_kills = tmp_path / "out", 3
    for kill in range(n_kills):
        before = n_labelled(folder)
        process = start(*arguments)
        until(lambda least=before: n_labelled(folder) > least, process)
        time.sleep(rng.uniform(0.0, 2 * SECONDS))
        if kill % 2:
            workers = at_work(folder)
            if workers:
                os.kill(rng.choice(workers), signal.SIGKILL)
                time.sleep(SECONDS)
        process.kill()
        process.communicate(timeout=LIMIT_S)
        for file in folder.glob("**/*.extxyz"):  # whatever lies there is whole
            assert all(np.isfinite(image.get_forces()).all() for image in read(file, ":"))
    assert n_labelled(folder) < N_FRAMES
    assert finish(start(*arguments))[0] == 0
    same_labels(folder / "labelled.extxyz", tmp_path)
    # Two frames at work at each kill of the command, one more for each worker.
    spent = sum(map(len, counts(log).values()))
    assert N_FRAMES <= spent <= N_FRAMES + 2 * n_kills + n_kills // 2
    assert finish(start(*arguments))[0] == 0
    assert sum(map(len, counts(log).values())) == spent


@needs_proc
def test_workers_end_when_the_command_is_killed(arguments, tmp_path):
    process = start(*arguments)
    until(lambda: len(at_work(tmp_path / "out")) == 2, process)
    process.kill()
    process.communicate(timeout=LIMIT_S)
    until(lambda: not at_work(tmp_path / "out"))


@pytest.mark.parametrize(
    ("number", "code", "word"),
    [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")],
)
def test_signals_end_it_cleanly(number, code, word, arguments, tmp_path, log):
    folder = tmp_path / "out"
    process = start(*arguments)
    until(lambda: n_labelled(folder) >= 3, process)
    process.send_signal(number)
    expected = f"lionn: {word}; the same command goes on with it\n"
    assert finish(process) == (code, expected)
    done = n_labelled(folder)
    assert 3 <= done < N_FRAMES
    assert len(read(folder / "labelled.extxyz", ":")) == done
    assert list((folder / "tickets").iterdir()) == []
    assert at_work(folder) == []
    assert finish(start(*arguments))[0] == 0
    same_labels(folder / "labelled.extxyz", tmp_path)
    assert sum(map(len, counts(log).values())) <= N_FRAMES + 2


def test_stop_file_lets_frames_in_hand_finish(arguments, tmp_path, log):
    folder = tmp_path / "out"
    process = start(*arguments)
    until(lambda: n_labelled(folder) >= 2, process)
    (folder / "stop").touch()
    assert finish(process) == (0, "")
    assert json.loads((folder / "summary.json").read_text())["waiting"] > 0
    assert len(read(folder / "labelled.extxyz", ":")) == sum(map(len, counts(log).values()))
    assert finish(start(*arguments))[0] == 0
    same_labels(folder / "labelled.extxyz", tmp_path)
    assert sum(map(len, counts(log).values())) == N_FRAMES


@needs_proc
def test_two_commands_share_the_work(arguments, tmp_path, log):
    both = [start(*arguments), start(*arguments)]
    assert [finish(process) for process in both] == [(0, ""), (0, "")]
    same_labels(tmp_path / "out" / "labelled.extxyz", tmp_path)
    assert all(len(processes) == 1 for processes in counts(log).values())
    assert len({process for (process,) in counts(log).values()}) == 4
