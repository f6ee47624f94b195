"""One ionic step of VASP, from vasprun.xml or OUTCAR, as an image."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from lionn_rs.data.formats.image import RawImage

__all__ = ["FORCE_FIELD", "KILOBAR", "NOT_CONVERGED", "VaspStep", "image_of"]

KILOBAR: Final = 0.1 / 160.21766208
"""1 kB = 0.1 GPa, in eV/Å³ (1 eV/Å³ = 160.21766208 GPa, CODATA 2014, as in ase.units)."""

NOT_CONVERGED: Final = "not converged electronically"
FORCE_FIELD: Final = "from a force field of VASP, not from an electronic-structure calculation"
NO_ENERGY: Final = "without energy"


@dataclass(kw_only=True)
class VaspStep:
    """What VASP prints of an ionic step.

    Attributes
    ----------
    positions : (n_atoms, 3) float64, Å
    cell : (3, 3) float64, Å
    free_energy : float or None
        Free energy of the electrons, eV: what forces and stress are derivatives of.
    energy : float or None
        Energy extrapolated to zero smearing, eV.
    forces : (n_atoms, 3) float64 or None, eV/Å
    pressure : (3, 3) float64 or None
        As printed: kB, positive where the cell wants to expand.
    n_electronic : int
        Steps of the self-consistency cycle.
    said : bool or None
        What VASP said of convergence, where it did.
    """

    positions: NDArray[np.float64]
    cell: NDArray[np.float64]
    free_energy: float | None = None
    energy: float | None = None
    forces: NDArray[np.float64] | None = None
    pressure: NDArray[np.float64] | None = None
    n_electronic: int = 0
    said: bool | None = None


def image_of(
    step: VaspStep,
    numbers: NDArray[np.int64],
    limit: int | None,
    dropped: Counter[str],
    *,
    keep_unconverged: bool = False,
) -> RawImage | None:
    """Image of an ionic step, or None with the reason counted.

    A step is not converged where VASP says so, or if it took as many electronic steps as allowed
    (``NELM``): VASP 5 prints "EDIFF is reached" then as well, after a single step if NELM is 1.

    Parameters
    ----------
    step : VaspStep
    numbers : (n_atoms,) int64
    limit : int or None
        NELM.
    dropped : Counter
    keep_unconverged : bool
    """
    if step.n_electronic == 0:
        dropped[FORCE_FIELD] += 1
        return None
    exhausted = limit is not None and step.n_electronic >= limit
    if (step.said is False or exhausted) and not keep_unconverged:
        dropped[NOT_CONVERGED] += 1
        return None
    if step.free_energy is None:
        dropped[NO_ENERGY] += 1
        return None
    results: dict[str, object] = {"free_energy": step.free_energy}
    if step.energy is not None:
        results["energy"] = step.energy
    if step.forces is not None:
        results["forces"] = step.forces
    if step.pressure is not None:
        results["stress"] = -KILOBAR * 0.5 * (step.pressure + step.pressure.T)
    return RawImage(
        numbers=numbers,
        positions=step.positions,
        cell=step.cell,
        pbc=np.ones(3, dtype=bool),
        results=results,
    )
