"""``lionn lammps``: the exported model inside LAMMPS, under MPI, against our own engine."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms

import lionn_rs
from lionn_rs import _core, datasets, lammps
from lionn_rs.lammps import comparison
from lionn_rs.lammps import model as model_module
from lionn_rs.potential import BasePotential
from tests.conftest import ELEMENTS, random_crystal, random_potential

OBJECT = model_module.OBJECT
CUTOFF = lionn_rs.Cosine(4.5)
N_STEPS = 5


def _reason_to_skip() -> str | None:
    try:
        lammps.find_program()
    except lionn_rs.ConfigError as error:
        return str(error)
    return None if shutil.which("mpirun") else "mpirun not found"


REASON = _reason_to_skip()
needs_lammps = pytest.mark.skipif(REASON is not None, reason=str(REASON))


def with_random_networks(descriptor: lionn_rs.Descriptor, atoms: Atoms) -> lionn_rs.Potential:
    """Two hidden layers of three nodes, features scaled by those of the structure."""
    fingerprints = descriptor.fingerprints(atoms)
    symbols = atoms.get_chemical_symbols()
    minima, maxima, n_weights = [], [], 0
    for element, n in descriptor.n_features.items():
        own = np.array([f for f, s in zip(fingerprints, symbols, strict=True) if s == element])
        minima.append((own.min(axis=0) - 0.1).tolist())
        maxima.append((own.max(axis=0) + 0.1).tolist())
        n_weights += (n + 1) * 3 + 4 * 3 + 4
    rng = np.random.default_rng(5)
    weights = rng.uniform(-0.5, 0.5, n_weights)
    parameters = [*weights, *([-3.0, 1.5] * len(ELEMENTS))]
    activations = ["tanh", "tanh", "linear"]
    core = _core.NeuralPotential.assemble(
        descriptor.core, minima, maxima, [3, 3], activations, parameters
    )
    return lionn_rs.Potential(core)


def repulsive_committee() -> lionn_rs.Committee:
    """Three members; the repulsion reaches far enough to act in :func:`random_crystal`."""
    pairs = [("Li", "S", 1.2, 2.6), ("Li", "Li", 1.0, 2.4)]
    members = [random_potential(seed, cutoff=4.5) for seed in range(3)]
    return lionn_rs.Committee(
        [lionn_rs.Potential(member.core.with_repulsion(pairs)) for member in members]
    )


def case(name: str) -> tuple[BasePotential, Atoms]:
    """A potential and a triclinic structure, turned against the axes."""
    crystal = random_crystal(3, 24)
    if name == "committee":
        return repulsive_committee(), crystal
    if name == "gaussian":
        skewed = datasets.structure("lgps")
        # The tilt of the cell is beyond what LAMMPS accepts unless it is reduced.
        skewed.set_cell(np.array([[1, 0, 0], [1, 1, 0], [-1, 2, 1]]) @ skewed.cell.array)
        skewed.rattle(0.1, seed=2)
        return random_potential(4, cutoff=4.5), skewed
    if name == "zernike":
        crystal.pbc = [True, True, False]
        descriptor = lionn_rs.Zernike(ELEMENTS, cutoff=CUTOFF, n_max=4, resolved=True)
        return with_random_networks(descriptor, crystal), crystal
    descriptor = lionn_rs.PowerSpectrum.fit(
        [crystal], cutoff=CUTOFF, n_radial=4, l_max=3, n_channels=4, bispectrum_l_max=2
    )
    return with_random_networks(descriptor, crystal), crystal


@needs_lammps
@pytest.mark.parametrize("name", ["gaussian", "committee", "zernike", "powerspectrum"])
def test_lammps_computes_what_we_compute(name):
    potential, atoms = case(name)
    program = lammps.find_program()
    for result in lammps.check(potential, atoms, program=program, ranks=(1, 2), n_steps=N_STEPS):
        assert result.n_frames == N_STEPS + 1
        assert result.passed(1e-9), result


@needs_lammps
def test_ranks_without_atoms():
    atoms = Atoms("Li2S", [[1, 1, 1], [3, 1, 1.5], [2, 2, 3]], cell=[40, 41, 42], pbc=True)
    program = lammps.find_program()
    potential = repulsive_committee()
    (result,) = lammps.check(potential, atoms, program=program, ranks=(4,), n_steps=1)
    assert result.passed(1e-9), result


def test_repulsion_acts_in_the_test_structure():
    potential, atoms = case("committee")
    without = lionn_rs.Committee(
        [lionn_rs.Potential(m.core.with_repulsion([])) for m in potential.members]
    )
    assert potential.evaluate(atoms).energy - without.evaluate(atoms).energy > 1.0


@needs_lammps
def test_another_potential_is_noticed(monkeypatch):
    potential, atoms = case("committee")
    other = lionn_rs.Committee(potential.members[:2])
    write = model_module.write_model
    monkeypatch.setattr(comparison, "write_model", lambda _, folder: write(other, folder))
    program = lammps.find_program()
    (result,) = lammps.check(potential, atoms, program=program, ranks=(1,), n_steps=1)
    errors = (result.energy_error, result.force_error, result.virial_error)
    assert all(error > 1e-3 for error in errors)
    assert not result.passed()


@needs_lammps
def test_command_checks_on_1_2_and_4_ranks(lionn, tmp_path):
    model = tmp_path / "model.json"
    random_potential(1, cutoff=4.0).save(model)
    outcome = lionn("lammps", "check", model)
    assert outcome.code == 0, outcome.err
    rows = [line.split("│")[1:3] for line in outcome.out.splitlines() if line.startswith("│")]
    assert [[cell.strip() for cell in row] for row in rows] == [
        ["1", "20"],
        ["2", "20"],
        ["4", "20"],
    ]
    assert "passed: within the tolerance 1e-09" in outcome.out
    outcome = lionn("lammps", "check", model, "--ranks", "1", "--tolerance", "0")
    assert outcome.code == 1
    assert "FAILED: not within the tolerance 0e+00" in outcome.out


@pytest.fixture
def model(tmp_path) -> Path:
    path = tmp_path / "model.json"
    repulsive_committee().save(path)
    return path


def test_export_writes_model_script_and_structure(lionn, tmp_path, model):
    folder = tmp_path / "out"
    arguments = ["lammps", "export", model, folder, "--structure", "dataset:lgps"]
    outcome = lionn(*arguments, "--supercell", "1x2x1")
    assert outcome.code == 0, outcome.err
    name = lammps.model_name(lionn_rs.load(model))
    assert f"export KIM_API_PORTABLE_MODELS_DIR={folder}\n" in outcome.out
    assert lionn_rs.load(folder / name / "potential.json").hash == lionn_rs.load(model).hash
    assert (folder / name / OBJECT).read_bytes()[:4] == b"\x7fELF"
    assert "100 atoms" in (folder / "structure.data").read_text()
    script = (folder / "in.lammps").read_text()
    assert f"pair_style    kim {name}\npair_coeff    * * Ge Li P S\n" in script

    outcome = lionn(*arguments)
    assert outcome.code == 2
    assert outcome.err == f"lionn: {folder / name / OBJECT} exists (--force to replace it)\n"
    assert lionn(*arguments, "--force").code == 0
    assert "50 atoms" in (folder / "structure.data").read_text()
    leftover = [path.name for path in folder.rglob("*") if path.name.startswith(".")]
    assert leftover == []


@needs_lammps
def test_exported_script_runs(tmp_path, model):
    structure = datasets.structure("lgps")
    exported = lammps.export(lionn_rs.load(model), tmp_path / "out", structure=structure)
    script = tmp_path / "out" / "in.lammps"
    script.write_text(script.read_text().replace("run           1000", "run 2"))
    log = lammps.find_program().run(script, models=exported.folder, n_ranks=2)
    assert "Loop time" in log

    potential = exported.folder / exported.name / "potential.json"
    document = json.loads(potential.read_text())
    document["networks"][0]["Li"]["weights"][0].pop()
    for text, message in [
        (json.dumps(document), "network of Li: weights of layer 1 must have"),
        ("{", "not a potential file, or damaged"),
        (None, "No such file or directory (os error 2); make the folder of the model with"),
    ]:
        potential.unlink()
        if text is not None:
            potential.write_text(text)
        with pytest.raises(
            lionn_rs.SimulationError, match=r"lmp -in in\.lammps, 1 ranks: lionn_rs: "
        ) as stopped:
            lammps.find_program().run(script, models=exported.folder, n_ranks=1)
        assert message in str(stopped.value)
        assert f"{exported.name}/potential.json: " in str(stopped.value)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (
            ["--name", "my-model"],
            2,
            "name of a model must be letters, digits and _, got 'my-model'",
        ),
        (["--supercell", "2x2x2"], 2, "--supercell repeats a structure: give --structure too"),
        (["--structure", "salt.xyz"], 1, "structure: element Cl is not in the model"),
        (["--structure", "molecule.xyz"], 1, "LAMMPS needs a box"),
    ],
)
def test_wrong_exports_are_refused(lionn, tmp_path, model, monkeypatch, arguments, code, message):
    monkeypatch.chdir(tmp_path)
    Atoms("LiCl", [[0, 0, 0], [2, 0, 0]], cell=[5, 5, 5], pbc=True).write("salt.xyz")
    Atoms("LiS", [[0, 0, 0], [2, 0, 0]]).write("molecule.xyz")
    outcome = lionn("lammps", "export", model, tmp_path / "out", *arguments)
    assert outcome.code == code
    assert message in outcome.err
    assert outcome.err.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_missing_object_is_named(lionn, tmp_path, model, monkeypatch):
    monkeypatch.setattr(model_module, "OBJECT", "absent.so")
    outcome = lionn("lammps", "export", model, tmp_path / "out")
    assert outcome.code == 1
    assert "this installation of lionn_rs has no absent.so" in outcome.err
    assert "cargo build --release -p lionn-kim" in outcome.err


def fake(folder: Path, name: str, text: str) -> None:
    """A shell script in place of a program."""
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


HELP = (
    'if [ "$1" = -h ]; then '
    'printf "Simulator - 1 Jan\\nInstalled packages:\\n\\n%s\\n\\n"; exit; fi'
)


def test_what_is_missing_is_named(lionn, tmp_path, model, monkeypatch):
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "sh").symlink_to(shutil.which("sh") or "/bin/sh")
    monkeypatch.setenv("PATH", str(programs))

    def refused(*options: str) -> str:
        outcome = lionn("lammps", "check", model, *options)
        assert outcome.code in (1, 2)
        assert outcome.err.count("\n") == 1
        return outcome.err

    assert "LAMMPS not found: no program lmp or lmp_mpi or lammps or lmp_serial (Deb" in refused()
    assert "LAMMPS not found: no program my-lmp (Debian" in refused("--lmp", "my-lmp")
    fake(programs, "lmp", HELP % "KSPACE MANYBODY")
    assert "lmp is built without the KIM package" in refused()
    fake(programs, "lmp", "echo wrong >&2; exit 3")
    assert "lmp -h failed: wrong" in refused()
    fake(programs, "lmp", HELP % "KIM")
    assert "mpirun or mpiexec not found, needed for 2 ranks" in refused("--ranks", "2")
    assert "--ranks must look like 1,2,4, got 'x'" in refused("--ranks", "x")
    # Built without MPI, LAMMPS runs as often as it is started.
    serial = f'{HELP % "KIM"}\necho "  1 by 1 by 1 MPI processor grid" > log.2'
    fake(programs, "lmp", serial)
    fake(
        programs, "mpirun", 'if [ "$1" = --version ]; then echo other; exit; fi; shift 2; exec "$@"'
    )
    assert "lmp did not use 2 ranks: it is built without MPI" in refused("--ranks", "2")
    fake(programs, "lmp", f'{HELP % "KIM"}\necho "ERROR: Unknown pair style"; exit 1')
    assert "lmp -in in.check, 1 ranks: ERROR: Unknown pair style" in refused("--ranks", "1")


def test_other_elements_need_a_structure(lionn, tmp_path, monkeypatch):
    fake(tmp_path / "bin", "lmp", HELP % "KIM")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    random_potential(0, elements=["Li", "S"]).save(tmp_path / "model.json")
    outcome = lionn("lammps", "check", tmp_path / "model.json")
    assert outcome.code == 2
    Atoms("Li", cell=[9, 9, 9], pbc=True).write(tmp_path / "atom.xyz")
    single = lionn("lammps", "check", tmp_path / "model.json", "--structure", tmp_path / "atom.xyz")
    assert single.err == "lionn: the check needs at least 2 atoms, got 1\n"
    assert "give --structure: the bundled crystal holds Ge, Li, P, S, the potential" in outcome.err
