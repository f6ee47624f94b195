"""Checks a user can run on a potential: forces and stress against finite differences."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from ase import Atoms
    from numpy.typing import NDArray

    from lionn_rs.potential import BasePotential

FORCE_STEP = 1e-4
"""Displacement of the differences, Å: truncation h⁴ and rounding eps·E/h are below 1e-8 eV/Å."""

STRAIN_STEP = 1e-5
"""Strain of the differences; small because the cutoff function has a jump in its curvature."""


@dataclass(frozen=True)
class DerivativeCheck:
    """Largest differences between analytic derivatives and fourth-order central differences.

    Attributes
    ----------
    n_components : int
        Force components compared.
    force_error : float
        Largest absolute difference of a force component, eV/Å.
    force_scale : float
        Largest absolute force component, eV/Å.
    stress_error : float or None
        Largest absolute difference of a stress component, eV/Å³.
    stress_scale : float or None
        Largest absolute stress component, eV/Å³.
    """

    n_components: int
    force_error: float
    force_scale: float
    stress_error: float | None
    stress_scale: float | None

    @property
    def relative_force_error(self) -> float:
        """Force error divided by the largest force component."""
        return self.force_error / max(self.force_scale, 1e-10)

    @property
    def relative_stress_error(self) -> float | None:
        """Stress error divided by the largest stress component."""
        if self.stress_error is None or self.stress_scale is None:
            return None
        return self.stress_error / max(self.stress_scale, 1e-12)

    def passed(self, tolerance: float = 1e-6) -> bool:
        """Whether all relative errors are below ``tolerance``."""
        return max(self.relative_force_error, self.relative_stress_error or 0.0) < tolerance


def check_derivatives(
    potential: BasePotential, atoms: Atoms, *, n_atoms: int | None = None, seed: int = 0
) -> DerivativeCheck:
    """Compare forces and stress with numerical derivatives of the energy.

    Parameters
    ----------
    potential : Potential or Committee
        The potential.
    atoms : ase.Atoms
        The structure; not changed.
    n_atoms : int, optional
        Number of atoms (chosen at random) whose three force components are checked; all by default.
    seed : int
        Seed of that choice.

    Returns
    -------
    DerivativeCheck
        Largest absolute and relative differences.
    """
    exact = potential.evaluate(atoms)
    chosen = np.arange(len(atoms))
    if n_atoms is not None and n_atoms < len(atoms):
        chosen = np.sort(np.random.default_rng(seed).choice(chosen, size=n_atoms, replace=False))

    def energy_moved(atom: int, axis: int, step: float) -> float:
        moved = atoms.copy()
        moved.positions[atom, axis] += step
        return potential.evaluate(moved).energy

    force_error = 0.0
    for atom in chosen:
        for axis in range(3):
            numeric = -_difference(partial(energy_moved, int(atom), axis), FORCE_STEP)
            force_error = max(force_error, abs(numeric - float(exact.forces[atom, axis])))
    stress_error = stress_scale = None
    if exact.stress is not None:
        stress_error = float(np.abs(numerical_stress(potential, atoms) - exact.stress).max())
        stress_scale = float(np.abs(exact.stress).max())
    return DerivativeCheck(
        n_components=3 * len(chosen),
        force_error=force_error,
        force_scale=float(np.abs(exact.forces).max()),
        stress_error=stress_error,
        stress_scale=stress_scale,
    )


def numerical_stress(potential: BasePotential, atoms: Atoms) -> NDArray[np.float64]:
    """Stress (3, 3), eV/Å³, from the energy of strained cells; symmetric strains, ASE sign."""
    stress = np.zeros((3, 3))
    for a in range(3):
        for b in range(a, 3):

            def energy_strained(step: float, a: int = a, b: int = b) -> float:
                strain = np.eye(3)
                strain[a, b] += 0.5 * step
                strain[b, a] += 0.5 * step
                strained = atoms.copy()
                strained.set_cell(atoms.cell.array @ strain, scale_atoms=True)
                return potential.evaluate(strained).energy

            stress[a, b] = stress[b, a] = _difference(energy_strained, STRAIN_STEP)
    return stress / float(atoms.get_volume())


def _difference(at: _Function, h: float) -> float:
    """Fourth-order central difference at zero."""
    return (8.0 * (at(h) - at(-h)) - (at(2.0 * h) - at(-2.0 * h))) / (12.0 * h)


if TYPE_CHECKING:
    from collections.abc import Callable

    _Function = Callable[[float], float]
