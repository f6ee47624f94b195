"""The numbered examples are run, one after the other."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

EXAMPLES = Path(__file__).parents[2] / "examples"
PRINTS = {
    "01_quick_start.py": "energy",
    "02_check_forces.py": "forces:",
    "03_molecular_dynamics.py": "mean temperature",
    "04_conductivity.py": "Li at 600 K",
}


def test_examples_run(tmp_path):
    for name, text in PRINTS.items():
        run = subprocess.run(
            [sys.executable, EXAMPLES / name],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert run.returncode == 0, f"{name}: {run.stderr}"
        assert text in run.stdout, name
