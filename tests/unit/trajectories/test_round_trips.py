"""Out of our H5MD and back through every format: nothing but the digits of the format is lost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lionn_rs.md import Trajectory
from lionn_rs.trajectories import convert_trajectory, read_trajectory, source

from .conftest import SYMBOLS, TIMESTEP_FS, metadata

FRAME_FS = 20.0

# Half a unit in the last digit (Å); fractional digits of XDATCAR times the sum of the cell vectors.
FILES = {
    "run.extxyz": 0.5e-8,
    "run.traj": 1e-12,
    "XDATCAR": 0.5e-8 * 30,
    "run.lammpstrj": 0.5e-8,
    "run.dcd": 30 * 2.0**-24,
    "run.xtc": 0.5e-4 + 30 * 2.0**-24,
    "other.h5md": 1e-12,
}
WITH_MDANALYSIS = (".dcd", ".xtc", ".pdb")


def needs(name: str) -> None:
    if name.endswith(WITH_MDANALYSIS):
        pytest.importorskip("MDAnalysis", reason="DCD, XTC and PDB go through MDAnalysis")


def options(name: str, run: Trajectory) -> dict[str, Any]:
    """What the format does not say."""
    more: dict[str, Any] = {}
    if name.endswith(WITH_MDANALYSIS):
        more["topology"] = run.path
    if name.endswith((".dcd", "XDATCAR")):
        more["frame_interval_fs"] = FRAME_FS
    if name.endswith("lammpstrj"):
        more["timestep_fs"] = TIMESTEP_FS
    if not name.endswith(("xyz", "traj", "h5md")):
        more["temperature_K"] = 600.0
    return more


def turned(run: Trajectory, rotation: np.ndarray | None) -> np.ndarray:
    return run.positions() if rotation is None else run.positions() @ rotation


def constant_shift(found: np.ndarray, expected: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """Lattice vectors by which whole paths differ: where unwrapping starts is free."""
    shift = np.rint((expected[0] - found[0]) @ np.linalg.inv(cells[0]))
    return shift @ cells


@pytest.mark.parametrize("fixture", ["run", "breathing_run"])
@pytest.mark.parametrize("name", FILES)
def test_there_and_back(
    name: str, fixture: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    needs(name)
    run: Trajectory = request.getfixturevalue(fixture)
    done = convert_trajectory(run.path, tmp_path / name, progress=False)
    back = read_trajectory(tmp_path / name, **options(name, run))
    expected = turned(run, done.rotation)
    if fixture == "breathing_run" and done.rotation is not None:
        from lionn_rs.trajectories.geometry import restricted_cells

        expected = run.positions() @ restricted_cells(run.cells())[1]
    found = back.positions() + constant_shift(back.positions(), expected, back.cells())
    # Cells in single precision shift an image 20 Å away by as much.
    slack = 30 * 2.0**-24 if name.endswith(WITH_MDANALYSIS) else 1e-12
    assert np.abs(found - expected).max() <= FILES[name] + slack
    assert back.changes_cell == run.changes_cell
    assert back.atoms(0).get_chemical_symbols() == SYMBOLS
    assert back.temperature_K == 600.0
    assert back.frame_interval_fs == pytest.approx(FRAME_FS, rel=1e-6)
    # XTC has times in single precision.
    assert np.abs(back.time_fs - run.time_fs).max() < 2.0**-24 * 1200


@pytest.mark.parametrize("name", ["run.extxyz", "run.traj", "run.lammpstrj", "other.h5md"])
def test_velocities_come_along(name: str, run: Trajectory, tmp_path: Path) -> None:
    done = convert_trajectory(run.path, tmp_path / name, progress=False)
    assert done.velocities
    back = read_trajectory(tmp_path / name, **options(name, run))
    rotation = np.eye(3) if done.rotation is None else done.rotation
    # Momenta with 8 decimals of the units of ASE, 0.098 Å/fs times u; Å/ps with 8 decimals.
    assert np.abs(back.velocities() - run.velocities() @ rotation).max() < 1e-9
    without = convert_trajectory(
        run.path, tmp_path / f"still_{name}", velocities=False, progress=False
    )
    assert not without.velocities


@pytest.mark.parametrize("name", ["run.extxyz", "run.traj", "run.lammpstrj", "run.dcd", "run.xtc"])
def test_folded_positions_unfold_to_the_same_paths(
    name: str, run: Trajectory, tmp_path: Path
) -> None:
    needs(name)
    done = convert_trajectory(run.path, tmp_path / name, wrap=True, progress=False)
    assert "folded" in done.positions
    folded = read_trajectory(tmp_path / name, **options(name, run), positions="unwrapped")
    back = read_trajectory(tmp_path / name, **options(name, run))
    if name != "run.lammpstrj":  # its image flags are always added
        inside = folded.positions() @ np.linalg.inv(folded.cell)
        # An atom at the face may be rounded onto it.
        assert inside.min() > -1e-5
        assert inside.max() < 1 + 1e-5
        assert np.abs(np.diff(folded.positions(), axis=0)).max() > 4.0
    expected = turned(run, done.rotation)
    found = back.positions() + constant_shift(back.positions(), expected, back.cells())
    assert np.abs(found - expected).max() < 2e-4


def test_dcd_has_its_stride_whatever_the_size_of_blocks(
    run: Trajectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Blocks of two frames, of which every third frame is kept: each brings one at most."""
    needs("run.dcd")
    monkeypatch.setattr(source, "BLOCK_BYTES", 1)
    convert_trajectory(run.path, tmp_path / "run.dcd", every=3, progress=False)
    back = read_trajectory(tmp_path / "run.dcd", topology=run.path, timestep_fs=TIMESTEP_FS)
    assert back.frame_interval_fs == pytest.approx(60.0)
    assert back.n_frames == 20


