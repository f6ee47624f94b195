"""Signals that end a long command: Ctrl-C, and SIGTERM, which queues send before they kill."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

__all__ = ["deferred", "last_signal", "note"]

_DEFERRED: dict[signal.Signals, Any] = {
    signal.SIGINT: signal.default_int_handler,
    signal.SIGTERM: signal.SIG_DFL,
}
"""The signals, and what they do where nobody has asked for anything else."""

_seen: list[int] = []


def note(number: int) -> None:
    """Remember that a signal asked for the end."""
    _seen.append(number)


def last_signal() -> int | None:
    """Return the signal that asked for the end last; ``None`` if there was none."""
    return _seen[-1] if _seen else None


@contextmanager
def deferred(act: Callable[[], None]) -> Iterator[None]:
    """Let the first Ctrl-C or SIGTERM only call ``act``, so that it cannot strike during a write.

    A second one does at once what it does elsewhere. Signals for which the program has a handler of
    its own, or which it ignores, are left alone; outside the main thread nothing can be changed.
    """
    own = threading.current_thread() is threading.main_thread()
    mine = [n for n, default in _DEFERRED.items() if own and signal.getsignal(n) == default]

    def restore() -> None:
        for number in mine:
            signal.signal(number, _DEFERRED[number])

    def handle(number: int, _frame: FrameType | None) -> None:
        restore()
        note(number)
        act()

    for number in mine:
        signal.signal(number, handle)
    try:
        yield
    finally:
        restore()
