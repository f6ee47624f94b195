"""One process at a time in an output folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lionn_rs.errors import ConfigError

__all__ = ["locked", "refuse_if_at_work"]


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Refuse to enter while another process, or another run of this one, works in the folder.

    The lock is held by the operating system and goes with the process, however it ends; no file is
    left. Where a file system has no locks, and on Windows, nothing is checked.

    Raises
    ------
    ConfigError
        Another one is at work.
    """
    try:
        import fcntl
    except ImportError:
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConfigError(
                f"{folder}: another process is working in this folder; wait for it, or stop it "
                f"with 'touch {folder / 'stop'}'"
            ) from None
        except OSError:  # network file systems without locks of folders
            pass
        yield
    finally:
        os.close(handle)


def refuse_if_at_work(folder: Path) -> None:
    """Refuse a folder in which, or in a folder of which, another process works.

    Raises
    ------
    ConfigError
        See :func:`locked`.
    """
    for place in (folder, *(entry for entry in folder.rglob("*") if entry.is_dir())):
        with locked(place):
            pass
