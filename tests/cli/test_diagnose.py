"""``lionn diagnose``: files, content, refusals."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from ase.io import read

from lionn_rs import datasets
from lionn_rs.training.history import History
from lionn_rs.workflows.diagnose.run import learning_record
from tests.conftest import random_potential
from tests.unit.workflows.test_report import Balanced

SETTINGS = """
[data]
images = "dataset:lgps_gpaw_pbe"
index = "::2"
test = 0.4

[descriptor]
cutoff = 4.0

[training]
max_iterations = 15
"""


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Path:
    from lionn_rs.cli.main import main

    folder = tmp_path_factory.mktemp("diagnose")
    (folder / "small.toml").write_text(SETTINGS, encoding="utf-8")
    with pytest.raises(SystemExit) as stopped:
        main(["train", str(folder / "small.toml"), "--output", str(folder / "out"), "--quiet"])
    assert not stopped.value.code
    return folder / "out"


@pytest.fixture(scope="module")
def diagnosed(trained) -> Path:
    """What the command writes without any option."""
    from lionn_rs.cli.main import main

    with pytest.raises(SystemExit) as stopped:
        main(["diagnose", str(trained), "--quiet"])
    assert not stopped.value.code
    return trained / "diagnosis"


@pytest.fixture
def drawn(monkeypatch) -> list[str]:
    """Names of the figures, which are not drawn: drawing takes seconds and is tested once."""
    names: list[str] = []
    monkeypatch.setattr(
        "lionn_rs.workflows.diagnose.run.save_figure", lambda _, __, name: names.append(name)
    )
    return names


def table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def test_training_folder_needs_no_other_argument(trained, diagnosed):
    record = json.loads((diagnosed / "diagnosis.json").read_text())
    metrics = json.loads((trained / "metrics.json").read_text())
    for name, entry in metrics["metrics"].items():
        found = record["sets"][name]
        assert found["n_images"] == entry["n_images"]
        assert found["energy"][0]["rmse"] == pytest.approx(entry["energy_rmse_per_atom"])
        assert found["forces"]["all"][0]["rmse"] == pytest.approx(entry["force_rmse"])
    assert record["learning"]["best_iteration"] == metrics["best_iteration"]
    images = table(diagnosed / "residuals.csv")
    split = json.loads((trained / "split.json").read_text())["indices"]
    assert [int(row["index"]) for row in images if row["set"] == "test"] == split["test"]
    features = table(diagnosed / "features.csv")
    assert len(features) == 4 * 56
    assert {row["element"] for row in features} == {"Ge", "Li", "P", "S"}


def test_results_are_replaced_only_with_force(trained, diagnosed, drawn, lionn):
    before = (diagnosed / "diagnosis.json").read_text()
    again = lionn("diagnose", trained, "--quiet")
    assert again.code == 2
    assert "output folder is not empty (--force to replace it)" in again.err
    copy = diagnosed.parent / "again"
    shutil.copytree(diagnosed, copy)
    outcome = lionn("diagnose", trained, "--output", copy, "--quiet", "--force")
    assert outcome.code == 0, outcome.err
    assert f"report: {copy / 'report.html'}" in outcome.out
    assert (copy / "diagnosis.json").read_text() == before
    assert drawn[0] == "learning_curves"


def test_folder_of_a_whole_run(trained, drawn, lionn, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(trained, run / "training", ignore=shutil.ignore_patterns("diagnosis", "again"))
    config = (run / "training" / "config.resolved.toml").rename(run / "config.resolved.toml")
    config.write_text(f"{config.read_text()}\n[md]\ntemperatures_K = [300]\n")
    outcome = lionn("diagnose", run, "--quiet")
    assert outcome.code == 0, outcome.err
    assert (run / "diagnosis" / "report.html").is_file()
    assert len(drawn) == 5


def test_report_is_well_formed_and_shows_every_figure(diagnosed):
    page = (diagnosed / "report.html").read_text()
    parser = Balanced()
    parser.feed(page)
    assert parser.open == []
    names = [path.stem for path in (diagnosed / "figures").glob("*.svg")]
    assert sorted(names) == ["energy_residuals", "fingerprints", "force_residuals",
                             "learning_curves", "sensitivity"]  # fmt: skip
    assert page.count("<figure") == len(names)
    markdown = (diagnosed / "report.md").read_text()
    for name in names:
        assert f"(figures/{name}.png)" in markdown
    assert "Wald and Wolfowitz" in markdown
    assert "Bonferroni" in page


def test_pattern_images_keep_labels_and_info(lionn, drawn, tmp_path):
    """Labels of a random potential, ten of them in a row wrong by 40 meV/atom."""
    from ase.calculators.singlepoint import SinglePointCalculator
    from ase.io import write

    potential = random_potential(7, cutoff=4.0)
    potential.save(tmp_path / "model.json")
    rng = np.random.default_rng(0)
    images = []
    for k, atoms in enumerate(datasets.load("lgps_gpaw_pbe")[:60]):
        result = potential.evaluate(atoms)
        image = atoms.copy()
        image.info["weight"] = 2.0
        energy = result.energy + len(atoms) * (rng.normal(scale=2e-3) - 0.04 * (20 <= k < 30))
        image.calc = SinglePointCalculator(image, energy=energy, forces=result.forces)
        images.append(image)
    write(tmp_path / "images.extxyz", images)
    arguments = ("diagnose", tmp_path / "model.json", tmp_path / "images.extxyz")
    outcome = lionn(*arguments, "--output", tmp_path / "out", "--quiet")
    assert outcome.code == 0, outcome.err
    found = read(tmp_path / "out" / "pattern_images.extxyz", ":")
    by_index = {int(atoms.info["image_index"]): atoms for atoms in found}
    assert {*range(20, 30)} <= by_index.keys()
    k, first = 25, by_index[25]
    assert first.get_potential_energy() == pytest.approx(images[k].get_potential_energy())
    np.testing.assert_allclose(first.get_forces(), images[k].get_forces(), atol=1e-7)
    assert first.info["group"] == images[k].info["group"]
    assert first.info["weight"] == 2.0
    assert first.info["energy_residual_per_atom"] == pytest.approx(0.04, abs=0.01)
    assert "images one after the other" in first.info["pattern"]
    assert f"{len(found)} images in pattern_images.extxyz" in outcome.out
    assert "energy_residuals" in drawn


def test_without_structure_no_images_are_written(lionn, drawn, tmp_path):
    from ase.calculators.singlepoint import SinglePointCalculator
    from ase.io import write

    potential = random_potential(8, cutoff=4.0)
    potential.save(tmp_path / "model.json")
    rng = np.random.default_rng(2)
    images = []
    for atoms in datasets.load("lgps_gpaw_pbe")[:40]:
        image = atoms.copy()
        energy = potential.evaluate(atoms).energy + rng.normal(scale=0.1)
        image.calc = SinglePointCalculator(image, energy=energy)
        images.append(image)
    write(tmp_path / "images.extxyz", images)
    outcome = lionn(
        *("diagnose", tmp_path / "model.json", tmp_path / "images.extxyz"),
        *("--output", tmp_path / "out", "--quiet"),
    )
    assert outcome.code == 0, outcome.err
    assert "No pattern was found in the energy residuals" in outcome.out
    assert not (tmp_path / "out" / "pattern_images.extxyz").exists()
    assert not {"force_residuals", "learning_curves"} & set(drawn)


def test_potential_with_images_and_history(trained, lionn, drawn, tmp_path):
    outcome = lionn(
        *("diagnose", trained / "best.json", "dataset:lgps_gpaw_pbe", "--index", "::6"),
        *("--history", trained, "--output", tmp_path / "out", "--quiet"),
    )
    assert outcome.code == 0, outcome.err
    record = json.loads((tmp_path / "out" / "diagnosis.json").read_text())
    assert list(record["sets"]) == ["images"]
    assert record["learning"]["last_iteration"] == 15
    assert drawn[0] == "learning_curves"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere"], "nowhere: no such file or folder"),
        (["{out}", "dataset:lgps_gpaw_pbe"], "has its own images and history"),
        (["{out}/best.json", "--output", "x"], "give labeled images after the potential file"),
        (["{out}/best.json", "dataset:lgps_gpaw_pbe"], "give --output"),
        (
            ["{out}/best.json", "dataset:lgps_gpaw_pbe", "--output", "x", "--history", "none"],
            "none: no such learning history",
        ),
        (["{out}/..", "--output", "x"], "best.json: no such file"),
    ],
)
def test_wrong_arguments_are_one_line(arguments, message, trained, lionn, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    outcome = lionn("diagnose", *(text.replace("{out}", str(trained)) for text in arguments))
    assert outcome.code == 2
    assert message in outcome.err
    assert outcome.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_other_images_than_those_of_the_training_are_refused(trained, lionn, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(trained, copy, ignore=shutil.ignore_patterns("diagnosis"))
    config = copy / "config.resolved.toml"
    config.write_text(config.read_text().replace('"::2"', '"1::2"'))
    outcome = lionn("diagnose", copy)
    assert outcome.code == 1
    assert "are not those of the training" in outcome.err
    text = config.read_text().replace("dataset:lgps_gpaw_pbe", "gone.extxyz")
    config.write_text(text)
    outcome = lionn("diagnose", copy)
    assert outcome.code == 1
    assert "gone.extxyz: no such file" in outcome.err
    assert not (copy / "diagnosis").exists()


def test_verdict_on_the_learning_curve():
    def record(losses: list[float]) -> dict:
        history = History()
        for k, value in enumerate(losses):
            history.append({"start": 0, "iteration": 10 * k, "loss": 1, "validation_loss": value})
        return learning_record(history)

    falling = record([4, 3, 2, 1])
    assert falling["best_iteration"] == 30
    assert "still falling" in falling["verdict"]
    rising = record([4, 2, 1, 1.5, 2])
    assert (rising["best_iteration"], rising["last_iteration"]) == (20, 40)
    assert rising["rise"] == pytest.approx(1.0)
    assert "100 % higher at the end" in rising["verdict"]
