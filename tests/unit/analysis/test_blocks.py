"""Structure and mechanism from frames that are read in blocks: the numbers of the whole array."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from lionn_rs import _core
from lionn_rs.analysis import (
    ion_density,
    jumps,
    rdf,
    remove_drift,
    sites_from_coordinates,
    synthetic,
    vacf,
    van_hove_distinct,
    van_hove_self,
    velocities_from_positions,
)
from lionn_rs.analysis.mechanism.visits import find_visits
from lionn_rs.analysis.transport import sources
from lionn_rs.analysis.transport.relative import without_drift
from lionn_rs.analysis.transport.sources import ArraySource
from lionn_rs.analysis.transport.timing import ballistic_temperature

A, N, N_FRAMES, STEP_FS = 3.25, 3, 601, 20.0
CELL = N * A * np.eye(3)
LATTICE = A * np.stack(np.meshgrid(*[np.arange(N)] * 3, indexing="ij"), -1).reshape(-1, 3)
MOST_FRAMES, MOST_IONS = 17, 2


class Watched(ArraySource):
    """A source that remembers the largest piece that was asked for."""

    largest = 0

    def read(self, start: int, stop: int, atoms: Any = None) -> Any:
        block = super().read(start, stop, atoms)
        self.largest = max(self.largest, len(block))
        return block


@pytest.fixture(scope="module")
def run() -> tuple[np.ndarray, np.ndarray]:
    """Twelve hopping ions among sulfur atoms, all of which drift."""
    rng = np.random.default_rng(1)
    ions = synthetic.lattice_hops(
        rng, n_ions=12, n_frames=N_FRAMES, frame_interval_fs=STEP_FS, diffusivity_cm2_s=8e-5,
        vibration_A=0.25,
    )  # fmt: skip
    ions += LATTICE[rng.permutation(N**3)[:12]]
    positions, symbols = synthetic.with_framework(rng, ions, n_framework=27, sd_A=0.1)
    positions[:, 12:] += LATTICE + A / 2
    return positions + np.linspace(0.0, 2.0, N_FRAMES)[:, None, None], np.array(symbols)


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "BLOCK_BYTES", 24 * 39 * MOST_FRAMES)
    monkeypatch.setattr(sources, "ATOM_BLOCK_BYTES", 24 * N_FRAMES * MOST_IONS)


ANALYSES: dict[str, Callable[..., Any]] = {
    "rdf": lambda frames, **common: rdf(frames, cell=CELL, pair=("Li", "S"), **common),
    "density": lambda frames, **common: ion_density(
        frames, cell=CELL, species="Li", smearing_A=0.2, **common
    ),
    "van_hove_self": lambda frames, **common: van_hove_self(
        frames, frame_interval_fs=STEP_FS, species="Li", **common
    ),
    "van_hove_distinct": lambda frames, **common: van_hove_distinct(
        frames, cell=CELL, frame_interval_fs=STEP_FS, pair=("Li", "Li"), max_origins=30, **common
    ),
    "vacf": lambda frames, **common: vacf(
        positions=frames, frame_interval_fs=STEP_FS, species="Li", window_ps=1.0, **common
    ),
    "jumps": lambda frames, **common: jumps(
        frames, cell=CELL, frame_interval_fs=STEP_FS, min_residence_fs=0.0,
        sites=sites_from_coordinates(LATTICE @ np.linalg.inv(CELL), cell=CELL), **common,
    ),
}  # fmt: skip


def equal(found: Any, expected: Any) -> None:
    """Compare records field by field: counts exactly, numbers to rounding (1e-9)."""
    if dataclasses.is_dataclass(expected):
        for field in dataclasses.fields(expected):
            equal(getattr(found, field.name), getattr(expected, field.name))
    elif isinstance(expected, (tuple, list)):
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            equal(one, other)
    elif isinstance(expected, (float, np.ndarray)):
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)
    else:
        assert found == expected


@pytest.mark.parametrize("name", ANALYSES)
def test_blocks_change_nothing(
    name: str, run: tuple[np.ndarray, np.ndarray], small_blocks: None, monkeypatch: Any
) -> None:
    positions, symbols = run
    still, _ = remove_drift(positions, symbols, carrier="Li")
    frames = without_drift(source := Watched(positions), symbols, carrier="Li")
    found = ANALYSES[name](frames, symbols=symbols.tolist())
    # A velocity needs the next frame too.
    assert 0 < source.largest <= MOST_FRAMES + (name == "vacf")
    monkeypatch.undo()
    equal(found, ANALYSES[name](still, symbols=symbols.tolist()))


def test_frames_without_drift_are_those_of_remove_drift(
    run: tuple[np.ndarray, np.ndarray], small_blocks: None
) -> None:
    positions, symbols = run
    expected, drift = remove_drift(positions, symbols, carrier="Li")
    frames = without_drift(positions, symbols, carrier="Li")
    np.testing.assert_allclose(frames.read(40, 400), expected[40:400], atol=1e-11)
    np.testing.assert_allclose(frames.mean, expected.mean(axis=0), atol=1e-11)
    equal(frames.drift, drift)
    some = np.array([3, 20])
    np.testing.assert_allclose(frames.read(0, 5, some), expected[:5, some], atol=1e-11)


def test_sums_over_blocks_are_those_of_the_kernels(
    run: tuple[np.ndarray, np.ndarray], small_blocks: None
) -> None:
    """The whole array in one call of the core, as an oracle of the sums."""
    positions, symbols = run
    ions = np.flatnonzero(symbols == "Li").astype(np.uint64)
    names = symbols.tolist()
    result = van_hove_self(
        positions, frame_interval_fs=STEP_FS, species="Li", symbols=names, lags_ps=[0.2, 2.0]
    )
    lags = np.array([10, 100], dtype=np.uint64)
    counts = _core.van_hove_self(positions, ions, lags, 8.0, 160)
    windows = (N_FRAMES - lags.astype(float))[:, None] * len(ions)
    np.testing.assert_array_equal(result.density, counts / windows / 0.05)
    density = ion_density(positions, cell=CELL, species="Li", symbols=names, spacing_A=0.65)
    grid = _core.density_counts(CELL.tolist(), positions, ions, (15, 15, 15))
    point = np.linalg.det(CELL) / 15**3
    np.testing.assert_allclose(density.values, grid / (N_FRAMES * point), rtol=1e-12)
    speed = velocities_from_positions(positions, STEP_FS)
    correlation = _core.autocorrelation(
        np.ascontiguousarray(speed), np.where(symbols == "Li", 0, 1).astype(np.uint64), 1
    )[0].sum(axis=0)
    found = vacf(
        positions=positions, frame_interval_fs=STEP_FS, species="Li", symbols=names, window_ps=1.0
    )
    expected = correlation[:51] / correlation[0]
    np.testing.assert_allclose(found.correlation, expected, atol=1e-12)
    distinct = van_hove_distinct(
        positions, cell=CELL, frame_interval_fs=STEP_FS, pair=("Li", "Li"), symbols=names,
        lags_ps=[1.0], max_origins=20, n_bins=160,
    )  # fmt: skip
    origins = np.unique(np.linspace(0, N_FRAMES - 51, 20).astype(np.uint64))
    pairs = _core.van_hove_distinct(CELL.tolist(), positions, ions, ions, origins, 50, 8.0, 160)
    ideal = 12 * 12 / np.linalg.det(CELL) * 4 / 3 * np.pi * np.diff(np.linspace(0, 8, 161) ** 3)
    np.testing.assert_allclose(distinct.g[0], pairs.mean(axis=0) / ideal, rtol=1e-12)


def test_vibration_is_that_of_the_displacements(run: tuple[np.ndarray, np.ndarray]) -> None:
    """Slow oracle: every displacement from the mean place in its site, one by one."""
    positions, symbols = run
    still, _ = remove_drift(positions, symbols, carrier="Li")
    sites = sites_from_coordinates(LATTICE @ np.linalg.inv(CELL), cell=CELL)
    result = jumps(
        still, cell=CELL, frame_interval_fs=STEP_FS, min_residence_fs=0.0, sites=sites,
        radius_A=0.7, symbols=symbols.tolist(),
    )  # fmt: skip
    visits = find_visits(still, np.arange(12), sites, radius_A=0.7)
    places = (sites.fractional[visits.site] + visits.shift) @ CELL
    offsets: dict[int, list[np.ndarray]] = {}
    for k, place in enumerate(places):
        frames = slice(visits.enter[k], visits.last_inside[k] + 1)
        offsets.setdefault(int(visits.site[k]), []).append(still[frames, visits.ion[k]] - place)
    squares = np.concatenate(
        [(x := np.concatenate(parts)) - x.mean(axis=0) for parts in offsets.values()]
    )
    assert result.vibration is not None
    np.testing.assert_allclose(
        result.vibration.axes_A, np.sqrt(np.mean(squares**2, axis=0)), rtol=1e-10
    )


def test_timer_over_blocks_gives_the_temperature_of_the_array() -> None:
    rng = np.random.default_rng(0)
    velocities = rng.normal(0.0, 0.01, (1, 60, 3))
    path = velocities * 2.0 * np.arange(90)[:, None, None]
    path[:, 40:] = 0.0  # held in place: no temperature
    frames = without_drift(path, np.array(["Li"] * 60), carrier="Li", reference="none")
    found = frames.timer.temperature_K(2.0)
    alone = ballistic_temperature(path[:, :40], masses=np.full(40, 6.94), frame_interval_fs=2.0)
    assert found == pytest.approx(alone)
    assert frames.timer.check(frame_interval_fs=2.0, temperature_K=found).consistent
    wrong = frames.timer.check(frame_interval_fs=20.0, temperature_K=found)
    assert not wrong.consistent
    assert wrong.likely_interval_fs == pytest.approx(2.0)
    assert "are the frames 2 fs apart instead of 20 fs?" in wrong.warning
