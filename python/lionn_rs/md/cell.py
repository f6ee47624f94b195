"""Mean cell of a run at constant pressure, for runs with a fixed cell."""

from __future__ import annotations

import io
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lionn_rs.errors import DataError
from lionn_rs.files import write_bytes
from lionn_rs.md.averages import FEWEST_BLOCKS, mean_and_error

if TYPE_CHECKING:
    from ase import Atoms

    from lionn_rs.md.trajectory import Trajectory

__all__ = ["MEAN_CELL_FILE", "MeanCell", "mean_cell", "write_mean_cell"]

MEAN_CELL_FILE = "mean_cell.extxyz"


@dataclass(frozen=True)
class MeanCell:
    """Averages over the production of a run at constant pressure, with standard errors.

    Attributes
    ----------
    lengths, length_errors : (3,) tuple of float
        Lengths of the lattice vectors, Å. Angles are those of the start.
    volume, volume_error : float
        Å³.
    pressure_GPa, pressure_error_GPa : float
        Mean of the instantaneous pressure, GPa: the target within its error once the cell is at
        equilibrium.
    n_rows : int
        Rows of the thermo table averaged over.
    """

    lengths: tuple[float, float, float]
    length_errors: tuple[float, float, float]
    volume: float
    volume_error: float
    pressure_GPa: float
    pressure_error_GPa: float
    n_rows: int

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain numbers."""
        return asdict(self)

    def apply(self, atoms: Atoms) -> Atoms:
        """Return the structure stretched to this cell, fractional coordinates and angles kept."""
        stretched: Atoms = atoms.copy()
        factors = np.array(self.lengths) / atoms.cell.lengths()
        stretched.set_cell(factors[:, None] * atoms.cell[:], scale_atoms=True)
        return stretched


def mean_cell(trajectory: Trajectory) -> MeanCell:
    """Average the cell over the production of a run at constant pressure.

    Parameters
    ----------
    trajectory : Trajectory
        Of a run with a barostat.

    Returns
    -------
    MeanCell
        Errors from the means of blocks (:func:`lionn_rs.md.averages.mean_and_error`).

    Raises
    ------
    DataError
        The cell of the run is fixed, or the production has too few rows.

    Examples
    --------
    >>> from ase.build import bulk
    >>> from lionn_rs._core import LennardJones
    >>> from lionn_rs.md import Protocol, run_md
    >>> argon = bulk("Ar", "fcc", a=5.3, cubic=True).repeat(2)
    >>> lj = LennardJones(epsilon=0.0104, sigma=3.4, onset=5.5, cutoff=7.0)
    >>> protocol = Protocol(temperature_K=40, barostat="isotropic", heating_ps=1, production_ps=4)
    >>> cell = mean_cell(run_md(lj, argon, protocol, progress=False).trajectory)
    >>> bool(10.4 < cell.lengths[0] < 10.8)
    True
    """
    if not trajectory.changes_cell:
        raise DataError("the run had a fixed cell: there is no mean to take (barostat = 'none')")
    thermo = trajectory.thermo
    # The first row is the last state of the equilibration.
    rows = np.flatnonzero(thermo["stage"] == "production")[1:]
    if len(rows) < FEWEST_BLOCKS:
        raise DataError(
            f"the production has {len(rows)} rows in the thermo table, a mean cell needs at least "
            f"{FEWEST_BLOCKS}: run longer or lower stride_thermo"
        )
    values = {name: mean_and_error(thermo[name][rows]) for name in ("a", "b", "c")}
    volume, volume_error = mean_and_error(thermo["volume"][rows])
    pressure_GPa, pressure_error_GPa = mean_and_error(thermo["pressure_GPa"][rows])
    (a, a_error), (b, b_error), (c, c_error) = values.values()
    return MeanCell(
        lengths=(a, b, c),
        length_errors=(a_error, b_error, c_error),
        volume=volume,
        volume_error=volume_error,
        pressure_GPa=pressure_GPa,
        pressure_error_GPa=pressure_error_GPa,
        n_rows=len(rows),
    )


def write_mean_cell(trajectory: Trajectory) -> Path | None:
    """Write the start structure in the mean cell beside the trajectory, as extended XYZ.

    The comment line has temperature, mean pressure and the errors.

    Returns
    -------
    Path or None
        The file; none for a trajectory in memory or with too few rows for a mean.
    """
    from ase.io import write

    if trajectory.path is None:
        return None
    try:
        cell = mean_cell(trajectory)
    except DataError:
        return None
    atoms = cell.apply(trajectory.atoms(0))
    atoms.info |= {
        "temperature_K": trajectory.temperature_K,
        "pressure_GPa": cell.pressure_GPa,
        "pressure_error_GPa": cell.pressure_error_GPa,
        "cell_length_errors": np.array(cell.length_errors),
    }
    text = io.StringIO()
    write(text, atoms, format="extxyz")
    path = trajectory.path.with_name(MEAN_CELL_FILE)
    write_bytes(path, text.getvalue().encode("utf-8"))
    return path
