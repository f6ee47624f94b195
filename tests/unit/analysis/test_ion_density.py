"""Densities and sites, in memory and on disk."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ase import Atoms

from lionn_rs.analysis import (
    ion_density,
    name_equivalent,
    sites_from_coordinates,
    sites_from_density,
)
from lionn_rs.analysis.mechanism.sites import site_distances
from lionn_rs.errors import ConfigError, DataError
from lionn_rs.workflows.mechanism.volumetric import write_chgcar, write_cube

SKEWED = np.array([[7.0, 0.0, 0.0], [3.0, 6.5, 0.0], [-2.0, 1.0, 8.0]])
PLACES = np.array([[0.02, 0.97, 0.5], [0.5, 0.5, 0.0], [0.3, 0.2, 0.75]])


def gaussian_ions(sd: float, n_frames: int = 4000) -> np.ndarray:
    rng = np.random.default_rng(1)
    shifts = rng.integers(-2, 3, (n_frames, 3, 3))
    return (PLACES + shifts) @ SKEWED + sd * rng.standard_normal((n_frames, 3, 3))


def density(sd: float = 0.3, **options):
    return ion_density(gaussian_ions(sd), cell=SKEWED, species="Li", symbols=["Li"] * 3, **options)


def test_the_integral_is_the_number_of_ions() -> None:
    for smearing in (0.0, 0.3):
        result = density(spacing_A=0.31, smearing_A=smearing)
        assert result.total == pytest.approx(3.0, rel=1e-12)
        assert max(result.spacing_A) <= 0.31
        assert result.values.min() >= 0.0
    assert "values" not in result.to_dict()


def test_a_smeared_point_is_the_gaussian_of_its_distance() -> None:
    """One ion on a grid point: the density is a round Gaussian although the cell is skewed."""
    result = ion_density(
        np.zeros((1, 1, 3)), cell=SKEWED, species="Li", symbols=["Li"], spacing_A=0.2,
        smearing_A=0.6,
    )  # fmt: skip
    shape = result.values.shape
    grid = np.stack(np.meshgrid(*[np.arange(n) / n for n in shape], indexing="ij"), axis=-1)
    expected = np.zeros(shape)
    for shift in np.ndindex(5, 5, 5):
        steps = (grid - (np.array(shift) - 2)) @ SKEWED
        expected += np.exp(-0.5 * np.sum(steps**2, axis=-1) / 0.36)
    expected /= (2 * np.pi * 0.36) ** 1.5
    np.testing.assert_allclose(result.values, expected, atol=1e-9)


def test_grid_points_are_where_the_files_say() -> None:
    """The first moment around a site is zero: nothing is shifted by half a grid spacing."""
    result = density(spacing_A=0.25)
    shape = np.array(result.values.shape)
    grid = np.stack(np.meshgrid(*[np.arange(n) / n for n in shape], indexing="ij"), axis=-1)
    steps = grid - PLACES[0]
    steps = (steps - np.round(steps)) @ SKEWED
    near = np.where(np.linalg.norm(steps, axis=-1) < 1.5, result.values, 0.0)
    mean = np.einsum("abc,abcx->x", near, steps) / near.sum()
    # The standard error of a mean of 4000 positions is 0.005 Å.
    assert np.abs(mean).max() < 0.02


def test_bad_grids_are_refused() -> None:
    with pytest.raises(ConfigError, match="spacing must be positive"):
        density(spacing_A=0.0)
    with pytest.raises(ConfigError, match="grid points, at most"):
        density(spacing_A=0.005)


def test_files_are_read_back_by_pymatgen_and_ase(tmp_path: Path) -> None:
    from ase.io.cube import read_cube
    from pymatgen.io.common import VolumetricData
    from pymatgen.io.vasp import Chgcar

    result = density(spacing_A=0.9)
    framework = Atoms("SPS", positions=[[0.1, 0.2, 0.3], [2, 2, 2], [4, 1, 5]], cell=SKEWED, pbc=1)
    write_chgcar(tmp_path / "CHGCAR", result, framework)
    write_cube(tmp_path / "density.cube", result, framework)
    chgcar = Chgcar.from_file(str(tmp_path / "CHGCAR"))
    # Ten digits are written.
    np.testing.assert_allclose(
        chgcar.data["total"] / chgcar.structure.volume, result.values, rtol=1e-9
    )
    assert chgcar.structure.composition.formula == "P1 S2"
    np.testing.assert_allclose(chgcar.structure.lattice.matrix, SKEWED, atol=1e-9)
    assert chgcar.data["total"].mean() == pytest.approx(3.0, rel=1e-9)
    with (tmp_path / "density.cube").open() as file:
        cube = read_cube(file)
    np.testing.assert_allclose(cube["data"], result.values, rtol=1e-9)
    np.testing.assert_allclose(cube["atoms"].positions, framework.positions, atol=1e-5)
    np.testing.assert_allclose(cube["atoms"].cell[:], SKEWED, atol=1e-5)
    again = VolumetricData.from_cube(tmp_path / "density.cube")
    np.testing.assert_allclose(again.data["total"], result.values, rtol=1e-9)
    np.testing.assert_array_equal(cube["origin"], 0.0)
    assert not list(tmp_path.glob("*.tmp"))


def test_sites_are_found_where_the_ions_are() -> None:
    sites = sites_from_density(density(spacing_A=0.25, smearing_A=0.2))
    assert sites.n_sites == 3
    # The tails below the mean density, about 2 %, belong to no basin.
    np.testing.assert_allclose(sites.occupancy, 1.0, atol=0.03)
    for place in PLACES:
        steps = sites.fractional - place
        off = np.linalg.norm((steps - np.round(steps)) @ SKEWED, axis=1)
        assert off.min() < 0.05
    assert sites.shortest_A > 2.0


def test_two_peaks_are_one_site_or_two_by_their_barrier() -> None:
    """Two Gaussians of sd 0.3 Å: exp(-d²/8 sd²) at the saddle, relative to twice the peak."""
    rng = np.random.default_rng(2)

    def found(distance: float) -> int:
        side = rng.integers(0, 2, (6000, 1, 1)) * distance * np.array([1.0, 0.0, 0.0])
        path = 4.0 + side + 0.3 * rng.standard_normal((6000, 1, 3))
        result = ion_density(
            path, cell=10.0 * np.eye(3), species="Li", symbols=["Li"], spacing_A=0.2,
            smearing_A=0.2,
        )  # fmt: skip
        return sites_from_density(result, barrier_kT=1.0).n_sites

    # With the smearing the sd is 0.36 Å; the barrier is d²/(8 sd²) - ln 2: 0.3 kT and 3.3 kT.
    assert found(1.0) == 1
    assert found(2.0) == 2


def test_sites_that_cannot_be_found_say_why() -> None:
    flat = ion_density(
        np.random.default_rng(3).uniform(0, 6, (2, 1, 3)), cell=6 * np.eye(3), species="Li",
        symbols=["Li"], spacing_A=0.3, smearing_A=0.3,
    )  # fmt: skip
    with pytest.raises(DataError, match="fewer than min_occupancy = 2"):
        sites_from_density(flat, min_occupancy=2.0)
    with pytest.raises(ConfigError, match="must not be negative"):
        sites_from_density(flat, barrier_kT=-1.0)
    with pytest.raises(DataError, match=r"sites 0 and 1 are 0\.000 Å apart"):
        sites_from_coordinates([[0.1, 0, 0], [1.1, 0, 0]], cell=np.eye(3) * 5)
    with pytest.raises(DataError, match="2 sites but 1 labels"):
        sites_from_coordinates([[0.1, 0, 0], [0.6, 0, 0]], cell=np.eye(3) * 5, labels=["A"])


def test_distances_are_those_of_all_images() -> None:
    found = site_distances(PLACES, SKEWED)
    for i, j in np.ndindex(3, 3):
        shifts = np.array(list(np.ndindex(9, 9, 9))) - 4
        all_images = np.linalg.norm((PLACES[j] - PLACES[i] + shifts) @ SKEWED, axis=1)
        assert found[i, j] == pytest.approx(all_images[all_images > 1e-9].min())


def test_equivalent_sites_share_a_name() -> None:
    """Rock salt: the eight tetrahedral places are one kind, the octahedral place another."""
    anions = np.array([[0, 0, 0], [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]]) * 5.0
    tetrahedral = np.array(list(np.ndindex(2, 2, 2))) / 2 + 0.25
    octahedral = [[0.5, 0.5, 0.5], [0.5, 0, 0], [0, 0.5, 0], [0, 0, 0.5]]
    sites = sites_from_coordinates(np.concatenate([tetrahedral, octahedral]), cell=5 * np.eye(3))
    named = name_equivalent(sites, [16] * 4, anions)
    assert named.labels == ("A",) * 8 + ("B",) * 4
