"""Commands on folders of other commands: unfinished, stopped, damaged."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from lionn_rs import datasets
from lionn_rs._core import Harmonic
from lionn_rs.md import MdJob, Protocol, run_many

PROTOCOL = Protocol(
    temperature_K=300, heating_ps=0, equilibration_ps=0, production_ps=0.6, stride=5
)


@pytest.fixture
def runs(tmp_path) -> Path:
    """Three short runs of LGPS with every atom on a spring."""
    atoms = datasets.structure("lgps")
    potential = Harmonic(sites=atoms.positions, stiffness=np.full(len(atoms), 2.0))
    jobs = [
        MdJob(
            potential,
            atoms,
            PROTOCOL.model_copy(update={"temperature_K": float(T)}),
            tmp_path / "md" / f"{T}K",
        )
        for T in (300, 400, 1000)
    ]
    assert [result.status for result in run_many(jobs, progress=False)] == ["finished"] * 3
    return tmp_path / "md"


def mark(folder: Path, **state) -> None:
    path = folder / "md.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | state))


def test_runs_that_did_not_end_are_named(runs, lionn):
    mark(runs / "300K", status="interrupted")
    mark(runs / "400K", status="failed", message="step 7: too hot")
    outcome = lionn("diffusion", runs, "--no-pymatgen")
    assert outcome.code == 0, outcome.err
    assert "warning: the run is not finished, it ends at 0.6 ps" in outcome.out
    assert "warning: the run had to stop: step 7: too hot" in outcome.out
    assert outcome.out.index("Li at 400 K") < outcome.out.index("Li at 1000 K")
    outcome = lionn("arrhenius", runs)
    assert outcome.code == 1
    assert "400K: the run had to stop: step 7: too hot: left out" in outcome.out
    assert "300K: the run is not finished" in outcome.out
    assert "Li at 400 K" not in outcome.out


def test_folder_of_results_is_refused_before_the_work(runs, lionn):
    outcome = lionn("arrhenius", runs, "--output", runs / "300K")
    assert outcome.code == 2
    assert outcome.err.endswith("output folder is not empty (--force to replace it)\n")
    assert outcome.out == ""


def test_info_finds_what_a_folder_holds(runs, lionn):
    outcome = lionn("info", runs / "300K")
    assert "trajectory of 50 atoms" in outcome.out
    outcome = lionn("info", runs)
    assert outcome.code == 1
    assert "holds no trajectory.h5, committee.json or best.json" in outcome.err


@pytest.mark.parametrize("charge", ["0", "nan"])
def test_charge_must_count(charge, runs, lionn):
    outcome = lionn("diffusion", runs, "--charge", charge)
    assert outcome.code == 2
    assert "[diffusion] charge: must" in outcome.err


def test_no_arguments_print_help_only(lionn):
    outcome = lionn()
    assert outcome.code == 2
    assert outcome.err == ""
    assert "Usage" in outcome.out
