from __future__ import annotations

import json

import numpy as np
import pytest
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator

from lionn_rs.data import summary


def image(energy: float = -8.0, distance: float = 2.5, force: float = 0.2) -> Atoms:
    atoms = Atoms("LiS", positions=[[0, 0, 0], [0, 0, distance]], cell=[4, 5, 6], pbc=True)
    forces = np.array([[0, 0, force], [0, 0, -force]])
    atoms.calc = SinglePointCalculator(atoms, energy=energy, forces=forces)
    return atoms


def test_counts_and_ranges() -> None:
    found = summary([image(), image(energy=-8.2, distance=2.6)])
    assert (found.n_images, found.n_atoms, found.n_forces, found.n_stress) == (2, 4, 2, 0)
    assert found.elements == ["Li", "S"]
    assert found.compositions == {"LiS": 2}
    assert found.energy_per_atom["mean"] == pytest.approx(-4.05)
    assert found.volume_per_atom == {"min": pytest.approx(60.0), "max": pytest.approx(60.0)}
    assert found.warnings == []
    assert "2 images, 4 atoms" in str(found)
    json.dumps(found.to_dict())


@pytest.mark.parametrize(
    ("images", "text"),
    [
        ([image(), image()], "1 images repeat the structure of an earlier one"),
        ([image(distance=0.2)], "image 0: two atoms are 0.20 Å apart; are positions in Å?"),
        ([image(distance=5.8)], "image 0: two atoms are 0.20 Å apart"),
        ([image(force=300.0)], "image 0: force component of 300 eV/Å"),
        ([image(), image(energy=-80.0, distance=2.6)], "LiS: energies spread over 36.0 eV/atom"),
    ],
)
def test_suspicious_data_is_named(images: list[Atoms], text: str) -> None:
    assert any(text in warning for warning in summary(images).warnings)
