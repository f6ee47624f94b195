"""Requests to end runs early: a signal, or a file that the user makes."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

from lionn_rs.files import STOP_FILE

__all__ = ["BY_FILE", "BY_MONITOR", "Stop"]

BY_FILE = "stop file"
BY_MONITOR = "uncertain potential"
"""What md.json says about who stopped a run."""


class Stop:
    """What runs look at between two calls into the core.

    Parameters
    ----------
    folders : sequence of Path
        A file called ``stop`` in one of them ends all runs, in the folder of a run only
        this one.
    """

    def __init__(self, folders: Sequence[Path] = ()) -> None:
        self._folders = tuple(folders)
        self._requested = threading.Event()

    def request(self) -> None:
        """End all runs with a checkpoint, as after Ctrl-C."""
        self._requested.set()

    @property
    def requested(self) -> bool:
        """Whether :meth:`request` was called."""
        return self._requested.is_set()

    def file(self, folder: Path | None) -> Path | None:
        """Return the file that ends the run in ``folder``, if there is one."""
        own = [] if folder is None else [folder]
        places = (place / STOP_FILE for place in (*own, *self._folders))
        return next((place for place in places if place.exists()), None)
