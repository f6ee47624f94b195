from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import write

from lionn_rs.data import ImageArrays, LabeledImage, label_images, read_images
from lionn_rs.errors import DataError


def image(**labels: object) -> Atoms:
    atoms = Atoms("Li2", positions=[[0, 0, 0], [0, 0, 2.5]], cell=[5, 5, 5], pbc=True)
    atoms.calc = SinglePointCalculator(atoms, **labels)
    return atoms


FORCES = np.array([[0.0, 0.0, 0.1], [0.0, 0.0, -0.1]])


def test_free_energy_is_the_default_and_the_choice_is_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "images.extxyz"
    write(path, [image(energy=-1.0, free_energy=-1.1, forces=FORCES)] * 3)
    with caplog.at_level(logging.INFO, logger="lionn_rs"):
        found = read_images(path)
    assert len(found) == 3
    assert found[0].calc.results["energy"] == found[0].calc.results["free_energy"] == -1.1
    assert "energy label 'free_energy', 3 with forces, 0 with stress" in caplog.text
    assert found[0].info["source"] == "images.extxyz"
    chosen = read_images(path, energy="energy", index="1:")
    assert [LabeledImage.from_atoms(a).energy for a in chosen] == [-1.0, -1.0]


def test_energy_alone_is_used_where_there_is_no_free_energy(tmp_path: Path) -> None:
    path = tmp_path / "images.extxyz"
    write(path, image(energy=-1.0, forces=FORCES))
    assert read_images(path)[0].calc.results["free_energy"] == -1.0


def test_labels_of_other_names_are_read_from_info_and_arrays() -> None:
    atoms = Atoms("Li", positions=[[0, 0, 0]])
    atoms.info["REF_energy"] = -2.0
    atoms.arrays["REF_forces"] = np.ones((1, 3))
    (found,) = read_images([atoms], energy="REF_energy", forces="REF_forces")
    labels = LabeledImage.from_atoms(found)
    assert labels.energy == -2.0
    assert labels.forces is not None
    assert labels.forces.tolist() == [[1.0, 1.0, 1.0]]


def test_messages_name_file_image_and_labels(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nothing\.xyz: no such file"):
        read_images(tmp_path / "nothing.xyz")
    bad = tmp_path / "bad.extxyz"
    bad.write_text("this is no structure\n")
    with pytest.raises(
        DataError, match=r"bad\.extxyz, image 0, line 1: cannot be read \(expected the number"
    ):
        read_images(bad)
    with pytest.raises(DataError, match=r"image 1: no label 'free_energy' \(found: energy\)"):
        read_images([image(free_energy=1.0), image(energy=1.0)], energy="free_energy")
    with pytest.raises(DataError, match="they must not be mixed"):
        read_images([image(free_energy=1.0), image(energy=1.0)])
    with pytest.raises(DataError, match=r"image 0: no energy label \(found: nothing\)"):
        read_images([Atoms("Li", positions=[[0, 0, 0]])])
    with pytest.raises(DataError, match="index must be a number or a slice"):
        read_images([image(energy=1.0)], index="all")


def test_labels_are_checked() -> None:
    with pytest.raises(DataError, match="image 1: no reference energy"):
        label_images([image(energy=1.0), image(forces=FORCES)])
    with pytest.raises(DataError, match=r"image 0: reference force of atom 1 is not finite"):
        label_images([image(energy=1.0, forces=np.array([[0.0] * 3, [np.nan, 0.0, 0.0]]))])
    with pytest.raises(DataError, match=r"image 0: forces must have shape \(2, 3\)"):
        label_images([image(energy=1.0, forces=np.zeros((3, 3)))])
    with pytest.raises(DataError, match="image 1 has no forces but others have"):
        ImageArrays.pack(label_images([image(energy=1.0, forces=FORCES), image(energy=1.0)]))


def test_stress_of_six_and_nine_numbers_is_the_same() -> None:
    voigt = np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    full = np.array([[1.0, 6.0, 5.0], [6.0, 2.0, 4.0], [5.0, 4.0, 3.0]])
    for stress in (voigt, full):
        labels = LabeledImage.from_atoms(image(energy=1.0, stress=stress))
        np.testing.assert_array_equal(labels.stress, full)
    arrays = ImageArrays.pack(label_images([image(energy=1.0, stress=full), image(energy=1.0)]))
    assert arrays.stresses is not None
    assert np.isnan(arrays.stresses[1]).all()


def test_hash_depends_on_structure_and_labels() -> None:
    first = LabeledImage.from_atoms(image(energy=1.0, forces=FORCES))
    same = LabeledImage.from_atoms(image(energy=1.0, forces=FORCES))
    other = LabeledImage.from_atoms(image(energy=1.1, forces=FORCES))
    assert first.hash == same.hash
    assert first.hash != other.hash
    assert first.structure_hash == other.structure_hash
