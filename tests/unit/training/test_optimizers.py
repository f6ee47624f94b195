from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import minimize, rosen, rosen_der

from lionn_rs.errors import ConfigError
from lionn_rs.training.line_search import CURVATURE, SUFFICIENT_DECREASE, LineSearch, strong_wolfe
from lionn_rs.training.optimizer import Optimizer
from lionn_rs.training.optimizers import optimizer
from lionn_rs.training.quasi_newton import BFGS, LBFGS

Vector = NDArray[np.float64]
QUASI_NEWTON = {kind.name: kind for kind in (BFGS, LBFGS)}


def rosenbrock(x: Vector) -> tuple[float, Vector]:
    return float(rosen(x)), np.asarray(rosen_der(x))


def quadratic(x: Vector) -> tuple[float, Vector]:
    curvature = np.logspace(0, 3, x.size)
    return 0.5 * float(curvature @ x**2), curvature * x


def run(method: Optimizer, n_steps: int = 10_000) -> Optimizer:
    for _ in range(n_steps):
        if not method.step():
            break
    return method


@pytest.mark.parametrize("name", QUASI_NEWTON)
@pytest.mark.parametrize("n", [2, 10, 40])
def test_rosenbrock_is_solved_at_scipys_price(name: str, n: int) -> None:
    # The start of scipy's documentation, from which the global minimum at 1 is reached.
    x = np.resize([1.3, 0.7, 0.8, 1.9, 1.2], n)
    method = QUASI_NEWTON[name](rosenbrock, x, gradient_tolerance=1e-8)
    method.start()
    run(method)
    np.testing.assert_allclose(method.x, 1.0, atol=1e-7)
    reference = minimize(rosenbrock, x, jac=True, method="BFGS", options={"gtol": 1e-8})
    assert method.n_evaluations <= 1.5 * reference.nfev + 10
    assert method.stop_reason.startswith("converged")


@pytest.mark.parametrize("name", QUASI_NEWTON)
def test_a_restored_optimizer_takes_the_same_steps_bit_for_bit(name: str) -> None:
    x = np.linspace(-1.0, 2.0, 30)
    whole = QUASI_NEWTON[name](rosenbrock, x)
    whole.start()
    run(whole, 80)
    first = QUASI_NEWTON[name](rosenbrock, x)
    first.start()
    run(first, 33)
    second = QUASI_NEWTON[name](rosenbrock, np.zeros_like(x))
    second.restore(first.state())
    run(second, 47)
    np.testing.assert_array_equal(second.x, whole.x)
    assert (second.value, second.n_evaluations) == (whole.value, whole.n_evaluations)
    for key, value in whole.state().items():
        np.testing.assert_array_equal(second.state()[key], value)


def test_bfgs_finds_the_inverse_hessian_of_a_quadratic_function() -> None:
    method = optimizer("bfgs")(quadratic, np.ones(8), gradient_tolerance=1e-12)
    method.start()
    run(method)
    expected = 1.0 / np.logspace(0, 3, 8)
    direction = np.array([method.inverse_hessian.product(row) for row in np.eye(8)])  # type: ignore[attr-defined]
    # Inexact line searches leave the estimate near, not at, the inverse Hessian.
    np.testing.assert_allclose(np.diag(direction), expected, rtol=0.3)


def test_accepted_steps_meet_the_strong_wolfe_conditions() -> None:
    rng = np.random.default_rng(0)
    for first_step in (1e-4, 1e-2, 1.0, 30.0):
        x = rng.normal(size=6)
        value, gradient = rosenbrock(x)
        search = LineSearch(rosenbrock, x, -gradient / np.linalg.norm(gradient))
        point = strong_wolfe(search, value, gradient, first_step=first_step)
        assert point is not None
        slope = float(gradient @ search.direction)
        assert point.value <= value + SUFFICIENT_DECREASE * point.step * slope
        assert abs(point.slope) <= -CURVATURE * slope


def test_infinite_values_are_stepped_back_from() -> None:
    def walled(x: Vector) -> tuple[float, Vector]:
        if x[0] > 1.0:
            return np.inf, np.full_like(x, np.nan)
        return quadratic(x - 0.9)

    method = optimizer("bfgs")(walled, np.array([-3.0, 2.0]))
    method.start()
    run(method)
    np.testing.assert_allclose(method.x, 0.9, atol=1e-6)


def test_an_uphill_direction_is_refused() -> None:
    x = np.ones(3)
    value, gradient = quadratic(x)
    assert strong_wolfe(LineSearch(quadratic, x, gradient), value, gradient) is None


def test_foreign_states_and_names_are_refused() -> None:
    method = optimizer("bfgs")(quadratic, np.ones(3))
    method.start()
    with pytest.raises(ConfigError, match="written by optimizer 'bfgs', not 'l-bfgs'"):
        optimizer("l-bfgs")(quadratic, np.ones(3)).restore(method.state())
    with pytest.raises(ConfigError, match="checkpoint has 3 parameters, the model has 4"):
        optimizer("bfgs")(quadratic, np.ones(4)).restore(method.state())
    with pytest.raises(
        ConfigError, match="unknown optimizer 'sgd', expected one of bfgs, l-bfgs, lm, adam"
    ):
        optimizer("sgd")
