"""Ends that are asked for: stop files and signals, in one run and in many; two processes."""

from __future__ import annotations

import json
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.safety.conftest import MANY, command
from tests.safety.program import Program
from tests.safety.test_disk import one_line
from tests.safety.test_kills import same_folders


def wait_for(ready: Callable[[], bool]) -> None:
    limit = time.monotonic() + 120
    while not ready():
        assert time.monotonic() < limit
        time.sleep(0.005)


def state(folder: Path) -> dict[str, object]:
    found: dict[str, object] = json.loads((folder / "md.json").read_text())
    return found


def production_has_begun(folder: Path) -> bool:
    return (folder / "md.json").is_file() and int(str(state(folder)["step"])) > 1000


def test_stop_file_ends_a_run(program: Program, inputs: Path, whole: Path, tmp_path: Path) -> None:
    output = tmp_path / "run"
    program.start(*command(inputs, output))
    wait_for(lambda: production_has_begun(output))
    (output / "stop").touch()
    assert program.wait() == 0, program.err.read_text()
    assert f"found {output}/stop; --resume goes on" in program.out.read_text()
    assert "stopped at step" in program.out.read_text()
    found = state(output)
    assert (found["status"], found["stopped_by"]) == ("stopped", "stop file")
    assert program.run(*command(inputs, output)) == 0
    same_folders(output, whole / "one")


def test_stop_file_beside_many_runs_ends_them_all(
    program: Program, inputs: Path, whole: Path, tmp_path: Path
) -> None:
    output = tmp_path / "runs"
    program.start(*command(inputs, output, *MANY))
    wait_for(lambda: production_has_begun(output / "300K-seed1"))
    (output / "stop").touch()
    assert program.wait() == 0, program.err.read_text()
    states = [state(folder) for folder in output.iterdir() if folder.is_dir()]
    assert len(states) == 4
    # On a busy machine the file may come after the end of a run.
    assert "stopped" in {found["status"] for found in states} <= {"stopped", "finished"}
    assert program.run(*command(inputs, output, *MANY)) == 0
    same_folders(output, whole / "many")


def test_stop_file_of_one_run_leaves_the_others(
    program: Program, inputs: Path, whole: Path, tmp_path: Path
) -> None:
    output = tmp_path / "runs"
    one = output / "300K-seed1"
    program.start(*command(inputs, output, *MANY))
    wait_for(lambda: production_has_begun(one))
    (one / "stop").touch()
    assert program.wait() == 0, program.err.read_text()
    assert state(one)["status"] == "stopped"
    others = [folder for folder in output.iterdir() if folder.is_dir() and folder != one]
    assert [state(folder)["status"] for folder in others] == ["finished"] * 3
    assert program.run(*command(inputs, output, *MANY)) == 0
    same_folders(output, whole / "many")


