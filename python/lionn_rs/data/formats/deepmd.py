"""Folders of DeePMD-kit: ``type.raw``, ``type_map.raw``, ``set.*/coord.npy`` and so on.

A folder may be one system (it has ``type.raw``) or hold systems in folders of any depth, of any
sizes. Systems of mixed types (``real_atom_types.npy``) are read as well.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final

import numpy as np
from numpy.typing import NDArray

from lionn_rs.data.formats.image import MAX_ATOMS, RawImage, full_stress
from lionn_rs.data.formats.npy import NpyRows
from lionn_rs.data.formats.source import ImageSource, ReadOptions, guarded
from lionn_rs.data.formats.text import symbols_to_numbers
from lionn_rs.errors import DataError

__all__ = ["is_deepmd", "read_deepmd"]

_PARTS: Final = ("coord", "box", "energy", "force", "virial", "real_atom_types")
MAX_SYSTEMS: Final = 100_000


def is_deepmd(path: Path) -> bool:
    """Whether a folder is a system or holds systems."""
    return path.is_dir() and next(_systems(path), None) is not None


def _systems(path: Path) -> Iterator[Path]:
    return (entry.parent for entry in path.rglob("type.raw") if entry.is_file())


def read_deepmd(path: Path, options: ReadOptions) -> ImageSource:
    """Energies, forces and stress (= -virial / volume) of all systems."""
    folders = sorted(entry for entry, _ in zip(_systems(path), range(MAX_SYSTEMS), strict=False))
    if not folders:
        raise DataError(f"{path}: no folder in it has a type.raw, so this is no DeePMD data")
    notes: list[str] = []
    systems = [_System(folder, path, options.types) for folder in folders]
    return ImageSource(
        path=path,
        reader=f"DeePMD npy, {len(systems)} systems, stress = -virial/volume",
        images=_all_images(systems, notes),
        n_images=sum(system.n_images for system in systems),
        notes=notes,
    )


def _all_images(systems: list[_System], notes: list[str]) -> Iterator[RawImage]:
    found = False
    for system in systems:
        if system.n_images:
            found = True
            yield from guarded(system.images(), system.folder, notes)
    if not found:
        raise DataError(f"{systems[0].folder}: no set.* holds images")


class _System:
    """One folder with a ``type.raw``."""

    def __init__(self, folder: Path, root: Path, types: tuple[str, ...]) -> None:
        self.folder = folder
        self.group = "" if folder == root else folder.relative_to(root).as_posix()
        self.kinds = self._integers(folder / "type.raw")
        names = list(types)
        if (folder / "type_map.raw").is_file():
            names = _text(folder / "type_map.raw").split()
        elif not names:
            raise DataError(
                f"{folder}: has no type_map.raw: name the elements of types 0, 1, ... with --types "
                "(types)"
            )
        try:
            self.map = np.array(symbols_to_numbers(names), dtype=np.int64)
        except ValueError as error:
            raise DataError(f"{folder / 'type_map.raw'}: {error}") from error
        if len(self.kinds) and not 0 <= self.kinds.min() <= self.kinds.max() < len(self.map):
            raise DataError(
                f"{folder / 'type.raw'}: types {self.kinds.min()} to {self.kinds.max()}, but "
                f"{len(self.map)} elements ({' '.join(names[:20])})"
            )
        self.periodic = not (folder / "nopbc").is_file()
        self.sets = sorted(entry for entry in folder.glob("set.*") if entry.is_dir())
        self.n_images = sum(self._length(entry) for entry in self.sets)

    @staticmethod
    def _integers(path: Path) -> NDArray[np.int64]:
        try:
            kinds = np.array([int(word) for word in _text(path).split()], dtype=np.int64)
        except (ValueError, OverflowError) as error:
            raise DataError(f"{path}: {error}") from error
        if not 0 < len(kinds) <= MAX_ATOMS:
            raise DataError(f"{path}: {len(kinds)} atoms")
        return kinds

    def _length(self, folder: Path) -> int:
        path = folder / "coord.npy"
        if not path.is_file():
            raise DataError(f"{folder}: has no coord.npy")
        with path.open("rb") as stream:
            return NpyRows(stream, str(path), path.stat().st_size).n_rows

    def images(self) -> Iterator[RawImage]:
        for folder in self.sets:
            streams: list[IO[bytes]] = []
            try:
                parts = {}
                for name in _PARTS:
                    path = folder / f"{name}.npy"
                    if path.is_file():
                        streams.append(path.open("rb"))
                        parts[name] = NpyRows(streams[-1], str(path), path.stat().st_size)
                yield from self._set(folder, parts)
            finally:
                for stream in streams:
                    stream.close()

    def _set(self, folder: Path, parts: dict[str, NpyRows]) -> Iterator[RawImage]:
        n_images = parts["coord"].n_rows
        for name, rows in parts.items():
            if rows.n_rows != n_images:
                raise DataError(
                    f"{folder / name}.npy: {rows.n_rows} rows, but coord.npy has {n_images}"
                )
        if self.periodic and "box" not in parts:
            raise DataError(f"{folder}: no box.npy, and the system has no file 'nopbc'")
        n_atoms = len(self.kinds)
        for _ in range(n_images):
            positions = parts["coord"].floats((n_atoms, 3))
            forces = parts["force"].floats((n_atoms, 3)) if "force" in parts else None
            numbers = self.map[self.kinds]
            if "real_atom_types" in parts:
                kinds = parts["real_atom_types"].row().astype(np.int64).reshape(n_atoms)
                real = kinds >= 0  # -1 fills up images that are smaller than others
                if kinds.max() >= len(self.map):
                    raise ValueError(f"type {kinds.max()}, but {len(self.map)} elements")
                numbers, positions = self.map[kinds[real]], positions[real]
                forces = None if forces is None else forces[real]
            yield self._image(numbers, positions, forces, parts)

    def _image(
        self,
        numbers: NDArray[np.int64],
        positions: NDArray[np.float64],
        forces: NDArray[np.float64] | None,
        parts: dict[str, NpyRows],
    ) -> RawImage:
        image = RawImage(numbers=numbers, positions=positions, pbc=np.full(3, self.periodic))
        if self.group:
            image.info["group"] = self.group
        if "box" in parts:
            box = parts["box"].floats((3, 3))
            image.cell = box if self.periodic else image.cell
        if "energy" in parts:
            image.results["energy"] = float(parts["energy"].floats(()))
        if forces is not None:
            image.results["forces"] = forces
        if "virial" in parts:
            virial = parts["virial"].floats((3, 3))
            if self.periodic and image.volume > 0.0 and not np.isnan(virial).any():
                image.results["stress"] = -full_stress(virial) / image.volume
        return image


def _text(path: Path) -> str:
    if path.stat().st_size > MAX_TEXT_BYTES:
        raise DataError(f"{path}: {path.stat().st_size} bytes, which is no list of types")
    return path.read_text(encoding="utf-8", errors="replace")


MAX_TEXT_BYTES: Final = 16_000_000
