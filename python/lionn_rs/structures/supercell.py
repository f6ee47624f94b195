"""Supercells."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lionn_rs.errors import ConfigError

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["repeat"]


def repeat(atoms: Atoms, repetitions: Sequence[int]) -> Atoms:
    """Repeat a periodic structure along its lattice vectors.

    Parameters
    ----------
    atoms : Atoms
        Structure with ``n_atoms`` atoms.
    repetitions : (3,) int
        Copies along a, b and c, each at least 1.

    Returns
    -------
    Atoms
        ``n_atoms * na * nb * nc`` atoms without a calculator, copy after copy.

    Raises
    ------
    ConfigError
        For anything but three positive integers, or copies along a direction that is not periodic.

    Examples
    --------
    >>> from ase.build import bulk
    >>> len(repeat(bulk("Cu", cubic=True), (2, 2, 1)))
    16
    """
    counts = tuple(repetitions)
    if len(counts) != 3 or any(int(count) != count or count < 1 for count in counts):
        raise ConfigError(f"supercell must be three positive integers, got {counts}")
    for axis, count in zip("abc", counts, strict=True):
        if count > 1 and not atoms.pbc["abc".index(axis)]:
            raise ConfigError(f"supercell of {count} along {axis}, which is not periodic")
    repeated: Atoms = atoms.repeat(tuple(int(n) for n in counts))
    return repeated
