"""Molecular dynamics: protocol, runner, trajectory files. The time steps are made in Rust."""

from __future__ import annotations

from lionn_rs.md.cell import MeanCell, mean_cell
from lionn_rs.md.protocol import Protocol, Stage
from lionn_rs.md.runner import MdJob, MdResult, run_many, run_md
from lionn_rs.md.trajectory import Trajectory
from lionn_rs.structures.supercell import repeat

__all__ = [
    "MdJob",
    "MdResult",
    "MeanCell",
    "Protocol",
    "Stage",
    "Trajectory",
    "mean_cell",
    "repeat",
    "run_many",
    "run_md",
]
