from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms, units
from ase.calculators.singlepoint import SinglePointCalculator
from ase.collections import g2
from ase.data import chemical_symbols, covalent_radii
from ase.md.verlet import VelocityVerlet
from ase.neighborlist import neighbor_list

import lionn_rs as lionn
from lionn_rs import _core
from lionn_rs.testing import check_derivatives


@pytest.fixture(scope="module")
def images():
    return lionn.datasets.load("lgps_gpaw_pbe")[:6]


@pytest.fixture(scope="module")
def trained(images) -> lionn.Potential:
    descriptor = lionn.Gaussian.amp_default(["Ge", "Li", "P", "S"], cutoff=lionn.Cosine(4.0))
    return lionn.train(
        images, descriptor=descriptor, hidden_layers=(3,), max_iterations=3, progress=False
    ).best


def _without(potential: lionn.Potential) -> lionn.Potential:
    return lionn.Potential(potential.core.with_repulsion([]))


def test_repulsion_is_zero_on_the_training_images(images, trained) -> None:
    assert ("P", "S") in {pair[:2] for pair in trained.repulsion}
    for image in images:
        assert trained.evaluate(image).energy == _without(trained).evaluate(image).energy


def test_atoms_pushed_together_feel_it_exactly(images, trained, tmp_path) -> None:
    squeezed = images[0].copy()
    squeezed.set_cell(0.8 * squeezed.cell.array, scale_atoms=True)
    extra = trained.evaluate(squeezed).energy - _without(trained).evaluate(squeezed).energy
    assert extra > 0.1
    assert check_derivatives(trained, squeezed, n_atoms=4).passed(1e-6)
    trained.save(tmp_path / "model.json")
    loaded = lionn.Potential.load(tmp_path / "model.json")
    assert loaded.repulsion == trained.repulsion
    assert loaded.hash == trained.hash != _without(trained).hash


def test_predictions_of_a_set_contain_it(images, trained) -> None:
    squeezed = images[0].copy()
    squeezed.set_cell(0.8 * squeezed.cell.array, scale_atoms=True)
    squeezed.calc = lionn.LionnCalculator(trained)
    squeezed.get_forces()
    metrics = lionn.evaluate(trained, [squeezed])
    assert metrics.energy_rmse_per_atom == pytest.approx(0.0, abs=1e-9)
    assert metrics.force_rmse == pytest.approx(0.0, abs=1e-4)  # derivatives in float32


def test_can_be_left_out(images) -> None:
    result = lionn.train(
        images[:2],
        descriptor=lionn.Gaussian.amp_default(["Ge", "Li", "P", "S"], cutoff=lionn.Cosine(3.5)),
        hidden_layers=(2,),
        max_iterations=1,
        repulsion=False,
        progress=False,
    )
    assert result.best.repulsion == []
    assert np.isfinite(result.metrics["train"].force_rmse)


CHLORINE = 2.04
"""Sum of two covalent radii of Cl, Å."""


@pytest.fixture(scope="module")
def without_pairs() -> list[Atoms]:
    """LiCl molecules whose Cl atoms never come within the cutoff of each other."""
    images = []
    for k in range(6):
        atoms = Atoms("LiClLi", [[0, 0, 0], [2.0 + 0.1 * k, 0, 0], [0.3 * k, 3.0, 0]])
        energy = -3.0 + 0.3 * (0.1 * k - 0.2) ** 2
        atoms.calc = SinglePointCalculator(atoms, energy=energy, forces=np.zeros((3, 3)))
        images.append(atoms)
    return images


@pytest.fixture(scope="module")
def ignorant(without_pairs) -> lionn.Potential:
    """Never saw two Cl; its weights are random, so that it may pull them together."""
    descriptor = lionn.Gaussian.amp_default(["Cl", "Li"], cutoff=lionn.Cosine(5.0))
    return lionn.train(
        without_pairs, descriptor=descriptor, hidden_layers=(3,), max_iterations=3, progress=False
    ).best


