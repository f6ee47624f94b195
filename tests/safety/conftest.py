"""A fast system with a potential file, and a program to run it with."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from itertools import combinations_with_replacement
from pathlib import Path

import pytest

import lionn_rs as lionn
from tests.conftest import random_crystal, random_potential
from tests.safety.program import Program

CONFIG = """
[md]
temperatures_K = [300]
timestep_fs = 0.5
heating_ps = 0.25
equilibration_ps = 0.25
production_ps = {production_ps}
stride = 5
stride_thermo = 3
velocities = true
precision = "float64"
skin = 0.3
max_temperature_factor = 1000.0
checkpoint_interval_s = {interval_s}
"""


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    if not hasattr(os, "fork"):
        pytest.skip("needs fork and POSIX signals")
    program = Program(tmp_path_factory.mktemp("printed"))
    yield program
    program.close()


MANY = ["--temperature", 300, "--temperature", 400, "--seed", 1, "--seed", 2, "--workers", 2]
"""Four runs, two at a time."""


@pytest.fixture(scope="session")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with model.json, crystal.extxyz, and two protocols with all stages.

    ``md.toml`` takes seconds and writes a checkpoint with every call into the core; ``short.toml``
    takes a moment and writes one with every stage.
    """
    folder = tmp_path_factory.mktemp("inputs")
    potential = random_potential(1, cutoff=3.0)
    pairs = [(a, b, 1.0, 1.8) for a, b in combinations_with_replacement(potential.elements, 2)]
    lionn.Potential(potential.core.with_repulsion(pairs)).save(folder / "model.json")
    random_crystal(1, 8).write(folder / "crystal.extxyz")
    (folder / "md.toml").write_text(CONFIG.format(production_ps=4, interval_s=0.02))
    (folder / "short.toml").write_text(CONFIG.format(production_ps=0.25, interval_s=60))
    return folder


def command(inputs: Path, output: Path, *options: object, config: str = "md.toml") -> list[object]:
    """Arguments of ``lionn md``: start, or go on."""
    files = [inputs / "model.json", inputs / "crystal.extxyz", "--config", inputs / config]
    return ["md", *files, "--output", output, "--quiet", "--resume", *options]


@pytest.fixture(scope="session")
def whole(program: Program, inputs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs that nothing stopped: ``one``, and ``many`` of them; how long each took."""
    folder = tmp_path_factory.mktemp("whole")
    for name, options in (("one", []), ("many", MANY)):
        started = time.monotonic()
        code = program.run(*command(inputs, folder / name, *options))
        assert code == 0, program.err.read_text()
        (folder / f"{name}.seconds").write_text(str(time.monotonic() - started))
    return folder
