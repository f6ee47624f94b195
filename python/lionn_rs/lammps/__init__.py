"""Potentials in LAMMPS, through its KIM package: nothing of LAMMPS has to be built."""

from __future__ import annotations

from lionn_rs.lammps.comparison import RunCheck, check
from lionn_rs.lammps.model import ExportedModel, export, model_name
from lionn_rs.lammps.program import Program, find_program

__all__ = [
    "ExportedModel",
    "Program",
    "RunCheck",
    "check",
    "export",
    "find_program",
    "model_name",
]
