"""Ctrl-C and kill, as the operating system sends them (for dynamics: ``test_md_runner``)."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(os.name == "nt", reason="POSIX signals")

CONFIG = """
[data]
images = "dataset:lgps_gpaw_pbe"
index = "::10"

[descriptor]
cutoff = 3.5

[training]
max_iterations = 1000
validation_interval = 100
"""


def start(*arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "lionn_rs.cli.main", *map(str, arguments), "--quiet"]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ
    )


def finish(process: subprocess.Popen[str]) -> tuple[int, str]:
    _, err = process.communicate(timeout=120)
    return process.returncode, err


def send(process: subprocess.Popen[str], number: int, ready: Callable[[], bool]) -> None:
    limit = time.monotonic() + 60
    while not ready():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < limit
        time.sleep(0.01)
    time.sleep(0.3)  # into the work that has just begun
    process.send_signal(number)


def content(path: Path) -> str:
    return str(json.loads(path.read_text())["sha256"])


def test_interrupted_and_killed_training_ends_the_same(tmp_path):
    (tmp_path / "train.toml").write_text(CONFIG)
    train = ("train", tmp_path / "train.toml", "--output")
    assert finish(start(*train, tmp_path / "whole"))[0] == 0
    log = tmp_path / "stopped" / "train.log"

    process = start(*train, tmp_path / "stopped")
    send(process, signal.SIGINT, log.exists)
    code, err = finish(process)
    assert (code, err) == (130, "lionn: interrupted; --resume goes on with it\n")
    names = {path.name for path in (tmp_path / "stopped").iterdir()}
    assert {"best.json", "last.json", "checkpoint.npz", "history.csv"} <= names
    assert "metrics.json" not in names

    process = start(*train, tmp_path / "stopped", "--resume")
    send(process, signal.SIGKILL, lambda: "resumed at" in log.read_text())
    assert finish(process)[0] == -signal.SIGKILL
    assert finish(start(*train, tmp_path / "stopped", "--resume"))[0] == 0
    for name in ("best.json", "last.json"):
        assert content(tmp_path / "stopped" / name) == content(tmp_path / "whole" / name)
