"""The box of an H5MD file: one cell per frame, also where the cell is fixed.

Readers such as MDAnalysis want it so. A fixed cell is written for all frames when the file is laid
out, compressed to next to nothing, and not touched when frames are appended.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import h5py

__all__ = ["FIXED_CELL", "has_fixed_cell", "repeat_cell", "resize_cells"]

FIXED_CELL: Final = "fixed"
"""Attribute of ``box/edges``: the cells of all frames are the same."""

FRAMES_PER_CHUNK: Final = 4096


def repeat_cell(edges: h5py.Group, cell: NDArray[np.float64], n_frames: int) -> h5py.Dataset:
    """Write a fixed cell (3, 3), Å, for all frames of a file."""
    edges.attrs[FIXED_CELL] = True
    return edges.create_dataset(
        "value",
        data=np.broadcast_to(cell, (max(n_frames, 1), 3, 3)),
        maxshape=(None, 3, 3),
        chunks=(FRAMES_PER_CHUNK, 3, 3),
        compression="gzip",
        shuffle=True,
    )


def has_fixed_cell(edges: h5py.Group | h5py.Dataset) -> bool:
    """Whether the box of a file is that of all frames; older files have a data set instead."""
    return not hasattr(edges, "keys") or bool(edges.attrs.get(FIXED_CELL, False))


def resize_cells(edges: h5py.Group | h5py.Dataset, n_frames: int) -> None:
    """Follow a change of the number of frames; a fixed cell stays even if no frame does."""
    if not hasattr(edges, "keys"):
        return
    values = edges["value"]
    before = values.shape[0]
    if not has_fixed_cell(edges):
        values.resize(n_frames, axis=0)
    elif n_frames != before:
        values.resize(max(n_frames, 1), axis=0)
        values[before:] = values[0]
