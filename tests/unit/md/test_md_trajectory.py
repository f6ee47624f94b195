"""The trajectory file as H5MD, read without lionn_rs."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import numpy as np
import pytest
from ase import Atoms

from lionn_rs._core import LennardJones
from lionn_rs.md import Protocol, Trajectory, run_md


def test_layout_follows_h5md(
    lj: LennardJones, argon: Atoms, short: Protocol, tmp_path: Path
) -> None:
    single = short.model_copy(update={"precision": "float32"})
    run_md(lj, argon, single, output=tmp_path, progress=False)
    with h5py.File(tmp_path / "trajectory.h5") as file:
        assert file["h5md"].attrs["version"].tolist() == [1, 1]
        assert file["h5md/creator"].attrs["name"] == "lionn_rs"
        group = file["particles/all"]
        assert group["box"].attrs["dimension"] == 3
        assert list(group["box"].attrs["boundary"]) == ["periodic"] * 3
        # One cell per frame, as MDAnalysis wants it, also where it is fixed.
        edges = group["box/edges"]
        assert edges.attrs["fixed"]
        assert np.array_equal(edges["value"][:], np.broadcast_to(argon.cell[:], (71, 3, 3)))
        assert edges["value"].attrs["unit"] == "Angstrom"
        assert edges["step"] == group["position/step"]
        assert group["species"][:].tolist() == [18] * 32
        position = group["position"]
        assert position["value"].dtype == np.float32
        assert position["value"].shape == (71, 32, 3)
        assert position["value"].attrs["unit"] == "Angstrom"
        assert position["step"][:].tolist() == list(range(0, 351, 5))
        assert np.array_equal(position["time"][:], 4.0 * position["step"][:])
        assert position["time"].attrs["unit"] == "fs"
        assert group["velocity/step"] == position["step"]
        assert group["velocity/value"].attrs["unit"] == "Angstrom fs-1"


def test_reading_by_stage(lj: LennardJones, argon: Atoms, short: Protocol, tmp_path: Path) -> None:
    run_md(lj, argon, short, output=tmp_path, progress=False)
    trajectory = Trajectory.open(tmp_path)
    assert trajectory.frames("heating") == slice(0, 21)
    assert trajectory.frames("equilibration") == slice(20, 31)
    assert trajectory.frames("production") == slice(30, 71)
    assert trajectory.frame_interval_fs == 20
    assert trajectory.time_fs[-1] == 1400
    assert trajectory.temperature_K == 120
    assert trajectory.positions("production").shape == (41, 32, 3)
    assert np.array_equal(trajectory.positions()[0], argon.positions)
    last = trajectory.atoms()
    assert np.array_equal(last.positions, trajectory.positions()[-1])
    assert np.array_equal(last.cell[:], argon.cell[:])
    # Displacements of unwrapped positions are those of the velocities, to second order.
    step = np.diff(trajectory.positions(), axis=0)
    mean = 0.5 * (trajectory.velocities()[1:] + trajectory.velocities()[:-1]) * 20
    assert np.abs(step - mean).max() < 0.02


@pytest.mark.parametrize("status", ["running", "interrupted", "stopped"])
def test_frames_ahead_of_the_checkpoint_do_not_count(
    status: str, lj: LennardJones, argon: Atoms, short: Protocol, tmp_path: Path
) -> None:
    """A process that has just gone on with a run writes frames before it says so in md.json."""
    run_md(lj, argon, short, output=tmp_path, progress=False)
    state = json.loads((tmp_path / "md.json").read_text()) | {"status": status, "step": 200}
    (tmp_path / "md.json").write_text(json.dumps(state))
    assert Trajectory.open(tmp_path).step[-1] == 200
