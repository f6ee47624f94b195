from __future__ import annotations

import pytest
from ase import Atoms

from lionn_rs.data import Split, split
from lionn_rs.errors import ConfigError


def trajectory(*lengths: int) -> list[Atoms]:
    images = []
    for group, length in enumerate(lengths):
        images += [Atoms("Li", info={"group": f"g{group}"}) for _ in range(length)]
    return images


@pytest.mark.parametrize("by", ["random", "group", "block"])
def test_every_image_is_in_exactly_one_set(by: str) -> None:
    images = trajectory(40, 13, 25, 7)
    parts = split(images, seed=3, by=by)  # type: ignore[arg-type]
    everything = sorted(k for indices in parts.indices.values() for k in indices)
    assert everything == list(range(len(images)))
    train, validation, test = parts
    assert [len(train), len(validation), len(test)] == [len(v) for v in parts.indices.values()]
    assert train[0] is images[parts.indices["train"][0]]


def test_the_paper_fractions() -> None:
    train, validation, test = split(list(range(1000)), seed=0)
    assert (len(train), len(validation), len(test)) == (720, 80, 200)


def test_seeds_are_reproducible_and_matter() -> None:
    images = trajectory(50)
    assert split(images, seed=1).indices == split(images, seed=1).indices
    assert split(images, seed=1).indices != split(images, seed=2).indices


def test_blocks_stay_together() -> None:
    images = trajectory(84, 17, 17)
    parts = split(images, seed=1, by="block", test=0.2, validation=0.1)
    owner = {k: name for name, indices in parts.indices.items() for k in indices}
    changes = sum(owner[k] != owner[k + 1] for k in range(83))
    assert changes <= 9  # ten blocks in the first group
    assert len(parts.test) == pytest.approx(0.2 * 118, abs=4)
    assert len(parts.validation) == pytest.approx(0.1 * 94, abs=4)


def test_groups_stay_together() -> None:
    images = trajectory(10, 10, 10, 10, 10)
    parts = split(images, seed=1, by="group")
    for indices in parts.indices.values():
        groups = {images[k].info["group"] for k in indices}
        assert len(indices) == 10 * len(groups)


def test_round_trip_and_refusals() -> None:
    images = trajectory(20)
    parts = split(images, seed=4, by="block")
    again = Split.from_dict(images, parts.to_dict())
    assert again.indices == parts.indices
    assert again.settings == {"test": 0.2, "validation": 0.1, "seed": 4, "by": "block"}
    with pytest.raises(ConfigError, match="split refers to image 19, but there are only 5"):
        Split.from_dict(images[:5], parts.to_dict())
    with pytest.raises(
        ConfigError, match=r"test fraction must be at least 0 and below 1, got 1\.0"
    ):
        split(images, test=1.0, seed=0)
    with pytest.raises(ConfigError, match="needs at least 3 groups, found 1"):
        split(images, seed=0, by="group")
    with pytest.raises(ConfigError, match="unknown split 'time'"):
        split(images, seed=0, by="time")  # type: ignore[arg-type]


def test_no_test_and_no_validation() -> None:
    parts = split(trajectory(5), test=0.0, validation=0.0, seed=0)
    assert len(parts.train) == 5
