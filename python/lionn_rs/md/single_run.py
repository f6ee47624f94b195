"""One run of a protocol: the core object, its files, and what may end it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from lionn_rs import _core
from lionn_rs.errors import ConfigError, DataError, SimulationError, StorageError
from lionn_rs.md.checkpoint import CHECKPOINT_FILE
from lionn_rs.md.protocol import Protocol, Stage
from lionn_rs.md.stopping import BY_FILE, BY_MONITOR, Stop
from lionn_rs.md.storage import FolderStore, MemoryStore, Store, describe
from lionn_rs.md.trajectory import Trajectory
from lionn_rs.md.uncertainty import check_committee, check_limits, set_monitor
from lionn_rs.structure_arrays import structure_arrays
from lionn_rs.units import PS_TO_FS

if TYPE_CHECKING:
    from ase import Atoms

    from lionn_rs.committee import Committee

__all__ = ["CHECKPOINT_INTERVAL_S", "MdJob", "MdResult", "Run", "ns_per_day"]

CALL_S: Final = 0.4
"""Wall time of one call into the core, s: delay of progress reports and of requests to stop."""
CHECKPOINT_INTERVAL_S: Final = 30.0
"""Wall time between checkpoints, s."""
MAX_BUFFER_BYTES: Final = 32_000_000
"""Recorded frames kept in memory before they are written."""
SECONDS_PER_DAY: Final = 86_400.0


def ns_per_day(steps_per_second: float, timestep_fs: float) -> float:
    """Return the simulated time per day of wall time, ns.

    Examples
    --------
    >>> ns_per_day(1000.0, 2.0)
    172.8
    """
    return steps_per_second * timestep_fs * SECONDS_PER_DAY / PS_TO_FS / 1000.0


@dataclass(frozen=True)
class MdResult:
    """Outcome of a run.

    Attributes
    ----------
    status : str
        "finished"; "stopped" where a stop file was found, or the potential was too uncertain and
        the protocol says so: such a run can be resumed; "failed" (only from :func:`run_many`).
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
    committee: Committee | None = None


