"""One worker of ``lionn label``: a process that labels frame after frame with one calculator.

:func:`run_worker` starts the process and watches it; it is what a pool of threads on this machine
or a Dask worker calls (see :mod:`lionn_rs.workflows.jobs.processes`). The process takes the next
frame that nobody else has claimed (see :mod:`lionn_rs.workflows.jobs.claim`), so that any number
of workers on any number of machines share a queue.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import sys
import time
import traceback
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from lionn_rs.errors import ConfigError, DataError
from lionn_rs.files import write_json
from lionn_rs.signals import deferred
from lionn_rs.workflows.jobs import claim
from lionn_rs.workflows.jobs.processes import cause_of_death, module_process, serve, supervise
from lionn_rs.workflows.label.calculators import make_calculator
from lionn_rs.workflows.label.folder import (
    DEATHS_FILE,
    FRAMES_FOLDER,
    INPUTS_FOLDER,
    TICKETS_FOLDER,
    WORKERS_FOLDER,
    Ending,
    Queue,
    read_ending,
    write_ending,
)
from lionn_rs.workflows.label.frames import SHORT_HASH, Entry, decode_frame, labelled_text
from lionn_rs.workflows.label.output import CodeOutput

if TYPE_CHECKING:
    from ase import Atoms
    from ase.calculators.calculator import BaseCalculator

__all__ = ["Order", "WorkerEnd", "label_frames", "run_worker"]

AT_WORK_FILE = "at_work.json"
LOG_FILE = "errors.log"
MAX_DEATHS = 2
"""A frame whose worker was killed so often is dropped."""
GRACE_S = 5.0
"""Time to end after the order to stop, s: a frame that is not finished is lost anyway."""
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(frozen=True)
class Order:
    """What an executor passes on.

    Attributes
    ----------
    folder : str
        Folder of the queue, absolute.
    name : str
        Name of the worker; no two have the same.
    ticket : str
        Name of the file that lies in the folder while whoever gave the order wants it.
    n_threads : int
    time_limit_s : float or None
        Wall time for one frame, s.
    modules : str
        Folder in which a calculator given as ``module:Class`` may lie.
    """

    folder: str
    name: str
    ticket: str
    n_threads: int
    time_limit_s: float | None
    modules: str

    @property
    def wanted(self) -> bool:
        """Whether whoever gave the order is still at work."""
        return (Path(self.folder) / TICKETS_FOLDER / self.ticket).exists()

    @property
    def own_folder(self) -> Path:
        """Where the process works: output of the code lies here."""
        return Path(self.folder) / WORKERS_FOLDER / self.name


@dataclass(frozen=True)
class WorkerEnd:
    """How a worker ended.

    Attributes
    ----------
    state : str
        "done": no frame is left for it; "stopped": it was told to; "overdue": a frame took too
        long; "died": its process was killed; "error": its calculator cannot be used.
    message : str
    frame : str
        Name of the frame at work when it died or was overdue.
    """

    state: Literal["done", "stopped", "overdue", "died", "error"]
    message: str = ""
    frame: str = ""


class _Watch:
    """Looks at the frame in hand, from the outside, by the clock of the watcher."""

    def __init__(self, order: Order) -> None:
        self.limit_s = order.time_limit_s
        self.path = order.own_folder / AT_WORK_FILE
        self.frame = ""
        self.late = False
        self._since = time.monotonic()

    def overdue(self) -> bool:
        """Whether the frame in hand is beyond the time limit."""
        frame = self._read()
        if frame != self.frame:
            self.frame, self._since = frame, time.monotonic()
        elapsed = time.monotonic() - self._since
        self.late = bool(frame) and self.limit_s is not None and elapsed > self.limit_s
        return self.late

    def _read(self) -> str:
        try:
            return str(json.loads(self.path.read_text(encoding="utf-8"))["frame"])
        except (OSError, ValueError, KeyError):
            return ""


def run_worker(order: Order) -> WorkerEnd:
    """Let a process of its own work on the queue until nothing is left, and wait for it."""
    folder = Path(order.folder)
    if not folder.is_dir():
        return WorkerEnd("error", f"{folder}: no such folder on the machine of the worker")
    if not order.wanted:
        return WorkerEnd("stopped")
    queue = Queue.open(folder)
    if all(read_ending(queue.place(entry)) is not None for entry in queue.entries):
        return WorkerEnd("done")
    order.own_folder.mkdir(parents=True, exist_ok=True)
    process = module_process("lionn_rs.workflows.label.worker", order.n_threads)
    process["env"] |= dict.fromkeys(THREAD_VARIABLES, str(order.n_threads))
    watch = _Watch(order)
    ended = supervise(
        process, asdict(order), lambda: order.wanted, overdue=watch.overdue, grace_s=GRACE_S
    )
    late = watch.late
    watch.overdue()  # reads the last frame
    if late and ended.code != 0:
        reason = f"time limit of {order.time_limit_s:g} s"
        _drop(queue, watch.frame, reason)
        return WorkerEnd("overdue", reason, watch.frame)
    if ended.code == 0:
        return WorkerEnd("done")
    if not order.wanted:
        return WorkerEnd("stopped")
    if ended.code == 1 and ended.said.strip():
        # An error with its text, see serve(); what codes print stands before it.
        return WorkerEnd("error", ended.said.strip().splitlines()[-1])
    if ended.code == claim.LOST:
        return WorkerEnd("died", "was taken for dead by another process")
    reason = cause_of_death(ended.code, ended.errors)
    if watch.frame:
        _note_death(queue, watch.frame, reason)
    return WorkerEnd("died", reason, watch.frame)


def _drop(queue: Queue, name: str, reason: str) -> None:
    """Note a frame as failed, unless somebody else has it in hand or has labelled it.

    This machine is the one to do it: elsewhere the claim of a process that was killed stands for
    some time.
    """
    place = queue.folder / FRAMES_FOLDER / name
    taken = claim.take(place)
    if taken is not None:
        with taken:
            if read_ending(place) is None:
                write_ending(place, Ending("failed", reason))


def _note_death(queue: Queue, name: str, reason: str) -> None:
    """Count that the worker of a frame was killed; too often, and the frame is dropped."""
    path = queue.folder / FRAMES_FOLDER / name / DEATHS_FILE
    with path.open("a", encoding="utf-8") as stream:
        stream.write(reason + "\n")
    times = len(path.read_text(encoding="utf-8").splitlines())
    if times >= MAX_DEATHS:
        _drop(queue, name, f"its worker died {times} times, the last: {reason}")


def label_frames(order: Order) -> None:
    """Label every frame that is free, in order; returns when none is left.

    Raises
    ------
    ConfigError
        The calculator cannot be made, or lacks what is asked for.
    """
    queue = Queue.open(Path(order.folder))
    place = order.own_folder
    os.chdir(place)  # where codes leave their files
    sys.path.insert(0, order.modules)
    desk = _Desk(queue)
    for entry in queue.entries:
        if queue.stop_requested or not order.wanted:
            return
        if read_ending(queue.place(entry)) is not None:
            continue
        taken = claim.take(queue.place(entry), worker=order.name)
        if taken is None:
            continue
        with taken:
            if read_ending(queue.place(entry)) is None:
                desk.prepare(entry)
                write_json(place / AT_WORK_FILE, {"frame": entry.name})
                desk.label(entry)
                write_json(place / AT_WORK_FILE, {"frame": ""})


class _Desk:
    """Calculator and structure in hand."""

    def __init__(self, queue: Queue) -> None:
        self.queue = queue
        self._output = CodeOutput(queue.calculator, Path.cwd())
        self._calculator: BaseCalculator | None = None
        self._atoms: Atoms | None = None

    def prepare(self, entry: Entry) -> None:
        """Read a frame; the calculator stays if it can go on from its last state."""
        atoms = decode_frame(self.queue.folder / INPUTS_FOLDER / entry.file, entry.index)
        before = self._atoms
        same = (
            before is not None
            and np.array_equal(before.numbers, atoms.numbers)
            and np.array_equal(before.cell.array, atoms.cell.array)
            and np.array_equal(before.pbc, atoms.pbc)
        )
        if self._calculator is not None and not (same and self.queue.keep_state):
            self._drop()
        if self._calculator is None:
            arguments = self.queue.settings | self.queue.running
            self._calculator = make_calculator(self.queue.calculator, arguments)
        self._atoms = atoms

    def _drop(self) -> None:
        """Leave the calculator; one that runs a program of its own ends it."""
        close = getattr(self._calculator, "close", None)
        self._calculator = None
        if close is not None:
            with suppress(Exception):  # it is not needed any more
                close()
        gc.collect()  # codes inside Python hold gigabytes in circles of references

    def label(self, entry: Entry) -> None:
        """Compute and write the result of the frame that was prepared.

        Raises
        ------
        ConfigError
            Something that would be the same for every frame.
        """
        from ase.calculators.calculator import SCFError

        started = time.monotonic()
        place = self.queue.place(entry)
        assert self._atoms is not None
        assert self._calculator is not None
        self._output.begin()
        try:
            results = _compute(self._atoms, self._calculator, stress=entry.stress)
            _check(self._atoms, results)
            if complaint := self._output.complaint():
                raise SCFError(complaint)
        except Exception as error:
            # Codes raise whatever they like; what is wrong with this frame alone is its result.
            with (place / LOG_FILE).open("a", encoding="utf-8") as stream:
                stream.write(traceback.format_exc())
            self._drop()
            if _concerns_all(error):
                raise _as_config_error(self.queue.calculator, error) from error
            text = " ".join(f"{type(error).__name__}: {error}".split())
            write_ending(place, Ending("failed", text, _seconds(started)))
            return
        seconds = _seconds(started)
        code = self._output.version()
        provenance = {
            "calculator": self.queue.calculator,
            "code": code,
            "settings_hash": f"sha256:{self.queue.hash[:SHORT_HASH]}",
            "label_seconds": seconds,
        }
        text = labelled_text(self._atoms, results, entry, provenance)
        interrupted: list[bool] = []
        with deferred(lambda: interrupted.append(True)):  # what is computed is not lost any more
            write_ending(place, Ending("labelled", "", seconds, code), text)
        if interrupted:
            raise KeyboardInterrupt


def _seconds(started: float) -> float:
    return round(time.monotonic() - started, 3)


def _compute(atoms: Atoms, calculator: BaseCalculator, *, stress: bool) -> dict[str, Any]:
    """Energy, free energy where the code has one, forces and, if asked for, stress."""
    from ase.calculators.calculator import PropertyNotImplementedError, SCFError

    work = atoms.copy()
    work.calc = calculator
    results: dict[str, Any] = {"energy": float(work.get_potential_energy())}
    with suppress(PropertyNotImplementedError):
        results["free_energy"] = float(work.get_potential_energy(force_consistent=True))
    results["forces"] = np.array(work.get_forces(apply_constraint=False), dtype=np.float64)
    if stress:
        results["stress"] = np.array(work.get_stress(), dtype=np.float64)
    if getattr(calculator, "converged", None) is False:  # VASP does not raise
        raise SCFError("the code says that it has not converged")
    return results


def _check(atoms: Atoms, results: dict[str, Any]) -> None:
    """Refuse labels that are not finite or have the wrong shape."""
    from ase.calculators.singlepoint import SinglePointCalculator

    from lionn_rs.data.images import LabeledImage

    copy = atoms.copy()
    copy.calc = SinglePointCalculator(copy, **results)
    LabeledImage.from_atoms(copy, name="label")
    if not np.isfinite(results["energy"]):
        raise DataError(f"label: energy is {results['energy']}")


def _concerns_all(error: Exception) -> bool:
    """Whether an error comes from installation or settings, hence meets every frame."""
    from ase.calculators import calculator as ase_errors

    return isinstance(
        error,
        (
            ConfigError,
            ImportError,
            FileNotFoundError,
            PermissionError,
            NotImplementedError,
            ase_errors.CalculatorSetupError,
            ase_errors.BadConfiguration,
        ),
    )


def _as_config_error(name: str, error: Exception) -> ConfigError:
    from ase.calculators.calculator import PropertyNotImplementedError

    text = " ".join(f"{type(error).__name__}: {error}".split())
    if isinstance(error, PropertyNotImplementedError) and "stress" in str(error):
        return ConfigError(f"calculator '{name}' has no stress: stress_every = 0 leaves it out")
    return ConfigError(f"calculator '{name}' cannot label ({text})")


def _work(task: dict[str, Any]) -> None:
    label_frames(Order(**task))


def _end_programs() -> None:
    """Ask programs that were started in the session of this process, and are left, to end."""
    if hasattr(os, "killpg") and os.getpgrp() == os.getpid():
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        os.killpg(0, signal.SIGTERM)


if __name__ == "__main__":
    exit_code = serve(_work)
    _end_programs()
    sys.exit(exit_code)
