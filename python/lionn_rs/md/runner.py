"""Running a protocol: one run with its files, or many side by side."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lionn_rs.errors import ConfigError
from lionn_rs.files import STOP_FILE
from lionn_rs.md.cores import CoreShare, available_cores
from lionn_rs.md.protocol import Protocol
from lionn_rs.md.single_run import CHECKPOINT_INTERVAL_S, MdJob, MdResult, Run, ns_per_day
from lionn_rs.md.stopping import Stop
from lionn_rs.progress import progress as progress_display
from lionn_rs.signals import deferred

if TYPE_CHECKING:
    from ase import Atoms

    from lionn_rs.committee import Committee

__all__ = ["MdJob", "MdResult", "run_many", "run_md"]


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
    committee: Committee | None = None,
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
        Wall time between checkpoints, s: what a killed process loses at most.
    committee : Committee, optional
        Does not change the run, but says how far to trust it: the spread is that of this committee.

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
    StorageError
        The disk is full, or cannot be written to for another reason; the last checkpoint is kept.
    KeyboardInterrupt
        After Ctrl-C or SIGTERM, once a checkpoint is written.

    Notes
    -----
    A file called ``stop`` in the output folder ends the run after a checkpoint, with status
    "stopped"; going on with the run removes it.

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
    job = MdJob(potential, atoms, protocol, output, resume, force, committee)
    run = Run(job, checkpoint_interval_s)
    stop = Stop()
    title = f"MD {protocol.temperature_K:g} K"
    speed = _speed([protocol])
    with (
        progress_display(
            title, protocol.n_steps, "steps", enabled=progress, speed=speed
        ) as display,
        deferred(stop.request),
    ):
        result = run.execute(display.advance, stop, lambda: n_threads)
        if result.status != "finished":
            display.stopped()
        return result


def run_many(
    jobs: Sequence[MdJob],
    n_workers: int | None = None,
    *,
    progress: bool = True,
    n_threads: int | None = None,
    checkpoint_interval_s: float = CHECKPOINT_INTERVAL_S,
    stop_folders: Sequence[Path] = (),
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
        Threads of each run; default: the cores divided by the runs at work. When fewer runs are
        left than cores, they take those of the others.
    checkpoint_interval_s : float
        Wall time between checkpoints of each run, s.
    stop_folders : sequence of Path
        A file called ``stop`` in one of them ends all runs, one in the folder of a run this run.

    Returns
    -------
    list of MdResult
        In the order of the jobs. A run that had to stop has status "failed" and does not end the
        others.

    Raises
    ------
    ConfigError
        Two jobs write into one folder, or a folder cannot be used; nothing is run then.
    StorageError
        A run could not write, once the others have ended.
    KeyboardInterrupt
        After Ctrl-C or SIGTERM, once every run has written a checkpoint.
    """
    folders = [Path(job.output).resolve() for job in jobs if job.output is not None]
    twice = {str(folder) for folder in folders if folders.count(folder) > 1}
    if twice:
        raise ConfigError(f"two runs would write into {sorted(twice)[0]}")
    if not jobs:
        return []
    cores = available_cores()
    workers = min(len(jobs), n_workers or cores)
    runs = [Run(job, checkpoint_interval_s) for job in jobs]
    stop, share = Stop(stop_folders), CoreShare(cores)
    total = sum(job.protocol.n_steps for job in jobs)
    speed = _speed([job.protocol for job in jobs])
    title = "MD" if len(jobs) == 1 else f"MD {len(jobs)} runs"
    lock = threading.Lock()
    finished = 0
    with (
        progress_display(title, total, "steps", enabled=progress, speed=speed) as display,
        ThreadPoolExecutor(workers) as pool,
        deferred(stop.request),
    ):
        if stop_folders:
            file = stop_folders[-1] / STOP_FILE
            display.message(f"{title}: Ctrl-C or 'touch {file}' ends with checkpoints to resume")

        def advance(n: float, *, skipped: bool = False, **_: float | str) -> None:
            with lock:
                display.advance(n, skipped=skipped, ended=f"{finished}/{len(jobs)}")

        def execute(run: Run) -> MdResult:
            share.enter(run)
            try:
                threads = partial(share.of, run) if n_threads is None else lambda: n_threads
                return run.execute(advance, stop, threads, keep_failure=True)
            finally:
                share.leave(run)

        futures = [pool.submit(execute, run) for run in runs]
        try:
            pending: set[Future[MdResult]] = set(futures)
            while pending:
                # A short timeout lets the main thread see signals.
                done, pending = wait(pending, timeout=0.2, return_when=FIRST_COMPLETED)
                finished += len(done)
                advance(0)
                if stop.requested:
                    raise KeyboardInterrupt
        except BaseException:
            stop.request()
            for future in futures:
                future.cancel()
            wait(futures)
            raise
        results = [future.result() for future in futures]
        if any(result.status != "finished" for result in results):
            display.stopped()
    return results


def _speed(protocols: Sequence[Protocol]) -> Callable[[float], str]:
    """Words for a number of steps per second of all runs together."""
    n_steps = sum(protocol.n_steps for protocol in protocols)
    total_fs = sum(protocol.n_steps * protocol.timestep_fs for protocol in protocols)
    return lambda rate: f"{ns_per_day(rate, total_fs / max(n_steps, 1)):.3g} ns/day"