def test_flags_of_a_folded_dump_restore_the_images(run: Trajectory, tmp_path: Path) -> None:
    path = tmp_path / "run.lammpstrj"
    done = convert_trajectory(run.path, path, wrap=True, progress=False)
    back = read_trajectory(path, timestep_fs=2.0)
    assert back.metadata["source"]["positions"] == "image flags ix iy iz"
    assert np.abs(back.positions() - turned(run, done.rotation)).max() < 1e-7


def test_lammps_cell_is_restricted_and_nothing_is_mirrored(run: Trajectory, tmp_path: Path) -> None:
    path = tmp_path / "run.lammpstrj"
    done = convert_trajectory(run.path, path, progress=False)
    assert done.rotation is not None
    assert np.abs(done.rotation.T @ done.rotation - np.eye(3)).max() < 1e-14
    assert np.linalg.det(done.rotation) == pytest.approx(1.0, abs=1e-14)
    assert "rotated" in str(done)
    back = read_trajectory(path, timestep_fs=2.0)
    cell = back.cell
    assert np.array_equal(cell, np.tril(cell))
    assert np.all(np.diag(cell) > 0)
    # The same lattice: reversed vectors, because the cell of the run is left-handed.
    assert np.linalg.det(run.cell) < 0
    assert np.abs(cell + run.cell @ done.rotation).max() < 1e-12
    # Distances over periodic images do not depend on the description of the cell.
    ours = run.atoms(30).get_all_distances(mic=True)
    theirs = back.atoms(30).get_all_distances(mic=True)
    assert np.abs(ours - theirs).max() < 1e-7


def test_another_program_reads_the_dump(run: Trajectory, tmp_path: Path) -> None:
    from ase.io import read

    path = tmp_path / "run.lammpstrj"
    done = convert_trajectory(run.path, path, progress=False)
    frames = read(path, index=":", format="lammps-dump-text")
    assert len(frames) == 60
    assert frames[5].get_chemical_symbols() == SYMBOLS
    assert np.abs(frames[5].positions - turned(run, done.rotation)[5]).max() < 1e-7
    assert np.abs(frames[5].get_all_distances() - run.atoms(5).get_all_distances()).max() < 1e-7


