"""Running a protocol: one run with its files, or many side by side."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lionn_rs import _core
from lionn_rs.errors import ConfigError, SimulationError
from lionn_rs.md.protocol import Protocol, Stage
from lionn_rs.md.storage import FolderStore, MemoryStore, Store, describe
from lionn_rs.md.trajectory import Trajectory
from lionn_rs.md.uncertainty import check_limits, set_monitor
from lionn_rs.progress import progress as progress_display
from lionn_rs.structure_arrays import structure_arrays

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["MdJob", "MdResult", "run_many", "run_md"]

CALL_S = 0.4
"""Wall time of one call into the core, s: delay of progress reports and of requests to stop."""
CHECKPOINT_INTERVAL_S = 30.0
"""Wall time between checkpoints, s."""
MAX_BUFFER_BYTES = 32_000_000
"""Recorded frames kept in memory before they are written."""


@dataclass(frozen=True)
class MdResult:
    """Outcome of a run.

    Attributes
    ----------
    status : str
        "finished"; "stopped" where the potential was too uncertain and the protocol says so, such a
        run can be resumed; "failed" (only from :func:`run_many`).
    message : str
        Why a run failed or was stopped.
    metadata : dict
        What md.json holds: protocol, stages, hashes, counters, speed.
    trajectory : Trajectory
        Frames and thermo table.
    output : Path or None
        The output folder.
    uncertain_frames : list of Atoms
        Frames that were kept because the potential was uncertain, with the arrays
        ``extrapolation_excess``, ``extrapolation_grade``, ``force_std`` and ``network_forces`` as
        far as they are known.
    """

    status: str
    message: str
    metadata: dict[str, Any] = field(repr=False)
    trajectory: Trajectory = field(repr=False)
    output: Path | None = None
    uncertain_frames: list[Atoms] = field(default_factory=list, repr=False)

    @property
    def thermo(self) -> dict[str, NDArray[Any]]:
        """Columns of the thermo table."""
        return self.trajectory.thermo

    @property
    def temperature_K(self) -> float:
        """Target temperature, K."""
        return self.trajectory.temperature_K


@dataclass(frozen=True)
class MdJob:
    """Arguments of one :func:`run_md` in a list for :func:`run_many`."""

    potential: Any
    atoms: Atoms
    protocol: Protocol
    output: Path | str | None = None
    resume: bool = False
    force: bool = False


def run_md(
    potential: Any,
    atoms: Atoms,
    protocol: Protocol,
    *,
    output: Path | str | None = None,
    resume: bool = False,
    force: bool = False,
    progress: bool = True,
    n_threads: int | None = None,
    checkpoint_interval_s: float = CHECKPOINT_INTERVAL_S,
) -> MdResult:
    """Run a molecular-dynamics protocol.

    Parameters
    ----------
    potential : Potential
        Neural-network potential, a committee, or an analytic one of the core.
    atoms : Atoms
        Start structure; its velocities are ignored.
    protocol : Protocol
        Temperatures, times, thermostat, seed and limits.
    output : path, optional
        Folder for trajectory.h5, thermo.csv, checkpoint.npz and md.json, and for
        uncertain_frames.extxyz if there are such frames; without it everything stays in memory.
    resume : bool
        Continue what the folder holds, bit for bit; start if it is empty. Of the protocol, only
        ``production_ps`` may differ, and only grow, and what is said about uncertain frames.
    force : bool
        Replace what the folder holds.
    progress : bool
        Show progress.
    n_threads : int, optional
        Threads of the force call; default: all cores. The result has the same bits for any number.
    checkpoint_interval_s : float
        Wall time between checkpoints, s.

    Returns
    -------
    MdResult

    Raises
    ------
    ConfigError
        The folder is not empty, or holds a run of something else; a limit that the potential knows
        nothing about.
    SimulationError
        The run had to stop (collision, temperature, non-finite values). The frames up to then and
        the last good state, ``last_good.npz`` and ``last_good.extxyz``, are in the folder.
    KeyboardInterrupt
        After Ctrl-C, once a checkpoint is written.

    Examples
    --------
    >>> from ase.build import bulk
    >>> from lionn_rs._core import LennardJones
    >>> argon = bulk("Ar", "fcc", a=5.3, cubic=True).repeat(2)
    >>> lj = LennardJones(epsilon=0.0104, sigma=3.4, onset=5.5, cutoff=7.0)
    >>> protocol = Protocol(temperature_K=40, heating_ps=0, equilibration_ps=0, production_ps=0.2)
    >>> result = run_md(lj, argon, protocol, progress=False)
    >>> result.trajectory.positions().shape
    (11, 32, 3)
    """
    run = _Run(potential, atoms, protocol, output, resume, force, n_threads, checkpoint_interval_s)
    stop = threading.Event()
    title = f"MD {protocol.temperature_K:g} K"
    with (
        progress_display(title, protocol.n_steps, "steps", enabled=progress) as display,
        _interrupt_sets(stop),
    ):
        return run.execute(display.advance, stop)


def run_many(
    jobs: Sequence[MdJob],
    n_workers: int | None = None,
    *,
    progress: bool = True,
    n_threads: int | None = None,
    checkpoint_interval_s: float = CHECKPOINT_INTERVAL_S,
) -> list[MdResult]:
    """Run several protocols side by side, each on its own cores.

    Parameters
    ----------
    jobs : sequence of MdJob
        Runs, for example of several temperatures and seeds.
    n_workers : int, optional
        Runs at the same time; default: as many as there are cores, at most one per job.
    progress : bool
        Show the progress of all runs together.
    n_threads : int, optional
        Threads of each run; default: the cores divided by the workers.
    checkpoint_interval_s : float
        Wall time between checkpoints of each run, s.

    Returns
    -------
    list of MdResult
        In the order of the jobs. A run that had to stop has status "failed" and does not end the
        others.

    Raises
    ------
    ConfigError
        Two jobs write into one folder, or a folder cannot be used; nothing is run then.
    KeyboardInterrupt
        After Ctrl-C, once every run has written a checkpoint.
    """
    folders = [Path(job.output).resolve() for job in jobs if job.output is not None]
    twice = {str(folder) for folder in folders if folders.count(folder) > 1}
    if twice:
        raise ConfigError(f"two runs would write into {sorted(twice)[0]}")
    if not jobs:
        return []
    cores = available_cores()
    workers = min(len(jobs), n_workers or cores)
    threads = n_threads or max(1, cores // workers)
    runs = [
        _Run(
            job.potential,
            job.atoms,
            job.protocol,
            job.output,
            job.resume,
            job.force,
            threads,
            checkpoint_interval_s,
        )
        for job in jobs
    ]
    stop = threading.Event()
    total = sum(job.protocol.n_steps for job in jobs)
    lock = threading.Lock()
    with (
        progress_display(f"MD {len(jobs)} runs", total, "steps", enabled=progress) as display,
        ThreadPoolExecutor(workers) as pool,
    ):
        finished = 0

        def advance(n: float, *, skipped: bool = False, **_: float | str) -> None:
            with lock:
                display.advance(n, skipped=skipped, ended=f"{finished}/{len(jobs)}")

        futures = [pool.submit(run.execute, advance, stop, keep_failure=True) for run in runs]
        try:
            pending: set[Future[MdResult]] = set(futures)
            while pending:
                # A short timeout lets the main thread see Ctrl-C.
                done, pending = wait(pending, timeout=0.2, return_when=FIRST_COMPLETED)
                finished += len(done)
                advance(0)
        except BaseException:
            stop.set()
            for future in futures:
                future.cancel()
            wait(futures)
            raise
    return [future.result() for future in futures]


def available_cores() -> int:
    """Cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextmanager
def _interrupt_sets(stop: threading.Event) -> Iterator[None]:
    """Ctrl-C sets ``stop``, so that it cannot strike while files are written.

    A second one acts at once.
    """
    own = threading.current_thread() is threading.main_thread()
    if not own or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return

    def handle(_number: int, _frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        stop.set()

    signal.signal(signal.SIGINT, handle)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


class _Run:
    """One run: the core object, its files and what has been recorded since the last write."""

    def __init__(
        self,
        potential: Any,
        atoms: Atoms,
        protocol: Protocol,
        output: Path | str | None,
        resume: bool,
        force: bool,
        n_threads: int | None,
        checkpoint_interval_s: float,
    ) -> None:
        if not protocol.stages:
            raise ConfigError("protocol: heating, equilibration and production are all 0 ps")
        check_limits(protocol, potential)
        if protocol.changes_cell and not all(atoms.pbc):
            raise ConfigError(
                f"barostat = '{protocol.barostat}' needs a structure that is periodic along a, b "
                f"and c, its pbc is {atoms.pbc.tolist()}"
            )
        self.potential = potential
        self.atoms = atoms
        self.protocol = protocol
        self.n_threads = n_threads
        self.interval_s = checkpoint_interval_s
        metadata = describe(potential, atoms, protocol)
        self.store: Store = (
            MemoryStore(metadata)
            if output is None
            else FolderStore(Path(output), metadata, resume=resume, force=force)
        )
        self.stage = -1
        self.buffered = 0
        self.last_write = time.monotonic()
        self.started = time.monotonic()

    def execute(
        self, advance: Callable[..., None], stop: threading.Event, *, keep_failure: bool = False
    ) -> MdResult:
        """Run to the end; write a checkpoint before any exception leaves."""
        self.started = self.last_write = time.monotonic()
        try:
            core = self._start()
            advance(core.step, skipped=True)
            reason = self._steps(core, advance, stop)
        except SimulationError as error:
            if keep_failure:
                return self._result("failed", str(error))
            raise
        return self._result("stopped", reason) if reason else self._result("finished", "")

    def _start(self) -> _core.MdRun:
        """Make the core object, fresh or as the checkpoint left it."""
        protocol, atoms = self.protocol, self.atoms
        cell, pbc, numbers, positions = structure_arrays(atoms)
        masses = atoms.get_masses()
        checkpoint = self.store.checkpoint()
        start_K = protocol.initial_temperature_K
        velocities = _core.maxwell_boltzmann(
            masses, start_K, seed=protocol.seed, exact=protocol.exact_start
        )
        core = _core.MdRun(
            getattr(self.potential, "core", self.potential),
            cell=cell,
            pbc=pbc,
            numbers=numbers,
            positions=positions,
            velocities=velocities,
            masses=masses,
            timestep_fs=protocol.timestep_fs,
            skin=protocol.skin,
            n_dof=protocol.n_dof,
            min_distance=protocol.min_distance,
            max_temperature_K=protocol.max_temperature_K,
            max_excess=np.inf if protocol.max_excess is None else protocol.max_excess,
            max_volume_factor=protocol.max_volume_factor,
            check_stride=protocol.check_stride,
            stride_thermo=protocol.stride_thermo,
            stride_frames=protocol.stride,
            record_velocities=protocol.velocities,
            n_threads=self.n_threads,
        )
        set_monitor(core, protocol)
        if checkpoint is None:
            self.stage = 0
            self._set_ensemble(core)
            self.store.begin(atoms)
            core.observe()
            self._write(core)
        else:
            self.stage = checkpoint.pop("stage")
            self._set_ensemble(core)
            core.restore(checkpoint)
            self.store.continue_from(core.step)
        return core

    def _steps(self, core: _core.MdRun, advance: Callable[..., None], stop: threading.Event) -> str:
        """Run to the end, or until the potential is too uncertain; returns why."""
        stages = self.protocol.stages
        try:
            while True:
                left = stages[self.stage].last_step - core.step
                if left == 0:
                    if self.stage + 1 == len(stages):
                        break
                    self._next_stage(core)
                    continue
                advance(core.run(left, CALL_S), **self._info(core))
                self._take(core)
                if core.stop_reason is not None:
                    self._write(core, status="stopped", message=core.stop_reason)
                    return core.stop_reason
                overdue = time.monotonic() - self.last_write > self.interval_s
                if overdue or self.buffered > MAX_BUFFER_BYTES:
                    self._write(core)
                if stop.is_set():
                    raise KeyboardInterrupt
        except SimulationError as error:
            self._take(core)
            self.store.fail(core.last_good(), self._state(core, "failed", str(error)))
            raise
        except BaseException:
            self._take(core)
            self._write(core, status="interrupted")
            raise
        self._write(core, status="finished")
        return ""

    def _next_stage(self, core: _core.MdRun) -> None:
        """Begin the next stage."""
        before = self.protocol.stages[self.stage]
        self.stage += 1
        self._set_ensemble(core, before)
        self._write(core)

    def _set_ensemble(self, core: _core.MdRun, before: Stage | None = None) -> None:
        """Set what acts in the stage; what acted in the one before in the same way goes on."""
        stage = self.protocol.stages[self.stage]
        if before is None or (stage.thermostat, stage.ramp) != (before.thermostat, before.ramp):
            core.set_thermostat(stage.thermostat, stage.ramp)
        if before is None or stage.barostat != before.barostat:
            core.set_barostat(stage.barostat)

    def _take(self, core: _core.MdRun) -> None:
        records = core.drain()
        self.buffered += records["positions"].nbytes + records["velocities"].nbytes
        self.store.add(records, core.take_uncertain_frames())

    def _write(self, core: _core.MdRun, status: str = "running", message: str = "") -> None:
        self._take(core)
        self.store.write(core.snapshot(), self.stage, self._state(core, status, message))
        self.buffered = 0
        self.last_write = time.monotonic()

    def _info(self, core: _core.MdRun) -> dict[str, float | str]:
        info: dict[str, float | str] = {
            "stage": self.protocol.stages[self.stage].label,
            "T": f"{core.temperature_K:.0f} K",
        }
        outside = core.extrapolation["n_steps"]
        if outside:
            info["extrapolating"] = f"{100 * outside / max(core.step, 1):.0f} %"
        uncertain = core.assessments["n_uncertain"]
        if uncertain:
            info["uncertain"] = str(uncertain)
        return info

    def _state(self, core: _core.MdRun, status: str, message: str) -> dict[str, Any]:
        seconds = self.store.seconds_before + time.monotonic() - self.started
        return {
            "status": status,
            "message": message,
            "step": core.step,
            "n_threads": self.n_threads,
            "extrapolation": dict(core.extrapolation),
            "assessments": dict(core.assessments),
            "seconds": seconds,
            "steps_per_second": core.step / seconds if seconds > 0 else None,
        }

    def _result(self, status: str, message: str) -> MdResult:
        return MdResult(
            status=status,
            message=message,
            metadata=self.store.metadata,
            trajectory=self.store.trajectory(),
            output=self.store.folder,
            uncertain_frames=self.store.uncertain_frames(),
        )
