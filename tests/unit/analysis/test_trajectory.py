"""Unwrapping, wrapped input, and the drift reference."""

from __future__ import annotations

import numpy as np
import pytest

from lionn_rs.analysis import remove_drift, unwrap
from lionn_rs.analysis.transport.sources import check_unwrapped
from lionn_rs.analysis.transport.trajectory import as_symbols
from lionn_rs.errors import ConfigError, DataError, ShapeError

SKEWED = np.array([[9.0, 0.0, 0.0], [13.0, 8.0, 0.0], [-7.0, 5.0, 10.0]])


def walk(seed: int, step: float, n_frames: int = 200, n_atoms: int = 7) -> np.ndarray:
    rng = np.random.default_rng(seed)
    start = rng.uniform(0.0, 20.0, (1, n_atoms, 3))
    moves = rng.uniform(-step, step, (n_frames - 1, n_atoms, 3))
    return np.concatenate([start, start + np.cumsum(moves, axis=0)])


def wrap(positions: np.ndarray, cell: np.ndarray) -> np.ndarray:
    fractional = positions @ np.linalg.inv(cell)
    return (fractional - np.floor(fractional)) @ cell


@pytest.mark.parametrize("cell", [9.0 * np.eye(3), SKEWED], ids=["cubic", "skewed"])
def test_unwrap_undoes_wrapping(cell: np.ndarray) -> None:
    # Shortest vector of the skewed lattice is sqrt(74) = 8.6 Å: half of it bounds the step.
    path = walk(1, 2.4)
    folded = wrap(path, cell)
    restored = unwrap(folded, cell)
    np.testing.assert_allclose(restored - restored[0], path - path[0], atol=1e-9)
    fractional = unwrap(folded @ np.linalg.inv(cell), cell, fractional=True)
    np.testing.assert_allclose(fractional, restored, atol=1e-9)


def test_rounding_alone_would_fail_in_the_skewed_cell() -> None:
    path = walk(1, 2.4)
    steps = np.diff(wrap(path, SKEWED) @ np.linalg.inv(SKEWED), axis=0)
    rounded = (steps - np.round(steps)) @ SKEWED
    assert np.abs(rounded - np.diff(path, axis=0)).max() > 1.0


def test_frames_too_far_apart_are_refused() -> None:
    path = np.zeros((3, 2, 3))
    path[2, 1] = [2.9, 2.9, 2.9]
    with pytest.raises(DataError, match=r"atom 1 moves 5\.02 Å between frames 1 and 2.*3\.00 Å"):
        unwrap(path, 6.0 * np.eye(3))


def test_wrapped_positions_are_noticed() -> None:
    folded = wrap(walk(2, 1.0), 9.0 * np.eye(3))
    with pytest.raises(DataError, match="wrapped or the frames too far apart"):
        check_unwrapped(folded, 9.0 * np.eye(3))


def drifting() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Carriers move on their own; everything drifts; S vibrates against P."""
    rng = np.random.default_rng(3)
    symbols = np.array(["Li", "Li", "S", "P"])
    own = np.zeros((50, 4, 3))
    own[:, :2] = np.cumsum(rng.standard_normal((50, 2, 3)), axis=0)
    own -= own[0]
    drift = np.linspace(0.0, 7.0, 50)[:, None, None] * np.array([1.0, -2.0, 0.5])
    return own, own + drift, symbols


@pytest.mark.parametrize("reference", ["framework", "S", ["P", "S"], [2, 3]])
@pytest.mark.parametrize("weights", ["mass", "mean"])
def test_drift_of_the_chosen_set_is_removed(reference: object, weights: str) -> None:
    own, positions, symbols = drifting()
    corrected, record = remove_drift(
        positions,
        symbols,
        carrier="Li",
        reference=reference,
        weights=weights,  # type: ignore[arg-type]
    )
    np.testing.assert_allclose(corrected, own, atol=1e-12)
    assert record.largest_A == pytest.approx(7.0 * np.sqrt(5.25))
    assert record.weights == weights


def test_mass_weights_are_masses() -> None:
    symbols = np.array(["Li", "S", "P"])
    positions = np.zeros((2, 3, 3))
    positions[1, 1, 0] = 1.0
    corrected, _ = remove_drift(positions, symbols, carrier="Li")
    assert corrected[1, 0, 0] == pytest.approx(-32.06 / (32.06 + 30.973762), rel=1e-4)


def test_without_framework_nothing_is_subtracted() -> None:
    positions = walk(4, 1.0, n_atoms=3)
    corrected, record = remove_drift(positions, np.array(["Li"] * 3), carrier="Li")
    np.testing.assert_array_equal(corrected, positions)
    assert record.reference == "none (no framework atoms)"


def test_bad_references_are_named() -> None:
    _, positions, symbols = drifting()
    for reference, text in [
        ("frame", "'framework', 'all', 'none'"),
        (["Cl"], "no atoms of Cl"),
        ([9], "indices must lie in 0..3"),
    ]:
        with pytest.raises(ConfigError, match=text):
            remove_drift(positions, symbols, carrier="Li", reference=reference)


def test_symbols_or_numbers() -> None:
    assert as_symbols(2, symbols=None, numbers=[3, 16]).tolist() == ["Li", "S"]
    with pytest.raises(ConfigError, match="either symbols or numbers"):
        as_symbols(2, symbols=None, numbers=None)
    with pytest.raises(ShapeError, match="2 entries to match positions, got 1"):
        as_symbols(2, symbols=["Li"], numbers=None)