@pytest.mark.parametrize(
    ("number", "code", "word"),
    [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")],
)
@pytest.mark.parametrize("kind", ["one", "many"])
def test_signals_write_a_checkpoint(
    program: Program,
    inputs: Path,
    whole: Path,
    tmp_path: Path,
    number: int,
    code: int,
    word: str,
    kind: str,
) -> None:
    output, options = tmp_path / "run", MANY if kind == "many" else []
    run = output / "300K-seed1" if kind == "many" else output
    program.start(*command(inputs, output, *options))
    wait_for(lambda: production_has_begun(run))
    program.signal(number)
    assert program.wait() == code, program.err.read_text()
    assert one_line(program) == f"lionn: {word}; --resume goes on with it\n"
    assert state(run)["status"] in ("interrupted", "finished")
    assert program.run(*command(inputs, output, *options)) == 0
    same_folders(output, whole / kind)


@pytest.mark.parametrize(
    ("kind", "wish"), [("one", "--resume"), ("one", "--force"), ("many", "--force")]
)
def test_two_processes_do_not_work_in_one_folder(
    program: Program, inputs: Path, whole: Path, tmp_path: Path, kind: str, wish: str
) -> None:
    output, options = tmp_path / "run", MANY if kind == "many" else []
    run = output / "300K-seed1" if kind == "many" else output
    arguments = command(inputs, output, *options)
    other = Program(tmp_path)  # takes longer to start than the run takes
    program.start(*arguments)
    try:
        wait_for(lambda: production_has_begun(run))
        program.signal(signal.SIGSTOP)
        assert other.run(*[wish if word == "--resume" else word for word in arguments]) == 2
        text = one_line(other)
        assert text.startswith(f"lionn: {output}")
        assert ": another process is working in this folder; wait for it, or stop it" in text
    finally:
        program.signal(signal.SIGCONT)
        other.close()
    assert program.wait() == 0
    same_folders(output, whole / kind)


TRAINING = """
[data]
images = "dataset:lgps_gpaw_pbe"
index = "::20"

[descriptor]
cutoff = 3.5

[training]
max_iterations = 1000
wall_time_s = 3
"""
RUN = f"""{TRAINING}
[md]
structure = "dataset:lgps"
temperatures_K = [300]
heating_ps = 0.05
equilibration_ps = 0.05
production_ps = 1
checkpoint_interval_s = 0.2
max_temperature_factor = 50
"""


def test_stop_file_ends_a_training_and_a_second_one_is_refused(
    program: Program, tmp_path: Path
) -> None:
    output = tmp_path / "potential"
    arguments = ["train", tmp_path / "run.toml", "--output", output, "--quiet", "--resume"]
    (tmp_path / "run.toml").write_text(TRAINING.replace("wall_time_s = 3", "wall_time_s = 100"))
    other = Program(tmp_path)
    program.start(*arguments)
    try:
        wait_for((output / "train.log").exists)
        program.signal(signal.SIGSTOP)
        assert other.run(*arguments) == 2
        assert ": another process is working in this folder; wait for it, or stop it" in one_line(
            other
        )
    finally:
        program.signal(signal.SIGCONT)
        other.close()
    (output / "stop").touch()
    assert program.wait() == 0, program.err.read_text()
    assert program.out.read_text() == f"training: found {output}/stop; --resume goes on\n"
    assert (output / "checkpoint.npz").exists()


CAMPAIGN = """
[campaign]
name = "stopped"
potentials = "model.json"
structures = [{ name = "crystal", files = ["crystal.extxyz"] }]
"""


def test_stop_file_ends_a_campaign_and_the_same_command_goes_on(
    program: Program, inputs: Path, tmp_path: Path
) -> None:
    for name in ("model.json", "crystal.extxyz"):
        shutil.copy(inputs / name, tmp_path)
    table = tmp_path / "campaign.toml"
    table.write_text(CAMPAIGN + (inputs / "md.toml").read_text() + "seeds = [1, 2]\n")
    output = tmp_path / "out"
    arguments = ["campaign", table, "--output", output, "--workers", 1, "--threads", 1, "--quiet"]
    program.start(*arguments)
    wait_for(lambda: any(map(production_has_begun, output.glob("tasks/*"))))
    (output / "stop").touch()
    assert program.wait() == 0, program.err.read_text()
    text = program.out.read_text()
    assert text.endswith(f"campaign: found {output}/stop; the same command goes on\n")
    # On a fast machine the file may come after the end of the first run.
    assert len(list(output.glob("tasks/*/result.json"))) < 2
    assert program.run(*arguments) == 0, program.err.read_text()
    results = list(output.glob("tasks/*/result.json"))
    assert [json.loads(file.read_text())["status"] for file in results] == ["finished"] * 2


def test_stop_file_ends_the_whole_workflow(program: Program, tmp_path: Path) -> None:
    (tmp_path / "run.toml").write_text(RUN)
    output = tmp_path / "run"
    arguments = ["run", tmp_path / "run.toml", "--output", output, "--quiet", "--resume"]
    program.start(*arguments)
    wait_for((output / "training" / "train.log").exists)
    (output / "stop").touch()
    assert program.wait() == 0, program.err.read_text()
    expected = f"training: found {output}/stop; --resume goes on\n"
    assert program.out.read_text().endswith(expected)
    stages = json.loads((output / "stages.json").read_text())["stages"]
    assert not stages["training"]["finished"]

    # Going on removes the file.
    program.start(*arguments)
    wait_for(lambda: (output / "md" / "300K-seed1" / "md.json").exists())
    (output / "stop").touch()
    assert program.wait() == 0, program.err.read_text()
    text = program.out.read_text()
    assert text.startswith("molecular dynamics: step ")
    assert text.endswith(f"found {output}/stop; --resume goes on\n")
    assert not (output / "report.html").exists()
