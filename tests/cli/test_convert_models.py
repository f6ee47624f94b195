"""``lionn convert`` of potentials, as a user calls it."""

from __future__ import annotations

import pytest

import lionn_rs as lionn_package
from lionn_rs.interop import read_potential
from tests.conftest import random_potential
from tests.unit.interop.amp_texts import crystal, example


def test_amp_to_lionn_and_back(lionn, tmp_path):
    source = example(tmp_path)
    outcome = lionn("convert", source, tmp_path / "model.json")
    assert outcome.code == 0, outcome.err
    assert "model.json: Potential(Au, Cu; cutoff 4 Å; " in outcome.out
    assert "AMP -> lionn_rs" in outcome.out
    potential = lionn_package.load(tmp_path / "model.json")
    expected = read_potential(source).evaluate(crystal()).energy
    assert potential.evaluate(crystal()).energy == expected
    outcome = lionn("convert", tmp_path / "model.json", tmp_path / "again.amp")
    assert outcome.code == 0, outcome.err
    assert read_potential(tmp_path / "again.amp").hash == potential.hash
    outcome = lionn("info", source)
    assert outcome.code == 0, outcome.err
    assert "potential of Au, Cu, cutoff 4 Å" in outcome.out
    assert "AMP" in outcome.out


def test_committee_goes_into_an_ensemble(lionn, tmp_path):
    committee = lionn_package.Committee([random_potential(seed) for seed in (1, 2)])
    committee.save(tmp_path / "committee.json")
    outcome = lionn("convert", tmp_path / "committee.json", tmp_path / "committee.ensemble")
    assert outcome.code == 0, outcome.err
    assert "Committee(Ge, Li, P, S; cutoff 6.5 Å; 2 members)" in outcome.out
    assert "note: AMP applies its activation to the output too" in outcome.out


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["model.amp", "model.json", "--every", "2"], 2, "--every: for trajectories, the input is"),
        (["none.amp", "model.json"], 1, "none.amp: no such file or folder"),
        (["model.amp", "model.xyz"], 2, "model.xyz: the name tells no model format"),
        (["model.amp", "other.amp"], 1, "other.amp exists; --force"),
        (
            ["bad.amp", "model.json"],
            1,
            "bad.amp: line 1: a call of '__import__': nothing is executed",
        ),
        (
            ["repelling.json", "new.amp"],
            1,
            "--drop-repulsion (drop_repulsion=True) leaves it out",
        ),
        (["model.amp", "model.json", "--format", "runner"], 2, "unknown model format"),
        (["run", "out.extxyz", "--drop-repulsion"], 2, "--drop-repulsion is for potentials"),
    ],
)
def test_wrong_input_is_one_line(lionn, tmp_path, monkeypatch, arguments, code, message):
    monkeypatch.chdir(tmp_path)
    example(tmp_path)
    example(tmp_path, "other.amp")
    (tmp_path / "run").mkdir()
    (tmp_path / "bad.amp").write_text("dict(model=__import__('os').system('touch executed'))")
    core = random_potential().core.with_repulsion([("Li", "S", 0.5, 1.0)])
    lionn_package.Potential(core).save("repelling.json")
    before = sorted(tmp_path.rglob("*"))
    outcome = lionn("convert", *arguments)
    assert message in outcome.err
    assert outcome.err.count("\n") == 1
    assert outcome.code == code
    assert sorted(tmp_path.rglob("*")) == before


def test_repulsion_can_be_left_out(lionn, tmp_path):
    potential = random_potential()
    core = potential.core.with_repulsion([("Li", "S", 0.5, 1.0)])
    lionn_package.Potential(core).save(tmp_path / "repelling.json")
    outcome = lionn(
        "convert", tmp_path / "repelling.json", tmp_path / "model.amp", "--drop-repulsion"
    )
    assert outcome.code == 0, outcome.err
    assert "note: the short-range repulsion was left out" in outcome.out
    assert read_potential(tmp_path / "model.amp").hash == potential.hash


def test_other_commands_name_the_remedy(lionn, tmp_path):
    outcome = lionn("evaluate", example(tmp_path), "dataset:lgps_gpaw_pbe")
    assert outcome.code == 1
    assert "a potential of AMP; 'lionn convert model.amp model.json'" in outcome.err
