from __future__ import annotations

import numpy as np
import pytest

import lionn_rs as lionn
from lionn_rs.training.narrow import is_narrow, silence, widen
from tests.conftest import random_crystal


def test_widen_only_what_is_narrow() -> None:
    minima, maxima = widen([[0.0, 1.0, 2.0]], [[1.0, 1.0, 2.02]], 0.1)
    np.testing.assert_allclose(minima, [[0.0, 0.95, 1.96]])
    np.testing.assert_allclose(maxima, [[1.0, 1.05, 2.06]])
    assert widen([[0.0, 1.0]], [[1.0, 1.0]], 0.0) == ([[0.0, 1.0]], [[1.0, 1.0]])


def test_silence_touches_first_layer_weights_of_narrow_features() -> None:
    narrow = is_narrow([[0, 0], [0, 0, 0]], [[1, 0], [0, 1, 0]], 0.1)
    sizes = [3 * 2 + 3 * 1, 4 * 2 + 3 * 1]
    result = silence(np.ones(sum(sizes) + 4), narrow, (2,))
    expected = np.ones(sum(sizes) + 4)
    expected[2:4] = 0.0  # element 0, feature 1
    expected[sizes[0] : sizes[0] + 2] = 0.0  # element 1, feature 0
    expected[sizes[0] + 4 : sizes[0] + 6] = 0.0  # element 1, feature 2
    np.testing.assert_array_equal(result, expected)


@pytest.mark.parametrize("min_range", [0.0, 0.1])
def test_trained_potential_has_no_narrow_range(min_range) -> None:
    """A contact outside the images must not enter as a huge input."""
    images = [random_crystal(seed, 8) for seed in range(4)]
    for k, image in enumerate(images):
        image.calc = lionn.LionnCalculator(_flat())
        image.get_forces()
        image.info["group"] = str(k)
    result = lionn.train(
        images,
        descriptor=lionn.Gaussian.shifted(["Ge", "Li", "P", "S"], cutoff=lionn.Cosine(4.0)),
        hidden_layers=(2,),
        max_iterations=2,
        min_feature_range=min_range,
        progress=False,
    )
    document = result.best.core.document()
    widths = np.concatenate(
        [np.subtract(n["max"], n["min"]) for n in document["networks"].values()]
    )
    assert (widths.min() >= 0.1 - 1e-12) == (min_range > 0)


def _flat() -> lionn.Potential:
    from tests.conftest import random_potential

    return random_potential(3, cutoff=4.0)
