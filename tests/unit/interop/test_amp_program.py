"""AMP 1.0.1 itself, in an environment of its own: loads what lionn_rs writes, and the other way.

Run by ``LIONN_AMP_PYTHON=.../bin/python make peers``; tests/reference/amp/README.md says how AMP is
installed.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms

import lionn_rs as lionn
from lionn_rs import G2, G4, G5, Cosine, Polynomial
from lionn_rs.interop import read_potential, write_potential
from tests.conftest import random_crystal, random_potential
from tests.unit.interop.amp_texts import cluster, crystal
from tests.unit.interop.test_amp_reading import NO_DERIVATIVES
from tests.unit.interop.test_amp_writing import plain, potential_of

PROGRAM = Path(__file__).parents[2] / "reference" / "amp" / "program.py"
PYTHON = os.environ.get("LIONN_AMP_PYTHON")
pytestmark = [
    pytest.mark.peers,
    pytest.mark.skipif(PYTHON is None, reason="LIONN_AMP_PYTHON names no Python that has AMP"),
]
ELEMENTS = ["Au", "Cu"]
TOLERANCE_eV, TOLERANCE_eV_A = 1e-9, 1e-7
LIMIT_S = 1200


def amp(*arguments: object) -> str:
    command = [str(PYTHON), str(PROGRAM), *map(str, arguments)]
    return subprocess.run(
        command, check=True, capture_output=True, text=True, timeout=LIMIT_S
    ).stdout


def predictions(path: Path, images: list[Atoms]) -> list[dict]:
    stored = [
        {
            "symbols": atoms.get_chemical_symbols(),
            "positions": atoms.positions.tolist(),
            "cell": atoms.cell.array.tolist(),
            "pbc": atoms.pbc.tolist(),
        }
        for atoms in images
    ]
    structures = path.with_name("structures.json")
    structures.write_text(json.dumps(stored))
    return json.loads(amp("predict", path, structures))


def agree(
    potential: lionn.Potential | lionn.Committee,
    path: Path,
    images: list[Atoms],
    forces: bool = True,
) -> None:
    for atoms, expected in zip(images, predictions(path, images), strict=True):
        result = potential.evaluate(atoms)
        assert result.energy == pytest.approx(expected["energy"], abs=TOLERANCE_eV)
        if forces:
            np.testing.assert_allclose(result.forces, expected["forces"], atol=TOLERANCE_eV_A)


def functions() -> lionn.Gaussian:
    return lionn.Gaussian(
        {
            "Au": [G2("Cu", 3.0, rs=1.4), G2("Au", 0.5), G5(("Au", "Cu"), 0.2, 2.5, -1.0)],
            "Cu": [G4(("Cu", "Cu"), 0.1, 4.0, 1.0), G2("Au", 1.0)],
        },
        cutoff=Polynomial(4.4, gamma=3.0),
    )


def mixed(descriptor: lionn.descriptors.Descriptor) -> lionn.Potential:
    return potential_of(
        descriptor,
        widths={"Au": [3, 2], "Cu": []},
        activations={"Au": ["sigmoid", "linear", "tanh"], "Cu": ["sigmoid"]},
    )


WRITTEN = {
    "default": lambda: random_potential(),
    "functions": lambda: mixed(functions()),
    "absolute": lambda: plain(
        lionn.Gaussian.amp_default(ELEMENTS, cutoff=Cosine(4.0), eta_unit="1/A^2")
    ),
    "zernike": lambda: plain(lionn.Zernike(ELEMENTS, cutoff=Cosine(4.2), n_max=4), scale=1e4),
    "weights": lambda: plain(
        lionn.Zernike(
            ELEMENTS,
            cutoff=Cosine(4.2),
            n_max=3,
            weights={"Au": {"Au": 1.0, "Cu": -2.0}, "Cu": {"Au": 0.5, "Cu": 3.0}},
        ),
        scale=10.0,
    ),
}


@pytest.mark.parametrize("name", WRITTEN)
def test_amp_predicts_the_same_with_what_is_written(tmp_path, name):
    potential = WRITTEN[name]()
    write_potential(potential, tmp_path / "model.amp")
    images = [random_crystal(2, 8)] if name == "default" else [cluster(), crystal()]
    # AMP's forces do not belong to its energies where coefficients differ from center to center.
    agree(potential, tmp_path / "model.amp", images, forces=name != "weights")


def test_amp_predicts_the_same_with_an_ensemble(tmp_path):
    committee = lionn.Committee([plain(functions(), seed=seed) for seed in (1, 2, 3)])
    write_potential(committee, tmp_path / "model.ensemble")
    agree(committee, tmp_path / "model.ensemble", [cluster(), crystal()])


def test_what_amp_trains_and_writes_is_read(tmp_path):
    """The reference files made anew: every calculator, every structure."""
    amp("make", tmp_path)
    stored = json.loads((tmp_path / "predictions.json").read_text())
    structures = [Atoms(**entry) for entry in stored.pop("structures")]
    assert len(stored) == 6
    for name, results in stored.items():
        potential = read_potential(tmp_path / name)
        for atoms, expected in zip(structures, results, strict=True):
            result = potential.evaluate(atoms)
            assert result.energy == pytest.approx(expected["energy"], abs=TOLERANCE_eV)
            if name not in NO_DERIVATIVES:
                np.testing.assert_allclose(result.forces, expected["forces"], atol=TOLERANCE_eV_A)


def test_forces_that_amp_leaves_out(tmp_path):
    """Two atoms in contact only across a corner of the cell: forces of AMP's Zernike lack a part.

    The energies agree; the forces of AMP do not add up to zero, those of lionn_rs do.
    """
    potential = plain(lionn.Zernike(ELEMENTS, cutoff=Cosine(4.0), n_max=3), scale=100.0)
    write_potential(potential, tmp_path / "model.amp")
    positions = [[0.8, 0.8, 0.8], [8.6, 8.7, 8.8]]
    corner = Atoms("AuCu", positions=positions, cell=[10.0, 10.0, 10.0], pbc=True)
    middle = corner.copy()
    middle.positions += 5.0
    middle.wrap()
    results = [potential.evaluate(atoms) for atoms in (corner, middle)]
    across, within = predictions(tmp_path / "model.amp", [corner, middle])
    for result, expected in zip(results, (across, within), strict=True):
        assert result.energy == pytest.approx(expected["energy"], abs=TOLERANCE_eV)
    np.testing.assert_allclose(results[0].forces, results[1].forces, atol=1e-10)
    np.testing.assert_allclose(results[1].forces, within["forces"], atol=TOLERANCE_eV_A)
    assert np.abs(np.sum(across["forces"], axis=0)).max() > 1e-3
