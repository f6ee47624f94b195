"""Ewald energies against Madelung constants and a direct sum over shells of neutral cells."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from scipy.constants import e, epsilon_0, pi

from lionn_rs.errors import ConfigError, DataError
from lionn_rs.structures import ewald_energy, net_charge
from lionn_rs.structures.charges import charges_of, parse_ions
from lionn_rs.structures.electrostatics import interaction_matrix
from lionn_rs.structures.ordering import anneal
from tests.conftest import random_crystal

COULOMB_EV_A = e / (4.0 * pi * epsilon_0) * 1e10


@pytest.mark.parametrize(
    ("crystal", "nearest", "constant", "ions"),
    [  # energy per formula unit is -constant k q²/nearest
        (bulk("NaCl", "rocksalt", a=5.64), 2.82, 1.7475645946, 1),
        (bulk("CsCl", "cesiumchloride", a=4.12), 4.12 * 3**0.5 / 2, 1.7626747731, 1),
        (bulk("ZnS", "zincblende", a=5.41), 5.41 * 3**0.5 / 4, 1.6380550533, 2),
    ],
)
def test_madelung_constants(crystal, nearest, constant, ions):
    """Known to 10 digits; pymatgen's default accuracy is about 12."""
    expected = -constant * COULOMB_EV_A * ions**2 / nearest
    assert ewald_energy(crystal) == pytest.approx(expected, rel=1e-6)


def direct_matrix(atoms: Atoms, n: int) -> np.ndarray:
    """Coulomb sum over (2n+1)³ cells without any Ewald trick, for charges that add up to zero.

    The energy of a cube of neutral cells is that of the infinite crystal, plus the surface term
    2 pi |dipole|²/(3 V) that belongs to cubic symmetry, plus terms that fall off with the size.
    """
    cells = np.array(list(itertools.product(range(-n, n + 1), repeat=3))) @ atoms.cell.array
    vectors = atoms.positions[:, None] - atoms.positions[None]
    total = np.zeros((len(atoms), len(atoms)))
    for offset in cells:
        distances = np.linalg.norm(vectors + offset, axis=-1)
        if not offset.any():
            np.fill_diagonal(distances, np.inf)
        total += 0.5 / distances
    # |dipole|² as -1/2 sum q_i q_j |r_i - r_j|², for charges that add up to zero.
    surface = -pi / (3.0 * atoms.cell.volume) * (vectors**2).sum(axis=-1)
    return COULOMB_EV_A * (total - surface)


def test_ranking_is_that_of_a_direct_sum():
    """Eight sites of a cubic cell without symmetry, 35 ways to place four ions of each sign."""
    rng = np.random.default_rng(3)
    grid = np.array(list(itertools.product((0.0, 0.5), repeat=3)))
    atoms = Atoms("Na8", scaled_positions=grid, cell=6.0 * np.eye(3), pbc=True)
    atoms.positions += rng.uniform(-0.4, 0.4, (8, 3))
    matrix = interaction_matrix(atoms.cell.array, atoms.positions)
    small, large = direct_matrix(atoms, 4), direct_matrix(atoms, 8)
    # What is left falls off with the square of the edge (2n + 1): extrapolated.
    limit = large + (large - small) * 9**2 / (17**2 - 9**2)
    ewald, direct = [], []
    for plus in itertools.combinations(range(1, 8), 3):
        charges = -np.ones(8)
        charges[[0, *plus]] = 1.0
        ewald.append(float(charges @ matrix @ charges))
        direct.append(float(charges @ limit @ charges))
    # What the extrapolation leaves is below half of the smallest gap, so the order is decided.
    assert np.ptp(ewald) > 5.0
    assert direct == pytest.approx(ewald, abs=2e-4)
    assert np.diff(np.sort(ewald)).min() > 4e-4
    assert np.argsort(direct).tolist() == np.argsort(ewald).tolist()


def test_matrix_gives_the_energy_of_any_arrangement():
    atoms = random_crystal(5, 12, ["Na", "Cl"])
    matrix = interaction_matrix(atoms.cell.array, atoms.positions)
    assert np.array_equal(matrix, matrix.T)
    rng = np.random.default_rng(0)
    for _ in range(3):
        names = rng.permutation(["Na"] * 6 + ["Cl"] * 6)
        atoms.set_chemical_symbols(names.tolist())
        charges = np.where(names == "Na", 1.0, -1.0)
        assert charges @ matrix @ charges == pytest.approx(ewald_energy(atoms), abs=1e-8)


def test_annealing_finds_the_ground_state_of_small_cells():
    """All 924 ways to place six charges of each sign on twelve sites."""
    atoms = random_crystal(7, 12, ["Na", "Cl"])
    matrix = interaction_matrix(atoms.cell.array, atoms.positions)
    lowest = np.inf
    for plus in itertools.combinations(range(12), 6):
        charges = -np.ones(12)
        charges[list(plus)] = 1.0
        lowest = min(lowest, float(charges @ matrix @ charges))
    start = np.array([1.0] * 6 + [-1.0] * 6)
    order, energy = anneal(matrix, start.tolist(), [np.arange(12)], seed=1, n_starts=3, n_steps=500)
    assert energy == pytest.approx(lowest, abs=1e-8)
    assert start[order] @ matrix @ start[order] == pytest.approx(energy, abs=1e-8)


def test_charges_and_wrong_input():
    assert net_charge(["Li"] * 3 + ["P"] + ["S"] * 4) == 0.0
    assert charges_of(["Fe", "S"], parse_ions(["Fe3+"])) == {"Fe": 3.0, "S": -2.0}
    with pytest.raises(
        ConfigError, match=r"Fe has no formal charge here: .* charges = \['Fe3\+'\]"
    ):
        net_charge(["Fe"])
    with pytest.raises(ConfigError, match="charges: 'Fe' is not an ion like"):
        parse_ions(["Fe"])
    with pytest.raises(ConfigError, match="Fe is given twice"):
        parse_ions(["Fe2+", "Fe3+"])
    with pytest.raises(DataError, match=r"Na has net charge \+1 e"):
        ewald_energy(Atoms("Na", cell=3.0 * np.eye(3), pbc=True))
    with pytest.raises(DataError, match=r"sites 0 and 1 are 0\.000 Å apart"):
        interaction_matrix(3.0 * np.eye(3), np.zeros((2, 3)))
