from __future__ import annotations

import json

import numpy as np
import pytest
from ase import Atoms
from ase.calculators.fd import calculate_numerical_stress

import lionn_rs as lionn
from lionn_rs.testing import check_derivatives
from tests.conftest import random_crystal, random_potential


def test_derivatives_of_random_crystals() -> None:
    for seed, output in [(1, "linear"), (2, "tanh"), (3, "sigmoid")]:
        check = check_derivatives(
            random_potential(seed, output_activation=output), random_crystal(seed, 12), n_atoms=4
        )
        assert check.passed(1e-6), check


def test_derivatives_of_the_lgps_cell() -> None:
    """The cell is narrower than twice the cutoff: neighbors enter through several images."""
    atoms = lionn.datasets.load("lgps_gpaw_pbe")[0]
    assert len(atoms) == 50
    assert check_derivatives(random_potential(4), atoms, n_atoms=3).passed(1e-6)


def test_five_elements() -> None:
    elements = ["Cl", "Li", "P", "S", "Si"]
    potential = random_potential(5, elements=elements)
    assert potential.descriptor.n_features["Cl"] == 80
    assert check_derivatives(potential, random_crystal(5, 15, elements), n_atoms=3).passed(1e-6)


def test_calculator_agrees_with_potential_and_ase_stress(crystal, potential) -> None:
    crystal.calc = lionn.LionnCalculator(potential)
    evaluation = potential.evaluate(crystal)
    assert crystal.get_potential_energy() == evaluation.energy
    assert crystal.get_potential_energy(force_consistent=True) == evaluation.energy
    np.testing.assert_array_equal(crystal.get_forces(), evaluation.forces)
    assert crystal.get_potential_energies().sum() == pytest.approx(evaluation.energy, abs=1e-12)
    reference = calculate_numerical_stress(crystal, eps=1e-5, voigt=True)
    np.testing.assert_allclose(crystal.get_stress(), reference, atol=1e-6 * np.abs(reference).max())


def test_cluster_has_no_stress(potential) -> None:
    cluster = Atoms("LiPS", positions=[[0, 0, 0], [2.1, 0, 0], [0, 2.2, 0]])
    evaluation = potential.evaluate(cluster)
    assert evaluation.stress is None
    assert np.isfinite(evaluation.energy)


def test_save_and_load(tmp_path, crystal, potential) -> None:
    path = tmp_path / "lgps.json"
    potential.save(path)
    loaded = lionn.Potential.load(path)
    assert loaded.hash == potential.hash
    assert loaded.metadata == potential.metadata
    assert loaded.descriptor == potential.descriptor
    np.testing.assert_array_equal(loaded.parameters, potential.parameters)
    assert loaded.evaluate(crystal).energy == potential.evaluate(crystal).energy
    with pytest.raises(lionn.ModelFileError, match="force=True"):
        potential.save(path)
    potential.save(path, force=True)
    assert [p.name for p in tmp_path.iterdir()] == ["lgps.json"]


def _damage(text: str, kind: str) -> str:
    document = json.loads(text)
    if kind == "version":
        document["version"] = 99
        del document["sha256"]
    elif kind == "weight":
        document["networks"]["Li"]["slope"] += 1e-6
    elif kind == "element":
        del document["networks"]["Li"]
        del document["sha256"]
    elif kind == "format":
        document["format"] = "other"
    elif kind == "unknown key":
        document["networks"]["Li"]["extra"] = 1
        del document["sha256"]
    elif kind == "truncated":
        return text[: len(text) // 2]
    return json.dumps(document)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("version", "version 99, this lionn_rs reads versions 1 to 3"),
        ("weight", "do not match the stored sha256"),
        ("element", "elements disagree"),
        ("format", "not a lionn potential file"),
        ("unknown key", "unknown field `extra`"),
        ("truncated", "not a potential file, or damaged"),
    ],
)
def test_damaged_files_are_refused(tmp_path, potential, kind, message) -> None:
    path = tmp_path / "model.json"
    potential.save(path)
    path.write_text(_damage(path.read_text(), kind))
    with pytest.raises(lionn.ModelFileError, match=message):
        lionn.Potential.load(path)


def test_missing_file() -> None:
    with pytest.raises(lionn.ModelFileError, match=r"nowhere\.json: no such potential file"):
        lionn.Potential.load("nowhere.json")


def test_unknown_element_and_coinciding_atoms(potential) -> None:
    with pytest.raises(lionn.DataError, match=r"element Cl of atom 1 .*trained on Ge, Li, P, S"):
        potential.evaluate(Atoms("LiCl", positions=[[0, 0, 0], [0, 0, 2]]))
    with pytest.raises(lionn.DataError, match="same position"):
        potential.evaluate(Atoms("Li2", positions=[[0, 0, 0], [0, 0, 0]]))
    with pytest.raises(lionn.DataError, match="position of atom 1 is not finite"):
        potential.evaluate(Atoms("Li2", positions=[[0, 0, 0], [0, 0, np.nan]]))


def test_wrong_parameters_are_refused(potential) -> None:
    with pytest.raises(lionn.ShapeError, match="parameters must have shape"):
        potential.with_parameters(np.zeros(3))
    bad = potential.parameters
    bad[7] = np.nan
    with pytest.raises(lionn.ConfigError, match="parameter 7 is not finite"):
        potential.with_parameters(bad)


def test_extrapolation_is_counted(crystal, potential) -> None:
    """Ranges are [0, 2] here: squeezing the crystal drives features beyond 2."""
    squeezed = crystal.copy()
    squeezed.set_cell(0.6 * crystal.cell.array, scale_atoms=True)
    evaluation = potential.evaluate(squeezed)
    assert evaluation.n_extrapolating > 0
    assert evaluation.worst_extrapolation > 0
    worst = potential.descriptor.fingerprints(squeezed)[evaluation.worst_atom]
    assert (worst.max() - 2.0) / 2.0 == pytest.approx(evaluation.worst_extrapolation)


def test_other_version_is_named_even_if_the_hash_cannot_be_checked(tmp_path, potential) -> None:
    path = tmp_path / "model.json"
    potential.save(path)
    path.write_text(path.read_text().replace('"version": 1,', '"version": 99,'))
    with pytest.raises(
        lionn.ModelFileError, match="version 99, this lionn_rs reads versions 1 to 3"
    ):
        lionn.Potential.load(path)