@pytest.mark.parametrize("fixture", ["run", "breathing_run"])
def test_pymatgen_reads_the_xdatcar(
    fixture: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    from pymatgen.io.vasp.outputs import Xdatcar

    run: Trajectory = request.getfixturevalue(fixture)
    convert_trajectory(run.path, tmp_path / "XDATCAR", progress=False)
    structures = Xdatcar(tmp_path / "XDATCAR").structures
    assert len(structures) == 60
    assert [site.specie.symbol for site in structures[0]] == SYMBOLS
    for k in (0, 17, 59):
        cell = run.cells()[k]
        assert np.abs(structures[k].lattice.matrix - cell).max() < 1e-12
        off = structures[k].frac_coords - run.positions()[k] @ np.linalg.inv(cell)
        assert np.abs(off - np.rint(off)).max() < 0.6e-8


def test_mdanalysis_reads_a_pdb_with_a_dcd(run: Trajectory, tmp_path: Path) -> None:
    mda = pytest.importorskip("MDAnalysis")
    one = convert_trajectory(run.path, tmp_path / "top.pdb", stop_ps=0.0, progress=False)
    assert one.n_frames == 1
    done = convert_trajectory(run.path, tmp_path / "run.dcd", progress=False)
    universe = mda.Universe(tmp_path / "top.pdb", tmp_path / "run.dcd")
    assert universe.atoms.elements.tolist() == SYMBOLS
    assert universe.trajectory.dt == pytest.approx(0.02, rel=1e-5)
    universe.trajectory[59]
    assert np.abs(universe.atoms.positions - turned(run, done.rotation)[59]).max() < 1e-5
    first = mda.Universe(tmp_path / "top.pdb").atoms.positions
    assert np.abs(first - turned(run, done.rotation)[0]).max() < 0.51e-3


def test_parts(run: Trajectory, tmp_path: Path) -> None:
    part = convert_trajectory(
        run.path, tmp_path / "part.h5md", stage="production", every=3, progress=False
    )
    assert (part.n_frames, part.n_read) == (14, 40)
    back = Trajectory.open(tmp_path / "part.h5md")
    assert back.step.tolist() == list(range(200, 600, 30))
    assert back.frame_interval_fs == 60.0
    assert np.array_equal(back.positions("production"), run.positions()[20::3])
    assert back.metadata["seed"] == 1
    assert back.metadata["source"]["selection"] == {"every": 3}
    between = convert_trajectory(
        run.path, tmp_path / "between.traj", start_ps=0.1, stop_ps=0.2, progress=False
    )
    assert between.span_ps == pytest.approx((0.1, 0.2))
    assert between.n_frames == 6


def test_blocks_do_not_show(
    run: Trajectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    convert_trajectory(run.path, tmp_path / "XDATCAR", progress=False)
    whole = read_trajectory(tmp_path / "XDATCAR", frame_interval_fs=20)
    for n_bytes in (1, 24 * 8 * 7):
        monkeypatch.setattr("lionn_rs.trajectories.source.BLOCK_BYTES", n_bytes)
        parts = read_trajectory(tmp_path / "XDATCAR", frame_interval_fs=20)
        # Sums of steps differ in the last bit; lattice shifts are integers.
        assert np.abs(parts.positions() - whole.positions()).max() < 1e-12


@pytest.mark.parametrize("name", ["part.h5md", "part.traj"])
def test_memory_is_that_of_a_block(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import tracemalloc

    from ase import Atoms

    from lionn_rs.md.trajectory import TrajectoryWriter

    n_frames, n_atoms, edge = 200, 2000, 40.0
    rng = np.random.default_rng(5)
    start = rng.uniform(0.0, edge, (n_atoms, 3))
    writer = TrajectoryWriter.create(
        tmp_path / "run.h5",
        atoms=Atoms(numbers=[3] * n_atoms, positions=start, cell=[edge] * 3, pbc=True),
        n_frames=n_frames,
        metadata=metadata(n_frames, precision="float32"),
    )
    for first in range(0, n_frames, 20):
        steps = 10 * np.arange(first, first + 20, dtype=np.uint64)
        writer.append(steps, 2.0 * steps, start + rng.normal(0.0, 0.1, (20, n_atoms, 3)))
    monkeypatch.setattr("lionn_rs.trajectories.source.BLOCK_BYTES", 500_000)
    monkeypatch.setattr("lionn_rs.trajectories.h5md.BLOCK_BYTES", 500_000)
    convert_trajectory(tmp_path / "run.h5", tmp_path / "warm.traj", stop_ps=0.1, progress=False)
    tracemalloc.start()
    done = convert_trajectory(tmp_path / "run.h5", tmp_path / name, progress=False)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert done.n_frames == n_frames
    # All positions in float64 are 9.6 MB; a block has 0.5 MB, in about ten arrays.
    assert peak < 6e6
