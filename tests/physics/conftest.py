"""Measured numbers of the physical validation, beside the test that measures them.

With the environment variable ``LIONN_PHYSICS_RECORD=FOLDER`` every number is also written there as
JSON; ``docs/physical_validation.py FOLDER`` makes the table and the figures of the documentation.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

VARIABLE = "LIONN_PHYSICS_RECORD"


def bounds(low: float, high: float) -> str:
    """Pass line as text."""
    if low == -np.inf:
        return f"at most {high:g}"
    return f"at least {low:g}" if high == np.inf else f"{low:g} to {high:g}"


class Measured:
    """Writes what a test has measured, and fails it when a number is not within its pass line."""

    def __init__(self, test: str) -> None:
        self.test = test
        self.entries: list[dict[str, Any]] = []
        self.curves: dict[str, Any] = {}

    def __call__(
        self,
        number: int,
        system: str,
        quantity: str,
        value: float,
        *,
        error: float | None = None,
        low: float = -np.inf,
        high: float = np.inf,
        unit: str = "",
        line: str = "",
    ) -> None:
        """Check one number.

        Parameters
        ----------
        number : int
            Of the test in the list of the documentation.
        system, quantity : str
            What was measured on what.
        value, error : float
            The number and its standard error.
        low, high : float
            The pass line.
        unit : str
            Unit of value and error.
        line : str
            The pass line in words, where the numbers do not say it.
        """
        passed = bool(low <= value <= high)
        entry = {
            "number": number,
            "system": system,
            "quantity": quantity,
            "value": float(value),
            "error": None if error is None else float(error),
            "unit": unit,
            "line": line or bounds(low, high),
            "passed": passed,
            "test": self.test,
        }
        self.entries.append(entry)
        text = f"{value:.6g}" + ("" if error is None else f" ± {error:.2g}")
        print(f"{number:2d} {system}: {quantity} = {text} {unit} ({entry['line']})")
        assert passed, f"{quantity} = {text} {unit}, pass line: {entry['line']}"

    def within(
        self,
        number: int,
        system: str,
        quantity: str,
        value: float,
        error: float,
        expected: float,
        *,
        unit: str = "",
        n_errors: float = 3.0,
    ) -> None:
        """Check that a mean is the expected one within some standard errors."""
        half = n_errors * error
        line = f"{expected:.6g} within {n_errors:g} SE"
        low, high = expected - half, expected + half
        self(number, system, quantity, value, error=error, low=low, high=high, unit=unit, line=line)

    def curve(self, name: str, **columns: Any) -> None:
        """Keep columns for a figure."""
        self.curves[name] = {key: np.asarray(value).tolist() for key, value in columns.items()}

    def write(self, folder: Path) -> None:
        """Write everything as one JSON file."""
        folder.mkdir(parents=True, exist_ok=True)
        name = re.sub(r"[^A-Za-z0-9]+", "-", self.test).strip("-")
        document = {"test": self.test, "entries": self.entries, "curves": self.curves}
        (folder / f"{name}.json").write_text(json.dumps(document, indent=1), encoding="utf-8")


@pytest.fixture
def measured(request: pytest.FixtureRequest) -> Iterator[Measured]:
    measured = Measured(request.node.nodeid)
    yield measured
    if (folder := os.environ.get(VARIABLE)) and measured.entries:
        measured.write(Path(folder))
