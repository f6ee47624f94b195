"""Training of committees: seeds, draws, common scaling, resuming."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms

import lionn_rs as lionn
from lionn_rs.errors import ConfigError
from lionn_rs.training import CommitteeResult, TrainingInterrupted, train_committee


def run(images: list[Atoms], descriptor: lionn.Gaussian, **options: Any) -> CommitteeResult:
    settings: dict[str, Any] = {
        "validation": images[8:11],
        "test": images[11:],
        "n_members": 3,
        "hidden_layers": (3,),
        "max_iterations": 12,
        "seed": 4,
        "progress": False,
    }
    return train_committee(images[:8], descriptor=descriptor, **(settings | options))


def test_members_differ_and_share_what_they_must(images, descriptor, tmp_path) -> None:
    result = run(images, descriptor, output=tmp_path / "out")
    members = result.committee.members
    assert len({member.hash for member in members}) == 3
    networks = result.committee._document()["networks"]
    for element in ("Li", "S"):
        assert networks[0][element]["min"] == networks[1][element]["min"]
        assert networks[0][element]["max"] == networks[2][element]["max"]
    assert members[0].repulsion == members[1].repulsion
    metadata = result.committee.metadata
    assert [entry["seed"] for entry in metadata["committee"]["members"]] == [4, 5, 6]
    assert metadata["n_images"] == {"train": 8, "validation": 3, "test": 3}
    assert set(metadata["agreement"]) == {"validation", "test"}
    assert metadata["calibration"]["n_images"] == 3
    assert "seed" not in metadata["training"]
    for k, (member, out_of_bag) in enumerate(zip(result.members, result.out_of_bag, strict=True)):
        draw = member.metadata["training"]["split"]["bootstrap"]
        assert sum(draw) == 8
        assert out_of_bag.n_images == draw.count(0) > 0
        expected = lionn.evaluate(
            members[k], [a for a, n in zip(images, draw, strict=False) if n == 0]
        )
        assert out_of_bag.force_rmse == expected.force_rmse
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {
        "committee.json",
        "split.json",
        "train.log",
        "member-1",
        "member-2",
        "member-3",
    }
    loaded = lionn.load(tmp_path / "out" / "committee.json")
    assert loaded.hash == result.committee.hash
    assert loaded.training_range is not None
    assert "factors" in str(result)


def test_draws_are_weights(images, descriptor) -> None:
    """A bootstrap member is the potential that training with these weights gives."""
    from dataclasses import replace

    from lionn_rs.data.images import label_images

    result = run(images, descriptor, n_members=2)
    draw = result.members[0].metadata["training"]["split"]["bootstrap"]
    weighted = [
        replace(image, weight=float(n))
        for image, n in zip(label_images(images[:8]), draw, strict=True)
    ]
    single = lionn.train(
        weighted,
        validation=images[8:11],
        descriptor=descriptor,
        hidden_layers=(3,),
        max_iterations=12,
        seed=4,
        progress=False,
    )
    assert single.best.hash == result.committee.members[0].hash
    plain = run(images, descriptor, n_members=2, bootstrap=False)
    assert plain.members[0].hash != result.members[0].hash
    assert plain.out_of_bag == []
    assert "bootstrap" not in plain.members[0].metadata["training"]["split"]


def test_interrupted_committee_goes_on_with_the_same_bits(images, descriptor, tmp_path) -> None:
    whole = run(images, descriptor)
    folder = tmp_path / "out"
    calls: list[int] = []

    def interrupt(row: dict[str, float], _: np.ndarray) -> None:
        calls.append(int(row["iteration"]))
        if len(calls) == 20:  # in the second member
            raise_signal()

    def raise_signal() -> None:
        import signal

        signal.raise_signal(signal.SIGINT)

    with pytest.raises(TrainingInterrupted):
        run(images, descriptor, output=folder, callback=interrupt)
    assert (folder / "member-1" / "member.json").is_file()
    assert not (folder / "member-2" / "member.json").exists()
    assert not (folder / "committee.json").exists()
    with pytest.raises(ConfigError, match="holds a committee; pass resume=True"):
        run(images, descriptor, output=folder)
    with pytest.raises(ConfigError, match="'seed' has changed since this member was trained"):
        run(images, descriptor, output=folder, resume=True, seed=5)
    again = run(images, descriptor, output=folder, resume=True)
    assert again.committee.hash == whole.committee.hash
    assert again.committee.spread_scale == whole.committee.spread_scale
    log = (folder / "train.log").read_text()
    assert "member 1 of 3: finished before, kept" in log
    before = json.loads((folder / "member-1" / "member.json").read_text())
    larger = run(images, descriptor, output=folder, resume=True, n_members=4)
    assert larger.committee.n_members == 4
    assert json.loads((folder / "member-1" / "member.json").read_text()) == before


def test_wrong_requests_are_refused(images, descriptor, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="at least 2 members, got n_members = 1"):
        run(images, descriptor, n_members=1)
    with pytest.raises(ConfigError, match="resume=True needs the output folder"):
        run(images, descriptor, resume=True)
    with pytest.raises(ConfigError, match="no training images"):
        train_committee([], descriptor=descriptor)
    start = run(images, descriptor, n_members=2, max_iterations=1).members[0]
    with pytest.raises(ConfigError, match="same for all members"):
        run(images, descriptor, initial=start, bootstrap=False)
