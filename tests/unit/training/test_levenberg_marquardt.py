from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import minimize, rosen, rosen_der

from lionn_rs import _core
from lionn_rs.errors import ConfigError
from lionn_rs.training.levenberg_marquardt import (
    CORRECTIONS,
    GRADIENTS_PER_MATRIX,
    RESIDUALS_PER_PARAMETER,
    LevenbergMarquardt,
)

Vector = NDArray[np.float64]


class Rosenbrock:
    """The function of Rosenbrock as the sum of squares it is; every "image" is one pair."""

    def __init__(self, n: int) -> None:
        self.n_images = n - 1
        self.n_residuals = 2 * (n - 1)
        self.samples: list[NDArray[np.intp]] = []

    def __call__(self, x: Vector) -> tuple[float, Vector]:
        return float(rosen(x)), np.asarray(rosen_der(x))

    def gauss_newton(self, x: Vector, images: NDArray[np.intp]) -> _core.GaussNewton:
        self.samples.append(images)
        rows = np.zeros((2 * len(images), x.size))
        for k, i in enumerate(images):
            rows[2 * k, i] = -20.0 * x[i]
            rows[2 * k, i + 1] = 10.0
            rows[2 * k + 1, i] = -1.0
        matrix = rows.T @ rows * self.n_images / len(images)
        return _core.GaussNewton.from_lower(x.size, matrix[np.tril_indices(x.size)])


class Crowd(Rosenbrock):
    """The same sum, said to be over a thousand images: cycles are short, every one with a sample.

    A sample of images stands for all pairs, moved a little so that samples differ.
    """

    def __init__(self, n: int) -> None:
        super().__init__(n)
        self.n_pairs = self.n_images
        self.n_images, self.n_residuals = 1000, 40_000

    def gauss_newton(self, x: Vector, images: NDArray[np.intp]) -> _core.GaussNewton:
        self.samples.append(images)
        everything = Rosenbrock(x.size)
        return everything.gauss_newton(x + 1e-3 * images[0] / 1000, np.arange(self.n_pairs))


def run(method: LevenbergMarquardt, n_steps: int = 1000) -> LevenbergMarquardt:
    for _ in range(n_steps):
        if not method.step():
            break
    return method


@pytest.mark.parametrize("n", [2, 10, 40])
def test_rosenbrock_is_solved(n: int) -> None:
    x = np.resize([1.3, 0.7, 0.8, 1.9, 1.2], n)
    method = LevenbergMarquardt(Rosenbrock(n), x, gradient_tolerance=1e-8)
    method.start()
    run(method)
    np.testing.assert_allclose(method.x, 1.0, atol=1e-7)
    assert method.stop_reason.startswith("converged")
    reference = minimize(rosen, x, jac=rosen_der, method="BFGS", options={"gtol": 1e-8})
    assert method.n_evaluations <= reference.nfev


def test_a_linear_problem_is_solved_by_damped_steps_alone() -> None:
    class Linear:
        n_images, n_residuals = 1, 6

        def __init__(self) -> None:
            self.rows = np.random.default_rng(1).normal(size=(6, 4))

        def __call__(self, x: Vector) -> tuple[float, Vector]:
            residual = self.rows @ (x - 2.0)
            return float(residual @ residual), 2.0 * self.rows.T @ residual

        def gauss_newton(self, x: Vector, images: NDArray[np.intp]) -> _core.GaussNewton:
            matrix = self.rows.T @ self.rows
            return _core.GaussNewton.from_lower(4, matrix[np.tril_indices(4)])

    problem = Linear()
    method = LevenbergMarquardt(problem, np.zeros(4))
    method.start()
    method.damping = 1e-12
    assert method.step()
    # The model is exact: one step with hardly any damping is the solution.
    np.testing.assert_allclose(method.x, 2.0, atol=1e-10)


def test_the_loss_never_rises() -> None:
    method = LevenbergMarquardt(Rosenbrock(30), np.linspace(-2.0, 2.0, 30))
    method.start()
    value = method.value
    while method.step():
        assert method.value < value
        value = method.value
    assert value < 1e-12


def test_samples_go_around_all_images() -> None:
    n = 4
    problem = Rosenbrock(n)
    problem.n_images, problem.n_residuals = 1000, 40_000
    method = LevenbergMarquardt(problem, np.ones(n))
    count = int(np.ceil(RESIDUALS_PER_PARAMETER * n / 40))
    samples = [method._sample() for _ in range(int(np.ceil(1000 / count)))]
    assert {len(sample) for sample in samples} == {count}
    assert set(np.concatenate(samples)) == set(range(1000))
    assert method.max_corrections == CORRECTIONS
    # Few images: all of them, and as many steps as one matrix costs.
    problem.n_images, problem.n_residuals = 20, 30
    np.testing.assert_array_equal(method._sample(), np.arange(20))
    assert method.max_corrections == GRADIENTS_PER_MATRIX


def test_a_restored_optimizer_takes_the_same_steps_bit_for_bit() -> None:
    x = np.linspace(-2.0, 2.0, 30)
    problem = Crowd(30)
    whole = LevenbergMarquardt(problem, x)
    whole.start()
    run(whole, 2 * CORRECTIONS + 7)
    assert len({len(images) for images in problem.samples}) == 1
    assert len(problem.samples) >= 3
    for first_steps in (CORRECTIONS // 2, CORRECTIONS + 1):
        first = LevenbergMarquardt(Crowd(30), x)
        first.start()
        run(first, first_steps)
        second = LevenbergMarquardt(Crowd(30), np.zeros_like(x))
        second.restore(first.state())
        run(second, 2 * CORRECTIONS + 7 - first_steps)
        for key, value in whole.state().items():
            np.testing.assert_array_equal(second.state()[key], value)


def test_infinite_values_are_stepped_back_from() -> None:
    class Walled(Rosenbrock):
        def __call__(self, x: Vector) -> tuple[float, Vector]:
            if x[0] > 1.2:
                return np.inf, np.full_like(x, np.nan)
            return super().__call__(x)

    method = LevenbergMarquardt(Walled(6), np.full(6, -1.0), gradient_tolerance=1e-6)
    method.start()
    run(method)
    np.testing.assert_allclose(method.x, 1.0, atol=1e-5)


def test_other_objectives_and_states_are_refused() -> None:
    def plain(x: Vector) -> tuple[float, Vector]:
        return float(x @ x), 2.0 * x

    with pytest.raises(ConfigError, match="needs an objective that is a sum of squares"):
        LevenbergMarquardt(plain, np.ones(3))
