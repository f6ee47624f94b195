"""The loss gradient in arbitrary small cells, topologies and activations."""

from __future__ import annotations

import numpy as np
from ase.calculators.singlepoint import SinglePointCalculator
from hypothesis import given, settings
from hypothesis import strategies as st

import lionn_rs as lionn
from lionn_rs import _core
from lionn_rs.data import label_images
from lionn_rs.training.initialize import random_parameters
from lionn_rs.training.objective import LossWeights, Objective, prepare_images
from tests.conftest import random_crystal

ACTIVATIONS = st.sampled_from(["tanh", "sigmoid", "linear"])


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    n_atoms=st.integers(1, 8),
    cutoff=st.floats(2.5, 5.0),
    hidden=st.lists(st.integers(1, 5), max_size=3),
    activation=ACTIVATIONS,
    output=ACTIVATIONS,
    weights=st.tuples(st.floats(0.1, 2), st.floats(0, 1), st.floats(0, 100), st.floats(0, 0.1)),
)
def test_gradient_agrees_with_a_central_difference(
    seed: int,
    n_atoms: int,
    cutoff: float,
    hidden: list[int],
    activation: str,
    output: str,
    weights: tuple[float, float, float, float],
) -> None:
    rng = np.random.default_rng(seed)
    images = []
    for k in range(2):
        atoms = random_crystal(seed + k, n_atoms, ["Li", "P", "S"])
        labels = {"energy": rng.normal(), "forces": rng.normal(size=(n_atoms, 3))}
        atoms.calc = SinglePointCalculator(atoms, **labels, stress=0.01 * rng.normal(size=6))
        images.append(atoms)
    descriptor = lionn.Gaussian.amp_default(["Li", "P", "S"], cutoff=lionn.Cosine(cutoff))
    *terms, l2 = weights
    loss = LossWeights(*terms)
    core, _ = prepare_images(label_images(images), descriptor, loss=loss, precision="float64")
    minima, maxima = core.ranges()
    parameters = random_parameters([len(m) for m in minima], hidden, seed=seed)
    template = _core.NeuralPotential.assemble(
        descriptor.core,
        minima,
        maxima,
        hidden,
        [activation] * len(hidden) + [output],
        list(parameters),
    )
    objective = Objective(core, template, loss, l2)
    value, gradient = objective(parameters)
    everything = (*terms, l2)
    residuals = core.residuals(template, parameters, everything)
    assert np.isclose(residuals @ residuals, value, rtol=1e-12)
    direction = rng.normal(size=parameters.size)
    direction /= np.linalg.norm(direction)

    def along(step: float) -> float:
        return objective(parameters + step * direction)[0]

    h = 1e-4
    numeric = (8 * (along(h) - along(-h)) - (along(2 * h) - along(-2 * h))) / (12 * h)
    # Fourth-order difference: truncation far below the rounding eps * value / h.
    scale = max(value, float(np.linalg.norm(gradient)))
    assert abs(numeric - float(gradient @ direction)) < 1e-8 * scale

    # The Gauss-Newton matrix along the same direction, from the residuals.
    matrix = _core.GaussNewton(parameters.size)
    projection = matrix.add(core, template, parameters, everything, [0, 1], 1.0)
    np.testing.assert_allclose(2.0 * projection, gradient, atol=1e-12 * scale)

    def rows_times(v: np.ndarray) -> np.ndarray:
        def at(step: float) -> np.ndarray:
            return core.residuals(template, parameters + step * v, everything)

        return (8 * (at(h) - at(-h)) - (at(2 * h) - at(-2 * h))) / (12 * h)

    other = rng.normal(size=parameters.size)
    other /= np.linalg.norm(other)
    along_rows, across_rows = rows_times(direction), rows_times(other)
    scale = max(value, float(along_rows @ along_rows), float(across_rows @ across_rows))
    for v, rows in ((direction, along_rows), (other, across_rows)):
        expected = float(rows @ along_rows)
        assert abs(float(v @ matrix.product(direction)) - expected) < 1e-7 * scale
