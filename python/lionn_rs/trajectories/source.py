"""What every reader of trajectories returns, and what a user may have to add to it."""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import IO, Any, Literal, cast

import numpy as np
from numpy.typing import NDArray

from lionn_rs.errors import ConfigError, DataError, LionnError

__all__ = [
    "Block",
    "Frame",
    "Given",
    "Source",
    "TruncatedFrame",
    "atomic_numbers_of",
    "atomic_numbers_of_types",
    "in_blocks",
    "joined",
    "open_text",
    "same_atoms",
    "with_notes_on_the_end",
]

Floats = NDArray[np.float64]
PositionKind = Literal["wrapped", "unwrapped"]

BLOCK_BYTES = 8_000_000
"""Aim for the positions of one block: what bounds the memory of a conversion."""


@dataclass(frozen=True, kw_only=True)
class Given:
    """What the user says about a file, because the file does not, or against it.

    Attributes
    ----------
    timestep_fs : float, optional
        Time step of the dynamics, for files with step numbers.
    frame_interval_fs : float, optional
        Time between the frames of the file.
    temperature_K : float, optional
    topology : Path, optional
        A file that says what the atoms are, in the same order.
    types : tuple of str
        Chemical symbols of LAMMPS types 1, 2, ...
    positions : {"wrapped", "unwrapped"}, optional
        Whether positions were folded back into the cell.
    """

    timestep_fs: float | None = None
    frame_interval_fs: float | None = None
    temperature_K: float | None = None
    topology: Path | None = None
    types: tuple[str, ...] = ()
    positions: PositionKind | None = None

    def __post_init__(self) -> None:
        for name in ("timestep_fs", "frame_interval_fs", "temperature_K"):
            value = getattr(self, name)
            if value is not None and not (np.isfinite(value) and value > 0):
                raise ConfigError(f"{name} must be positive, got {value}")
        if self.positions not in (None, "wrapped", "unwrapped"):
            raise ConfigError(f"positions must be 'wrapped' or 'unwrapped', got '{self.positions}'")

    def record(self) -> dict[str, Any]:
        """Only what was given."""
        entries = {
            "timestep_fs": self.timestep_fs,
            "frame_interval_fs": self.frame_interval_fs,
            "temperature_K": self.temperature_K,
            "topology": None if self.topology is None else self.topology.name,
            "types": list(self.types) or None,
            "positions": self.positions,
        }
        return {name: value for name, value in entries.items() if value is not None}


@dataclass(frozen=True, kw_only=True)
class Frame:
    """One frame as a file has it.

    Attributes
    ----------
    positions : (n_atoms, 3) float64
        Å, or fractional coordinates if the source says so.
    cell : (3, 3) float64
        Lattice vectors as rows, Å.
    velocities : (n_atoms, 3) float64 or None
        Å/fs.
    step : int or None
    time_fs : float or None
    """

    positions: Floats
    cell: Floats
    velocities: Floats | None = None
    step: int | None = None
    time_fs: float | None = None


@dataclass(frozen=True, kw_only=True)
class Block:
    """Consecutive frames: arrays of :class:`Frame` with a leading axis.

    ``index`` counts the frames of the file.
    """

    index: NDArray[np.int64]
    positions: Floats
    cells: Floats
    velocities: Floats | None = None
    step: NDArray[np.int64] | None = None
    time_fs: Floats | None = None

    def __len__(self) -> int:
        return len(self.index)

    def part(self, rows: slice | NDArray[Any]) -> Block:
        """Select some of the frames."""
        return Block(
            index=self.index[rows],
            positions=self.positions[rows],
            cells=self.cells[rows],
            velocities=None if self.velocities is None else self.velocities[rows],
            step=None if self.step is None else self.step[rows],
            time_fs=None if self.time_fs is None else self.time_fs[rows],
        )


def joined(blocks: Sequence[Block]) -> Block:
    """One block of several; what one of them lacks is missing in all."""

    def column(name: str) -> Any:
        values = [getattr(block, name) for block in blocks]
        return None if any(value is None for value in values) else np.concatenate(values)

    return Block(**{entry.name: column(entry.name) for entry in fields(Block)})


@dataclass(kw_only=True)
class Source:
    """A trajectory that is read once, from front to back.

    Attributes
    ----------
    path : Path
    format : str
        Name of the format.
    reader : str
        What reads it, in words.
    numbers : (n_atoms,) int64
        Atomic numbers.
    pbc : (3,) bool
    frames : iterator of Frame
    masses : (n_atoms,) float64 or None
        Where the file has them, u.
    n_frames : int or None
        Number of frames, perhaps an estimate; None if nothing is known.
    positions : {"wrapped", "unwrapped", "as given"}
        What the file holds; "as given" may be either.
    how : str
        How unwrapped positions come about, in words, if the reader makes them.
    fractional : bool
        Positions are fractional coordinates.
    timestep_fs, frame_interval_fs, temperature_K : float or None
        What the file says.
    time_advice : str
        Which option to give when the time of the frames is not known.
    metadata : dict
        Metadata of a run of lionn_rs.
    notes : list of str
        What the reader noticed; grows while frames are read.
    """

    path: Path
    format: str
    reader: str
    numbers: NDArray[np.int64]
    pbc: NDArray[np.bool_]
    frames: Iterator[Frame]
    masses: Floats | None = None
    n_frames: int | None = None
    positions: Literal["wrapped", "unwrapped", "as given"] = "as given"
    how: str = ""
    fractional: bool = False
    timestep_fs: float | None = None
    frame_interval_fs: float | None = None
    temperature_K: float | None = None
    time_advice: str = "give --frame-interval-fs (frame_interval_fs)"
    metadata: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


