"""Paths in skewed and in breathing cells: an oracle, random cells, and known diffusivities."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lionn_rs import _core
from lionn_rs.analysis import msd, unwrap
from lionn_rs.errors import ConfigError, DataError, ShapeError

edges = st.floats(3.0, 15.0)
shears = st.floats(-3.0, 3.0)


@st.composite
def cells(draw: st.DrawFn) -> np.ndarray:
    """Cells sheared by up to three lattice vectors."""
    a, b, c = draw(edges), draw(edges), draw(edges)
    return np.array(
        [[a, 0.0, 0.0], [draw(shears) * a, b, 0.0], [draw(shears) * a, draw(shears) * b, c]]
    )


def oracle(steps: np.ndarray, cell: np.ndarray) -> np.ndarray:
    """Shortest of all images within 15 cells, one by one."""
    shifts = np.array(list(product(range(-15, 16), repeat=3)), dtype=float) @ cell
    images = steps[:, None, :] + shifts
    return images[np.arange(len(steps)), np.linalg.norm(images, axis=2).argmin(axis=1)]


@settings(max_examples=25, deadline=None)
@given(cell=cells(), seed=st.integers(0, 1000))
def test_shortest_image_in_random_cells(cell: np.ndarray, seed: int) -> None:
    rng = np.random.default_rng(seed)
    points = rng.uniform(size=(2, 4, 3)) @ cell
    expected = oracle(points[1] - points[0], cell)
    vectors = np.array(list(product(range(-12, 13), repeat=3)), dtype=float) @ cell
    shortest = np.sort(np.linalg.norm(vectors, axis=1))[1]
    lengths = np.linalg.norm(expected, axis=1)
    if lengths.max() >= 0.5 * shortest:
        with pytest.raises(DataError, match="more than half of the shortest lattice vector"):
            unwrap(points, cell)
    inside = lengths < 0.5 * shortest
    if inside.any():
        found = unwrap(points[:, inside], cell)
        np.testing.assert_allclose(found[1] - found[0], expected[inside], atol=1e-9)


@settings(max_examples=25, deadline=None)
@given(cell=cells(), seed=st.integers(0, 1000))
def test_any_way_of_wrapping_gives_the_same_path(cell: np.ndarray, seed: int) -> None:
    rng = np.random.default_rng(seed)
    lattice = np.array(list(product(range(-12, 13), repeat=3)), dtype=float) @ cell
    reach = 0.49 * np.sort(np.linalg.norm(lattice, axis=1))[1]
    moves = rng.standard_normal((30, 3, 3))
    moves *= reach * rng.uniform(size=(30, 3, 1)) / np.linalg.norm(moves, axis=2, keepdims=True)
    path = np.cumsum(moves, axis=0)
    folded = path + rng.integers(-3, 4, size=path.shape) @ cell
    found = unwrap(folded, cell)
    np.testing.assert_allclose(found - found[0], path - path[0], atol=1e-8)
    # In a constant cell the conventions are one.
    other = unwrap(folded, cell, convention="cartesian")
    np.testing.assert_allclose(other - other[0], path - path[0], atol=1e-8)


def breathing_gas(
    rng: np.random.Generator, n_frames: int = 4000, n_atoms: int = 200
) -> tuple[np.ndarray, np.ndarray, float]:
    """Ideal gas in a box that breathes by 2 %: fractional walks whose steps are v dt / L."""
    length = 10.0 * (1.0 + 0.02 * rng.standard_normal(n_frames))
    steps = 0.4 * rng.standard_normal((n_frames, n_atoms, 3)) / length[:, None, None]
    return np.cumsum(steps, axis=0), length[:, None, None] * np.eye(3), 3 * 0.4**2


def test_breathing_cell_does_not_bias_the_fractional_convention() -> None:
    """An ideal gas in a breathing box: instantaneous cells make it diffuse too fast."""
    fractional, boxes, truth = breathing_gas(np.random.default_rng(1))
    wrapped = (fractional - np.floor(fractional)) @ boxes
    lags = np.array([50, 400])

    def slope(paths: np.ndarray) -> float:
        curve = msd(paths)[0].sum(axis=0)[lags]
        return float((curve[1] - curve[0]) / (lags[1] - lags[0]))

    # 200 walks of 4000 frames up to a lag of 400: standard error about 2 %; <1/L²> adds 0.3 %.
    assert slope(unwrap(wrapped, boxes)) == pytest.approx(truth, rel=0.06)
    # Every step of the box displaces an atom at x by x dL/L. Atoms are found up to hundreds of Å
    # away, the noise of the box is white: an offset that grows with the length of the path.
    naive = fractional @ boxes
    offset = msd(naive)[0].sum(axis=0)[1] / truth
    assert offset > 2.0
    # Cartesian steps of wrapped positions: only the part of the box around the atom counts.
    assert slope(unwrap(wrapped, boxes, convention="cartesian")) == pytest.approx(truth, rel=0.08)


def test_slow_breathing_biases_instantaneous_cells_at_all_lags() -> None:
    rng = np.random.default_rng(2)
    n_frames = 4000
    strain = 0.02 * np.sin(2 * np.pi * np.arange(n_frames) / 900)
    boxes = 10.0 * (1.0 + strain)[:, None, None] * np.eye(3)
    fractional = np.cumsum(0.04 * rng.standard_normal((n_frames, 100, 3)), axis=0) + 20.0
    naive = msd(fractional @ boxes)[0].sum(axis=0)[400]
    wrapped = (fractional - np.floor(fractional)) @ boxes
    right = msd(unwrap(wrapped, boxes))[0].sum(axis=0)[400]
    assert right == pytest.approx(400 * 3 * 0.4**2, rel=0.1)
    assert naive > 1.1 * right


def test_fractional_input_in_a_changing_cell() -> None:
    fractional, boxes, _ = breathing_gas(np.random.default_rng(3), 50, 4)
    folded = fractional - np.floor(fractional)
    found = unwrap(folded, boxes, fractional=True)
    expected = (fractional - fractional[0]) @ boxes.mean(axis=0)
    np.testing.assert_allclose(found - found[0], expected, atol=1e-9)


def test_bad_input_is_named() -> None:
    points = np.zeros((3, 2, 3))
    with pytest.raises(ShapeError, match=r"cell must have shape \(3, 3\) or \(3, 3, 3\)"):
        unwrap(points, np.zeros((2, 3, 3)))
    flat = np.stack([np.eye(3), np.diag([1.0, 1.0, 0.0]), np.eye(3)])
    with pytest.raises(DataError, match="cell of frame 1 spans no volume"):
        unwrap(points, flat)
    with pytest.raises(ConfigError, match="'fractional' or 'cartesian', got 'naive'"):
        unwrap(points, np.eye(3), convention="naive")  # type: ignore[arg-type]
    points[1, 1, 2] = np.nan
    with pytest.raises(DataError, match="atom 1 in frame 1 is not finite"):
        unwrap(points, np.eye(3))


def test_longest_step_is_kept() -> None:
    points = np.zeros((4, 3, 3))
    points[2:, 1, 0] = 1.5
    unwrapper = _core.Unwrapper(3, (10.0 * np.eye(3)).tolist(), False)
    unwrapper.advance(points, 10.0 * np.eye(3)[None])
    assert unwrapper.longest == pytest.approx((1.5, 5.0, 1, 1))
