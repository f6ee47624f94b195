"""XDATCAR: structures without labels, folded into the cell, as VASP writes them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lionn_rs.data.formats.image import RawImage
from lionn_rs.data.formats.source import ImageSource, ReadOptions

if TYPE_CHECKING:
    from lionn_rs.trajectories.source import Source

__all__ = ["XdatcarWriter", "read_xdatcar"]


def read_xdatcar(path: Path, options: ReadOptions) -> ImageSource:
    """Positions and cells; the reader is that of trajectories."""
    from lionn_rs.trajectories import vasp
    from lionn_rs.trajectories.source import Given

    source = vasp.read_xdatcar(path, Given(types=options.types))
    return ImageSource(
        path=path,
        reader="XDATCAR, structures without labels",
        images=_images(source),
        n_images=source.n_frames,
        notes=source.notes,
    )


def _images(source: Source) -> Iterator[RawImage]:
    for frame in source.frames:
        yield RawImage(
            numbers=source.numbers,
            positions=frame.positions @ frame.cell,
            cell=frame.cell,
            pbc=np.ones(3, dtype=bool),
        )


class XdatcarWriter:
    """Writes an XDATCAR, its header repeated where the cell changes.

    Parameters
    ----------
    stream : binary file
    """

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._n = 0
        self._header = ""
        self._numbers: Any = None

    def write(self, image: RawImage) -> None:
        """Append an image; positions are folded into the cell.

        Raises
        ------
        ValueError
            Other elements than before, or no cell.
        """
        if not image.pbc.all() or image.volume == 0.0:
            raise ValueError("an XDATCAR needs a cell that is periodic in three directions")
        if self._numbers is None:
            self._numbers = image.numbers
        elif not np.array_equal(self._numbers, image.numbers):
            raise ValueError("other atoms than in the first image, which an XDATCAR cannot hold")
        header = _header(image)
        self._n += 1
        text = header if header != self._header else ""
        self._header = header
        fractional = np.linalg.solve(image.cell.T, image.positions.T).T % 1.0
        rows = "\n".join(f"{x:15.12f} {y:15.12f} {z:15.12f}" for x, y, z in fractional.tolist())
        text += f"Direct configuration= {self._n:5d}\n{rows}\n"
        self._stream.write(text.encode())


def _header(image: RawImage) -> str:
    from ase.data import chemical_symbols

    starts = np.flatnonzero(np.diff(image.numbers, prepend=-1))
    counts = np.diff([*starts, image.n_atoms])
    names = "  ".join(chemical_symbols[z] for z in image.numbers[starts])
    cell = "\n".join(" ".join(f"{x:18.12f}" for x in row) for row in image.cell.tolist())
    return f"written by lionn\n 1.0\n{cell}\n {names}\n {'  '.join(map(str, counts))}\n"
