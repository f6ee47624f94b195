"""Checkpoints: everything needed to continue a run with the same bits."""

from __future__ import annotations

import hashlib
import io
import struct
import zipfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lionn_rs.errors import DataError
from lionn_rs.files import write_bytes

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["CHECKPOINT_FILE", "hash_structure", "read_checkpoint", "write_checkpoint"]

CHECKPOINT_FILE = "checkpoint.npz"
VERSION = 1
_DAMAGE = (
    OSError,
    EOFError,
    KeyError,
    TypeError,
    ValueError,
    NotImplementedError,
    OverflowError,
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
)
"""What numpy and zipfile raise about bytes that are not what was written."""
_SCALARS: dict[str, type] = {
    "version": int,
    "step": int,
    "stage": int,
    "exchanged": float,
    "extrapolation_worst": float,
}


def write_checkpoint(path: Path, snapshot: dict[str, Any], *, stage: int) -> None:
    """Write a snapshot of the core and the number of its stage; never half a file."""
    buffer = io.BytesIO()
    np.savez(buffer, version=VERSION, stage=stage, **snapshot)
    write_bytes(path, buffer.getvalue())


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Snapshot for the core, with the entry ``stage``.

    Raises
    ------
    DataError
        The file is missing, damaged or of an unknown version.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            snapshot = {name: file[name] for name in file.files}
        for name, kind in _SCALARS.items():
            snapshot[name] = kind(snapshot[name])
    except _DAMAGE as error:
        raise DataError(
            f"{path}: cannot be read as a checkpoint ({error or type(error).__name__}); the run "
            "cannot be continued, its frames can be analyzed"
        ) from error
    version = snapshot.pop("version")
    if version != VERSION:
        raise DataError(f"{path}: checkpoint version {version} is unknown, expected {VERSION}")
    return snapshot


def hash_structure(atoms: Atoms) -> str:
    """SHA-256 of atomic numbers, masses, cell, periodicity and positions (float64 bits)."""
    digest = hashlib.sha256()
    digest.update(np.asarray(atoms.numbers, dtype="<i8").tobytes())
    for values in (atoms.get_masses(), atoms.cell[:], atoms.positions):
        digest.update(np.ascontiguousarray(values, dtype="<f8").tobytes())
    digest.update(np.asarray(atoms.pbc, dtype="<u1").tobytes())
    return digest.hexdigest()
