"""Cores for runs that are at work side by side."""

from __future__ import annotations

import os
import threading

__all__ = ["CoreShare", "available_cores"]


def available_cores() -> int:
    """Cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class CoreShare:
    """Divides cores over the runs at work; when one ends, the others get its cores.

    Parameters
    ----------
    n_cores : int
        Cores of all runs together.

    Examples
    --------
    >>> share = CoreShare(4)
    >>> for run in ("a", "b", "c"):
    ...     share.enter(run)
    >>> [share.of(run) for run in ("a", "b", "c")]
    [2, 1, 1]
    >>> share.leave("a")
    >>> share.of("b")
    2
    """

    def __init__(self, n_cores: int) -> None:
        self._n_cores = n_cores
        self._runs: list[object] = []
        self._lock = threading.Lock()

    def enter(self, run: object) -> None:
        """Count a run as being at work."""
        with self._lock:
            self._runs.append(run)

    def leave(self, run: object) -> None:
        """Give the cores of a run that has ended to the others."""
        with self._lock:
            self._runs.remove(run)

    def of(self, run: object) -> int:
        """Cores of a run at work, at least one."""
        with self._lock:
            each, left = divmod(self._n_cores, len(self._runs))
            return max(1, each + (self._runs.index(run) < left))
