"""``lionn arrhenius``: direct runs and VTF, on trajectories of known diffusivity."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms

from lionn_rs.analysis import synthetic
from lionn_rs.md.trajectory import TRAJECTORY_FILE, TrajectoryWriter
from lionn_rs.units import BOLTZMANN_EV_K

N_FRAMES, FRAME_FS = 501, 20.0
HOT = (600, 700, 800, 1000, 1200)


def write_run(folder: Path, temperature: float, diffusivity: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    ions = synthetic.lattice_hops(
        rng,
        n_ions=20,
        n_frames=N_FRAMES,
        frame_interval_fs=FRAME_FS,
        diffusivity_cm2_s=diffusivity,
    )
    positions, symbols = synthetic.with_framework(rng, ions, n_framework=5)
    folder.mkdir(parents=True)
    protocol = {"temperature_K": temperature, "timestep_fs": 2.0, "stride": 10}
    steps = 10 * np.arange(N_FRAMES)
    writer = TrajectoryWriter.create(
        folder / TRAJECTORY_FILE,
        atoms=Atoms(symbols, positions[0], cell=40.0 * np.eye(3), pbc=True),
        n_frames=N_FRAMES,
        metadata={
            "protocol": protocol,
            "stages": [{"label": "production", "first_step": 0, "n_steps": int(steps[-1])}],
            "seed": seed,
        },
    )
    writer.append(steps.astype(np.uint64), 2.0 * steps, positions)


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """Five temperatures on a line of 0.12 eV, one at 450 K on it, one far below."""
    for k, temperature in enumerate((*HOT, 450)):
        value = 7e-4 * np.exp(-0.12 / (BOLTZMANN_EV_K * temperature))
        write_run(tmp_path / f"{temperature}K", temperature, value, seed=k)
    write_run(tmp_path / "slow" / "500K", 500.0, 2.4e-6, seed=9)
    return tmp_path


def test_direct_run_is_compared_and_stays_out_of_the_fit(runs: Path, lionn) -> None:
    hot = [runs / f"{t}K" for t in HOT]
    outcome = lionn("arrhenius", *hot, "--direct", runs / "450K", "--output", runs / "fit")
    assert outcome.code == 0, outcome.err
    assert "direct: Li at 450 K" in outcome.out
    assert "consistent with the line" in outcome.out
    record = json.loads((runs / "fit" / "arrhenius.json").read_text())
    assert [p["temperature_K"] for p in record["points"]] == list(HOT)
    (direct,) = record["direct"]
    assert direct["temperature_K"] == 450.0
    assert direct["consistent"]
    assert (runs / "fit" / "arrhenius.png").stat().st_size > 10_000
    low, high = record["activation_energy_interval_eV"]
    assert low < 0.12 < high
    # The same, when the direct run lies among the folders given.
    again = lionn("arrhenius", *hot, runs / "450K", "--direct", runs / "450K")
    assert "5 temperatures" not in again.err
    assert again.out.count("Li at 450 K") == 1


def test_direct_run_that_hardly_moves_bounds_the_line(runs: Path, lionn) -> None:
    hot = [runs / f"{t}K" for t in HOT]
    outcome = lionn("arrhenius", *hot, "--direct", runs / "slow", "--vtf")
    assert outcome.code == 0, outcome.err
    assert "direct: Li at 500 K (10.0 ps): not diffusive" in outcome.out
    assert "VTF: T0 =" in outcome.out
    assert "less than the line predicts" in outcome.out


def test_vtf_needs_five_temperatures(runs: Path, lionn) -> None:
    outcome = lionn("arrhenius", *[runs / f"{t}K" for t in HOT[:4]], "--vtf")
    assert outcome.code == 1
    assert "needs diffusive runs at 5 temperatures or more, got 4" in outcome.err
    outcome = lionn("arrhenius", runs / "600K", "--direct", "nowhere")
    assert outcome.code == 1
    assert "nowhere: no such file or folder" in outcome.err


def test_errors_of_all_methods_are_listed(tmp_path: Path, lionn) -> None:
    write_run(tmp_path / "800K", 800.0, 1e-4, seed=3)
    outcome = lionn("diffusion", tmp_path, "--no-pymatgen")
    assert outcome.code == 0, outcome.err
    listed = next(part for part in outcome.out.splitlines() if "by method" in part)
    for method in ("gls", "ions", "concerted", "he2018", "ols"):
        assert f"{method} " in listed
    record = json.loads((tmp_path / "800K" / "diffusion.json").read_text())
    assert [e["method"] for e in record["estimates"] if e["reported"]] == [
        record["method"].split("+")[0]
    ]
