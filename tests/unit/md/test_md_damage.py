"""Damaged or incomplete output folders are named, not overwritten."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from ase import Atoms

from lionn_rs._core import LennardJones
from lionn_rs.errors import DataError
from lionn_rs.md import Protocol, Trajectory, run_md


def truncate(path: Path, n_bytes: int) -> None:
    os.truncate(path, n_bytes)


def drop_frames(path: Path, n_frames: int) -> None:
    import h5py

    with h5py.File(path, "r+") as file:
        file["particles/all/position/step"][n_frames:] = -1


@pytest.mark.parametrize(
    ("name", "damage", "message"),
    [
        ("checkpoint.npz", lambda p: truncate(p, 100), "cannot be read as a checkpoint"),
        ("md.json", lambda p: p.write_text("{"), r"md\.json: damaged"),
        ("md.json", Path.unlink, r"md\.json: missing, this run cannot be continued"),
        ("trajectory.h5", Path.unlink, r"trajectory\.h5: missing"),
        ("trajectory.h5", lambda p: truncate(p, 3000), "cannot continue this trajectory"),
        ("trajectory.h5", lambda p: drop_frames(p, 3), "it ends at step 10, the checkpoint is of"),
        ("thermo.csv", lambda p: truncate(p, 400), r"it ends at step \d+, the checkpoint is of"),
        ("thermo.csv", Path.unlink, r"thermo\.csv: cannot continue this table"),
    ],
)
def test_damage_is_named(
    name: str,
    damage: Callable[[Path], object],
    message: str,
    lj: LennardJones,
    argon: Atoms,
    short: Protocol,
    tmp_path: Path,
) -> None:
    run_md(lj, argon, short, output=tmp_path, progress=False)
    damage(tmp_path / name)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    longer = short.model_copy(update={"production_ps": 1.2})
    with pytest.raises(DataError, match=message):
        run_md(lj, argon, longer, output=tmp_path, resume=True, progress=False)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_damaged_metadata_of_a_trajectory(
    lj: LennardJones, argon: Atoms, short: Protocol, tmp_path: Path
) -> None:
    run_md(lj, argon, short, output=tmp_path, progress=False)
    (tmp_path / "md.json").write_text("[]")
    with pytest.raises(DataError, match=r"md\.json: damaged"):
        Trajectory.open(tmp_path)
