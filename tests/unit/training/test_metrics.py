from __future__ import annotations

import json

import numpy as np
import pytest
from ase import Atoms

import lionn_rs as lionn
from tests.conftest import random_potential

from .conftest import SYMBOLS


def test_errors_are_those_of_numpy(images: list[Atoms]) -> None:
    potential = random_potential(8, elements=SYMBOLS, cutoff=4.0)
    found = lionn.predict(potential, images)
    metrics = lionn.evaluate(potential, images)
    energies = np.array([potential.evaluate(a).energy - a.get_potential_energy() for a in images])
    per_atom = energies / [len(a) for a in images]
    forces = np.array([potential.evaluate(a).forces - a.get_forces() for a in images])
    assert metrics.energy_rmse_per_atom == pytest.approx(np.sqrt(np.mean(per_atom**2)))
    assert metrics.energy_max_per_atom == pytest.approx(np.abs(per_atom).max())
    assert metrics.force_rmse == pytest.approx(np.sqrt(np.mean(forces**2)))
    assert metrics.force_mae == pytest.approx(np.mean(np.abs(forces)))
    lithium = forces[:, images[0].symbols == "Li"]
    assert metrics.per_element["Li"] == pytest.approx(np.sqrt(np.mean(lithium**2)))
    half = forces[::2]
    assert metrics.per_group["run-0"]["force_rmse"] == pytest.approx(np.sqrt(np.mean(half**2)))
    assert found.energies.shape == (14,)
    assert found.stresses is not None
    assert np.isnan(found.stresses[1]).all()
    stress = potential.evaluate(images[0]).stress
    np.testing.assert_allclose(found.stresses[0], stress, atol=1e-12)
    json.dumps(metrics.to_dict())


def test_the_potential_that_made_the_labels_has_no_error(images: list[Atoms]) -> None:
    metrics = lionn.evaluate(random_potential(3, elements=SYMBOLS, cutoff=4.0), images)
    assert metrics.energy_rmse_per_atom < 1e-12
    assert metrics.force_rmse is not None
    assert metrics.force_rmse < 1e-12
    assert metrics.stress_rmse is not None
    assert metrics.stress_rmse < 1e-12
