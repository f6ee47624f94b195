"""Committees: mean and spread against the members, files of all versions, refusals."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms

import lionn_rs as lionn
from lionn_rs.committee import atom_force_std
from lionn_rs.model_format import content_hash
from lionn_rs.testing import check_derivatives
from tests.conftest import random_crystal, random_potential

FILES = Path(__file__).parents[1] / "reference" / "potentials"


def make_committee(n_members: int = 3, cutoff: float = 4.0) -> lionn.Committee:
    return lionn.Committee([random_potential(seed, cutoff=cutoff) for seed in range(n_members)])


def unit_range(potential: lionn.Potential, **change: object) -> dict[str, dict[str, object]]:
    """Range around zero with one direction: simple numbers."""
    return {
        element: {
            "n_environments": 1,
            "center": [0.0] * n,
            "width": [1.0] * n,
            "directions": [[1.0] + [0.0] * (n - 1)],
            "variance": [4.0],
            "noise": 0.25,
            "largest": 2.0,
            "quantiles": [0.1, 0.2, 0.3],
            **change,
        }
        for element, n in potential.descriptor.n_features.items()
    }


@pytest.fixture(scope="module")
def committee() -> lionn.Committee:
    return make_committee()


def test_mean_and_spread_are_those_of_the_members(committee, crystal) -> None:
    result = committee.with_spread_scale(2.0, 3.0).evaluate(crystal)
    single = [member.evaluate(crystal) for member in committee.members]
    energies = np.array([s.energy for s in single])
    forces = np.array([s.forces for s in single])
    assert result.energy == pytest.approx(energies.mean(), rel=1e-13)
    assert result.energy_std == pytest.approx(2.0 * energies.std(ddof=1), rel=1e-10)
    np.testing.assert_allclose(result.forces, forces.mean(axis=0), atol=1e-12)
    np.testing.assert_allclose(result.forces_std, 3.0 * forces.std(axis=0, ddof=1), atol=1e-12)
    np.testing.assert_allclose(result.member_energies, energies, rtol=1e-13)
    np.testing.assert_array_equal(result.member_forces, forces)
    stress = np.mean([s.stress for s in single], axis=0)
    np.testing.assert_allclose(result.stress, stress, atol=1e-14)
    expected = np.sqrt(np.mean(result.forces_std**2, axis=1))
    np.testing.assert_allclose(atom_force_std(result.forces_std), expected)
    # Errors of a set are those of the mean; predict takes committees as well.
    assert check_derivatives(committee, crystal, n_atoms=3).passed(1e-6)


def test_calculator_has_spread_and_range(committee, crystal) -> None:
    core = committee.core.with_training_range(unit_range(committee))
    crystal.calc = lionn.LionnCalculator(lionn.Committee(core))
    crystal.get_forces()
    results = crystal.calc.results
    evaluation = committee.evaluate(crystal)
    assert results["energy_std"] == evaluation.energy_std
    np.testing.assert_array_equal(results["forces_std"], evaluation.forces_std)
    assert results["extrapolation_grade"].shape == (len(crystal),)
    np.testing.assert_array_equal(results["extrapolation_excess"], evaluation.extrapolation.excess)


def test_grade_and_excess_of_every_atom(potential, crystal) -> None:
    ranged = lionn.Potential(potential.core.with_training_range(unit_range(potential)))
    squeezed = crystal.copy()
    squeezed.set_cell(0.6 * crystal.cell.array, scale_atoms=True)
    found = ranged.extrapolation(squeezed)
    for i, values in enumerate(potential.descriptor.fingerprints(squeezed)):
        rest = np.sum(values[1:] ** 2)
        expected = np.sqrt(values[0] ** 2 / 4.0 + rest / 0.25) / 2.0
        assert found.grade[i] == pytest.approx(expected, rel=1e-12)
        # Scaling ranges are [0, 2].
        excess = (values - 2.0).max() / 2.0
        assert found.excess[i] == pytest.approx(max(excess, 0.0), abs=1e-12)
        assert found.feature[i] == (values.argmax() if excess > 0.0 else -1)
    assert (found.feature >= 0).sum() == ranged.evaluate(squeezed).n_extrapolating > 0
    assert potential.extrapolation(squeezed).grade is None


def test_files_keep_everything(tmp_path, committee, crystal) -> None:
    core = committee.with_spread_scale(1.25, 2.5).core.with_training_range(unit_range(committee))
    original = lionn.Committee(core, {"note": "test"})
    path = tmp_path / "committee.json"
    original.save(path)
    loaded = lionn.load(path)
    assert isinstance(loaded, lionn.Committee)
    assert (loaded.hash, loaded.metadata) == (original.hash, original.metadata)
    assert loaded.spread_scale == (1.25, 2.5)
    assert loaded.training_range == original.training_range
    a, b = original.evaluate(crystal), loaded.evaluate(crystal)
    np.testing.assert_array_equal(a.forces, b.forces)
    np.testing.assert_array_equal(a.forces_std, b.forces_std)
    np.testing.assert_array_equal(a.extrapolation.grade, b.extrapolation.grade)
    assert lionn.Committee.load(path).n_members == 3
    with pytest.raises(lionn.ModelFileError, match=r"a committee of 3 potentials, not one"):
        lionn.Potential.load(path)


def test_hash_covers_members_and_not_what_judges_them(tmp_path, committee, potential) -> None:
    assert committee.with_spread_scale(2.0, 2.0).hash == committee.hash
    ranged = lionn.Potential(potential.core.with_training_range(unit_range(potential)))
    assert ranged.hash == potential.hash
    assert ranged._document()["version"] == 2
    assert potential._document()["version"] == 1
    other = lionn.Committee([*committee.members[:2], random_potential(9, cutoff=4.0)])
    assert other.hash != committee.hash
    path = tmp_path / "committee.json"
    committee.save(path)
    document = json.loads(path.read_text())
    document["networks"][1]["Li"]["slope"] += 1e-6
    path.write_text(json.dumps(document))
    with pytest.raises(lionn.ModelFileError, match="do not match the stored sha256"):
        lionn.load(path)


@pytest.mark.parametrize("name", ["potential_v1", "committee_v2"])
def test_every_version_ever_written_still_loads(name: str) -> None:
    """Files of earlier versions with what they gave then."""
    model = lionn.load(FILES / f"{name}.json")
    expected = model.metadata
    structure = expected["structure"]
    atoms = Atoms(structure["symbols"], structure["positions"], cell=structure["cell"], pbc=True)
    result = model.evaluate(atoms)
    assert result.energy == pytest.approx(expected["energy"], abs=1e-12)
    np.testing.assert_allclose(result.forces, expected["forces"], atol=1e-12)
    if isinstance(model, lionn.Committee):
        assert result.energy_std == pytest.approx(expected["energy_std"], abs=1e-12)
        np.testing.assert_allclose(result.forces_std, expected["forces_std"], atol=1e-12)
        np.testing.assert_allclose(result.extrapolation.grade, expected["grade"], atol=1e-9)
    # Written again, it is the same file: the hash in it is still right.
    stored = json.loads((FILES / f"{name}.json").read_text())
    assert stored["sha256"] == model.hash == content_hash(model._document())
    assert model._document()["version"] == stored["version"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.update(version=4), "version 4, this lionn_rs reads versions 1 to 3"),
        (lambda d: d.update(networks=[]), "a committee needs at least one member"),
        (lambda d: d["networks"][1].pop("Li"), "elements disagree"),
        (lambda d: d["networks"][2]["S"].update(extra=1), "unknown field `extra`"),
        (lambda d: d["spread_scale"].update(force=-1.0), "must be positive"),
        (lambda d: d["training_range"].pop("S"), "training_range must be given for Li, S, got Li"),
        (
            lambda d: d["training_range"]["S"].update(noise=0.0),
            "noise and largest distance must be",
        ),
        (lambda d: d["training_range"]["S"].pop("noise"), "missing field `noise`"),
        (lambda d: d.update(networks=d["networks"][0]), "spread_scale belongs to a committee"),
    ],
)
def test_damaged_committees_are_refused(tmp_path, change, message) -> None:
    document = json.loads((FILES / "committee_v2.json").read_text())
    del document["sha256"]
    change(document)
    path = tmp_path / "damaged.json"
    path.write_text(json.dumps(document))
    with pytest.raises(lionn.ModelFileError, match=message) as error:
        lionn.load(path)
    assert str(error.value).startswith(str(path))
    assert "\n" not in str(error.value)


def test_members_that_do_not_fit_are_refused(committee) -> None:
    with pytest.raises(lionn.ConfigError, match="at least 2 members, got 1"):
        lionn.Committee(committee.members[:1])
    with pytest.raises(lionn.ConfigError, match="member 1 of the committee has another descriptor"):
        lionn.Committee([committee.members[0], random_potential(1, cutoff=5.0)])
    repulsive = committee.members[1].core.with_repulsion([("Li", "S", 1.0, 1.5)])
    with pytest.raises(lionn.ConfigError, match="member 1 of the committee has another repulsion"):
        lionn.Committee([committee.members[0], lionn.Potential(repulsive)])
    with pytest.raises(lionn.ConfigError, match=r"must be positive, got 0 \(energy\)"):
        committee.with_spread_scale(0.0, 1.0)
    with pytest.raises(lionn.ModelFileError, match="one potential, not a committee"):
        lionn.Committee.load(FILES / "potential_v1.json")
    with pytest.raises(lionn.DataError, match="element Cl of atom 1"):
        committee.evaluate(Atoms("LiCl", positions=[[0, 0, 0], [0, 0, 2]]))


def test_bad_ranges_are_refused(potential) -> None:
    for change, message in [
        ({"width": [1.0]}, "center and width must have 56 entries"),
        ({"largest": 0.0}, "must be positive"),
        ({"unknown": 1}, "unknown field `unknown`"),
    ]:
        with pytest.raises(lionn.ConfigError, match=message):
            potential.core.with_training_range(unit_range(potential, **change))
    ranges = unit_range(potential)
    del ranges["Li"]
    with pytest.raises(lionn.ConfigError, match="none for element Li"):
        potential.core.with_training_range(ranges)


def test_predictions_of_a_committee_are_those_of_the_mean(committee) -> None:
    from ase.calculators.singlepoint import SinglePointCalculator

    atoms = random_crystal(4, 8)
    result = committee.evaluate(atoms)
    labels = {"energy": result.energy, "forces": result.forces}
    atoms.calc = SinglePointCalculator(atoms, **labels)
    metrics = lionn.evaluate(committee, [atoms])
    assert metrics.energy_max_per_atom == 0.0
    assert metrics.force_max == 0.0