class TruncatedFrame(Exception):
    """The file ends within a frame."""


def with_notes_on_the_end(frames: Iterator[Frame], path: Path, notes: list[str]) -> Iterator[Frame]:
    """Frames of a file that may be cut off: an incomplete last frame is left out, with a note.

    Raises
    ------
    DataError
        Not even the first frame is complete, or text in the file is no number.
    """
    n = 0
    while True:
        try:
            frame = next(frames)
        except StopIteration:
            break
        except TruncatedFrame as error:
            if n == 0:
                raise DataError(f"{path}: the file ends within its first frame") from error
            notes.append(f"the file ends within frame {n}, which is left out")
            break
        except LionnError:
            raise
        except (ValueError, IndexError, KeyError, EOFError) as error:
            reason = str(error) or type(error).__name__
            raise DataError(f"{path}, frame {n}: cannot be read ({reason})") from error
        if not (np.isfinite(frame.positions).all() and np.isfinite(frame.cell).all()):
            raise DataError(f"{path}, frame {n}: positions or cell are not finite")
        yield frame
        n += 1
    if n == 0:
        raise DataError(f"{path}: holds no frames")


def in_blocks(frames: Iterable[Frame], n_atoms: int) -> Iterator[Block]:
    """Collect frames into blocks of bounded size."""
    size = max(2, BLOCK_BYTES // (24 * max(n_atoms, 1)))
    pending: list[Frame] = []
    first = 0
    for frame in frames:
        pending.append(frame)
        if len(pending) == size:
            yield _stacked(pending, first)
            first += len(pending)
            pending = []
    if pending:
        yield _stacked(pending, first)


def _stacked(frames: list[Frame], first: int) -> Block:
    def column(name: str, dtype: type) -> NDArray[Any] | None:
        values = [getattr(frame, name) for frame in frames]
        return None if any(value is None for value in values) else np.array(values, dtype=dtype)

    return Block(
        index=np.arange(first, first + len(frames)),
        positions=np.stack([frame.positions for frame in frames]),
        cells=np.stack([frame.cell for frame in frames]),
        velocities=column("velocities", np.float64),
        step=column("step", np.int64),
        time_fs=column("time_fs", np.float64),
    )


def open_text(path: Path) -> IO[str]:
    """Text file, perhaps compressed with gzip."""
    if path.suffix == ".gz":
        return cast("IO[str]", gzip.open(path, "rt", encoding="utf-8", errors="replace"))
    return path.open(encoding="utf-8", errors="replace")


def atomic_numbers_of(symbols: Iterable[str], where: str) -> NDArray[np.int64]:
    """Atomic numbers of chemical symbols.

    Raises
    ------
    DataError
        A symbol is none.
    """
    from ase.data import atomic_numbers

    names = list(symbols)
    unknown = sorted({name for name in names if name not in atomic_numbers})
    if unknown:
        raise DataError(f"{where}: '{unknown[0]}' is not a chemical symbol")
    return np.array([atomic_numbers[name] for name in names], dtype=np.int64)


def atomic_numbers_of_types(
    kinds: NDArray[np.integer], types: Sequence[str], where: str
) -> NDArray[np.int64]:
    """Atomic numbers (n_atoms,) of types 1, 2, ... (n_atoms,), whose symbols are ``types``.

    Raises
    ------
    DataError
        A type without a symbol, or a symbol that is none.
    """
    strange = kinds[(kinds < 1) | (kinds > len(types))]
    if len(strange):
        raise DataError(
            f"{where}: has atoms of type {strange.max()}, --types (types) names {len(types)}, "
            "from 1"
        )
    return atomic_numbers_of((types[int(kind) - 1] for kind in kinds), where)


def same_atoms(found: NDArray[np.int64], first: NDArray[np.int64], path: Path, frame: int) -> None:
    """Refuse frames whose atoms differ from those of the first.

    Raises
    ------
    DataError
        Another number of atoms, or other elements, or another order.
    """
    if len(found) != len(first):
        raise DataError(
            f"{path}, frame {frame}: {len(found)} atoms, the first frame has {len(first)}; atoms "
            "must not appear or disappear"
        )
    if not np.array_equal(found, first):
        atom = int(np.flatnonzero(found != first)[0])
        raise DataError(
            f"{path}, frame {frame}: atom {atom} is another element than in the first frame; all "
            "frames need the same order of atoms"
        )
