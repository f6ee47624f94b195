"""OUTCAR, one ionic step at a time.

An own reader: ASE's and pymatgen's do not say whether the electronic cycle of a step converged,
and ASE takes the energy extrapolated to zero smearing, which forces are not derivatives of.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lionn_rs.data.formats.image import MAX_ATOMS, RawImage
from lionn_rs.data.formats.source import ImageSource, ReadOptions, Truncated, guarded
from lionn_rs.data.formats.text import TextLines, symbols_to_numbers
from lionn_rs.data.formats.vasp_steps import FORCE_FIELD, VaspStep, image_of

__all__ = ["read_outcar"]

_NUMBER = re.compile(r"[-+]?\d+\.\d+(?:[eE][-+]?\d+)?")
"""Columns of an OUTCAR may touch each other: -100.00000-200.00000."""
_ENERGY = re.compile(r"energy\(sigma->0\)\s*=\s*(\S+)")


def read_outcar(path: Path, options: ReadOptions) -> ImageSource:
    """Free energy ``TOTEN``, forces, stress (kB, sign changed) of every ionic step."""
    notes: list[str] = []
    dropped: Counter[str] = Counter()
    lines = TextLines(path, whole=True)
    file = _Outcar(lines, options, dropped)
    return ImageSource(
        path=path,
        reader="OUTCAR, free_energy = TOTEN, energy = sigma -> 0, stress = -kB",
        images=guarded(file.images(), path, notes, line=lambda: lines.number, dropped=dropped),
        dropped=dropped,
        notes=notes,
    )


class _Outcar:
    """Settings in the head of the file, and what the current ionic step has printed so far."""

    def __init__(self, lines: TextLines, options: ReadOptions, dropped: Counter[str]) -> None:
        self.lines = lines
        self.keep = options.keep_unconverged
        self.dropped = dropped
        self.limit: int | None = None
        self.symbols: list[str] = []
        self.potentials: list[str] = []
        self.files: list[str] = []
        self.numbers: NDArray[np.int64] | None = None
        self.cell: NDArray[np.float64] | None = None
        self.pressure: NDArray[np.float64] | None = None
        self.n_electronic = 0
        self.said: bool | None = None
        self.predicted = False
        self.step: VaspStep | None = None

    def images(self) -> Iterator[RawImage]:
        with self.lines:
            for line in self.lines:
                if "Iteration" in line and "(" in line:
                    # A step whose energy never came: the run was stopped, or it is force field.
                    self.step, self.predicted = None, False
                    self.n_electronic += 1
                elif "POSITION" in line and "TOTAL-FORCE" in line:
                    # Of VASP's force field, beside or instead of the electronic calculation.
                    if "(ML)" not in line:
                        self._forces()
                    else:
                        self.pressure = None
                elif "TOTEN" in line and "free  energy" in line:
                    image = self._finished(line)
                    if image is not None:
                        yield image
                else:
                    self._note(line)
        self._count_prediction()
        if self.step is not None:
            raise Truncated

    def _note(self, line: str) -> None:
        """Take what stands on lines of its own."""
        if "direct lattice vectors" in line:
            rows = [_numbers(text)[:3] for text in self.lines.take(3)]
            if len(rows) < 3:
                raise Truncated
            self.cell = np.array(rows, dtype=np.float64)
        elif "in kB" in line:
            xx, yy, zz, xy, yz, zx = _numbers(line)
            self.pressure = np.array([[xx, xy, zx], [xy, yy, yz], [zx, yz, zz]])
        elif "aborting loop" in line:
            self.said = "not reached" not in line and "unconverged" not in line
        elif "VRHFIN" in line:
            self.symbols.append(line.partition("=")[2].partition(":")[0].strip())
        elif "TITEL" in line:
            # "PAW_PBE Li_sv 10Sep2004"; VRHFIN of some old potentials is no symbol.
            self.potentials.append(_element(line.partition("=")[2]))
        elif line.startswith(" POTCAR:"):
            self.files.append(_element(line.partition(":")[2]))
        elif "ions per type" in line:
            self._atoms([int(text) for text in line.partition("=")[2].split()])
        elif "NELM" in line and "NELMIN" in line:
            found = re.search(r"NELM\s*=\s*(\d+)", line)
            self.limit = int(found[1]) if found else None

    def _atoms(self, counts: list[int]) -> None:
        # Every potential is announced once before all and once where it is printed.
        announced = self.files[: (len(self.files) + 1) // 2]
        while len(counts) < max(len(self.symbols), len(self.potentials), len(announced)):
            more = self.lines.take(1)
            words = more[0].split() if more else []
            if not words or not all(word.isdecimal() for word in words):
                break
            counts += [int(word) for word in words]
        if sum(counts) > MAX_ATOMS or min(counts, default=0) < 0:
            raise ValueError(f"{sum(counts)} ions")
        for symbols in (self.symbols, self.potentials, announced):
            if len(symbols) != len(counts):
                continue
            try:
                kinds = symbols_to_numbers(symbols)
            except ValueError:
                continue
            self.numbers = np.repeat(np.array(kinds, dtype=np.int64), counts)
            return
        raise ValueError(
            f"{len(counts)} kinds of ions, but VRHFIN names {self.symbols}, TITEL {self.potentials}"
        )

    def _forces(self) -> None:
        if self.numbers is None or self.cell is None:
            raise ValueError("forces before the kinds of ions and the lattice")
        self.lines.take(1)
        rows = self.lines.take(len(self.numbers))
        if len(rows) < len(self.numbers) or not rows[-1].endswith("\n"):
            raise Truncated
        table = np.array([_numbers(row)[:6] for row in rows], dtype=np.float64)
        if table.shape != (len(rows), 6):
            raise ValueError("a row of positions and forces has fewer than six numbers")
        self.step = VaspStep(
            positions=table[:, :3].copy(),
            cell=self.cell,
            forces=table[:, 3:].copy(),
            pressure=self.pressure,
            n_electronic=self.n_electronic,
            said=self.said,
        )

    def _count_prediction(self) -> None:
        if self.predicted:
            self.dropped[FORCE_FIELD] += 1

    def _finished(self, line: str) -> RawImage | None:
        """Return the image, once the energy that follows the forces is known."""
        if " ML " in line:
            # What the force field says comes before the electronic calculation, if there is one.
            self._count_prediction()
            self.predicted = True
            return None
        step = self.step
        if step is None or self.numbers is None:
            self.dropped[NOT_PRINTED] += 1
            self.n_electronic, self.said = 0, None
            return None
        step.free_energy = _value(line.partition("=")[2])
        for _ in range(LINES_TO_ENERGY):
            found = _ENERGY.search(self.lines.next())
            if found:
                step.energy = _value(found[1])
                break
        self.step, self.pressure, self.n_electronic, self.said = None, None, 0, None
        return image_of(step, self.numbers, self.limit, self.dropped, keep_unconverged=self.keep)


LINES_TO_ENERGY = 3
"""After TOTEN come an empty line and the one with the other energies."""
NOT_PRINTED = "positions and forces not printed (NWRITE)"


def _element(potential: str) -> str:
    """Symbol in the name of a potential, "PAW_PBE Li_sv 10Sep2004"."""
    return potential.split()[1].partition("_")[0].partition(".")[0]


def _numbers(line: str) -> list[float]:
    return [float(text) for text in _NUMBER.findall(line)]


def _value(text: str) -> float:
    return float(text.split()[0])
