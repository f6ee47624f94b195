"""``lionn convert``, and ``lionn diffusion`` on files of other programs, as a user calls them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.io import write

from lionn_rs.analysis import diffusivity, unwrap
from lionn_rs.md import Trajectory
from tests.unit.analysis.test_argyrodite import DATA
from tests.unit.trajectories.conftest import write_run

EDGE = 12.0
N_IONS, N_FRAMES = 24, 400


def hopping_ions() -> tuple[np.ndarray, list[str]]:
    """Lithium on a lattice of 3 Å with random hops, sulfur that vibrates; unwrapped."""
    rng = np.random.default_rng(11)
    sites = rng.integers(0, 4, (N_IONS, 3)) * 3.0
    hops = np.zeros((N_FRAMES, N_IONS, 3))
    moving = rng.random((N_FRAMES, N_IONS)) < 0.06
    axis = rng.integers(0, 3, (N_FRAMES, N_IONS))
    sign = rng.choice([-3.0, 3.0], (N_FRAMES, N_IONS))
    np.put_along_axis(hops, axis[..., None], (moving * sign)[..., None], axis=2)
    ions = sites + np.cumsum(hops, axis=0)
    sulfur = np.broadcast_to(rng.integers(0, 4, (8, 3)) * 3.0 + 1.5, (N_FRAMES, 8, 3))
    path = np.concatenate([ions, sulfur], axis=1) + rng.normal(0, 0.1, (N_FRAMES, N_IONS + 8, 3))
    return path, ["Li"] * N_IONS + ["S"] * 8


@pytest.fixture(scope="module")
def expected():
    positions, symbols = hopping_ions()
    return diffusivity(
        positions, cell=np.eye(3) * EDGE, symbols=symbols, frame_interval_fs=50, temperature_K=800
    )


@pytest.fixture(scope="module")
def xdatcar(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("vasp") / "XDATCAR"
    positions, symbols = hopping_ions()
    frames = [Atoms(symbols, p, cell=[EDGE] * 3, pbc=True) for p in positions]
    for atoms in frames:
        atoms.wrap()
    write(path, frames, format="vasp-xdatcar")
    return path


def test_run_into_a_viewer_and_back(lionn, tmp_path):
    run = write_run(tmp_path / "trajectory.h5", precision="float32")
    dump = tmp_path / "view" / "run.lammpstrj"
    outcome = lionn("convert", tmp_path, dump, "--stage", "production", "--every", 2, "--wrap")
    assert outcome.code == 0, outcome.err
    assert "20 frames of 40, 0.4 to 1.16 ps, velocities" in outcome.out
    assert "folded into the cell with image flags" in outcome.out
    assert "rotated, as this format wants" in outcome.out
    assert "done, 40/40 frames" in outcome.err
    back = tmp_path / "back.h5md"
    outcome = lionn("convert", dump, back, "--timestep-fs", 2, "--temperature", 600, "--quiet")
    assert outcome.code == 0, outcome.err
    assert outcome.err == ""
    found = Trajectory.open(back)
    assert found.temperature_K == 600
    assert found.frame_interval_fs == 40
    steps = np.linalg.norm(np.diff(found.positions(), axis=0), axis=2)
    expected = np.linalg.norm(np.diff(run.positions("production")[::2], axis=0), axis=2)
    assert np.abs(steps - expected).max() < 1e-5
    outcome = lionn("info", back)
    assert "source.format: lammps-dump" in outcome.out


@pytest.mark.parametrize("name", ["XDATCAR", "run.extxyz", "run.traj", "run.lammpstrj", "x.h5md"])
def test_diffusivity_is_that_of_the_arrays(name, xdatcar, expected, lionn, tmp_path):
    path = tmp_path / name
    options = ("--frame-interval-fs", 50, "--temperature", 800)
    if name == "XDATCAR":
        path.write_bytes(xdatcar.read_bytes())
    else:
        assert lionn("convert", xdatcar, path, *options, "-q").code == 0
    outcome = lionn("diffusion", path, *options, "--no-pymatgen")
    assert outcome.code == 0, outcome.err
    assert f"{name}: 400 frames, 50 fs apart, 800 K; positions: " in outcome.out
    found = json.loads((tmp_path / f"{name}.diffusion.json").read_text())
    assert expected.diffusivity_cm2_s is not None
    # float32 of H5MD, eight decimals elsewhere.
    assert found["diffusivity_cm2_s"] == pytest.approx(expected.diffusivity_cm2_s, rel=1e-5)
    assert found["conductivity_mS_cm"] == pytest.approx(expected.conductivity_mS_cm, rel=1e-5)
    assert found["source"]["file"] == name
    for figure in ("msd", "msd_axes"):
        assert (tmp_path / f"{name}.{figure}.png").is_file()


def test_results_are_not_replaced(xdatcar, lionn, tmp_path):
    call = ("diffusion", xdatcar, "--frame-interval-fs", 50, "--temperature", 800)
    call += ("--no-pymatgen", "--output", tmp_path / "out", "--skip-ps", 2)
    outcome = lionn(*call)
    assert outcome.code == 0, outcome.err
    assert "360 frames" in outcome.out
    record = tmp_path / "out" / "XDATCAR.diffusion.json"
    record.write_text("precious")
    outcome = lionn(*call)
    assert outcome.code == 2
    assert "exists already (--force to replace it)" in outcome.err
    assert record.read_text() == "precious"
    assert lionn(*call, "--force").code == 0
    assert json.loads(record.read_text())["source"]["selection"] == {"skip_ps": 2.0}
    assert [path.name for path in xdatcar.parent.iterdir()] == ["XDATCAR"]


def one_line(outcome, code: int, message: str) -> None:
    assert outcome.code == code
    assert outcome.err.count("\n") == 1, outcome.err
    assert message in outcome.err


def test_wrong_calls_of_diffusion(xdatcar, lionn, tmp_path):
    one_line(lionn("diffusion", xdatcar), 2, "give --frame-interval-fs (frame_interval_fs), POTIM")
    outcome = lionn("diffusion", xdatcar, "--frame-interval-fs", 50)
    one_line(outcome, 2, "XDATCAR: does not say the temperature: give --temperature")
    one_line(lionn("diffusion", tmp_path / "none"), 1, "no such file or folder")
    write_run(tmp_path / "trajectory.h5")
    outcome = lionn("diffusion", tmp_path, "--temperature", 300)
    one_line(outcome, 2, "--temperature is for files of other programs")
    (tmp_path / "run.xtc").write_bytes(b"no")
    (tmp_path / "notes.txt").write_text("no")
    one_line(lionn("diffusion", tmp_path / "notes.txt"), 1, "does not tell the format")
    pytest.importorskip("MDAnalysis")
    one_line(lionn("diffusion", tmp_path / "run.xtc"), 1, "not an XTC file")
    assert not list(tmp_path.glob("*.json"))


def test_two_files_of_one_name_do_not_replace_each_other(xdatcar, lionn, tmp_path):
    other = tmp_path / "other" / xdatcar.name
    other.parent.mkdir()
    other.write_bytes(xdatcar.read_bytes())
    call = ["--frame-interval-fs", 50, "--temperature", 300, "-o", tmp_path / "out", "--force"]
    outcome = lionn("diffusion", xdatcar, other, *call)
    one_line(outcome, 2, f"results of two files would go into {tmp_path}/out/{xdatcar.name}.diff")
    assert not (tmp_path / "out").exists()


def test_wrong_calls_of_convert(lionn, tmp_path):
    write_run(tmp_path / "trajectory.h5")
    out = tmp_path / "out.traj"
    one_line(lionn("convert", tmp_path, tmp_path / "out.foo"), 2, "--format takes h5md, extxyz")
    one_line(lionn("convert", tmp_path, tmp_path / "vasprun.xml"), 2, "cannot be written")
    one_line(lionn("convert", tmp_path, out, "--stage", "melting"), 2, "must be one of heating")
    one_line(lionn("convert", tmp_path, out, "--stage", "heating"), 2, "only equilibration, prod")
    one_line(lionn("convert", tmp_path, out, "--types", "Li,Xx9"), 2, "'Xx9' is no chemical symbol")
    one_line(lionn("convert", tmp_path / "gone.xyz", out), 1, "no such file or folder")
    assert not out.exists()
    assert lionn("convert", tmp_path, out).code == 0
    one_line(lionn("convert", tmp_path, out), 2, "exists already (--force to replace it)")


@pytest.fixture(scope="module")
def argyrodite(tmp_path_factory):
    """Li6PS5Cl at 500 K, 70 ps of ab initio MD: as arrays, and as an XDATCAR."""
    if DATA is None:
        pytest.skip("the argyrodite trajectory is not at hand")
    with np.load(DATA / "Li6PS5Cl_100p_500K.npz") as file:
        fractional, lattice = file["frac_coords"], file["lattice"]
        symbols = [str(symbol) for symbol in file["species"]]
    path = tmp_path_factory.mktemp("argyrodite") / "XDATCAR"
    frames = [Atoms(symbols, scaled_positions=s, cell=lattice, pbc=True) for s in fractional]
    write(path, frames, format="vasp-xdatcar")
    write(path.with_name("top.extxyz"), frames[0])
    result = diffusivity(
        unwrap(fractional, lattice, fractional=True),
        cell=lattice,
        symbols=symbols,
        frame_interval_fs=100.0,
        temperature_K=500.0,
    )
    return path, result


@pytest.mark.parametrize("name", ["XDATCAR", "run.lammpstrj", "run.xtc"])
def test_real_ab_initio_run(name, argyrodite, lionn, tmp_path):
    if name.endswith("xtc"):
        pytest.importorskip("MDAnalysis")
    xdatcar, expected = argyrodite
    call = ["--frame-interval-fs", 100, "--temperature", 500]
    path = xdatcar if name == "XDATCAR" else tmp_path / name
    if name != "XDATCAR":
        assert lionn("convert", xdatcar, path, *call, "-q").code == 0
    if name.endswith("xtc"):
        call += ["--topology", xdatcar.with_name("top.extxyz")]
    assert lionn("diffusion", path, *call, "--no-pymatgen", "-o", tmp_path).code == 0
    found = json.loads((tmp_path / f"{name}.diffusion.json").read_text())
    # Not diffusive: a bound instead of a value. XTC rounds to 1e-4 Å.
    assert found["diffusive"] is False
    assert found["upper_bound_cm2_s"] == pytest.approx(expected.upper_bound_cm2_s, rel=1e-5)
    total = np.sum(found["msd"]["axes_A2"], axis=0)
    assert total == pytest.approx(expected.msd.total_A2, rel=1e-5)
