"""``lionn diffusion`` with charges, directions and further mobile species, from file or options."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from lionn_rs.analysis import synthetic
from tests.unit.analysis.test_sources import CELL, write


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("run")
    ions = synthetic.lattice_hops(
        np.random.default_rng(1), n_ions=12, n_frames=1501, frame_interval_fs=20.0,
        diffusivity_cm2_s=6e-5,
    )  # fmt: skip
    positions, symbols = synthetic.with_framework(np.random.default_rng(2), ions, n_framework=6)
    write(path, positions, symbols, 2.0 * CELL)
    return path


def configured(lionn, folder: Path, tmp_path: Path, text: str):
    config = tmp_path / "transport.toml"
    config.write_text(f"[diffusion]\ncompare_pymatgen = false\n{text}", encoding="utf-8")
    return lionn("diffusion", folder, "--config", config)


def test_charges_and_directions(folder, lionn, tmp_path):
    text = 'charges = {Li = 1, S = -2}\ndirections = ["c", "[110]"]\n'
    outcome = configured(lionn, folder, tmp_path, text)
    assert outcome.code == 0, outcome.err
    for words in (
        "D along c (",
        "[110] (",
        "principal axes: (",
        "collective: sigma = ",
        "of pairs of species: Li-Li ",
        "(the charges add up to zero)",
    ):
        assert words in outcome.out
    record = json.loads((folder / "diffusion.json").read_text())
    assert record["charges"] == {"Li": 1.0, "S": -2.0}
    assert [entry["name"] for entry in record["tensor"]["directions"]] == ["c", "[110]"]
    assert record["unwrapping"]["longest_step_A"] < record["unwrapping"]["limit_A"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("charges = {Li = 1, Cl = -1}", "charges or mobile: Cl does not occur"),
        ("charges = {S = -2}", "charges must hold a charge of the carrier Li"),
        ('mobile = ["Na"]', "charges or mobile: Na does not occur (the trajectory has Li, S)"),
        ('directions = ["q"]', "direction must be a, b, c, a plane ab, bc, ac, or [uvw]"),
        ('convention = "naive"', "[diffusion] convention"),
    ],
)
def test_what_makes_no_sense_is_named(folder, lionn, tmp_path, text, message):
    outcome = configured(lionn, folder, tmp_path, text)
    assert outcome.code != 0
    assert message in outcome.err


def test_charges_on_the_command_line_are_those_of_the_file(folder, lionn, tmp_path):
    text = 'charges = {Li = 1, S = -2}\ndirections = ["c", "[110]"]\nmobile = ["S"]\n'
    assert configured(lionn, folder, tmp_path, text).code == 0
    expected = (folder / "diffusion.json").read_text()
    options = ("--charges", "Li=1, S=-2", "--directions", "c,[110]", "--mobile", "S")
    outcome = lionn("diffusion", folder, "--no-pymatgen", *options)
    assert outcome.code == 0, outcome.err
    assert (folder / "diffusion.json").read_text() == expected
    for wrong in ("Li", "Li=", "Li=one,S=-2"):
        outcome = lionn("diffusion", folder, "--charges", wrong)
        assert outcome.code == 2
        assert f"--charges must look like Li=1,Cl=-1, got '{wrong}'" in outcome.err
