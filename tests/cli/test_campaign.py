"""``lionn campaign``: wrong input, Ctrl-C and kill, two at a time, Slurm."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from lionn_rs.config import RunConfig
from lionn_rs.config_campaign import CampaignConfig
from lionn_rs.config_file import load_config
from lionn_rs.workflows.campaign.worker import run_task
from lionn_rs.workflows.jobs import claim
from tests.campaign_example import LONG_PS, same_bits, save_potential, toml
from tests.programs import LIMIT_S, start, until

EXAMPLE = Path(__file__).parents[2] / "examples" / "campaign.toml"
needs_proc = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="no /proc")


@pytest.fixture(scope="module")
def potential(tmp_path_factory) -> Path:
    return save_potential(tmp_path_factory.mktemp("potential") / "lgps.json")


@pytest.fixture
def file(potential, tmp_path) -> Path:
    return toml(tmp_path / "sweep.toml", potential)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('name = "test"', "", "[campaign] missing key 'name' (Name; an output folder holds one"),
        ("potentials", "potential", "[campaign] missing key 'potentials' (Potential or committee"),
        (
            "concentration",
            "concentratio",
            "[campaign] structures[0]: unknown key 'concentratio' (did",
        ),
        ('"dataset:lgps"', "[]", "[campaign] structures[0]: files: must have at least 1 value(s)"),
        ('"LGPS"', '"Li/S"', "[campaign] structures[0]: name: must be a word of letters"),
        (
            "concentration = 1",
            "supercells = [[1, 2]]",
            "[campaign] structures[0]: supercells: has too few values, got [1, 2]",
        ),
        ("[300, 400]", "[300, 300]", "[md] temperatures_K: 300.0 is given twice"),
        ("[1, 2]", "[1, 1]", "[md] seeds: 1 is given twice"),
        ("= 0.6", "= 0", "[md] production_ps must be greater than 0 in a campaign"),
        ("[md]", '[md]\nbarostat = "isotropic"', "[md] barostat and production_end_K belong to"),
        ("[diffusion]", "[difusion]", "unknown section [difusion] (did you mean [diffusion]?)"),
        ("[[campaign.structures]]", "[x]", "unknown section [x] (sections: diffusion, arrhenius"),
    ],
)
def test_message_of_bad_file(old, new, message, file, lionn, tmp_path):
    file.write_text(file.read_text().replace(old, new, 1))
    outcome = lionn("campaign", file, "--output", tmp_path / "out")
    assert outcome.code == 2
    assert outcome.err.startswith(f"lionn: {file}: {message}")
    assert outcome.err.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_file_without_structures_says_what_is_missing(potential, lionn, tmp_path):
    text = f'[campaign]\nname = "x"\npotentials = "{potential}"\n[md]\ntemperatures_K = [300]\n'
    (tmp_path / "bare.toml").write_text(text)
    outcome = lionn("campaign", tmp_path / "bare.toml", "--output", tmp_path / "out")
    assert "[campaign] missing key 'structures' (tables [[campaign.structures]]" in outcome.err


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("nowhere.toml", "-o", "out"), 2, "nowhere.toml: no such file"),
        (("status", "nowhere"), 1, "nowhere: no such folder (expected a folder of 'lionn camp"),
        (("status", "."), 1, ".: holds no campaign.json (expected a folder of 'lionn campaign')"),
        (("analyze", "nowhere"), 1, "nowhere: no such folder"),
        (("run-task", "nowhere", "x"), 1, "nowhere: no such folder"),
        (("sweep.toml",), 2, "Missing option '--output'"),
        (("sweep.toml", "-o", "out", "--workers", 0), 2, "--workers must be at least 1, got 0"),
        (("sweep.toml", "-o", "out", "--workers", 2, "--dask", "tcp://a:1"), 2, "--workers is for"),
        (("sweep.toml", "-o", "out", "--slurm", "a", "--dask", "b"), 2, "--slurm and --dask excl"),
        (("sweep.toml", "-o", "out", "--slurm", "no/a.sh"), 2, "--slurm no/a.sh: no such folder"),
        (("statsu", "out"), 2, "No such command 'statsu'"),
    ],
)
def test_message_of_bad_options(arguments, code, message, file, lionn, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    outcome = lionn("campaign", *arguments)
    assert outcome.code == code
    assert outcome.err.startswith(f"lionn: {message}")
    assert outcome.err.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_potential_that_is_missing_or_does_not_fit(file, lionn, tmp_path):
    text = file.read_text()
    file.write_text(text.replace("lgps.json", "none.json"))
    outcome = lionn("campaign", file, "--output", tmp_path / "out")
    assert outcome.code == 1
    assert "none.json: no such potential file" in outcome.err
    from ase.build import bulk

    bulk("NaCl", "rocksalt", a=5.64).write(tmp_path / "salt.cif")
    file.write_text(text.replace("dataset:lgps", "salt.cif"))
    outcome = lionn("campaign", file, "--output", tmp_path / "out")
    assert outcome.code == 1
    assert "salt.cif: element Cl, Na is not in the model" in outcome.err
    assert not (tmp_path / "out").exists()


def test_one_file_serves_the_other_commands(file):
    text = '[data]\nimages = "dataset:lgps_gpaw_pbe"\n'
    file.write_text(text + file.read_text().replace("[md]", '[md]\nstructure = "dataset:lgps"'))
    assert load_config(file, RunConfig).md == load_config(file, CampaignConfig).md


def test_example_is_accepted():
    config = load_config(EXAMPLE, CampaignConfig)
    assert config.campaign.structures is not None


def test_what_is_printed(file, lionn, tmp_path):
    out = tmp_path / "out"
    outcome = lionn("campaign", file, "--output", out, "--quiet", "--workers", 2)
    assert outcome.code == 0, outcome.err
    assert "4 of 4 runs finished" in outcome.out
    assert "LGPS" in outcome.out
    assert f"tables and figures: {out / 'analysis'}" in outcome.out
    assert "4 of 4 runs finished" in lionn("campaign", "status", out).out
    assert lionn("campaign", "analyze", out, "--quiet").out.splitlines()[-1].startswith("tables")
    outcome = lionn("campaign", "run-task", out, "nothing")
    assert outcome.code == 2
    assert "no run 'nothing' (there are 4, the first: LGPS-1x1x1-300K-seed1-" in outcome.err
    (place, *_) = sorted((out / "tasks").iterdir())
    outcome = lionn("campaign", "run-task", out, place.name[-8:])
    assert outcome.out == f"{place.name}: finished\n"
    outcome = lionn("campaign", file, "--output", out, "--slurm", tmp_path / "array.sh")
    assert "all runs have ended, there is nothing for Slurm to do" in outcome.err
    (place / "result.json").write_text('{"status": "failed", "message": "too hot"}')
    outcome = lionn("campaign", file, "--output", out, "--quiet")
    assert outcome.code == 1
    assert outcome.err.endswith(
        f"1 of 4 runs have no result, the first: {place.name} failed: too hot\n"
    )
    assert f"{place.name} failed: too hot" in lionn("campaign", "status", out).out


def test_a_run_that_another_process_does_is_no_success(potential, lionn, tmp_path):
    """A batch system that started it too early must not take it for done."""
    out = tmp_path / "out"
    lionn("campaign", one_run(potential, tmp_path), "-o", out, "--slurm", tmp_path / "array.sh")
    (place,) = (out / "tasks").iterdir()
    with claim.take(place):
        outcome = lionn("campaign", "run-task", out, place.name)
    assert outcome.code == 2
    assert outcome.err.startswith(f"lionn: {place.name}: another process is at work on it; wait")
    assert outcome.err.count("\n") == 1


def in_production(place: Path) -> bool:
    """Whether a run has made its first checkpoint of the production."""
    path = place / "md.json"
    return path.exists() and json.loads(path.read_text())["step"] >= 100


def one_run(potential: Path, folder: Path) -> Path:
    return toml(
        folder / "one.toml", potential, temperatures_K=[300], seeds=[1], production_ps=2 * LONG_PS
    )


def reference(out: Path, tmp_path: Path) -> Path:
    """Run the same once more, without a disturbance."""
    (tmp_path / "alone" / "tasks").mkdir(parents=True)
    shutil.copytree(out / "inputs", tmp_path / "alone" / "inputs")
    shutil.copy(out / "campaign.json", tmp_path / "alone")
    (place,) = (out / "tasks").iterdir()
    alone = tmp_path / "alone" / "tasks" / place.name
    alone.mkdir()
    shutil.copy(place / "task.json", alone)
    run_task(alone)
    return alone


@needs_proc
def test_killed_and_interrupted_runs_go_on_with_the_same_bits(potential, tmp_path):
    out = tmp_path / "out"
    arguments = ("campaign", one_run(potential, tmp_path), "--output", out)
    process = start(*arguments)
    until(lambda: list((out / "tasks").glob("*/task.json")), process)
    (place,) = (out / "tasks").iterdir()

    # The process of the run is killed, as by a system out of memory: the campaign goes on with it.
    until(lambda: in_production(place), process)
    os.kill(claim.holder(place)["pid"], signal.SIGKILL)
    until((place / "attempt-2.json").exists, process)

    # Ctrl-C
    until(lambda: claim.attempts(place)[1].get("first_step"), process)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=LIMIT_S)
    assert (process.returncode, err) == (
        130,
        "lionn: interrupted; the same command goes on with it\n",
    )
    assert claim.attempts(place)[1]["outcome"] == "interrupted"
    assert not (place / "result.json").exists()
    assert list((out / "tickets").iterdir()) == []

    # The campaign itself is killed: its run must not outlive it.
    process = start(*arguments)
    until((place / "attempt-3.json").exists, process)
    until(lambda: claim.attempts(place)[2].get("first_step"), process)
    process.kill()
    process.communicate()
    until(lambda: claim.holder(place) is None)

    process = start(*arguments)
    _, err = process.communicate(timeout=LIMIT_S)
    assert (process.returncode, err) == (0, "")
    steps = [(entry["first_step"], entry.get("last_step")) for entry in claim.attempts(place)]
    assert steps[0] == (0, None)
    assert all(later[0] == (before[1] or 100) for before, later in pairwise(steps))
    assert same_bits(place, reference(out, tmp_path))


@needs_proc
def test_two_campaigns_in_one_folder_do_each_run_once(potential, tmp_path):
    file = toml(tmp_path / "sweep.toml", potential, seeds=[1, 2, 3, 4], production_ps=4)
    out = tmp_path / "out"
    both = [start("campaign", file, "--output", out, "--workers", 1) for _ in range(2)]
    for process in both:
        text, err = process.communicate(timeout=LIMIT_S)
        assert (process.returncode, err) == (0, "")
        assert "8 of 8 runs finished" in text
    attempts = [claim.attempts(place) for place in (out / "tasks").iterdir()]
    assert [len(entries) for entries in attempts] == [1] * 8
    assert all(entries[0]["outcome"] == "finished" for entries in attempts)


def array(script: Path, index: int, **options) -> subprocess.Popen[str]:
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(sys.path),
        "SLURM_ARRAY_TASK_ID": str(index),
        "SLURM_ARRAY_JOB_ID": "17",
        **options,
    }
    return subprocess.Popen(
        ["bash", str(script)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


needs_bash = pytest.mark.skipif(shutil.which("bash") is None, reason="no bash")


@needs_bash
def test_slurm_array_does_the_campaign(file, lionn, tmp_path):
    script, out = tmp_path / "array.sh", tmp_path / "out"
    outcome = lionn("campaign", file, "-o", out, "--slurm", script, "--workers", 8, "--threads", 2)
    assert outcome.out.startswith("4 runs; look at ")
    assert subprocess.run(["bash", "-n", script], check=True).returncode == 0
    text = script.read_text()
    assert "#SBATCH --array=0-3%8\n" in text
    assert "#SBATCH --cpus-per-task=2\n" in text
    assert "#SBATCH --job-name=test\n" in text
    assert "0 of 4 runs finished, 4 waiting" in lionn("campaign", "status", out).out
    for index in range(4):
        job = array(script, index)
        said, err = job.communicate(timeout=LIMIT_S)
        assert job.returncode == 0, err
        assert said.endswith(": finished\n")
    assert "4 of 4 runs finished" in lionn("campaign", "status", out).out
    assert "4 of 4 runs finished" in lionn("campaign", "analyze", out, "-q").out
    assert array(script, 0).communicate(timeout=LIMIT_S)[0].endswith(": finished\n")


@needs_bash
@pytest.mark.parametrize(("number", "again"), [(signal.SIGUSR1, True), (signal.SIGTERM, False)])
def test_slurm_job_whose_time_is_over_is_queued_again(potential, lionn, tmp_path, number, again):
    """But not one that somebody cancels; the run goes on from its checkpoint either way."""
    script, out = tmp_path / "array.sh", tmp_path / "out"
    lionn("campaign", one_run(potential, tmp_path), "-o", out, "--slurm", script)
    tools = tmp_path / "bin"
    tools.mkdir()
    (tools / "scontrol").write_text(f'#!/bin/bash\necho "$@" > {tmp_path}/asked\n')
    (tools / "scontrol").chmod(0o755)
    path = os.pathsep.join([str(tools), os.environ["PATH"]])
    (place,) = (out / "tasks").iterdir()
    job = array(script, 0, PATH=path)
    until(lambda: in_production(place), job)
    job.send_signal(number)
    job.communicate(timeout=LIMIT_S)
    assert job.returncode == (0 if again else 143)
    asked = tmp_path / "asked"
    assert (asked.read_text() if asked.exists() else "") == ("requeue 17_0\n" if again else "")
    (attempt,) = claim.attempts(place)
    assert attempt["outcome"] == "interrupted"
    job = array(script, 0, PATH=path)
    assert job.communicate(timeout=LIMIT_S)[0].endswith(": finished\n")
    assert claim.attempts(place)[1]["first_step"] == attempt["last_step"] >= 100
    assert same_bits(place, reference(out, tmp_path))
