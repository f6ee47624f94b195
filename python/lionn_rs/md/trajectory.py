"""Trajectories on disk: H5MD 1.1, unwrapped positions, safe against a killed process.

The file is laid out once, with room for all frames of the protocol; later writes touch raw data
only, never the structure of the file, so that a process killed at any moment leaves a readable
file (:mod:`lionn_rs.md.hdf5`). Frames not yet written have step -1. Layout: de Buyl, Colberg,
Höfling, Comput. Phys. Commun. 185, 1546 (2014), doi:10.1016/j.cpc.2014.01.018.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from lionn_rs._core import __version__
from lionn_rs.errors import ConfigError, DataError
from lionn_rs.md.box import has_fixed_cell, repeat_cell, resize_cells
from lionn_rs.md.hdf5 import changed, laid_out, write_rows
from lionn_rs.md.thermo import THERMO_FILE, read_thermo

if TYPE_CHECKING:
    import h5py
    from ase import Atoms

__all__ = ["METADATA_FILE", "TRAJECTORY_FILE", "StageFrames", "Trajectory", "TrajectoryWriter"]

TRAJECTORY_FILE = "trajectory.h5"
METADATA_FILE = "md.json"
H5MD_VERSION = (1, 1)
CHUNK_BYTES = 262_144
"""Aim for the size of one chunk; small enough to read single frames, large enough to stream."""
UNWRITTEN = -1
"""Step number of a frame that has not been written yet."""

StageName = Literal["heating", "equilibration", "production"]


class TrajectoryWriter:
    """Writes frames of one run into an H5MD file.

    Parameters
    ----------
    path : Path
        The file; see :meth:`create` and :meth:`resume`.
    """

    def __init__(self, path: Path, n_frames: int) -> None:
        self.path = path
        self.n_frames = n_frames

    @classmethod
    def create(
        cls,
        path: Path,
        *,
        atoms: Atoms,
        n_frames: int,
        metadata: dict[str, Any],
        velocities: bool = False,
        precision: str = "float32",
        changes_cell: bool = False,
    ) -> TrajectoryWriter:
        """Lay out a file with room for ``n_frames`` frames."""
        with laid_out(path) as file:
            _write_header(file, metadata)
            group = file.create_group("particles/all")
            box = group.create_group("box")
            box.attrs["dimension"] = 3
            box.attrs["boundary"] = ["periodic" if axis else "none" for axis in atoms.pbc]
            group.create_dataset("species", data=np.asarray(atoms.numbers, dtype=np.int32))
            mass = group.create_dataset("mass", data=atoms.get_masses())
            mass.attrs["unit"] = "u"
            position = group.create_group("position")
            _reserve(position, "step", (n_frames,), "int64", fill=UNWRITTEN)
            _reserve(position, "time", (n_frames,), "float64", fill=0).attrs["unit"] = "fs"
            shape = (n_frames, len(atoms), 3)
            _reserve(position, "value", shape, precision).attrs["unit"] = "Angstrom"
            edges = box.create_group("edges")
            edges["step"], edges["time"] = position["step"], position["time"]
            if changes_cell:
                values = _reserve(edges, "value", (n_frames, 3, 3), "float64")
            else:
                values = repeat_cell(edges, np.asarray(atoms.cell[:], dtype="f8"), n_frames)
            values.attrs["unit"] = "Angstrom"
            if velocities:
                velocity = group.create_group("velocity")
                velocity["step"], velocity["time"] = position["step"], position["time"]
                _reserve(velocity, "value", shape, precision).attrs["unit"] = "Angstrom fs-1"
        return cls(path, 0)

    @classmethod
    def resume(
        cls, path: Path, *, last_step: int, n_frames: int, metadata: dict[str, Any]
    ) -> TrajectoryWriter:
        """Continue a file: frames after ``last_step`` are dropped, room is made for ``n_frames``.

        Raises
        ------
        DataError
            The file is missing, damaged or ends before ``last_step``.
        """
        import h5py

        if not path.is_file():
            raise DataError(f"{path}: missing, this trajectory cannot be continued")
        try:
            with h5py.File(path, "r") as file:
                steps = file["particles/all/position/step"][:]
                found = json.loads(file["parameters/lionn"].attrs["metadata"])
        except (OSError, KeyError) as error:
            raise DataError(f"{path}: cannot continue this trajectory: {error}") from error
        keep = int(np.count_nonzero((steps >= 0) & (steps <= last_step)))
        end = int(steps[keep - 1]) if keep else -1
        if end + metadata["protocol"]["stride"] <= last_step:
            raise DataError(
                f"{path}: cannot continue this trajectory, it ends at step {max(end, 0)}, "
                f"the checkpoint is of step {last_step}"
            )
        if (steps[keep:] != UNWRITTEN).any():
            dropped = np.full(len(steps) - keep, UNWRITTEN)
            write_rows(path, keep, {"particles/all/position/step": dropped})
        # As JSON, where tuples are lists.
        if found != json.loads(json.dumps(metadata)) or len(steps) != max(n_frames, keep):
            with changed(path) as file:
                _resize(file, max(n_frames, keep))
                file["parameters/lionn"].attrs["metadata"] = json.dumps(metadata)
        return cls(path, keep)

    def append(
        self,
        steps: NDArray[np.uint64],
        time_fs: NDArray[np.float64],
        positions: NDArray[np.float64],
        velocities: NDArray[np.float64] | None = None,
        cells: NDArray[np.float64] | None = None,
    ) -> None:
        """Append frames: steps (n,), positions and velocities (n, n_atoms, 3), Å and Å/fs.

        Cells (n, 3, 3), Å, belong to a file whose cell changes.
        """
        if len(steps) == 0:
            return
        columns: dict[str, NDArray[Any]] = {"position/value": positions}
        if velocities is not None:
            columns["velocity/value"] = velocities
        if cells is not None:
            columns["box/edges/value"] = cells
        # The step says that a frame is there, so it comes last.
        columns |= {"position/time": time_fs, "position/step": steps}
        places = {f"particles/all/{name}": values for name, values in columns.items()}
        write_rows(self.path, self.n_frames, places)
        self.n_frames += len(steps)

    def finish(self) -> None:
        """Give back the room of frames that will not be written."""
        with changed(self.path) as file:
            _resize(file, self.n_frames)


def _write_header(file: h5py.File, metadata: dict[str, Any]) -> None:
    header = file.create_group("h5md")
    header.attrs["version"] = H5MD_VERSION
    header.create_group("author").attrs["name"] = "unknown"
    creator = header.create_group("creator")
    creator.attrs["name"] = "lionn_rs"
    creator.attrs["version"] = __version__
    units = header.create_group("modules/units")
    units.attrs["version"] = (1, 0)
    file.create_group("parameters/lionn").attrs["metadata"] = json.dumps(metadata)


def _reserve(
    group: h5py.Group, name: str, shape: tuple[int, ...], dtype: str, fill: float | None = None
) -> h5py.Dataset:
    """Dataset whose space is allocated now: later writes do not change the file structure."""
    import h5py

    layout = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    layout.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    frame = int(np.prod(shape[1:])) * np.dtype(dtype).itemsize
    n_chunk = max(1, min(max(shape[0], 1), CHUNK_BYTES // frame))
    return group.create_dataset(
        name,
        shape=shape,
        maxshape=(None, *shape[1:]),
        dtype=dtype,
        chunks=(n_chunk, *shape[1:]),
        fillvalue=fill,
        fill_time="never" if fill is None else "alloc",
        dcpl=layout,
    )


def _state_of_run(trajectory: Path) -> dict[str, Any]:
    path = trajectory.with_name(METADATA_FILE)
    return read_state(path) if trajectory.name == TRAJECTORY_FILE and path.is_file() else {}


def read_state(path: Path) -> dict[str, Any]:
    """Contents of the ``md.json`` of a run.

    Raises
    ------
    DataError
        It is damaged.
    """
    try:
        state = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise DataError(f"{path}: damaged ({error}); this run cannot be continued") from error
    if not isinstance(state, dict):
        raise DataError(f"{path}: damaged (no mapping)")
    return state


def _resize(file: h5py.File, n_frames: int) -> None:
    group = file["particles/all"]
    names = ["position/step", "position/time", "position/value"]
    names += ["velocity/value"]
    for name in names:
        if name in group and group[name].shape[0] != n_frames:
            group[name].resize(n_frames, axis=0)
    resize_cells(group["box/edges"], n_frames)


@dataclass(frozen=True)
class Trajectory:
    """Frames of one run, with everything the analysis has to know.

    Attributes
    ----------
    cell : (3, 3) float64
        Lattice vectors of the first frame as rows, Å; of all frames unless :attr:`changes_cell`.
    pbc : (3,) bool
    numbers : (n_atoms,) int
        Atomic numbers.
    masses : (n_atoms,) float64
        Masses, u.
    step : (n_frames,) int64
        Steps made at each frame.
    time_fs : (n_frames,) float64
        Time since the start of the run, fs.
    metadata : dict
        Protocol, hashes of potential and structure, seed, degrees of freedom, version.
    path : Path or None
        The H5MD file.
    changes_cell : bool
        Whether every frame has a cell of its own; unwrapped positions are then ``s·H`` with
        unwrapped fractional coordinates ``s``, so that periodic images are those of that cell.
    """

    cell: NDArray[np.float64]
    pbc: NDArray[np.bool_]
    numbers: NDArray[np.int64]
    masses: NDArray[np.float64]
    step: NDArray[np.int64]
    time_fs: NDArray[np.float64]
    metadata: dict[str, Any]
    path: Path | None = None
    changes_cell: bool = False
    memory: dict[str, NDArray[np.float64]] = field(default_factory=dict, repr=False)
    table: dict[str, NDArray[Any]] | None = field(default=None, repr=False)

    @classmethod
    def open(cls, path: str | Path) -> Trajectory:
        """Open the output folder of a run or its trajectory file.

        Raises
        ------
        DataError
            There is no trajectory, or it is not one of lionn_rs.
        """
        import h5py

        path = Path(path)
        if path.is_dir():
            path = path / TRAJECTORY_FILE
        if not path.is_file():
            raise DataError(f"{path}: there is no trajectory")
        try:
            with h5py.File(path, "r") as file:
                group = file["particles/all"]
                metadata = json.loads(file["parameters/lionn"].attrs["metadata"])
                metadata |= _state_of_run(path)
                steps = group["position/step"][:]
                known = steps >= 0
                if metadata.get("status") in ("running", "interrupted", "stopped"):
                    # A process that writes, or was killed, may be ahead of its last checkpoint,
                    # also of that of a run which it has just gone on with.
                    known &= steps <= metadata["step"]
                n_frames = int(np.count_nonzero(known))
                edges = group["box/edges"]
                one_cell = isinstance(edges, h5py.Dataset)
                return cls(
                    cell=edges[:] if one_cell else edges["value"][0],
                    pbc=np.array([kind == "periodic" for kind in group["box"].attrs["boundary"]]),
                    numbers=group["species"][:].astype(np.int64),
                    masses=group["mass"][:],
                    step=steps[:n_frames],
                    time_fs=group["position/time"][:n_frames],
                    metadata=metadata,
                    path=path,
                    changes_cell=not has_fixed_cell(edges),
                )
        except (OSError, KeyError, ValueError) as error:
            raise DataError(f"{path}: not a trajectory of lionn_rs: {error}") from error

    @property
    def n_frames(self) -> int:
        """Number of frames."""
        return len(self.step)

    @property
    def n_atoms(self) -> int:
        """Number of atoms."""
        return len(self.numbers)

    @property
    def temperature_K(self) -> float:
        """Target temperature of the production run, K.

        Raises
        ------
        ConfigError
            The trajectory comes from a file that does not say, and nobody said it.
        """
        value = self.metadata["protocol"]["temperature_K"]
        if value is None:
            raise ConfigError(
                f"{self.metadata['source']['file']}: does not say the temperature: give "
                "--temperature (temperature_K)"
            )
        return float(value)

    @property
    def frame_interval_fs(self) -> float:
        """Time between frames, fs."""
        protocol = self.metadata["protocol"]
        return float(protocol["timestep_fs"] * protocol["stride"])

    def frames(self, stage: StageName | None = None) -> slice:
        """Frames of a stage. The frame between two stages ends one and begins the other.

        Raises
        ------
        ConfigError
            The protocol has no such stage.
        """
        if stage is None:
            return slice(0, self.n_frames)
        for entry in self.metadata["stages"]:
            if entry["label"] == stage:
                first, last = entry["first_step"], entry["first_step"] + entry["n_steps"]
                begin = int(np.searchsorted(self.step, first, side="left"))
                return slice(begin, int(np.searchsorted(self.step, last, side="right")))
        labels = [entry["label"] for entry in self.metadata["stages"]]
        raise ConfigError(f"the run has no stage '{stage}', only {', '.join(labels)}")

    def positions(self, stage: StageName | None = None) -> NDArray[np.float64]:
        """Unwrapped positions (n_frames, n_atoms, 3), Å, of one stage or of the whole run."""
        return self._read("position", self.frames(stage))

    def source(self, stage: StageName | None = None) -> StageFrames:
        """Frames of one stage or of the whole run, to be read in blocks."""
        part = self.frames(stage)
        return StageFrames(self, part.start, part.stop)

    def velocity_source(self, stage: StageName | None = None) -> StageFrames:
        """Velocities of one stage or of the whole run, Å/fs, to be read in blocks.

        Raises
        ------
        DataError
            Velocities were not stored.
        """
        part = self.frames(stage)
        self._read("velocity", slice(part.start, part.start))
        return StageFrames(self, part.start, part.stop, "velocity")

    def velocities(self, stage: StageName | None = None) -> NDArray[np.float64]:
        """Velocities (n_frames, n_atoms, 3), Å/fs.

        Raises
        ------
        DataError
            Velocities were not stored.
        """
        return self._read("velocity", self.frames(stage))

    def cells(self, stage: StageName | None = None) -> NDArray[np.float64]:
        """Lattice vectors (n_frames, 3, 3) of each frame, Å."""
        return self.cells_of(self.frames(stage))

    def cells_of(self, part: slice) -> NDArray[np.float64]:
        """Lattice vectors (n, 3, 3) of a range of frames, Å."""
        if not self.changes_cell:
            return np.broadcast_to(self.cell, (part.stop - part.start, 3, 3)).copy()
        if self.path is None:
            return self.memory["cell"][part]
        import h5py

        with h5py.File(self.path, "r") as file:
            return np.asarray(file["particles/all/box/edges/value"][part])

    def atoms(self, frame: int = -1) -> Atoms:
        """One frame as ASE atoms, positions unwrapped."""
        from ase import Atoms

        index = range(self.n_frames)[frame]
        part = slice(index, index + 1)
        positions, cell = self._read("position", part)[0], self.cells_of(part)[0]
        return Atoms(self.numbers, positions, cell=cell, pbc=self.pbc, masses=self.masses)

    def block(
        self, part: slice
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64] | None]:
        """Positions, cells and, if stored, velocities of some frames, without loading others."""
        if self.path is None:
            moving = "velocity" in self.memory
        else:
            import h5py

            with h5py.File(self.path, "r") as file:
                moving = "particles/all/velocity" in file
        velocities = self._read("velocity", part) if moving else None
        return self._read("position", part), self.cells_of(part), velocities

    @property
    def thermo(self) -> dict[str, NDArray[Any]]:
        """Columns of the thermo table; see :func:`lionn_rs.md.thermo.read_thermo`."""
        if self.table is not None:
            return self.table
        if self.path is None:
            return {}
        return read_thermo(self.path.with_name(THERMO_FILE))

    def _read(self, name: str, part: slice) -> NDArray[np.float64]:
        if self.path is None:
            if name not in self.memory:
                raise DataError(f"the run did not store a {name} for every frame")
            return self.memory[name][part]
        import h5py

        with h5py.File(self.path, "r") as file:
            group = file["particles/all"]
            if name not in group:
                raise DataError(f"{self.path}: the run did not store a {name} for every frame")
            return np.asarray(group[name]["value"][part], dtype=np.float64)


@dataclass(frozen=True)
class StageFrames:
    """Consecutive frames of a trajectory that are read block by block.

    A :class:`lionn_rs.analysis.FrameSource`: analyses that take one never hold the whole
    trajectory in memory.
    """

    trajectory: Trajectory
    first: int
    last: int
    quantity: str = "position"

    @property
    def shape(self) -> tuple[int, int, int]:
        """``(n_frames, n_atoms, 3)``."""
        return self.last - self.first, self.trajectory.n_atoms, 3

    def read(
        self, start: int, stop: int, atoms: NDArray[np.intp] | None = None
    ) -> NDArray[np.floating]:
        """Unwrapped positions (stop - start, n, 3) of some frames, Å, as they are stored.

        Velocities, Å/fs, where they were asked for.
        """
        part = slice(self.first + start, self.first + min(stop, self.last - self.first))
        if self.trajectory.path is None:
            block: NDArray[np.floating] = self.trajectory.memory[self.quantity][part]
        else:
            import h5py

            with h5py.File(self.trajectory.path, "r") as file:
                block = file[f"particles/all/{self.quantity}/value"][part]
        return block if atoms is None else block[:, atoms]

    @property
    def cells(self) -> NDArray[np.float64]:
        """The cell (3, 3), or that of each frame (n_frames, 3, 3) if it changes, Å."""
        if not self.trajectory.changes_cell:
            return self.trajectory.cell
        return self.trajectory.cells_of(slice(self.first, self.last))
