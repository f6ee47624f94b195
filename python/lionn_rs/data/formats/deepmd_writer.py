"""Writes DeePMD-kit folders: one system for each sequence of elements and set of labels."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from lionn_rs.data.formats.image import RawImage, full_stress
from lionn_rs.data.formats.npy import NpyAppender

__all__ = ["DeepmdWriter"]


class DeepmdWriter:
    """Writes systems into a folder; a single one becomes the folder itself.

    Atoms keep their order, images of one system theirs. Arrays are float64.

    Parameters
    ----------
    folder : Path
        Exists and is empty.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._systems: dict[tuple[Any, ...], _System] = {}
        self._names: Counter[str] = Counter()
        self.n_systems = 0

    def write(self, image: RawImage) -> None:
        """Append an image.

        Raises
        ------
        ValueError
            The structure is periodic in some directions only.
        """
        if image.pbc.any() and not image.pbc.all():
            raise ValueError("DeePMD knows three periodic directions or none")
        present = tuple(name in image.results for name in ("energy", "forces", "stress"))
        periodic = bool(image.pbc.all())
        key = (image.numbers.tobytes(), periodic, present)
        if key not in self._systems:
            formula = _formula(image)
            self._names[formula] += 1
            count = self._names[formula]
            name = formula if count == 1 else f"{formula}-{count}"
            self._systems[key] = _System(self._folder / name, image, periodic)
        self._systems[key].append(image)

    def close(self) -> None:
        """Write types and headers."""
        systems = list(self._systems.values())
        self.n_systems = len(systems)
        elements = sorted({int(z) for system in systems for z in system.numbers})
        for system in systems:
            system.close(elements)
        if len(systems) == 1:
            only = systems[0].folder
            for entry in list(only.iterdir()):
                shutil.move(str(entry), str(self._folder / entry.name))
            only.rmdir()


class _System:
    def __init__(self, folder: Path, image: RawImage, periodic: bool) -> None:
        self.folder = folder
        self.numbers = image.numbers
        self.periodic = periodic
        place = folder / "set.000"
        place.mkdir(parents=True)
        n = image.n_atoms
        shapes: dict[str, tuple[int, ...]] = {"coord": (3 * n,), "box": (9,)}
        if "energy" in image.results:
            shapes["energy"] = ()
        if "forces" in image.results:
            shapes["force"] = (3 * n,)
        if "stress" in image.results and periodic:
            shapes["virial"] = (9,)
        self.arrays = {
            name: NpyAppender(place / f"{name}.npy", shape) for name, shape in shapes.items()
        }

    def append(self, image: RawImage) -> None:
        box = image.cell if self.periodic else NOT_PERIODIC_BOX * np.eye(3)
        values: dict[str, Any] = {"coord": image.positions, "box": box}
        values["energy"] = image.results.get("energy")
        values["force"] = image.results.get("forces")
        if "virial" in self.arrays:
            values["virial"] = -image.volume * full_stress(image.results["stress"])
        for name, array in self.arrays.items():
            array.append(np.asarray(values[name], dtype=np.float64).reshape(array.row_shape))

    def close(self, elements: list[int]) -> None:
        from ase.data import chemical_symbols

        for array in self.arrays.values():
            array.close()
        kinds = [elements.index(int(z)) for z in self.numbers]
        (self.folder / "type.raw").write_text("\n".join(map(str, kinds)) + "\n", encoding="utf-8")
        names = "\n".join(chemical_symbols[z] for z in elements) + "\n"
        (self.folder / "type_map.raw").write_text(names, encoding="utf-8")
        if not self.periodic:
            (self.folder / "nopbc").touch()


NOT_PERIODIC_BOX = 100.0
"""Å; DeePMD wants a box that it does not use beside the file ``nopbc``."""


def _formula(image: RawImage) -> str:
    from ase.data import chemical_symbols
    from ase.formula import Formula

    return str(Formula.from_list([chemical_symbols[z] for z in image.numbers]).format("metal"))
