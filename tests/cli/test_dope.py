"""``lionn dope``: files, table, overwriting, wrong input."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from ase.io import read

from lionn_rs.config_file import load_config, read_toml
from lionn_rs.structures import net_charge
from lionn_rs.structures.rule import DopeConfig

EXAMPLE = Path(__file__).parents[2] / "examples" / "doping_ladder.toml"
OPTIONS = (
    "--host", "li20si3p3s23cl", "--supercell", "1x1x3", "--exchange", "Cl -> S",
    "--exchange", "Si -> P", "--element", "Cl",
)  # fmt: skip


def test_example_of_the_paper(lionn, tmp_path):
    outcome = lionn("dope", EXAMPLE, "--output", tmp_path / "out", "--keep", 2)
    assert outcome.code == 0, outcome.err
    assert "9 / 27" in outcome.out
    assert "written: 5 structures" in outcome.out
    record = json.loads((tmp_path / "out" / "structures.json").read_text())
    with (tmp_path / "out" / "structures.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert [row["label"] for row in rows] == ["Cl3-1", "Cl2-1", "Cl2-2", "Cl1-01", "Cl1-02"]
    assert [row["label"] for row in record["structures"]] == [row["label"] for row in rows]
    assert "10.1038/nenergy.2016.30" in record["sources"]
    for row in record["structures"]:
        atoms = read(tmp_path / "out" / row["file"])
        assert len(atoms) == row["n_atoms"] == 150
        symbols = atoms.get_chemical_symbols()
        assert net_charge(symbols) == 0.0
        assert symbols.count("Cl") == row["n_dopant"] == atoms.info["n_dopant"]
        assert atoms.info["label"] == row["label"]
        assert atoms.info["at_percent"] == pytest.approx(100 * row["n_dopant"] / 150)
        assert "site" in atoms.arrays
    campaign = read_toml(tmp_path / "out" / "campaign.toml")["campaign"]["structures"]
    assert [entry["name"] for entry in campaign] == ["Cl3", "Cl2", "Cl1"]
    assert campaign[1]["files"] == ["Cl2-1.extxyz", "Cl2-2.extxyz"]
    assert campaign[1]["concentration"] == pytest.approx(4 / 3, abs=1e-6)
    # The rule that is written makes the same again.
    again = load_config(tmp_path / "out" / "config.resolved.toml", DopeConfig)
    assert again.arrangements.keep == 2
    outcome = lionn("dope", tmp_path / "out" / "config.resolved.toml", "-o", tmp_path / "again")
    first, second = ((tmp_path / name / "Cl2-1.extxyz").read_bytes() for name in ("out", "again"))
    assert first == second


def test_options_and_cif(lionn, tmp_path):
    arguments = ("dope", *OPTIONS, "--counts", "1", "--keep", 1, "--output", tmp_path / "out")
    outcome = lionn(*arguments, "--format", "cif")
    assert outcome.code == 0, outcome.err
    atoms = read(tmp_path / "out" / "Cl1-01.cif")
    assert sorted(atoms.get_chemical_symbols()).count("Si") == 7
    refused = lionn(*arguments)
    assert refused.code == 2
    assert "output folder is not empty (--force to replace it)" in refused.err
    replaced = lionn(*arguments, "--force")
    assert replaced.code == 0
    assert not (tmp_path / "out" / "Cl1-01.cif").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "give a rule file, or --host"),
        ((*OPTIONS, "--counts", "x"), "--counts must look like 3,2,1, got 'x'"),
        ((*OPTIONS[:-2], "--counts", "1"), "give a rule file, or --element"),
        ((*OPTIONS, "--counts", "4"), "counts: 4 Cl cannot be reached from 3"),
        ((*OPTIONS, "--counts", "1", "--format", "xyz"), "--format must be extxyz or cif"),
        ((*OPTIONS, "--counts", "1", "--select", "best"), "[arrangements] select: must be"),
        (
            (*OPTIONS, "--counts", "1", "--exchange", "S to Cl"),
            "--exchange must look like 'Cl -> S'",
        ),
        (("--host", "lgsp", *OPTIONS[2:], "--counts", "1"), "lgsp: no such file, and no prototype"),
        ((EXAMPLE, "--counts", "1"), "--counts and a rule file exclude each other"),
        (("missing.toml",), "missing.toml: no such file"),
    ],
)
def test_wrong_command_lines(arguments, message, lionn, tmp_path):
    outcome = lionn("dope", *arguments, "--output", tmp_path / "out")
    assert outcome.code in (1, 2)
    assert message in outcome.err
    assert outcome.err.count("\n") == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("[arrangements]", "[arrangement]", "unknown section [arrangement] (did you mean [arr"),
        ("counts", "count", "[ladder] unknown key 'count' (did you mean 'counts'?)"),
        (
            'remove = "Si"',
            'remove = "Si"\nsites = "4d"',
            "[ladder] exchanges[1]: unknown key 'sites' (did you mean 'site'?)",
        ),
        ("[1, 1, 3]", "[1, 1, 0]", "[host] supercell[2]: must be at least 1, got 0"),
        ("supercell", 'prototype = "lgps"\nsupercell', "[host] prototype labels files and bundled"),
        ("keep = 4", 'equivalence = "all"', "[arrangements] equivalence: must be 'structure' or"),
        ('insert = "P"', 'insert = "Si"', "[ladder] exchanges[1]: remove and insert are both 'Si'"),
        ("counts = [3, 2, 1]", "", "[ladder] give either counts or at_percent"),
    ],
)
def test_wrong_rules(old, new, message, lionn, tmp_path):
    text = EXAMPLE.read_text()
    assert old in text
    (tmp_path / "rule.toml").write_text(text.replace(old, new, 1))
    outcome = lionn("dope", tmp_path / "rule.toml", "--output", tmp_path / "out")
    assert outcome.code == 2
    assert message in outcome.err
    assert outcome.err.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_structure_beside_the_rule(lionn, tmp_path):
    """File names are relative to the TOML file."""
    from lionn_rs import datasets

    (tmp_path / "rules").mkdir()
    datasets.structure("lgps").write(tmp_path / "rules" / "cell.cif")
    text = EXAMPLE.read_text().replace('"li20si3p3s23cl"', '"cell.cif"')
    text = text.replace('remove = "Cl"', 'remove = "S"').replace('insert = "S"', 'insert = "Cl"')
    text = text.replace('"Si"', '"P!"').replace('"P"', '"Si"').replace("P!", "P")
    text = text.replace("[3, 2, 1]", "[1]").replace("[1, 1, 3]", "[1, 1, 1]")
    (tmp_path / "rules" / "rule.toml").write_text(text)
    outcome = lionn("dope", tmp_path / "rules" / "rule.toml", "--output", tmp_path / "out")
    assert outcome.code == 0, outcome.err
    assert "ClGe2Li20P3S23Si" in outcome.out


def test_page_names_every_key():
    from lionn_rs.structures.rule import (
        ArrangementSection,
        ExchangeRule,
        HostSection,
        LadderSection,
    )

    text = (EXAMPLE.parents[1] / "docs" / "how-to" / "doping.md").read_text(encoding="utf-8")
    for section in (HostSection, LadderSection, ExchangeRule, ArrangementSection):
        assert [key for key in section.model_fields if f"`{key}`" not in text] == ["exchanges"] * (
            section is LadderSection
        )
