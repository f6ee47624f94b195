"""Trajectories of any program: reading, converting. Formats and what each carries."""

from __future__ import annotations

from lionn_rs.trajectories.converting import Conversion, convert_trajectory
from lionn_rs.trajectories.formats import FORMATS, Format
from lionn_rs.trajectories.geometry import restricted_cell
from lionn_rs.trajectories.reading import read_trajectory

__all__ = [
    "FORMATS",
    "Conversion",
    "Format",
    "convert_trajectory",
    "read_trajectory",
    "restricted_cell",
]
