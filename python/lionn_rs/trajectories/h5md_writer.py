"""Any trajectory into the H5MD file of lionn_rs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lionn_rs.errors import DataError
from lionn_rs.md.box import FIXED_CELL
from lionn_rs.md.trajectory import TrajectoryWriter
from lionn_rs.trajectories.source import Block, Floats

if TYPE_CHECKING:
    import h5py

    from lionn_rs.trajectories.writing import Header

__all__ = ["CELL_TOLERANCE", "H5mdWriter", "is_same_cell"]

CELL_TOLERANCE = 1e-6
"""Relative: cells closer than this are one cell; coarser formats round by as much."""


def is_same_cell(cells: Floats, first: Floats) -> bool:
    """Whether all cells (n_frames, 3, 3) are the first one up to rounding."""
    return bool(np.abs(cells - first).max() <= CELL_TOLERANCE * np.abs(first).max())


class H5mdWriter:
    """The file of :class:`lionn_rs.md.trajectory.TrajectoryWriter`, grown block by block.

    It has a temporary name until it is complete, so nothing here has to survive a killed process.
    Whether the cell is fixed is known at the end; until then every frame has its own.
    """

    def __init__(self, path: Path, header: Header) -> None:
        self.path = path
        self.header = header
        self.file: h5py.File | None = None
        self.first: Floats | None = None
        self.fixed = True
        self.n_frames = 0

    def _create(self, block: Block) -> None:
        import h5py

        self.first = block.cells[0]
        TrajectoryWriter.create(
            self.path,
            atoms=self.header.atoms(block, 0),
            n_frames=len(block),
            metadata=self.header.metadata,
            velocities=self.header.velocities,
            precision=self.header.metadata["protocol"].get("precision", "float32"),
            changes_cell=True,
        )
        self.file = h5py.File(self.path, "r+")

    def write(self, block: Block) -> None:
        """Write frames."""
        if self.file is None:
            self._create(block)
        assert self.file is not None
        assert self.first is not None
        self.fixed = self.fixed and is_same_cell(block.cells, self.first)
        columns: dict[str, NDArray[Any] | None] = {
            "position/value": block.positions,
            "position/time": block.time_fs,
            "position/step": block.step,
            "box/edges/value": block.cells,
        }
        if self.header.velocities:
            columns["velocity/value"] = block.velocities
        end = self.n_frames + len(block)
        for name, values in columns.items():
            if values is None:
                raise DataError(f"frame {block.index[0]}: has no {name}, earlier frames have")
            data = self.file[f"particles/all/{name}"]
            data.resize(end, axis=0)
            data[self.n_frames : end] = values
        self.n_frames = end

    def close(self) -> None:
        """Finish the file: metadata as they are now, and whether the cell is fixed."""
        if self.file is None:
            return
        with self.file as file:
            file["parameters/lionn"].attrs["metadata"] = json.dumps(self.header.metadata)
            file["particles/all/box/edges"].attrs[FIXED_CELL] = self.fixed
