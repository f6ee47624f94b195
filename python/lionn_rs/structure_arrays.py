"""ASE structures as the plain arrays the compiled core takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from ase import Atoms
    from numpy.typing import NDArray

StructureArrays = tuple[
    "NDArray[np.float64]", tuple[bool, bool, bool], "NDArray[np.uint8]", "NDArray[np.float64]"
]


def structure_arrays(atoms: Atoms) -> StructureArrays:
    """Cell, periodicity, atomic numbers and positions of a structure.

    Returns
    -------
    cell : (3, 3) float64
        Lattice vectors as rows, Å.
    pbc : (bool, bool, bool)
        Periodicity along each lattice vector.
    numbers : (n_atoms,) uint8
        Atomic numbers.
    positions : (n_atoms, 3) float64
        Cartesian positions, Å.
    """
    a, b, c = (bool(p) for p in atoms.pbc)
    return (
        np.ascontiguousarray(atoms.cell.array, dtype=np.float64),
        (a, b, c),
        np.ascontiguousarray(atoms.numbers, dtype=np.uint8),
        np.ascontiguousarray(atoms.positions, dtype=np.float64),
    )