class Run:
    """One run: the core object, its files and what has been recorded since the last write."""

    def __init__(self, job: MdJob, checkpoint_interval_s: float) -> None:
        protocol, atoms = job.protocol, job.atoms
        if not protocol.stages:
            raise ConfigError("protocol: heating, equilibration and production are all 0 ps")
        check_limits(protocol, job.potential, job.committee)
        if job.committee is not None:
            check_committee(job.committee, atoms)
        if protocol.changes_cell and not all(atoms.pbc):
            raise ConfigError(
                f"barostat = '{protocol.barostat}' needs a structure that is periodic along a, b "
                f"and c, its pbc is {atoms.pbc.tolist()}"
            )
        self.potential = job.potential
        self.committee = job.committee
        self.atoms = atoms
        self.protocol = protocol
        self.interval_s = checkpoint_interval_s
        metadata = describe(job.potential, atoms, protocol, job.committee)
        self.store: Store = (
            MemoryStore(metadata)
            if job.output is None
            else FolderStore(Path(job.output), metadata, resume=job.resume, force=job.force)
        )
        self.n_threads: int | None = None
        self.stage = -1
        self.first_step = 0
        self.buffered = 0
        self.checkpoint_step: int | None = None
        self.last_write = time.monotonic()
        self.started = time.monotonic()

    def execute(
        self,
        advance: Callable[..., None],
        stop: Stop,
        n_threads: Callable[[], int | None],
        *,
        keep_failure: bool = False,
    ) -> MdResult:
        """Run to the end; write a checkpoint before any exception leaves.

        ``n_threads`` is asked before every call into the core.
        """
        self.started = self.last_write = time.monotonic()
        self.n_threads = n_threads()
        try:
            with self.store.held():
                core = self._start()
                self.first_step = core.step
                advance(core.step, skipped=True)
                reason = self._steps(core, advance, stop, n_threads)
        except SimulationError as error:
            if keep_failure:
                return self._result("failed", str(error))
            raise
        except OSError as error:
            raise StorageError(self._storage_failure(error)) from error
        return self._result("stopped", reason) if reason else self._result("finished", "")

    def _storage_failure(self, error: OSError) -> str:
        reason = error.strerror or str(error)
        kept = (
            "nothing of this run is kept"
            if self.checkpoint_step is None
            else f"the run is kept up to step {self.checkpoint_step}"
        )
        where = error.filename or self.store.folder
        return f"{where}: {reason}; {kept}, make room or repair the disk and go on with --resume"

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
        potential = getattr(self.potential, "core", self.potential)
        if self.committee is not None:
            potential = _core.Watched(potential, self.committee.core)
        core = _core.MdRun(
            potential,
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
            self._restore(core, checkpoint)
            self.checkpoint_step = core.step
            self.store.continue_from(core.step)
        return core

    def _restore(self, core: _core.MdRun, checkpoint: dict[str, Any]) -> None:
        """Bring the core to where the checkpoint was written."""
        stages = self.protocol.stages
        self.stage = checkpoint.pop("stage")
        try:
            if not 0 <= self.stage < len(stages):
                raise ValueError(f"it is of stage {self.stage}, the protocol has {len(stages)}")
            self._set_ensemble(core)
            core.restore(checkpoint)
            stage = stages[self.stage]
            if not stage.first_step <= core.step <= stage.last_step:
                raise ValueError(
                    f"step {core.step} is not in its stage, which has steps {stage.first_step} to "
                    f"{stage.last_step}"
                )
        except (TypeError, ValueError, OverflowError) as error:  # among them ShapeError
            path = (self.store.folder or Path()) / CHECKPOINT_FILE
            raise DataError(
                f"{path}: does not belong to this run: {error}; it cannot be continued, its frames "
                "can be analyzed"
            ) from error

    def _steps(
        self,
        core: _core.MdRun,
        advance: Callable[..., None],
        stop: Stop,
        n_threads: Callable[[], int | None],
    ) -> str:
        """Run to the end, or until something asks for the end; returns what it was."""
        stages = self.protocol.stages
        try:
            while True:
                if stop.requested:
                    raise KeyboardInterrupt
                left = stages[self.stage].last_step - core.step
                if left == 0:
                    if self.stage + 1 == len(stages):
                        break
                    self._next_stage(core)
                    continue
                if (file := stop.file(self.store.folder)) is not None:
                    reason = f"step {core.step}: found {file}; --resume goes on"
                    self._write(core, "stopped", reason, BY_FILE)
                    return reason
                self._use_threads(core, n_threads())
                advance(core.run(left, min(CALL_S, self.interval_s)), **self._info(core))
                self._take(core)
                if core.stop_reason is not None:
                    self._write(core, "stopped", core.stop_reason, BY_MONITOR)
                    return core.stop_reason
                overdue = time.monotonic() - self.last_write > self.interval_s
                if overdue or self.buffered > MAX_BUFFER_BYTES:
                    self._write(core)
        except SimulationError as error:
            self._take(core)
            self.store.fail(core.last_good(), self._state(core, "failed", str(error), None))
            raise
        except OSError:  # the disk: to write more would fail again
            raise
        except BaseException:
            self._take(core)
            self._write(core, "interrupted")
            raise
        self._write(core, "finished")
        return ""

    def _use_threads(self, core: _core.MdRun, n_threads: int | None) -> None:
        if n_threads is not None and n_threads != self.n_threads:
            core.set_n_threads(n_threads)
            self.n_threads = n_threads

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

    def _write(
        self,
        core: _core.MdRun,
        status: str = "running",
        message: str = "",
        stopped_by: str | None = None,
    ) -> None:
        self._take(core)
        state = self._state(core, status, message, stopped_by)
        self.store.write(core.snapshot(), self.stage, state)
        self.checkpoint_step = core.step
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

    def _state(
        self, core: _core.MdRun, status: str, message: str, stopped_by: str | None
    ) -> dict[str, Any]:
        here = time.monotonic() - self.started
        seconds = self.store.seconds_before + here
        rate = core.step / seconds if seconds > 0 else None
        return {
            "status": status,
            "message": message,
            "stopped_by": stopped_by,
            "step": core.step,
            "n_threads": self.n_threads,
            "extrapolation": dict(core.extrapolation),
            "assessments": dict(core.assessments),
            "seconds": seconds,
            "steps_per_second": rate,
            "atom_steps_per_second": None if rate is None else rate * len(self.atoms),
            "ns_per_day": None if rate is None else ns_per_day(rate, self.protocol.timestep_fs),
            "last_session": {"first_step": self.first_step, "seconds": here},
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
