"""Potentials of other programs inside LAMMPS: every kind that can be imported can be exported."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms

import lionn_rs
from lionn_rs import lammps
from lionn_rs.interop import read_potential
from lionn_rs.potential import BasePotential
from tests.cli.test_lammps import needs_lammps
from tests.unit.interop.n2p2_folders import FUNCTIONS, crystal, write_example

AMP = Path(__file__).parents[1] / "reference" / "amp"
AMP_FILES = sorted(path.name for path in [*AMP.glob("*.amp"), *AMP.glob("*.ensemble")])
CUTOFFS = ("0", "1 0.3", "2", "3", "4", "5 0.4", "6", "7 0.2", "8")
"""All types of n2p2, some with an inner radius."""
N_STEPS = 3


def agree(potential: BasePotential, atoms: Atoms) -> None:
    """Energies, forces and virial on two ranks; the atoms must feel more than rounding."""
    forces = potential.evaluate(atoms).forces
    assert np.abs(forces).max() > 1e-4
    program = lammps.find_program()
    (result,) = lammps.check(potential, atoms, program=program, ranks=(2,), n_steps=N_STEPS)
    assert result.n_frames == N_STEPS + 1
    assert result.passed(1e-9), result


@needs_lammps
@pytest.mark.parametrize("cutoff", CUTOFFS)
def test_n2p2_with_every_cutoff(tmp_path, cutoff):
    """All function types: 2, 3, 9 and the weighted 12 and 13."""
    kinds = {form.split()[1] for form in FUNCTIONS}
    assert kinds == {"2", "3", "9", "12", "13"}
    folder = write_example(tmp_path, seed=3, cutoff=cutoff)
    agree(read_potential(folder, units="ev-angstrom"), crystal(3).repeat((2, 1, 1)))


@needs_lammps
def test_n2p2_with_every_activation_in_other_units(tmp_path):
    potentials = []
    for seed, activations in enumerate(["t s l", "p r l", "g c l", "S e l", "h t l"]):
        folder = write_example(
            tmp_path / str(seed),
            activations=activations,
            scaling=("scale_symmetry_functions_sigma",),
            keywords=("atom_energy Li -0.2",),
            cflength=1.8897261328,
        )
        potentials.append(read_potential(folder, units="hartree-bohr"))
    for potential in potentials:
        agree(potential, crystal(0).repeat((2, 1, 1)))


@needs_lammps
@pytest.mark.parametrize("name", AMP_FILES)
def test_amp(name):
    """Gaussian and Zernike calculators, also with weights that differ from center to center."""
    structures = json.loads((AMP / "predictions.json").read_text())["structures"]
    potential = read_potential(AMP / name)
    for structure in structures:
        atoms = Atoms(**structure)
        if atoms.cell.rank == 3 and len(atoms) > 1:
            agree(potential, atoms)


@needs_lammps
@pytest.mark.parametrize(
    ("source", "options"),
    [(AMP / "zernike_weights.amp", []), ("nnp", ["--units", "ev-angstrom"])],
)
def test_from_the_file_of_the_other_program_to_lammps(
    lionn, tmp_path, monkeypatch, source, options
):
    monkeypatch.chdir(tmp_path)
    write_example(Path("nnp"), seed=2, cutoff="2", elements=("Cu", "Au"))
    crystal(2, ("Cu", "Au")).repeat((2, 1, 1)).write("start.extxyz")
    assert lionn("convert", source, "model.json", *options).code == 0
    assert json.loads(Path("model.json").read_text())["version"] == 3
    outcome = lionn("lammps", "check", "model.json", "--structure", "start.extxyz", "--ranks", "1")
    assert outcome.code == 0, outcome.out + outcome.err
    assert "passed: within the tolerance 1e-09" in outcome.out
    outcome = lionn("lammps", "export", "model.json", "kim", "--structure", "start.extxyz")
    assert outcome.code == 0, outcome.err
    name = lammps.model_name(lionn_rs.load("model.json"))
    assert lionn_rs.load(Path("kim") / name / "potential.json").elements == ["Au", "Cu"]


@pytest.mark.parametrize("source", [AMP / "gaussian.amp", "nnp"])
def test_files_of_other_programs_are_converted_first(lionn, tmp_path, monkeypatch, source):
    monkeypatch.chdir(tmp_path)
    write_example(Path("nnp"))
    outcome = lionn("lammps", "export", source, "kim")
    assert outcome.code == 1
    assert outcome.err.count("\n") == 1
    assert f"'lionn convert {Path(source).name} model.json' makes one of lionn_rs" in outcome.err
    assert not Path("kim").exists()
