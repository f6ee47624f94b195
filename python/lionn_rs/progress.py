"""One progress display for every long task: rate and time left, or log lines."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskID, TextColumn
from rich.text import Text

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["ProgressDisplay", "format_duration", "progress"]

LOG_INTERVAL_S = 30.0
"""Seconds between log lines where there is no terminal to draw on."""


def progress(
    description: str,
    total: float,
    unit: str = "it",
    *,
    enabled: bool = True,
    speed: Callable[[float], str] | None = None,
) -> ProgressDisplay:
    """Progress display as a context manager.

    Parameters
    ----------
    description : str
        What is running, a few words.
    total : float
        Number of units of work; 0 if it is not known.
    unit : str
        Name of one unit ("iterations", "steps"), shown with the rate.
    enabled : bool
        ``False`` shows nothing.
    speed : callable, optional
        Says what a rate, units per second, means ("12.3 ns/day"); shown beside it.

    Returns
    -------
    ProgressDisplay

    Examples
    --------
    >>> with progress("training", 3, "iterations", enabled=False) as display:
    ...     for _ in range(3):
    ...         display.advance(1, loss=0.5)
    >>> display.done
    3.0
    """
    return ProgressDisplay(description, total, unit, enabled=enabled, speed=speed)


class ProgressDisplay:
    """A bar on a terminal; elsewhere one log line every :data:`LOG_INTERVAL_S` and one at the end.

    Everything goes to standard error, so that results on standard output can be piped.
    """

    def __init__(
        self,
        description: str,
        total: float,
        unit: str = "it",
        *,
        enabled: bool = True,
        speed: Callable[[float], str] | None = None,
    ) -> None:
        self._speed = speed
        self.description = description
        self.total = float(total)
        self.unit = unit
        self.done = 0.0
        self._skipped = 0.0
        self._enabled = enabled
        self._info = ""
        self._end = "done"
        self._started = self._last_log = time.monotonic()
        self._bar: Progress | None = None
        self._task: TaskID | None = None

    def __enter__(self) -> ProgressDisplay:
        self._started = self._last_log = time.monotonic()
        console = Console(stderr=True)
        if self._enabled and console.is_terminal:
            self._bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                _RateColumn(self),
                console=console,
            )
            self._task = self._bar.add_task(self.description, total=self.total or None)
            self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
        elif self._enabled:
            self._log(end="stopped" if kind else self._end)

    def advance(self, n: float = 1, *, skipped: bool = False, **info: float | str) -> None:
        """Count ``n`` units as done and show ``info`` (for example ``loss=0.5``) beside them.

        ``skipped`` units were done by an earlier run: they do not count in the rate.
        """
        self.done += n
        self._skipped += n if skipped else 0.0
        if info:
            self._info = " ".join(f"{key} {_short(value)}" for key, value in info.items())
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=self.done)
        elif self._enabled and time.monotonic() - self._last_log >= LOG_INTERVAL_S:
            self._last_log = time.monotonic()
            self._log()

    def stopped(self) -> None:
        """Say at the end that the task has stopped early, though without an error."""
        self._end = "stopped"

    def message(self, text: str) -> None:
        """Print one line without disturbing the bar."""
        if self._bar is not None:
            self._bar.console.print(text, highlight=False, markup=False)
        elif self._enabled:
            print(text, file=sys.stderr, flush=True)  # noqa: T201

    @property
    def _count(self) -> str:
        """Units done and, where it is known, their number."""
        return f"{self.done:.0f}" + (f"/{self.total:.0f}" if self.total else "")

    @property
    def status(self) -> str:
        """Done, rate, time left and the last info, as one line of text."""
        elapsed = time.monotonic() - self._started
        done_here = self.done - self._skipped
        rate = done_here / elapsed if elapsed > 0 else 0.0
        parts = [f"{self._count} {self.unit}"]
        if done_here > 0 and not self.total:
            parts.append(_rate_text(rate, self.unit))
        elif done_here > 0:
            left = max(self.total - self.done, 0.0) / rate if rate > 0 else 0.0
            parts.append(_rate_text(rate, self.unit))
            if self._speed is not None:
                parts.append(self._speed(rate))
            parts.append(f"{format_duration(left)} left")
        return " · ".join([*parts, *([self._info] if self._info else [])])

    def _log(self, end: str | None = None) -> None:
        if end is None:
            text = self.status
        else:
            elapsed = time.monotonic() - self._started
            text = f"{end}, {self._count} {self.unit}"
            text += f" in {format_duration(elapsed)}"
            if self._speed is not None and self.done > self._skipped and elapsed > 0:
                text += f" · {self._speed((self.done - self._skipped) / elapsed)}"
            text += f" · {self._info}" if self._info else ""
        print(f"{self.description}: {text}", file=sys.stderr, flush=True)  # noqa: T201


class _RateColumn(ProgressColumn):
    def __init__(self, display: ProgressDisplay) -> None:
        self._display = display
        super().__init__()

    def render(self, task: Task) -> Text:
        return Text(self._display.status)


def format_duration(seconds: float) -> str:
    """Duration as a person says it: ``0.4 s``, ``42 s``, ``3 min 5 s``, ``2 h 10 min``.

    Examples
    --------
    >>> format_duration(185)
    '3 min 5 s'
    """
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def _rate_text(rate: float, unit: str) -> str:
    if rate >= 1 or rate == 0:
        return f"{_short(rate)} {unit}/s"
    return f"{_short(1 / rate)} s per {unit.removesuffix('s')}"


def _short(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:.4g}"
