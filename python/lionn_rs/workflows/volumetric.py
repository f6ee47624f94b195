"""Densities on disk: CHGCAR (VASP) and cube (Gaussian), both read by VESTA, pymatgen and ASE."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np

from lionn_rs.files import write_text

if TYPE_CHECKING:
    from pathlib import Path

    from ase import Atoms

    from lionn_rs.analysis import IonDensity

__all__ = ["write_chgcar", "write_cube"]

PER_LINE = 5
"""Numbers per line of a CHGCAR."""


def write_chgcar(path: Path, density: IonDensity, framework: Atoms) -> None:
    """Density times the volume of the cell (VASP's convention) behind a POSCAR of the framework.

    The mean of the numbers is the number of ions; ``pymatgen.io.vasp.Chgcar`` reads the file.

    Parameters
    ----------
    path : Path
        Output file.
    density : IonDensity
        The density.
    framework : Atoms
        Atoms of the picture; must have the cell of the density.
    """
    from ase.io.vasp import write_vasp

    head = io.StringIO()
    write_vasp(head, framework, direct=True, sort=True, vasp5=True, label=_comment(density))
    # The first lattice vector runs fastest.
    numbers = (density.values * density.volume_A3).ravel(order="F")
    lines = head.getvalue().rstrip("\n") + "\n\n"
    lines += " ".join(str(n) for n in density.values.shape) + "\n"
    full = len(numbers) // PER_LINE * PER_LINE
    text = io.StringIO()
    np.savetxt(text, numbers[:full].reshape(-1, PER_LINE), fmt="%.10E")
    if full < len(numbers):
        np.savetxt(text, numbers[None, full:], fmt="%.10E")
    write_text(path, lines + text.getvalue())


def write_cube(path: Path, density: IonDensity, framework: Atoms) -> None:
    """Density in Å⁻³ as a Gaussian cube file (lengths in Bohr, as the format wants).

    Parameters
    ----------
    path : Path
        Output file.
    density : IonDensity
        The density.
    framework : Atoms
        Atoms of the picture; must have the cell of the density.
    """
    from ase.io.cube import write_cube as ase_write_cube

    text = io.StringIO()
    ase_write_cube(text, framework, data=density.values, comment=_comment(density))
    write_text(path, text.getvalue())


def _comment(density: IonDensity) -> str:
    return f"{density.species} number density per cubic Angstrom, {density.n_frames} frames"
