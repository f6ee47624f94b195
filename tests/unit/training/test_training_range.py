"""Training ranges against their definition, and what they must be invariant to."""

from __future__ import annotations

import json

import numpy as np
import pytest

import lionn_rs as lionn
from lionn_rs.data.images import label_images
from lionn_rs.training import train
from lionn_rs.training.training_range import (
    MAX_DIRECTIONS,
    NOISE_SHARE,
    _distances,
    _Moments,
    fit_training_range,
)


def fit(values: np.ndarray, smallest: float = 1e-8) -> dict[str, object]:
    moments = _Moments(values.shape[1])
    for part in np.array_split(values, 3):
        moments.add(part)
    return moments.fit(smallest)


def test_distance_is_that_of_the_regularized_covariance() -> None:
    """Full rank but for noise: the inverse of the model covariance, formed explicitly."""
    rng = np.random.default_rng(1)
    values = 5.0 + rng.normal(size=(400, 6)) @ rng.normal(size=(6, 6))
    values[:, 5] = values[:, 0] - values[:, 1] + 1e-5 * rng.normal(size=400)
    found = fit(values)
    assert len(found["variance"]) == 5
    x = (values - values.mean(axis=0)) / np.ptp(values, axis=0)
    variance, directions = np.linalg.eigh(np.cov(x.T, bias=True))
    kept = variance > NOISE_SHARE * variance.max()
    variance = np.where(kept, variance, NOISE_SHARE * variance.max())
    inverse = directions @ np.diag(1.0 / variance) @ directions.T
    trial = 5.0 + 3.0 * rng.normal(size=(20, 6))
    y = (trial - values.mean(axis=0)) / np.ptp(values, axis=0)
    expected = np.sqrt(np.einsum("ni,ij,nj->n", y, inverse, y))
    np.testing.assert_allclose(_distances(found, trial), expected, rtol=1e-5)


def test_distance_does_not_depend_on_the_choice_of_coordinates() -> None:
    """Any linear map with offset, as long as no direction counts as noise."""
    rng = np.random.default_rng(2)
    values, trial = rng.normal(size=(500, 5)), 2.0 * rng.normal(size=(50, 5))
    map_ = 0.3 * rng.normal(size=(5, 5)) + np.eye(5)
    offset = rng.normal(size=5)
    plain, mapped = fit(values), fit(values @ map_ + offset)
    assert len(plain["variance"]) == len(mapped["variance"]) == 5
    # Nine digits are stored; the noise, 1e-4 of the variance, magnifies their rounding.
    np.testing.assert_allclose(
        _distances(mapped, trial @ map_ + offset), _distances(plain, trial), rtol=1e-5
    )


def test_motion_out_of_the_training_subspace_is_seen() -> None:
    rng = np.random.default_rng(3)
    flat = rng.normal(size=(300, 2)) @ rng.normal(size=(2, 4))
    found = fit(np.column_stack([flat, np.full(300, 0.7)]))
    training = _distances(found, np.column_stack([flat, np.full(300, 0.7)]))
    away = np.array([[*flat[0], 0.7 + 1e-6]])
    assert _distances(found, away)[0] > 5.0 * training.max()


def test_long_fingerprints_keep_a_bounded_number_of_directions() -> None:
    rng = np.random.default_rng(4)
    values = rng.normal(size=(900, 3 * MAX_DIRECTIONS))
    found = fit(values)
    assert len(found["variance"]) == MAX_DIRECTIONS
    # What was left out has a variance of its own, not a tiny one.
    assert found["noise"] > 0.3 * min(found["variance"])
    assert 0.5 < np.median(_distances(found, values)) / np.sqrt(3 * MAX_DIRECTIONS) < 2.0


def test_training_environments_are_inside_and_squeezed_ones_are_not(images, descriptor) -> None:
    labeled = label_images(images)
    ranges = fit_training_range(descriptor, labeled)
    assert ranges["Li"]["n_environments"] == sum(int((i.numbers == 3).sum()) for i in labeled)
    options = {"hidden_layers": (3,), "max_iterations": 1, "progress": False}
    result = train(images, descriptor=descriptor, **options)
    # The same block, whether the training makes it or not; it changes no energy.
    assert json.loads(json.dumps(result.best.training_range)) == ranges
    grades = np.array([result.best.extrapolation(atoms).grade for atoms in images])
    assert 1.0 - 1e-6 < grades.max() <= 1.0
    quantile = np.quantile(grades[:, images[0].numbers == 3], 0.9)
    assert ranges["Li"]["quantiles"][1] == pytest.approx(quantile, rel=1e-3)
    plain = train(images, descriptor=descriptor, training_range=False, **options)
    assert plain.best.training_range is None
    assert plain.best.hash == result.best.hash
    squeezed = images[0].copy()
    squeezed.set_cell(0.8 * squeezed.cell.array, scale_atoms=True)
    assert result.best.extrapolation(squeezed).grade.min() > 1.0


def test_elements_without_environments_are_outside_everywhere(images) -> None:
    descriptor = lionn.Gaussian.amp_default(["Cl", "Li", "S"], cutoff=lionn.Cosine(4.0))
    ranges = fit_training_range(descriptor, label_images(images))
    assert ranges["Cl"]["n_environments"] == 0
    n_features = descriptor.n_features["Cl"]
    assert _distances(ranges["Cl"], np.full((1, n_features), 0.5))[0] > ranges["Cl"]["largest"]
