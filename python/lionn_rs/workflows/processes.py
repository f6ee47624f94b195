"""Processes of our own with a number of threads, and what to say when one dies."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

__all__ = ["cause_of_death", "module_process"]


def module_process(module: str, n_threads: int) -> dict[str, Any]:
    """Arguments of ``subprocess.Popen`` for ``python -m module`` with a pool of ``n_threads``.

    The thread pool of the compiled core takes its size from the environment once, so every number
    of threads needs a process of its own.
    """
    root = Path(sys.modules["lionn_rs"].__file__ or "").resolve().parents[1]
    environment = os.environ | {
        "RAYON_NUM_THREADS": str(n_threads),
        # The process starts in the folder that holds this package, not among the user's files.
        "PYTHONPATH": os.pathsep.join(str(Path(entry).resolve()) for entry in sys.path),
    }
    return {"args": [sys.executable, "-m", module], "env": environment, "cwd": root}


def cause_of_death(code: int, text: str) -> str:
    """One line from the exit code of a process and what it wrote to standard error."""
    if code < 0:
        return f"signal {signal.Signals(-code).name} (out of memory?)"
    lines = text.strip().splitlines()
    return lines[-1] if lines else f"exit code {code}"
