"""Ensembles of ``lionn md``: options, files, summary, contradictions."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from ase.io import read

from lionn_rs import datasets
from lionn_rs.md import Trajectory
from tests.conftest import random_potential

SHORT = """
[md]
temperatures_K = [300]
timestep_fs = 1
heating_ps = 0.01
equilibration_ps = 0.01
production_ps = 0.05
stride = 1
stride_thermo = 1
barostat_tau_fs = 300
max_excess = 1e9
"""


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("model") / "model.json"
    random_potential(cutoff=4.0).save(path)
    return path


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "md.toml"
    path.write_text(SHORT, encoding="utf-8")
    return path


def test_npt_gives_the_mean_cell(model, config, lionn, tmp_path):
    folder = tmp_path / "npt"
    arguments = ("md", model, "dataset:lgps", "--config", config, "--output", folder, "--quiet")
    options = ("--ensemble", "npt", "--barostat", "anisotropic", "--pressure-gpa", 2)
    outcome = lionn(*arguments, *options)
    assert outcome.code == 0, outcome.err
    assert ", mean cell a = " in outcome.out
    assert "GPa (start structure in it: mean_cell.extxyz)" in outcome.out
    stage = json.loads((folder / "md.json").read_text())["stages"][-1]
    assert (stage["barostat"]["coupling"], stage["barostat"]["pressure_GPa"]) == (
        "anisotropic",
        2.0,
    )
    start, mean = datasets.structure("lgps"), read(folder / "mean_cell.extxyz")
    factors = mean.cell.lengths() / start.cell.lengths()
    assert np.ptp(factors) > 1e-5
    np.testing.assert_allclose(mean.cell.angles(), start.cell.angles(), atol=1e-6)
    assert 'barostat = "anisotropic"' in (folder / "config.resolved.toml").read_text()
    outcome = lionn("diffusion", folder)
    assert outcome.code == 0, outcome.err
    assert "warning: the cell changes: fractional displacements times the mean cell" in outcome.out
    # The mean cell is a start structure.
    outcome = lionn(
        *("md", model, folder / "mean_cell.extxyz", "--config", config, "--quiet"),
        *("--ensemble", "nvt", "--thermostat", "langevin", "--output", tmp_path / "nvt"),
    )
    assert outcome.code == 0, outcome.err
    assert not Trajectory.open(tmp_path / "nvt").changes_cell


def test_npt_is_isotropic_unless_told_and_nve_has_no_thermostat(model, config, lionn, tmp_path):
    arguments = ("md", model, "dataset:lgps", "--config", config, "--quiet", "--time-ps", 0.01)
    for ensemble in ("npt", "nve"):
        output = ("--ensemble", ensemble, "--output", tmp_path / ensemble)
        assert lionn(*arguments, *output).code == 0
    stage = json.loads((tmp_path / "npt/md.json").read_text())["stages"][-1]
    assert stage["barostat"]["coupling"] == "isotropic"
    stage = json.loads((tmp_path / "nve/md.json").read_text())["stages"][-1]
    assert stage["thermostat"] == {"kind": "nve"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--ensemble", "nph"], "--ensemble must be nve, nvt or npt, got nph"),
        (["--ensemble", "nve", "--thermostat", "langevin"], "--ensemble nve has no thermostat"),
        (["--ensemble", "npt", "--thermostat", "none"], "--ensemble npt needs a thermostat"),
        (["--ensemble", "npt", "--thermostat", "rescale"], "thermostat is 'rescale'"),
        (["--ensemble", "nvt", "--barostat", "isotropic"], "--ensemble nvt has a fixed cell"),
        (["--ensemble", "npt", "--barostat", "none"], "--ensemble npt needs a barostat"),
        (["--barostat", "cubic"], "[md] barostat: must be 'none', 'isotropic' or 'anisotropic'"),
        (["--thermostat", "berendsen"], "[md] thermostat: must be 'nose-hoover-chain', "),
        (["--pressure-gpa", "1"], "pressure_GPa = 1 needs a barostat, but barostat is 'none'"),
    ],
)
def test_contradictions_are_refused_in_one_line(options, message, model, config, lionn, tmp_path):
    arguments = ("md", model, "dataset:lgps", "--config", config, "--output", tmp_path / "x")
    outcome = lionn(*arguments, *options)
    assert outcome.code == 2
    assert message in outcome.err
    assert outcome.err.count("\n") == 1
    assert not (tmp_path / "x").exists()
