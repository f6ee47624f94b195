"""Learning history: one row per iteration, kept in columns and written as CSV."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from lionn_rs.files import write_text

COLUMNS: Final = (
    "start",
    "iteration",
    "loss",
    "energy_rmse_per_atom",
    "force_rmse",
    "stress_rmse",
    "validation_loss",
    "validation_energy_rmse_per_atom",
    "validation_force_rmse",
    "validation_stress_rmse",
    "gradient_norm",
    "evaluations",
    "seconds",
)
"""Start counts the restarts, seconds the wall time of training (interruptions not counted); errors are in eV/atom, eV/Å and
eV/Å³; validation columns are empty at iterations that were not validated."""

_INTEGERS: Final = ("start", "iteration", "evaluations")


class History:
    """Rows of the learning history."""

    def __init__(self) -> None:
        self.rows: list[dict[str, float]] = []

    def append(self, row: Mapping[str, float]) -> None:
        """Add a row; columns that are missing become NaN."""
        self.rows.append({name: float(row.get(name, np.nan)) for name in COLUMNS})

    def column(self, name: str) -> NDArray[np.float64]:
        """One column, (n_rows,) float64."""
        return np.array([row[name] for row in self.rows])

    def columns(self) -> dict[str, NDArray[np.float64]]:
        """All columns by name."""
        return {name: self.column(name) for name in COLUMNS}

    def to_array(self) -> NDArray[np.float64]:
        """(n_rows, n_columns) float64."""
        return np.array([[row[name] for name in COLUMNS] for row in self.rows]).reshape(
            -1, len(COLUMNS)
        )

    @classmethod
    def from_array(cls, array: NDArray[Any]) -> History:
        """Inverse of :meth:`to_array`."""
        history = cls()
        for values in array:
            history.append(dict(zip(COLUMNS, values, strict=True)))
        return history

    def write(self, path: Path) -> None:
        """Write as CSV, whole or not at all."""
        lines = [",".join(COLUMNS)]
        lines += [",".join(_text(name, row[name]) for name in COLUMNS) for row in self.rows]
        write_text(path, "\n".join(lines) + "\n")

    @classmethod
    def read(cls, path: Path) -> History:
        """Read a CSV file written by :meth:`write`."""
        history = cls()
        header, *lines = path.read_text(encoding="utf-8").splitlines()
        names = header.split(",")
        for line in lines:
            values = (float(text) if text else np.nan for text in line.split(","))
            history.append(dict(zip(names, values, strict=True)))
        return history


def _text(name: str, value: float) -> str:
    if not np.isfinite(value):
        return ""
    return str(int(value)) if name in _INTEGERS else f"{value:.10g}"
