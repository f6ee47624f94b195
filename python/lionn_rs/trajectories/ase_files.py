"""Extended XYZ and ASE's .traj, frame by frame, through ASE."""

from __future__ import annotations

import io
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from lionn_rs.errors import DataError
from lionn_rs.trajectories.source import (
    Frame,
    Given,
    Source,
    TruncatedFrame,
    open_text,
    same_atoms,
    with_notes_on_the_end,
)

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["read_extxyz", "read_traj"]

_ADVICE = "the frames have no 'time_fs' in their info: give --frame-interval-fs (frame_interval_fs)"


def _extxyz_atoms(path: Path) -> Iterator[Atoms]:
    from ase.io import read

    n = 0
    with open_text(path) as stream:
        while line := stream.readline():
            if not line.strip():
                continue
            n_atoms = int(line)
            # islice stops at the end of the file, whatever number of atoms a damaged file claims.
            lines = [line, *islice(stream, n_atoms + 1)]
            if len(lines) < n_atoms + 2:
                raise TruncatedFrame
            whole = len(lines[-1].split()) == len(lines[2].split()) if n_atoms else True
            # A last number may have lost digits; a single frame is given the benefit of the doubt.
            if not lines[-1].endswith("\n") and (n > 0 or not whole):
                raise TruncatedFrame
            n += 1
            try:
                atoms = cast("Atoms", read(io.StringIO("".join(lines)), index=0, format="extxyz"))
            except Exception as error:  # ASE's parser raises whatever it meets
                raise ValueError(str(error) or type(error).__name__) from error
            yield atoms


def _traj_atoms(path: Path) -> Iterator[Atoms]:
    from ase.io import Trajectory

    try:
        file = Trajectory(path)
        n_frames = len(file)
    except Exception as error:
        raise DataError(f"{path}: not an ASE trajectory ({error})") from error
    with file:
        for k in range(n_frames):
            try:
                atoms = file[k]
            except Exception as error:
                if _is_cut_off(file):
                    raise TruncatedFrame from error
                raise ValueError(f"{type(error).__name__}: {error}") from error
            yield atoms


def _is_cut_off(file: Any) -> bool:
    """Whether a .traj ends before the frames that its header promises."""
    try:
        file[-1]
    except Exception:  # whatever ASE meets in a frame that is not there
        return True
    return False


def _frame(atoms: Atoms) -> Frame:
    from ase import units

    has_momenta = "momenta" in atoms.arrays
    return Frame(
        positions=np.asarray(atoms.positions, dtype=np.float64),
        cell=np.array(atoms.cell[:], dtype=np.float64),
        velocities=atoms.get_velocities() * units.fs if has_momenta else None,
        step=_number(atoms.info.get("step"), int),
        time_fs=_number(atoms.info.get("time_fs"), float),
    )


def _number(value: Any, kind: type) -> Any:
    return None if value is None or isinstance(value, str) else kind(value)


def _source(path: Path, given: Given, name: str, images: Iterator[Atoms], n_bytes: int) -> Source:
    numbers: list[Any] = []

    def frames() -> Iterator[Frame]:
        for k, atoms in enumerate(images):
            if numbers:
                same_atoms(atoms.numbers, numbers[0], path, k)
            else:
                numbers.extend((atoms.numbers.copy(), atoms))
            yield _frame(atoms)

    notes: list[str] = []
    checked = with_notes_on_the_end(frames(), path, notes)
    first = next(checked)
    atoms = numbers[1]
    unwrapped = atoms.info.get("unwrapped")
    kinds = {None: "as given", True: "unwrapped", False: "wrapped"}
    return Source(
        path=path,
        format=name,
        reader=f"ASE ({name})",
        numbers=np.asarray(numbers[0], dtype=np.int64),
        pbc=np.array(atoms.pbc),
        masses=atoms.get_masses(),
        frames=chain([first], checked),
        n_frames=None if n_bytes == 0 else max(1, path.stat().st_size // n_bytes),
        positions=kinds[None if unwrapped is None else bool(unwrapped)],  # type: ignore[arg-type]
        timestep_fs=given.timestep_fs,
        temperature_K=_number(atoms.info.get("temperature_K"), float),
        time_advice=_ADVICE,
        notes=notes,
    )


def read_extxyz(path: Path, given: Given) -> Source:
    """Read extended XYZ; time, step and temperature from the comment line where it has them."""
    n_bytes = 0
    if path.suffix != ".gz":
        with open_text(path) as stream:
            line = stream.readline()
            if line.strip().isdigit():
                n_bytes = len(line) + sum(len(stream.readline()) for _ in range(int(line) + 1))
    return _source(path, given, "extxyz", _extxyz_atoms(path), n_bytes)


def read_traj(path: Path, given: Given) -> Source:
    """Read ASE's binary trajectory; info as in extended XYZ."""
    source = _source(path, given, "traj", _traj_atoms(path), 0)
    from ase.io import Trajectory

    with Trajectory(path) as file:
        source.n_frames = len(file)
    return source