def test_pairs_that_the_images_lack_have_a_wall_too(without_pairs, ignorant) -> None:
    walls = {pair[:2]: pair[2:] for pair in ignorant.repulsion}
    assert set(walls) == {("Cl", "Cl"), ("Cl", "Li"), ("Li", "Li")}
    assert walls["Cl", "Cl"] == pytest.approx((0.49 * CHLORINE, 0.7 * CHLORINE), abs=1e-12)
    assert walls["Cl", "Li"][1] == pytest.approx(0.95 * 2.0)
    for image in without_pairs:
        own, bare = ignorant.evaluate(image), _without(ignorant).evaluate(image)
        assert own.energy == bare.energy
        np.testing.assert_array_equal(own.forces, bare.forces)


def _closest(potential: lionn.Potential, distance: float, kinetic_eV: float) -> tuple[float, float]:
    """Closest approach of two Cl in 0.1 ps, Å, and the largest change of the total energy, eV."""
    atoms = Atoms("Cl2", [[0, 0, 0], [distance, 0, 0]], calculator=lionn.LionnCalculator(potential))
    speed = np.sqrt(kinetic_eV / atoms.get_masses()[0])
    atoms.set_velocities([[speed, 0, 0], [-speed, 0, 0]])
    start, closest, error = atoms.get_total_energy(), distance, 0.0
    dynamics = VelocityVerlet(atoms, timestep=0.05 * units.fs)
    for _ in range(2000):
        dynamics.run(1)
        closest = min(closest, atoms.get_distance(0, 1))
        error = max(error, abs(atoms.get_total_energy() - start))
    return closest, error


@pytest.mark.parametrize(("distance", "kinetic_eV"), [(1.0, 0.0), (2.5, 0.0), (2.5, 20.0)])
def test_two_atoms_of_a_pair_that_the_images_lack_do_not_collapse(
    ignorant, distance, kinetic_eV
) -> None:
    """From rest inside the wall and outside, and thrown at each other with 20 eV."""
    closest, error = _closest(ignorant, distance, kinetic_eV)
    # The wall has 67 eV at 1 Å; verlet steps of 0.05 fs keep the energy to a thousandth of that.
    assert closest > 0.95
    assert error < 0.07
    if kinetic_eV:
        assert _closest(_without(ignorant), distance, kinetic_eV)[0] < 0.3


def test_walls_of_pairs_that_the_images_lack_follow_the_covalent_radii() -> None:
    """The radii of ASE, from the same paper (Cordero et al. 2008)."""
    for number in (*range(1, 60, 4), 79, 96):
        symbol = chemical_symbols[number]
        core = lionn.Gaussian({symbol: [lionn.G2(symbol, 1.0)]}, cutoff=lionn.Cosine(6.0)).core
        lone = _core.TrainingSet(
            core,
            offsets=[0, 1],
            numbers=np.array([number], dtype=np.uint8),
            positions=np.zeros((1, 3)),
            cells=np.zeros((1, 3, 3)),
            pbc=np.zeros((1, 3), dtype=bool),
            energies=np.zeros(1),
            use_forces=False,
        )
        ((_, _, inner, outer),) = lone.repulsion()
        assert outer == pytest.approx(1.4 * covalent_radii[number], abs=1e-12)
        assert inner == pytest.approx(0.7 * outer, abs=1e-12)


def test_no_molecule_comes_as_close_as_these_walls() -> None:
    """162 molecules of the G2 set, with bonds up to threefold, and the bundled images."""
    images = [*g2, *lionn.datasets.load("lsipscl_gpaw_pbe")[::5]]
    assert len(images) > 180
    for atoms in images:
        i, j, distances = neighbor_list("ijd", atoms, 3.0)
        radii = covalent_radii[atoms.numbers]
        assert (distances > 0.7 * (radii[i] + radii[j])).all()
