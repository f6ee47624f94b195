"""``.npz`` of NumPy with documented keys, image by image.

| key | shape | meaning |
|---|---|---|
| ``numbers`` or ``Z`` | (n_atoms,) | atomic numbers, the same in every image |
| ``positions`` | (n_images, n_atoms, 3) | Å |
| ``cell`` | (n_images, 3, 3) or (3, 3) | Å, rows are lattice vectors; absent: molecules |
| ``pbc`` | (n_images, 3) or (3,) | default: periodic where there is a cell |
| ``energy``, ``free_energy`` | (n_images,) | eV; NaN: this image has none |
| ``forces`` | (n_images, n_atoms, 3) | eV/Å; NaN: none |
| ``stress`` | (n_images, 3, 3) or (n_images, 6) | eV/Å³, positive = tension; NaN: none |
| ``group`` | (n_images,) | text, or numbers of ``group_names`` |
| ``n_atoms`` | (n_images,) | only for images of different size: then ``numbers``, ``positions`` and ``forces`` are joined, (sum of n_atoms, ...) |
"""  # noqa: E501

from __future__ import annotations

import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Final

import numpy as np

from lionn_rs.data.formats.image import RawImage, full_stress
from lionn_rs.data.formats.npy import NpyAppender, NpyRows
from lionn_rs.data.formats.source import ImageSource, ReadOptions, guarded, reason_of
from lionn_rs.errors import DataError

__all__ = ["NpzWriter", "read_npz"]

_KEYS: Final = (
    "numbers", "Z", "positions", "cell", "pbc", "energy", "free_energy", "forces", "stress",
    "group", "group_names", "n_atoms",
)  # fmt: skip
_PER_ATOM: Final = ("positions", "forces")


def read_npz(path: Path, options: ReadOptions) -> ImageSource:
    """Read the keys above; others are named in a note. No object is unpickled."""
    notes: list[str] = []
    arrays, others, archive = _open(path)
    if "Z" in arrays and "numbers" not in arrays:
        arrays["numbers"] = arrays.pop("Z")
    missing = {"numbers", "positions"} - set(arrays)
    if missing:
        archive.close()
        found = ", ".join([*arrays, *others][:20]) or "nothing"
        raise DataError(
            f"{path}: no array '{min(missing)}' (found: {found}); needed are numbers and "
            "positions, see docs/how-to/data.md for all keys and units"
        )
    if others:
        notes.append(f"not used: {', '.join(sorted(others)[:20])}")
    n_images = arrays["n_atoms" if "n_atoms" in arrays else "positions"].n_rows
    return ImageSource(
        path=path,
        reader="npz in eV and Å",
        images=guarded(_images(path, archive, arrays, n_images), path, notes),
        n_images=n_images,
        notes=notes,
    )


def _open(path: Path) -> tuple[dict[str, NpyRows], list[str], zipfile.ZipFile]:
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, ValueError, EOFError, NotImplementedError) as error:
        raise DataError(f"{path}: not an .npz file ({reason_of(error)})") from error
    arrays: dict[str, NpyRows] = {}
    others: list[str] = []
    try:
        for entry in archive.infolist()[:MAX_ARRAYS]:
            name = entry.filename.removesuffix(".npy")
            if name in _KEYS and name not in arrays:
                stream = archive.open(entry)
                arrays[name] = NpyRows(stream, f"{path}: array '{name}'", entry.file_size)
            elif name != entry.filename:
                others.append(name)
    except (zipfile.BadZipFile, ValueError, EOFError, RuntimeError, NotImplementedError) as error:
        raise DataError(f"{path}: damaged .npz file ({reason_of(error)})") from error
    return arrays, others, archive


MAX_ARRAYS = 1000


def _images(
    path: Path, archive: zipfile.ZipFile, arrays: dict[str, NpyRows], n_images: int
) -> Iterator[RawImage]:
    with archive:
        constant: dict[str, Any] = {}
        ragged = "n_atoms" in arrays
        if not ragged:
            constant["numbers"] = arrays["numbers"].all().astype(np.int64)
        for name, shape in (("cell", (3, 3)), ("pbc", (3,))):
            if name in arrays and arrays[name].shape == shape:
                constant[name] = arrays[name].all()
        if "group_names" in arrays:
            constant["group_names"] = arrays["group_names"].all()
        for name, rows in arrays.items():
            joined = ragged and name in (*_PER_ATOM, "numbers")
            if name not in constant and not joined and rows.n_rows != n_images:
                raise DataError(
                    f"{path}: array '{name}' has {rows.n_rows} rows, expected one for each of "
                    f"{n_images} images"
                )
        try:
            for _ in range(n_images):
                yield _image(arrays, constant, ragged)
        except (zipfile.BadZipFile, zipfile.error) as error:  # checksum
            raise DataError(f"{path}: damaged .npz file ({reason_of(error)})") from error


