"""What the atoms of a trajectory are, from a file beside it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lionn_rs.errors import DataError
from lionn_rs.trajectories.source import atomic_numbers_of_types

__all__ = ["Topology", "read_topology"]

_LAMMPS_DATA = (".data", ".lmp", ".lammps-data", ".lammps")

MASS_TOLERANCE = 0.05
"""Largest difference, u, between the mass in a data file and that of the element it stands for."""


@dataclass(frozen=True)
class Topology:
    """Atomic numbers (n_atoms,), cell (3, 3) in Å, periodic axes (3,)."""

    numbers: NDArray[np.int64]
    cell: NDArray[np.float64]
    pbc: NDArray[np.bool_]


def read_topology(path: Path, types: tuple[str, ...] = ()) -> Topology:
    """Read a structure: LAMMPS data, a trajectory of lionn_rs, or what ASE reads.

    Parameters
    ----------
    path : Path
        The file; of several frames the first counts.
    types : tuple of str
        Chemical symbols of LAMMPS types 1, 2, ...; without them the masses of the data file tell.

    Raises
    ------
    DataError
        The file is missing or cannot be read, or its masses belong to no element.
    """
    if path.is_dir() or path.suffix in (".h5", ".h5md"):
        from lionn_rs.md.trajectory import Trajectory

        run = Trajectory.open(path)
        return Topology(run.numbers, run.cell, run.pbc)
    if not path.is_file():
        raise DataError(f"{path}: no such file (topology)")
    if path.suffix in _LAMMPS_DATA or path.name.lower().startswith("data."):
        return _read_lammps_data(path, types)
    from lionn_rs.data import read_structures

    (atoms,) = read_structures(path, index="0")
    return Topology(
        np.asarray(atoms.numbers, dtype=np.int64), np.array(atoms.cell[:]), np.array(atoms.pbc)
    )


def _read_lammps_data(path: Path, types: tuple[str, ...]) -> Topology:
    from ase.io.lammpsdata import read_lammps_data

    try:
        atoms = read_lammps_data(path, units="metal")
    except Exception as error:
        reason = str(error) or type(error).__name__
        raise DataError(f"{path}: cannot be read as LAMMPS data ({reason})") from error
    kinds = np.asarray(atoms.arrays["type"], dtype=int)
    if types:
        numbers = atomic_numbers_of_types(kinds, types, str(path))
    else:
        numbers = _by_mass(path, atoms.get_masses())
    return Topology(numbers, np.array(atoms.cell[:]), np.array([True, True, True]))


def _by_mass(path: Path, masses: NDArray[np.float64]) -> NDArray[np.int64]:
    from ase.data import atomic_masses

    known = np.nan_to_num(np.asarray(atomic_masses, dtype=np.float64))
    found = np.abs(masses[:, None] - known[None, :]).argmin(axis=1)
    wrong = np.abs(masses - known[found]) > MASS_TOLERANCE
    if wrong.any() or (found == 0).any():
        strange = masses[int(np.flatnonzero(wrong | (found == 0))[0])]
        raise DataError(
            f"{path}: mass {strange:g} u belongs to no element: name the elements of types 1, 2, "
            "... with --types (types)"
        )
    return np.asarray(found, dtype=np.int64)
