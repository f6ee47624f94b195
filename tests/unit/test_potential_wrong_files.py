"""Damaged and hostile potential files: read rightly, or refused in one line."""

from __future__ import annotations

import contextlib
import copy
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import lionn_rs as lionn
from lionn_rs import LionnError, ModelFileError
from tests.conftest import random_crystal, random_potential
from tests.fuzzing import fuzz

VALUES: list[Any] = [
    None, True, -1, 0, 3, 10**30, 1e308, -1e308, float("nan"), float("inf"), "", "S", "tanh",
    "é\x00", [], {}, [[]], [1.0], {"Li": 1.0}, {"type": "cosine", "radius": 1e300},
    {"type": "hard", "radius": 1e-9},
]  # fmt: skip
MODELS = ("gaussian", "committee", "zernike")


def model(name: str) -> lionn.Potential | lionn.Committee:
    pair = [("Li", "S", 1.0, 2.0)]
    members = [random_potential(seed, elements=["Li", "S"], cutoff=4.0) for seed in (1, 2)]
    if name == "gaussian":
        return lionn.Potential(members[0].core.with_repulsion(pair))
    if name == "committee":
        return lionn.Committee(members)
    from tests.unit.interop.test_amp_writing import plain

    weights = {e: {"Li": 1.0, "S": 2.0} for e in ("Li", "S")}
    return plain(lionn.Zernike(["Li", "S"], cutoff=lionn.Cosine(4.0), n_max=3, weights=weights))


@pytest.fixture(scope="module")
def good(tmp_path_factory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("good")
    for name in MODELS:
        model(name).save(folder / f"{name}.json")
    return {name: (folder / f"{name}.json").read_text() for name in MODELS}


def accept_or_refuse(path: Path) -> None:
    """What is read gives numbers, or says why not; what is refused is so in one line."""
    try:
        potential = lionn.load(path)
    except ModelFileError as refusal:
        text = str(refusal)
        assert str(path) in text
        assert "\n" not in text
        assert len(text) < 600 + len(str(path))
        return
    atoms = random_crystal(1, 6, ["Li", "S"])
    with contextlib.suppress(LionnError):  # such as: the energy is not a finite number
        assert np.isfinite(potential.evaluate(atoms).forces).all()


def places(value: Any, place: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where something stands in a document; of long lists the first entries."""
    found = [place] if place else []
    if isinstance(value, dict):
        entries = list(value.items())
    else:
        entries = list(enumerate(value[:3])) if isinstance(value, list) else []
    for key, entry in entries:
        found += places(entry, (*place, key))
    return found


@pytest.mark.parametrize("name", MODELS)
@fuzz(60)
@given(data=st.data())
def test_values_in_disorder(name, data, good, tmp_path) -> None:
    document = json.loads(good[name])
    del document["sha256"]  # else that alone refuses it
    for _ in range(data.draw(st.integers(1, 2))):
        place = data.draw(st.sampled_from(places(document)))
        inner = document
        for key in place[:-1]:
            inner = inner[key]
        if data.draw(st.booleans()):
            inner[place[-1]] = copy.deepcopy(data.draw(st.sampled_from(VALUES)))
        elif isinstance(inner, dict) and data.draw(st.booleans()):
            inner["é"] = inner.pop(place[-1])
        else:
            del inner[place[-1]]
    path = tmp_path / "model.json"
    path.write_text(json.dumps(document))
    accept_or_refuse(path)


@pytest.mark.parametrize("name", MODELS)
@fuzz(40)
@given(data=st.data())
def test_bytes_in_disorder(name, data, good, tmp_path) -> None:
    content = bytearray(good[name].encode())
    cut = data.draw(st.integers(0, len(content)))
    junk = data.draw(st.binary(max_size=8))
    rest = content[cut + data.draw(st.integers(0, 20)) :]
    path = tmp_path / "model.json"
    path.write_bytes(bytes(content[:cut] + junk + data.draw(st.sampled_from([b"", bytes(rest)]))))
    accept_or_refuse(path)


@pytest.mark.parametrize(
    "content",
    [
        "[" * 200_000,
        '{"format": ' * 100_000,
        '{"format": "lionn-potential", "version": ' + "9" * 9999,
    ],
)
def test_deep_and_long_documents(tmp_path, content) -> None:
    path = tmp_path / "model.json"
    path.write_text(content)
    with pytest.raises(ModelFileError, match="not a potential file, or damaged"):
        lionn.load(path)
