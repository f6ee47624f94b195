"""Where a run keeps its records: a folder that survives a killed process, or memory.

A checkpoint is written after frames and thermo rows have been flushed to the disk, each with fsync,
and is itself flushed before it takes its name: neither a killed process nor a power failure leaves
a checkpoint that is ahead of the records. On resume everything after the checkpoint is dropped, so
files and state always agree.
"""

from __future__ import annotations

import io
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any
from typing import Protocol as Interface

import numpy as np
from numpy.typing import NDArray

from lionn_rs._core import __version__
from lionn_rs.errors import ConfigError, DataError
from lionn_rs.files import prepare_folder, remove_temporary_files, write_bytes, write_json
from lionn_rs.locking import locked
from lionn_rs.md.checkpoint import (
    CHECKPOINT_FILE,
    hash_structure,
    read_checkpoint,
    write_checkpoint,
)
from lionn_rs.md.protocol import WATCH_KEYS, Protocol, ProtocolSettings
from lionn_rs.md.thermo import THERMO_FILE, ThermoWriter, pressure_columns, thermo_columns
from lionn_rs.md.trajectory import (
    METADATA_FILE,
    TRAJECTORY_FILE,
    Trajectory,
    TrajectoryWriter,
    read_state,
)
from lionn_rs.md.uncertainty import (
    UNCERTAIN_FILE,
    UncertainWriter,
    assessed_columns,
    frame_origin,
    uncertain_atoms,
)

if TYPE_CHECKING:
    from ase import Atoms

    from lionn_rs.committee import Committee

__all__ = ["FolderStore", "MemoryStore", "Store", "describe", "read_uncertain"]

LAST_GOOD_FILE = "last_good"
SCHEMA = "lionn-md"
SCHEMA_VERSION = 1

Records = dict[str, NDArray[Any]]


def describe(
    potential: Any, atoms: Atoms, protocol: Protocol, committee: Committee | None = None
) -> dict[str, Any]:
    """Metadata that fix a run: what is run, with what, from where."""
    n_atoms = len(atoms)
    judge = potential if committee is None else committee
    return {
        "schema": SCHEMA,
        "schema_version": SCHEMA_VERSION,
        "lionn_version": __version__,
        "protocol": protocol.model_dump(),
        "stages": [
            {
                "label": stage.label,
                "first_step": stage.first_step,
                "n_steps": stage.n_steps,
                "thermostat": stage.thermostat,
                "barostat": stage.barostat,
                "ramp": stage.ramp,
            }
            for stage in protocol.stages
        ],
        "potential_hash": str(getattr(potential, "hash", "")) or type(potential).__name__,
        "committee_hash": None if committee is None else committee.hash,
        "structure_hash": hash_structure(atoms),
        "formula": atoms.get_chemical_formula(),
        "n_atoms": n_atoms,
        "n_dof": protocol.n_dof or 3 * n_atoms - 3,
        "volume": float(abs(np.linalg.det(atoms.cell[:]))),
        "seed": protocol.seed,
        "assessed": list(assessed_columns(potential, committee)),
        "spread_scale": getattr(judge, "spread_scale", None),
        "units": {"length": "Å", "time": "fs", "energy": "eV", "mass": "u", "temperature": "K"},
    }


class Store(Interface):
    """What a run needs from the place of its records."""

    metadata: dict[str, Any]
    folder: Path | None
    seconds_before: float

    def held(self) -> AbstractContextManager[None]:
        """Keep others away from the place while inside."""

    def checkpoint(self) -> dict[str, Any] | None:
        """Checkpoint to continue from, ``None`` for a fresh start."""

    def begin(self, atoms: Atoms) -> None:
        """Lay out the files of a fresh run."""

    def continue_from(self, step: int) -> None:
        """Drop all records after ``step``."""

    def add(self, records: Records, uncertain: list[dict[str, Any]]) -> None:
        """Take records and uncertain frames; they need not reach the disk yet."""

    def write(self, snapshot: dict[str, Any], stage: int, state: dict[str, Any]) -> None:
        """Write all records, then the checkpoint."""

    def fail(self, last_good: dict[str, Any], state: dict[str, Any]) -> None:
        """Write all records and the last good state of a run that had to stop."""

    def trajectory(self) -> Trajectory:
        """Return the records as a trajectory."""

    def uncertain_frames(self) -> list[Atoms]:
        """Return the frames that were kept because the potential was uncertain."""


