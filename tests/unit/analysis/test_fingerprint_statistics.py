from __future__ import annotations

import numpy as np
import pytest

import lionn_rs as lionn
from lionn_rs.analysis.diagnosis.fingerprint_statistics import (
    best_split,
    collect_fingerprints,
    feature_labels,
    feature_statistics,
    linear_basis,
)
from lionn_rs.errors import ConfigError, DataError
from tests.conftest import ELEMENTS, random_crystal


@pytest.fixture
def values() -> np.ndarray:
    """Normal; constant; twin of the first; switch; sum of 0 and 5; uniform; narrow; rare."""
    rng = np.random.default_rng(0)
    n = 2000
    normal, uniform = rng.normal(size=n), rng.uniform(0, 3, n)
    return np.column_stack([
        normal,
        np.full(n, 0.3),
        -2 * normal + rng.normal(scale=0.05, size=n),
        (rng.random(n) < 0.3) + rng.normal(scale=0.02, size=n),
        normal + uniform,
        uniform,
        1e-3 * rng.random(n),
        np.where(np.arange(n) < 5, 1.0, 0.0),
    ])  # fmt: skip


def test_flags(values):
    rows = feature_statistics({"Li": values}, {"Li": list("abcdefgh")})
    flags = {row.label: row.flags for row in rows}
    assert flags["b"] == ["constant"]
    assert flags["c"] == ["redundant"]
    assert (rows[2].twin, rows[2].twin_correlation) == (0, pytest.approx(-1.0, abs=2e-3))
    assert flags["d"] == ["switch"]
    # One of the three that add up is redundant, it does not matter which.
    assert sorted(str(flags[label]) for label in "aef") == ["['redundant']", "[]", "[]"]
    assert flags["g"] == ["narrow"]
    assert flags["h"] == []  # 5 of 2000 atoms are no state of their own
    assert rows[7].split_fraction == pytest.approx(1.0)
    wide = feature_statistics({"Li": values}, {"Li": list("abcdefgh")}, narrow_range=0.0)
    assert wide[6].flags == []


def test_flagged_features_may_go_at_once(values):
    rows = feature_statistics({"Li": values}, {"Li": list("abcdefgh")})
    kept = [row.index for row in rows if not {"constant", "redundant"} & set(row.flags)]
    basis = np.column_stack([values[:, kept], np.ones(len(values))])
    for row in rows:
        if row.is_redundant:
            rest = values[:, row.index] - basis @ np.linalg.lstsq(
                basis, values[:, row.index], rcond=None
            )[0]  # fmt: skip
            assert rest.var() < 2e-3 * values[:, row.index].var()


def test_linear_basis_agrees_with_regression():
    rng = np.random.default_rng(1)
    values = rng.normal(size=(300, 6))
    values[:, 5] = values[:, 0] - 3 * values[:, 2] + rng.normal(scale=0.02, size=300)
    explained, basis = linear_basis(values)
    assert len(basis) == 5
    (dropped,) = set(range(6)) - set(basis)
    others = np.column_stack([values[:, basis], np.ones(300)])
    target = values[:, dropped]
    rest = target - others @ np.linalg.lstsq(others, target, rcond=None)[0]
    assert explained[dropped] == pytest.approx(1 - rest.var() / target.var(), abs=1e-9)
    assert explained[dropped] > 0.999
    # Fewer rows than columns: no more members than the rank.
    assert len(linear_basis(rng.normal(size=(4, 9)))[1]) <= 3


def test_best_split_of_known_distributions():
    rng = np.random.default_rng(2)
    assert best_split(rng.normal(size=200_000))[0] == pytest.approx(2 / np.pi, abs=0.01)
    assert best_split(rng.random(200_000))[0] == pytest.approx(0.75, abs=0.01)
    assert best_split(np.repeat([1.0, 5.0], [30, 70])) == (pytest.approx(1.0), pytest.approx(0.3))
    assert best_split(np.ones(10)) == (0.0, 0.0)
    two = np.concatenate([rng.normal(0, 1, 50_000), rng.normal(6, 1, 50_000)])
    assert best_split(two)[0] == pytest.approx(0.9, abs=0.01)


def test_labels_of_functions_and_of_other_descriptors():
    descriptor = lionn.Gaussian.shifted(["Li", "S"], cutoff=lionn.Cosine(6.0), n_centers=2)
    labels = feature_labels(descriptor)
    assert labels["Li"][0].startswith("G2 Li η=")
    assert "Rs=1.5" in labels["Li"][0]
    assert len(set(labels["S"])) == descriptor.n_features["S"]

    class Other:
        spec = {"type": "other"}  # noqa: RUF012
        n_features = {"Li": 2}  # noqa: RUF012

    assert feature_labels(Other()) == {"Li": ["feature 0", "feature 1"]}  # type: ignore[arg-type]


def test_collected_rows_are_those_of_the_descriptor():
    descriptor = lionn.Gaussian.amp_default([*ELEMENTS, "Cl"], cutoff=lionn.Cosine(4.0))
    images = [random_crystal(seed, 8) for seed in range(3)]
    found = collect_fingerprints(descriptor, images)
    assert list(found) == sorted(ELEMENTS)
    assert found["Li"].shape == (6, descriptor.n_features["Li"])
    lithium = [k for k, symbol in enumerate(images[0].symbols) if symbol == "Li"]
    np.testing.assert_array_equal(found["Li"][0], descriptor.fingerprints(images[0])[lithium[0]])
    some = collect_fingerprints(descriptor, images, max_images=1, seed=4)
    assert len(some["Li"]) == 2
    assert any(np.array_equal(some["Li"], found["Li"][2 * k : 2 * k + 2]) for k in range(3))


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (
            lambda: feature_statistics({"Li": np.ones((3, 2))}, {"Li": ["a"]}),
            ConfigError,
            "Li: 2 features but 1 labels are given",
        ),
        (
            lambda: feature_statistics({"Li": np.ones((1, 1))}, {"Li": ["a"]}),
            DataError,
            "Li: 1 atom is not enough",
        ),
        (
            lambda: feature_statistics({"Li": np.full((3, 1), np.nan)}, {"Li": ["a"]}),
            DataError,
            "Li: a fingerprint is not finite",
        ),
        (lambda: collect_fingerprints(None, []), DataError, "no images"),
    ],
)
def test_bad_input_is_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()
