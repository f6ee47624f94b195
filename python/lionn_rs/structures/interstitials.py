"""Empty sites of a crystal: those that diffraction finds, or the middle of its voids."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lionn_rs.errors import ConfigError, DataError
from lionn_rs.structures.prototypes import Prototype, site_positions

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["checked_sites", "empty_prototype_sites", "voids"]

CLOSEST_A: Final = 1.7
"""Distance of an interstitial ion to the nearest atom; half of it is taken up by relaxation."""
MERGE_A: Final = 0.8
"""Void centers nearer than this are one void."""


def empty_prototype_sites(
    atoms: Atoms, crystal: Prototype, *, element: str, closest: float = CLOSEST_A
) -> NDArray[np.float64]:
    """Positions of the average structure that an element leaves empty in the ordered cell.

    Parameters
    ----------
    atoms : ase.Atoms
        From :func:`lionn_rs.structures.ordering.ordered`.
    crystal : Prototype
        What the cell was made of.
    element : str
        Whose sites.
    closest : float
        Positions nearer to an atom than this are left out, Å.

    Returns
    -------
    (n, 3) float64
        Fractional coordinates.

    Examples
    --------
    >>> from lionn_rs.structures import prototype
    >>> crystal = prototype("lgps")
    >>> len(empty_prototype_sites(crystal.ordered(), crystal, element="Li"))  # 3 of 8f, 1 of 4c
    4
    """
    groups = [site_positions(crystal, s) for s in crystal.sites if element in s.occupancy]
    if not groups:
        return np.zeros((0, 3))
    positions = np.vstack(groups)
    return positions[_clearance(atoms, positions) >= closest]


def voids(atoms: Atoms, *, closest: float = CLOSEST_A) -> NDArray[np.float64]:
    """Centers of the voids of a crystal: vertices of its Voronoi cells.

    Parameters
    ----------
    atoms : ase.Atoms
        Periodic in all directions.
    closest : float
        Smallest distance of a center to the nearest atom, Å.

    Returns
    -------
    (n, 3) float64
        Fractional coordinates, the widest void first.

    Examples
    --------
    The octahedral void of the fcc lattice:

    >>> from ase.build import bulk
    >>> [[round(float(x), 6) for x in row] for row in voids(bulk("Al", a=4.0), closest=1.9)]
    [[0.5, 0.5, 0.5]]
    """
    from scipy.spatial import Voronoi

    cell = atoms.cell.array
    # Images up to the longest empty sphere: one cell on every side of at least 12 Å.
    widths = atoms.cell.volume / np.linalg.norm(np.cross(cell[[1, 2, 0]], cell[[2, 0, 1]]), axis=1)
    n = np.ceil(12.0 / widths).astype(int)
    shifts = np.stack(
        np.meshgrid(*[np.arange(-k, k + 1) for k in n], indexing="ij"), axis=-1
    ).reshape(-1, 3)
    images = (atoms.positions[None] + (shifts @ cell)[:, None]).reshape(-1, 3)
    vertices = Voronoi(images).vertices
    fractional = atoms.cell.scaled_positions(vertices)
    inside = ((fractional > -1e-6) & (fractional < 1.0 - 1e-6)).all(axis=1)
    candidates = fractional[inside] % 1.0
    radius = _clearance(atoms, candidates)
    order = np.argsort(-np.round(radius, 6), kind="stable")
    kept: list[NDArray[np.float64]] = []
    for k in order:
        if radius[k] < closest:
            break
        offsets = [(candidates[k] - other + 0.5) % 1.0 - 0.5 for other in kept]
        if all(np.linalg.norm(offset @ cell) > MERGE_A for offset in offsets):
            kept.append(candidates[k])
    return np.array(kept).reshape(-1, 3)


def checked_sites(
    atoms: Atoms, sites: ArrayLike, *, closest: float = CLOSEST_A
) -> NDArray[np.float64]:
    """Fractional coordinates of interstitial sites given by hand.

    Raises
    ------
    ConfigError
        Not three numbers each.
    DataError
        A site is nearer than ``closest`` to an atom.
    """
    array = np.asarray(sites, dtype=np.float64)
    if array.ndim != 2 or array.shape[1] != 3:
        raise ConfigError(f"interstitial_sites must be (n, 3) numbers, got shape {array.shape}")
    radius = _clearance(atoms, array)
    worst = int(radius.argmin())
    if radius[worst] < closest:
        raise DataError(
            f"interstitial site {array[worst].tolist()} is {radius[worst]:.2f} Å from an atom, "
            f"expected at least {closest} Å"
        )
    return array % 1.0


def _clearance(atoms: Atoms, fractional: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n,) distance to the nearest atom, Å."""
    from ase.geometry import get_distances

    _, distances = get_distances(
        fractional @ atoms.cell.array, atoms.positions, cell=atoms.cell, pbc=atoms.pbc
    )
    return np.asarray(distances.min(axis=1))