def _image(arrays: dict[str, NpyRows], constant: dict[str, Any], ragged: bool) -> RawImage:
    if ragged:
        n_atoms = int(arrays["n_atoms"].row())
        if n_atoms < 0:
            raise ValueError(f"{n_atoms} atoms")
        numbers = arrays["numbers"].take(n_atoms).astype(np.int64)
    else:
        numbers = constant["numbers"]
    tables = {}
    for name in _PER_ATOM:
        if name in arrays:
            rows = arrays[name]
            found = rows.take(len(numbers)) if ragged else rows.row()
            tables[name] = found.astype(np.float64).reshape(len(numbers), 3)
    image = RawImage(numbers=numbers, positions=tables["positions"])
    if "cell" in arrays:
        image.cell = _one(arrays, constant, "cell", (3, 3))
        image.pbc = np.full(3, bool(image.cell.any()))
    if "pbc" in arrays:
        image.pbc = _one(arrays, constant, "pbc", (3,)).astype(bool)
    for name in ("energy", "free_energy"):
        if name in arrays:
            energy = float(arrays[name].floats(())[()])
            if not np.isnan(energy):
                image.results[name] = energy
    if "forces" in tables and not np.isnan(tables["forces"]).all():
        image.results["forces"] = tables["forces"]
    if "stress" in arrays:
        rows = arrays["stress"]
        stress = rows.floats(rows.shape[1:])
        if not np.isnan(stress).all():
            image.results["stress"] = full_stress(stress)
    if "group" in arrays:
        value = arrays["group"].row()[()]
        names = constant.get("group_names")
        image.info["group"] = str(value if names is None else names[int(value)])
    return image


def _one(
    arrays: dict[str, NpyRows], constant: dict[str, Any], name: str, shape: tuple[int, ...]
) -> Any:
    if name in constant:
        return np.array(constant[name], dtype=np.float64).reshape(shape)
    row = arrays[name].row()
    return row.astype(np.float64).reshape(shape)


class NpzWriter:
    """Writes an ``.npz``; arrays grow in a temporary folder until the end.

    Parameters
    ----------
    stream : binary file
        Where the archive goes.
    folder : Path
        Where temporary files may be.
    """

    def __init__(self, stream: IO[bytes], folder: Path) -> None:
        self._stream = stream
        self._folder = Path(tempfile.mkdtemp(prefix=".npz-", suffix=".tmp", dir=folder))
        rows = {
            "n_atoms": ((), "<i8"), "numbers": ((), "|u1"), "positions": ((3,), "<f8"),
            "cell": ((3, 3), "<f8"), "pbc": ((3,), "|b1"), "energy": ((), "<f8"),
            "free_energy": ((), "<f8"), "forces": ((3,), "<f8"), "stress": ((3, 3), "<f8"),
            "group": ((), "<i8"),
        }  # fmt: skip
        self._arrays = {
            name: NpyAppender(self._folder / f"{name}.npy", shape, dtype)
            for name, (shape, dtype) in rows.items()
        }
        self._first: Any = None
        self._uniform = True
        self._present = {"forces": False, "stress": False, "free_energy": False, "energy": False}
        self._groups: dict[str, int] = {}

    def write(self, image: RawImage) -> None:
        """Append an image; what it does not have becomes NaN."""
        n = image.n_atoms
        if self._first is None:
            self._first = image.numbers
        self._uniform = self._uniform and np.array_equal(self._first, image.numbers)
        group = str(image.info.get("group", image.info.get("source", "")))
        values: dict[str, Any] = {name: image.results.get(name) for name in self._present}
        for name, value in values.items():
            self._present[name] |= value is not None
        stress = values["stress"]
        self._arrays["n_atoms"].append(n)
        self._arrays["numbers"].append(image.numbers, n)
        self._arrays["positions"].append(image.positions, n)
        self._arrays["cell"].append(image.cell)
        self._arrays["pbc"].append(image.pbc)
        for name in ("energy", "free_energy"):
            self._arrays[name].append(np.nan if values[name] is None else values[name])
        forces = np.full((n, 3), np.nan) if values["forces"] is None else values["forces"]
        self._arrays["forces"].append(forces, n)
        self._arrays["stress"].append(
            np.full((3, 3), np.nan) if stress is None else full_stress(stress)
        )
        self._arrays["group"].append(self._groups.setdefault(group, len(self._groups)))

    def close(self) -> None:
        """Put the arrays together."""
        leave_out = {name for name, present in self._present.items() if not present}
        if self._uniform and self._first is not None:
            leave_out |= {"n_atoms", "numbers"}
            for name in _PER_ATOM:
                array = self._arrays[name]
                array.row_shape = (len(self._first), 3)
                array.n_rows //= len(self._first)
        for array in self._arrays.values():
            array.close()
        with zipfile.ZipFile(self._stream, "w", zipfile.ZIP_STORED) as archive:
            for name, array in self._arrays.items():
                if name not in leave_out:
                    archive.write(array.path, f"{name}.npy")
            small = {"group_names": np.array(list(self._groups) or [""])}
            if "numbers" in leave_out:
                small["numbers"] = self._first.astype(np.uint8)
            for name, values in small.items():
                with archive.open(f"{name}.npy", "w") as stream:
                    np.lib.format.write_array(stream, values, allow_pickle=False)
        self.abandon()

    def abandon(self) -> None:
        """Remove the temporary folder."""
        shutil.rmtree(self._folder, ignore_errors=True)
