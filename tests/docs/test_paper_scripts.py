"""The scripts of examples/paper, in small: they run, and write what they promise."""

from __future__ import annotations

import csv
import importlib
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

from tests.unit.plots.test_campaign_plots import made_up

PAPER = Path(__file__).parents[2] / "examples" / "paper"
SCRIPTS = sorted(path.stem for path in PAPER.glob("*.py"))
ITEMS = {"table_1", "table_2", "table_3", "figure_3", "figure_4"}
ITEMS |= {f"figure_{name}" for name in ("5a", "5b", "5c", "s1", "s2")}


@pytest.fixture
def run(monkeypatch, tmp_path):
    """Run a script in this process, in an empty folder, and return its table."""
    monkeypatch.syspath_prepend(PAPER)
    monkeypatch.chdir(tmp_path)

    def call(script: ModuleType, *arguments: str) -> list[dict[str, str]]:
        name = Path(script.__file__ or "").stem
        monkeypatch.setattr(sys, "argv", [f"{name}.py", "--output", "out", *arguments])
        script.main()
        for suffix in ("md", "csv"):
            assert (tmp_path / "out" / f"{name}.{suffix}").exists()
        with (tmp_path / "out" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    return call


def load(name: str) -> ModuleType:
    return importlib.import_module(name)


def test_every_item_has_its_script():
    assert set(SCRIPTS) >= ITEMS
    index = (PAPER.parent / "README.md").read_text(encoding="utf-8")
    assert [name for name in SCRIPTS if f"`{name}.py`" not in index] == []


@pytest.mark.parametrize("name", SCRIPTS)
def test_scripts_can_be_imported(name, monkeypatch):
    monkeypatch.syspath_prepend(PAPER)
    assert load(name).__doc__


def test_figure_s1(run, tmp_path, monkeypatch):
    script = load("figure_s1")
    images = script.load_images("dataset:lgps_gpaw_pbe")[:3]
    monkeypatch.setattr(script, "load_images", lambda _: images)
    rows = run(script)
    assert [row["features"] for row in rows] == ["12"] * 4 + ["56"] * 4
    assert (tmp_path / "out" / "figure_s1_gaussian-56.png").exists()


def test_figure_4(run, tmp_path, monkeypatch):
    script = load("figure_4")
    images = script.load_images("dataset:lgps_gpaw_pbe")[::4]
    monkeypatch.setattr(script, "load_images", lambda _: images)
    first, last = run(script, "--iterations", "6")
    assert int(first["iteration"]) == 3 < int(last["iteration"])
    assert float(last["training / eV/Å"]) < float(first["training / eV/Å"])
    assert (tmp_path / "out" / "figure_4.svg").exists()


def test_table_2_and_figure_5c_stand_beside_the_paper(run, tmp_path, monkeypatch):
    """Made-up runs under the names of the study: B, of the lowest energy, is Cl2."""
    names = {"A": "Cl1", "B": "Cl2", "C": "Cl3"}
    made = made_up(scatter=0.02)
    runs = [
        replace(
            entry,
            progress=replace(
                entry.progress, task=replace(entry.task, structure=names[entry.task.structure])
            ),
        )
        for entry in made.runs
    ]
    groups = [
        replace(
            group,
            structure=names[group.structure],
            runs=[entry for entry in runs if entry.task.structure == names[group.structure]],
        )
        for group in made.groups
    ]
    result = replace(made, runs=runs, groups=groups)
    for name in ("table_2", "figure_5c"):
        monkeypatch.setattr(load(name), "study", lambda _: result)
    rows = run(load("table_2"))
    assert [row["source"] for row in rows][1::2] == ["paper"] * 3
    ours = {row["material"]: row for row in rows[::2]}
    assert float(ours["1.33 % Cl"]["E_a / eV"]) == pytest.approx(0.24, abs=0.01)
    assert float(ours["1.33 % Cl"]["chance to be the best"].removesuffix(" %")) > 95.0
    text = (tmp_path / "out" / "table_2.md").read_text(encoding="utf-8")
    assert "That it is the best is significant" in text
    assert len(run(load("figure_5c"))) == 12
    # The published line of 1.3 % at 600 K: 2.55e-7 exp(0.24 eV (1/300 - 1/600)/k).
    assert load("figure_5c").published("Cl2", 600.0) == pytest.approx(2.65e-5, rel=0.01)
