"""Levenberg-Marquardt for losses that are sums of squares, with quasi-Newton steps in between.

The loss is ``L = r·r`` with the residuals of energies, forces and stresses (and ``√λ W`` for the
penalty on weights), so ``g = 2 Jᵀr`` and the Hessian is about ``2 JᵀJ``. One cycle is

1. ``JᵀJ`` at the present parameters, from a sample of the images (all of them if there are few);
2. a Levenberg-Marquardt step ``-(JᵀJ + μI)⁻¹ g/2``, taken only if it lowers the true loss over all
   images; ``μ`` follows Nielsen's rule from the ratio of the actual to the predicted decrease;
3. at least :data:`CORRECTIONS` limited-memory BFGS steps with ``(JᵀJ + μI)⁻¹/2`` as first inverse
   Hessian and a line search on the true loss: ``JᵀJ`` costs as much as many gradients, the pairs of
   steps and gradients add the curvature that it leaves out.

Gradients and losses are always those of all images, and the samples are a fixed sequence: the run
is deterministic, and its minimum is a minimum of the loss that BFGS minimizes.

References
----------
K. Levenberg, Q. Appl. Math. 2, 164 (1944), doi 10.1090/qam/10666; D. W. Marquardt, J. Soc. Ind.
Appl. Math. 11, 431 (1963), doi 10.1137/0111030; J. J. Moré, Lect. Notes Math. 630, 105 (1978), doi
10.1007/BFb0067700; H. B. Nielsen, Damping parameter in Marquardt's method, IMM-REP-1999-05,
Technical University of Denmark (1999). Curvature from a sample: R. H. Byrd, G. M. Chin, W.
Neveitt and J. Nocedal, SIAM J. Optim. 21, 977 (2011), doi 10.1137/10079923X. Limited-memory steps:
J. Nocedal and S. J. Wright, Numerical Optimization, 2nd ed. (2006), Algorithm 7.4.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from lionn_rs import _core
from lionn_rs.errors import ConfigError
from lionn_rs.training.line_search import LineSearch, ValueAndGradient, Vector, strong_wolfe
from lionn_rs.training.optimizer import Optimizer, State, is_convex, pack_pairs, two_loop

CORRECTIONS: Final = 15
"""Fewest quasi-Newton steps between two ``JᵀJ``; measured in docs/explanations/optimizers.md."""

GRADIENTS_PER_MATRIX: Final = 80
"""Cost of ``JᵀJ`` of an image in gradients of it (Gaussian-56, (5, 5), 50 atoms): where the sample
is a large part of the images, more quasi-Newton steps make both cost the same."""

RESIDUALS_PER_PARAMETER: Final = 8
"""Size of the sample for ``JᵀJ``: enough rows to see every direction several times."""

FIRST_DAMPING: Final = 1.0
"""``μ`` of the first step, in units of the mean diagonal element of ``JᵀJ``."""

MIN_DAMPING: Final = 1e-12
"""Lower limit of ``μ`` in the same unit: keeps the Cholesky decomposition safe from rounding."""

MIN_GAIN: Final = 1e-3
"""A step is taken if the loss falls by this part of the predicted decrease (Nielsen)."""

MAX_TRIALS: Final = 40
"""Steps tried with growing damping before the run ends."""


class LeastSquares(Protocol):
    """A sum of squares over images."""

    @property
    def n_images(self) -> int:
        """Number of images."""
        ...

    @property
    def n_residuals(self) -> int:
        """Number of squares."""
        ...

    def __call__(self, x: Vector, /) -> tuple[float, Vector]:
        """Value and gradient."""
        ...

    def gauss_newton(self, x: Vector, images: NDArray[np.intp]) -> _core.GaussNewton:
        """``JᵀJ`` from some images, scaled to all of them."""
        ...


class LevenbergMarquardt(Optimizer):
    """Levenberg-Marquardt with limited-memory BFGS steps between two normal matrices.

    Parameters
    ----------
    objective : LeastSquares
        Value, gradient and ``JᵀJ`` of a sum of squares.
    x : (n,) float64
        Start.
    gradient_tolerance : float
        As for every optimizer.

    Raises
    ------
    ConfigError
        If the objective has no ``gauss_newton``.
    """

    name = "lm"

    def __init__(
        self,
        objective: ValueAndGradient | LeastSquares,
        x: Vector,
        *,
        gradient_tolerance: float = 1e-8,
    ) -> None:
        super().__init__(objective, x, gradient_tolerance=gradient_tolerance)
        if not hasattr(objective, "gauss_newton"):
            raise ConfigError("optimizer 'lm' needs an objective that is a sum of squares")
        self.squares: LeastSquares = objective  # type: ignore[assignment]
        self.damping = FIRST_DAMPING
        self.growth = 2.0
        self.position = 0
        self.matrix: _core.GaussNewton | None = None
        self.matrix_damping = 0.0
        self.steps: list[Vector] = []
        self.changes: list[Vector] = []
        self.n_corrections = 0

    def step(self) -> bool:
        """Advance by one accepted step of either kind."""
        if self.stop_reason:
            return False
        moved = False
        if self.matrix is not None and self.n_corrections < self.max_corrections:
            moved = self._correct(self.matrix)
        if not moved and not self._levenberg_marquardt():
            self.stop_reason = f"no lower loss in {MAX_TRIALS} damped steps (rounding limit)"
            return False
        self.iteration += 1
        self._check_gradient()
        return True

    def _levenberg_marquardt(self) -> bool:
        """Make a new ``JᵀJ``, then damped steps until one lowers the loss."""
        matrix = self.squares.gauss_newton(self.x, self._sample())
        self.steps, self.changes, self.n_corrections = [], [], 0
        self.matrix = None
        unit = float(np.mean(matrix.diagonal()))
        for _ in range(MAX_TRIALS):
            damping = self.damping * unit
            step = None
            if matrix.decompose(np.full_like(self.x, damping)):
                step = matrix.solve(-0.5 * self.gradient)
            gain = -np.inf
            if step is not None:
                predicted = -float(self.gradient @ step) - float(step @ matrix.product(step))
                value, gradient = self.objective(self.x + step)
                self.n_evaluations += 1
                if predicted > 0.0 and np.isfinite(value):
                    gain = (self.value - value) / predicted
            if step is not None and gain > MIN_GAIN:
                self.matrix, self.matrix_damping = matrix, damping
                shrink = max(1.0 / 3.0, 1.0 - (2.0 * gain - 1.0) ** 3)
                self.damping = max(self.damping * shrink, MIN_DAMPING)
                self.growth = 2.0
                self._move(self.x + step, value, gradient)
                return True
            self.damping *= self.growth
            self.growth *= 2.0
        return False

    def _correct(self, matrix: _core.GaussNewton) -> bool:
        """One quasi-Newton step with the damped ``JᵀJ`` and the pairs since then."""

        def inverse(q: Vector) -> Vector:
            solution = matrix.solve(0.5 * q)
            assert solution is not None
            return solution

        direction = two_loop(self.gradient, self.steps, self.changes, inverse)
        search = LineSearch(self.objective, self.x, direction)
        point = strong_wolfe(search, self.value, self.gradient)
        self.n_evaluations += search.n_evaluations
        if point is None:
            return False
        self.n_corrections += 1
        self._move(point.x, point.value, point.gradient)
        return True

    def _move(self, x: Vector, value: float, gradient: Vector) -> None:
        s, y = x - self.x, gradient - self.gradient
        if is_convex(s, y):
            self.steps.append(s)
            self.changes.append(y)
            self.n_updates += 1
        self.previous_value = self.value
        self.x, self.value, self.gradient = x, float(value), np.array(gradient)

    @property
    def sample_size(self) -> int:
        """Number of images that give ``JᵀJ``."""
        n_images = self.squares.n_images
        wanted = RESIDUALS_PER_PARAMETER * self.x.size * n_images / self.squares.n_residuals
        return min(int(np.ceil(wanted)), n_images)

    @property
    def max_corrections(self) -> int:
        """Quasi-Newton steps between two ``JᵀJ``."""
        return max(CORRECTIONS, GRADIENTS_PER_MATRIX * self.sample_size // self.squares.n_images)

    def _sample(self) -> NDArray[np.intp]:
        """Images for the next ``JᵀJ``: the next ones of a fixed shuffled order, around and around.

        One order, because neighboring images are alike; the same for every run, because its seed
        is of no consequence.
        """
        n_images, count = self.squares.n_images, self.sample_size
        if count == n_images:
            return np.arange(n_images)
        order = np.random.default_rng(0).permutation(n_images)
        sample = np.take(order, np.arange(self.position, self.position + count), mode="wrap")
        self.position = (self.position + count) % n_images
        return np.sort(sample)

    def memory(self) -> State:
        """``JᵀJ``, the pairs since then, and the damping."""
        lower = np.zeros(0) if self.matrix is None else self.matrix.lower()
        return {
            "matrix": lower,
            "steps": pack_pairs(self.steps, self.x.size),
            "changes": pack_pairs(self.changes, self.x.size),
            "damping": np.array([self.damping, self.growth, self.matrix_damping]),
            "cycle": np.array([self.position, self.n_corrections], dtype=np.int64),
        }

    def recall(self, memory: Mapping[str, NDArray[Any]]) -> None:
        """Restore and decompose ``JᵀJ``."""
        self.steps = [np.array(row) for row in memory["steps"]]
        self.changes = [np.array(row) for row in memory["changes"]]
        self.damping, self.growth, self.matrix_damping = (float(d) for d in memory["damping"])
        self.position, self.n_corrections = (int(c) for c in memory["cycle"])
        self.matrix = None
        if memory["matrix"].size:
            lower = np.ascontiguousarray(memory["matrix"], dtype=np.float64)
            self.matrix = _core.GaussNewton.from_lower(self.x.size, lower)
            self.matrix.decompose(np.full_like(self.x, self.matrix_damping))
