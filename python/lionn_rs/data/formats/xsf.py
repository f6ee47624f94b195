"""XSF of XCrySDen with energy and forces, as aenet reads it: one structure per file.

An own reader, because ASE's does not look for the energy, which aenet puts into a comment.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from lionn_rs.data.formats.image import MAX_ATOMS, RawImage
from lionn_rs.data.formats.source import ImageSource, ReadOptions, Truncated, guarded
from lionn_rs.data.formats.text import COMPRESSED, TextLines, symbols_to_numbers
from lionn_rs.errors import DataError

__all__ = ["read_xsf", "xsf_text"]

_ENERGY = re.compile(r"total\s+energy\s*=\s*(\S+)", re.I)
_BLOCKS = {"CRYSTAL": 3, "SLAB": 2, "POLYMER": 1, "MOLECULE": 0}


def read_xsf(path: Path, options: ReadOptions) -> ImageSource:
    """Read a file, or all ``*.xsf`` of a folder in the order of their names."""
    notes: list[str] = []
    if not path.is_dir():
        lines = TextLines(path, whole=True)
        images = guarded(_one(lines), path, notes, line=lambda: lines.number)
        return ImageSource(path=path, reader=_READER, images=images, n_images=1, notes=notes)
    files = sorted(entry for entry in path.iterdir() if _is_xsf(entry))
    if not files:
        raise DataError(f"{path}: holds no *.xsf")
    return ImageSource(
        path=path,
        reader=f"{_READER}, {len(files)} files",
        images=_several(files),
        n_images=len(files),
        notes=notes,
    )


_READER = "aenet XSF, energy from '# total energy = ', which has no stress"


def _is_xsf(path: Path) -> bool:
    name = path.name.lower()
    return name.removesuffix(path.suffix.lower() if path.suffix in COMPRESSED else "").endswith(
        ".xsf"
    )


def _several(files: list[Path]) -> Iterator[RawImage]:
    for file in files:
        lines = TextLines(file, whole=True)
        yield from guarded(_one(lines), file, [], line=lambda lines=lines: lines.number)  # type: ignore[misc]


def _one(lines: TextLines) -> Iterator[RawImage]:
    energy: float | None = None
    cell: np.ndarray | None = None
    periodic = 0
    with lines:
        for line in lines:
            text = line.strip()
            if text.startswith("#"):
                found = _ENERGY.search(text)
                energy = float(found[1]) if found else energy
            elif text in _BLOCKS:
                periodic = _BLOCKS[text]
            elif text.startswith("PRIMVEC"):
                rows = [[float(x) for x in row.split()[:3]] for row in lines.take(3)]
                cell = np.array(rows, dtype=np.float64)
            elif text.startswith("CONVVEC"):
                lines.take(3)
            elif text.startswith("PRIMCOORD"):
                n_atoms = int((lines.next().split() or ["0"])[0])
                yield _image(lines, n_atoms, cell, periodic, energy)
                return
            elif text.startswith("ATOMS"):
                yield _image(lines, None, None, 0, energy)
                return
            elif text.startswith("ANIMSTEPS"):
                raise ValueError("an animation (ANIMSTEPS); aenet has one structure per file")
            elif text:
                raise ValueError(f"unknown keyword '{text[:40]}'")
    raise Truncated


def _image(
    lines: TextLines,
    n_atoms: int | None,
    cell: np.ndarray | None,
    periodic: int,
    energy: float | None,
) -> RawImage:
    if n_atoms is not None and not 0 < n_atoms <= MAX_ATOMS:
        raise ValueError(f"{n_atoms} atoms")
    rows = [row.split() for row in lines.take(MAX_ATOMS + 1 if n_atoms is None else n_atoms)]
    if n_atoms is None:
        rows = [row for row in rows if row and not row[0].startswith("#")]
    elif len(rows) < n_atoms:
        raise Truncated
    widths = {len(row) for row in rows}
    if not widths <= {4, 7} or len(widths) != 1:
        raise ValueError("an atom needs symbol, three coordinates and three forces, or no forces")
    width = widths.pop()
    names = [row[0] for row in rows]
    numbers = (
        [int(name) for name in names]
        if all(name.isdecimal() for name in names)
        else symbols_to_numbers(names)
    )
    table = np.array([[float(x) for x in row[1:]] for row in rows], dtype=np.float64)
    image = RawImage(
        numbers=np.array(numbers, dtype=np.int64),
        positions=table[:, :3].copy(),
        pbc=np.arange(3) < periodic,
    )
    if periodic:
        if cell is None:
            raise ValueError("a periodic structure without PRIMVEC")
        image.cell = cell
    if energy is not None:
        image.results["energy"] = energy
    if width == 7:
        image.results["forces"] = table[:, 3:].copy()
    return image


def xsf_text(image: RawImage) -> str:
    """One image as aenet takes it; a stress cannot be stored.

    Raises
    ------
    ValueError
        The structure is periodic in some directions only, or there are no forces.
    """
    from ase.data import chemical_symbols

    if image.pbc.any() and not image.pbc.all():
        raise ValueError("aenet knows three periodic directions or none")
    if "forces" not in image.results:
        raise ValueError("aenet needs forces")
    text = [f"# total energy = {float(image.results['energy'])!r} eV", ""]
    if image.pbc.all():
        text += ["CRYSTAL", "PRIMVEC", *(" ".join(map(repr, row)) for row in image.cell.tolist())]
        text += ["PRIMCOORD", f"{image.n_atoms} 1"]
    else:
        text.append("ATOMS")
    table = np.hstack([image.positions, np.asarray(image.results["forces"], dtype=float)]).tolist()
    for z, row in zip(image.numbers, table, strict=True):
        text.append(f"{chemical_symbols[z]} " + " ".join(map(repr, row)))
    return "\n".join(text) + "\n"
