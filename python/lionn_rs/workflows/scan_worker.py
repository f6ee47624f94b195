"""One member of a scan, trained in a process of its own.

A process per member gives each its own thread pool, returns all memory at its end, and keeps the
others going if it dies. :func:`run_member` starts it and waits; it is what a pool of threads on
this machine or a Dask worker calls. ``python -m lionn_rs.workflows.scan_worker`` is the process:
it reads a :class:`MemberTask` as one line of JSON from standard input and stops cleanly, with a
checkpoint, when its input is closed, be it on purpose or because the starting process died.
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
import traceback
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lionn_rs.errors import DataError, LionnError
from lionn_rs.files import write_json, write_text
from lionn_rs.workflows.processes import cause_of_death, module_process

__all__ = [
    "IMAGES_FILE",
    "MEMBERS_FOLDER",
    "RESULT_FILE",
    "SPLIT_FILE",
    "MemberOutcome",
    "MemberTask",
    "read_result",
    "run_member",
    "train_member",
]

IMAGES_FILE = "images.traj"
SPLIT_FILE = "split.json"
MEMBERS_FOLDER = "members"
RESULT_FILE = "result.json"
TICKET_FILE = "ticket"
"""Holds the name of the scan that is at work; without it, or with another, its members stop."""

POLL_S = 0.2
GRACE_S = 60.0
"""Time to finish an iteration and write a checkpoint after the order to stop, s."""
INTERRUPTED = 130


@dataclass(frozen=True)
class MemberTask:
    """What one process trains.

    Attributes
    ----------
    scan : str
        Folder of the scan, absolute, with images and split.
    name : str
        Name of the member and its folder.
    config : dict
        A :class:`lionn_rs.config.TrainConfig`.
    fingerprint : str
        Written into the result, see :meth:`lionn_rs.workflows.scan_grid.Plan.fingerprint`.
    data_hash : str
        Hash of all images in order.
    ticket : str
        Name of the scan at work.
    n_threads : int
    max_memory_gb : float or None
        Memory for this process alone; None: what is free when it starts, divided by
        ``side_by_side``.
    side_by_side : int
        Members on one machine at a time.
    """

    scan: str
    name: str
    config: dict[str, Any]
    fingerprint: str
    data_hash: str
    ticket: str
    n_threads: int
    max_memory_gb: float | None
    side_by_side: int

    @property
    def folder(self) -> Path:
        """Folder of the member."""
        return Path(self.scan) / MEMBERS_FOLDER / self.name

    @property
    def wanted(self) -> bool:
        """Whether the scan is still at work."""
        try:
            return (Path(self.scan) / TICKET_FILE).read_text(encoding="utf-8") == self.ticket
        except FileNotFoundError:
            return False


@dataclass(frozen=True)
class MemberOutcome:
    """How the process of a member ended.

    Attributes
    ----------
    result : dict or None
        Content of its ``result.json``; None if it failed or was stopped.
    error : str
        One line if it failed.
    """

    result: dict[str, Any] | None = None
    error: str = ""


def read_result(folder: Path, fingerprint: str) -> dict[str, Any] | None:
    """Read the result of a finished member; None if there is none with these settings."""
    try:
        result: dict[str, Any] = json.loads((folder / RESULT_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return result if result.get("fingerprint") == fingerprint else None


def run_member(task: MemberTask) -> MemberOutcome:
    """Train a member in a process of its own and wait for it; a failure is an outcome."""
    if not Path(task.scan).is_dir():
        return MemberOutcome(error=f"{task.scan}: no such folder on the machine of the worker")
    if not task.wanted:
        return MemberOutcome()
    with (
        tempfile.TemporaryFile("w+", encoding="utf-8") as said,
        tempfile.TemporaryFile("w+", encoding="utf-8") as errors_text,
        subprocess.Popen(
            **module_process("lionn_rs.workflows.scan_worker", task.n_threads),
            stdin=subprocess.PIPE,
            stdout=said,
            stderr=errors_text,
            text=True,
            encoding="utf-8",
            start_new_session=True,  # Ctrl-C at the terminal is for the scan, which passes it on
        ) as process,
    ):
        try:
            _send(process, task)
            code = _wait(process, task)
        finally:
            process.kill()
        said.seek(0)
        errors_text.seek(0)
        if code == 0:
            result = read_result(task.folder, task.fingerprint)
            error = "" if result else f"{task.folder / RESULT_FILE}: missing or damaged"
            return MemberOutcome(result, error)
        if not task.wanted:
            return MemberOutcome()
        return MemberOutcome(error=said.read().strip() or cause_of_death(code, errors_text.read()))


def _send(process: subprocess.Popen[str], task: MemberTask) -> None:
    assert process.stdin is not None
    try:
        process.stdin.write(json.dumps(asdict(task)) + "\n")
        process.stdin.flush()
    except BrokenPipeError:
        pass  # it has died; its exit code says why


def _wait(process: subprocess.Popen[str], task: MemberTask) -> int:
    """Exit code of the process; it is told to stop when the scan is not at work any more."""
    assert process.stdin is not None
    deadline = None
    while True:
        try:
            return process.wait(POLL_S)
        except subprocess.TimeoutExpired:
            if deadline is None and not task.wanted:
                process.stdin.close()
                deadline = time.monotonic() + GRACE_S
            if deadline is not None and time.monotonic() > deadline:
                process.kill()


def train_member(task: MemberTask) -> dict[str, Any]:
    """Train one member, or go on with it; returns what its ``result.json`` holds.

    Its folder gets what ``lionn train`` writes.

    Raises
    ------
    DataError
        The images in the folder of the scan are not those that it was started with.
    LionnError
        The training failed.
    """
    from lionn_rs.config import TrainConfig
    from lionn_rs.config_file import to_toml
    from lionn_rs.data import Split, label_images, read_images
    from lionn_rs.data.images import data_hash
    from lionn_rs.potential import Potential
    from lionn_rs.training.memory import FREE_MEMORY_SHARE, GIGABYTE, free_memory
    from lionn_rs.workflows.training import train_stage

    scan = Path(task.scan)
    images = read_images(scan / IMAGES_FILE)
    if data_hash(label_images(images)) != task.data_hash:
        raise DataError(f"{scan / IMAGES_FILE}: has changed since the scan was started")
    parts = Split.from_dict(images, json.loads((scan / SPLIT_FILE).read_text(encoding="utf-8")))
    config = TrainConfig.model_validate(task.config)
    task.folder.mkdir(parents=True, exist_ok=True)
    write_text(task.folder / "config.resolved.toml", to_toml(config))
    memory = task.max_memory_gb
    if memory is None and (free := free_memory()) is not None:
        memory = FREE_MEMORY_SHARE * free / GIGABYTE / task.side_by_side
    limited = config.training.model_copy(update={"max_memory_gb": memory})
    record = train_stage(
        config.model_copy(update={"training": limited}),
        images,
        task.folder,
        figures=task.folder,
        resume=True,
        progress=False,
        parts=parts,
    )
    potential = Potential.load(task.folder / "best.json")
    result = {
        "fingerprint": task.fingerprint,
        "potential_hash": potential.hash,
        "n_features": potential.descriptor.n_features,
        "n_parameters": len(potential.parameters),
        "n_threads": task.n_threads,
        **{
            key: record[key]
            for key in ("metrics", "best_iteration", "iterations", "stop_reason", "seconds")
        },
    }
    write_json(task.folder / RESULT_FILE, result)
    return result


def _stop_at_end_of_input() -> None:
    """Interrupt the main thread, as Ctrl-C would, when standard input is closed."""
    while os.read(0, 1):
        pass
    _thread.interrupt_main()


def main() -> int:
    """Read a task, train; a failure is one line on standard output."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    task = MemberTask(**json.loads(sys.stdin.readline()))
    threading.Thread(target=_stop_at_end_of_input, daemon=True).start()
    try:
        train_member(task)
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as error:
        # Whatever it is, it is one line of the table; the log of the member has the whole.
        name = "" if isinstance(error, LionnError) else f"{type(error).__name__}: "
        sys.stdout.write(" ".join(f"{name}{error}".split()) + "\n")
        if task.folder.is_dir():
            with (task.folder / "train.log").open("a", encoding="utf-8") as stream:
                stream.write(traceback.format_exc())
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
