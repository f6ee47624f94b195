"""The scripts of examples/paper, in small: they run, and write what they promise."""

from __future__ import annotations

import csv
import importlib
import re
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import lionn_rs as lionn
from tests.campaign_example import config, save_potential
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

    def call(script: ModuleType, *arguments: str, read: str = "out") -> list[dict[str, str]]:
        name = Path(script.__file__ or "").stem
        monkeypatch.setattr(sys, "argv", [f"{name}.py", "--output", "out", *arguments])
        script.main()
        for suffix in ("md", "csv"):
            assert (tmp_path / read / f"{name}.{suffix}").exists()
        with (tmp_path / read / f"{name}.csv").open(encoding="utf-8", newline="") as file:
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


def test_figure_4_goes_on(run, tmp_path, monkeypatch):
    """The same command with more iterations gives what they would have given at once."""
    script = load("figure_4")
    images = script.load_images("dataset:lgps_gpaw_pbe")[::4]
    monkeypatch.setattr(script, "load_images", lambda _: images)
    monkeypatch.setattr(script, "EARLY", 3)
    monkeypatch.setattr(script, "VALIDATION_INTERVAL", 3)
    first, last = run(script, "--iterations", "6")
    assert int(first["iteration"]) == 3 < int(last["iteration"])
    assert float(last["training / eV/Å"]) < float(first["training / eV/Å"])
    assert (tmp_path / "out" / "figure_4.svg").exists()
    longer = run(script, "--iterations", "9", "--force")
    assert longer[0] == first
    at_once = run(script, "--iterations", "9", "--output", "other", read="other")
    assert at_once == longer


def test_figure_4_tells_that_the_early_iteration_is_past(run, monkeypatch):
    script = load("figure_4")
    images = script.load_images("dataset:lgps_gpaw_pbe")[::8]
    monkeypatch.setattr(script, "load_images", lambda _: images)
    run(script, "--iterations", "4")
    with pytest.raises(SystemExit, match="is beyond iteration 3 and holds no potential of it"):
        run(script, "--iterations", "6", "--force")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("figure_s1", "--images", "nothere.extxyz"), "error: nothere.extxyz: no such file"),
        (("table_1", "--images", "nothere.npz"), "error: --images: there is no file nothere.npz"),
        (("figure_3", "--images", "dataset:x", "--workers", "1"), "error: no bundled data set 'x'"),
        (("figure_4", "--iterations", "1"), "error: --iterations must be at least 2, got 1"),
        (("figure_5b", "--potential", "x.json"), "error: x.json: no such potential file"),
        (("figure_5c", "--study", "x"), "error: --study: x holds no study (campaign.json); make"),
        (("table_2", "--study", "x", "--full"), "error: --study reads a study; --full and"),
        (("figure_s2", "--potential", "x.json"), "error: x.json: no such potential file"),
    ],
)
def test_wrong_input_is_one_line(run, arguments, message):
    name, *rest = arguments
    with pytest.raises(SystemExit, match=re.escape(message)):
        run(load(name), *rest)


@pytest.mark.parametrize("name", sorted(ITEMS - {"figure_5a"}))
def test_nothing_is_replaced_without_force(run, name, tmp_path):
    (tmp_path / "out").mkdir()
    table = tmp_path / "out" / f"{name}.md"
    table.write_text("precious")
    with pytest.raises(SystemExit, match=r"out/.*\.md exists \(--force to replace it\)"):
        run(load(name))
    assert table.read_text() == "precious"


def test_a_real_study(run, tmp_path, monkeypatch):
    """Four runs of a few steps: g(r) is drawn, and too little for lines is said."""
    potential = save_potential(tmp_path / "lgps.json")
    lionn.campaign(config(potential), tmp_path / "study", workers=1, threads=1, progress=False)
    rows = run(load("figure_s2"), "--study", "study")
    assert [row["material"] for row in rows] == ["1 % Cl"]
    assert 2.5 < float(rows[0]["first peak / Å"]) < 4.2
    assert float(rows[0]["standard error / Å"]) < 0.5
    assert (tmp_path / "out" / "figure_s2.png").exists()
    with pytest.raises(SystemExit, match="no finished run is diffusive; run longer or hotter"):
        run(load("figure_5c"), "--study", "study")
    with pytest.raises(SystemExit, match="no comparison: one composition only"):
        run(load("table_2"), "--study", "study")


def test_first_peak_is_that_of_the_mean(monkeypatch):
    """Peaks at known distances, the second one higher: the first is found, with its jackknife."""
    monkeypatch.syspath_prepend(PAPER)
    script = load("figure_s2")
    r = np.arange(0.02, 8.0, 0.04)

    def runs(shift):
        first = np.exp(-((r - 3.3 - shift) ** 2) / (2 * 0.3**2))
        return [first + 1.5 * np.exp(-((r - 5.0) ** 2) / (2 * 0.3**2))] * script.N_BLOCKS

    shifts = np.array([-0.03, 0.0, 0.03])
    peak, error = script.peak_with_error(r, np.array([runs(shift) for shift in shifts]))
    assert peak == pytest.approx(3.3, abs=2e-3)
    # Peaks of equal width: the peak of the mean moves as the mean of the peaks, to first order.
    assert error == pytest.approx(shifts.std(ddof=1) / np.sqrt(3), rel=0.05)


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
