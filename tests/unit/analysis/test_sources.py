"""Trajectories that are read in blocks: same numbers, bounded memory, any kind of cell."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms

from lionn_rs.analysis import diffusivity, msd_tensor, synthetic
from lionn_rs.analysis.transport import motion, sources
from lionn_rs.analysis.transport.drift import drift_reference
from lionn_rs.analysis.transport.motion import Motion
from lionn_rs.analysis.transport.sources import ArraySource, Paths
from lionn_rs.md import Trajectory
from lionn_rs.md.trajectory import TRAJECTORY_FILE, TrajectoryWriter

CELL = np.array([[14.0, 0.0, 0.0], [3.0, 15.0, 0.0], [-2.0, 4.0, 16.0]])
STEP_FS = 20.0


def write(
    folder: Path, positions: np.ndarray, symbols: list[str], cells: np.ndarray, **options: Any
) -> Trajectory:
    """A finished run of ``lionn md`` that holds these frames as its production."""
    last = 10 * (len(positions) - 1)
    changes = cells.ndim == 3
    atoms = Atoms(symbols, positions[0], cell=cells[0] if changes else cells, pbc=True)
    metadata = {
        "protocol": {"temperature_K": 800.0, "timestep_fs": STEP_FS / 10, "stride": 10},
        "status": "finished", "seed": 1, "step": last,
        "stages": [{"label": "production", "first_step": 0, "n_steps": last}],
    }  # fmt: skip
    folder.mkdir(exist_ok=True)
    writer = TrajectoryWriter.create(
        folder / TRAJECTORY_FILE, atoms=atoms, n_frames=len(positions), metadata=metadata,
        changes_cell=changes, **options,
    )  # fmt: skip
    steps = np.arange(0, last + 1, 10, dtype=np.uint64)
    times = steps * STEP_FS / 10
    writer.append(steps, times, positions, cells=cells if changes else None)
    return Trajectory.open(folder)


@pytest.fixture(scope="module")
def run() -> tuple[np.ndarray, list[str]]:
    ions = synthetic.lattice_hops(
        np.random.default_rng(1), n_ions=12, n_frames=2001, frame_interval_fs=STEP_FS,
        diffusivity_cm2_s=6e-5,
    )  # fmt: skip
    positions, symbols = synthetic.with_framework(np.random.default_rng(2), ions, n_framework=9)
    drift = np.cumsum(0.01 * np.random.default_rng(3).standard_normal((2001, 1, 3)), axis=0)
    return positions + drift, symbols


def analyze(positions: Any, symbols: list[str], cell: Any, **options: Any) -> dict[str, Any]:
    return diffusivity(
        positions, cell=cell, symbols=symbols, frame_interval_fs=STEP_FS, temperature_K=800.0,
        **options,
    ).to_dict()  # fmt: skip


def test_blocks_change_nothing(
    run: tuple[np.ndarray, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    positions, symbols = run
    whole = analyze(positions, symbols, CELL)
    monkeypatch.setattr(sources, "BLOCK_BYTES", 24 * 21 * 17)
    monkeypatch.setattr(motion, "ATOM_BLOCK_BYTES", 24 * 2001 * 2)
    assert analyze(positions, symbols, CELL) == whole


def test_folding_in_blocks_changes_nothing(
    run: tuple[np.ndarray, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    positions, symbols = run
    monkeypatch.setattr(sources, "BLOCK_BYTES", 24 * 21 * 17)
    fractional = positions @ np.linalg.inv(CELL)
    folded = (fractional - np.floor(fractional)) @ CELL
    found = analyze(folded, symbols, CELL, wrapped=True)
    whole = analyze(positions, symbols, CELL)
    assert found["diffusivity_cm2_s"] == pytest.approx(whole["diffusivity_cm2_s"], rel=1e-9)
    assert found["unwrapping"]["wrapped"]
    assert found["unwrapping"]["longest_step_A"] == pytest.approx(
        whole["unwrapping"]["longest_step_A"]
    )


def test_a_file_gives_the_numbers_of_the_array(
    run: tuple[np.ndarray, list[str]], tmp_path: Path
) -> None:
    positions, symbols = run
    trajectory = write(tmp_path, positions, symbols, CELL, precision="float64")
    frames = trajectory.source("production")
    assert frames.shape == positions.shape
    assert analyze(frames, symbols, frames.cells) == analyze(positions, symbols, CELL)


def test_a_run_at_constant_pressure_has_the_diffusivity_of_its_fractions(
    run: tuple[np.ndarray, list[str]], tmp_path: Path
) -> None:
    """Positions are s·H(t), as ``lionn md`` writes them; ions far from the origin tell."""
    positions, symbols = run
    strain = 0.01 * np.random.default_rng(4).standard_normal(len(positions))
    strain -= strain.mean()
    cells = CELL * (1.0 + strain)[:, None, None]
    fractional = (positions + 200.0) @ np.linalg.inv(CELL)
    # Frames 2 Å apart from breathing alone: the check looks at fractional steps only.
    trajectory = write(tmp_path, fractional @ cells, symbols, cells, precision="float64")
    frames = trajectory.source("production")
    found = analyze(frames, symbols, frames.cells)
    expected = analyze(positions, symbols, CELL)
    assert found["diffusivity_cm2_s"] == pytest.approx(expected["diffusivity_cm2_s"], rel=1e-6)
    assert found["unwrapping"]["cell_changes"]
    assert any("the cell changes" in text for text in found["warnings"])
    assert found["volume_A3"] == pytest.approx(abs(np.linalg.det(CELL)), rel=1e-3)


def test_motion_is_that_of_the_arrays(run: tuple[np.ndarray, list[str]]) -> None:
    positions, symbols = run
    names = np.array(symbols)
    paths = Paths(ArraySource(positions), CELL[None], wrapped=False, convention="fractional")
    reference = drift_reference(names, carrier="Li", weights="mean")
    found = Motion(paths, names, reference, np.flatnonzero(names == "Li"))
    center = positions[:, names == "S"].mean(axis=1)
    relative = positions - (center - center[0])[:, None]
    np.testing.assert_allclose(found.ions("Li"), relative[:, names == "Li"], atol=1e-9)
    np.testing.assert_allclose(found.ions("S"), relative[:, names == "S"], atol=1e-9)
    moved = (relative - relative[0])[:, names == "Li"].sum(axis=1)
    np.testing.assert_allclose(found.sums["Li"], moved, atol=1e-9)
    np.testing.assert_allclose(found.sums["S"], 0.0, atol=1e-9)
    expected = msd_tensor(relative[:, names == "S"])[0]
    np.testing.assert_allclose(found.msd("S", tensor=True), expected, atol=1e-9)


MEASURE = """
import resource, sys
import numpy as np
from lionn_rs.analysis import diffusivity
from lionn_rs.md import Trajectory
t = Trajectory.open(sys.argv[1])
frames = t.source("production")
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
diffusivity(frames, cell=frames.cells, numbers=t.numbers, frame_interval_fs=20.0,
            temperature_K=800.0)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the unit of ru_maxrss is that of Linux")
def test_memory_grows_with_the_carriers_only(tmp_path: Path) -> None:
    """100,000 frames of 8 carriers among 120 atoms: 288 MB as an array, 19 MB of carriers."""
    rng = np.random.default_rng(5)
    n_frames, n_atoms = 100_000, 120
    symbols = ["Li"] * 8 + ["S"] * 112
    path = np.empty((n_frames, n_atoms, 3), dtype=np.float32)
    path[:, :8] = np.cumsum(0.1 * rng.standard_normal((n_frames, 8, 3)), axis=0)
    path[:, 8:] = 0.1 * rng.standard_normal((n_frames, 112, 3), dtype=np.float32)
    write(tmp_path, path, symbols, 40.0 * np.eye(3))
    del path
    text = subprocess.run(
        [sys.executable, "-c", MEASURE, str(tmp_path)], check=True, capture_output=True, text=True
    ).stdout
    # A block of frames, one of atoms (128 MB), spectra and curves; measured: see the message.
    assert float(text) < 280.0, f"{text} MB"
