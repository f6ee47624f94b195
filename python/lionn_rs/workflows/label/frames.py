"""Frames to be labelled: read, stripped of what could be taken for a label, identified."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lionn_rs.data.images import GROUP_KEYS
from lionn_rs.errors import DataError

if TYPE_CHECKING:
    from ase import Atoms

__all__ = [
    "Entry",
    "RawFrame",
    "decode_frame",
    "encode_frames",
    "frame_hash",
    "labelled_text",
    "read_frames",
    "without_labels",
]

SHORT_HASH = 12
"""Characters of a hash that name folders and stand in frames."""
START_ARRAYS = ("initial_magmoms", "initial_charges")
"""Arrays that a calculation starts from."""
PLAIN = (str, bool, int, float, np.generic, np.ndarray)
"""What of a frame's ``info`` is kept; readers of crystal formats put objects there."""


@dataclass(frozen=True)
class Entry:
    """One frame of the queue.

    Attributes
    ----------
    name : str
        Name of its folder: the hash of structure and settings, shortened.
    file : str
        File among the inputs that holds it.
    index : int
        Position in that file.
    source : str
        Name of the file that the user gave, without folder.
    source_frame : int
        Number of the frame in it, from 0.
    formula : str
    n_atoms : int
    stress : bool
        Whether the stress is computed.
    """

    name: str
    file: str
    index: int
    source: str
    source_frame: int
    formula: str
    n_atoms: int
    stress: bool

    def to_dict(self) -> dict[str, Any]:
        """JSON-safe record."""
        return asdict(self)

    @property
    def label(self) -> str:
        """How a message calls it."""
        return f"{self.source}, frame {self.source_frame}"


@dataclass(frozen=True)
class RawFrame:
    """A frame as it was read: structure without labels, name of the file, number in it."""

    atoms: Atoms
    source: str
    number: int


def read_frames(
    sources: str | Path | Sequence[str | Path] | Sequence[Atoms], *, index: str = ":"
) -> list[RawFrame]:
    """Read all frames of files in any format, or take structures.

    Parameters
    ----------
    sources : str, Path or sequence of them, or sequence of ase.Atoms
    index : str
        Which frames of each file, as in ASE (``"::10"``).

    Returns
    -------
    list of RawFrame
        In order. Energies, forces and the like are left out, as well as constraints, which would
        change forces.

    Raises
    ------
    DataError
        A file is missing or cannot be read, or a structure cannot be labelled (no atoms, positions
        that are not finite, periodic without a cell).
    """
    from ase import Atoms

    from lionn_rs.data.formats import ReadOptions
    from lionn_rs.data.reading import _load

    if isinstance(sources, str | Path):
        sources = [sources]
    loose = [entry for entry in sources if isinstance(entry, Atoms)]
    groups: list[Any] = [loose] if loose else list(sources)
    frames: list[RawFrame] = []
    for group in groups:
        whole, origin = _load(group, ":", None, ReadOptions(keep_unconverged=True))
        for number in _numbers(len(whole), index, origin):
            frames.append(RawFrame(without_labels(whole[number]), origin, number))
            _check(frames[-1])
    if not frames:
        raise DataError("no frames to label")
    return frames


def _numbers(n_frames: int, index: str, origin: str) -> list[int]:
    """Numbers of the frames that an index selects, so that provenance keeps them."""
    from lionn_rs.data.reading import _select

    chosen = _select(list(range(n_frames)), index)
    if not chosen:
        raise DataError(f"{origin}: no frames selected by '{index}' (it has {n_frames})")
    return chosen


def _check(frame: RawFrame) -> None:
    where, atoms = f"{frame.source}, frame {frame.number}", frame.atoms
    if len(atoms) == 0:
        raise DataError(f"{where}: has no atoms")
    if not (np.isfinite(atoms.positions).all() and np.isfinite(atoms.cell.array).all()):
        raise DataError(f"{where}: positions or cell are not finite")
    if atoms.pbc.any() and atoms.cell.rank < int(atoms.pbc.sum()):
        raise DataError(f"{where}: periodic structure without a cell")


def without_labels(atoms: Atoms) -> Atoms:
    """Copy of a structure without calculator, constraints, velocities and label-like entries.

    What says where the frame comes from, and what a network said of it under names of its own
    (``network_energy``), stays.
    """
    from ase.calculators.calculator import all_properties

    copy: Atoms = atoms.copy()
    copy.calc = None
    copy.set_constraint()
    for key in (*all_properties, "virial", "virials"):
        copy.info.pop(key, None)
        copy.arrays.pop(key, None)
    copy.arrays.pop("momenta", None)
    copy.info = {key: value for key, value in copy.info.items() if isinstance(value, PLAIN)}
    return copy


def encode_frames(frames: Sequence[RawFrame]) -> str:
    """Structures with all their arrays as JSON text: the same bits come back."""
    from ase.io.jsonio import encode

    return str(encode([frame.atoms.todict() for frame in frames]))


@lru_cache(maxsize=2)
def _decoded(path: Path) -> list[dict[str, Any]]:
    from ase.io.jsonio import decode

    found: list[dict[str, Any]] = decode(path.read_text(encoding="utf-8"), False)
    return found


def decode_frame(path: Path, index: int) -> Atoms:
    """One structure of a file of :func:`encode_frames`.

    Raises
    ------
    DataError
        The file is missing or damaged.
    """
    from ase import Atoms

    try:
        atoms: Atoms = Atoms.fromdict(dict(_decoded(path)[index]))
    except Exception as error:
        # ASE's decoder raises whatever it meets.
        raise DataError(f"{path}: cannot be read ({error})") from error
    return atoms


def frame_hash(atoms: Atoms, settings: str) -> str:
    """SHA-256 of a structure (elements, cell, positions, periodicity) and the hash of settings."""
    digest = hashlib.sha256(settings.encode())
    digest.update(np.asarray(atoms.numbers, dtype="<i4").tobytes())
    digest.update(np.packbits(atoms.pbc).tobytes())
    for array in (atoms.cell.array, atoms.positions):
        digest.update((np.asarray(array, dtype="<f8") + 0.0).tobytes())  # + 0.0: -0 is 0
    for key in START_ARRAYS:
        if key in atoms.arrays:
            digest.update(key.encode() + np.asarray(atoms.arrays[key], dtype="<f8").tobytes())
    return digest.hexdigest()


def labelled_text(
    atoms: Atoms, results: dict[str, Any], entry: Entry, provenance: dict[str, Any]
) -> str:
    """One labelled frame as extended XYZ text, with ASE's own keys.

    Parameters
    ----------
    atoms : ase.Atoms
        Without labels.
    results : dict
        ``energy``, ``free_energy`` (eV), ``forces`` (eV/Å), ``stress`` (eV/Å³), as far as known.
    entry : Entry
    provenance : dict
        Put into ``info``: nothing that tells one machine from another.
    """
    import io

    from ase.calculators.singlepoint import SinglePointCalculator
    from ase.io import write

    copy: Atoms = atoms.copy()
    copy.info |= {"source_file": entry.source, "source_frame": entry.source_frame, **provenance}
    if not any(key in copy.info for key in GROUP_KEYS):
        # Frames of one run are correlated: a split by groups keeps them together.
        copy.info["source"] = str(copy.info.get("run", entry.source))
    copy.calc = SinglePointCalculator(copy, **results)
    stream = io.StringIO()
    write(stream, copy, format="extxyz")
    return stream.getvalue()
