"""Processes of our own: started with a number of threads, watched, and told to stop.

A task in a process of its own has its own thread pool, returns all memory at its end, and keeps
the others going if it dies. The parent writes the task as one line of JSON to the standard input of
the process and waits (:func:`supervise`); it is a thread of a pool on this machine or a Dask
worker. The process (:func:`serve`) stops cleanly, as after Ctrl-C, when its input is closed, be it
on purpose or because the parent died.
"""

from __future__ import annotations

import _thread
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lionn_rs.errors import LionnError

__all__ = ["INTERRUPTED", "Ended", "cause_of_death", "module_process", "serve", "supervise"]

POLL_S = 0.2
GRACE_S = 60.0
"""Time to write a checkpoint after the order to stop, s."""
INTERRUPTED = 130
"""Exit code of a process that was told to stop."""


@dataclass(frozen=True)
class Ended:
    """How a process ended.

    Attributes
    ----------
    code : int
        Exit code; negative: number of the signal that ended it.
    said : str
        What it wrote to standard output.
    errors : str
        What it wrote to standard error.
    """

    code: int
    said: str
    errors: str

    @property
    def reason(self) -> str:
        """One line on a failure."""
        return self.said.strip() or cause_of_death(self.code, self.errors)


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


def supervise(
    process: dict[str, Any],
    task: dict[str, Any],
    wanted: Callable[[], bool],
    *,
    overdue: Callable[[], bool] = lambda: False,
    grace_s: float = GRACE_S,
) -> Ended:
    """Start a process, give it its task and wait for its end.

    What the process has started itself, for example another program, ends with it.

    Parameters
    ----------
    process : dict
        From :func:`module_process`.
    task : dict
        JSON-safe.
    wanted : callable
        Asked several times a second; once it is false the process is told to stop, and killed if
        it has not done so after ``grace_s``.
    overdue : callable
        Asked as often; once it is true the process is killed without a word.
    grace_s : float
        Time to end in good order, s.
    """
    with (
        tempfile.TemporaryFile("w+", encoding="utf-8") as said,
        tempfile.TemporaryFile("w+", encoding="utf-8") as errors_text,
        subprocess.Popen(
            **process,
            stdin=subprocess.PIPE,
            stdout=said,
            stderr=errors_text,
            text=True,
            encoding="utf-8",
            start_new_session=True,  # Ctrl-C at the terminal is for the parent, which passes it on
        ) as child,
    ):
        try:
            _send(child, task)
            code = _wait(child, wanted, overdue, grace_s)
        finally:
            _kill(child)
        said.seek(0)
        errors_text.seek(0)
        return Ended(code, said.read(), errors_text.read())


def _send(child: subprocess.Popen[str], task: dict[str, Any]) -> None:
    assert child.stdin is not None
    try:
        child.stdin.write(json.dumps(task) + "\n")
        child.stdin.flush()
    except BrokenPipeError:
        pass  # it has died; its exit code says why


def _kill(child: subprocess.Popen[str]) -> None:
    """Kill a process and all that it has started in its session; those that are gone are."""
    if hasattr(os, "killpg"):
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, signal.SIGKILL)
    child.kill()


def _wait(
    child: subprocess.Popen[str],
    wanted: Callable[[], bool],
    overdue: Callable[[], bool],
    grace_s: float,
) -> int:
    """Exit code of the process; it is told to stop when it is not wanted any more."""
    assert child.stdin is not None
    deadline = None
    while True:
        try:
            return child.wait(POLL_S)
        except subprocess.TimeoutExpired:
            if deadline is None and not wanted():
                child.stdin.close()
                deadline = time.monotonic() + grace_s
            if overdue() or (deadline is not None and time.monotonic() > deadline):
                _kill(child)


def serve(
    work: Callable[[dict[str, Any]], int | None],
    failed: Callable[[dict[str, Any]], None] = lambda _: None,
) -> int:
    """Body of the process: read a task, do the work; a failure is one line on standard output.

    Parameters
    ----------
    work : callable
        Gets the task; returns the exit code, None for 0. It is interrupted as by Ctrl-C when
        standard input is closed.
    failed : callable
        Called with the task while an error other than an interruption is handled, for example to
        log its traceback.

    Returns
    -------
    int
        Exit code.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    task: dict[str, Any] = json.loads(sys.stdin.readline())
    threading.Thread(target=_stop_at_end_of_input, daemon=True).start()
    try:
        return work(task) or 0
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as error:
        # Whatever it is, it is one line of a table; the log of the task has the whole.
        name = "" if isinstance(error, LionnError) else f"{type(error).__name__}: "
        sys.stdout.write(" ".join(f"{name}{error}".split()) + "\n")
        failed(task)
        return 1


def _stop_at_end_of_input() -> None:
    """Interrupt the main thread, as Ctrl-C would, when standard input is closed."""
    while os.read(0, 1):
        pass
    if hasattr(signal, "pthread_kill"):  # also ends a wait for another program
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
    else:
        _thread.interrupt_main()
