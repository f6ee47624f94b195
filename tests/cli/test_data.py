"""``lionn data``, and other commands on images of foreign formats."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from lionn_rs.data import iter_images
from tests.conftest import random_potential
from tests.unit.data.formats.samples import images, outcar, write

SET = "dataset:lgps_gpaw_pbe"


def test_info_says_what_it_found(lionn, tmp_path: Path) -> None:
    path = tmp_path / "OUTCAR"
    path.write_text(outcar(images(4), n_electronic=[5, 60, 5, 5]))
    outcome = lionn("data", "info", path, "--quiet", "--output", tmp_path / "info.json")
    assert outcome.code == 0, outcome.err
    assert "OUTCAR, free_energy = TOTEN" in outcome.out
    assert "1 images left out: not converged electronically" in outcome.out
    assert "energy: 'free_energy' in 3 images" in outcome.out
    assert "3 images, 12 atoms (Li 6, P 3, S 3)" in outcome.out
    record = json.loads((tmp_path / "info.json").read_text())
    assert record["n_images"] == record["n_stress"] == 3


def test_convert_there_and_back(lionn, tmp_path: Path) -> None:
    outcome = lionn("data", "convert", SET, "--index", "::30", "-o", tmp_path / "a.n2p2", "-q")
    assert outcome.code == 0, outcome.err
    assert "lost in 4 images: entries T_set, frame" in outcome.out
    assert "written: " in outcome.out
    back = lionn("data", "convert", tmp_path / "a.n2p2", "-o", tmp_path / "a.extxyz", "-q")
    assert back.code == 0, back.err
    from lionn_rs import datasets

    wanted = datasets.load("lgps_gpaw_pbe")[::30]
    for image, atoms in zip(iter_images(tmp_path / "a.extxyz"), wanted, strict=True):
        np.testing.assert_allclose(image.positions, atoms.positions, rtol=0, atol=1e-12)
        np.testing.assert_allclose(image.results["forces"], atoms.get_forces(), rtol=0, atol=1e-12)
        assert image.results["energy"] == pytest.approx(atoms.calc.results["free_energy"])


def test_split_merge_select(lionn, tmp_path: Path) -> None:
    outcome = lionn("data", "split", SET, "-o", tmp_path / "sets", "-q", "--format", "npz")
    assert outcome.code == 0, outcome.err
    parts = [tmp_path / "sets" / f"{name}.npz" for name in ("train", "validation", "test")]
    outcome = lionn("data", "merge", *parts, "-o", tmp_path / "all.extxyz", "-q")
    assert outcome.code == 0, outcome.err
    assert "118 images" in outcome.out
    arguments = ["-n", 5, "--max-force", 6, "--record", tmp_path / "order.json"]
    outcome = lionn(
        "data", "select", tmp_path / "all.extxyz", "-o", tmp_path / "few.traj", "-q", *arguments
    )
    assert outcome.code == 0, outcome.err
    assert "left out: a force above 6 eV/Å" in outcome.out
    assert len(list(iter_images(tmp_path / "few.traj"))) == 5
    assert len(json.loads((tmp_path / "order.json").read_text())["order"]) == 5


def test_other_commands_read_every_format(lionn, tmp_path: Path) -> None:
    model = tmp_path / "model.json"
    random_potential(cutoff=4.0).save(model)
    from lionn_rs import datasets
    from lionn_rs.data import RawImage

    found = [RawImage.from_atoms(atoms) for atoms in datasets.load("lgps_gpaw_pbe")[:2]]
    lines = set()
    for name, format in (("a.npz", "npz"), ("dp", "deepmd"), ("xs", "xsf"), ("a.db", "db")):
        write(tmp_path / name, found, format=format)
        outcome = lionn("evaluate", model, tmp_path / name)
        assert outcome.code == 0, outcome.err
        lines.add(outcome.out)
    assert len(lines) == 1 or all("energy" in line for line in lines)
    write(tmp_path / "input.data", found)
    assert lionn("evaluate", model, tmp_path / "input.data").code == 0
    assert "2 images" in lionn("info", tmp_path / "dp").out


BAD = [
    (["info", "nothing.xyz"], "nothing.xyz: no such file", 1),
    (["info", "folder"], "holds neither DeePMD data (type.raw) nor *.xsf", 1),
    (["info", "text.extxyz"], "text.extxyz, image 0, line 1: cannot be read (expected the", 1),
    (["info", "a.extxyz", "--units", "au"], "units must be one of eV-A, Ha-bohr, got 'au'", 2),
    (["info", "a.extxyz", "--energy", "E"], "image 0: no label 'E' (found: energy", 1),
    (["info", "a.extxyz", "--index", "x"], "index must be a number or a slice", 1),
    (["convert", "a.extxyz", "-o", "b.dat"], "its name does not tell the format", 2),
    (["convert", "a.extxyz", "-o", "a.extxyz", "--force"], "a.extxyz: is an input", 2),
    (["convert", "a.extxyz", "-o", "there.npz"], "exists (--force to replace it)", 2),
    (["convert", "a.extxyz", "-o", "no/b.npz"], "the folder no does not exist", 2),
    (["convert", "plain.data", "-o", "b.npz", "--from", "n2p2"], "give --units eV-A", 2),
    (["split", "a.extxyz", "-o", "s", "--by", "time"], "unknown split 'time'", 2),
    (["split", "a.extxyz", "-o", "s", "--test", "1.5"], "test fraction must be", 2),
    (["select", "a.extxyz", "-o", "b.npz", "-n", "0"], "n must be positive, got 0", 2),
    (["select", "a.extxyz", "-o", "b.npz", "--volumes", "3"], "must look like 10:20", 2),
    (["select", "a.extxyz", "-o", "b.npz", "--max-force", "0"], "no image passes the filters", 1),
]


@pytest.mark.parametrize(("arguments", "message", "code"), BAD, ids=range(len(BAD)))
def test_wrong_input_is_one_line(arguments, message, code, lionn, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    write(Path("a.extxyz"), images(3))
    write(Path("there.npz"), images(1))
    Path("folder").mkdir()
    Path("text.extxyz").write_text("this is no structure\n")
    write(Path("plain.data"), images(1), format="n2p2")
    Path("plain.data").write_text(Path("plain.data").read_text().replace("units eV Ang", ""))
    before = sorted(entry.name for entry in tmp_path.rglob("*"))
    outcome = lionn("data", *arguments, "--quiet")
    assert message in outcome.err
    assert outcome.err.count("\n") == 1
    assert outcome.code == code
    assert sorted(entry.name for entry in tmp_path.rglob("*")) == before
