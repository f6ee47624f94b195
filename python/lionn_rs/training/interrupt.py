"""Ctrl-C that waits for the end of an iteration."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any

from lionn_rs.signals import note


class DeferredInterrupt:
    """While active, the first Ctrl-C or SIGTERM only sets :attr:`seen`, a second interrupts.

    Signals can be caught in the main thread only; elsewhere this does nothing.
    """

    def __init__(self) -> None:
        self.seen = False
        self._previous: dict[signal.Signals, Any] = {}

    def __enter__(self) -> DeferredInterrupt:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._previous[number] = signal.signal(number, self._handle)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        self._previous = {}

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self.seen:
            raise KeyboardInterrupt
        note(number)
        self.seen = True
