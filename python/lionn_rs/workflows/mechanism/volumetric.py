"""Densities on disk: CHGCAR (VASP) and cube (Gaussian), both read by VESTA, pymatgen and ASE."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np

from lionn_rs.files import write_text

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from ase import Atoms

    from lionn_rs.analysis import IonDensity
    from lionn_rs.analysis.transport.trajectory import Floats

__all__ = ["write_chgcar", "write_cube"]

PER_LINE = 5
"""Numbers per line of a CHGCAR."""
PER_LINE_CUBE = 6
"""Numbers per line of a cube file; every row along c starts a new line."""


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
    write_vasp(head, framework, direct=True, sort=True, vasp5=True)
    # The first line is free text; ASE writes the symbols, which stand in the sixth line as well.
    structure = head.getvalue().split("\n", 1)[1].rstrip("\n")
    # The first lattice vector runs fastest.
    numbers = (density.values * density.volume_A3).ravel(order="F")
    lines = f"{_comment(density)}\n{structure}\n\n"
    lines += " ".join(str(n) for n in density.values.shape) + "\n"
    text = io.StringIO()
    _write_numbers(text, numbers, PER_LINE)
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
    from ase.units import Bohr

    origin = (0.0, 0.0, 0.0)
    # ASE takes the order of the loops from the second line; X, Y, Z are a, b, c.
    order = "OUTER LOOP: X, MIDDLE LOOP: Y, INNER LOOP: Z"
    lines = [_comment(density), order, _row(len(framework), origin)]
    steps = density.cell / np.array(density.values.shape)[:, None] / Bohr
    lines += [_row(n, step) for n, step in zip(density.values.shape, steps, strict=True)]
    for number, position in zip(framework.numbers, framework.positions / Bohr, strict=True):
        lines.append(_row(int(number), (0.0, *position)))
    text = io.StringIO()
    for plane in density.values:
        for row in plane:
            _write_numbers(text, row, PER_LINE_CUBE)
    write_text(path, "\n".join(lines) + "\n" + text.getvalue())


def _row(count: int, numbers: Iterable[float]) -> str:
    return f"{count:5d}" + "".join(f"{number:15.9f}" for number in numbers)


def _write_numbers(text: io.StringIO, numbers: Floats, per_line: int) -> None:
    """Numbers with eleven digits, the last line as short as it must be."""
    full = len(numbers) // per_line * per_line
    np.savetxt(text, numbers[:full].reshape(-1, per_line), fmt="%.10E")
    if full < len(numbers):
        np.savetxt(text, numbers[None, full:], fmt="%.10E")


def _comment(density: IonDensity) -> str:
    return f"{density.species} number density per cubic Angstrom, {density.n_frames} frames"
