"""Any trajectory into the H5MD file of lionn_rs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lionn_rs.md.trajectory import FIXED_CELL, TrajectoryWriter
from lionn_rs.trajectories.source import Block, Floats

if TYPE_CHECKING:
    from lionn_rs.trajectories.writing import Header

__all__ = ["CELL_TOLERANCE", "H5mdWriter", "is_same_cell"]

CELL_TOLERANCE = 1e-6
"""Relative: cells closer than this are one cell; coarser formats round by as much."""


def is_same_cell(cells: Floats, first: Floats) -> bool:
    """Whether all cells (n_frames, 3, 3) are the first one up to rounding."""
    return bool(np.abs(cells - first).max() <= CELL_TOLERANCE * np.abs(first).max())


class H5mdWriter:
    """The file of :class:`lionn_rs.md.trajectory.TrajectoryWriter`, grown block by block.

    Whether the cell is fixed is known at the end; until then every frame has its own.
    """

    def __init__(self, path: Path, header: Header) -> None:
        self.path = path
        self.header = header
        self.writer: TrajectoryWriter | None = None
        self.first: Floats | None = None
        self.fixed = True

    def write(self, block: Block) -> None:
        """Write frames."""
        if self.writer is None:
            self.first = block.cells[0]
            self.writer = TrajectoryWriter.create(
                self.path,
                atoms=self.header.atoms(block, 0),
                n_frames=len(block),
                metadata=self.header.metadata,
                velocities=self.header.velocities,
                precision=self.header.metadata["protocol"].get("precision", "float32"),
                changes_cell=True,
            )
        assert self.first is not None
        assert block.step is not None
        assert block.time_fs is not None
        self.fixed = self.fixed and is_same_cell(block.cells, self.first)
        velocities = block.velocities if self.header.velocities else None
        self.writer.append(
            block.step.astype(np.uint64), block.time_fs, block.positions, velocities, block.cells
        )

    def close(self) -> None:
        """Finish the file: metadata as they are now, and whether the cell is fixed."""
        import h5py

        if self.writer is None:
            return
        self.writer.finish()
        with h5py.File(self.path, "r+") as file:
            file["parameters/lionn"].attrs["metadata"] = json.dumps(self.header.metadata)
            file["particles/all/box/edges"].attrs[FIXED_CELL] = self.fixed
