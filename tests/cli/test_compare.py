"""``lionn compare`` as a user runs it: runs of lionn, files of others, and wrong input."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.io import write

from lionn_rs.analysis import synthetic
from lionn_rs.md.trajectory import TRAJECTORY_FILE, TrajectoryWriter

A, N, DT, N_FRAMES = 3.25, 3, 20.0, 1001
CELL = N * A * np.eye(3)
LATTICE = A * np.stack(np.meshgrid(*[np.arange(N)] * 3, indexing="ij"), -1).reshape(-1, 3)


def frames(seed: int, d: float, *, sd_A: float = 0.1) -> tuple[np.ndarray, list[str]]:
    """Twelve hopping lithium ions among sulfur atoms, 20 ps.

    Two hops along one line between two frames are an ambiguous path: such a run is drawn anew.
    """
    rng = np.random.default_rng(seed)
    ions = synthetic.lattice_hops(
        rng, n_ions=12, n_frames=N_FRAMES, frame_interval_fs=DT, diffusivity_cm2_s=d,
        vibration_A=0.25,
    )  # fmt: skip
    if np.abs(np.diff(ions, axis=0)).max() > 1.4 * A:
        return frames(seed + 1000, d, sd_A=sd_A)
    ions += LATTICE[rng.permutation(N**3)[:12]]
    positions, symbols = synthetic.with_framework(rng, ions, n_framework=27, sd_A=sd_A)
    positions[:, 12:] += LATTICE + A / 2
    return positions, symbols


def write_run(folder: Path, seed: int, d: float, temperature_K: float, **options) -> Path:
    positions, symbols = frames(seed, d, **options)
    n_steps = (N_FRAMES - 1) * 10
    metadata = {
        "protocol": {"timestep_fs": DT / 10, "stride": 10, "temperature_K": temperature_K},
        "stages": [{"label": "production", "first_step": 0, "n_steps": n_steps}],
        "seed": seed, "status": "finished", "step": n_steps,
    }  # fmt: skip
    folder.mkdir(parents=True)
    writer = TrajectoryWriter.create(
        folder / TRAJECTORY_FILE, atoms=Atoms(symbols, positions[0], cell=CELL, pbc=True),
        n_frames=N_FRAMES, metadata=metadata,
    )  # fmt: skip
    writer.append(np.arange(N_FRAMES) * 10, np.arange(N_FRAMES) * DT, positions)
    return folder


def write_file(path: Path, seed: int, d: float, **options) -> Path:
    positions, symbols = frames(seed, d, **options)
    write(path, [Atoms(symbols, p, cell=CELL, pbc=True, info={}) for p in positions])
    return path


@pytest.fixture(scope="module")
def base(tmp_path_factory) -> Path:
    """Two campaigns of equal dynamics at three temperatures; a fast and a frozen file at 700 K."""
    folder = tmp_path_factory.mktemp("compare")
    for k, (temperature, d) in enumerate(((700.0, 2e-5), (800.0, 3.5e-5), (900.0, 6e-5))):
        for side, seed in (("one", 1), ("two", 100)):
            for n in range(2):
                name = f"{temperature:g}K-seed{n}"
                write_run(folder / side / name, seed + 10 * k + n, d, temperature)
    write_file(folder / "fast.extxyz", 55, 2e-4, sd_A=0.25)
    write_file(folder / "frozen.extxyz", 56, 1e-9)
    return folder


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_equal_dynamics_is_equal_within_errors(base, lionn, tmp_path):
    out = tmp_path / "out"
    options = ("--name-a", "DFT-MD", "--name-b", "ANN-MD", "--pairs", "Li-S,S-S")
    outcome = lionn("compare", base / "one", base / "two", *options, "--output", out)
    assert outcome.code == 0, outcome.err
    assert "D equal within errors: D(DFT-MD)/D(ANN-MD) = " in outcome.out
    assert "would have been seen" in outcome.out
    assert "no difference in g(r) of 6 pairs" in outcome.out
    content = json.loads((out / "compare.json").read_text())
    assert content["schema_version"] == 1
    assert content["pooled"]["n_temperatures"] == 3
    low, high = content["pooled"]["interval"]
    assert low < 1.0 < high
    assert content["activation"]["p_value"] > 0.05
    assert content["fit_a"]["points"][0]["temperature_K"] == 700.0
    assert content["verdict"] in outcome.out
    assert [len(content["runs"][side]) for side in "ab"] == [6, 6]
    assert content["runs"]["a"][0]["drift"]["reference"] == "framework (S)"
    # Whole runs of each side would give too few exchanges: two pieces of each.
    assert content["temperatures"][0]["pieces"]["per_run"] == 2
    table = rows(out / "diffusivities.csv")
    assert [row["side"] for row in table] == ["DFT-MD"] * 3 + ["ANN-MD"] * 3
    assert float(table[0]["ratio_a_over_b"]) == pytest.approx(
        float(table[0]["diffusivity_cm2_s"]) / float(table[3]["diffusivity_cm2_s"]), rel=1e-6
    )
    assert {row["pair"] for row in rows(out / "rdf_differences.csv")} == {"Li-S", "S-S"}
    assert {row["species"] for row in rows(out / "amplitudes.csv")} == {"Li", "S"}
    assert len(rows(out / "rdf_700K.csv")) == 200
    for name in ("arrhenius", "rdf_700K", "rdf_900K"):
        assert (out / f"{name}.svg").stat().st_size > 5000
        assert (out / f"{name}.png").exists()


def test_a_fast_file_differs_in_motion_and_vibration(base, lionn, tmp_path):
    outcome = lionn(
        "compare", f"{base / 'fast.extxyz'}@700", f"{base / 'one' / '700K-seed0'}",
        "--frame-interval-fs", DT, "--name-a", "fast", "--name-b", "slow", "-o", tmp_path / "out",
    )  # fmt: skip
    assert outcome.code == 0, outcome.err
    assert "D differs: D(fast)/D(slow) = " in outcome.out
    assert "take consecutive pieces of one run" in outcome.out
    content = json.loads((tmp_path / "out" / "compare.json").read_text())
    (row,) = content["temperatures"]
    assert row["ratio"]["low"] > 2.0
    assert row["msd"]["ratio"] > 3.0
    (sulfur,) = row["vibrations"]
    # Amplitudes 0.25 and 0.1 Å along each axis.
    assert sulfur["ratio"] == pytest.approx(6.25, rel=0.1)
    assert sulfur["test"]["adjusted_p"] < 0.05
    assert content["fit_a"] is None
    source = content["runs"]["a"][0]["source"]
    assert source["given"] == {"frame_interval_fs": DT, "temperature_K": 700.0}


def test_a_frozen_side_gives_a_bound(base, lionn, tmp_path):
    outcome = lionn(
        "compare", f"{base / 'one' / '700K-seed0'},{base / 'one' / '700K-seed1'}",
        f"{base / 'frozen.extxyz'}@700K", "--frame-interval-fs-b", DT, "--name-b", "frozen",
        "-o", tmp_path / "out", "--pairs", "Li-Li",
    )  # fmt: skip
    assert outcome.code == 0, outcome.err
    assert "frozen not diffusive at 700 K, D < " in outcome.out
    assert "(at least 92.5 %)" in outcome.out
    ratio = json.loads((tmp_path / "out" / "compare.json").read_text())["temperatures"][0]["ratio"]
    assert ratio["ratio"] is None
    assert ratio["low"] > 1.0
    assert "MSD after" in outcome.out


def test_a_wrong_time_between_frames_is_noticed(base, lionn, tmp_path):
    """Free flight at 700 K with a frame every 2 fs, said to be every 20 fs."""
    rng = np.random.default_rng(9)
    numbers = Atoms(["Li"] * 12 + ["S"] * 27, cell=CELL)
    speed = np.sqrt(8.617333e-5 * 700.0 / (103.642696 * numbers.get_masses()))[:, None]
    # Slow oscillation: ballistic over some frames, bounded over the run.
    velocity = rng.normal(size=(39, 3)) * speed
    sites = np.concatenate([LATTICE[:12], LATTICE + A / 2])
    period = 2000.0 / (2 * np.pi)
    times = 2.0 * np.arange(1000)
    phases = rng.uniform(0, 2 * np.pi, (39, 3))
    moved = np.sqrt(2) * velocity * period * np.sin(times[:, None, None] / period + phases)
    frames_ = [Atoms(numbers.numbers, sites + m, cell=CELL, pbc=True) for m in moved]
    write(tmp_path / "free.extxyz", frames_)
    common = ("compare", f"{tmp_path / 'free.extxyz'}@700", base / "one" / "700K-seed0")
    wrong = lionn(*common, "--frame-interval-fs", 20, "--pairs", "Li-Li", "-o", tmp_path / "wrong")
    assert wrong.code == 0, wrong.err
    assert "are the frames 2 fs apart instead of 20 fs?" in wrong.out
    right = lionn(*common, "--frame-interval-fs", 2, "--pairs", "Li-Li", "-o", tmp_path / "right")
    assert right.code == 0, right.err
    assert "are the frames" not in right.out


@pytest.mark.parametrize(
    ("a", "b", "more", "code", "message"),
    [
        ("one", "nowhere", (), 1, "nowhere: no such file or folder"),
        ("one", "fast.extxyz", (), 2, "give --frame-interval-fs"),
        ("one", "fast.extxyz", ("--frame-interval-fs", DT), 2, "does not say the temperature"),
        ("one", "two@700", (), 2, "is a run of lionn, which knows its temperature"),
        ("one/700K-seed0", "two/800K-seed0", (), 1, "have no temperature in common"),
        ("one", "two", ("--pairs", "Li-Cl"), 2, "--pairs: no Cl atoms"),
        ("one", "two", ("--species", "Na"), 2, "no Na atoms"),
        ("one", "two", ("--stage", "heating"), 2, "--stage must be equilibration or production"),
        ("one", "two", ("--temperature", 700), 2, "--temperature is for files of other programs"),
        ("one,fast.extxyz@700", "two", ("--frame-interval-fs", 40), 1, "frames of"),
        (",", "two", (), 2, "must be folders or files"),
    ],
)
def test_wrong_input_is_named(base, lionn, tmp_path, a, b, more, code, message):
    a, b = (
        ",".join(f"{base / part}" if part else "" for part in side.split(",")) for side in (a, b)
    )
    outcome = lionn("compare", a, b, *more, "--output", tmp_path / "out")
    assert message in outcome.err
    assert outcome.code == code
    assert outcome.err.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_results_are_not_replaced_unasked(base, lionn, tmp_path):
    arguments = ("compare", base / "one" / "700K-seed0", base / "two" / "700K-seed0")
    options = ("--pairs", "Li-Li", "-o", tmp_path / "out")
    assert lionn(*arguments, *options).code == 0
    before = (tmp_path / "out" / "compare.json").read_bytes()
    outcome = lionn(*arguments, *options)
    assert outcome.code == 2
    assert "--force to replace it" in outcome.err
    assert (tmp_path / "out" / "compare.json").read_bytes() == before
    assert lionn(*arguments, *options, "--force").code == 0


@pytest.mark.parametrize("command", ["rdf", "density", "jumps", "vanhove", "vacf"])
def test_structure_commands_read_files_of_others(command, base, lionn, tmp_path):
    out = tmp_path / "out"
    options = ("--frame-interval-fs", DT, "--temperature", 700, "--output", out)
    outcome = lionn(command, base / "fast.extxyz", *options)
    assert outcome.code == 0, outcome.err
    name = {"vanhove": "van_hove"}.get(command, command)
    record = json.loads((out / f"{name}.json").read_text())["run"]
    assert record["temperature_K"] == 700.0
    assert record["source"]["file"] == "fast.extxyz"
    refused = lionn(command, base / "one" / "700K-seed0", *options, "--force")
    assert refused.code == 2
    assert "is for files of other programs" in refused.err


def test_tables_of_diffusion_and_arrhenius(base, lionn, tmp_path):
    outcome = lionn("arrhenius", base / "one", "--output", tmp_path / "out")
    assert outcome.code == 0, outcome.err
    table = rows(tmp_path / "out" / "arrhenius.csv")
    assert [row["kind"] for row in table] == ["point"] * 3 + ["extrapolation"]
    assert table[0]["n_runs"] == "2"
    fit = json.loads((tmp_path / "out" / "arrhenius.json").read_text())
    assert float(table[-1]["line_cm2_s"]) == pytest.approx(
        fit["extrapolation"]["diffusivity_cm2_s"]
    )
    msd = rows(base / "one" / "700K-seed0" / "msd.csv")
    record = json.loads((base / "one" / "700K-seed0" / "diffusion.json").read_text())
    last = sum(axis[-1] for axis in record["msd"]["axes_A2"])
    assert float(msd[-1]["msd_Li_A2"]) == pytest.approx(last)
    assert "msd_S_x_A2" in msd[0]
