"""Committees through the command line: train, info, evaluate, check, md; wrong requests."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import lionn_rs
from tests.conftest import random_potential


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Path:
    """A committee trained by the command line, for the other tests of this file."""
    from lionn_rs.cli.main import main

    folder = tmp_path_factory.mktemp("train")
    config = folder / "tiny.toml"
    config.write_text(
        '[data]\nimages = "dataset:lgps_gpaw_pbe"\nindex = "::10"\nvalidation = 0.3\n'
        "[descriptor]\ncutoff = 3.5\n[training]\nmax_iterations = 5\n",
        encoding="utf-8",
    )
    out = folder / "out"
    with pytest.raises(SystemExit) as stopped:
        main(["train", str(config), "--committee", "2", "--output", str(out), "--quiet"])
    assert not stopped.value.code
    return out


def test_training_writes_its_files(trained, lionn):
    names = {path.name for path in trained.iterdir()}
    assert {"committee.json", "member-1", "member-2", "metrics.json", "split.json"} <= names
    assert {"calibration.png", "calibration.svg", "parity.png", "config.resolved.toml"} <= names
    assert "n_members = 2" in (trained / "config.resolved.toml").read_text()
    record = json.loads((trained / "metrics.json").read_text())
    assert record["n_members"] == 2
    assert len(record["best_iteration"]) == 2
    outcome = lionn("train", "dataset:lgps_gpaw_pbe", "--output", trained)
    assert outcome.code == 2
    assert "output folder is not empty" in outcome.err


def test_members_share_the_contraction_that_one_potential_learns(lionn, tmp_path):
    """Else a committee of power spectra could be trained in Python only."""
    config, out = tmp_path / "spectrum.toml", tmp_path / "out"
    config.write_text(
        '[data]\nimages = "dataset:lgps_gpaw_pbe"\nindex = "::20"\nvalidation = 0.3\n'
        '[descriptor]\ntype = "powerspectrum"\ncutoff = 3.5\nn_radial = 3\nl_max = 1\n'
        'n_channels = 2\n[network]\nhidden_layers = [2]\n[training]\noptimizer = "adam"\n'
        "learn_contraction = true\nmax_iterations = 3\nwall_time_s = 500\n",
        encoding="utf-8",
    )
    arguments = ["train", config, "--committee", 2, "--output", out, "--quiet"]
    outcome = lionn(*arguments)
    assert outcome.code == 0, outcome.err
    first = lionn_rs.load(out / "contraction" / "best.json")
    committee = lionn_rs.Committee.load(out / "committee.json")
    assert committee.members[0].descriptor.spec == first.descriptor.spec
    # Learned: a potential that keeps its first contraction has another.
    kept = config.read_text().replace("learn_contraction = true\n", "")
    config.write_text(kept, encoding="utf-8")
    outcome = lionn("train", config, "--output", tmp_path / "kept", "--quiet")
    assert outcome.code == 0, outcome.err
    other = lionn_rs.load(tmp_path / "kept" / "best.json")
    assert other.descriptor.spec != first.descriptor.spec
    before = committee.hash
    config.write_text(
        kept.replace("[training]\n", "[training]\nlearn_contraction = true\n"), encoding="utf-8"
    )
    outcome = lionn(*arguments, "--resume")
    assert outcome.code == 0, outcome.err
    assert lionn_rs.load(out / "committee.json").hash == before


def test_info_evaluate_and_check_take_a_committee(trained, lionn, tmp_path):
    outcome = lionn("info", trained)
    assert outcome.code == 0, outcome.err
    assert "committee of 2 potentials of Ge, Li, P, S" in outcome.out
    assert "training environments of Li: " in outcome.out
    model = trained / "committee.json"
    arguments = ["evaluate", model, "dataset:lgps_gpaw_pbe", "--index", "5::40"]
    outcome = lionn(*arguments, "--output", tmp_path / "errors")
    assert outcome.code == 0, outcome.err
    assert "[images] force spread, calibrated: RMSE" in outcome.out
    spread = json.loads((tmp_path / "errors" / "metrics.json").read_text())["spread"]
    assert spread["force"]["raw"]["rmse"] == spread["force"]["calibrated"]["rmse"]
    assert (tmp_path / "errors" / "calibration.png").stat().st_size > 10_000
    outcome = lionn("check", model, "dataset:lgps", "--atoms", 2)
    assert outcome.code == 0, outcome.err


def test_dynamics_stops_where_the_committee_disagrees(trained, lionn, tmp_path):
    folder = tmp_path / "md"
    arguments = ["md", trained / "committee.json", "dataset:lgps", "--temperature", 300]
    arguments += ["--time-ps", 0.1, "--output", folder, "--quiet"]
    limit = ["--on-uncertain", "stop", "--max-force-std", 1e-6, "--assess-stride", 4]
    outcome = lionn(*arguments, *limit)
    assert outcome.code == 0, outcome.err
    assert "300 K, seed 1: stopped at step 4: force spread of atom" in outcome.out
    assert json.loads((folder / "md.json").read_text())["status"] == "stopped"
    assert (folder / "uncertain_frames.extxyz").is_file()
    outcome = lionn(*arguments, *limit, "--resume")
    assert "stopped at step 8" in outcome.out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--on-uncertain", "dump"], "on_uncertain = 'dump' needs a limit"),
        (["--on-uncertain", "panic"], "must be 'report', 'stop' or 'dump', got 'panic'"),
        (["--max-force-std", "0.1"], "max_force_std needs a committee, this is one potential"),
        (["--max-grade", "2"], "max_grade needs a potential that knows its training environments"),
        (["--max-grade", "-2"], "max_grade: must be greater than 0, got -2.0"),
        (["--assess-stride", "0"], "assess_stride: must be at least 1, got 0"),
    ],
)
def test_wrong_limits_are_refused_in_one_line(options, message, lionn, tmp_path):
    model = tmp_path / "model.json"
    random_potential(cutoff=3.0).save(model)
    arguments = ["md", model, "dataset:lgps", "--temperature", "300", "--output", tmp_path / "md"]
    outcome = lionn(*arguments, *options)
    assert outcome.code == 2
    assert message in outcome.err
    assert outcome.err.count("\n") == 1
    assert not (tmp_path / "md").exists()


def test_wrong_committees_are_refused(lionn, tmp_path):
    arguments = ["train", "dataset:lgps_gpaw_pbe", "--output", tmp_path / "out"]
    outcome = lionn(*arguments, "--committee", 0)
    assert outcome.code == 2
    assert "n_members: must be at least 1, got 0" in outcome.err
    model = tmp_path / "committee.json"
    lionn_rs.Committee([random_potential(k, cutoff=3.0) for k in (1, 2)]).save(model)
    document = json.loads(model.read_text())
    document["networks"][0]["Li"]["slope"] += 1.0
    model.write_text(json.dumps(document))
    outcome = lionn("info", model)
    assert outcome.code == 1
    assert "contents do not match the stored sha256" in outcome.err


def test_scan_trains_single_potentials(lionn, tmp_path):
    config = tmp_path / "scan.toml"
    config.write_text(
        '[data]\nimages = "dataset:lgps_gpaw_pbe"\n[training]\nn_members = 2\n[scan]\n',
        encoding="utf-8",
    )
    outcome = lionn("scan", config, "--output", tmp_path / "out")
    assert outcome.code == 2
    assert "[training] n_members must be 1 in a scan" in outcome.err
