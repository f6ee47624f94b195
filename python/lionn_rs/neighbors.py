"""Neighbor list of a structure."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lionn_rs import _core
from lionn_rs.structure_arrays import structure_arrays

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["Neighbors", "neighbor_list"]


class Neighbors(NamedTuple):
    """Directed pairs of atoms, sorted by ``i``.

    Attributes
    ----------
    i, j : (n_pairs,) int64
        Center and neighbor.
    S : (n_pairs, 3) int32
        Lattice shift, zero along directions that are not periodic.
    D : (n_pairs, 3) float64, Å
        ``positions[j] - positions[i] + S @ cell``.
    """

    i: NDArray[np.int64]
    j: NDArray[np.int64]
    S: NDArray[np.int32]
    D: NDArray[np.float64]


def neighbor_list(atoms: Atoms, cutoff: float) -> Neighbors:
    """All pairs of atoms closer than ``cutoff``, each as i-j and as j-i.

    The pairs are those of ``ase.neighborlist.neighbor_list("ijSD", atoms, cutoff)``: positions
    need not lie in the cell, the cell may be triclinic, periodic along any directions and smaller
    than the cutoff, so that an atom may be its own neighbor. Time grows linearly with the number
    of atoms; the order of the neighbors of one atom is unspecified, but always the same.

    Parameters
    ----------
    atoms : Atoms
        Structure; not changed.
    cutoff : float
        Largest distance, Å; pairs at exactly this distance are left out.

    Returns
    -------
    Neighbors
        Arrays ``i``, ``j``, ``S`` and ``D``, sorted by ``i``.

    Raises
    ------
    ConfigError
        If the cutoff is not positive.
    DataError
        If a position is not finite, two atoms are at the same place or the cell is singular.

    Examples
    --------
    Rock salt: 6 sodium neighbors of every chlorine, at half the lattice constant.

    >>> from ase.build import bulk
    >>> i, j, S, D = neighbor_list(bulk("NaCl", "rocksalt", a=5.64), 3.0)
    >>> i.tolist()
    [0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1]
    >>> round(float(np.linalg.norm(D, axis=1).max()), 2)
    2.82
    """
    cell, pbc, _, positions = structure_arrays(atoms)
    return Neighbors(*_core.neighbor_list(cell, pbc, positions, float(cutoff)))
