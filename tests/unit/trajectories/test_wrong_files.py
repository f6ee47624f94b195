"""What a new user may hand in: each gives one line that says what to do."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from ase.io import write

from lionn_rs.errors import ConfigError, DataError, LionnError
from lionn_rs.md import Trajectory
from lionn_rs.trajectories import convert_trajectory, read_trajectory
from lionn_rs.trajectories.formats import FORMATS, find_format

from .conftest import SKEWED, SYMBOLS, random_walk


def images(n_frames: int = 5, **options: Any) -> list[Atoms]:
    settings = {"cell": SKEWED, "pbc": True, **options}
    return [Atoms(SYMBOLS, positions, **settings) for positions in random_walk()[:n_frames]]


def refused(error: type[LionnError], message: str, call: Any, *args: Any, **options: Any) -> None:
    with pytest.raises(error, match=message) as raised:
        call(*args, **options)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("suffix", [".extxyz", ".traj"])
def test_atoms_that_appear_or_change_places(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"run{suffix}"
    frames = images()
    frames[3] += Atoms("Li", [(0, 0, 0)])
    write(path, frames)
    message = "frame 3: 9 atoms, the first frame has 8; atoms must not appear or disappear"
    refused(DataError, message, read_trajectory, path, frame_interval_fs=1)
    frames = images()
    frames[2] = frames[2][[1, 0, 2, 3, 4, 5, 6, 7]]
    write(path, frames)
    message = "frame 2: atom 0 is another element than in the first frame"
    refused(DataError, message, read_trajectory, path, frame_interval_fs=1)


@pytest.mark.parametrize("suffix", [".extxyz", ".traj"])
def test_time_that_nobody_said(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"run{suffix}"
    write(path, images())
    message = "no 'time_fs' in their info: give --frame-interval-fs"
    refused(ConfigError, message, read_trajectory, path)


def test_frames_not_equally_spaced(tmp_path: Path) -> None:
    path = tmp_path / "run.extxyz"
    frames = images()
    for atoms, time in zip(frames, [0.0, 10.0, 20.0, 40.0, 50.0], strict=True):
        atoms.info["time_fs"] = time
    write(path, frames)
    message = "20 fs after selected frame 2, 10 fs elsewhere .choose a part with --start"
    refused(DataError, message, read_trajectory, path)
    assert read_trajectory(path, stop_ps=0.02).n_frames == 3
    refused(DataError, message, convert_trajectory, path, tmp_path / "run.h5md", progress=False)
    assert list(tmp_path.iterdir()) == [path]
    # Formats for viewers do not mind.
    assert convert_trajectory(path, tmp_path / "run.traj", progress=False).n_frames == 5


def test_no_cell(tmp_path: Path) -> None:
    path = tmp_path / "cluster.xyz"
    write(path, images(cell=np.zeros((3, 3)), pbc=False), format="xyz")
    run = read_trajectory(path, frame_interval_fs=1)
    assert run.metadata["source"]["positions"] == "not periodic, taken as they are"
    for name in ("XDATCAR", "run.lammpstrj"):
        refused(
            DataError,
            "has no cell, .* needs one",
            convert_trajectory,
            path,
            tmp_path / name,
            progress=False,
        )
    convert_trajectory(path, tmp_path / "run.extxyz", progress=False)
    back = read_trajectory(tmp_path / "run.extxyz", frame_interval_fs=1)
    assert np.abs(back.positions() - random_walk()[:5]).max() < 1e-8


def test_periodic_without_a_cell(tmp_path: Path) -> None:
    path = tmp_path / "run.traj"
    write(path, images(cell=np.zeros((3, 3)), pbc=True))
    refused(
        DataError, "periodic, but a frame has no cell", read_trajectory, path, frame_interval_fs=1
    )


def test_jump_of_half_a_cell(tmp_path: Path) -> None:
    path = tmp_path / "run.traj"
    frames = images()
    frames[2].positions[4] += 0.5 * SKEWED[0] + frames[1].positions[4] - frames[2].positions[4]
    write(path, frames)
    message = r"run\.traj: atom 4 moves .* between frames 1 and 2, .* store frames more often"
    refused(DataError, message, read_trajectory, path, frame_interval_fs=1)
    assert read_trajectory(path, frame_interval_fs=1, positions="unwrapped").n_frames == 5


def test_sparse_frames_of_unwrapped_positions_are_noted(tmp_path: Path) -> None:
    path = tmp_path / "run.traj"
    frames = images()
    for k, atoms in enumerate(frames):
        atoms.positions[4] = frames[0].positions[4] + 0.9 * k * SKEWED[2]
    write(path, frames)
    run = read_trajectory(path, frame_interval_fs=1)
    assert "--positions unwrapped" in run.metadata["source"]["notes"][0]
    kept = read_trajectory(path, frame_interval_fs=1, positions="unwrapped")
    assert kept.metadata["source"]["notes"] == []
    assert np.abs(kept.positions()[4, 4] - frames[4].positions[4]).max() < 1e-12


def test_numbers_that_are_none(tmp_path: Path) -> None:
    path = tmp_path / "run.extxyz"
    frames = images()
    frames[1].positions[2, 1] = np.nan
    write(path, frames)
    refused(
        DataError, "frame 1: positions or cell are not finite", read_trajectory, path,
        frame_interval_fs=1,
    )  # fmt: skip


@pytest.mark.parametrize("name", [n for n, f in FORMATS.items() if f.reads])
def test_empty_and_foreign_files(name: str, tmp_path: Path) -> None:
    if name in ("dcd", "xtc", "trr"):
        pytest.importorskip("MDAnalysis")
    form = FORMATS[name]
    path = tmp_path / f"run{form.suffixes[0]}"
    topology = tmp_path / "top.extxyz"
    write(topology, images(1))
    for content in (b"", b"This is a letter to a friend.\nIt has two lines.\n", os.urandom(500)):
        path.write_bytes(content)
        refused(DataError, "run", read_trajectory, path, frame_interval_fs=1, topology=topology)


def test_cut_off_files(run: Trajectory, tmp_path: Path) -> None:
    for name, n_bytes in (("run.extxyz", 40), ("run.extxyz", 3), ("run.traj", 50), ("run.xtc", 20)):
        if name.endswith("xtc"):
            pytest.importorskip("MDAnalysis")
        path = tmp_path / name
        convert_trajectory(run.path, path, progress=False, force=True)
        path.write_bytes(path.read_bytes()[:-n_bytes])
        back = read_trajectory(path, topology=run.path, temperature_K=600)
        assert back.n_frames == 59
        assert "ends within frame 59" in back.metadata["source"]["notes"][0]


def test_topology(run: Trajectory, tmp_path: Path) -> None:
    pytest.importorskip("MDAnalysis")
    path = tmp_path / "run.dcd"
    convert_trajectory(run.path, path, progress=False)
    interval = {"frame_interval_fs": 20}
    refused(DataError, "give --topology", read_trajectory, path, **interval)
    write(tmp_path / "other.cif", images(1)[0][:5])
    message = r"8 atoms, the topology .*other\.cif has 5"
    refused(DataError, message, read_trajectory, path, topology=tmp_path / "other.cif", **interval)
    message = "programs write times of different units into a DCD: give --frame-interval-fs"
    refused(ConfigError, message, read_trajectory, path, topology=run.path)
    (tmp_path / "start.data").write_text("nothing\n")
    message = r"start\.data: cannot be read as LAMMPS data"
    refused(DataError, message, read_trajectory, path, topology=tmp_path / "start.data", **interval)
    assert read_trajectory(path, topology=run.path, timestep_fs=2.0).frame_interval_fs == 20.0


def test_data_file_by_masses_or_types(tmp_path: Path) -> None:
    from lionn_rs.trajectories.topology import read_topology

    path = tmp_path / "start.data"
    order = ["Li", "P", "S"]
    write(path, images(1)[0], format="lammps-data", masses=True, specorder=order)
    assert Atoms(numbers=read_topology(path).numbers).get_chemical_symbols() == SYMBOLS
    path.write_text(re.sub(r"6\.9\d*", "1.5", path.read_text(), count=1))
    refused(DataError, "mass 1.5 u belongs to no element: name the elements", read_topology, path)
    named = read_topology(path, ("Na", "P", "S")).numbers
    assert Atoms(numbers=named).get_chemical_symbols()[0] == "Na"


def test_output_that_exists(run: Trajectory, tmp_path: Path) -> None:
    path = tmp_path / "out.xyz"
    path.write_text("precious")
    refused(ConfigError, "exists already .--force", convert_trajectory, run.path, path)
    assert path.read_text() == "precious"
    convert_trajectory(run.path, path, force=True, progress=False)
    assert path.read_text().startswith("8\n")
    assert run.path is not None
    refused(ConfigError, "is the input itself", convert_trajectory, run.path, run.path, force=True)
    refused(ConfigError, "is a folder", convert_trajectory, run.path, tmp_path, format="traj")


def test_nothing_is_left_of_a_conversion_that_failed(run: Trajectory, tmp_path: Path) -> None:
    path = tmp_path / "XDATCAR"
    convert_trajectory(run.path, path, progress=False)
    lines = path.read_text().splitlines(keepends=True)
    lines[400] = "  0.1  nonsense  0.3\n"
    path.write_text("".join(lines))
    before = sorted(tmp_path.iterdir())
    for name in ("out.extxyz", "out.h5md", "out.traj"):
        message = r"XDATCAR, frame \d+: cannot be read .*nonsense"
        refused(
            DataError, message, convert_trajectory, path, tmp_path / name, frame_interval_fs=1,
            progress=False,
        )  # fmt: skip
        assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"every": 0}, "at least 1, got 0"),
        ({"start_ps": 2.0, "stop_ps": 1.0}, "--start 2 lies after --stop 1"),
        ({"frame_interval_fs": -1.0}, "frame_interval_fs must be positive, got -1"),
        ({"temperature_K": float("nan")}, "temperature_K must be positive, got nan"),
        ({"positions": "folded"}, "'wrapped' or 'unwrapped', got 'folded'"),
        ({"format": "gromos"}, "cannot write 'gromos' .known: h5md, extxyz"),
        ({"source_format": "pdb"}, "cannot read 'pdb'"),
        ({"format": "h5md", "wrap": True}, "H5MD files of lionn_rs hold unwrapped positions"),
        ({"format": "xdatcar", "wrap": False}, "XDATCAR holds positions inside the cell only"),
        ({"format": "xdatcar", "velocities": True}, "XDATCAR holds no velocities"),
    ],
)
def test_options(options: dict[str, Any], message: str, run: Trajectory, tmp_path: Path) -> None:
    target = tmp_path / "out.traj"
    refused(ConfigError, message, convert_trajectory, run.path, target, progress=False, **options)
    assert not target.exists()


def test_stage_and_velocities_that_are_not_there(tmp_path: Path) -> None:
    path = tmp_path / "run.traj"
    write(path, images())
    out = tmp_path / "out.traj"
    message = "only runs of lionn_rs have stages"
    refused(ConfigError, message, convert_trajectory, path, out, stage="production")
    refused(DataError, "has no velocities", convert_trajectory, path, out, velocities=True)
    message = "no frames in the part that was chosen"
    options = {"frame_interval_fs": 1.0, "start_ps": 3.0, "progress": False}
    refused(DataError, message, convert_trajectory, path, out, **options)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("XDATCAR", "xdatcar"),
        ("XDATCAR.gz", "xdatcar"),
        ("vasprun_500K.xml", "vasprun"),
        ("dump.lammpstrj", "lammps-dump"),
        ("dump.500", "lammps-dump"),
        ("run.XYZ", "extxyz"),
        ("trajectory.h5", "h5md"),
    ],
)
def test_names_of_files(name: str, expected: str) -> None:
    assert find_format(Path(name)).name == expected


def test_missing_mdanalysis(
    run: Trajectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lionn_rs.trajectories.mdanalysis.find_spec", lambda name: None)
    message = r"needs MDAnalysis: pip install 'lionn_rs\[mdanalysis\]'"
    refused(ConfigError, message, convert_trajectory, run.path, tmp_path / "a.dcd", progress=False)
    (tmp_path / "a.xtc").write_bytes(b"")
    refused(ConfigError, message, read_trajectory, tmp_path / "a.xtc")
