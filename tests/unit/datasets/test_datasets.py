"""Bundled data: what the record says is what the file holds."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

import lionn_rs as lionn
from lionn_rs import datasets
from lionn_rs.errors import DataError, ModelFileError


def test_names_by_kind():
    assert datasets.names("images") == ["lgps_gpaw_pbe", "lsipscl_gpaw_pbe"]
    assert datasets.names("structure") == ["lgps", "lsipscl"]
    assert datasets.names("potential") == ["lsipscl_committee"]
    assert len(datasets.names()) == 5


@pytest.mark.parametrize("name", datasets.names("images"))
def test_images_agree_with_their_record(name):
    record = datasets.info(name)
    images = datasets.load(name)
    assert len(images) == record["n_images"]
    sizes = sorted({len(atoms) for atoms in images})
    stated = str(record["n_atoms_per_image"]).split(" to ")
    assert [sizes[0], sizes[-1]] == [int(stated[0]), int(stated[-1])]
    elements = {symbol for atoms in images for symbol in atoms.get_chemical_symbols()}
    assert sorted(elements) == record["elements"]
    groups = Counter(atoms.info["group"] for atoms in images)
    assert groups == {name: entry["n_images"] for name, entry in record["groups"].items()}
    with_stress = [atoms for atoms in images if "stress" in atoms.calc.results]
    assert len(with_stress) == record["n_images_with_stress"]
    for atoms in images:
        assert {"energy", "free_energy", "forces"} <= set(atoms.calc.results)
        # `energy` is extrapolated to zero smearing: close to, but not, the free energy; farthest
        # where bonds are broken and the gap is small.
        gap = atoms.calc.results["energy"] - atoms.calc.results["free_energy"]
        assert 0 <= gap < 0.1


def test_own_images_say_where_they_come_from():
    images = datasets.load("lsipscl_gpaw_pbe")
    own = [atoms for atoms in images if atoms.info["labelled"] == "own"]
    assert len(own) == datasets.info("lsipscl_gpaw_pbe")["n_images_own"]
    assert {atoms.info["settings_hash"] for atoms in own} == {"sha256:68b172183d26"}
    for atoms in own:
        by_committee = {"run", "step", "seed", "temperature_K", "potential_hash", "selected_by"}
        by_chgnet = {"sampled_by", "chgnet_step", "T_set"}
        assert by_committee <= atoms.info.keys() or by_chgnet <= atoms.info.keys()
    seen = {atoms.positions.tobytes() for atoms in images}
    assert len(seen) == len(images)  # none twice


@pytest.mark.parametrize(
    ("name", "images"), [("lgps", "lgps_gpaw_pbe"), ("lsipscl", "lsipscl_gpaw_pbe")]
)
def test_structure_is_the_cell_of_the_images(name, images):
    crystal = datasets.structure(name)
    assert crystal.calc is None
    assert crystal.pbc.all()
    np.testing.assert_allclose(crystal.cell[:], datasets.load(images)[0].cell[:])
    distances = crystal.get_all_distances(mic=True)[np.triu_indices(len(crystal), 1)]
    assert distances.min() > 1.9


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: datasets.info("lgps_gpaw"), "did you mean 'lgps_gpaw_pbe'?"),
        (lambda: datasets.load("lgps"), "use datasets.structure('lgps')"),
        (lambda: datasets.structure("lgps_gpaw_pbe"), "use datasets.load('lgps_gpaw_pbe')"),
        (lambda: datasets.potential("lsipscl"), "'lsipscl' is a structure"),
        (lambda: datasets.load("lsipscl_committee"), "use datasets.potential('lsipscl_committee')"),
    ],
)
def test_wrong_names_say_what_to_do(call, message):
    with pytest.raises(DataError) as caught:
        call()
    assert message in str(caught.value)


def test_potential_is_loaded_by_name_as_a_file_is(tmp_path):
    committee = datasets.potential("lsipscl_committee")
    record = datasets.info("lsipscl_committee")
    assert committee.hash == record["hash"]
    assert list(committee.elements) == record["elements"]
    by_name = lionn.load("dataset:lsipscl_committee")
    committee.save(tmp_path / "copy.json")
    by_path = lionn.load(tmp_path / "copy.json")
    atoms = datasets.structure("lsipscl")
    forces = committee.evaluate(atoms).forces
    for other in (by_name, by_path, lionn.Committee.load("dataset:lsipscl_committee")):
        np.testing.assert_array_equal(other.evaluate(atoms).forces, forces)
    assert np.abs(forces).max() < 0.006  # relaxed with it to 0.005 eV/Å
    with pytest.raises(ModelFileError, match=r"dataset:lsipscl_comittee: no bundled data set"):
        lionn.load("dataset:lsipscl_comittee")


def test_potential_has_the_errors_of_its_record():
    """On the images that it has not seen, as its own split says."""
    committee = datasets.potential("lsipscl_committee")
    images = datasets.load("lsipscl_gpaw_pbe")
    held_out = committee.metadata["training"]["split"]["indices"]["test"]
    stated = datasets.info("lsipscl_committee")["errors"]["test"]
    assert stated["n_images"] == len(held_out)
    found = lionn.evaluate(committee, [images[k] for k in held_out])
    # The record has four decimals.
    assert found.force_rmse == pytest.approx(stated["force_rmse_eV_per_A"], abs=6e-5)
    energy = 1e3 * found.energy_rmse_per_atom
    assert energy == pytest.approx(stated["energy_rmse_meV_per_atom"], abs=6e-4)
