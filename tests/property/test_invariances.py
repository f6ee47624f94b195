from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from tests.conftest import random_crystal, random_potential

SEEDS = st.integers(0, 10_000)
SETTINGS = settings(max_examples=15, deadline=None, derandomize=True)
POTENTIAL = random_potential(11, cutoff=5.0)


@SETTINGS
@given(SEEDS, st.tuples(*[st.floats(-50, 50)] * 3))
def test_translation(seed, shift) -> None:
    atoms = random_crystal(seed, 9)
    base = POTENTIAL.evaluate(atoms)
    atoms.positions += shift
    moved = POTENTIAL.evaluate(atoms)
    assert abs(moved.energy - base.energy) < 1e-9
    np.testing.assert_allclose(moved.forces, base.forces, atol=1e-9)


@SETTINGS
@given(SEEDS)
def test_rotation(seed) -> None:
    atoms = random_crystal(seed, 9)
    base = POTENTIAL.evaluate(atoms)
    matrix = Rotation.random(random_state=seed).as_matrix()
    turned_atoms = atoms.copy()
    turned_atoms.set_cell(atoms.cell.array @ matrix.T)
    turned_atoms.positions = atoms.positions @ matrix.T
    turned = POTENTIAL.evaluate(turned_atoms)
    assert abs(turned.energy - base.energy) < 1e-9
    np.testing.assert_allclose(turned.forces, base.forces @ matrix.T, atol=1e-9)
    np.testing.assert_allclose(turned.stress, matrix @ base.stress @ matrix.T, atol=1e-10)


@SETTINGS
@given(SEEDS)
def test_permutation_and_wrapping(seed) -> None:
    atoms = random_crystal(seed, 9)
    base = POTENTIAL.evaluate(atoms)
    order = np.random.default_rng(seed).permutation(len(atoms))
    shuffled = atoms[order]
    shuffled.wrap()
    result = POTENTIAL.evaluate(shuffled)
    assert abs(result.energy - base.energy) < 1e-9
    np.testing.assert_allclose(result.forces, base.forces[order], atol=1e-9)


@SETTINGS
@given(SEEDS, st.sampled_from([(2, 1, 1), (1, 2, 1), (1, 1, 2), (2, 2, 1)]))
def test_supercell(seed, repeats) -> None:
    atoms = random_crystal(seed, 7)
    base = POTENTIAL.evaluate(atoms)
    copies = int(np.prod(repeats))
    result = POTENTIAL.evaluate(atoms.repeat(repeats))
    assert abs(result.energy - copies * base.energy) < 1e-8
    np.testing.assert_allclose(result.forces, np.tile(base.forces, (copies, 1)), atol=1e-9)
    np.testing.assert_allclose(result.stress, base.stress, atol=1e-10)
