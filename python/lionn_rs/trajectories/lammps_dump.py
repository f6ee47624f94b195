"""LAMMPS text dumps: wrapped, scaled, unwrapped columns, image flags, triclinic boxes.

Columns and boxes as in the LAMMPS manual, commands ``dump`` and page "Triclinic (non-orthogonal)
simulation boxes" (https://docs.lammps.org).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lionn_rs.errors import DataError
from lionn_rs.trajectories.source import (
    Floats,
    Frame,
    Given,
    Source,
    TruncatedFrame,
    atomic_numbers_of,
    atomic_numbers_of_types,
    open_text,
    same_atoms,
    with_notes_on_the_end,
)
from lionn_rs.trajectories.topology import read_topology
from lionn_rs.units import PS_TO_FS

__all__ = ["read_dump"]

_COLUMNS = ("xu", "xsu", "x", "xs")
"""Columns of positions by preference: unwrapped, scaled and unwrapped, as is, scaled."""

_FS_PER_TIME = {"metal": PS_TO_FS, "real": 1.0}
"""Unit of time of the LAMMPS unit styles whose lengths are in Å."""

_ASSUMED = "metal"


@dataclass
class _Snapshot:
    """Items of one frame of a dump."""

    step: int = 0
    time: float | None = None
    box_line: str = ""
    bounds: list[list[float]] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)

    def column(self, name: str) -> Floats:
        k = self.names.index(name)
        return np.array([row[k] for row in self.rows], dtype=np.float64)

    def columns(self, names: list[str]) -> Floats:
        return np.stack([self.column(name) for name in names], axis=1)

    def texts(self, name: str) -> list[str]:
        k = self.names.index(name)
        return [row[k] for row in self.rows]

    def sort(self) -> None:
        """LAMMPS writes atoms in the order of its processors unless told otherwise."""
        k = self.names.index("id")
        self.rows.sort(key=lambda row: int(row[k]))

    def box(self) -> tuple[Floats, Floats]:
        """Lattice vectors and origin."""
        words = self.box_line.split()
        if "abc" in words:  # a general triclinic box
            table = np.array(self.bounds)
            return table[:, :3], table[:, 3]
        low, high = np.array([row[:2] for row in self.bounds]).T
        xy, xz, yz = (row[2] for row in self.bounds) if "xy" in words else (0.0, 0.0, 0.0)
        # The bounds of a triclinic box enclose it; the origin is inside by the tilts.
        low = low - [min(0.0, xy, xz, xy + xz), min(0.0, yz), 0.0]
        high = high - [max(0.0, xy, xz, xy + xz), max(0.0, yz), 0.0]
        a, b, c = high - low
        return np.array([[a, 0.0, 0.0], [xy, b, 0.0], [xz, yz, c]]), low

    def pbc(self) -> NDArray[np.bool_]:
        flags = [word for word in self.box_line.split() if set(word) <= set("pfsm")][-3:]
        return np.array([flag == "pp" for flag in flags] if len(flags) == 3 else [True] * 3)


class _Dump:
    """Snapshots of a dump file in the order of atom identifiers."""

    def __init__(self, path: Path, given: Given) -> None:
        self.path = path
        self.given = given
        self.units: str | None = None
        self.stream = open_text(path)
        self.frame_bytes = 0
        self.n_snapshots = 0

    def snapshots(self) -> Iterator[_Snapshot]:
        found, n_atoms = _Snapshot(), 0
        with self.stream:
            while line := self.stream.readline():
                item = line.strip()
                if item == "ITEM: UNITS":
                    self.units = self._next().strip()
                elif item == "ITEM: TIME":
                    found.time = float(self._next())
                elif item == "ITEM: TIMESTEP":
                    found.step = int(self._next())
                elif item == "ITEM: NUMBER OF ATOMS":
                    n_atoms = int(self._next())
                elif item.startswith("ITEM: BOX BOUNDS"):
                    found.box_line = item
                    found.bounds = [[float(x) for x in self._next().split()] for _ in range(3)]
                elif item.startswith("ITEM: ATOMS"):
                    found.names = item.split()[2:]
                    found.rows = self._rows(n_atoms, len(found.names))
                    if "id" in found.names:
                        found.sort()
                    yield found
                    found, n_atoms = _Snapshot(), 0
                elif item:
                    raise ValueError(f"expected a line 'ITEM: ...', got '{item[:40]}'")

    def _next(self) -> str:
        line = self.stream.readline()
        if not line.endswith("\n"):
            raise TruncatedFrame
        return line

    def _rows(self, n_atoms: int, n_columns: int) -> list[list[str]]:
        lines = [self.stream.readline() for _ in range(n_atoms)]
        rows = [line.split() for line in lines]
        # A last number may have lost digits; a single frame is given the benefit of the doubt.
        if lines and not lines[-1].endswith("\n") and self.n_snapshots > 0:
            raise TruncatedFrame
        if any(len(row) < n_columns for row in rows):
            if not self.stream.readline():
                raise TruncatedFrame
            raise ValueError(f"a line of an atom has fewer than {n_columns} columns")
        self.n_snapshots += 1
        return rows

    def numbers(self, snapshot: _Snapshot) -> NDArray[np.int64]:
        """Atomic numbers, from types given by the user, the file, or a topology."""
        where, names = str(self.path), snapshot.names
        if self.given.types and "type" in names:
            kinds = snapshot.column("type").astype(np.int64)
            return atomic_numbers_of_types(kinds, self.given.types, where)
        if "element" in names:
            return atomic_numbers_of(snapshot.texts("element"), where)
        if self.given.topology is not None:
            return read_topology(self.given.topology, self.given.types).numbers
        raise DataError(
            f"{where}: no column 'element': name the elements of types 1, 2, ... with --types "
            "(types), or give --topology (topology)"
        )

    def coordinates(self, snapshot: _Snapshot) -> tuple[str, bool]:
        """First column of positions, and whether image flags stand beside them."""
        for name in _COLUMNS:
            axes = [name.replace("x", axis, 1) for axis in "xyz"]
            if all(axis in snapshot.names for axis in axes):
                flags = all(flag in snapshot.names for flag in ("ix", "iy", "iz"))
                return name, flags and "u" not in name
        raise DataError(
            f"{self.path}: no columns of positions (x y z, xs ys zs, xu yu zu or xsu ysu zsu), "
            f"only {' '.join(snapshot.names)}"
        )

    def fs_per_time(self) -> float:
        style = self.units or _ASSUMED
        if style not in _FS_PER_TIME:
            raise DataError(
                f"{self.path}: units '{style}' (expected metal or real, whose lengths are in Å)"
            )
        return _FS_PER_TIME[style]

    def frame(self, snapshot: _Snapshot) -> Frame:
        name, flags = self.coordinates(snapshot)
        cell, origin = snapshot.box()
        positions = snapshot.columns([name.replace("x", axis, 1) for axis in "xyz"])
        positions = positions @ cell if "s" in name else positions - origin
        if flags:
            positions = positions + snapshot.columns(["ix", "iy", "iz"]) @ cell
        scale = self.fs_per_time()
        moving = all(axis in snapshot.names for axis in ("vx", "vy", "vz"))
        known = snapshot.time is not None and self.units is not None
        return Frame(
            positions=positions,
            cell=cell,
            velocities=snapshot.columns(["vx", "vy", "vz"]) / scale if moving else None,
            step=snapshot.step,
            time_fs=float(snapshot.time or 0.0) * scale if known else None,
        )


def read_dump(path: Path, given: Given) -> Source:
    """LAMMPS dump, atoms sorted by ``id``, positions relative to the corner of the box."""
    file = _Dump(path, given)
    notes: list[str] = []
    started: list[_Snapshot] = []
    numbers: list[NDArray[np.int64]] = []
    identifiers: list[list[str]] = []

    def frames() -> Iterator[Frame]:
        for k, snapshot in enumerate(file.snapshots()):
            if not started:
                started.append(snapshot)
                numbers.append(file.numbers(snapshot))
                identifiers.append(_identifiers(snapshot))
            elif _identifiers(snapshot) != identifiers[0]:
                _refuse(snapshot, identifiers[0], path, k)
            elif "element" in snapshot.names and not given.types:
                same_atoms(file.numbers(snapshot), numbers[0], path, k)
            yield file.frame(snapshot)

    checked = with_notes_on_the_end(frames(), path, notes)
    first = next(checked)
    if len(numbers[0]) != len(first.positions):
        raise DataError(f"{path}: {len(first.positions)} atoms, the topology has {len(numbers[0])}")
    name, flags = file.coordinates(started[0])
    if "id" not in started[0].names:
        notes.append("no column 'id': the order of atoms is taken to be the same in all frames")
    if file.units is None and first.velocities is not None:
        notes.append("no 'ITEM: UNITS': velocities are taken to be in Å/ps (metal)")
    how = "image flags ix iy iz" if flags else f"columns {name} {name.replace('x', 'y')} ..."
    unwrapped = flags or "u" in name
    size = sum(len(" ".join(row)) + 1 for row in started[0].rows) + 120
    return Source(
        path=path,
        format="lammps-dump",
        reader="lionn_rs (LAMMPS dump)",
        numbers=numbers[0],
        pbc=started[0].pbc(),
        frames=chain([first], checked),
        n_frames=None if path.suffix == ".gz" else max(1, path.stat().st_size // size),
        positions="unwrapped" if unwrapped else "wrapped",
        how=how if unwrapped else "",
        timestep_fs=given.timestep_fs,
        time_advice="a LAMMPS dump counts steps: give --timestep-fs (timestep_fs), or "
        "--frame-interval-fs (frame_interval_fs)",
        notes=notes,
    )


def _identifiers(snapshot: _Snapshot) -> list[str]:
    if "id" in snapshot.names:
        return snapshot.texts("id")
    return [str(k) for k in range(len(snapshot.rows))]


def _refuse(snapshot: _Snapshot, first: list[str], path: Path, frame: int) -> None:
    found = _identifiers(snapshot)
    strange = sorted(set(found) ^ set(first), key=int)[:1]
    which = f" (atom id {strange[0]})" if strange else ""
    raise DataError(
        f"{path}, frame {frame}: {len(found)} atoms, the first frame has {len(first)}{which}; "
        "atoms must not appear or disappear"
    )
