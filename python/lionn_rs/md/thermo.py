"""The thermo table: energies, temperature and conserved quantity along a run, as CSV."""

from __future__ import annotations

import csv
import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lionn_rs.errors import DataError
from lionn_rs.files import naming, write_text
from lionn_rs.md.protocol import Protocol
from lionn_rs.md.uncertainty import GRADE_COLUMNS, SPREAD_COLUMNS

__all__ = [
    "COLUMNS",
    "PRESSURE_COLUMNS",
    "THERMO_FILE",
    "ThermoWriter",
    "pressure_columns",
    "read_thermo",
    "thermo_columns",
]

THERMO_FILE = "thermo.csv"

COLUMNS = (
    "step",
    "time_fs",
    "stage",
    "potential_energy",
    "kinetic_energy",
    "temperature_K",
    "target_K",
    "conserved",
    "n_extrapolating",
    "worst_excess",
)
"""Energies in eV; ``n_extrapolating`` counts atoms outside the training range at that step,
``worst_excess`` is the largest excess in units of the width of the range."""

ASSESSED = (*SPREAD_COLUMNS, *GRADE_COLUMNS)
"""Columns of potentials that can say how far they are to be trusted; NaN at steps between two
assessments."""

PRESSURE_COLUMNS = ("volume", "pressure_GPa", "a", "b", "c")
"""Columns of runs at constant pressure, and of others that ask for them: volume in Å³,
instantaneous pressure ``(2K + tr virial)/(3V)``, lengths of the lattice vectors in Å."""

Columns = dict[str, NDArray[Any]]

_INTEGERS = ("step", "n_extrapolating")


def pressure_columns(protocol: Protocol) -> tuple[str, ...]:
    """Columns on pressure and cell that the table of a run has."""
    return PRESSURE_COLUMNS if protocol.record_pressure or protocol.changes_cell else ()


def thermo_columns(records: dict[str, NDArray[Any]], protocol: Protocol) -> Columns:
    """Columns of the table from what the core recorded; the protocol knows time and stage."""
    step = records["step"].astype(np.int64)
    assessed = (name for name in ASSESSED if name in records)
    names = (*COLUMNS, *assessed, *pressure_columns(protocol))
    columns: Columns = {name: records[name] for name in names if name in records}
    columns["step"] = step
    columns["n_extrapolating"] = records["n_extrapolating"].astype(np.int64)
    columns["time_fs"] = step * protocol.timestep_fs
    columns["stage"] = protocol.labels(step)
    return {name: columns[name] for name in names}


class ThermoWriter:
    """Appends rows to a CSV file.

    Parameters
    ----------
    path : Path
        The file; replaced unless ``last_step`` is given.
    columns : tuple of str
        Columns beside :data:`COLUMNS`.
    last_step : int, optional
        Continue the file: rows after this step are dropped.
    stride : int
        Steps between rows.

    Raises
    ------
    DataError
        The file to be continued is missing, damaged or ends before ``last_step``.
    """

    def __init__(
        self,
        path: Path,
        columns: tuple[str, ...] = (),
        *,
        last_step: int | None = None,
        stride: int = 1,
    ) -> None:
        self.path = path
        self.columns = (*COLUMNS, *columns)
        lines = [",".join(self.columns)]
        if last_step is not None:
            lines += _rows_until(path, lines[0], last_step, stride)
        write_text(path, "\n".join(lines) + "\n")

    def append(self, columns: Columns) -> None:
        """Append rows and flush them to disk; floats keep all their digits."""
        texts = [
            columns[name].tolist() if name == "stage" else map(repr, columns[name].tolist())
            for name in self.columns
        ]
        with naming(self.path), self.path.open("a", encoding="utf-8") as stream:
            stream.writelines(",".join(row) + "\n" for row in zip(*texts, strict=True))
            stream.flush()
            os.fsync(stream.fileno())


def _rows_until(path: Path, header: str, last_step: int, stride: int) -> list[str]:
    """Complete rows up to a step; the last one may be less than ``stride`` steps before it."""
    rows: list[str] = []
    step = -1
    try:
        found, *lines = path.read_text("utf-8").splitlines(keepends=True)
        if found.rstrip("\n") != header:
            raise ValueError(f"its columns are {found.strip()}, expected {header}")
        for line in lines:
            # A line without its end was being written when the process died.
            if not line.endswith("\n") or (number := int(line.split(",", 1)[0])) > last_step:
                break
            rows.append(line.rstrip("\n"))
            step = number
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot continue this table: {error}") from error
    if step + stride <= last_step:
        raise DataError(
            f"{path}: cannot continue this table, it ends at step {max(step, 0)}, "
            f"the checkpoint is of step {last_step}"
        )
    return rows


def read_thermo(path: str | Path) -> Columns:
    """Columns of a thermo table.

    Returns
    -------
    dict of (n_rows,) arrays
        Keys :data:`COLUMNS`, and :data:`ASSESSED` and :data:`PRESSURE_COLUMNS` as far as the table
        has them; ``step`` and
        ``n_extrapolating`` int64, ``stage`` str, others float64.

    Raises
    ------
    DataError
        The file is missing or not a thermo table.
    """
    try:
        with Path(path).open(encoding="utf-8", newline="") as stream:
            reader = csv.DictReader(stream)
            rows = list(reader)
        present = reader.fieldnames or ()
        optional = (name for name in (*ASSESSED, *PRESSURE_COLUMNS) if name in present)
        names = (*COLUMNS, *optional)
        return {name: _column(name, [row[name] for row in rows]) for name in names}
    except (OSError, KeyError, ValueError, TypeError) as error:
        raise DataError(f"{path}: not a thermo table of lionn_rs: {error}") from error


def _column(name: str, values: list[str]) -> NDArray[Any]:
    if name == "stage":
        return np.array(values, dtype=str)
    return np.array(values, dtype=np.int64 if name in _INTEGERS else np.float64)
