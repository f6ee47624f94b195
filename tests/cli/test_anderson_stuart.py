"""``lionn anderson-stuart``: crystals, trajectories, wrong input."""

from __future__ import annotations

import json

import pytest

from lionn_rs import datasets
from lionn_rs.md import Protocol, run_md
from tests.conftest import random_potential


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A tenth of a picosecond of the bundled cell with random weights: Li barely moves."""
    folder = tmp_path_factory.mktemp("run") / "md"
    protocol = Protocol(
        temperature_K=100, heating_ps=0.0, equilibration_ps=0.0, production_ps=0.1, seed=1,
        stride=2,
    )  # fmt: skip
    run_md(
        random_potential(cutoff=4.0), datasets.structure("lgps"), protocol,
        output=folder, progress=False,
    )  # fmt: skip
    return folder


def test_trajectory_gives_its_jump_distance(run, lionn, tmp_path):
    outcome = lionn(
        "anderson-stuart", run, "--dielectric-constant", 5.2, "--dielectric-sd", 0.1,
        "--mode", "ionic", "--mode", "paper", "--anion", "S", "--output", tmp_path / "out",
    )  # fmt: skip
    assert outcome.code == 0, outcome.err
    record = json.loads((tmp_path / "out" / "anderson_stuart.json").read_text())
    assert [entry["mode"] for entry in record["results"]] == ["ionic", "paper"]
    assert record["composition"] == {"Li": 20, "Ge": 2, "P": 4, "S": 24}
    for entry in record["results"]:
        # Li-Li distances of LGPS: 2.5 to 4 Å.
        assert 2.5 < entry["jump_distance_A"] < 4.0
        assert entry["energy_sd_eV"] > 0.0
        assert f"{entry['energy_eV']:.3f} ± {entry['energy_sd_eV']:.3f} eV" in outcome.out
    refused = lionn(
        "anderson-stuart", run, "--dielectric-constant", 5.2, "--output", tmp_path / "out"
    )
    assert refused.code == 2
    assert "output folder is not empty" in refused.err


def test_crystal_without_the_anion_of_the_paper(lionn):
    outcome = lionn(
        "anderson-stuart", "dataset:lgps", "--dielectric-constant", 5.2, "--jump-distance", 3.3
    )
    assert outcome.code == 0, outcome.err
    assert outcome.out.startswith("Anderson-Stuart (ionic): 0.9")
    assert "no Cl in the cell: modes paper and literal left out" in outcome.out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("dataset:lgps",), "a crystal has no g(r) of moving ions: give --jump-distance"),
        (("dataset:lgps", "--jump-distance", 3, "--mode", "best"), "got 'best'"),
        (("dataset:lgps", "--jump-distance", 3, "--mode", "paper"), "no Cl (there are Li, Ge"),
        (("dataset:lgps", "--jump-distance", -3), "jump distance must be positive, got -3"),
        (("missing.cif", "--jump-distance", 3), "missing.cif: no such file"),
    ],
)
def test_wrong_command_lines(arguments, message, lionn):
    outcome = lionn("anderson-stuart", *arguments, "--dielectric-constant", 5.2)
    assert outcome.code in (1, 2)
    assert message in outcome.err
    assert outcome.err.count("\n") == 1
