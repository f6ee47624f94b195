"""input.data of n2p2 and RuNNer.

Such files are in electronvolt and ångström or in hartree and bohr and do not say in which: it is
asked for, unless the comment of the first image says it, as in files that lionn writes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, cast

import numpy as np

from lionn_rs.data.formats.image import MAX_ATOMS, RawImage
from lionn_rs.data.formats.source import UNITS, ImageSource, ReadOptions, Truncated, Units, guarded
from lionn_rs.data.formats.text import TextLines, symbols_to_numbers
from lionn_rs.errors import ConfigError, DataError

__all__ = ["BOHR", "HARTREE", "N2p2Writer", "read_n2p2"]

BOHR: Final = 0.529177210903
"""Å, CODATA 2018."""
HARTREE: Final = 27.211386245988
"""eV, CODATA 2018."""
_FACTORS: Final = {"eV-A": (1.0, 1.0), "Ha-bohr": (BOHR, HARTREE)}
_SAID = re.compile(r"\bunits?\s*[=:]?\s*(eV|Ha(?:rtree)?)\s*[-,/ ]\s*(A(?:ng\w*)?|Å|Bohr)\b", re.I)
_GROUP = re.compile(r"\bgroup=(\S+)")


def read_n2p2(path: Path, options: ReadOptions) -> ImageSource:
    """Energies and forces; the sixth and seventh number of an atom, charges, become ``charges``.

    Raises
    ------
    ConfigError
        The units are neither said by the file nor given.
    """
    notes: list[str] = []
    units, said = _units(path, options.units)
    lines = TextLines(path)
    return ImageSource(
        path=path,
        reader=f"n2p2 input.data in {UNITS[units]} ({said}), which has no stress",
        images=guarded(_images(lines, units), path, notes, line=lambda: lines.number),
        notes=notes,
    )


def _units(path: Path, given: Units | None) -> tuple[Units, str]:
    """Units, and who says so."""
    said: Units | None = None
    with TextLines(path) as lines:
        for line in lines:
            word = line.split(maxsplit=1)
            if word and word[0] == "atom":
                break
            found = _SAID.search(line) if word and word[0] == "comment" else None
            if found:
                names = (found[1].lower()[0], found[2].lower()[0])
                if names not in (("e", "a"), ("e", "å"), ("h", "b")):
                    raise DataError(f"{path}, line {lines.number}: units '{found[0]}' are unknown")
                said = "Ha-bohr" if names == ("h", "b") else "eV-A"
    if given is not None and said not in (None, given):
        raise ConfigError(f"{path}: its comment says units {said}, but {given} was asked for")
    if said is None and given is None:
        raise ConfigError(
            f"{path}: an input.data does not say its units: give --units eV-A or --units Ha-bohr "
            "(units)"
        )
    return cast("Units", said or given), "the file says so" if said else "as given"


def _images(lines: TextLines, units: Units) -> Iterator[RawImage]:
    length, energy = _FACTORS[units]
    with lines:
        for line in lines:
            words = line.split()
            if not words:
                continue
            if words[0] != "begin":
                raise ValueError(f"expected 'begin', got '{words[0][:40]}'")
            yield _image(lines, words[1:], length, energy)


def _image(lines: TextLines, flags: list[str], length: float, energy: float) -> RawImage:
    cell: list[list[float]] = []
    rows: list[list[float]] = []
    symbols: list[str] = []
    info: dict[str, Any] = {}
    value = None
    for line in lines:
        key, *words = line.split() or [""]
        if key == "end":
            break
        if key == "atom":
            if len(words) < 9 or len(symbols) >= MAX_ATOMS:
                raise ValueError(f"an atom has {len(words)} entries, expected 9")
            symbols.append(words[3])
            rows.append([float(words[k]) for k in (0, 1, 2, 4, 6, 7, 8)])
        elif key == "lattice":
            cell.append([float(word) for word in words[:3]])
        elif key == "energy":
            value = float(words[0])
        elif key == "charge":
            info["total_charge"] = float(words[0])
        elif key == "comment":
            found = _GROUP.search(line)
            text = _SAID.sub("", line.strip().removeprefix("comment")).strip()
            info |= {"group": found[1]} if found else {"comment": text} if text else {}
        else:
            raise ValueError(f"unknown word '{key[:40]}'")
    else:
        raise Truncated
    if len(cell) not in (0, 3):
        raise ValueError(f"{len(cell)} lattice vectors, expected 3 or none")
    for flag in flags:
        if flag.startswith("set="):
            info["set"] = flag.removeprefix("set=")
    table = np.array(rows, dtype=np.float64).reshape(-1, 7)
    image = RawImage(
        numbers=np.array(symbols_to_numbers(symbols), dtype=np.int64),
        positions=table[:, :3] * length,
        pbc=np.full(3, bool(cell)),
        results={"forces": table[:, 4:] * (energy / length)},
        info=info,
    )
    if cell:
        image.cell = np.array(cell, dtype=np.float64) * length
    if value is not None:
        image.results["energy"] = value * energy
    if table[:, 3].any():
        image.arrays["charges"] = table[:, 3].copy()
    return image


class N2p2Writer:
    """Writes an input.data; energy and forces are needed, a stress cannot be stored.

    Parameters
    ----------
    stream : binary file
    units : {"eV-A", "Ha-bohr"}
    """

    def __init__(self, stream: Any, units: Units = "eV-A") -> None:
        self._stream = stream
        self._units = units

    def write(self, image: RawImage) -> None:
        """Append an image.

        Raises
        ------
        ValueError
            There are no forces or energy, or a cell that is not periodic in all directions.
        """
        from ase.data import chemical_symbols

        if image.pbc.any() and not image.pbc.all():
            raise ValueError("n2p2 knows three periodic directions or none")
        if "forces" not in image.results:
            raise ValueError("an input.data needs forces")
        length, energy = _FACTORS[self._units]
        group = str(image.info.get("group", "")).replace(" ", "_")
        words = {"eV-A": "eV Ang", "Ha-bohr": "Ha Bohr"}[self._units]
        text = ["begin", f"comment units {words}" + (f" group={group}" if group else "")]
        if image.pbc.all():
            text += ["lattice " + _row(row) for row in (image.cell / length).tolist()]
        charges = np.asarray(image.arrays.get("charges", np.zeros(image.n_atoms))).tolist()
        forces = (np.asarray(image.results["forces"]) * (length / energy)).tolist()
        positions = (image.positions / length).tolist()
        for z, r, q, f in zip(image.numbers, positions, charges, forces, strict=True):
            text.append(f"atom {_row(r)} {chemical_symbols[z]} {q!r} 0.0 {_row(f)}")
        text.append(f"energy {float(image.results['energy']) / energy!r}")
        text.append(f"charge {float(image.info.get('total_charge', 0.0))!r}\nend\n")
        self._stream.write("\n".join(text).encode())


def _row(numbers: list[float]) -> str:
    return " ".join(map(repr, numbers))
