"""PEP 517 build: the KIM object is built and put into the package, then maturin makes the wheel.

A wheel made by maturin holds one compiled library, the Python extension. The object that LAMMPS
loads is another one, because the two leave the symbols of different programs undefined; it travels
as a data file of the package.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import maturin
from maturin import (
    build_sdist,
    get_requires_for_build_editable,
    get_requires_for_build_sdist,
    get_requires_for_build_wheel,
    prepare_metadata_for_build_editable,
    prepare_metadata_for_build_wheel,
)

__all__ = [
    "build_editable",
    "build_sdist",
    "build_wheel",
    "get_requires_for_build_editable",
    "get_requires_for_build_sdist",
    "get_requires_for_build_wheel",
    "prepare_metadata_for_build_editable",
    "prepare_metadata_for_build_wheel",
]

ROOT = Path(__file__).resolve().parents[1]
CRATE = "lionn-kim"
OBJECT = ROOT / "python" / "lionn_rs" / "lammps" / "libkim-api-portable-model.so"
"""The name that libkim-api looks for, on every platform."""


def build_wheel(*arguments: Any, **options: Any) -> str:
    """Build the wheel with the KIM object in it."""
    build_object()
    return maturin.build_wheel(*arguments, **options)


def build_editable(*arguments: Any, **options: Any) -> str:
    """Build the editable wheel; the KIM object lies in the source tree."""
    build_object()
    return maturin.build_editable(*arguments, **options)


def build_object() -> None:
    """Compile the KIM object and copy it into the package."""
    OBJECT.unlink(missing_ok=True)
    if sys.platform == "win32":  # libkim-api does not exist there
        return
    command = [os.environ.get("CARGO", "cargo"), "build", "--release", "-p", CRATE]
    command += ["--message-format", "json-render-diagnostics"]
    run = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    messages = [json.loads(line) for line in run.stdout.splitlines() if line.startswith("{")]
    built = [
        message["filenames"][0]
        for message in messages
        if message["reason"] == "compiler-artifact"
        and message["target"]["name"] == CRATE.replace("-", "_")
    ]
    temporary = OBJECT.with_suffix(".tmp")
    shutil.copyfile(built[-1], temporary)
    temporary.replace(OBJECT)
