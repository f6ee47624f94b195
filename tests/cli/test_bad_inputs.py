"""Wrong input to the commands: one line that names it, nothing written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import write

from lionn_rs import datasets
from tests.conftest import random_potential


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("model") / "model.json"
    random_potential(cutoff=4.0).save(path)
    return path


def labeled(**labels) -> list[Atoms]:
    """Six images; ``labels`` are functions of (number, reference value)."""
    images = []
    for number, atoms in enumerate(datasets.load("lgps_gpaw_pbe")[:6]):
        image = atoms.copy()
        energy = labels.get("energy", lambda _, value: value)(number, atoms.get_potential_energy())
        forces = labels.get("forces", lambda _, value: value)(number, atoms.get_forces().copy())
        results = {"energy": energy} | ({} if forces is None else {"forces": forces})
        image.calc = SinglePointCalculator(image, **results)
        images.append(image)
    return images


def nan_force(number, forces):
    forces[7, 1] = np.nan if number == 4 else forces[7, 1]
    return forces


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ({"forces": nan_force}, "bad.extxyz, image 4: reference force of atom 7 is not finite"),
        ({"energy": lambda n, e: np.nan if n == 5 else e}, "image 5: reference energy is nan"),
    ],
)
@pytest.mark.parametrize("command", ["train", "evaluate"])
def test_labels_that_are_not_finite(command, labels, message, model, lionn, tmp_path):
    write(tmp_path / "bad.extxyz", labeled(**labels))
    arguments = [tmp_path / "bad.extxyz", "--output", tmp_path / "out"]
    outcome = lionn(command, *([model] if command == "evaluate" else []), *arguments)
    assert outcome.code == 1
    assert message in outcome.err
    assert outcome.err.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_images_without_forces_say_which_setting_to_change(lionn, tmp_path):
    write(tmp_path / "energies.extxyz", labeled(forces=lambda *_: None))
    outcome = lionn("train", tmp_path / "energies.extxyz", "--output", tmp_path / "out", "-q")
    assert outcome.code == 2
    assert "force_weight = 0 in [training]" in outcome.err


def test_cutoff_without_neighbors_is_refused_and_may_be_corrected(lionn, tmp_path):
    write(tmp_path / "images.extxyz", labeled())
    arguments = ("train", tmp_path / "images.extxyz", "--output", tmp_path / "out", "--quiet")
    limits = ("--max-iterations", 2)
    outcome = lionn(*arguments, *limits, "--cutoff", 1.0)
    assert outcome.code == 2
    assert "nothing to learn with a cutoff of 1 Å" in outcome.err
    # What failed before the first result does not block the folder.
    outcome = lionn(*arguments, *limits, "--cutoff", 3.0)
    assert outcome.code == 0, outcome.err
    assert "cutoff = 3.0" in (tmp_path / "out" / "config.resolved.toml").read_text()


def test_resuming_with_other_settings_keeps_the_record_of_the_first(lionn, tmp_path):
    write(tmp_path / "images.extxyz", labeled())
    arguments = ("train", tmp_path / "images.extxyz", "--output", tmp_path / "out", "--quiet")
    assert lionn(*arguments, "--cutoff", 3.0, "--max-iterations", 2).code == 0
    outcome = lionn(*arguments, "--cutoff", 3.5, "--max-iterations", 4, "--resume")
    assert outcome.code == 2
    assert "cutoff = 3.0" in (tmp_path / "out" / "config.resolved.toml").read_text()
    assert lionn(*arguments, "--cutoff", 3.0, "--max-iterations", 4, "--resume").code == 0
    assert "max_iterations = 4" in (tmp_path / "out" / "config.resolved.toml").read_text()


def test_the_optimizer_is_chosen_on_the_command_line(lionn, tmp_path):
    write(tmp_path / "images.extxyz", labeled())
    (tmp_path / "batches.toml").write_text(
        '[data]\nimages = "images.extxyz"\n[descriptor]\ncutoff = 3.0\n'
        "[training]\nbatch_size = 2\nmax_iterations = 2\n"
    )
    arguments = ("train", tmp_path / "batches.toml", "--output", tmp_path / "out", "--quiet")
    outcome = lionn(*arguments, "--optimizer", "sgd")
    assert outcome.code == 2
    assert "optimizer: must be 'bfgs', 'l-bfgs', 'lm' or 'adam', got 'sgd'" in outcome.err
    outcome = lionn(*arguments)
    assert outcome.code == 2
    assert "batch_size belongs to optimizer 'adam'; optimizer 'bfgs' has none" in outcome.err
    outcome = lionn(*arguments, "--optimizer", "adam")
    assert outcome.code == 0, outcome.err
    assert 'optimizer = "adam"' in (tmp_path / "out" / "config.resolved.toml").read_text()


def test_one_file_serves_all_commands(lionn, tmp_path):
    write(tmp_path / "images.extxyz", labeled())
    (tmp_path / "all.toml").write_text(
        '[data]\nimages = "images.extxyz"\n[descriptor]\ncutoff = 3.0\n'
        '[training]\nmax_iterations = 1\n[md]\nstructure = "dataset:lgps"\n'
        "temperatures_K = [300]\n[report]\ntitle = 'all'\n"
    )
    outcome = lionn("train", tmp_path / "all.toml", "--output", tmp_path / "out", "--quiet")
    assert outcome.code == 0, outcome.err


def test_overlapping_atoms_name_the_file(model, lionn, tmp_path):
    atoms = datasets.structure("lgps")
    atoms.positions[1] = atoms.positions[0]
    write(tmp_path / "overlap.extxyz", atoms)
    outcome = lionn(
        *("md", model, tmp_path / "overlap.extxyz"),
        *("--temperature", 300, "--output", tmp_path / "md"),
    )
    assert outcome.code == 1
    assert "overlap.extxyz: atoms 0 and 1 are at the same position" in outcome.err
    assert not (tmp_path / "md").exists()


def test_folder_in_place_of_a_file(model, lionn, tmp_path):
    for arguments in (
        ("train", tmp_path, "--output", tmp_path / "out"),
        ("check", model, tmp_path),
        ("check", tmp_path, "dataset:lgps"),
    ):
        outcome = lionn(*arguments)
        assert outcome.code == 1
        assert f"{tmp_path}: is a folder, not a" in outcome.err


def test_structure_of_other_elements_is_refused_before_training(lionn, tmp_path):
    from ase.build import bulk

    write(tmp_path / "images.extxyz", labeled())
    bulk("NaCl", "rocksalt", a=5.64).write(tmp_path / "salt.cif")
    (tmp_path / "run.toml").write_text(
        '[data]\nimages = "images.extxyz"\n[md]\nstructure = "salt.cif"\ntemperatures_K = [300]\n'
    )
    outcome = lionn("run", tmp_path / "run.toml", "--output", tmp_path / "out")
    assert outcome.code == 1
    assert "salt.cif: element Cl, Na is not in the model" in outcome.err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("option", "value"), [("--atoms", 0), ("--rattle", -0.1), ("--tolerance", -1), ("--seed", -1)]
)
def test_options_of_check_have_limits(option, value, model, lionn):
    outcome = lionn("check", model, "dataset:lgps", option, value)
    assert outcome.code == 2
    assert option in outcome.err
    assert outcome.err.count("\n") == 1
