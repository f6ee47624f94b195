"""XDATCAR and vasprun.xml, frame by frame: long runs need no more memory than short ones.

pymatgen reads the same files whole; the tests compare with it.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path
from typing import IO, cast
from xml.etree import ElementTree
from xml.parsers.expat import errors

import numpy as np
from numpy.typing import NDArray

from lionn_rs.errors import DataError
from lionn_rs.trajectories.source import (
    Frame,
    Given,
    Source,
    TruncatedFrame,
    atomic_numbers_of,
    open_text,
    same_atoms,
    with_notes_on_the_end,
)

__all__ = ["read_vasprun", "read_xdatcar"]

_PERIODIC = np.array([True, True, True])
MAX_ATOMS = 10_000_000
"""More atoms than any file of VASP has: a damaged header must not fill the memory."""
_CUT_OFF = {
    errors.codes[name] for name in (errors.XML_ERROR_NO_ELEMENTS, errors.XML_ERROR_UNCLOSED_TOKEN)
}
"""What the XML parser says about a file that ends too early."""


LARGEST = 1e9
"""Of cells (Å) and fractional coordinates; beyond it products overflow, and files are damaged."""


class _Xdatcar:
    """Header and frames of an XDATCAR; the header is repeated where the cell changes."""

    def __init__(self, path: Path, types: tuple[str, ...]) -> None:
        self.path = path
        self.types = types
        self.stream = open_text(path)
        try:
            self.cell, self.numbers = self._header(self.stream.readline())
        except (ValueError, IndexError, TruncatedFrame) as error:
            self.stream.close()
            raise DataError(f"{path}: not an XDATCAR ({error or 'it ends too early'})") from error
        except DataError:
            self.stream.close()
            raise
        self.header_bytes = self._told()

    def _told(self) -> int:
        return 0 if self.path.suffix == ".gz" else self.stream.tell()

    def _header(self, comment: str) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        if not comment:
            raise TruncatedFrame
        lines = [self.stream.readline() for _ in range(5)]
        if not lines[-1]:
            raise TruncatedFrame
        cell = np.array([[float(x) for x in line.split()[:3]] for line in lines[1:4]])
        scale = float(lines[0].split()[0])
        if scale < 0:  # the volume of the cell, as in a POSCAR
            scale = float((-scale / abs(np.linalg.det(cell))) ** (1 / 3))
        names = lines[4].split()
        if names and names[0].isdigit():
            counts, names = names, list(self.types)
            if len(names) != len(counts):
                raise DataError(
                    f"{self.path}: names no elements (VASP 4): give {len(counts)} symbols with "
                    "--types (types)"
                )
        else:
            counts = self.stream.readline().split()
        if sum(int(count) for count in counts) > MAX_ATOMS:
            raise ValueError(f"{' + '.join(counts)[:80]} atoms")
        symbols = [
            # VASP 6 may append a hash of the pseudopotential to the symbol.
            name.split("/")[0].split("_")[0]
            for name, count in zip(names, counts, strict=True)
            for _ in range(int(count))
        ]
        with np.errstate(over="ignore"):
            cell = cell * scale
        if (np.abs(cell) > LARGEST).any():
            raise ValueError(f"lattice vectors of {np.abs(cell).max():.3g} Å")
        return cell, atomic_numbers_of(symbols, str(self.path))

    def frames(self) -> Iterator[Frame]:
        n_atoms, n = len(self.numbers), 0
        with self.stream:
            while line := self.stream.readline():
                word = line.strip().lower()
                if not word:
                    continue
                if not word.startswith(("direct", "konfig")):
                    self.cell, numbers = self._header(line)
                    same_atoms(numbers, self.numbers, self.path, n)
                    continue
                lines = list(islice(self.stream, n_atoms))
                if len(lines) < n_atoms or not lines:
                    raise TruncatedFrame
                cut = not lines[-1].endswith("\n") and len(lines[-1]) < len(lines[0].rstrip("\n"))
                if cut:
                    raise TruncatedFrame
                rows = [row.split()[:3] for row in lines]
                positions = np.array(rows, dtype=np.float64)
                if (np.abs(positions) > LARGEST).any():
                    raise ValueError(f"a coordinate of {np.abs(positions).max():.3g} cells")
                yield Frame(positions=positions, cell=self.cell)
                n += 1


def read_xdatcar(path: Path, given: Given) -> Source:
    """Fractional, folded positions; the file knows neither time nor temperature."""
    file = _Xdatcar(path, given.types)
    # A line of coordinates has 36 or 37 characters, "Direct configuration" a few more.
    n_bytes = path.stat().st_size - file.header_bytes
    estimate = n_bytes // (37 * len(file.numbers) + 28) if path.suffix != ".gz" else None
    notes: list[str] = []
    return Source(
        path=path,
        format="xdatcar",
        reader="lionn_rs (XDATCAR)",
        numbers=file.numbers,
        pbc=_PERIODIC,
        frames=with_notes_on_the_end(file.frames(), path, notes),
        n_frames=estimate,
        positions="wrapped",
        fractional=True,
        time_advice="an XDATCAR does not store the time: give --frame-interval-fs "
        "(frame_interval_fs), POTIM times NBLOCK",
        notes=notes,
    )


class _Vasprun:
    """Settings, atoms and positions of a vasprun.xml."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.settings: dict[str, str] = {}
        self.symbols: list[str] = []

    def frames(self) -> Iterator[Frame]:
        depth, root = 0, None
        opened = gzip.open if self.path.suffix == ".gz" else open
        with cast("IO[bytes]", opened(self.path, "rb")) as stream:
            events = ElementTree.iterparse(stream, events=("start", "end"))
            try:
                for event, element in events:
                    if event == "start":
                        root = element if root is None else root
                        depth += 1
                        continue
                    depth -= 1
                    # Named structures are the initial and the final one.
                    if element.tag == "structure" and "name" not in element.attrib:
                        yield self._frame(element)
                    self._take(element)
                    if depth == 1 and root is not None:
                        root.clear()
            except (ElementTree.ParseError, EOFError) as error:
                if getattr(error, "code", None) in _CUT_OFF or isinstance(error, EOFError):
                    raise TruncatedFrame from error
                raise DataError(f"{self.path}: not valid XML ({error})") from error

    def _take(self, element: ElementTree.Element) -> None:
        if element.tag in ("incar", "parameters"):
            for entry in element.iter("i"):
                self.settings[entry.get("name", "")] = (entry.text or "").strip()
        elif element.tag == "array" and element.get("name") == "atoms":
            self.symbols = [(row[0].text or "").strip() for row in element.iter("rc")]

    def _frame(self, structure: ElementTree.Element) -> Frame:
        cell = positions = None
        for array in structure.iter("varray"):
            if array.get("name") == "basis":
                cell = _vectors(array)
            elif array.get("name") == "positions":
                positions = _vectors(array)
        if cell is None or positions is None or positions.shape != (len(self.symbols), 3):
            raise ValueError("a structure without cell or with other atoms than <atominfo>")
        return Frame(positions=positions, cell=cell)

    def number(self, name: str) -> float | None:
        text = self.settings.get(name)
        return None if text is None else float(text)