class FolderStore:
    """Files in an output folder.

    Raises
    ------
    ConfigError
        The folder is not empty (without ``resume`` or ``force``) or holds another run.
    """

    def __init__(
        self, folder: Path, metadata: dict[str, Any], *, resume: bool, force: bool
    ) -> None:
        self.folder: Path | None = folder
        self._folder = prepare_folder(folder, force=force, resume=resume)
        self.metadata = metadata
        self.seconds_before = 0.0
        self._protocol = Protocol(**metadata["protocol"])
        self._thermo: ThermoWriter | None = None
        self._frames: TrajectoryWriter | None = None
        self._pending: list[Records] = []
        self._uncertain: UncertainWriter | None = None
        self._pending_uncertain: list[dict[str, Any]] = []
        self._atoms: Atoms | None = None
        self._found = self._previous() if resume else None

    def held(self) -> AbstractContextManager[None]:
        """See :class:`Store`."""
        return locked(self._folder)

    def _previous(self) -> dict[str, Any] | None:
        """Metadata of the run in the folder, if it has one that can be continued."""
        path, checkpoint = self._folder / METADATA_FILE, self._folder / CHECKPOINT_FILE
        if not checkpoint.is_file():
            if path.is_file():  # it is written after the first checkpoint
                raise DataError(
                    f"{checkpoint}: missing, this run cannot be continued; --force starts over"
                )
            return None
        if not path.is_file():
            if read_checkpoint(checkpoint)["step"] == 0:
                return None
            raise DataError(f"{path}: missing, this run cannot be continued")
        previous = read_state(path)
        _check_same_run(path, previous, self.metadata)
        self.seconds_before = float(previous.get("seconds", 0.0))
        return previous

    def checkpoint(self) -> dict[str, Any] | None:
        """See :class:`Store`."""
        remove_temporary_files(self._folder)
        if self._found is None:
            return None
        return read_checkpoint(self._folder / CHECKPOINT_FILE)

    def begin(self, atoms: Atoms) -> None:
        """See :class:`Store`."""
        self._atoms = atoms
        protocol = self._protocol
        self._frames = TrajectoryWriter.create(
            self._folder / TRAJECTORY_FILE,
            atoms=atoms,
            n_frames=protocol.n_steps // protocol.stride + 1,
            metadata=self.metadata,
            velocities=protocol.velocities,
            precision=protocol.precision,
            changes_cell=protocol.changes_cell,
        )
        self._thermo = ThermoWriter(self._folder / THERMO_FILE, self._optional_columns())
        self._uncertain = UncertainWriter(self._folder / UNCERTAIN_FILE)

    def _optional_columns(self) -> tuple[str, ...]:
        return (*self.metadata["assessed"], *pressure_columns(self._protocol))

    def continue_from(self, step: int) -> None:
        """See :class:`Store`."""
        self._thermo = ThermoWriter(
            self._folder / THERMO_FILE,
            self._optional_columns(),
            last_step=step,
            stride=self._protocol.stride_thermo,
        )
        self._uncertain = UncertainWriter(self._folder / UNCERTAIN_FILE, last_step=step)
        n_frames = self._protocol.n_steps // self._protocol.stride + 1
        self._frames = TrajectoryWriter.resume(
            self._folder / TRAJECTORY_FILE,
            last_step=step,
            n_frames=n_frames,
            metadata=self.metadata,
        )

    def add(self, records: Records, uncertain: list[dict[str, Any]]) -> None:
        """See :class:`Store`."""
        self._pending.append(records)
        self._pending_uncertain += uncertain

    def _flush(self) -> None:
        assert self._frames is not None
        assert self._thermo is not None
        if not self._pending:
            return
        records = _joined(self._pending)
        self._pending = []
        step = records["frame_step"]
        self._frames.append(
            step,
            step * self._protocol.timestep_fs,
            records["positions"],
            records["velocities"] if self._protocol.velocities else None,
            records["cells"] if self._protocol.changes_cell else None,
        )
        self._thermo.append(thermo_columns(records, self._protocol))
        if self._pending_uncertain:
            assert self._uncertain is not None
            atoms = self._atoms or Trajectory.open(self._folder).atoms(0)
            origin = frame_origin(self.metadata, self._folder)
            self._uncertain.append(self._pending_uncertain, atoms, origin)
            self._pending_uncertain = []

    def write(self, snapshot: dict[str, Any], stage: int, state: dict[str, Any]) -> None:
        """See :class:`Store`."""
        self._flush()
        write_checkpoint(self._folder / CHECKPOINT_FILE, snapshot, stage=stage)
        self.metadata = {**self.metadata, **state}
        write_json(self._folder / METADATA_FILE, self.metadata)

    def fail(self, last_good: dict[str, Any], state: dict[str, Any]) -> None:
        """See :class:`Store`."""
        from ase.io import write

        self._flush()
        assert self._frames is not None
        self._frames.finish()
        self.metadata = {**self.metadata, **state, "last_good_step": int(last_good["step"])}
        buffer = io.BytesIO()
        np.savez(buffer, **last_good)
        write_bytes(self._folder / f"{LAST_GOOD_FILE}.npz", buffer.getvalue())
        frame = Trajectory.open(self._folder).atoms(0)
        frame.cell = last_good["cell"]
        frame.positions = last_good["positions"]
        text = io.StringIO()
        write(text, frame, format="extxyz")
        write_bytes(self._folder / f"{LAST_GOOD_FILE}.extxyz", text.getvalue().encode("utf-8"))
        write_json(self._folder / METADATA_FILE, self.metadata)

    def trajectory(self) -> Trajectory:
        """See :class:`Store`."""
        return Trajectory.open(self._folder)

    def uncertain_frames(self) -> list[Atoms]:
        """See :class:`Store`."""
        return read_uncertain(self._folder)


