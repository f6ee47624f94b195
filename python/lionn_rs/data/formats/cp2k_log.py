"""Output of CP2K, one evaluation of energy and forces at a time."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from lionn_rs.data.formats.image import MAX_ATOMS
from lionn_rs.data.formats.n2p2 import BOHR, HARTREE
from lionn_rs.data.formats.source import Truncated
from lionn_rs.data.formats.text import TextLines, symbols_to_numbers

__all__ = ["GPA", "Cp2kHead", "Evaluation", "evaluations"]

GPA: Final = 1.0 / 160.21766208
"""eV/Å³."""
_ATOMIC_FORCE: Final = HARTREE / BOHR
_PRESSURES: Final = {"GPa": GPA, "bar": 1e-4 * GPA}
_FORCES: Final = ("ATOMIC FORCES in", "FORCES| Atomic forces")
_STRESSES: Final = ("STRESS TENSOR [", "STRESS| Analytical str", "STRESS| Numerical str")
_LENGTH = re.compile(r"\|[abc]\|\s*=\s*(\S+)")


@dataclass(kw_only=True)
class Evaluation:
    """Energy of an electronic ground state, with forces and stress where they were printed.

    Attributes
    ----------
    hartree : float
        Total energy as printed: the free energy, where electrons are smeared.
    converged : bool or None
        What CP2K said of the self-consistency cycle.
    forces : (n_atoms, 3) float64 or None, eV/Å
    stress : (3, 3) float64 or None, eV/Å³, positive = tension
    """

    hartree: float
    converged: bool | None
    forces: NDArray[np.float64] | None = None
    stress: NDArray[np.float64] | None = None


@dataclass(kw_only=True)
class Cp2kHead:
    """What stands once in an output; filled while it is read.

    Attributes
    ----------
    project : str
    cell : (3, 3) list, Å
        To three decimals, lengths to six.
    periodic : str
        Directions, such as ``XYZ``.
    numbers : list of int
    positions : list of list of float, Å
        Of the first evaluation.
    finished : bool
        Whether CP2K came to its end.
    """

    project: str = ""
    cell: list[list[float]] = field(default_factory=list)
    periodic: str = "XYZ"
    numbers: list[int] = field(default_factory=list)
    positions: list[list[float]] = field(default_factory=list)
    finished: bool = False


def evaluations(lines: TextLines, head: Cp2kHead) -> Iterator[Evaluation]:
    """Read the evaluations in the order of the output."""
    current: Evaluation | None = None
    converged: bool | None = None
    for line in lines:
        if "ENERGY| Total FORCE_EVAL" in line:
            if current is not None:
                yield current
            if not any(unit in line for unit in ("a.u.", "hartree")):
                raise ValueError(f"energy in an unknown unit: {line.strip()[:80]}")
            current = Evaluation(hartree=float(line.split()[-1]), converged=converged)
            converged = None
        elif "SCF run NOT converged" in line:
            converged = False
        elif "SCF run converged" in line:
            converged = True if converged is None else converged
        elif current is not None and any(words in line for words in _FORCES):
            current.forces = _forces(lines, line, len(head.numbers))
        elif current is not None and _begins_stress(line):
            current.stress = _stress(lines, line)
        else:
            _take_head(lines, line, head)
    if current is not None:
        yield current


def _take_head(lines: TextLines, line: str, head: Cp2kHead) -> None:
    text = line.strip()
    if text.startswith("CELL| Vector"):
        if len(head.cell) < 3:
            if "angstrom" not in text.lower():
                raise ValueError(f"cell in an unknown unit: {text[:80]}")
            head.cell.append(_vector(text))
    elif text.startswith("CELL| Periodic"):
        head.periodic = text.split()[-1].upper()
    elif text.startswith("GLOBAL| Project name"):
        head.project = text.split()[-1]
    elif "MODULE QUICKSTEP" in text and "ATOMIC COORDINATES" in text and not head.numbers:
        if "angstrom" not in text.lower():
            raise ValueError("coordinates are not in angstrom")
        _coordinates(lines, head)
    elif "PROGRAM ENDED AT" in text:
        head.finished = True


def _vector(text: str) -> list[float]:
    """Three components, scaled to the length, which is printed with more digits."""
    vector = np.array([float(word) for word in text.partition("]")[2].strip(" :").split()[:3]])
    length = _LENGTH.search(text)
    size = float(np.linalg.norm(vector))
    if length and size > 0:
        vector = vector * (float(length[1]) / size)
    return [float(x) for x in vector]


def _coordinates(lines: TextLines, head: Cp2kHead) -> None:
    """Rows "1 1 H 1 x y z charge mass", after a header and empty lines."""
    symbols: list[str] = []
    for line in lines:
        words = line.split()
        if len(words) >= 7 and words[0].isdecimal():
            symbols.append(words[2])
            head.positions.append([float(word) for word in words[4:7]])
            if len(symbols) > MAX_ATOMS:
                raise ValueError("too many atoms")
        elif symbols:
            break
    head.numbers = symbols_to_numbers(symbols)


def _forces(lines: TextLines, line: str, n_atoms: int) -> NDArray[np.float64]:
    if not any(unit in line for unit in ("a.u.", "hartree/bohr")):
        raise ValueError(f"forces in an unknown unit: {line.strip()[:80]}")
    new = line.strip().startswith("FORCES|")
    rows: list[list[float]] = []
    while len(rows) < n_atoms:
        text = lines.next()
        if not text:
            raise Truncated
        words = text.replace("FORCES|", " ").split()
        if not words or not words[0].isdecimal():
            if rows or "SUM OF" in text:
                raise ValueError(f"forces of {len(rows)} of {n_atoms} atoms")
            continue
        rows.append([float(word) for word in (words[1:4] if new else words[3:6])])
    forces = np.array(rows, dtype=np.float64).reshape(n_atoms, -1)
    if forces.shape != (n_atoms, 3):
        raise ValueError("a row of forces has fewer than three numbers")
    return forces * _ATOMIC_FORCE


def _begins_stress(line: str) -> bool:
    text = line.strip()
    if "igenv" in text.lower():
        return False
    return text.startswith(_STRESSES)


def _stress(lines: TextLines, line: str) -> NDArray[np.float64]:
    unit = line.partition("[")[2].partition("]")[0]
    if unit not in _PRESSURES:
        raise ValueError(f"stress in '{unit[:20]}', expected {' or '.join(_PRESSURES)}")
    rows: list[list[float]] = []
    for text in lines:
        words = text.replace("STRESS|", " ").split()
        if len(words) == 4 and words[0].lower() == "xyz"[len(rows)]:
            rows.append([float(word) for word in words[1:]])
        if len(rows) == 3:
            break
    else:
        raise Truncated
    pressure = np.array(rows, dtype=np.float64)
    # CP2K counts compression as positive.
    return -_PRESSURES[unit] * 0.5 * (pressure + pressure.T)
