"""The process that directs a labelling: starts workers, notes how frames end, collects labels."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from contextlib import contextmanager
from pathlib import Path

from lionn_rs.errors import ConfigError, SimulationError
from lionn_rs.files import STOP_FILE, write_text
from lionn_rs.progress import ProgressDisplay
from lionn_rs.progress import progress as progress_display
from lionn_rs.signals import deferred
from lionn_rs.workflows.jobs import claim
from lionn_rs.workflows.label.folder import (
    TICKETS_FOLDER,
    Ending,
    Queue,
    collect,
    forget_failure,
    read_ending,
)
from lionn_rs.workflows.label.frames import Entry
from lionn_rs.workflows.label.result import LabelResult, write_summary
from lionn_rs.workflows.label.worker import Order, WorkerEnd, run_worker

__all__ = ["Work"]

logger = logging.getLogger("lionn_rs.label")

TICK_S = 0.2
"""Time between two looks at the workers, s."""
LOOK_S = 1.0
"""Time between two looks at the frames, s, and as much for every 500 frames."""
COLLECT_S = 5.0
COLLECT_SHARE = 0.05
"""The file of labels is written again after so long, s, and not for a larger share of the time."""
MAX_EARLY_DEATHS = 3
"""So many workers may be killed before their first frame."""
FIRST_FAILURES = 5
"""If the first frames all fail, so many, something is wrong with the settings."""


class Work:
    """The frames that are to be labelled, and how the others ended.

    Parameters
    ----------
    queue : Queue
    time_limit_s : float or None
        Wall time for one frame, s.
    retry_failed : bool
        Forget how failed frames ended.
    progress : bool
        Show progress.
    """

    def __init__(
        self, queue: Queue, time_limit_s: float | None, *, retry_failed: bool, progress: bool
    ) -> None:
        self.queue = queue
        self.time_limit_s = time_limit_s
        self.progress = progress
        self.endings: dict[str, Ending] = {}
        self.open: dict[str, Entry] = {entry.name: entry for entry in queue.entries}
        for entry, ending in self._newly_ended():
            if retry_failed and ending.status == "failed":
                forget_failure(queue.place(entry))
                self.open[entry.name] = entry
                del self.endings[entry.name]
        self._failed_here: list[Entry] = []
        self._early_deaths = 0
        self._fatal: Exception | None = None
        self._interrupted = False
        self._n_orders = 0
        self._futures: set[Future[WorkerEnd]] = set()
        self._next_look = self._next_collection = 0.0
        self._collected = -1

    def _newly_ended(self) -> list[tuple[Entry, Ending]]:
        """Frames that have ended since the last look; they are open no more."""
        found = []
        for name, entry in list(self.open.items()):
            ending = read_ending(self.queue.place(entry))
            if ending is not None:
                self.endings[name] = ending
                del self.open[name]
                found.append((entry, ending))
        return found

    def run(self, executor: Executor, n_workers: int, n_threads: int) -> None:
        """Let workers label; frames that other processes are at work on are waited for."""
        n_frames = len(self.queue.entries)
        with (
            deferred(self._interrupt),
            self._ticket() as ticket,
            progress_display("label", n_frames, "frames", enabled=self.progress) as display,
        ):
            display.advance(n_frames - len(self.open), skipped=True)
            self._log(
                f"{len(self.open)} of {n_frames} frames to label with {self.queue.calculator} "
                f"(settings {self.queue.hash[:12]}), {n_workers} at a time, "
                f"{n_threads} thread{'s' if n_threads > 1 else ''} each",
                display,
            )
            while self._wanted and (self.open or self._futures):
                self._submit(executor, ticket, n_workers, n_threads)
                done, self._futures = wait(self._futures, TICK_S, return_when=FIRST_COMPLETED)
                if not done and not self._futures:
                    time.sleep(TICK_S)
                for future in done:
                    self._take(future, display)
                self._look(display, now=bool(done))
            (self.queue.folder / TICKETS_FOLDER / ticket).unlink(missing_ok=True)
            wait(self._futures)
            self._look(display, now=True)
            if self._interrupted or self._fatal is not None:
                self.finish()
                raise KeyboardInterrupt

    @property
    def _wanted(self) -> bool:
        if self._interrupted or self._fatal is not None:
            return False
        # After a stop file the workers finish what they have in hand.
        return bool(self._futures) or not self.queue.stop_requested

    def _interrupt(self) -> None:
        self._interrupted = True

    @contextmanager
    def _ticket(self) -> Iterator[str]:
        """While the file lies in the folder, workers are wanted by this process."""
        name = uuid.uuid4().hex[:12]
        path = self.queue.folder / TICKETS_FOLDER / name
        write_text(path, "")
        try:
            yield name
        finally:
            path.unlink(missing_ok=True)

    def _submit(self, executor: Executor, ticket: str, n_workers: int, n_threads: int) -> None:
        """Keep as many workers at work as there are frames that nobody has claimed."""
        if len(self._futures) >= n_workers or self.queue.stop_requested:
            return
        free = 0
        for entry in self.open.values():
            place = self.queue.place(entry)
            free += not place.is_dir() or claim.holder(place) is None
            if free >= n_workers:
                break
        # Workers that have just been started have not claimed anything yet.
        for _ in range(min(n_workers, free) - len(self._futures)):
            order = Order(
                folder=str(self.queue.folder),
                name=f"{ticket}-{self._n_orders}",
                ticket=ticket,
                n_threads=n_threads,
                time_limit_s=self.time_limit_s,
                modules=str(Path.cwd()),
            )
            self._n_orders += 1
            self._futures.add(executor.submit(run_worker, order))

    def _take(self, future: Future[WorkerEnd], display: ProgressDisplay) -> None:
        """Note how a worker ended."""
        failure = future.exception()
        if failure is None:
            end = future.result()
        else:  # of Dask: its workers died too often, or the scheduler has gone
            end = WorkerEnd("error", f"{type(failure).__name__}: {failure}")
        if end.state == "error":
            self._fatal = ConfigError(end.message)
        elif end.state == "died":
            self._log(f"a worker died ({end.message})", display)
            self._early_deaths += not end.frame
            if self._early_deaths >= MAX_EARLY_DEATHS:
                self._fatal = SimulationError(
                    f"{self._early_deaths} workers died before their first frame, the last: "
                    f"{end.message}"
                )

    def _look(self, display: ProgressDisplay, *, now: bool = False) -> None:
        """Find frames that have ended, move the display, write the labels."""
        if not now and time.monotonic() < self._next_look:
            return
        self._next_look = time.monotonic() + LOOK_S * (1 + len(self.open) // 500)
        ended = self._newly_ended()
        for entry, ending in ended:
            if ending.status == "failed":
                self._failed_here.append(entry)
                self._log(f"{entry.label}: dropped ({ending.message})", display)
            else:
                logger.info(f"{entry.label}: labelled in {ending.seconds:.4g} s")
        n_failed = sum(ending.status == "failed" for ending in self.endings.values())
        if ended:
            display.advance(len(ended), failed=n_failed)
        if time.monotonic() >= self._next_collection:
            began = time.monotonic()
            self._collect()
            took = time.monotonic() - began
            self._next_collection = time.monotonic() + max(COLLECT_S, took / COLLECT_SHARE)
        all_failed = n_failed == len(self.endings) and len(self._failed_here) >= FIRST_FAILURES
        if all_failed and self.open and self._fatal is None:
            first = self._failed_here[0]
            self._fatal = SimulationError(
                f"the first {len(self._failed_here)} frames failed and none was labelled "
                f"({first.label}: {self.endings[first.name].message}); check the settings, then "
                "--retry-failed or other settings"
            )

    def _collect(self) -> None:
        labelled = [
            entry
            for entry in self.queue.entries
            if entry.name in self.endings and self.endings[entry.name].status == "labelled"
        ]
        if len(labelled) != self._collected:
            collect(self.queue, labelled)
            self._collected = len(labelled)

    def finish(self) -> LabelResult:
        """Write all labels and the summary.

        Raises
        ------
        ConfigError, SimulationError
            What kept the workers from labelling.
        """
        self._newly_ended()
        self._collect()
        result = LabelResult(
            folder=self.queue.folder,
            calculator=self.queue.calculator,
            entries=self.queue.entries,
            endings=self.endings,
            stopped=self.queue.stop_requested and bool(self.open),
        )
        write_summary(result)
        if self._fatal is not None:
            raise self._fatal
        if result.stopped:
            logger.info(f"found {self.queue.folder / STOP_FILE}")
        return result

    def _log(self, text: str, display: ProgressDisplay) -> None:
        logger.info(text)
        display.message(text)
