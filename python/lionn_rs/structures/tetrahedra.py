"""Tetrahedra PX4, SiX4, GeX4 of a framework, and the crystallographic sites of their centers."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from lionn_rs.errors import DataError
from lionn_rs.structures.prototypes import Prototype, site_positions

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["SITE_ARRAY", "Tetrahedron", "label_centers", "ligands_of", "tetrahedra"]

SITE_ARRAY: Final = "site"
"""Per-atom array of site labels in :class:`ase.Atoms`."""
CENTERS: Final = frozenset({"P", "Si", "Ge", "Sn", "Al", "Sb", "As"})
LIGANDS: Final = frozenset({"S", "Cl", "O", "Se", "Br", "I", "F"})
LONGEST_BOND_A: Final = 2.7
"""Above every bond of these tetrahedra (Sn-S 2.4 Å, P-Cl 2.1 Å), below the next neighbors."""
FARTHEST_CENTER_A: Final = 1.0
"""A center farther than this from every site of the prototype is none of its sites."""


@dataclass(frozen=True)
class Tetrahedron:
    """A center and its four ligands, as indices of atoms."""

    center: int
    ligands: tuple[int, int, int, int]
    label: str
    """Site label of the center, its element where the structure has no labels."""


def tetrahedra(
    atoms: Atoms,
    *,
    centers: Collection[str] = CENTERS,
    ligands: Collection[str] = LIGANDS,
    longest_bond: float = LONGEST_BOND_A,
) -> list[Tetrahedron]:
    """Tetrahedra of a structure.

    Parameters
    ----------
    atoms : ase.Atoms
        Periodic or not; labels of sites are read from ``arrays["site"]`` if there are any.
    centers, ligands : collection of str
        Elements.
    longest_bond : float
        Neighbors up to this distance are ligands, Å.

    Returns
    -------
    list of Tetrahedron
        In the order of the centers; centers with more or fewer than four ligands are left out.

    Examples
    --------
    >>> from lionn_rs.structures import prototype
    >>> found = tetrahedra(prototype("li20si3p3s23cl").ordered())
    >>> len(found), sorted({entry.label for entry in found})
    (6, ['P(2b)', 'Si/P(4d)'])
    """
    from ase.neighborlist import neighbor_list

    symbols = np.array(atoms.get_chemical_symbols())
    labels = atoms.arrays.get(SITE_ARRAY, symbols)
    first, second = neighbor_list("ij", atoms, longest_bond)
    bound = np.isin(symbols[first], list(centers)) & np.isin(symbols[second], list(ligands))
    found = []
    for center in np.unique(first[bound]):
        members = second[bound & (first == center)]
        if len(members) == 4 and len(set(members)) == 4:
            a, b, c, d = sorted(int(k) for k in members)
            found.append(Tetrahedron(int(center), (a, b, c, d), str(labels[center])))
    return found


def ligands_of(atoms: Atoms, center: str) -> NDArray[np.int64]:
    """Return the ligands of all tetrahedra around a kind of center, as indices of atoms.

    Parameters
    ----------
    atoms : ase.Atoms
    center : str
        A site label such as ``"P(2b)"``, or the element of the center.

    Raises
    ------
    DataError
        There is no such tetrahedron; the message names those there are.

    Examples
    --------
    >>> from lionn_rs.structures import prototype
    >>> len(ligands_of(prototype("lgps").ordered(), "P(2b)"))
    8
    """
    found = tetrahedra(atoms)
    symbols = atoms.get_chemical_symbols()
    chosen = [
        k
        for entry in found
        if center in {entry.label, symbols[entry.center]}
        for k in entry.ligands
    ]
    if not chosen:
        known = sorted({entry.label for entry in found} | {symbols[t.center] for t in found})
        raise DataError(
            f"no tetrahedron around '{center}' (there are: {', '.join(known) or 'none'})"
        )
    return np.unique(chosen)


def label_centers(
    atoms: Atoms, crystal: Prototype, repetitions: Sequence[int] | None = None
) -> Atoms:
    """Label the centers of tetrahedra by the nearest site of a prototype.

    The structure may be relaxed and have its origin anywhere; its cell must be that of the
    prototype, repeated. The origin is shifted so that the centers lie on sites as well as possible.

    Parameters
    ----------
    atoms : ase.Atoms
        Structure with tetrahedra.
    crystal : Prototype
        The structure type.
    repetitions : (3,) int, optional
        Cells of the prototype along a, b, c; default: the nearest numbers by the cell lengths.

    Returns
    -------
    ase.Atoms
        Copy with ``arrays["site"]``: labels of the centers, elements for all other atoms.

    Raises
    ------
    DataError
        There are no tetrahedra, or a center is more than 1 Å from every site.
    """
    from lionn_rs.structures.prototypes import Site

    centers = [entry.center for entry in tetrahedra(atoms)]
    kinds: list[Site] = [site for site in crystal.sites if set(site.occupancy) <= CENTERS]
    if not centers:
        raise DataError(f"{atoms.get_chemical_formula()}: no tetrahedra, nothing to label")
    names = [site.label for site in kinds for _ in range(site.multiplicity)]
    ideal = np.vstack([site_positions(crystal, site) for site in kinds])
    copies = np.asarray(
        np.rint(atoms.cell.lengths() / crystal.lengths_A).clip(1)
        if repetitions is None
        else repetitions
    )
    fractional = atoms.get_scaled_positions()[centers] * copies
    distances = min(
        (
            _distances(fractional - (fractional[k] - site), ideal, crystal.cell)
            for k, site in itertools.product(range(len(centers)), ideal)
        ),
        key=lambda table: float((table.min(axis=1) ** 2).sum()),
    )
    nearest = distances.argmin(axis=1)
    worst = int(distances.min(axis=1).argmax())
    if distances[worst, nearest[worst]] > FARTHEST_CENTER_A:
        raise DataError(
            f"{atoms.get_chemical_formula()}: {atoms[centers[worst]].symbol} atom "
            f"{centers[worst]} is {distances[worst, nearest[worst]]:.2f} Å from the nearest site "
            f"of {crystal.name}: not this structure type, or not "
            f"{'x'.join(str(int(n)) for n in copies)} of its cells"
        )
    labels = np.array(atoms.get_chemical_symbols(), dtype="<U16")
    labels[centers] = [names[k] for k in nearest]
    labeled: Atoms = atoms.copy()
    labeled.set_array(SITE_ARRAY, labels)
    return labeled


def _distances(
    fractional: NDArray[np.float64], ideal: NDArray[np.float64], cell: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(n_centers, n_sites) periodic distances, Å."""
    offsets = (fractional[:, None] - ideal[None] + 0.5) % 1.0 - 0.5
    return np.asarray(np.linalg.norm(offsets @ cell, axis=-1))
