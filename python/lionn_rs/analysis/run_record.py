"""What makes a result about structure or mechanism reproducible."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lionn_rs.analysis._records import Record
from lionn_rs.analysis.transport.drift import Drift
from lionn_rs.analysis.transport.trajectory import Floats

SCHEMA_VERSION = 2
"""Of the files with a run record. 2: densities as ``mean_per_A3`` and ``largest_per_A3``."""


@dataclass(frozen=True, kw_only=True)
class RunRecord(Record):
    """The frames that a result follows from."""

    schema_version: int = SCHEMA_VERSION
    folder: str
    """Folder of the run, or the file that was read."""
    stage: str
    """``heating``, ``equilibration``, ``production`` or ``all``."""
    temperature_K: float | None
    """None where it is not known or changes."""
    n_frames: int
    """Frames of the stage."""
    frame_interval_fs: float
    """Time between frames."""
    cell: Floats
    """(3, 3) lattice vectors as rows, Å."""
    volume_A3: float
    """Volume of the cell."""
    drift: Drift
    """What positions are measured against."""
    seed: int | None
    """Of the run, if lionn made it."""
    potential_hash: str | None
    """Of the run, if lionn made it."""
    structure_hash: str | None
    """Of the run, if lionn made it."""
    source: dict[str, Any] | None
    """How a file of another program was read; None for runs of lionn."""
