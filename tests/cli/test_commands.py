"""The surface of the command line: help, version, usage errors, exit codes."""

from __future__ import annotations

import json

import pytest

import lionn_rs
from tests.conftest import random_potential

COMMANDS = [
    "train",
    "evaluate",
    "check",
    "diagnose",
    "dope",
    "md",
    "diffusion",
    "arrhenius",
    "anderson-stuart",
    "run",
    "bench",
    "info",
    "lammps",
]


def test_version(lionn):
    outcome = lionn("--version")
    assert outcome.code == 0
    assert outcome.out.strip() == f"lionn_rs {lionn_rs.__version__}"


def test_help_lists_every_command(lionn):
    outcome = lionn("--help")
    assert outcome.code == 0
    for command in COMMANDS:
        assert command in outcome.out


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_each_command(command, lionn):
    outcome = lionn(command, "--help")
    assert outcome.code == 0
    assert "Usage" in outcome.out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["trian"], "No such command 'trian'"),
        (["train", "a.toml"], "Missing option '--output'"),
        (["run", "--output", "x"], "give either a TOML file or --demo"),
        (["md", "m.json", "a.cif", "--output", "x"], "give --temperature (K)"),
        (["md", "m.json", "--temperature", "300", "--output", "x"], "give a start structure"),
        (
            ["md", "m.json", "a.cif", "--temperature", "300", "--supercell", "2", "--output", "x"],
            "--supercell must look like 2x2x1, got '2'",
        ),
        (
            ["md", "m.json", "a.cif", "--temperature", "-5", "--output", "x"],
            "options: [md] temperatures_K[0]: must be greater than 0, got -5.0",
        ),
        (["train", "a.xyz", "--hidden-layers", "5;5", "--output", "x"], "must look like 5,5"),
    ],
)
def test_usage_errors_exit_with_2(arguments, message, lionn):
    outcome = lionn(*arguments)
    assert outcome.code == 2
    assert message in outcome.err
    assert outcome.err.count("\n") == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["train", "nowhere.toml", "--output", "x"],
        ["info", "nowhere.json"],
        ["diffusion", "nowhere"],
        ["arrhenius", "nowhere"],
        ["check", "nowhere.json", "dataset:lgps"],
        ["evaluate", "nowhere.json", "dataset:lgps_gpaw_pbe"],
    ],
)
def test_missing_files_are_named(arguments, lionn, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    outcome = lionn(*arguments)
    assert outcome.code in (1, 2)
    assert "nowhere" in outcome.err
    assert outcome.err.count("\n") == 1


def test_debug_adds_the_traceback(lionn):
    outcome = lionn("info", "dataset:nothing", "--debug")
    assert outcome.code == 1
    assert "Traceback" in outcome.err
    names = "lgps, lgps_gpaw_pbe, lsipscl, lsipscl_committee, lsipscl_gpaw_pbe"
    assert outcome.err.endswith(f"(bundled: {names})\n")


def test_interrupt_exits_with_130(lionn, monkeypatch):
    def interrupted() -> list[str]:
        raise KeyboardInterrupt

    monkeypatch.setattr("lionn_rs.workflows.describe.describe_installation", interrupted)
    outcome = lionn("info")
    assert outcome.code == 130
    assert outcome.err == "lionn: interrupted\n"


def test_results_are_not_overwritten(lionn, tmp_path):
    (tmp_path / "best.json").write_text("{}")
    arguments = ["train", "dataset:lgps_gpaw_pbe", "--max-iterations", "1", "--output", tmp_path]
    outcome = lionn(*arguments)
    assert outcome.code == 2
    assert "output folder is not empty" in outcome.err
    assert json.loads((tmp_path / "best.json").read_text()) == {}


def test_force_does_not_remove_a_foreign_folder(lionn, tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    arguments = ["train", "dataset:lgps_gpaw_pbe", "--force", "--output", tmp_path]
    outcome = lionn(*arguments)
    assert outcome.code == 2
    assert "--force refused" in outcome.err
    assert (tmp_path / "thesis.tex").exists()


def test_info_of_a_bundled_set(lionn):
    outcome = lionn("info", "dataset:lgps_gpaw_pbe")
    assert outcome.code == 0
    for text in ("118 images", "PBE", "ramp_300_1000K", "eV/Å"):
        assert text in outcome.out


def test_info_rounds_numbers(lionn, tmp_path):
    potential = random_potential(cutoff=3.0)
    potential.metadata = {"rmse": 0.012345678901, "seed": 123456789, "pair": [1 / 3, "Li"]}
    potential.save(tmp_path / "model.json")
    lines = lionn("info", tmp_path / "model.json").out.splitlines()
    assert {"rmse: 0.0123457", "seed: 123456789", "pair: [0.333333, Li]"} <= set(lines)
