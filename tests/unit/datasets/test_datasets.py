"""Bundled data: what the record says is what the file holds."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from lionn_rs import datasets
from lionn_rs.errors import DataError


def test_names_by_kind():
    assert datasets.names("images") == ["lgps_gpaw_pbe"]
    assert datasets.names("structure") == ["lgps"]
    assert datasets.names() == ["lgps", "lgps_gpaw_pbe"]


def test_images_agree_with_their_record():
    record = datasets.info("lgps_gpaw_pbe")
    images = datasets.load("lgps_gpaw_pbe")
    assert len(images) == record["n_images"]
    assert {len(atoms) for atoms in images} == {record["n_atoms_per_image"]}
    assert sorted(set(images[0].get_chemical_symbols())) == record["elements"]
    groups = Counter(atoms.info["group"] for atoms in images)
    assert groups == {name: entry["n_images"] for name, entry in record["groups"].items()}
    with_stress = [atoms for atoms in images if "stress" in atoms.calc.results]
    assert len(with_stress) == record["n_images_with_stress"]
    for atoms in images:
        assert {"energy", "free_energy", "forces"} <= set(atoms.calc.results)
        # `energy` is extrapolated to zero smearing: close to, but not, the free energy.
        gap = atoms.calc.results["energy"] - atoms.calc.results["free_energy"]
        assert 0 <= gap < 0.05


def test_structure_is_the_cell_of_the_images():
    crystal = datasets.structure("lgps")
    assert crystal.calc is None
    assert crystal.pbc.all()
    np.testing.assert_allclose(crystal.cell[:], datasets.load("lgps_gpaw_pbe")[0].cell[:])
    distances = crystal.get_all_distances(mic=True)[np.triu_indices(len(crystal), 1)]
    assert distances.min() > 1.9


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: datasets.info("lgps_gpaw"), "did you mean 'lgps_gpaw_pbe'?"),
        (lambda: datasets.load("lgps"), "use datasets.structure('lgps')"),
        (lambda: datasets.structure("lgps_gpaw_pbe"), "use datasets.load('lgps_gpaw_pbe')"),
    ],
)
def test_wrong_names_say_what_to_do(call, message):
    with pytest.raises(DataError) as caught:
        call()
    assert message in str(caught.value)
