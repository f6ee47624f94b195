"""H5MD: runs of lionn_rs, and files of other programs.

Layout: de Buyl, Colberg, Höfling, Comput. Phys. Commun. 185, 1546 (2014),
doi:10.1016/j.cpc.2014.01.018.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lionn_rs.errors import ConfigError, DataError
from lionn_rs.md.trajectory import Trajectory
from lionn_rs.trajectories.source import (
    BLOCK_BYTES,
    Floats,
    Frame,
    Given,
    Source,
    atomic_numbers_of,
    atomic_numbers_of_types,
    with_notes_on_the_end,
)
from lionn_rs.trajectories.topology import read_topology

if TYPE_CHECKING:
    import h5py

    from lionn_rs.md.trajectory import StageName

__all__ = ["is_own_file", "read_h5md"]

_LENGTHS = {"Angstrom": 1.0, "angstrom": 1.0, "A": 1.0, "Å": 1.0, "nm": 10.0, "pm": 0.01}
_TIMES = {"fs": 1.0, "ps": 1e3, "ns": 1e6, "s": 1e15}
"""Å and fs per unit; a velocity unit is 'LENGTH TIME-1'."""


def is_own_file(path: Path) -> bool:
    """Whether an H5MD file was written by lionn_rs."""
    import h5py

    try:
        with h5py.File(path, "r") as file:
            return "parameters/lionn" in file
    except OSError as error:
        raise DataError(f"{path}: not an HDF5 file, or damaged ({error})") from error


def read_h5md(path: Path, given: Given, stage: StageName | None = None) -> Source:
    """Frames of a run of lionn_rs, of one stage if named, or of an H5MD file of others."""
    if path.is_dir() or (path.is_file() and is_own_file(path)):
        return _read_own(path, stage)
    if stage is not None:
        raise ConfigError(
            f"{path}: only runs of lionn_rs have stages: choose frames by time (--start, --stop)"
        )
    return _read_foreign(path, given)


def _read_own(path: Path, stage: StageName | None) -> Source:
    run = Trajectory.open(path)
    chosen = run.frames(stage)
    if chosen.stop <= chosen.start:
        raise DataError(f"{path}: holds no frames" + (f" of the stage {stage}" if stage else ""))
    size = max(1, BLOCK_BYTES // (48 * run.n_atoms))

    def frames() -> Iterator[Frame]:
        for begin in range(chosen.start, chosen.stop, size):
            part = slice(begin, min(begin + size, chosen.stop))
            positions, cells, velocities = run.block(part)
            for k in range(len(positions)):
                yield Frame(
                    positions=positions[k],
                    cell=cells[k],
                    velocities=None if velocities is None else velocities[k],
                    step=int(run.step[begin + k]),
                    time_fs=float(run.time_fs[begin + k]),
                )

    notes: list[str] = []
    protocol = run.metadata["protocol"]
    return Source(
        path=path,
        format="h5md",
        reader="lionn_rs (H5MD)",
        numbers=run.numbers,
        pbc=run.pbc,
        masses=run.masses,
        frames=with_notes_on_the_end(frames(), path, notes),
        n_frames=chosen.stop - chosen.start,
        positions="unwrapped",
        how="stored unwrapped",
        timestep_fs=protocol["timestep_fs"],
        temperature_K=protocol["temperature_K"],
        metadata=run.metadata,
        notes=notes,
    )


class _Foreign:
    """The first group of particles with positions in an H5MD file."""

    def __init__(self, file: h5py.File, path: Path, notes: list[str]) -> None:
        self.path, self.notes = path, notes
        groups = [group for group in file["particles"].values() if "position" in group]
        if not groups:
            raise KeyError("no positions under /particles")
        self.group = groups[0]
        position = self.group["position"]
        self.positions = position["value"]
        self.n_frames, self.n_atoms = self.positions.shape[:2]
        self.length = self._unit(self.positions, _LENGTHS, "length", 1.0)
        self.edges = self._edges()
        self.step = self._series(position.get("step"), None)
        self.time = self._series(position.get("time"), _TIMES)

    def _unit(
        self, data: h5py.Dataset, table: dict[str, float], what: str, assumed: float
    ) -> float:
        text = _text(data.attrs.get("unit", ""))
        if text and text not in table:
            raise DataError(f"{self.path}: unit of {what} '{text}' (expected {', '.join(table)})")
        if not text:
            self.notes.append(f"no unit of {what}: taken to be Å")
        return table.get(text, assumed)

    def _edges(self) -> Any:
        box = self.group.get("box")
        if box is None or "edges" not in box:
            return None
        edges = box["edges"]
        return edges["value"] if hasattr(edges, "keys") else edges[()]

    def _series(self, data: Any, units: dict[str, float] | None) -> NDArray[Any] | None:
        """Read steps or times of all frames; a scalar is the interval."""
        if data is None:
            return None
        scale = 1.0
        if units is not None:
            text = _text(data.attrs.get("unit", ""))
            if text not in units:
                return None
            scale = units[text]
        values = np.asarray(data[()])
        if values.ndim == 0:
            values = values * np.arange(self.n_frames) + np.asarray(data.attrs.get("offset", 0))
        return values * scale if units is not None else values

    def cell(self, k: int) -> Floats:
        if self.edges is None:
            return np.zeros((3, 3))
        per_frame = getattr(self.edges, "ndim", 0) > 1 and len(self.edges) == self.n_frames
        per_frame = per_frame and hasattr(self.edges, "id")
        edges = np.asarray(self.edges[k] if per_frame else self.edges[()], dtype=np.float64)
        if edges.shape not in ((3,), (3, 3)):
            raise DataError(
                f"{self.path}: box edges of shape {edges.shape}, expected (3,) or (3, 3), once or "
                f"for each of the {self.n_frames} frames"
            )
        return (np.diag(edges) if edges.ndim == 1 else edges) * self.length

    def pbc(self) -> NDArray[np.bool_]:
        box = self.group.get("box")
        boundary: Any = [] if box is None else np.atleast_1d(box.attrs.get("boundary", []))
        if len(boundary) == 0:
            return np.array([self.edges is not None] * 3)
        flags = [_text(entry) == "periodic" for entry in boundary]
        return np.array(flags * 3 if len(flags) == 1 else flags)

    def numbers(self, given: Given) -> NDArray[np.int64]:
        if given.topology is not None:
            return read_topology(given.topology, given.types).numbers
        advice = "name the elements with --types (types), or give --topology (topology)"
        data = self.group.get("species")
        if data is None:
            raise DataError(f"{self.path}: does not say what the atoms are: {advice}")
        import h5py

        data = data["value"] if hasattr(data, "keys") else data
        names = h5py.check_enum_dtype(data.dtype)
        kinds = np.asarray(data[()] if data.ndim == 1 else data[0])
        if given.types:
            return atomic_numbers_of_types(kinds, given.types, str(self.path))
        if names:
            by_value = {value: name for name, value in names.items()}
            return atomic_numbers_of((by_value[int(k)] for k in kinds), str(self.path))
        distinct = np.unique(kinds)
        if len(distinct) > 1 and np.array_equal(distinct, np.arange(1, len(distinct) + 1)):
            raise DataError(f"{self.path}: species 1 to {len(distinct)} look like types: {advice}")
        self.notes.append("species are taken to be atomic numbers")
        return kinds.astype(np.int64)

    def velocity_scale(self) -> float | None:
        if "velocity" not in self.group:
            return None
        length, _, time = _text(self.group["velocity/value"].attrs.get("unit", "")).partition(" ")
        time = time.removesuffix("-1")
        if length not in _LENGTHS or time not in _TIMES:
            self.notes.append("velocities without a known unit are left out")
            return None
        return _LENGTHS[length] / _TIMES[time]

    def frames(self) -> Iterator[Frame]:
        images = self.group.get("image")
        scale = self.velocity_scale()
        for k in range(self.n_frames):
            if self.step is not None and self.step[k] < 0:
                return  # room that was never used
            cell = self.cell(k)
            positions = np.asarray(self.positions[k], dtype=np.float64) * self.length
            if images is not None:
                positions = positions + np.asarray(images["value"][k], dtype=np.float64) @ cell
            velocities = None
            if scale is not None:
                velocities = np.asarray(self.group["velocity/value"][k], dtype=np.float64) * scale
            yield Frame(
                positions=positions,
                cell=cell,
                velocities=velocities,
                step=None if self.step is None else int(self.step[k]),
                time_fs=None if self.time is None else float(self.time[k]),
            )


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _read_foreign(path: Path, given: Given) -> Source:
    import h5py

    notes: list[str] = []
    file = None
    try:
        file = h5py.File(path, "r")
        found = _Foreign(file, path, notes)
        numbers = found.numbers(given)
    except (OSError, KeyError, AttributeError, ValueError) as error:
        if file is not None:
            file.close()
        raise DataError(f"{path}: not an H5MD file of particles ({error})") from error
    if len(numbers) != found.n_atoms:
        file.close()
        raise DataError(f"{path}: {found.n_atoms} atoms, the topology has {len(numbers)}")

    def frames() -> Iterator[Frame]:
        with file:
            yield from found.frames()

    imaged = "image" in found.group
    return Source(
        path=path,
        format="h5md",
        reader="lionn_rs (H5MD of another program)",
        numbers=numbers,
        pbc=found.pbc(),
        frames=with_notes_on_the_end(frames(), path, notes),
        n_frames=found.n_frames,
        positions="unwrapped" if imaged else "as given",
        how="images of the file" if imaged else "",
        timestep_fs=given.timestep_fs,
        time_advice="the file has no times with a unit: give --frame-interval-fs "
        "(frame_interval_fs), or --timestep-fs (timestep_fs)",
        notes=notes,
    )
