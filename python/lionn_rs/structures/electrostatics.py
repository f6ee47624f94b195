"""Electrostatic energy of point charges in a crystal, for ranking arrangements of ions."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lionn_rs.errors import DataError
from lionn_rs.structures.charges import charges_of

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["ewald_energy", "interaction_matrix"]

CLOSEST_A = 0.1
"""Sites nearer than this are one site given twice."""
NEUTRAL = 1e-8
"""Net charge that counts as none, e."""


def interaction_matrix(cell: ArrayLike, positions: ArrayLike) -> NDArray[np.float64]:
    """Matrix M of the Coulomb energy ``E = q M q`` of charges on given sites.

    Computed once by Ewald summation (pymatgen), it gives the energy of every arrangement of ions
    on these sites. The average potential is zero; ``E`` is that of the crystal only for charges
    that add up to zero.

    Parameters
    ----------
    cell : (3, 3) array, Å
        Rows are the lattice vectors.
    positions : (n_sites, 3) array, Å
        Sites, occupied or not.

    Returns
    -------
    (n_sites, n_sites) float64, eV per squared elementary charge
        Symmetric; the diagonal holds the interaction of a charge with its own images.

    Raises
    ------
    DataError
        Two sites coincide.

    References
    ----------
    P. P. Ewald, Ann. Phys. 369, 253 (1921), doi 10.1002/andp.19213690304.

    Examples
    --------
    Madelung constant of rock salt, 1.747565 with the nearest distance as the length:

    >>> from ase.build import bulk
    >>> salt = bulk("NaCl", "rocksalt", a=2.0)
    >>> matrix = interaction_matrix(salt.cell, salt.positions)
    >>> round(float([1, -1] @ matrix @ [1, -1]) / -14.399645, 5)
    1.74756
    """
    from pymatgen.analysis.ewald import EwaldSummation
    from pymatgen.core.lattice import Lattice
    from pymatgen.core.structure import Structure

    sites = np.asarray(positions, dtype=np.float64)
    lattice = Lattice(np.asarray(cell, dtype=np.float64))
    unit = Structure(lattice, ["H+"] * len(sites), sites, coords_are_cartesian=True)
    if len(sites) > 1:
        distances = unit.distance_matrix + np.eye(len(sites)) * lattice.volume
        first, second = np.unravel_index(int(np.argmin(distances)), distances.shape)
        if distances[first, second] < CLOSEST_A:
            raise DataError(
                f"sites {first} and {second} are {distances[first, second]:.3f} Å apart: "
                "an Ewald energy needs distinct sites"
            )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the sites carry unit charges, the cell is not neutral
        matrix = np.asarray(EwaldSummation(unit).total_energy_matrix, dtype=np.float64)
    return 0.5 * (matrix + matrix.T)


def ewald_energy(atoms: Atoms, charges: Mapping[str, float] | None = None) -> float:
    """Coulomb energy of formal charges in the cell.

    Parameters
    ----------
    atoms : ase.Atoms
        Periodic, neutral structure.
    charges : mapping, optional
        Charge numbers of elements; default: :data:`lionn_rs.structures.charges.FORMAL_CHARGES`.

    Returns
    -------
    float
        eV per cell. Differences between arrangements of the same ions are exaggerated, because
        formal charges are not screened; use them as a ranking.

    Raises
    ------
    DataError
        The cell is not neutral, or two atoms coincide.
    ConfigError
        An element has no formal charge.

    Examples
    --------
    >>> from ase.build import bulk
    >>> round(ewald_energy(bulk("NaCl", "rocksalt", a=5.64)), 3)
    -8.924
    """
    symbols = atoms.get_chemical_symbols()
    known = charges_of(set(symbols), charges)
    vector = np.array([known[name] for name in symbols])
    if abs(vector.sum()) > NEUTRAL:
        raise DataError(f"{atoms.get_chemical_formula()} has net charge {vector.sum():+g} e")
    return float(vector @ interaction_matrix(atoms.cell.array, atoms.positions) @ vector)
