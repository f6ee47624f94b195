"""Our H5MD read by MDAnalysis, files of older versions, and H5MD of other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from ase import Atoms

from lionn_rs._core import LennardJones
from lionn_rs.errors import DataError
from lionn_rs.md import Protocol, Trajectory, run_md
from lionn_rs.md.trajectory import TrajectoryWriter
from lionn_rs.trajectories import convert_trajectory, read_trajectory
from tests.unit.md.conftest import argon, lj, short  # noqa: F401  (fixtures)

from .conftest import N_FRAMES, SKEWED, SYMBOLS, breathing_cells, write_run


def universe_of(path: Path, n_atoms: int) -> Any:
    mda = pytest.importorskip("MDAnalysis")
    universe = mda.Universe.empty(n_atoms, trajectory=True)
    universe.load_new(str(path), format="H5MD")
    return universe


def assert_same_frames(universe: Any, run: Trajectory, n_frames: int) -> None:
    """Positions, velocities, boxes and times; MDAnalysis has single precision, ps and Å/ps."""
    from MDAnalysis.lib.mdamath import triclinic_box

    for k, now in enumerate(universe.trajectory[:n_frames]):
        assert np.abs(now.positions - run.positions()[k]).max() < 1e-5
        assert np.abs(now.velocities - 1000.0 * run.velocities()[k]).max() < 1e-4
        assert now.dimensions == pytest.approx(triclinic_box(*run.cells()[k]), rel=1e-6)
        assert now.time == pytest.approx(1e-3 * run.time_fs[k], abs=1e-6)
        assert now.data["step"] == run.step[k]


def test_mdanalysis_reads_a_run(
    lj: LennardJones,  # noqa: F811
    argon: Atoms,  # noqa: F811
    short: Protocol,  # noqa: F811
    tmp_path: Path,
) -> None:
    result = run_md(lj, argon, short, output=tmp_path, progress=False)
    universe = universe_of(tmp_path / "trajectory.h5", len(argon))
    assert universe.trajectory.n_frames == 71
    assert_same_frames(universe, result.trajectory, 71)


def test_mdanalysis_reads_a_run_at_constant_pressure(
    lj: LennardJones,  # noqa: F811
    argon: Atoms,  # noqa: F811
    short: Protocol,  # noqa: F811
    tmp_path: Path,
) -> None:
    protocol = short.model_copy(update={"barostat": "anisotropic", "barostat_tau_fs": 400.0})
    result = run_md(lj, argon, protocol, output=tmp_path, progress=False)
    assert np.ptp(result.trajectory.cells(), axis=0).max() > 0.01
    assert_same_frames(universe_of(tmp_path / "trajectory.h5", len(argon)), result.trajectory, 71)


@pytest.mark.parametrize("cells", [None, breathing_cells()], ids=["fixed", "changing"])
def test_unfinished_run(cells: np.ndarray | None, tmp_path: Path) -> None:
    path = tmp_path / "run.h5"
    run = write_run(path, cells=cells, n_room=100)
    assert run.n_frames == N_FRAMES
    universe = universe_of(path, len(SYMBOLS))
    # Room laid out for later shows as frames with step -1: the file alone cannot hide it.
    assert universe.trajectory.n_frames == 100
    assert_same_frames(universe, run, N_FRAMES)
    assert {int(now.data["step"]) for now in universe.trajectory[N_FRAMES:]} == {-1}
    # The converted file has what was written and nothing else.
    convert_trajectory(path, tmp_path / "clean.h5md", progress=False)
    clean = universe_of(tmp_path / "clean.h5md", len(SYMBOLS))
    assert clean.trajectory.n_frames == N_FRAMES
    assert_same_frames(clean, run, N_FRAMES)


def test_fixed_cell_is_kept_when_a_file_grows_or_shrinks(tmp_path: Path) -> None:
    path = tmp_path / "run.h5"
    write_run(path)
    metadata = Trajectory.open(path).metadata
    writer = TrajectoryWriter.resume(path, last_step=300, n_frames=90, metadata=metadata)
    with h5py.File(path) as file:
        edges = file["particles/all/box/edges/value"]
        assert np.array_equal(edges[:], np.broadcast_to(SKEWED, (90, 3, 3)))
        assert edges.id.get_storage_size() < 500
    writer.n_frames = 0
    writer.finish()
    assert np.array_equal(Trajectory.open(path).cell, SKEWED)
    assert Trajectory.open(path).n_frames == 0


def with_box_of_older_versions(path: Path) -> None:
    """Fixed cells were one data set without frames."""
    with h5py.File(path, "r+") as file:
        box = file["particles/all/box"]
        del box["edges"]
        box.create_dataset("edges", data=SKEWED).attrs["unit"] = "Angstrom"


def test_files_of_older_versions(run: Trajectory) -> None:
    assert run.path is not None
    with_box_of_older_versions(run.path)
    old = Trajectory.open(run.path)
    assert not old.changes_cell
    assert np.array_equal(old.cell, SKEWED)
    assert np.array_equal(old.cells(), run.cells())
    assert np.array_equal(old.positions(), run.positions())
    writer = TrajectoryWriter.resume(run.path, last_step=500, n_frames=70, metadata=run.metadata)
    assert writer.n_frames == 51
    convert_trajectory(run.path, run.path.with_name("new.h5md"), progress=False)
    assert not Trajectory.open(run.path.with_name("new.h5md")).changes_cell


def write_foreign(path: Path, run: Trajectory, **change: Any) -> None:
    """H5MD as another program may write it: nm and ps, folded with images, fixed box."""
    options = {"image": True, "unit": "nm", "species": run.numbers, "time": True, **change}
    fractional = run.positions() @ np.linalg.inv(SKEWED)
    images = np.floor(fractional).astype(np.int32)
    with h5py.File(path, "w") as file:
        group = file.create_group("particles/atoms")
        box = group.create_group("box")
        box.attrs["boundary"] = [b"periodic"] * 3
        box["edges"] = 0.1 * SKEWED
        position = group.create_group("position")
        value = position.create_dataset("value", data=0.1 * (fractional - images) @ SKEWED)
        if options["unit"]:
            value.attrs["unit"] = options["unit"]
        position["step"] = run.step
        if options["time"]:
            position.create_dataset("time", data=1e-3 * run.time_fs).attrs["unit"] = "ps"
        velocity = group.create_group("velocity")
        speed = velocity.create_dataset("value", data=100.0 * run.velocities())
        speed.attrs["unit"] = "nm ps-1"
        if options["image"]:
            group.create_dataset("image/value", data=images)
        if options["species"] is not None:
            group["species"] = options["species"]


def test_file_of_another_program(run: Trajectory, tmp_path: Path) -> None:
    path = tmp_path / "other.h5"
    write_foreign(path, run)
    back = read_trajectory(path, temperature_K=600)
    assert np.abs(back.positions() - run.positions()).max() < 1e-10
    assert np.abs(back.velocities() - run.velocities()).max() < 1e-12
    assert np.array_equal(back.cell, SKEWED) or np.abs(back.cell - SKEWED).max() < 1e-12
    assert back.time_fs == pytest.approx(run.time_fs)
    assert back.numbers.tolist() == run.numbers.tolist()
    assert back.metadata["source"]["positions"] == "images of the file"
    assert back.metadata["source"]["notes"] == ["species are taken to be atomic numbers"]


def test_file_of_another_program_without_images_or_times(run: Trajectory, tmp_path: Path) -> None:
    path = tmp_path / "other.h5"
    write_foreign(path, run, image=False, time=False)
    with pytest.raises(ValueError, match="no times with a unit: give --frame-interval-fs"):
        read_trajectory(path)
    back = read_trajectory(path, timestep_fs=2.0)
    assert back.frame_interval_fs == 20.0
    path_difference = back.positions() - run.positions()
    assert np.ptp(path_difference, axis=0).max() < 1e-9


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"species": None}, "does not say what the atoms are: name the elements with --types"),
        ({"species": [1, 2, 1, 1, 3, 2, 2, 1]}, "species 1 to 3 look like types"),
        ({"unit": "furlong"}, "unit of length 'furlong'"),
    ],
)
def test_what_a_file_must_say(
    change: dict[str, Any], message: str, run: Trajectory, tmp_path: Path
) -> None:
    path = tmp_path / "other.h5"
    write_foreign(path, run, **change)
    with pytest.raises(DataError, match=message):
        read_trajectory(path)


def test_types_that_count_from_zero(run: Trajectory, tmp_path: Path) -> None:
    path = tmp_path / "other.h5"
    write_foreign(path, run, species=[0, 1, 0, 0, 2, 1, 1, 0])
    with pytest.raises(DataError, match=r"type 0, --types \(types\) names 3, from 1"):
        read_trajectory(path, types=["Li", "S", "P"])


def test_cells_of_other_frames_than_the_positions(run: Trajectory, tmp_path: Path) -> None:
    path = tmp_path / "other.h5"
    write_foreign(path, run)
    with h5py.File(path, "r+") as file:
        box = next(iter(file["particles"].values()))["box"]
        del box["edges"]
        box["edges/value"] = np.tile(np.eye(3), (7, 1, 1))
    with pytest.raises(DataError, match=r"box edges of shape \(7, 3, 3\), expected"):
        read_trajectory(path)


def test_types_of_another_program(run: Trajectory, tmp_path: Path) -> None:
    path = tmp_path / "other.h5"
    write_foreign(path, run, species=[1, 2, 1, 1, 3, 2, 2, 1])
    back = read_trajectory(path, types=["Li", "S", "P"])
    assert back.atoms(0).get_chemical_symbols() == SYMBOLS
