"""Claims: at most one process at a time works in a folder, on any machine that sees it.

Each attempt at a task is one file, ``attempt-1.json``, ``attempt-2.json``, ... The file of the
next attempt is created exclusively, which only one of several processes can do, and only when the
attempt before has ended or its process is dead. Nothing is ever deleted, hence there is no moment
in which two processes can both take over. A process on the same machine is dead if the system says
so; one on another machine if it has not touched its file for :data:`STALE_S`.
"""

from __future__ import annotations

import json
import os
import re
import socket
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from lionn_rs.files import write_json

__all__ = ["Claim", "attempts", "holder", "take"]

HEARTBEAT_S = 10.0
"""Time between two signs of life, s."""
STALE_S = 120.0
"""Without a sign of life for so long, a process on another machine counts as dead, s."""
LOST = 75
"""Exit code of a process that was taken for dead and has come back (EX_TEMPFAIL)."""


def attempts(folder: Path) -> list[dict[str, Any]]:
    """Read the records of all attempts at a task, in order; one that is being written is empty."""
    return [_read(path) for path in _files(folder)]


def holder(folder: Path) -> dict[str, Any] | None:
    """Record of the attempt that is at work in a folder now; None if there is none."""
    files = _files(folder)
    return _living(files[-1]) if files else None


def take(folder: Path, **about: Any) -> Claim | None:
    """Claim a folder for this process; None if another one is at work in it.

    Parameters
    ----------
    folder : Path
        Made if it is not there.
    **about
        Added to the record.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files = _files(folder)
    if files and _living(files[-1]) is not None:
        return None
    path = folder / f"attempt-{_number(files[-1]) + 1 if files else 1}.json"
    record = {
        "host": _host(),
        "pid": os.getpid(),
        "process_start": _process_start(os.getpid()),
        "began": _now(),
        "ended": None,
        **about,
    }
    try:
        with path.open("x", encoding="utf-8") as stream:
            stream.write(json.dumps(record, indent=1) + "\n")
            stream.flush()
            os.fsync(stream.fileno())
    except FileExistsError:
        return None
    return Claim(path, record)


def _leave() -> None:
    os._exit(LOST)


class Claim:
    """The claim of this process on a folder; a context manager that gives it back at its end.

    Parameters
    ----------
    path : Path
        File of the attempt.
    record : dict
        Its content.
    on_lost : callable
        Called when another process has taken over; by default this process ends at once, without
        writing anything more.
    """

    def __init__(
        self, path: Path, record: dict[str, Any], on_lost: Callable[[], None] = _leave
    ) -> None:
        self.path = path
        self.record = record
        self.on_lost = on_lost
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._beat, daemon=True)
        self._thread.start()

    @property
    def number(self) -> int:
        """Number of the attempt, from 1."""
        return _number(self.path)

    def note(self, **about: Any) -> None:
        """Add to the record of the attempt."""
        self.record |= about
        write_json(self.path, self.record)

    def release(self, **about: Any) -> None:
        """End the attempt; ``about`` is added to its record."""
        self._ended.set()
        self._thread.join()
        self.note(**about, ended=_now())

    def __enter__(self) -> Claim:
        return self

    def __exit__(self, *_: object) -> None:
        if not self._ended.is_set():
            self.release()

    def _beat(self) -> None:
        """Show signs of life, and notice if this process was taken for dead."""
        following = self.path.with_name(f"attempt-{self.number + 1}.json")
        while not self._ended.wait(HEARTBEAT_S):
            if following.exists():
                self.on_lost()
                return
            with suppress(OSError):  # a file server that is away for a moment
                os.utime(self.path)


def _files(folder: Path) -> list[Path]:
    return sorted(folder.glob("attempt-*.json"), key=_number)


def _number(path: Path) -> int:
    match = re.search(r"(\d+)$", path.stem)
    return int(match[1]) if match else 0


def _read(path: Path) -> dict[str, Any]:
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


def _living(path: Path) -> dict[str, Any] | None:
    """Record of an attempt that has not ended and whose process is not dead."""
    record = _read(path)
    if record.get("ended"):
        return None
    start = record.get("process_start")
    if record.get("host") == _host() and start is not None:
        return record if _process_start(record["pid"]) == start else None
    # Another machine, or a file that is being written: only time tells.
    return record if _age_s(path) < STALE_S else None


def _age_s(path: Path) -> float:
    """Time since a file was touched, by the clock of the file system: clocks of machines differ."""
    try:
        touched = path.stat().st_mtime
        with tempfile.TemporaryFile(dir=path.parent) as probe:
            return os.fstat(probe.fileno()).st_mtime - touched
    except OSError:  # a folder that may only be read
        return time.time() - path.stat().st_mtime


def _process_start(pid: int) -> int | None:
    """When a process started, in ticks since boot; None if it is dead or the system has no /proc.

    Together with the number it identifies a process: numbers are used again.
    """
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    state, *fields = text.rpartition(")")[2].split()
    return None if state in "ZX" else int(fields[18])


def _host() -> str:
    """Name of this machine, this boot, and this space of process numbers (containers differ)."""
    parts = [socket.gethostname()]
    try:
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text(encoding="utf-8").strip())
        parts.append(str(Path("/proc/self/ns/pid").readlink()))
    except OSError:
        pass
    return "/".join(parts)


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S%z")
