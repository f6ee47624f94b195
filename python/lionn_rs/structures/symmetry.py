"""Symmetry of a crystal as permutations of its sites."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Final, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lionn_rs.errors import DataError

if TYPE_CHECKING:
    from ase import Atoms

Result = TypeVar("Result")

__all__ = ["SYMPREC_A", "site_permutations", "space_group"]

SYMPREC_A: Final = 0.01
"""Positions nearer than this are the same, Å."""


def site_permutations(
    cell: ArrayLike,
    fractional: ArrayLike,
    kinds: Sequence[str],
    *,
    symprec: float = SYMPREC_A,
) -> NDArray[np.int64]:
    """Permutations of the sites by the symmetry operations of the crystal, found by spglib.

    Parameters
    ----------
    cell : (3, 3) array, Å
        Rows are the lattice vectors.
    fractional : (n_sites, 3) array
        Fractional coordinates.
    kinds : (n_sites,) sequence of str
        Sites of different kinds are never exchanged.
    symprec : float
        Tolerance, Å.

    Returns
    -------
    (n_operations, n_sites) int64
        ``result[g, k]`` is the site that operation g moves site k to. A group: the identity is
        among them; in a supercell so are its inner translations. Each permutation once.

    Raises
    ------
    DataError
        spglib finds no symmetry, or an operation moves a site to none (tolerance too large).

    Examples
    --------
    >>> import numpy as np
    >>> site_permutations(2.0 * np.diag([2.0, 1.0, 1.0]), [[0, 0, 0], [0.5, 0, 0]],
    ...                   ["A", "A"]).tolist()
    [[0, 1], [1, 0]]
    """
    import spglib

    lattice = np.asarray(cell, dtype=np.float64)
    places = np.asarray(fractional, dtype=np.float64)
    numbers = [sorted(set(kinds)).index(kind) + 1 for kind in kinds]
    cell_of_spglib = (lattice.tolist(), places.tolist(), numbers)
    found = _or_none(partial(spglib.get_symmetry, cell_of_spglib, symprec=symprec))
    if found is None:
        raise DataError(f"spglib finds no symmetry within {symprec} Å (two sites coincide?)")
    # What spglib calls the same within its tolerance may be this far off after the operation.
    reach = 10.0 * symprec
    rows = []
    for rotation, translation in zip(found["rotations"], found["translations"], strict=True):
        images = places @ rotation.T + translation
        offsets = (images[:, None] - places[None] + 0.5) % 1.0 - 0.5
        distances = np.linalg.norm(offsets @ lattice, axis=-1)
        row = distances.argmin(axis=1)
        if distances.min(axis=1).max() > reach or len(set(row)) != len(row):
            raise DataError(
                f"a symmetry operation moves a site by {distances.min(axis=1).max():.2g} Å off "
                f"the others (tolerance {symprec} Å)"
            )
        rows.append(row)
    return np.unique(np.array(rows, dtype=np.int64), axis=0)


def space_group(atoms: Atoms, *, symprec: float = SYMPREC_A) -> str:
    """International symbol and number of the space group.

    Examples
    --------
    >>> from ase.build import bulk
    >>> space_group(bulk("NaCl", "rocksalt", a=5.64))
    'Fm-3m (225)'
    """
    import spglib

    cell = (atoms.cell.tolist(), atoms.get_scaled_positions().tolist(), atoms.numbers.tolist())
    symbol = _or_none(partial(spglib.get_spacegroup, cell, symprec=symprec))
    if symbol is None:
        raise DataError(f"{atoms.get_chemical_formula()}: spglib finds no space group")
    return str(symbol)


def _or_none(call: Callable[[], Result | None]) -> Result | None:
    """None where spglib fails: older versions return it, newer ones raise."""
    import spglib

    failures: type[Exception] = getattr(spglib, "SpglibError", RuntimeError)
    try:
        return call()
    except failures:
        return None
