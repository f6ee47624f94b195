"""Programs that tests start, watch and stop."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable

LIMIT_S = 120
"""Longer than anything takes on a busy machine, s."""


def start(*arguments: object) -> subprocess.Popen[str]:
    """``lionn`` with arguments, in a process of its own."""
    command = [sys.executable, "-m", "lionn_rs.cli.main", *map(str, arguments), "--quiet"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    )


def until(ready: Callable[[], object], process: subprocess.Popen[str] | None = None) -> None:
    """Wait for something, while a process is alive."""
    limit = time.monotonic() + LIMIT_S
    while not ready():
        assert process is None or process.poll() is None, process.communicate()
        assert time.monotonic() < limit
        time.sleep(0.02)