def _vectors(array: ElementTree.Element) -> NDArray[np.float64]:
    return np.array([(row.text or "").split() for row in array.iter("v")], dtype=np.float64)


def read_vasprun(path: Path, given: Given) -> Source:
    """Fractional, folded positions, time step and temperature of ab initio or force-field runs.

    Runs with a machine-learned force field of VASP (``ML_LMLFF``) have their structures at the top
    level of the file, others inside ``<calculation>``; both are read in the order of the file.
    """
    file = _Vasprun(path)
    notes: list[str] = []
    frames = with_notes_on_the_end(file.frames(), path, notes)
    first = next(frames)
    kind = file.settings.get("IBRION", "0")
    if kind != "0":
        raise DataError(f"{path}: not a molecular-dynamics run (IBRION = {kind}, expected 0)")
    step = file.number("POTIM")
    outblock = file.settings.get("ML_OUTBLOCK", "1")
    advice = "POTIM is missing in this file: give --frame-interval-fs (frame_interval_fs)"
    if outblock != "1":
        step = None
        advice = (
            f"ML_OUTBLOCK = {outblock}: whether VASP left out structures depends on its version; "
            "give --frame-interval-fs (frame_interval_fs)"
        )
    begin, end = file.number("TEBEG"), file.number("TEEND")
    steady = begin is not None and end in (None, -1.0, begin)
    if not steady and given.temperature_K is None:
        notes.append(f"TEBEG = {begin}, TEEND = {end}: the temperature is not taken from the file")
    n_steps = file.number("NSW")
    return Source(
        path=path,
        format="vasprun",
        reader="lionn_rs (vasprun.xml)",
        numbers=atomic_numbers_of(file.symbols, str(path)),
        pbc=_PERIODIC,
        frames=chain([first], frames),
        n_frames=None if n_steps is None else int(n_steps),
        positions="wrapped",
        fractional=True,
        frame_interval_fs=given.timestep_fs or step,
        temperature_K=begin if steady else None,
        time_advice=advice,
        notes=notes,
    )
