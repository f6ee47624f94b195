"""kinisi and pymatgen on the same trajectories: agreement within errors.

kinisi needs other versions of packages than ours: set LIONN_KINISI_PYTHON to an interpreter that
has it, unless this one does. Differences that stay: kinisi's drift is the plain mean of the
framework, ours here too; it draws its posterior from a fit from 1 ps to the end of the run and
reports intervals that hold in 0.78 to 0.83 of the cases (docs/explanations/statistics.md).
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from lionn_rs.analysis import diffusivity, synthetic

SCRIPT = Path(__file__).parents[3] / "benches" / "coverage_kinisi.py"
PYTHON = os.environ.get(
    "LIONN_KINISI_PYTHON", sys.executable if importlib.util.find_spec("kinisi") else ""
)
N_RUNS, N_IONS, N_FRAMES, STEP_FS, EDGE, TRUTH = 4, 20, 1001, 50.0, 40.0, 3e-5

pytestmark = [
    pytest.mark.peers,
    pytest.mark.skipif(not PYTHON, reason="kinisi is absent, and so is LIONN_KINISI_PYTHON"),
    pytest.mark.skipif(not SCRIPT.exists(), reason="benches/ are not at hand"),
]


def test_kinisi_and_pymatgen_agree_within_errors(tmp_path: Path) -> None:
    runs, ours, pymatgen = [], [], []
    for seed in range(N_RUNS):
        rng = np.random.default_rng(seed)
        ions = synthetic.lattice_hops(
            rng, n_ions=N_IONS, n_frames=N_FRAMES, frame_interval_fs=STEP_FS,
            diffusivity_cm2_s=TRUTH,
        )  # fmt: skip
        positions, symbols = synthetic.with_framework(rng, ions, n_framework=8)
        result = diffusivity(
            positions, cell=EDGE * np.eye(3), symbols=symbols, frame_interval_fs=STEP_FS,
            temperature_K=800.0, drift_weights="mean", compare_pymatgen=True,
        )  # fmt: skip
        runs.append(positions)
        ours.append((result.diffusivity_cm2_s, result.ln_sd))
        pymatgen.append(next(v for v in result.pymatgen if v.smoothed == "max").diffusivity_cm2_s)
    np.savez(
        tmp_path / "in.npz", positions=np.array(runs), cell_A=EDGE, n_ions=N_IONS,
        frame_interval_fs=STEP_FS,
    )  # fmt: skip
    # Its own packages only: those on PYTHONPATH are ours.
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    command = [PYTHON, str(SCRIPT), str(tmp_path / "in.npz"), str(tmp_path / "out.npz")]
    subprocess.run(command, check=True, env=environment, timeout=1800)
    with np.load(tmp_path / "out.npz") as file:
        kinisi, low, high = file["values"].T
    assert np.all(np.isfinite(kinisi))
    value, ln_sd = np.array(ours).T
    theirs = (np.log(high) - np.log(low)) / (2 * 1.96)
    # The same trajectories: the difference is smaller than independent errors would make it.
    z = (np.log(kinisi) - np.log(value)) / np.hypot(ln_sd, theirs)
    assert np.all(np.abs(z) < 2.5), z
    # Four runs of 250 hops: 1 to 5 % each way; all three are right on average.
    for mean in (value.mean(), kinisi.mean(), np.mean(pymatgen)):
        assert mean == pytest.approx(TRUTH, rel=0.2)
