"""``lionn bench``: table, files, wrong inputs, Ctrl-C."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from ase.build import bulk

from lionn_rs.workflows.benchmark import run as benchmark

SMALL = ("--atoms", "50", "--threads", "1", "--quiet")


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("model") / "model.json"
    benchmark.default_subject().potential.save(path)
    return path


@pytest.fixture(autouse=True)
def short_samples(monkeypatch):
    """Samples as short as they can be; the option is not for users."""
    monkeypatch.setattr(benchmark, "BUDGET_S", 0.0)


def test_table_and_files_of_a_potential(model, lionn, tmp_path):
    files = ("--json", tmp_path / "speed.json", "--figure", tmp_path / "speed.svg")
    outcome = lionn("bench", model, "dataset:lgps", *SMALL, *files)
    assert outcome.code == 0, outcome.err
    assert outcome.err == ""
    for text in ("ns/day", "image-atoms/s", "model.json: cutoff 6.5 Å, features Ge 56", "50 │"):
        assert text in outcome.out
    record = json.loads((tmp_path / "speed.json").read_text())
    assert record["subject"].endswith("dataset:lgps")
    assert record["instruction_set"] in outcome.out
    (case,) = record["cases"]
    assert (case["n_atoms"], case["n_threads"]) == (50, 1)
    assert case["ns_per_day"] > 0
    assert set(case["results"]) == {"md_step", "energy_and_forces", "neighbor_list", "training"}
    assert (tmp_path / "speed.svg").read_text().startswith("<?xml")


def test_default_potential_and_a_file_that_may_be_replaced(lionn, tmp_path):
    (tmp_path / "speed.json").write_text("{}")
    outcome = lionn("bench", *SMALL, "--json", tmp_path / "speed.json", "--force")
    assert outcome.code == 0, outcome.err
    assert "Gaussian-56, cutoff 6.5 Å, network 56-5-5-1" in outcome.out
    assert json.loads((tmp_path / "speed.json").read_text())["cases"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["model.json"], "give a potential file and a structure, or neither; got only"),
        (["--atoms", "50;400"], "--atoms must look like 50,400,3200, got '50;400'"),
        (["--atoms", "100001"], "--atoms must be between 1 and 100000, got 100001"),
        (["--threads", "0"], "--threads must look like 1,2, got '0'"),
        (["--threads", "4096"], "--threads must be at most"),
        (["--figure", "speed.gif"], "--figure must end in .png, .svg, .pdf, got 'speed.gif'"),
        (["--json", "there.json"], "--json: there.json exists (--force to replace it)"),
        (["--json", "none/speed.json"], "--json: there is no folder none"),
        (["--figure", "."], "--figure: . is a folder, not a file"),
        (["--json", "same.png", "--figure", "same.png"], "--json and --figure name one file"),
    ],
)
def test_wrong_options_are_one_line(arguments, message, lionn, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("there.json").write_text("{}")
    outcome = lionn("bench", *arguments)
    assert outcome.code == 2
    assert message in outcome.err
    assert outcome.err.count("\n") == 1
    assert Path("there.json").read_text() == "{}"


def test_potential_and_structure_that_do_not_fit(model, lionn, tmp_path):
    bulk("NaCl", "rocksalt", a=5.64).write(tmp_path / "salt.cif")
    outcome = lionn("bench", model, tmp_path / "salt.cif")
    assert outcome.code == 1
    assert "salt.cif: element Cl, Na is not in the model" in outcome.err
    outcome = lionn("bench", tmp_path / "nowhere.json", "dataset:lgps")
    assert outcome.code == 1
    assert "nowhere.json" in outcome.err
    assert outcome.err.count("\n") == 1


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for processes in /proc")
def test_interrupt_leaves_nothing_behind(model, tmp_path):
    command = [sys.executable, "-m", "lionn_rs.cli.main", "bench", model, "dataset:lgps"]
    command += ["--quiet", "--json", tmp_path / "speed.json"]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ
    )
    limit = time.monotonic() + 60
    while not (workers := _children(process.pid)):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < limit
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (130, "", "lionn: interrupted\n")
    assert not any(Path(f"/proc/{worker}").exists() for worker in workers)
    assert list(tmp_path.iterdir()) == []


def _children(parent: int) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except (OSError, ValueError):
            continue
        if entry.name.isdigit() and int(fields[1]) == parent:
            found.append(int(entry.name))
    return found
