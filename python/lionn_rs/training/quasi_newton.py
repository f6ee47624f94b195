"""Quasi-Newton optimizers: BFGS and its limited-memory form."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from lionn_rs import _core
from lionn_rs.training.line_search import (
    LinePoint,
    LineSearch,
    ValueAndGradient,
    Vector,
    strong_wolfe,
)
from lionn_rs.training.optimizer import Optimizer, State, is_convex, pack_pairs, two_loop

LBFGS_MEMORY: Final = 50
"""Correction pairs kept by L-BFGS; a pair costs two parameter vectors."""


class QuasiNewton(Optimizer):
    """A line search along ``-H g``, with an inverse Hessian ``H`` learned from the steps."""

    def step(self) -> bool:
        """Advance by one iteration; ``False`` with a :attr:`stop_reason` if there is none."""
        if self.stop_reason:
            return False
        point = self._search(self.direction())
        if point is None and self.n_updates > 0:
            # The model of the curvature has gone stale: forget it and try the steepest descent
            # once.
            self.forget()
            point = self._search(self.direction())
        if point is None:
            self.stop_reason = (
                "line search failed: no lower loss along the gradient (rounding limit)"
            )
            return False
        s = point.x - self.x
        y = point.gradient - self.gradient
        if is_convex(s, y):
            self.update(s, y, float(s @ y))
            self.n_updates += 1
        self.previous_value = self.value
        self.x, self.value, self.gradient = point.x, point.value, np.array(point.gradient)
        self.iteration += 1
        self._check_gradient()
        return True

    def _search(self, direction: Vector) -> LinePoint | None:
        search = LineSearch(self.objective, self.x, direction)
        slope = float(self.gradient @ direction)
        first = 1.0
        if self.n_updates == 0 and slope < 0.0:
            # Nocedal and Wright, Eq. 3.60.
            first = min(1.0, 1.01 * 2.0 * (self.value - self.previous_value) / slope)
            first = first if first > 0.0 else 1.0
        point = strong_wolfe(search, self.value, self.gradient, first_step=first)
        self.n_evaluations += search.n_evaluations
        return point

    @abstractmethod
    def direction(self) -> Vector:
        """Search direction at the current point."""

    @abstractmethod
    def update(self, s: Vector, y: Vector, curvature: float) -> None:
        """Learn from a step ``s`` that changed the gradient by ``y``, ``curvature = s·y > 0``."""

    @abstractmethod
    def forget(self) -> None:
        """Drop what was learned about the curvature."""


class BFGS(QuasiNewton):
    """BFGS with the full inverse Hessian (Nocedal and Wright, Algorithm 6.1).

    Before the first update the inverse Hessian is the identity scaled by ``s·y / y·y`` (Eq. 6.20).
    """

    name = "bfgs"

    def __init__(
        self, objective: ValueAndGradient, x: Vector, *, gradient_tolerance: float = 1e-8
    ) -> None:
        super().__init__(objective, x, gradient_tolerance=gradient_tolerance)
        self.inverse_hessian = _core.InverseHessian(self.x.size, 1.0)

    def direction(self) -> Vector:
        """``-H g``."""
        return -self.inverse_hessian.product(self.gradient)

    def update(self, s: Vector, y: Vector, curvature: float) -> None:
        """Rank-two update of the inverse Hessian, Eq. 6.17."""
        if self.n_updates == 0:
            self.inverse_hessian = _core.InverseHessian(self.x.size, curvature / float(y @ y))
        self.inverse_hessian.update(s, y, curvature)

    def forget(self) -> None:
        """Back to the identity."""
        self.inverse_hessian = _core.InverseHessian(self.x.size, 1.0)
        self.n_updates = 0

    def memory(self) -> State:
        """Lower triangle of the inverse Hessian."""
        return {"inverse_hessian": self.inverse_hessian.lower()}

    def recall(self, memory: Mapping[str, NDArray[Any]]) -> None:
        """Restore the triangle."""
        lower = np.ascontiguousarray(memory["inverse_hessian"], dtype=np.float64)
        self.inverse_hessian = _core.InverseHessian.from_lower(self.x.size, lower)


class LBFGS(QuasiNewton):
    """Limited-memory BFGS with :data:`LBFGS_MEMORY` pairs (Nocedal and Wright, Algorithm 7.4)."""

    name = "l-bfgs"

    def __init__(
        self, objective: ValueAndGradient, x: Vector, *, gradient_tolerance: float = 1e-8
    ) -> None:
        super().__init__(objective, x, gradient_tolerance=gradient_tolerance)
        self.steps: list[Vector] = []
        self.changes: list[Vector] = []

    def direction(self) -> Vector:
        """``-H g`` with H from the stored pairs."""

        def scaled(q: Vector) -> Vector:
            if not self.steps:
                return q
            s, y = self.steps[-1], self.changes[-1]
            return q * (float(s @ y) / float(y @ y))

        return two_loop(self.gradient, self.steps, self.changes, scaled)

    def update(self, s: Vector, y: Vector, curvature: float) -> None:
        """Store the pair, drop the oldest one."""
        self.steps = [*self.steps[-(LBFGS_MEMORY - 1) :], s]
        self.changes = [*self.changes[-(LBFGS_MEMORY - 1) :], y]

    def forget(self) -> None:
        """Drop all pairs."""
        self.steps, self.changes = [], []
        self.n_updates = 0

    def memory(self) -> State:
        """Return the pairs, oldest first."""
        return {
            "steps": pack_pairs(self.steps, self.x.size),
            "changes": pack_pairs(self.changes, self.x.size),
        }

    def recall(self, memory: Mapping[str, NDArray[Any]]) -> None:
        """Restore the pairs."""
        self.steps = [np.array(row) for row in memory["steps"]]
        self.changes = [np.array(row) for row in memory["changes"]]
