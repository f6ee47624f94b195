"""`examples/paper/mlearn.py` on a made-up folder of the same layout."""

from __future__ import annotations

import json
import lzma
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import write

SCRIPT = Path(__file__).parents[2] / "examples" / "paper" / "mlearn.py"
GROUPS = {"AIMD-NVT": 10, "Elastic": 10}
ENERGY_ERROR = 0.008  # of the "published network", eV per cell
FORCE_ERROR = 0.25  # eV/Å


def write_images(folder: Path, part: str, counts: dict[str, int]) -> None:
    rng = np.random.default_rng(len(part))
    images = []
    for group, count in counts.items():
        for _ in range(count):
            atoms = bulk("Si", cubic=True)
            atoms.rattle(0.1, rng=rng)
            atoms.info["group"] = group
            energy, forces = rng.normal(), rng.normal(size=(len(atoms), 3))
            atoms.calc = SinglePointCalculator(atoms, energy=energy, forces=forces)
            images.append(atoms)
    with lzma.open(folder / f"{part}.extxyz.xz", "wt") as file:
        write(file, images, format="extxyz")
    np.savez(
        folder / f"nnp_n2p2_{part}.npz",
        energy=[image.get_potential_energy() + ENERGY_ERROR for image in images],
        forces=np.concatenate([image.get_forces() + FORCE_ERROR for image in images]),
        natoms=[len(image) for image in images],
    )


@pytest.mark.parametrize("published_test", [True, False])
def test_sets_and_errors(tmp_path, published_test):
    folder = tmp_path / "Si"
    folder.mkdir()
    write_images(folder, "training", GROUPS)
    if published_test:
        write_images(folder, "test", {"Elastic": 3})
    command = [
        *(sys.executable, SCRIPT, tmp_path, "--element", "Si", "--output", tmp_path / "run"),
        *("--passes", "1", "--cutoff", "3", "--n-radial", "4", "--l-max", "1"),
        *("--n-channels", "2", "--validation", "0.2", "--hidden-layers", "3"),
    ]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    record = json.loads((tmp_path / "run" / "result.json").read_text())
    counts = {
        name: {group: row["n_images"] for group, row in rows.items()}
        for name, rows in record["errors"].items()
    }
    if published_test:
        assert counts["test"] == {"all": 3, "Elastic": 3}
        assert counts["validation"] == {"all": 4, "AIMD-NVT": 2, "Elastic": 2}
    else:
        assert counts["test"] == {"all": 2, "AIMD-NVT": 1, "Elastic": 1}
    assert record["test_set"] == ("published" if published_test else "own, held out")
    assert counts["train"]["all"] + counts["validation"]["all"] == (20 if published_test else 18)
    # Four A_n00 and, for each of two l, the three products of two channels.
    assert record["n_features"] == 4 + 2 * 3
    # Two layers with biases, slope and intercept; two contractions of 2 x 4.
    assert record["n_parameters"] == 11 * 3 + 4 * 1 + 2 + 2 * 8
    for rows in record["errors_of_published_network"].values():
        for row in rows.values():
            assert row["energy_mae_meV_atom"] == pytest.approx(1e3 * ENERGY_ERROR / 8)
            assert row["force_rmse_eV_A"] == pytest.approx(FORCE_ERROR)
