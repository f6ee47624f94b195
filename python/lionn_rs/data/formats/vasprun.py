"""vasprun.xml, one ``<calculation>`` at a time.

An own reader: ASE's and pymatgen's load the whole file and do not leave out ionic steps whose
electronic cycle was not converged, and ASE gives the forces of a last, incomplete step.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree
from xml.parsers.expat import errors

import numpy as np
from numpy.typing import NDArray

from lionn_rs.data.formats.image import RawImage
from lionn_rs.data.formats.source import ImageSource, ReadOptions, Truncated, guarded, reason_of
from lionn_rs.data.formats.text import open_bytes, symbols_to_numbers
from lionn_rs.data.formats.vasp_steps import VaspStep, image_of
from lionn_rs.errors import DataError

__all__ = ["read_vasprun"]

_CUT_OFF = {
    errors.codes[name] for name in (errors.XML_ERROR_NO_ELEMENTS, errors.XML_ERROR_UNCLOSED_TOKEN)
}
MAX_DEPTH = 50
MAX_ELEMENTS = 5_000_000
"""In one ionic step, with densities of states of many atoms; some 100 bytes each."""
_HEAVY = ("dos", "projected", "eigenvalues", "dielectricfunction", "dynmat", "kpoints", "partial")
"""Large parts that hold nothing of an image."""


def read_vasprun(path: Path, options: ReadOptions) -> ImageSource:
    """Free energy ``e_fr_energy``, forces, stress (kB, sign changed) of every ionic step."""
    notes: list[str] = []
    dropped: Counter[str] = Counter()
    file = _Vasprun(path, options, dropped)
    return ImageSource(
        path=path,
        reader="vasprun.xml, free_energy = e_fr_energy, energy = sigma -> 0, stress = -kB",
        images=guarded(file.images(), path, notes, dropped=dropped),
        dropped=dropped,
        notes=notes,
    )


class _Vasprun:
    def __init__(self, path: Path, options: ReadOptions, dropped: Counter[str]) -> None:
        self.path = path
        self.keep = options.keep_unconverged
        self.dropped = dropped
        self.limit: int | None = None
        self.numbers: NDArray[np.int64] | None = None

    def images(self) -> Iterator[RawImage]:
        depth, n_elements, root = 0, 0, None
        with open_bytes(self.path, forbidden=b"<!DOCTYPE") as stream:
            events = ElementTree.iterparse(stream, events=("start", "end"))
            try:
                for event, element in events:
                    if event == "start":
                        root = element if root is None else root
                        depth, n_elements = depth + 1, n_elements + 1
                        if depth > MAX_DEPTH or n_elements > MAX_ELEMENTS:
                            raise ValueError("more elements than VASP writes for an ionic step")
                        continue
                    depth -= 1
                    if element.tag == "calculation":
                        image = self._image(element)
                        if image is not None:
                            yield image
                    elif element.tag in _HEAVY:
                        element.clear()
                    else:
                        self._settings(element)
                    if depth == 1 and root is not None:
                        root.clear()
                        n_elements = 0
            except ElementTree.ParseError as error:
                if getattr(error, "code", None) in _CUT_OFF:
                    raise Truncated from error
                line = error.position[0]
                raise DataError(
                    f"{self.path}, line {line}: not valid XML ({reason_of(error)})"
                ) from error

    def _settings(self, element: ElementTree.Element) -> None:
        # There are two of this name; the second one belongs to response functions.
        if element.tag == "i" and element.get("name") == "NELM" and self.limit is None:
            self.limit = int(element.text or "")
        elif element.tag == "array" and element.get("name") == "atoms":
            symbols = [(row[0].text or "").strip() for row in element.iter("rc")]
            # Old versions cut off the first or the last letter of two elements.
            symbols = [{"r": "Zr", "X": "Xe"}.get(symbol, symbol) for symbol in symbols]
            self.numbers = np.array(symbols_to_numbers(symbols), dtype=np.int64)

    def _image(self, calculation: ElementTree.Element) -> RawImage | None:
        if self.numbers is None:
            raise ValueError("a <calculation> before <atominfo>")
        structure = calculation.find("structure")
        if structure is None:
            raise ValueError("a <calculation> without <structure>")
        cell = _array(structure, "basis", (3, 3))
        fractional = _array(structure, "positions", (len(self.numbers), 3))
        if cell is None or fractional is None:
            raise ValueError("a <structure> without basis or positions")
        steps = calculation.findall("scstep")
        free, extrapolated = _energies(calculation, steps)
        step = VaspStep(
            positions=fractional @ cell,
            cell=cell,
            free_energy=free,
            energy=extrapolated,
            forces=_array(calculation, "forces", (len(self.numbers), 3)),
            pressure=_array(calculation, "stress", (3, 3)),
            n_electronic=len(steps),
        )
        return image_of(step, self.numbers, self.limit, self.dropped, keep_unconverged=self.keep)


def _energies(
    calculation: ElementTree.Element, steps: list[ElementTree.Element]
) -> tuple[float | None, float | None]:
    """Free energy and energy at zero smearing.

    Of the final block, ``e_fr_energy`` holds what is added after the cycle (dispersion) and
    ``e_0_energy`` is not what its name says; the difference between the two is that of the last
    electronic step.
    """
    free = _energy(calculation, "e_fr_energy")
    last = steps[-1] if steps else None
    if free is None or last is None:
        return free, None
    before, zero = _energy(last, "e_fr_energy"), _energy(last, "e_0_energy")
    return free, None if before is None or zero is None else free + (zero - before)


def _energy(element: ElementTree.Element, name: str) -> float | None:
    for entry in element.findall("energy/i"):
        if entry.get("name") == name:
            return float(entry.text or "")
    return None


def _array(element: ElementTree.Element, name: str, shape: tuple[int, int]) -> Any:
    for array in element.iter("varray"):
        if array.get("name") == name:
            found = np.array([(row.text or "").split() for row in array.iter("v")], dtype=float)
            if found.shape != shape:
                raise ValueError(f"{name} of shape {found.shape}, expected {shape}")
            return found
    return None
