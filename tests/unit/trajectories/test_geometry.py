"""Folding, unfolding in changing cells, and the rotation to a restricted cell."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lionn_rs.analysis import unwrap
from lionn_rs.errors import DataError
from lionn_rs.trajectories.geometry import SteadyBasis, Unwrapper, fold, restricted_cell

from .conftest import SKEWED, breathing_cells, random_walk


def test_fold_splits_into_inside_and_images() -> None:
    positions = random_walk()
    cells = np.broadcast_to(SKEWED, (len(positions), 3, 3))
    inside, images = fold(positions, cells)
    assert inside.min() >= 0.0
    assert inside.max() < 1.0
    assert np.abs((inside + images) @ SKEWED - positions).max() < 1e-12


def test_fold_of_a_tiny_negative_number_is_zero() -> None:
    inside, images = fold(np.array([[[-1e-18, 0.5, 0.5]]]), np.eye(3)[None])
    assert inside.tolist() == [[[0.0, 0.5, 0.5]]]
    assert images.tolist() == [[[0, 0, 0]]]


def test_unwrapping_in_one_cell_is_that_of_the_analysis() -> None:
    positions = random_walk()
    cells = np.broadcast_to(SKEWED, (len(positions), 3, 3))
    inside, _ = fold(positions, cells)
    expected = unwrap(inside, SKEWED, fractional=True)
    assert np.abs(Unwrapper()(inside, cells, 0) - expected).max() < 1e-12


def test_unwrapping_in_a_breathing_cell() -> None:
    cells = breathing_cells()
    continuous = random_walk() @ np.linalg.inv(SKEWED)
    inside, images = fold(continuous @ cells, cells)
    found = Unwrapper()(inside, cells, 0) @ np.linalg.inv(cells)
    assert np.ptp(images, axis=0).max() >= 1
    assert np.abs(found - (continuous - images[0])).max() < 1e-12


@pytest.mark.parametrize("sizes", [(60,), (1, 20, 39)])
def test_exchanged_lattice_vectors_are_followed(sizes: tuple[int, ...]) -> None:
    cells = breathing_cells()
    flipped = cells.copy()
    first = np.array([[1.0, 0.0, 0.0], [-1.0, 1.0, 0.0], [0.0, 1.0, 1.0]])
    second = np.array([[1.0, 0.0, 2.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]) @ first
    flipped[21:] = first @ cells[21:]
    flipped[35:] = second @ cells[35:]
    continuous = random_walk() @ np.linalg.inv(SKEWED)
    inside, _ = fold(continuous @ cells, flipped)
    steady, unwrapper, begin, found = SteadyBasis(), Unwrapper(), 0, []
    for size in sizes:
        part = slice(begin, begin + size)
        same, changes = steady(flipped[part])
        assert np.abs(same - cells[part]).max() < 1e-12
        found.append(unwrapper(inside[part] @ changes, same, begin) @ np.linalg.inv(same))
        begin += size
    assert steady.n_changes == 2
    shift = continuous - np.concatenate(found)
    assert np.abs(shift - np.rint(shift[0])).max() < 1e-12


def test_another_lattice_is_refused() -> None:
    with pytest.raises(DataError, match="jumps to another lattice"):
        SteadyBasis()(np.stack([SKEWED, 2.0 * SKEWED]))


@pytest.mark.parametrize("sizes", [(60,), (1, 59), (30, 30)])
def test_ambiguous_step_is_named_by_its_frames(sizes: tuple[int, ...]) -> None:
    positions = random_walk()
    # Half of a lattice vector: both ways are equally long.
    positions[40:, 3] += positions[39, 3] - positions[40, 3] + 0.5 * SKEWED[0]
    inside, _ = fold(positions, np.broadcast_to(SKEWED, (60, 3, 3)))

    def unwrap_all() -> None:
        unwrapper, begin = Unwrapper(), 0
        for size in sizes:
            part = inside[begin : begin + size]
            unwrapper(part, np.broadcast_to(SKEWED, (size, 3, 3)), begin)
            begin += size

    with pytest.raises(DataError, match=r"atom 3 moves .* between frames 39 and 40"):
        unwrap_all()


@settings(deadline=None, max_examples=60)
@given(st.lists(st.floats(-5.0, 5.0), min_size=9, max_size=9))
def test_restricted_cell_of_any_cell(entries: list[float]) -> None:
    cell = np.array(entries).reshape(3, 3) + 6.0 * np.eye(3)[[1, 0, 2]]
    if abs(np.linalg.det(cell)) < 1e-3:
        return
    lower, rotation = restricted_cell(cell)
    assert np.array_equal(lower, np.tril(lower))
    assert np.all(np.diag(lower) > 0)
    assert np.abs(rotation.T @ rotation - np.eye(3)).max() < 1e-12
    assert np.linalg.det(rotation) == pytest.approx(1.0)
    # Integer combinations of the rows: a basis of the same lattice.
    basis = lower @ np.linalg.inv(cell @ rotation)
    assert np.abs(basis - np.sign(np.linalg.det(cell)) * np.eye(3)).max() < 1e-6


def test_flat_cell_has_no_restricted_form() -> None:
    with pytest.raises(DataError, match="spans no volume"):
        restricted_cell(np.array([[1.0, 2.0, 3.0], [2.0, 4.0, 6.0], [0.0, 0.0, 1.0]]))
