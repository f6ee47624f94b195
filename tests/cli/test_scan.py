"""``lionn scan``: files, failures, wrong input, Ctrl-C and kill."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lionn_rs.config import RunConfig, ScanConfig, TrainConfig
from lionn_rs.config_file import load_config, to_toml
from lionn_rs.workflows.scan import timing as scan_timing
from tests.programs import start, until

CONFIG = """
[data]
images = "dataset:lgps_gpaw_pbe"
index = "::10"

[training]
max_iterations = {iterations}
validation_interval = 100

[scan]
hidden_layers = [[2]]

[[scan.descriptors]]
name = "small"
cutoff = 3.5
"""
LONELY = """
[[scan.descriptors]]
name = "lonely"
cutoff = 1.0
"""
EXAMPLE = Path(__file__).parents[2] / "examples" / "scan.toml"


@pytest.fixture
def toml(tmp_path) -> Path:
    path = tmp_path / "scan.toml"
    path.write_text(CONFIG.format(iterations=2))
    return path


def test_failures_are_told_and_the_rest_is_written(toml, lionn, tmp_path, monkeypatch):
    monkeypatch.setattr(scan_timing, "BUDGET_S", 0.0)
    toml.write_text(toml.read_text() + LONELY)
    outcome = lionn("scan", toml, "--output", tmp_path / "out", "--workers", 1, "--quiet")
    assert outcome.code == 1
    assert "lonely-2-seed1 failed: no fingerprint differs" in outcome.out
    assert "Lowest validation loss: small, (2), seed 1" in outcome.out
    assert "│ small" in outcome.out
    assert outcome.err.startswith("lionn: 1 of 2 members failed, the first: lonely-2-seed1: ")
    assert outcome.err.endswith("(--resume tries them again)\n")
    table = (tmp_path / "out" / "table.md").read_text()
    assert "| small | 56 | (2) |" in table
    assert "| lonely-2-seed1 | no fingerprint differs" in table
    log = (tmp_path / "out" / "members" / "lonely-2-seed1" / "train.log").read_text()
    assert "Traceback" in log
    resolved = load_config(tmp_path / "out" / "config.resolved.toml", ScanConfig)
    assert resolved == load_config(toml, ScanConfig)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("cutoff", "cutof", "[scan] descriptors[0]: unknown key 'cutof' (did you mean 'cutoff'?)"),
        ('name = "small"', "", "[scan] descriptors[0]: missing key 'name' (Name in tables"),
        ('"small"', '"../small"', "[scan] descriptors[0]: name: must be a word of letters"),
        ("3.5", "-1", "[scan] descriptors[0]: cutoff: must be greater than 0, got -1"),
        ("[[2]]", "[2]", "[scan] hidden_layers[0]: must be a list, got 2"),
        ("[[2]]", "[[]]", "[scan] hidden_layers[0]: must have at least 1 value(s), got []"),
        ("[[2]]", "[[2], [2]]", "[scan] hidden_layers: [2] is given twice"),
        ("hidden_layers", "topologies", "[scan] unknown key 'topologies' (keys: descriptors,"),
        ("[scan]", "[scna]", "unknown section [scna] (did you mean [scan]?)"),
        ('index = "::10"', "validation = 0", "[data] validation must be greater than 0: a scan"),
        ("[[2]]", "[[2]]\nseeds = [1, 2, 1]", "[scan] seeds: 1 is given twice"),
    ],
)
def test_message_of_bad_file(old, new, message, toml, lionn, tmp_path):
    toml.write_text(toml.read_text().replace(old, new))
    outcome = lionn("scan", toml, "--output", tmp_path / "out")
    assert outcome.code == 2
    assert outcome.err.startswith(f"lionn: {toml}: {message}")
    assert outcome.err.count("\n") == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--workers", 0), "--workers must be at least 1, got 0"),
        (("--threads", -1), "--threads must be at least 1, got -1"),
        (("--workers", 9999), "--workers times --threads must be at most"),
        (("--resume", "--force"), "--force and --resume exclude each other"),
        (("--workers", 2, "--dask", "tcp://host:1"), "--workers is for this machine"),
    ],
)
def test_message_of_bad_options(options, message, toml, lionn, tmp_path):
    outcome = lionn("scan", toml, "--output", tmp_path / "out", *options)
    assert outcome.code == 2
    assert message in outcome.err
    assert not (tmp_path / "out").exists()


def test_file_without_grid_says_what_is_missing(lionn, tmp_path):
    (tmp_path / "train.toml").write_text('[data]\nimages = "dataset:lgps_gpaw_pbe"\n')
    outcome = lionn("scan", tmp_path / "train.toml", "--output", tmp_path / "out")
    assert "missing section [scan] (Grid of descriptors, topologies and seeds)" in outcome.err


def test_one_file_serves_the_other_commands(toml):
    assert load_config(toml, TrainConfig).training.max_iterations == 2
    toml.write_text(toml.read_text() + '[md]\nstructure = "dataset:lgps"\ntemperatures_K = [300]\n')
    assert load_config(toml, RunConfig).data == load_config(toml, ScanConfig).data


def test_resolved_file_says_the_same(tmp_path):
    config = load_config(EXAMPLE, ScanConfig)
    text = to_toml(config)
    (tmp_path / "resolved.toml").write_text(text)
    assert load_config(tmp_path / "resolved.toml", ScanConfig) == config
    assert text.count("[[scan.descriptors]]") == 2


needs_signals = pytest.mark.skipif(os.name == "nt", reason="POSIX signals")


@needs_signals
def test_interrupted_and_killed_scan_goes_on_to_the_same_potential(tmp_path):
    toml = tmp_path / "scan.toml"
    toml.write_text(CONFIG.format(iterations=1000))
    member = tmp_path / "out" / "members" / "small-2-seed1"
    log = member / "train.log"
    arguments = (toml, "--output", tmp_path / "out", "--workers", 1, "--threads", 1)

    process = start("scan", *arguments)
    until(log.exists, process)
    time.sleep(0.3)  # into the work that has just begun
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (130, "lionn: interrupted; --resume goes on with it\n")
    assert (member / "checkpoint.npz").exists()
    assert not (member / "result.json").exists()
    assert log.read_text().count("interrupted; best") == 1

    # The process of the member must not outlive a scan that is killed.
    process = start("scan", *arguments, "--resume")
    until(lambda: "resumed at" in log.read_text(), process)
    process.kill()
    process.communicate()
    until(lambda: log.read_text().count("interrupted; best") == 2)
    until(lambda: "[test]" in log.read_text().rpartition("interrupted; best")[2])

    process = start("scan", *arguments, "--resume")
    _, err = process.communicate(timeout=120)
    assert (process.returncode, err) == (0, "")
    assert log.read_text().count("resumed at") == 2
    interrupted = json.loads((member / "best.json").read_text())["sha256"]

    alone = tmp_path / "alone.toml"
    alone.write_text(
        toml.read_text().replace("[scan]", "[network]").replace("[[2]]", "[2]")
        .replace("[[scan.descriptors]]", "[descriptor]").replace('name = "small"', "")
    )  # fmt: skip
    command = [sys.executable, "-m", "lionn_rs.cli.main", "train", alone, "-q"]
    subprocess.run([*command, "-o", tmp_path / "alone"], check=True, capture_output=True)
    whole = json.loads((tmp_path / "alone" / "best.json").read_text())["sha256"]
    assert interrupted == whole
