"""Small labeled images: the labels come from a random potential, so that they can be learned."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from ase.stress import full_3x3_to_voigt_6_stress

import lionn_rs as lionn
from tests.conftest import random_crystal, random_potential

SYMBOLS = ["Li", "S"]


def small_descriptor() -> lionn.Gaussian:
    return lionn.Gaussian.amp_default(SYMBOLS, cutoff=lionn.Cosine(4.0))


def labeled(atoms: Atoms, potential: lionn.Potential, *, stress: bool = True) -> Atoms:
    result = potential.evaluate(atoms)
    labels = {"energy": result.energy, "free_energy": result.energy, "forces": result.forces}
    if stress and result.stress is not None:
        labels["stress"] = full_3x3_to_voigt_6_stress(result.stress)
    atoms.calc = SinglePointCalculator(atoms, **labels)
    return atoms


def make_images(n_images: int, n_atoms: int = 6) -> list[Atoms]:
    """Displaced copies of one crystal in two groups, labeled by a random potential."""
    potential = random_potential(3, elements=SYMBOLS, cutoff=4.0)
    crystal = random_crystal(2, n_atoms, SYMBOLS)
    rng = np.random.default_rng(5)
    images = []
    for k in range(n_images):
        atoms = crystal.copy()
        atoms.positions += rng.normal(scale=0.1, size=(n_atoms, 3))
        atoms.info["group"] = f"run-{k % 2}"
        images.append(labeled(atoms, potential, stress=k % 3 == 0))
    return images


@pytest.fixture
def images() -> list[Atoms]:
    return make_images(14)


@pytest.fixture
def descriptor() -> lionn.Gaussian:
    return small_descriptor()
