"""Statistics, splits, merging and selection on images whose answers are known."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from lionn_rs.data import (
    DataInputs,
    Filters,
    Keys,
    RawImage,
    StatisticsGatherer,
    convert_images,
    iter_images,
    merge_images,
    select_images,
    split,
    split_images,
    writing_images,
)
from lionn_rs.data.farthest import ImageFeatures, farthest_points
from lionn_rs.errors import ConfigError, DataError

SIDE = 4.0


def crystal(k: int, *, amplitude: float = 0.1, seed: int = 0, **info: object) -> RawImage:
    """Eight atoms of rock salt, displaced, bound by springs to their sites (energy -3 eV/atom)."""
    rng = np.random.default_rng([seed, k])
    sites = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)]) * SIDE / 2
    shifts = rng.normal(size=(8, 3)) * amplitude
    return RawImage(
        numbers=np.where(sites.sum(axis=1) / (SIDE / 2) % 2 == 0, 3, 9),
        positions=sites + shifts,
        cell=np.eye(3) * SIDE,
        pbc=np.ones(3, dtype=bool),
        results={
            "energy": -24.0 + 0.5 * SPRING * float((shifts**2).sum()),
            "forces": -SPRING * shifts,
        },
        info={"group": f"g{k // 10}", **info},
    )


SPRING = 2.0  # eV/Å²


def write(path: Path, images: list[RawImage]) -> Path:
    with writing_images(path) as writer:
        for image in images:
            writer.write(image)
    return path


def gathered(images: list[RawImage]) -> StatisticsGatherer:
    gatherer = StatisticsGatherer()
    for k, image in enumerate(images):
        gatherer.labels.add(image)
        gatherer.add(image, 0, k)
    return gatherer


def path_of_springs(n: int, step: float) -> list[RawImage]:
    """Images along a straight line in the springs."""
    images = []
    for k in range(n):
        image = crystal(0, amplitude=0.0)
        shift = np.zeros((8, 3))
        shift[2, 1] = step * (k + 1)
        image.positions = image.positions + shift
        image.results = {
            "energy": -24.0 + 0.5 * SPRING * float((shift**2).sum()),
            "forces": -SPRING * shift,
        }
        images.append(image)
    return images


def test_statistics_of_known_images() -> None:
    images = [crystal(k) for k in range(30)]
    images.append(images[4])
    found = gathered(images).result()
    assert (found.n_images, found.n_atoms, found.n_forces, found.n_stress) == (31, 248, 31, 0)
    assert found.n_duplicates == 1
    assert found.elements == {"Li": 124, "F": 124}
    forces = np.concatenate([image.results["forces"] for image in images])
    assert found.forces["rms"] == pytest.approx(np.sqrt(np.mean(forces**2)))
    assert found.forces["max"] == pytest.approx(np.abs(forces).max())
    assert found.volume_per_atom == pytest.approx((8.0, 8.0))
    energies = np.array([image.results["energy"] for image in images]) / 8
    (entry,) = found.compositions.values()
    assert entry["mean"] == pytest.approx(energies.mean())
    assert "1 images repeat the structure of an earlier one" in found.warnings


def test_outliers_are_found() -> None:
    images = [crystal(k) for k in range(40)]
    images[7].results["energy"] += 3.0
    images[9].results["forces"] = images[9].results["forces"] * 30.0
    found = gathered(images).result()
    assert {(o.number, o.reason.split(" ")[0]) for o in found.outliers} == {
        (7, "energy"),
        (9, "largest"),
    }


def test_units_that_do_not_fit_are_noticed() -> None:
    images = path_of_springs(15, 0.01)
    assert gathered(images).result().consistency["slope"] == pytest.approx(1.0, abs=1e-9)
    for image in images:
        image.results["energy"] = image.results["energy"] / 27.211386
    found = gathered(images).result()
    assert found.consistency["slope"] == pytest.approx(1 / 27.211386, rel=1e-6)
    assert any("are energies and forces in eV and eV/Å" in text for text in found.warnings)
    for image in images:
        image.positions, image.cell = image.positions / 0.529, image.cell / 0.529
    found = gathered(images).result()
    assert any("are positions in bohr" in text for text in found.warnings)


def test_names_that_look_like_labels_are_pointed_out() -> None:
    image = crystal(0)
    image.arrays["dft_forces"] = image.results.pop("forces")
    lines = gathered([image]).labels.lines(Keys())
    assert "forces: no 'forces'; 'dft_forces' looks like one: --forces dft_forces" in lines


def test_split_is_that_of_training(tmp_path: Path) -> None:
    images = [crystal(k) for k in range(40)]
    path = write(tmp_path / "a.extxyz", images)
    split_images(DataInputs(sources=[path]), tmp_path / "sets", seed=3, by="block")
    record = json.loads((tmp_path / "sets" / "split.json").read_text())
    atoms = [image.to_atoms() for image in images]
    assert record["indices"] == split(atoms, seed=3, by="block").indices
    for name, numbers in record["indices"].items():
        found = list(iter_images(tmp_path / "sets" / f"{name}.extxyz"))
        energies = [image.results["energy"] for image in found]
        assert energies == [images[k].results["energy"] for k in numbers]
    with pytest.raises(ConfigError, match="exists"):
        split_images(DataInputs(sources=[path]), tmp_path / "sets", seed=3)


def test_merge_drops_copies_and_keeps_order(tmp_path: Path) -> None:
    first = write(tmp_path / "a.extxyz", [crystal(k) for k in range(8)])
    second = write(tmp_path / "b.npz", [crystal(k) for k in range(6, 14)])
    result = merge_images(DataInputs(sources=[first, second]), tmp_path / "all.extxyz")
    assert (result.written.n_images, result.n_duplicates) == (14, 2)
    found = [image.results["energy"] for image in iter_images(tmp_path / "all.extxyz")]
    assert found == [crystal(k).results["energy"] for k in range(14)]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda image: image.info.update(method="HSE06"), "method differs: 'PBE'"),
        (
            lambda image: image.results.update(energy=image.results["energy"] + 0.08),
            r"8 equal structures have energies \+10\.00 meV/atom apart \(standard dev",
        ),
    ],
)
def test_merge_refuses_two_levels_of_theory(change, message: str, tmp_path: Path) -> None:
    first = write(tmp_path / "a.extxyz", [crystal(k, method="PBE") for k in range(8)])
    images = [crystal(k, method="PBE") for k in range(8)]
    for image in images:
        change(image)
    second = write(tmp_path / "b.extxyz", images)
    inputs = DataInputs(sources=[first, second])
    with pytest.raises(DataError, match=message):
        merge_images(inputs, tmp_path / "all.extxyz")
    assert not (tmp_path / "all.extxyz").exists()
    assert merge_images(inputs, tmp_path / "all.extxyz", allow_mixed=True).conflicts


def test_merge_refuses_a_gap_between_energies(tmp_path: Path) -> None:
    first = write(tmp_path / "a.extxyz", [crystal(k) for k in range(8)])
    images = [crystal(k, seed=1) for k in range(8)]
    for image in images:
        image.results["energy"] -= 8.0
    second = write(tmp_path / "b.extxyz", images)
    with pytest.raises(DataError, match="energies end at -3"):
        merge_images(DataInputs(sources=[first, second]), tmp_path / "all.extxyz")


def test_farthest_points_against_brute_force() -> None:
    rng = np.random.default_rng(2)
    points = rng.normal(size=(60, 4)).astype(np.float32)
    chosen, radius = farthest_points(points, 12)
    assert np.all(np.diff(radius[1:]) <= 1e-6)  # each is at most as far as the one before
    for k in range(1, 12):
        to_chosen = np.linalg.norm(points[:, None] - points[chosen[:k]][None], axis=2).min(axis=1)
        assert chosen[k] == int(to_chosen.argmax())
        assert radius[k] == pytest.approx(to_chosen.max(), rel=1e-5)
    known = points[chosen[:3]]
    again, _ = farthest_points(points, 9, known=known)
    assert again == chosen[3:12]


def test_features_do_not_depend_on_order_and_origin() -> None:
    images = [crystal(k) for k in range(12)]
    features = ImageFeatures(["Li", "F"], cutoff=3.9)
    features.fit(images)
    image = crystal(50)
    order = np.random.default_rng(1).permutation(8)
    moved = crystal(50)
    moved.numbers, moved.positions = moved.numbers[order], moved.positions[order] + 1.234
    np.testing.assert_allclose(features(moved), features(image), atol=1e-5)
    assert np.linalg.norm(features(image) - features(images[0])) > 0.1


def test_selection_takes_what_is_different(tmp_path: Path) -> None:
    # Near copies of three structures, and one far from all.
    images = []
    for k in range(30):
        image = crystal(k % 3)
        image.positions = image.positions + 1e-4 * np.random.default_rng(k).normal(size=(8, 3))
        images.append(image)
    images.append(crystal(99, amplitude=0.25))
    path = write(tmp_path / "a.extxyz", images)
    inputs = DataInputs(sources=[path])
    result = select_images(inputs, tmp_path / "four.extxyz", n=4, cutoff=3.9)
    numbers = [number for _, number in result.order]
    assert 30 in numbers
    assert {number % 3 for number in numbers if number != 30} == {0, 1, 2}
    few = select_images(inputs, tmp_path / "few.extxyz", min_radius=0.05, cutoff=3.9)
    assert few.written.n_images == 4
    rest = select_images(
        inputs,
        tmp_path / "rest.extxyz",
        min_radius=0.05,
        cutoff=3.9,
        known=DataInputs(sources=[write(tmp_path / "known.extxyz", images[:2])]),
    )
    assert sorted(number % 3 for _, number in rest.order if number != 30) == [2]


def test_filters(tmp_path: Path) -> None:
    images = [crystal(k) for k in range(30)]
    images.append(images[0])
    images[3].results["energy"] += 4.0
    images[5].results["forces"] = images[5].results["forces"] * 100.0
    images[8].cell = images[8].cell * 1.5
    images[9].positions[1] = images[9].positions[0] + 0.4
    path = write(tmp_path / "a.extxyz", images)
    inputs = DataInputs(sources=[path])
    result = select_images(
        inputs,
        tmp_path / "b.extxyz",
        filters=Filters(
            max_force=20.0,
            volume_per_atom=(7.0, 9.0),
            min_distance=1.0,
            outliers=6.0,
        ),
    )
    assert sum(result.refused.values()) == 5
    assert result.written.n_images == 26
    found = [image.results["energy"] for image in iter_images(tmp_path / "b.extxyz")]
    wanted = [k for k in range(30) if k not in (3, 5, 8, 9)]
    assert found == [images[k].results["energy"] for k in wanted]
    with pytest.raises(DataError, match="no image passes the filters"):
        select_images(inputs, tmp_path / "c.extxyz", filters=Filters(max_force=1e-6))
    assert not (tmp_path / "c.extxyz").exists()


def test_an_input_is_never_an_output(tmp_path: Path) -> None:
    path = write(tmp_path / "a.extxyz", [crystal(0)])
    with pytest.raises(ConfigError, match="is an input"):
        convert_images(DataInputs(sources=[path]), path, force=True)
