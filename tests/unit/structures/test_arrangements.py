"""Distinct arrangements against brute force, Burnside's lemma and another package."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from pymatgen.analysis.structure_matcher import StructureMatcher
from pymatgen.io.ase import AseAtomsAdaptor

from lionn_rs.errors import ConfigError, DataError
from lionn_rs.structures.arrangements import Choice, distinct_arrangements, energies, lowered
from lionn_rs.structures.electrostatics import interaction_matrix
from lionn_rs.structures.symmetry import site_permutations, space_group
from tests.conftest import random_crystal

SETTINGS = {"enumerate_up_to": 100_000, "n_samples": 1, "seed": 0}


def permutations_of(atoms: Atoms) -> np.ndarray:
    return site_permutations(
        atoms.cell.array, atoms.get_scaled_positions(), atoms.get_chemical_symbols()
    )


def burnside(permutations: np.ndarray, sites: np.ndarray, count: int) -> float:
    """Orbits of the subsets of a size: the mean number of subsets that an operation keeps."""
    kept = 0
    for permutation in permutations:
        for subset in itertools.combinations(sites.tolist(), count):
            kept += set(permutation[list(subset)].tolist()) == set(subset)
    return kept / len(permutations)


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4])
def test_number_of_subsets_of_a_cubic_cell(count):
    """Eight atoms of a 2x2x2 simple cubic cell."""
    atoms = bulk("Po", "sc", a=3.0).repeat((2, 2, 2))
    permutations = permutations_of(atoms)
    found = distinct_arrangements([Choice(np.arange(8), count)], permutations, **SETTINGS)
    assert found.degeneracy.sum() == found.total == math.comb(8, count)
    assert len(found.sites) == burnside(permutations, np.arange(8), count)
    # Every degeneracy is the size of an orbit, which divides the order of the group.
    assert all(len(permutations) % n == 0 for n in found.degeneracy)


def decorated(atoms: Atoms, sites: np.ndarray, names: list[str]) -> Atoms:
    copy = atoms.copy()
    symbols = copy.get_chemical_symbols()
    for site, name in zip(sites, names, strict=True):
        symbols[site] = name
    copy.set_chemical_symbols(symbols)
    return copy


def test_two_exchanges_against_pymatgen():
    """Rock salt, Na -> K twice and Cl -> Br once: classes by comparing whole crystals."""
    atoms = bulk("NaCl", "rocksalt", a=5.64, cubic=True)
    names = np.array(atoms.get_chemical_symbols())
    choices = [Choice(np.flatnonzero(names == "Na"), 2), Choice(np.flatnonzero(names == "Cl"), 1)]
    found = distinct_arrangements(choices, permutations_of(atoms), **SETTINGS)
    assert found.degeneracy.sum() == 6 * 4
    crystals = [
        AseAtomsAdaptor.get_structure(decorated(atoms, np.array([*na, cl]), ["K", "K", "Br"]))
        for na in itertools.combinations(choices[0].candidates.tolist(), 2)
        for cl in choices[1].candidates.tolist()
    ]
    matcher = StructureMatcher(primitive_cell=False, scale=False, attempt_supercell=False)
    groups = matcher.group_structures(crystals)
    assert sorted(len(group) for group in groups) == sorted(found.degeneracy.tolist())


def test_ions_that_compete_for_the_same_sites():
    """Two kinds of dopant on six sites: no site twice, 6!/(2! 1! 3!) = 60 ways."""
    atoms = random_crystal(2, 6, ["Na"])
    choices = [Choice(np.arange(6), 2), Choice(np.arange(6), 1)]
    found = distinct_arrangements(choices, permutations_of(atoms), **SETTINGS)
    assert found.total == found.degeneracy.sum() == 60
    assert all(len(set(row.tolist())) == 3 for row in found.sites)
    sample = distinct_arrangements(
        choices, permutations_of(atoms), enumerate_up_to=10, n_samples=400, seed=1
    )
    assert not sample.enumerated
    assert sample.total == 60


def test_sample_meets_every_class_with_its_degeneracy():
    atoms = bulk("Po", "sc", a=3.0).repeat((2, 2, 2))
    permutations = permutations_of(atoms)
    choices = [Choice(np.arange(8), 4)]
    full = distinct_arrangements(choices, permutations, **SETTINGS)
    sample = distinct_arrangements(choices, permutations, enumerate_up_to=1, n_samples=4000, seed=5)
    assert len(sample.sites) == len(full.sites)
    assert sorted(sample.degeneracy) == sorted(full.degeneracy)
    # Multinomial errors of 4000 draws: below 0.8 % of the sample, four of them allowed.
    expected = 4000 * sample.degeneracy / 70
    assert np.abs(sample.weight - expected).max() < 4.0 * 0.008 * 4000
    again = distinct_arrangements(choices, permutations, enumerate_up_to=1, n_samples=4000, seed=5)
    assert np.array_equal(again.sites, sample.sites)


def test_members_of_a_class_have_one_energy():
    atoms = bulk("NaCl", "rocksalt", a=5.64, cubic=True)
    names = np.array(atoms.get_chemical_symbols())
    matrix = interaction_matrix(atoms.cell.array, atoms.positions)
    charges = np.where(names == "Na", 1.0, -1.0)
    sodium, chlorine = np.flatnonzero(names == "Na"), np.flatnonzero(names == "Cl")
    rows = np.array(
        [(*a, b) for a in itertools.combinations(sodium, 2) for b in chlorine], dtype=np.int64
    )
    steps = np.array([1.0, 1.0, -2.0])  # twice Na -> Mg, once Cl -> N
    values = energies(rows, matrix, charges, steps)
    for row, value in zip(rows, values, strict=True):
        changed = charges.copy()
        changed[row] += steps
        assert value == pytest.approx(changed @ matrix @ changed, abs=1e-9)
    found = distinct_arrangements(
        [Choice(sodium, 2), Choice(chlorine, 1)], permutations_of(atoms), **SETTINGS
    )
    # As many energies as classes, met as often as the degeneracies say.
    levels, counts = np.unique(np.round(values, 8), return_counts=True)
    classes = energies(found.sites, matrix, charges, steps)
    assert sorted(np.round(classes, 8)) == pytest.approx(sorted(levels))
    assert sorted(counts) == sorted(found.degeneracy)


def test_score_picks_the_representative():
    """Where operations ignore part of the crystal members differ: the lowest stands for all."""
    found = distinct_arrangements(
        [Choice(np.arange(3), 1)],
        np.array([[0, 1, 2], [1, 2, 0], [2, 0, 1]]),
        score=lambda rows: np.array([5.0, 3.0, 4.0])[rows[:, 0]],
        **SETTINGS,
    )
    assert found.sites.tolist() == [[1]]
    assert found.degeneracy.tolist() == [3]


def test_permutations_form_the_group_of_the_crystal():
    atoms = bulk("NaCl", "rocksalt", a=5.64, cubic=True)
    permutations = permutations_of(atoms)
    rows = {tuple(row) for row in permutations.tolist()}
    assert tuple(range(8)) in rows
    assert all(tuple(a[b]) in rows for a in permutations[:20] for b in permutations)
    assert space_group(atoms) == "Fm-3m (225)"
    assert len(permutations_of(random_crystal(1, 10))) == 1
    twice = Atoms("Na2", positions=np.zeros((2, 3)), cell=3.0 * np.eye(3), pbc=True)
    with pytest.raises(DataError, match=r"spglib finds no symmetry within 0\.01 Å"):
        permutations_of(twice)
    with pytest.raises(DataError, match="Na2: spglib finds no space group"):
        space_group(twice)
    with pytest.raises(ConfigError, match="cannot exchange 9 ions: only 8 sites"):
        distinct_arrangements([Choice(np.arange(8), 9)], permutations, **SETTINGS)


def test_descent_from_a_sample_finds_the_lowest_of_all():
    """Sixteen sites, two exchanges, 56 x 56 arrangements; the sample has 40 of them."""
    atoms = random_crystal(11, 16, ["Na", "Cl"])
    names = np.array(["Na"] * 8 + ["Cl"] * 8)
    atoms.set_chemical_symbols(names.tolist())
    matrix = interaction_matrix(atoms.cell.array, atoms.positions)
    charges = np.where(names == "Na", 1.0, -1.0)
    choices = [Choice(np.arange(8), 3), Choice(np.arange(8, 16), 3)]
    steps = np.array([1.0] * 3 + [-1.0] * 3)

    def score(rows):
        return energies(rows, matrix, charges, steps)

    permutations = permutations_of(atoms)
    full = distinct_arrangements(choices, permutations, score=score, **SETTINGS)
    sample = distinct_arrangements(
        choices, permutations, score=score, enumerate_up_to=10, n_samples=40, seed=3
    )
    minima = lowered(sample, choices, permutations, score, n_starts=10)
    assert score(sample.sites).min() > score(full.sites).min() + 0.1
    assert score(minima.sites).min() == pytest.approx(score(full.sites).min(), abs=1e-9)
    assert not minima.enumerated
    assert minima.total == full.total == math.comb(8, 3) ** 2
    assert all(
        (np.diff(row[:3]) > 0).all() and (np.diff(row[3:]) > 0).all() for row in minima.sites
    )
