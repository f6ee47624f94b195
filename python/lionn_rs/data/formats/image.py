"""One structure as a file has it: geometry, labels of any name, info."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lionn_rs.errors import DataError

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["LABELS", "MAX_ATOMS", "RawImage", "full_stress", "voigt"]

MAX_ATOMS = 1_000_000
"""An image of more atoms is a damaged file: nothing larger is ever allocated for one image."""

LABELS = ("energy", "free_energy", "forces", "stress")
"""Labels with a meaning of their own, in eV, eV, eV/Å, eV/Å³ (positive = tension)."""


@dataclass(kw_only=True, eq=False)
class RawImage:
    """Structure, labels and info of one image.

    Attributes
    ----------
    numbers : (n_atoms,) int64
        Atomic numbers.
    positions : (n_atoms, 3) float64, Å
    cell : (3, 3) float64, Å
        Lattice vectors as rows; zero where there is none.
    pbc : (3,) bool
    results : dict
        Labels under the names of :data:`LABELS`, and others that ASE knows (``magmoms``, ...).
    info : dict
        Whatever else a file has once per image.
    arrays : dict of str to (n_atoms, ...) array
        Whatever else a file has once per atom.
    """

    numbers: NDArray[np.int64]
    positions: NDArray[np.float64]
    cell: NDArray[np.float64] = field(default_factory=lambda: np.zeros((3, 3)))
    pbc: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(3, dtype=bool))
    results: dict[str, Any] = field(default_factory=dict)
    info: dict[str, Any] = field(default_factory=dict)
    arrays: dict[str, NDArray[Any]] = field(default_factory=dict)

    @property
    def n_atoms(self) -> int:
        """Number of atoms."""
        return len(self.numbers)

    @property
    def volume(self) -> float:
        """Volume of the cell, Å³."""
        return abs(float(np.linalg.det(self.cell)))

    def check(self) -> None:
        """Refuse what is no structure.

        Raises
        ------
        ValueError
            In words: no atoms, shapes that do not match, numbers that are not finite.
        """
        n = len(self.numbers)
        if n == 0:
            raise ValueError("no atoms")
        if n > MAX_ATOMS:
            raise ValueError(f"{n} atoms, more than {MAX_ATOMS}")
        if self.positions.shape != (n, 3):
            raise ValueError(f"{n} atoms, but positions of shape {self.positions.shape}")
        if self.cell.shape != (3, 3):
            raise ValueError(f"a cell of shape {self.cell.shape}")
        if not np.isfinite(self.positions).all():
            atom = int(np.flatnonzero(~np.isfinite(self.positions).all(axis=1))[0])
            raise ValueError(f"position of atom {atom} is not finite")
        if not np.isfinite(self.cell).all():
            raise ValueError("the cell is not finite")
        if self.numbers.min() < 0 or self.numbers.max() > MAX_ELEMENT:
            raise ValueError(f"atomic numbers from {self.numbers.min()} to {self.numbers.max()}")
        forces = self.results.get("forces")
        if forces is not None and np.shape(forces) != (n, 3):
            # The same sentence as for structures that are given, not read.
            raise DataError(
                f"forces must have shape ({n}, 3) to match positions, got {np.shape(forces)}"
            )

    def find(self, key: str) -> Any:
        """Value of a label: among the results, then the arrays, then the info."""
        for place in (self.results, self.arrays, self.info):
            if key in place:
                return place[key]
        return None

    def to_atoms(self) -> Atoms:
        """Make an ASE structure whose calculator holds the results."""
        from ase import Atoms
        from ase.calculators.singlepoint import SinglePointCalculator

        atoms = Atoms(numbers=self.numbers, positions=self.positions, cell=self.cell, pbc=self.pbc)
        atoms.info.update(self.info)
        for key, array in self.arrays.items():
            atoms.arrays[key] = np.array(array)
        if self.results:
            atoms.calc = SinglePointCalculator(atoms, **self.results)
        return atoms

    @classmethod
    def from_atoms(cls, atoms: Atoms) -> RawImage:
        """Take an ASE structure apart; constraints are left out, forces are those stored."""
        calc = atoms.calc
        stored = {} if calc is None else dict(getattr(calc, "results", {}))
        return cls(
            numbers=np.asarray(atoms.numbers, dtype=np.int64),
            positions=np.array(atoms.positions, dtype=np.float64),
            cell=np.array(atoms.cell.array, dtype=np.float64),
            pbc=np.array(atoms.pbc, dtype=bool),
            results={key: value for key, value in stored.items() if value is not None},
            info=dict(atoms.info),
            arrays={
                key: array
                for key, array in atoms.arrays.items()
                if key not in ("numbers", "positions")
            },
        )


MAX_ELEMENT = 118
"""Oganesson; 0 is ASE's X."""


def full_stress(value: Any) -> NDArray[np.float64]:
    """Symmetric (3, 3) stress from nine numbers, or six in Voigt order (xx yy zz yz xz xy).

    Raises
    ------
    ValueError
        Another number of entries.
    """
    stress = np.asarray(value, dtype=np.float64)
    if stress.size == 9:
        full = stress.reshape(3, 3)
        return np.asarray(0.5 * (full + full.T))
    if stress.shape == (6,):
        xx, yy, zz, yz, xz, xy = stress
        return np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]])
    raise ValueError(f"stress must have shape (6,) or (3, 3), got {stress.shape}")


def voigt(stress: NDArray[np.float64]) -> NDArray[np.float64]:
    """Six numbers in Voigt order (xx yy zz yz xz xy) of a symmetric (3, 3) stress."""
    return stress[(0, 1, 2, 1, 0, 0), (0, 1, 2, 2, 2, 1)]
