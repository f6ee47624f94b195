"""A trajectory that is awkward in every way a format may trip over."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms

from lionn_rs.md import Trajectory
from lionn_rs.md.trajectory import TrajectoryWriter

SKEWED = np.array([[0.3, 9.0, 0.1], [8.5, -2.0, 0.4], [-1.5, 2.5, 10.0]])
"""Left-handed, no vector along an axis; the shortest lattice vector has 8.7 Å."""

SYMBOLS = ["Li", "S", "Li", "Li", "P", "S", "S", "Li"]
N_FRAMES = 60
TIMESTEP_FS, STRIDE = 2.0, 10


def random_walk(n_frames: int = N_FRAMES, seed: int = 7) -> np.ndarray:
    """Paths that leave the cell; no step is longer than 0.9·√3 Å, less than half of 8.7 Å."""
    rng = np.random.default_rng(seed)
    start = rng.uniform(-4.0, 14.0, (1, len(SYMBOLS), 3))
    moves = rng.uniform(-0.9, 0.9, (n_frames - 1, len(SYMBOLS), 3)) + 0.2 * np.sin(start)
    return np.concatenate([start, start + np.cumsum(moves, axis=0)])


def metadata(n_frames: int = N_FRAMES, **protocol: Any) -> dict[str, Any]:
    first = STRIDE * (n_frames // 3)
    last = STRIDE * (n_frames - 1)
    return {
        "protocol": {
            "temperature_K": 600.0,
            "timestep_fs": TIMESTEP_FS,
            "stride": STRIDE,
            "precision": "float64",
            **protocol,
        },
        "stages": [
            {"label": "equilibration", "first_step": 0, "n_steps": first},
            {"label": "production", "first_step": first, "n_steps": last - first},
        ],
        "seed": 1,
    }


def write_run(
    path: Path,
    *,
    cells: np.ndarray | None = None,
    velocities: bool = True,
    n_room: int | None = None,
    precision: str = "float64",
) -> Trajectory:
    """Write the walk as a run of lionn_rs; ``n_room`` frames are laid out, perhaps more."""
    positions = random_walk()
    changes = cells is not None
    atoms = Atoms(SYMBOLS, positions[0], cell=cells[0] if changes else SKEWED, pbc=True)
    writer = TrajectoryWriter.create(
        path,
        atoms=atoms,
        n_frames=n_room or len(positions),
        metadata=metadata(precision=precision),
        velocities=velocities,
        precision=precision,
        changes_cell=changes,
    )
    steps = STRIDE * np.arange(len(positions), dtype=np.uint64)
    speed = np.random.default_rng(8).normal(0.0, 0.01, positions.shape) if velocities else None
    if changes:
        # The convention of runs at constant pressure: s·H with the cell H of the frame.
        positions = positions @ np.linalg.inv(SKEWED) @ cells
    writer.append(steps, steps * TIMESTEP_FS, positions, speed, cells)
    return Trajectory.open(path)


def breathing_cells(n_frames: int = N_FRAMES) -> np.ndarray:
    """Lengths that swing by 3 % along each axis of space, out of phase."""
    phase = 0.4 * np.arange(n_frames)[:, None] + [0.0, 1.0, 2.0]
    return SKEWED * (1.0 + 0.03 * np.sin(phase))[:, None, :]


@pytest.fixture
def run(tmp_path: Path) -> Trajectory:
    return write_run(tmp_path / "run.h5")


@pytest.fixture
def breathing_run(tmp_path: Path) -> Trajectory:
    return write_run(tmp_path / "breathing.h5", cells=breathing_cells())