class MemoryStore:
    """Records kept in memory."""

    def __init__(self, metadata: dict[str, Any]) -> None:
        self.metadata = metadata
        self.folder: Path | None = None
        self.seconds_before = 0.0
        self._atoms: Atoms | None = None
        self._records: list[Records] = []
        self._uncertain: list[dict[str, Any]] = []

    def held(self) -> AbstractContextManager[None]:
        """See :class:`Store`."""
        return nullcontext()

    def checkpoint(self) -> dict[str, Any] | None:
        """See :class:`Store`."""
        return None

    def begin(self, atoms: Atoms) -> None:
        """See :class:`Store`."""
        self._atoms = atoms

    def continue_from(self, step: int) -> None:
        """See :class:`Store`."""

    def add(self, records: Records, uncertain: list[dict[str, Any]]) -> None:
        """See :class:`Store`."""
        self._records.append(records)
        self._uncertain += uncertain

    def write(self, snapshot: dict[str, Any], stage: int, state: dict[str, Any]) -> None:
        """See :class:`Store`."""
        self.metadata = {**self.metadata, **state}

    def fail(self, last_good: dict[str, Any], state: dict[str, Any]) -> None:
        """See :class:`Store`."""
        self.metadata = {**self.metadata, **state, "last_good_step": int(last_good["step"])}

    def trajectory(self) -> Trajectory:
        """See :class:`Store`."""
        assert self._atoms is not None
        records = _joined(self._records)
        protocol = Protocol(**self.metadata["protocol"])
        step = records["frame_step"].astype(np.int64)
        memory = {"position": records["positions"]}
        if protocol.velocities:
            memory["velocity"] = records["velocities"]
        if protocol.changes_cell:
            memory["cell"] = records["cells"]
        return Trajectory(
            cell=np.array(self._atoms.cell[:]),
            pbc=np.array(self._atoms.pbc),
            numbers=np.array(self._atoms.numbers, dtype=np.int64),
            masses=self._atoms.get_masses(),
            step=step,
            time_fs=np.asarray(step * protocol.timestep_fs, dtype=np.float64),
            metadata=self.metadata,
            changes_cell=protocol.changes_cell,
            memory=memory,
            table=thermo_columns(records, protocol),
        )

    def uncertain_frames(self) -> list[Atoms]:
        """See :class:`Store`."""
        assert self._atoms is not None
        origin = frame_origin(self.metadata, None)
        return [uncertain_atoms(frame, self._atoms, origin) for frame in self._uncertain]


def read_uncertain(folder: Path) -> list[Atoms]:
    """Frames that a run in ``folder`` kept because the potential was uncertain."""
    from ase.io import read

    path = folder / UNCERTAIN_FILE
    return list(read(path, index=":")) if path.is_file() else []


def _joined(parts: list[Records]) -> Records:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _check_same_run(path: Path, previous: dict[str, Any], metadata: dict[str, Any]) -> None:
    """Refuse to continue a run of something else."""
    if previous.get("schema") != SCHEMA or previous.get("schema_version") != SCHEMA_VERSION:
        raise DataError(f"{path}: not the metadata of a run of this version of lionn_rs")
    for name in ("potential_hash", "committee_hash", "structure_hash"):
        then, now = previous.get(name), metadata[name]
        if then != now:
            what = name.removesuffix("_hash")
            raise ConfigError(
                f"{path}: cannot resume, the {what} is another one "
                f"({(then or 'none')[:12]} then, {(now or 'none')[:12]} now)"
            )
    new = metadata["protocol"]
    # Settings that are newer than the run had their defaults.
    old = {name: field.default for name, field in ProtocolSettings.model_fields.items()}
    old |= previous["protocol"]
    for key in sorted({*old, *new}):
        if old.get(key) == new.get(key):
            continue
        longer = key == "production_ps" and new[key] > old[key] > 0
        if key in WATCH_KEYS or (longer and new["production_end_K"] is None):
            continue
        raise ConfigError(
            f"{path}: cannot resume, {key} was {old.get(key)!r} and is {new.get(key)!r} now"
        )
    if previous.get("status") == "failed":
        raise ConfigError(
            f"{path}: cannot resume, the run failed ({previous['message']}) and would fail again; "
            f"its last good state is {LAST_GOOD_FILE}.extxyz"
        )
