"""``lionn rdf``, ``density``, ``jumps``, ``vacf`` and ``vanhove`` as a user runs them."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.io import read, write

from lionn_rs.analysis import synthetic
from lionn_rs.md.trajectory import TRAJECTORY_FILE, Trajectory, TrajectoryWriter

A, N, DT = 3.25, 3, 20.0
CELL = N * A * np.eye(3)
LATTICE = A * np.stack(np.meshgrid(*[np.arange(N)] * 3, indexing="ij"), -1).reshape(-1, 3)
N_FRAMES = 1001


def write_run(folder: Path, *, velocities: bool = False, interval_fs: float = DT) -> Path:
    """Twelve hopping lithium ions among sulfur atoms that drift; 20 ps of production."""
    rng = np.random.default_rng(1)
    ions = synthetic.lattice_hops(
        rng, n_ions=12, n_frames=N_FRAMES, frame_interval_fs=DT, diffusivity_cm2_s=5e-5,
        vibration_A=0.25,
    )  # fmt: skip
    ions += LATTICE[rng.permutation(N**3)[:12]]
    positions, symbols = synthetic.with_framework(rng, ions, n_framework=27, sd_A=0.1)
    positions[:, 12:] += LATTICE + A / 2
    positions += np.linspace(0.0, 2.0, N_FRAMES)[:, None, None]
    atoms = Atoms(symbols, positions=positions[0], cell=CELL, pbc=True)
    n_steps = (N_FRAMES - 1) * 10
    metadata = {
        "protocol": {"timestep_fs": interval_fs / 10, "stride": 10, "temperature_K": 800.0},
        "stages": [{"label": "production", "first_step": 0, "n_steps": n_steps}],
        "seed": 1,
        "status": "finished",
        "step": n_steps,
    }
    folder.mkdir(parents=True)
    writer = TrajectoryWriter.create(
        folder / TRAJECTORY_FILE, atoms=atoms, n_frames=N_FRAMES, metadata=metadata,
        velocities=velocities, precision="float64",
    )  # fmt: skip
    writer.append(
        np.arange(N_FRAMES) * 10,
        np.arange(N_FRAMES) * interval_fs,
        positions,
        np.gradient(positions, interval_fs, axis=0) if velocities else None,
    )
    return folder


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    return write_run(tmp_path_factory.mktemp("mechanism") / "800K")


def rows(path: Path) -> list[dict[str, str]]:
    with path.open() as file:
        return list(csv.DictReader(file))


def test_rdf_gives_peak_and_coordination(run, lionn, tmp_path):
    outcome = lionn("rdf", run, "--pairs", "Li-S,S-S", "--output", tmp_path / "out")
    assert outcome.code == 0, outcome.err
    assert "Li-S" in outcome.out
    content = json.loads((tmp_path / "out" / "rdf.json").read_text())
    shell = next(r["shell"] for r in content["rdf"] if r["pair"] == ["S", "S"])
    assert shell["peak_A"] == pytest.approx(A, abs=0.05)
    assert shell["coordination"] == pytest.approx(6.0, abs=0.1)
    # Without the drift removed the peak of Li-S would be the same: both drift. The record says it.
    assert content["run"]["drift"]["largest_A"] == pytest.approx(2.0 * 3**0.5, rel=0.1)
    table = rows(tmp_path / "out" / "rdf.csv")
    assert len(table) == 200
    assert float(table[-1]["coordination_S-S"]) > 50
    assert (tmp_path / "out" / "rdf.svg").stat().st_size > 5000


def test_results_are_not_replaced_unasked(run, lionn, tmp_path):
    target = tmp_path / "out"
    assert lionn("rdf", run, "--output", target).code == 0
    before = (target / "rdf.json").read_bytes()
    outcome = lionn("rdf", run, "--output", target, "--r-max", 5)
    assert outcome.code == 2
    assert "rdf.json: exists (--force to replace it" in outcome.err
    assert (target / "rdf.json").read_bytes() == before
    (target / "notes.txt").write_text("mine")
    assert lionn("rdf", run, "--output", target, "--r-max", 5, "--force").code == 0
    assert (target / "rdf.json").read_bytes() != before
    assert (target / "notes.txt").read_text() == "mine"


def test_density_files_are_those_of_the_ions(run, lionn, tmp_path):
    outcome = lionn("density", run, "--spacing", 0.5, "--output", tmp_path)
    assert outcome.code == 0, outcome.err
    assert "Li density: 12 ions on 20 x 20 x 20 points" in outcome.out
    cube = read(tmp_path / "density_Li.cube")
    assert set(cube.get_chemical_symbols()) == {"S"}
    content = json.loads((tmp_path / "density.json").read_text())
    assert content["density"]["total"] == pytest.approx(12.0)
    from pymatgen.io.vasp import Chgcar

    chgcar = Chgcar.from_file(str(tmp_path / "CHGCAR_Li"))
    assert chgcar.data["total"].mean() == pytest.approx(12.0)
    assert (tmp_path / "density.png").exists()


def test_jumps_are_those_of_the_hoppers(run, lionn, tmp_path):
    sites = Atoms("Li27", positions=LATTICE, cell=CELL, pbc=True)
    write(tmp_path / "sites.cif", sites)
    arguments = ("--sites", tmp_path / "sites.cif", "--min-residence-fs", 0, "--output", tmp_path)
    outcome = lionn("jumps", run, *arguments)
    assert outcome.code == 0, outcome.err
    content = json.loads((tmp_path / "jumps.json").read_text())
    found = content["jumps"]
    barrier = content["effective_barrier"]
    kT = 8.617333262e-5 * 800.0
    rate_THz = found["rate_per_ns"] / 1000.0
    assert rate_THz == pytest.approx(
        barrier["frequency_THz"] * np.exp(-barrier["barrier_eV"] / kT), rel=1e-6
    )
    assert barrier["interval_eV"][0] < barrier["barrier_eV"] < barrier["interval_eV"][1]
    # 5e-5 cm²/s, 12 ions, 20 ps: 68 jumps are expected.
    assert 45 < found["n_jumps"] < 95
    assert found["length_mean_A"] == pytest.approx(A, rel=0.05)
    table = rows(tmp_path / "jumps.csv")
    assert len(table) == found["n_jumps"]
    assert len(rows(tmp_path / "sites.csv")) == 27
    assert len(read(tmp_path / "sites.extxyz")) == 27
    for name in ("jump_network", "jump_statistics"):
        assert (tmp_path / f"{name}.svg").exists()
    assert "per ion and ns" in outcome.out


def test_sites_of_another_cell_are_refused(run, lionn, tmp_path):
    write(tmp_path / "sites.cif", Atoms("Li", positions=[[0, 0, 0]], cell=5 * np.eye(3), pbc=True))
    outcome = lionn("jumps", run, "--sites", tmp_path / "sites.cif", "--output", tmp_path / "out")
    assert outcome.code == 1
    assert "sites.cif: the cell" in outcome.err
    assert "is not that of the run" in outcome.err
    assert not (tmp_path / "out").exists()


def test_vacf_from_differences_and_from_velocities(run, lionn, tmp_path):
    outcome = lionn("vacf", run, "--species", "Li,S", "--window-ps", 1, "--output", tmp_path / "a")
    assert outcome.code == 0, outcome.err
    assert "from differences of positions" in outcome.out
    stored = write_run(tmp_path / "stored", velocities=True)
    outcome = lionn("vacf", stored, "--window-ps", 1)
    assert outcome.code == 0, outcome.err
    assert "from velocities" in outcome.out
    content = json.loads((stored / "vacf.json").read_text())
    assert content["vacf"][0]["source"] == "velocities"
    assert len(rows(tmp_path / "a" / "vdos.csv")) > 100


def test_vacf_of_sparse_frames_is_refused(lionn, tmp_path):
    sparse = write_run(tmp_path / "sparse", interval_fs=100.0)
    outcome = lionn("vacf", sparse)
    assert outcome.code == 1
    assert "frames are 100 fs apart" in outcome.err
    assert sorted(path.name for path in sparse.iterdir()) == [TRAJECTORY_FILE]


def test_van_hove_files(run, lionn, tmp_path):
    outcome = lionn("vanhove", run, "--r-max", 6, "--output", tmp_path)
    assert outcome.code == 0, outcome.err
    table = rows(tmp_path / "van_hove_self.csv")
    assert len(table) == 160
    assert (tmp_path / "van_hove.svg").exists()


def test_several_runs_get_a_folder_each(run, lionn, tmp_path):
    other = write_run(tmp_path / "other")
    outcome = lionn("vanhove", run, other, "--output", tmp_path / "out")
    assert outcome.code == 0, outcome.err
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"800K", "other"}
    outcome = lionn("vanhove", run, run.parent / ".." / run.parent.name / "800K", "-o", tmp_path)
    assert outcome.code == 2
    assert "same folder name" in outcome.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["rdf", "--pairs", "Li-"], "--pairs must look like Li-Li,Li-S, got 'Li-'"),
        (["rdf", "--pairs", "Li-O"], "--pairs: no O atoms (there are Li, S)"),
        (["rdf", "--species", "Na"], "no Na atoms (there are Li, S)"),
        (["rdf", "--stage", "melting"], "the run has no stage 'melting', only production"),
        (["density", "--spacing", 0.0], "--spacing"),
        (["jumps", "--axis", "d"], "axis must be 'a', 'b', 'c'"),
        (["jumps", "--radius", 2.0], "overlap"),
        (["jumps", "--sites", "nowhere.cif"], "nowhere.cif: no such file"),
        (["vacf", "--species", "Li,"], "--species must look like Li or Li,S"),
        (["vacf", "--species", "Li,O"], "--species: no O atoms"),
        (["vacf", "--window-ps", 9], "at least 5 windows"),
    ],
)
def test_wrong_input_is_one_line_and_writes_nothing(arguments, message, run, lionn, tmp_path):
    command, *options = arguments
    outcome = lionn(command, run, *options, "--output", tmp_path / "out")
    assert outcome.code in (1, 2)
    assert message in outcome.err
    assert outcome.err.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_changing_cell_is_refused(run, lionn, tmp_path, monkeypatch):
    opened = Trajectory.open(run)
    changing = type(opened)(**{**opened.__dict__, "changes_cell": True})
    monkeypatch.setattr(Trajectory, "open", lambda path: changing)
    outcome = lionn("density", run, "--output", tmp_path / "out")
    assert outcome.code == 1
    assert "the cell changes along this run" in outcome.err
