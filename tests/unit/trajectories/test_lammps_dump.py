"""LAMMPS dumps in their dialects, and what LAMMPS itself writes."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lionn_rs.errors import ConfigError, DataError
from lionn_rs.md import Trajectory
from lionn_rs.trajectories import convert_trajectory, read_trajectory
from lionn_rs.trajectories.geometry import fold, restricted_cell

from .conftest import SKEWED, SYMBOLS, random_walk

TYPES = ["Li", "P", "S"]
CELL, ROTATION = restricted_cell(SKEWED)
ORIGIN = np.array([-3.0, 1.0, 0.5])
N_FRAMES = 10


def walk() -> np.ndarray:
    return random_walk()[:N_FRAMES] @ ROTATION


def box_lines() -> str:
    (a, _, _), (xy, b, _), (xz, yz, c) = CELL
    low, high = ORIGIN, ORIGIN + np.array([a, b, c])
    x = low[0] + min(0, xy, xz, xy + xz), high[0] + max(0, xy, xz, xy + xz)
    y = low[1] + min(0, yz), high[1] + max(0, yz)
    return (
        (
            f"ITEM: BOX BOUNDS xy xz yz pp pp pp\n{x[0]!r} {x[1]!r} {xy!r}\n"
            f"{y[0]!r} {y[1]!r} {xz!r}\n{low[2]!r} {high[2]!r} {yz!r}\n"
        )
        .replace("np.float64(", "")
        .replace(")", "")
    )


def write_dump(
    path: Path,
    style: str,
    *,
    head: str = "",
    shuffle: bool = True,
    element: bool = False,
    steps: list[int] | None = None,
) -> None:
    """Ten frames with the columns of ``style``, atoms in another order in every frame."""
    fractional = walk() @ np.linalg.inv(CELL)
    inside, images = fold(walk(), np.broadcast_to(CELL, (N_FRAMES, 3, 3)))
    tables = {
        "x y z": inside @ CELL + ORIGIN,
        "xs ys zs": inside,
        "xu yu zu": walk() + ORIGIN,
        "xsu ysu zsu": fractional,
        "x y z ix iy iz": np.concatenate([inside @ CELL + ORIGIN, images], axis=2),
        "xs ys zs ix iy iz": np.concatenate([inside, images], axis=2),
    }
    rng = np.random.default_rng(3)
    text = ""
    for k, table in enumerate(tables[style]):
        order = rng.permutation(len(SYMBOLS)) if shuffle else np.arange(len(SYMBOLS))
        step = 1000 + 50 * k if steps is None else steps[k]
        title = "element" if element else "type"
        text += f"{head}ITEM: TIMESTEP\n{step}\nITEM: NUMBER OF ATOMS\n{len(SYMBOLS)}\n"
        text += f"{box_lines()}ITEM: ATOMS id {title} {style}\n"
        for atom in order:
            kind = SYMBOLS[atom] if element else TYPES.index(SYMBOLS[atom]) + 1
            text += f"{atom + 1} {kind} {' '.join(repr(float(x)) for x in table[atom])}\n"
    path.write_text(text)


@pytest.mark.parametrize(
    "style",
    ["x y z", "xs ys zs", "xu yu zu", "xsu ysu zsu", "x y z ix iy iz", "xs ys zs ix iy iz"],
)
def test_columns(style: str, tmp_path: Path) -> None:
    path = tmp_path / "dump.lammpstrj"
    write_dump(path, style)
    run = read_trajectory(path, timestep_fs=2, types=TYPES)
    assert np.abs(run.cell - CELL).max() < 1e-12
    assert run.atoms(0).get_chemical_symbols() == SYMBOLS
    expected = walk()
    if style in ("x y z", "xs ys zs"):  # paths begin inside the cell
        assert run.metadata["source"]["positions"].startswith("shortest periodic image")
        expected = expected - np.floor(expected[0] @ np.linalg.inv(CELL)) @ CELL
    assert np.abs(run.positions() - expected).max() < 1e-10
    assert run.frame_interval_fs == 100.0
    assert run.step.tolist() == list(range(1000, 1500, 50))
    assert run.time_fs[:2].tolist() == [0.0, 100.0]


def test_general_triclinic_box(tmp_path: Path) -> None:
    path = tmp_path / "dump.lammpstrj"
    write_dump(path, "xs ys zs ix iy iz")
    rows = "".join(" ".join(repr(float(x)) for x in (*row, 0.0)) + "\n" for row in SKEWED)
    path.write_text(
        path.read_text().replace(box_lines(), f"ITEM: BOX BOUNDS abc origin pp pp pp\n{rows}")
    )
    run = read_trajectory(path, timestep_fs=2, types=TYPES)
    assert np.array_equal(run.cell, SKEWED)
    # The restricted cell of this left-handed one has reversed vectors.
    fractional = walk() @ np.linalg.inv(CELL)
    assert np.abs(run.positions() - fractional @ SKEWED).max() < 1e-10


@pytest.mark.parametrize(("style", "time", "unit"), [("metal", "0.1", 1e3), ("real", "100", 1.0)])
def test_units_and_times_of_the_file(style: str, time: str, unit: float, tmp_path: Path) -> None:
    path = tmp_path / "dump.lammpstrj"
    write_dump(path, "xu yu zu", element=True)
    blocks = path.read_text().split("ITEM: TIMESTEP")
    frames = [
        f"ITEM: TIME\n{k * float(time)}\nITEM: TIMESTEP{text}" for k, text in enumerate(blocks[1:])
    ]
    path.write_text(f"ITEM: UNITS\n{style}\n" + "".join(frames))
    assert read_trajectory(path).frame_interval_fs == pytest.approx(float(time) * unit)


def test_repeated_frame_of_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "dump.lammpstrj"
    steps = [0, 50, 100, 100, 150, 200, 250, 300, 350, 400]
    write_dump(path, "xu yu zu", element=True, steps=steps)
    timed = read_trajectory(path, frame_interval_fs=50)
    assert timed.time_fs.tolist() == list(range(0, 401, 50))
    run = read_trajectory(path, timestep_fs=1)
    assert run.step.tolist() == list(range(0, 401, 50))
    assert run.metadata["source"]["notes"] == ["1 repeated frames (same step) left out"]


def change(text: str, old: str, new: str) -> str:
    assert old in text
    return text.replace(old, new, 1)


LOST_ATOM = "atoms must not appear or disappear"


@pytest.mark.parametrize(
    ("damage", "options", "error", "message"),
    [
        (None, {"timestep_fs": None}, ConfigError, "a LAMMPS dump counts steps: give --timestep"),
        (None, {"types": []}, DataError, "no column 'element': name the elements of types 1, 2"),
        (None, {"types": ["Li", "P"]}, DataError, "has atoms of type 3, --types .* names 2"),
        (None, {"topology": "absent"}, DataError, "absent: no such file"),
        (lambda t: change(t, "\n8 ", "\n9 "), {}, DataError, LOST_ATOM),
        (lambda t: "ITEM: UNITS\nlj\n" + t, {}, DataError, "units 'lj' .expected metal or real"),
        (lambda t: t.replace("xu yu zu", "fx fy fz"), {}, DataError, "no columns of positions"),
        (lambda t: change(t, "ITEM: TIMESTEP\n1100", "hello"), {}, DataError, "frame 2: cannot"),
        (lambda t: change(t, "TIMESTEP\n1400", "TIMESTEP\n7"), {}, DataError, "step 7 after step"),
        (lambda t: change(t, "TIMESTEP\n1450", "TIMESTEP\n1460"), {}, DataError, "not equally"),
        (lambda t: t[:300], {}, DataError, "ends within its first frame"),
        (lambda t: "", {}, DataError, "holds no frames"),
        (lambda t: change(t, "pp pp pp", "pp pp ff"), {}, None, ""),
    ],
)
def test_what_cannot_be_read(
    damage: Any,
    options: dict[str, Any],
    error: type[Exception] | None,
    message: str,
    tmp_path: Path,
) -> None:
    path = tmp_path / "dump.lammpstrj"
    write_dump(path, "xu yu zu", shuffle=False)
    if damage is not None:
        path.write_text(damage(path.read_text()))
    keywords = {"timestep_fs": 2.0, "types": TYPES, **options}
    if keywords.get("topology"):
        keywords |= {"topology": tmp_path / "absent", "types": []}
    if error is None:  # unwrapped columns need no periodic axes
        assert read_trajectory(path, **keywords).pbc.tolist() == [True, True, False]
        return
    with pytest.raises(error, match=message) as raised:
        read_trajectory(path, **keywords)
    assert "\n" not in str(raised.value)


def test_axis_that_is_not_periodic(tmp_path: Path) -> None:
    path = tmp_path / "dump.lammpstrj"
    write_dump(path, "x y z")
    path.write_text(path.read_text().replace("pp pp pp", "pp pp ff"))
    with pytest.raises(DataError, match="not periodic along all three axes"):
        read_trajectory(path, timestep_fs=2, types=TYPES)
    run = read_trajectory(path, timestep_fs=2, types=TYPES, positions="unwrapped")
    assert run.n_frames == N_FRAMES


@pytest.mark.parametrize("n_bytes", [90, 3])  # three bytes: a digit of the last number is lost
def test_cut_off_dump(n_bytes: int, tmp_path: Path) -> None:
    path = tmp_path / "dump.lammpstrj"
    write_dump(path, "xu yu zu")
    whole = read_trajectory(path, timestep_fs=2, types=TYPES)
    path.write_bytes(path.read_bytes()[:-n_bytes])
    run = read_trajectory(path, timestep_fs=2, types=TYPES)
    assert np.array_equal(run.positions(), whole.positions()[:-1])
    assert run.metadata["source"]["notes"] == ["the file ends within frame 9, which is left out"]


LMP = shutil.which("lmp")
INPUT = """
units metal
atom_style atomic
box tilt large
read_data start.data
pair_style lj/cut 7.0
pair_coeff 1 1 0.0104 3.4
pair_coeff 2 2 0.0104 3.4
pair_coeff 1 2 0.0104 3.4
velocity all create 400 12345 loop geom
fix 1 all {ensemble}
timestep 0.004
dump raw all custom 10 raw.lammpstrj id type x y z vx vy vz
dump flags all custom 10 flags.lammpstrj id type xs ys zs ix iy iz
dump path all custom 10 path.lammpstrj id type element xu yu zu vx vy vz
dump_modify path element Ar Kr sort id units yes time yes
{more}
run 400
"""


def run_lammps(folder: Path, ensemble: str, more: str = "") -> subprocess.CompletedProcess[str]:
    from ase.build import bulk
    from ase.io import write

    # A gas-like crystal: atoms cross the faces of the skewed box within 1.6 ps.
    atoms = bulk("Ar", "fcc", a=5.9) * (3, 4, 5)
    atoms.symbols[::3] = "Kr"
    write(folder / "start.data", atoms, format="lammps-data", masses=True, specorder=["Ar", "Kr"])
    (folder / "in.lmp").write_text(INPUT.format(ensemble=ensemble, more=more))
    return subprocess.run(
        [str(LMP), "-in", "in.lmp", "-log", "none"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.skipif(LMP is None, reason="LAMMPS (lmp) is not installed")
@pytest.mark.parametrize("ensemble", ["nve", "npt temp 400 400 0.2 aniso 0 0 2"])
def test_run_of_lammps(ensemble: str, tmp_path: Path) -> None:
    done = run_lammps(tmp_path, ensemble)
    assert done.returncode == 0, done.stdout + done.stderr
    path = read_trajectory(tmp_path / "path.lammpstrj")
    assert path.n_frames == 41
    assert path.frame_interval_fs == pytest.approx(40.0)
    assert path.changes_cell == ensemble.startswith("npt")
    flags = read_trajectory(tmp_path / "flags.lammpstrj", timestep_fs=4, types=["Ar", "Kr"])
    raw = read_trajectory(
        tmp_path / "raw.lammpstrj", timestep_fs=4, topology=tmp_path / "start.data"
    )
    assert path.numbers.tolist() == flags.numbers.tolist() == raw.numbers.tolist()
    # LAMMPS writes six digits.
    assert np.abs(flags.positions() - path.positions()).max() < 2e-4
    # Positions folded by LAMMPS unfold to the paths LAMMPS followed itself.
    fractional = (raw.positions() - path.positions()) @ np.linalg.inv(path.cells())
    assert np.abs(fractional - np.rint(fractional[0])).max() < 1e-4
    inside = fold(path.positions(), path.cells())[1]
    assert np.ptp(inside, axis=0).max() >= 1
    # A box this skewed is flipped by LAMMPS when it changes its shape; the first one is followed.
    flips = [note for note in path.metadata["source"]["notes"] if "box flips" in note]
    assert len(flips) == path.changes_cell
    assert np.abs(path.cells() @ np.linalg.inv(path.cell) - np.eye(3)).max() < 0.5
    # The step of a path is that of its velocities.
    step = np.diff(path.positions(), axis=0)
    mean = 0.5 * (path.velocities()[1:] + path.velocities()[:-1]) * 40.0
    if ensemble == "nve":
        assert np.abs(step - mean).max() < 0.02


@pytest.mark.skipif(LMP is None, reason="LAMMPS (lmp) is not installed")
def test_dcd_and_xtc_of_lammps(tmp_path: Path) -> None:
    pytest.importorskip("MDAnalysis")
    more = "dump dcd all dcd 10 run.dcd\ndump xtc all xtc 10 run.xtc"
    done = run_lammps(tmp_path, "nve", more)
    if "Unrecognized dump style" in done.stdout:
        pytest.skip("this LAMMPS has no dump styles dcd and xtc (package EXTRA-DUMP)")
    assert done.returncode == 0, done.stdout + done.stderr
    path = read_trajectory(tmp_path / "path.lammpstrj")
    data = tmp_path / "start.data"
    for run in (
        read_trajectory(tmp_path / "run.dcd", topology=data, timestep_fs=4),
        read_trajectory(tmp_path / "run.xtc", topology=data, frame_interval_fs=40),
    ):
        fractional = (run.positions() - path.positions()) @ np.linalg.inv(path.cells())
        assert np.abs(fractional - np.rint(fractional[0])).max() < 1e-3
        assert run.frame_interval_fs == 40.0


@pytest.mark.skipif(LMP is None, reason="LAMMPS (lmp) is not installed")
def test_lammps_reads_our_dump(run: Trajectory, tmp_path: Path) -> None:
    """LAMMPS puts the positions of our last frame into its own box and writes them again."""
    done = convert_trajectory(run.path, tmp_path / "ours.lammpstrj", progress=False)
    cell = np.asarray(read_trajectory(tmp_path / "ours.lammpstrj", timestep_fs=2).cell)
    (a, _, _), (xy, b, _), (xz, yz, c) = cell.tolist()
    (tmp_path / "in.lmp").write_text(
        "units metal\natom_style atomic\nbox tilt large\n"
        f"region cell prism 0 {a!r} 0 {b!r} 0 {c!r} {xy!r} {xz!r} {yz!r} units box\n"
        "create_box 3 cell\nmass * 1.0\npair_style zero 1.0\npair_coeff * *\n"
        "read_dump ours.lammpstrj 590 x y z box yes add keep\n"
        "dump 1 all custom 1 theirs.lammpstrj id type xu yu zu\n"
        'dump_modify 1 sort id format float "%.10f"\nrun 0\n'
    )
    ran = subprocess.run(
        [str(LMP), "-in", "in.lmp", "-log", "none"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert done.rotation is not None
    rows = (tmp_path / "theirs.lammpstrj").read_text().split("xu yu zu\n")[-1].split("\n")
    theirs = np.array([row.split()[2:5] for row in rows if row], dtype=float)
    off = (theirs - run.positions()[-1] @ done.rotation) @ np.linalg.inv(cell)
    assert np.abs(off - np.rint(off)).max() < 1e-8
