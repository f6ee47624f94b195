"""A stop file ends work that knows of Ctrl-C only: training, scans, campaigns."""

from __future__ import annotations

import _thread
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Final

from lionn_rs.errors import StoppedByFile
from lionn_rs.files import STOP_FILE

__all__ = ["stops_at_file"]

INTERVAL_S: Final = 0.5
"""Seconds between two looks for the file."""


@contextmanager
def stops_at_file(
    folder: Path, what: str = "training", remedy: str = "--resume goes on"
) -> Iterator[None]:
    """While inside, a file called ``stop`` in the folder acts as Ctrl-C does: work checkpoints.

    That is so as well where Ctrl-C itself is ignored, as in the background of a script. For the
    main thread, as all signals.

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

    def interrupt(_signal: int, _frame: FrameType | None) -> None:
        if found.is_set():
            raise KeyboardInterrupt

    ignored = signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    if ignored:  # then interrupt_main would do nothing
        signal.signal(signal.SIGINT, interrupt)
    watch = threading.Thread(target=look, name="stop file", daemon=True)
    watch.start()
    try:
        yield
    except KeyboardInterrupt:
        if found.is_set():
            raise StoppedByFile(f"{what}: found {file}; {remedy}") from None
        raise
    finally:
        ended.set()
        watch.join()
        if ignored:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
