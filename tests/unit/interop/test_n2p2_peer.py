"""n2p2 itself on folders that exercise every feature, and on folders that lionn_rs wrote."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms

import lionn_rs as lionn
from lionn_rs.interop import read_potential, write_potential
from tests.conftest import random_crystal, random_potential
from tests.unit.interop.n2p2_folders import crystal, write_example
from tests.unit.interop.test_n2p2_published import STEEP, data_folder, frames_of
from tests.unit.interop.test_n2p2_writing import functions, gaussian_potential

PROGRAM = shutil.which("nnp-predict")
pytestmark = [
    pytest.mark.peers,
    pytest.mark.skipif(PROGRAM is None, reason="nnp-predict of n2p2 is not on the PATH"),
]


def predict(folder: Path, atoms: Atoms, cflength: float = 1.0, cfenergy: float = 1.0):
    """Energy (eV) and forces (eV/Å) of n2p2."""
    lines = ["begin"]
    lines += [
        "lattice " + " ".join(map(repr, (row * cflength).tolist())) for row in atoms.cell.array
    ]
    for symbol, position in zip(atoms.symbols, atoms.positions * cflength, strict=True):
        x, y, z = position.tolist()
        lines.append(f"atom {x!r} {y!r} {z!r} {symbol} 0 0 0 0 0")
    lines += ["energy 0", "charge 0", "end"]
    (folder / "input.data").write_text("\n".join(lines) + "\n")
    subprocess.run([str(PROGRAM), "0"], cwd=folder, check=True, capture_output=True, timeout=120)
    rows = np.loadtxt(folder / "energy.out", comments="#", ndmin=2)
    forces = np.loadtxt(folder / "nnforces.out", comments="#", ndmin=2)
    return rows[0, 3] / cfenergy, forces[:, 5:] * cflength / cfenergy


def compare(
    potential: lionn.Potential, folder: Path, atoms: Atoms, atol: float = 1e-7, **units
) -> None:
    energy, forces = predict(folder, atoms, **units)
    result = potential.evaluate(atoms)
    assert result.energy == pytest.approx(energy, abs=1e-9)
    # n2p2 takes the slope of the cosine from sqrt(1 - cos²): eight digits near the cutoff.
    np.testing.assert_allclose(result.forces, forces, rtol=0.0, atol=atol)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"scaling": ("scale_symmetry_functions_sigma", "scale_min_short 0.3")},
        {"scaling": ("scale_symmetry_functions", "center_symmetry_functions")},
        {"scaling": ("center_symmetry_functions",)},
        {"scaling": ()},
        {"keywords": ("normalize_nodes", "atom_energy S -1.25", "atom_energy Li 3.0")},
        {"keywords": ("mean_energy -3.5", "conv_energy 7.25", "conv_length 2.5")},
        {"keywords": ("element_nodes_short S 6 2",), "layouts": {"S": [6, 3]}},
        {"keywords": ("element_activation_short S s p l",)},
        *({"cutoff": f"{kind} {alpha}"} for kind in range(1, 9) for alpha in (0.0, 0.3)),
        {"cutoff": "0"},
        *({"activations": f"{letter} t l"} for letter in "tspgcSehr"),
    ],
    ids=lambda options: "-".join(f"{k}:{v}" for k, v in options.items())[:50] or "plain",
)
def test_every_feature(tmp_path, options) -> None:
    folder = write_example(tmp_path, seed=1, **options)
    compare(read_potential(folder, units="ev-angstrom"), folder, crystal(1))


def test_bohr_and_hartree(tmp_path) -> None:
    units = {"cflength": 1.8897261328, "cfenergy": 0.0367493254}
    folder = write_example(tmp_path, seed=2, cflength=units["cflength"])
    compare(read_potential(folder, units="hartree-bohr"), folder, crystal(2), **units)


@pytest.mark.parametrize(
    ("element", "part", "frame"),
    [("Li", "training", frame) for frame in STEEP["Li"]]
    + [("Mo", "training", 96), ("Si", "training", 155), ("Cu", "test", 10), ("Ni", "test", 14)],
)
def test_published_potentials_with_all_digits(tmp_path, element, part, frame) -> None:
    """The frames that differ most from the stored predictions, except beside self-images."""
    source = data_folder("mlearn") / element
    folder = shutil.copytree(source / "nnp_published", tmp_path / "nnp")
    units = {"cflength": 1.8897261328, "cfenergy": 0.0367493254}
    potential = read_potential(folder, units="hartree-bohr")
    compare(potential, folder, frames_of(source, part)[frame], atol=1e-6, **units)


@pytest.mark.parametrize(
    "cutoff",
    [lionn.Cosine(4.2), lionn.Switch(4.2, "quintic", inner=1.0), lionn.Tanh(4.2)],
)
def test_n2p2_reads_what_was_written(tmp_path, cutoff) -> None:
    potential = gaussian_potential(functions(), cutoff=cutoff)
    write_potential(potential, tmp_path / "nnp")
    compare(potential, tmp_path / "nnp", crystal(3))


@pytest.mark.parametrize("output", ["linear", "tanh"])
def test_n2p2_reads_gaussian_56(tmp_path, output) -> None:
    potential = random_potential(2, cutoff=5.0, output_activation=output)
    write_potential(potential, tmp_path / "nnp")
    compare(potential, tmp_path / "nnp", random_crystal(3, 12))
