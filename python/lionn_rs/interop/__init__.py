"""Potentials of other programs: read into a potential of lionn_rs, written for the other program.

One module per program, one entry in :data:`FORMATS`: see :mod:`lionn_rs.interop.formats`.
"""

from __future__ import annotations

from lionn_rs.interop.converting import (
    ModelConversion,
    convert_potential,
    read_potential,
    write_potential,
)
from lionn_rs.interop.formats import FORMATS, ModelFormat, find_format

__all__ = [
    "FORMATS",
    "ModelConversion",
    "ModelFormat",
    "convert_potential",
    "find_format",
    "read_potential",
    "write_potential",
]
