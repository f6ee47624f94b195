"""The commands one after the other on a tiny problem: files, messages, resume, refusals."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

TINY = """
[data]
images = "dataset:lgps_gpaw_pbe"
index = "::6"

[descriptor]
cutoff = 4.0

[training]
max_iterations = 20

[md]
structure = "dataset:lgps"
temperatures_K = [300, 400, 500]
heating_ps = 0.05
equilibration_ps = 0.05
production_ps = 0.6
"""


@pytest.fixture(scope="module")
def potential(tmp_path_factory) -> Path:
    """A potential trained by the command line, for the other tests of this file."""
    from lionn_rs.cli.main import main

    folder = tmp_path_factory.mktemp("train")
    (folder / "tiny.toml").write_text(TINY.split("[md]")[0], encoding="utf-8")
    with pytest.raises(SystemExit) as stopped:
        main(["train", str(folder / "tiny.toml"), "--output", str(folder / "out"), "--quiet"])
    assert not stopped.value.code
    return folder / "out" / "best.json"


def test_training_writes_its_files(potential):
    names = {path.name for path in potential.parent.iterdir()}
    assert {"best.json", "last.json", "history.csv", "split.json", "metrics.json"} <= names
    assert {"config.resolved.toml", "checkpoint.npz", "parity.png", "learning_curves.svg"} <= names
    assert "max_iterations = 20" in (potential.parent / "config.resolved.toml").read_text()


def test_check_passes_and_evaluate_prints_errors(potential, lionn):
    outcome = lionn("check", potential, "dataset:lgps", "--atoms", 2)
    assert outcome.code == 0, outcome.err
    assert "passed" in outcome.out
    outcome = lionn("evaluate", potential, "dataset:lgps_gpaw_pbe", "--index", "::40")
    assert outcome.code == 0, outcome.err
    assert "meV/atom" in outcome.out


def test_check_fails_with_code_1_when_the_tolerance_is_not_met(potential, lionn):
    outcome = lionn("check", potential, "dataset:lgps", "--atoms", 1, "--tolerance", 1e-16)
    assert outcome.code == 1
    assert "FAILED" in outcome.out


def test_info_of_a_potential(potential, lionn):
    outcome = lionn("info", potential)
    assert outcome.code == 0
    assert "Ge, Li, P, S" in outcome.out
    assert "PBE" in outcome.out


def test_structure_with_an_unknown_element_is_refused(potential, lionn, tmp_path):
    from ase.build import bulk

    bulk("NaCl", "rocksalt", a=5.64).write(tmp_path / "salt.cif")
    outcome = lionn(
        *("md", potential, tmp_path / "salt.cif", "--temperature", 300),
        *("--output", tmp_path / "md"),
    )
    assert outcome.code == 1
    assert "salt.cif: element Cl, Na is not in the model (model was trained on Ge, Li, P, S)" in (
        outcome.err
    )
    assert not (tmp_path / "md").exists()


def test_dynamics_and_diffusion(potential, lionn, tmp_path):
    config = tmp_path / "md.toml"
    config.write_text("[md]\nheating_ps = 0.05\nequilibration_ps = 0.05\ntemperatures_K = [300]\n")
    folder = tmp_path / "md"
    arguments = ("md", potential, "dataset:lgps", "--config", config, "--time-ps", 0.6)
    outcome = lionn(*arguments, "--output", folder, "--quiet")
    assert outcome.code == 0, outcome.err
    assert "300 K, seed 1: finished, 0.6 ps" in outcome.out
    outcome = lionn(*arguments, "--output", folder, "--quiet")
    assert outcome.code == 2
    assert "output folder is not empty" in outcome.err
    outcome = lionn("diffusion", folder, "--species", "Li")
    assert outcome.code == 0, outcome.err
    assert "not diffusive" in outcome.out
    assert (folder / "diffusion.json").is_file()
    outcome = lionn("diffusion", folder, "--species", "Na")
    assert outcome.code == 2
    assert "carrier 'Na' does not occur" in outcome.err
    outcome = lionn("arrhenius", folder)
    assert outcome.code == 1
    assert "needs diffusive runs at 3 temperatures" in outcome.err


def test_run_is_complete_and_resumes(lionn, tmp_path, monkeypatch):
    config = tmp_path / "tiny.toml"
    config.write_text(TINY, encoding="utf-8")
    folder = tmp_path / "run"
    arguments = ("run", config, "--output", folder, "--quiet")

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("lionn_rs.workflows.run.md_stage", interrupted)
        assert lionn(*arguments).code == 130
    trained = (folder / "training" / "best.json").stat().st_mtime_ns

    outcome = lionn(*arguments, "--resume")
    assert outcome.code == 0, outcome.err
    assert (folder / "training" / "best.json").stat().st_mtime_ns == trained
    summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    assert [run["temperature_K"] for run in summary["md"]] == [300, 400, 500]
    assert summary["arrhenius"]["refused"].startswith("an Arrhenius fit needs")
    assert summary["training"]["metrics"]["test"]["n_images"] > 0
    assert summary["hashes"]["potential"]
    # Everything that the reference lists is there.
    formats = (Path(__file__).parents[2] / "docs" / "reference" / "formats.md").read_text()
    listed = formats.split("runs/lgps/\n")[1].split("```")[0].splitlines()
    names = {line.split()[0].split("/")[0] for line in listed}
    assert names == {path.name for path in folder.iterdir()}
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "No conductivity at 300 K" in page
    for name in ("temperature", "conserved", "msd", "paths", "rdf", "parity", "extrapolation"):
        assert (folder / "figures" / f"{name}.png").is_file()
        assert (folder / "figures" / f"{name}.svg").is_file()

    config.write_text(TINY.replace("cutoff = 4.0", "cutoff = 4.5"), encoding="utf-8")
    outcome = lionn(*arguments, "--resume")
    assert outcome.code == 2
    assert "was started with another configuration" in outcome.err
