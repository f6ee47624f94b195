"""Potential files of lionn_rs itself, as one format among the others."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from lionn_rs.committee import load

if TYPE_CHECKING:
    from lionn_rs.committee import Committee
    from lionn_rs.potential import Potential

__all__ = ["read", "write"]


def read(path: Path) -> Potential | Committee:
    """Read a potential file.

    Raises
    ------
    ModelFileError
        See :func:`lionn_rs.load`.
    """
    return load(path)


def write(potential: Potential | Committee, path: Path, *, force: bool) -> list[str]:
    """Write a potential file."""
    potential.save(path, force=force)
    return []
