"""The iteration loop of a training run: restarts, validation, stopping, checkpoints."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np

from lionn_rs.errors import SimulationError
from lionn_rs.progress import ProgressDisplay
from lionn_rs.training.checkpoints import Arrays, read_checkpoint, write_checkpoint
from lionn_rs.training.history import History
from lionn_rs.training.interrupt import DeferredInterrupt
from lionn_rs.training.line_search import Vector
from lionn_rs.training.objective import Objective, Report
from lionn_rs.training.optimizer import Optimizer
from lionn_rs.training.optimizers import optimizer

logger = logging.getLogger(__name__)

CHECKPOINT_INTERVAL_S: Final = 20.0
"""Wall time between two checkpoints."""

CHECKPOINT_NAME: Final = "checkpoint.npz"
HISTORY_NAME: Final = "history.csv"
LOG_NAME: Final = "train.log"

INTERRUPTED: Final = "interrupted"

Callback = Callable[[dict[str, float], Vector], bool | None]


@dataclass(frozen=True)
class Limits:
    """When to stop, and how often to validate."""

    max_iterations: int
    n_starts: int
    validation_interval: int
    patience: int | None
    wall_time_s: float | None
    gradient_tolerance: float


@dataclass
class Candidate:
    """Parameters worth keeping."""

    score: float = np.inf
    parameters: Vector = field(default_factory=lambda: np.zeros(0))
    iteration: int = -1
    start: int = -1


class Session:
    """One training run.

    Parameters
    ----------
    objective : Objective
        Training images.
    validation : Objective or None
        Validation images; without them the training loss decides which iteration is best.
    initial : callable
        Initial parameters of a restart, ``start -> (n_parameters,)``.
    optimizer_name : str
        One of :data:`lionn_rs.training.optimizers.OPTIMIZERS`.
    optimizer_options : mapping
        Options of this optimizer; a ``seed`` grows by one with every restart.
    limits : Limits
        When to stop.
    settings : dict
        What the run depends on; stored in the checkpoint and compared on resuming.
    output : Path or None
        Folder of checkpoint, history and log.
    display : ProgressDisplay
        Live progress.
    started : float
        ``time.monotonic()`` at the beginning of the run, for the wall-time limit.
    callback : callable, optional
        Called after every iteration with the history row and the parameters; ``True`` stops the
        run.
    """

    def __init__(
        self,
        *,
        objective: Objective,
        validation: Objective | None,
        initial: Callable[[int], Vector],
        optimizer_name: str,
        optimizer_options: Mapping[str, Any],
        limits: Limits,
        settings: dict[str, Any],
        output: Path | None,
        display: ProgressDisplay,
        started: float,
        callback: Callback | None = None,
    ) -> None:
        self.objective = objective
        self.validation = validation
        self.initial = initial
        self.optimizer_class = optimizer(optimizer_name)
        self.optimizer_options = dict(optimizer_options)
        self.limits = limits
        self.settings = settings
        self.output = output
        self.display = display
        self.callback = callback
        self.history = History()
        self.start = 0
        self.optimizer = self._new_optimizer(initial(0))
        self.is_fresh = True
        self.best = Candidate()
        self.best_of_start = Candidate()
        self.last = Candidate()
        self.stale = 0
        self.stop_reasons: list[str] = []
        self.interrupted = False
        self._started = started
        self._seconds_before = 0.0
        self._clock = time.monotonic()
        self._last_checkpoint = time.monotonic()

    def _new_optimizer(self, x: Vector) -> Optimizer:
        options = dict(self.optimizer_options)
        if "seed" in options:
            options["seed"] += self.start
        return self.optimizer_class(
            self.objective, x, gradient_tolerance=self.limits.gradient_tolerance, **options
        )

    @property
    def seconds(self) -> float:
        """Wall time of the iterations so far, interruptions left out."""
        return self._seconds_before + time.monotonic() - self._clock

    def run(self) -> None:
        """Run all starts, or until interrupted."""
        self._clock = time.monotonic()
        with DeferredInterrupt() as interrupt:
            while self.start < self.limits.n_starts:
                reason = self._run_start(interrupt)
                self.interrupted = reason == INTERRUPTED
                self.checkpoint()
                self._finish_start(reason)
                if self.interrupted or self.start + 1 == self.limits.n_starts:
                    break
                self.start += 1
                self.optimizer = self._new_optimizer(self.initial(self.start))
                self.is_fresh = True
                self.stale = 0
                self.best_of_start = Candidate()

    def _run_start(self, interrupt: DeferredInterrupt) -> str:
        deadline = self._deadline()
        if self.is_fresh:
            self.optimizer.start()
            if not np.isfinite(self.optimizer.value):
                raise SimulationError(
                    f"the initial parameters give no loss: {self.objective.failure}"
                )
            self.is_fresh = False
            if self.start == 0 and self.optimizer.history_note:
                self.say(self.optimizer.history_note)
            self._record()
        while True:
            reason = self._limit(interrupt, deadline)
            if reason:
                return reason
            self.optimizer.progress = self._progress(deadline)
            if not self.optimizer.step():
                return " ".join([self.optimizer.stop_reason, self.objective.failure]).strip()
            if self._record():
                return "stopped by the callback"
            if time.monotonic() - self._last_checkpoint > CHECKPOINT_INTERVAL_S:
                self.checkpoint()

    def _deadline(self) -> float:
        """Share the wall time that is left equally among the starts."""
        if self.limits.wall_time_s is None:
            return np.inf
        now = time.monotonic()
        left = self._started + self.limits.wall_time_s - now
        return now + left / (self.limits.n_starts - self.start)

    def _progress(self, deadline: float) -> tuple[float, float]:
        """Part of this start that is over, now and after one more iteration.

        In iterations or in seconds, whichever is nearer to its limit. Seconds count those of the
        same start before an interruption.
        """
        iteration, total = self.optimizer.iteration, self.limits.max_iterations
        progress = (iteration / total, (iteration + 1) / total)
        if np.isfinite(deadline):
            times = [row["seconds"] for row in self.history.rows]
            before = [row["seconds"] for row in self.history.rows if row["start"] < self.start]
            spent = self.seconds - max(before, default=0.0)
            end = spent + deadline - time.monotonic()
            latest = times[-1] - times[-2] if len(times) > 1 else times[-1]
            by_time = (spent / end, (spent + latest) / end)
            progress = (max(progress[0], by_time[0]), max(progress[1], by_time[1]))
        return min(progress[0], 1.0), min(progress[1], 1.0)

    def _limit(self, interrupt: DeferredInterrupt, deadline: float) -> str:
        if interrupt.seen:
            return INTERRUPTED
        if self.optimizer.iteration >= self.limits.max_iterations:
            return f"iteration limit of {self.limits.max_iterations}"
        if time.monotonic() > deadline:
            return f"wall-time limit of {self.limits.wall_time_s:g} s"
        if self.limits.patience is not None and self.stale >= self.limits.patience:
            return f"no better validation in {self.stale} in a row"
        return ""

    def _record(self) -> bool:
        """Add a history row, validate if it is time; ``True`` if the callback wants to stop."""
        iteration = self.optimizer.iteration
        report = self.optimizer.report() or self.objective.report(self.optimizer.x)
        row = {
            "start": float(self.start),
            "iteration": float(iteration),
            "loss": report["loss"],
            **_errors(report, ""),
            "gradient_norm": self.optimizer.gradient_norm,
            "evaluations": float(self.optimizer.n_evaluations),
            "seconds": self.seconds,
        }
        if iteration % self.limits.validation_interval == 0:
            checked = self._validate()
            row |= checked
            if self._consider(self._score(checked)):
                self.stale = 0
            else:
                self.stale += 1
        self.history.append(row)
        if iteration > 0:
            shown: dict[str, Any] = {
                "loss": row["loss"],
                "best": self.best.score,
                "meV/atom": 1e3 * row["energy_rmse_per_atom"],
            }
            if np.isfinite(row["force_rmse"]):
                shown["meV/Å"] = 1e3 * row["force_rmse"]
            self.display.advance(1, **shown)
        return bool(self.callback and self.callback(self.history.rows[-1], self.optimizer.x.copy()))

    def _validate(self) -> dict[str, float]:
        if self.validation is None:
            return {}
        report = self.validation.report(self.optimizer.x)
        return {"validation_loss": report["loss"], **_errors(report, "validation_")}

    def _score(self, checked: Report) -> float:
        """Return what decides which iteration is best: without validation the training loss."""
        if checked:
            return checked["validation_loss"]
        return self.objective.report(self.optimizer.x)["loss"]

    def _consider(self, score: float) -> bool:
        """Keep the present parameters if they are the best of this start; ``True`` if they are."""
        present = Candidate(score, self.optimizer.x.copy(), self.optimizer.iteration, self.start)
        if score < self.best.score:
            self.best = present
        if score < self.best_of_start.score:
            self.best_of_start = present
            return True
        return False

    def _finish_start(self, reason: str) -> None:
        """Validate the end point, keep the last parameters of the best start."""
        row = self.history.rows[-1]
        if not np.isfinite(row["validation_loss"]):
            checked = self._validate()
            row.update(checked)
            self._consider(self._score(checked))
        if self.best.start == self.start or self.last.start < 0:
            present = Candidate(
                row["loss"], self.optimizer.x.copy(), self.optimizer.iteration, self.start
            )
            self.last = present
        self.stop_reasons.append(reason)
        self.say(
            f"start {self.start + 1} of {self.limits.n_starts}: "
            f"{self.optimizer.iteration} iterations, {reason}; "
            f"best at iteration {self.best_of_start.iteration}"
        )
        if self.output is not None:
            self.history.write(self.output / HISTORY_NAME)

    def say(self, text: str) -> None:
        """One line to the log, the log file and the display."""
        logger.info(text)
        self.display.message(text)
        write_log(self.output, text)

    def checkpoint(self) -> None:
        """Write checkpoint and history, if there is an output folder."""
        self._last_checkpoint = time.monotonic()
        if self.output is None:
            return
        arrays: Arrays = {
            f"optimizer_{key}": value for key, value in self.optimizer.state().items()
        }
        for name in ("best", "best_of_start", "last"):
            candidate: Candidate = getattr(self, name)
            arrays[f"{name}_parameters"] = candidate.parameters
            arrays[f"{name}_numbers"] = np.array(
                [candidate.score, candidate.iteration, candidate.start]
            )
        arrays["history"] = self.history.to_array()
        arrays["counters"] = np.array([self.start, self.stale])
        arrays["seconds"] = np.array(self.seconds)
        arrays["stop_reasons"] = np.array(self.stop_reasons, dtype=np.str_)
        write_checkpoint(self.output / CHECKPOINT_NAME, arrays, self.settings)
        self.history.write(self.output / HISTORY_NAME)

    def resume(self) -> None:
        """Continue from the checkpoint in the output folder.

        Raises
        ------
        ConfigError
            If it was written with other settings.
        DataError
            If it is damaged.
        """
        if self.output is None:
            return
        arrays = read_checkpoint(self.output / CHECKPOINT_NAME, self.settings)
        self.start, self.stale = (int(x) for x in arrays["counters"])
        self.optimizer = self._new_optimizer(self.optimizer.x)
        self.optimizer.restore(
            {
                key.removeprefix("optimizer_"): value
                for key, value in arrays.items()
                if key.startswith("optimizer_")
            }
        )
        for name in ("best", "best_of_start", "last"):
            score, iteration, start = (float(x) for x in arrays[f"{name}_numbers"])
            candidate = Candidate(score, arrays[f"{name}_parameters"], int(iteration), int(start))
            setattr(self, name, candidate)
        self.history = History.from_array(arrays["history"])
        self._seconds_before = float(arrays["seconds"])
        self.stop_reasons = [str(reason) for reason in arrays["stop_reasons"]]
        self.is_fresh = False
        done = self.start * self.limits.max_iterations + self.optimizer.iteration
        self.display.advance(done, skipped=True)
        self.say(f"resumed at iteration {self.optimizer.iteration} of start {self.start + 1}")


def _errors(report: Report, prefix: str) -> dict[str, float]:
    names = ("energy_rmse_per_atom", "force_rmse", "stress_rmse")
    return {prefix + name: report[name] for name in names}


def write_log(output: Path | None, text: str) -> None:
    """Append one line to the log file of a run."""
    if output is not None:
        with (output / LOG_NAME).open("a", encoding="utf-8") as stream:
            stream.write(text + "\n")
