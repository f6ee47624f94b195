"""A stop file ends ``lionn run`` in whatever stage it is."""

from __future__ import annotations

import _thread
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from lionn_rs.errors import StoppedByFile
from lionn_rs.files import STOP_FILE

__all__ = ["stops_training"]

INTERVAL_S: Final = 0.5
"""Seconds between two looks for the file."""


@contextmanager
def stops_training(folder: Path) -> Iterator[None]:
    """While inside, a file called ``stop`` in the folder acts as Ctrl-C does: training checkpoints.

    Raises
    ------
    StoppedByFile
        In place of the interruption that it caused.
    """
    file = folder / STOP_FILE
    ended = threading.Event()
    found = threading.Event()

    def look() -> None:
        while not ended.wait(INTERVAL_S):
            if file.exists():
                found.set()
                _thread.interrupt_main()
                return

    watch = threading.Thread(target=look, name="stop file", daemon=True)
    watch.start()
    try:
        yield
    except KeyboardInterrupt:
        if found.is_set():
            raise StoppedByFile(f"training: found {file}; --resume goes on") from None
        raise
    finally:
        ended.set()
        watch.join()
