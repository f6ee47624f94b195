"""The NumPy networks against the compiled potential, and the sensitivities against differences."""

from __future__ import annotations

import numpy as np
import pytest

import lionn_rs as lionn
from lionn_rs.analysis.diagnosis.fingerprint_statistics import collect_fingerprints
from lionn_rs.analysis.diagnosis.sensitivity import element_networks, sensitivity
from lionn_rs.errors import DataError
from tests.conftest import random_crystal, random_potential


@pytest.fixture(scope="module")
def images():
    return [random_crystal(seed, 12) for seed in range(4)]


@pytest.mark.parametrize("output", ["linear", "tanh", "sigmoid"])
def test_numpy_networks_give_the_energy_of_the_potential(output, images):
    potential = random_potential(1, output_activation=output)
    networks = element_networks(potential)
    found = collect_fingerprints(potential.descriptor, images)
    total = sum(networks[e].energies(values)[0].sum() for e, values in found.items())
    expected = sum(potential.evaluate(atoms).energy for atoms in images)
    assert total == pytest.approx(expected, abs=1e-10)


def test_gradients_are_derivatives_by_the_scaled_features(images):
    potential = random_potential(2)
    network = element_networks(potential)["S"]
    values = collect_fingerprints(potential.descriptor, images)["S"]
    gradients = network.energies(values)[1]
    step = 1e-5
    for k in (0, 17, 55):
        shift = np.zeros(values.shape[1])
        shift[k] = step / network.factor[k]
        difference = network.energies(values + shift)[0] - network.energies(values - shift)[0]
        # Central differences of a function of order one: error step² plus rounding 1e-16/step.
        np.testing.assert_allclose(gradients[:, k], difference / (2 * step), atol=1e-9)


def test_sensitivity_of_energies_does_not_depend_on_the_scaling(images):
    potential = random_potential(3)
    found = collect_fingerprints(potential.descriptor, images)
    rows = [row for row in sensitivity(potential, found) if row.element == "Li"]
    network = element_networks(potential)["Li"]
    by_feature = network.energies(found["Li"])[1] * network.factor
    expected = np.abs(by_feature).mean(axis=0) * found["Li"].std(axis=0)
    np.testing.assert_allclose([row.energy for row in rows], expected, rtol=1e-10)
    assert all(row.force is None for row in rows)


def test_frozen_feature_changes_the_forces_as_by_hand(images):
    """Freezing all features but one leaves the force of that feature alone."""
    potential = random_potential(4)
    found = collect_fingerprints(potential.descriptor, images)
    rows = sensitivity(potential, found, images[:1])
    assert all(row.force is not None and np.isfinite(row.force) for row in rows)
    row = next(row for row in rows if row.element == "Ge" and row.force > 0.01)
    network = element_networks(potential)["Ge"]
    mean = network.scale(found["Ge"])[:, row.index].mean()

    def energy(atoms) -> float:
        total = 0.0
        for element, values in collect_fingerprints(potential.descriptor, [atoms]).items():
            own = element_networks(potential)[element]
            if element == "Ge":
                values[:, row.index] = (mean - own.offset[row.index]) / own.factor[row.index]
            total += own.energies(values)[0].sum()
        return float(total)

    before = potential.evaluate(images[0]).forces
    step, differences = 1e-4, np.zeros((len(images[0]), 3))
    for atom in range(len(images[0])):
        for axis in range(3):
            values = []
            for sign in (1, -1):
                moved = images[0].copy()
                moved.positions[atom, axis] += sign * step
                values.append(energy(moved))
            differences[atom, axis] = -(values[0] - values[1]) / (2 * step)
    by_hand = np.sqrt(np.mean((differences - before) ** 2))
    assert row.force == pytest.approx(by_hand, rel=1e-4)


def test_weights_of_zero_mean_no_influence(images):
    potential = random_potential(5)
    flat = potential.parameters
    flat[: 56 * 5].reshape(56, 5)[3] = 0.0
    silent = potential.with_parameters(flat)
    found = collect_fingerprints(silent.descriptor, images)
    row = sensitivity(silent, found, images, max_force_images=1)[3]
    assert (row.element, row.index) == ("Ge", 3)
    assert (row.energy, row.force) == (0.0, 0.0)


def test_fingerprints_of_another_descriptor_are_refused(images):
    potential = random_potential(6)
    with pytest.raises(DataError, match="fingerprints of Cl, but the potential knows"):
        sensitivity(potential, {"Cl": np.zeros((2, 56))})
    with pytest.raises(DataError, match="have 3 features, the potential has 56"):
        sensitivity(potential, {"Li": np.zeros((2, 3))})
    assert isinstance(potential, lionn.Potential)
