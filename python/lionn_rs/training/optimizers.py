"""Quasi-Newton optimizers that advance one iteration at a time and can be stopped and resumed at any iteration.

To add an optimizer: subclass :class:`QuasiNewton` (a direction, an update, and its memory as arrays) and add one line to
:data:`OPTIMIZERS`.

The whole state lies in :meth:`QuasiNewton.state`; an optimizer restored from it continues exactly as if it had not been
interrupted.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from lionn_rs import _core
from lionn_rs.errors import ConfigError
from lionn_rs.training.line_search import (
    LinePoint,
    LineSearch,
    ValueAndGradient,
    Vector,
    strong_wolfe,
)

State = dict[str, NDArray[Any]]

MIN_CURVATURE: Final = 1e-10
"""Updates with ``s·y`` below this fraction of ``|s||y|`` are skipped: they would ruin positive definiteness."""

LBFGS_MEMORY: Final = 50
"""Correction pairs kept by L-BFGS. A pair costs two parameter vectors, little beside the training images."""


class QuasiNewton(ABC):
    """Minimization of ``objective(x) -> (value, gradient)``, one :meth:`step` at a time.

    Parameters
    ----------
    objective : callable
        Returns value and gradient, (n,) float64.
    x : (n,) float64
        Start.
    gradient_tolerance : float
        The run has converged when the largest absolute gradient component falls below this.
    """

    name: ClassVar[str]

    def __init__(
        self, objective: ValueAndGradient, x: Vector, *, gradient_tolerance: float = 1e-8
    ) -> None:
        self.objective = objective
        self.gradient_tolerance = gradient_tolerance
        self.x = np.array(x, dtype=np.float64)
        self.value = np.nan
        self.gradient = np.full_like(self.x, np.nan)
        self.previous_value = np.nan
        self.iteration = 0
        self.n_evaluations = 0
        self.n_updates = 0
        self.stop_reason = ""

    def start(self) -> None:
        """Evaluate the objective at the start; called once by whoever begins a new run."""
        self.value, gradient = self.objective(self.x)
        self.gradient = np.array(gradient, dtype=np.float64)
        self.n_evaluations += 1
        # scipy's convention: the first step tries to lower the objective by about half the gradient's norm.
        self.previous_value = self.value + 0.5 * float(np.linalg.norm(self.gradient))
        self._check_gradient()

    def step(self) -> bool:
        """Advance by one iteration; ``False`` (with :attr:`stop_reason` set) when no further step is possible."""
        if self.stop_reason:
            return False
        point = self._search(self.direction())
        if point is None and self.n_updates > 0:
            # The model of the curvature has gone stale: forget it and try the steepest descent once.
            self.forget()
            point = self._search(self.direction())
        if point is None:
            self.stop_reason = (
                "line search failed: no lower loss along the gradient (rounding limit)"
            )
            return False
        s = point.x - self.x
        y = point.gradient - self.gradient
        curvature = float(s @ y)
        if curvature > MIN_CURVATURE * float(np.linalg.norm(s) * np.linalg.norm(y)):
            self.update(s, y, curvature)
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

    def _check_gradient(self) -> None:
        if float(np.max(np.abs(self.gradient), initial=0.0)) <= self.gradient_tolerance:
            self.stop_reason = (
                f"converged: largest gradient component below {self.gradient_tolerance:g}"
            )

    @property
    def gradient_norm(self) -> float:
        """Euclidean norm of the gradient."""
        return float(np.linalg.norm(self.gradient))

    @abstractmethod
    def direction(self) -> Vector:
        """Search direction at the current point."""

    @abstractmethod
    def update(self, s: Vector, y: Vector, curvature: float) -> None:
        """Learn from a step ``s`` that changed the gradient by ``y``, ``curvature = s·y > 0``."""

    @abstractmethod
    def forget(self) -> None:
        """Drop what was learned about the curvature."""

    @abstractmethod
    def memory(self) -> State:
        """What :meth:`update` has learned, as arrays."""

    @abstractmethod
    def recall(self, memory: Mapping[str, NDArray[Any]]) -> None:
        """Inverse of :meth:`memory`."""

    def state(self) -> State:
        """Everything needed to continue, as arrays."""
        counters = [self.iteration, self.n_evaluations, self.n_updates]
        return {
            "optimizer": np.array(self.name),
            "x": self.x.copy(),
            "gradient": self.gradient.copy(),
            "values": np.array([self.value, self.previous_value]),
            "counters": np.array(counters, dtype=np.int64),
            "stop_reason": np.array(self.stop_reason),
            **self.memory(),
        }

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Continue from a :meth:`state` of the same optimizer.

        Raises
        ------
        ConfigError
            If the state belongs to another optimizer or has another number of parameters.
        """
        name = str(state["optimizer"])
        if name != self.name:
            raise ConfigError(f"checkpoint was written by optimizer '{name}', not '{self.name}'")
        if state["x"].shape != self.x.shape:
            raise ConfigError(
                f"checkpoint has {state['x'].size} parameters, the model has {self.x.size}"
            )
        self.x = np.array(state["x"], dtype=np.float64)
        self.gradient = np.array(state["gradient"], dtype=np.float64)
        self.value, self.previous_value = (float(v) for v in state["values"])
        self.iteration, self.n_evaluations, self.n_updates = (int(c) for c in state["counters"])
        self.stop_reason = str(state["stop_reason"])
        self.recall(state)


class BFGS(QuasiNewton):
    """Broyden-Fletcher-Goldfarb-Shanno with the full inverse Hessian (Nocedal and Wright, Algorithm 6.1).

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
    """Limited-memory BFGS, two-loop recursion (Nocedal and Wright, Algorithm 7.4) with :data:`LBFGS_MEMORY` pairs."""

    name = "l-bfgs"

    def __init__(
        self, objective: ValueAndGradient, x: Vector, *, gradient_tolerance: float = 1e-8
    ) -> None:
        super().__init__(objective, x, gradient_tolerance=gradient_tolerance)
        self.steps: list[Vector] = []
        self.changes: list[Vector] = []

    def direction(self) -> Vector:
        """``-H g`` with H from the stored pairs."""
        q = -self.gradient
        alphas = []
        for s, y in zip(reversed(self.steps), reversed(self.changes), strict=True):
            alpha = float(s @ q) / float(s @ y)
            alphas.append(alpha)
            q = q - alpha * y
        if self.steps:
            s, y = self.steps[-1], self.changes[-1]
            q = q * (float(s @ y) / float(y @ y))
        for s, y, alpha in zip(self.steps, self.changes, reversed(alphas), strict=True):
            q = q + (alpha - float(y @ q) / float(s @ y)) * s
        return q

    def update(self, s: Vector, y: Vector, curvature: float) -> None:
        """Store the pair, drop the oldest one."""
        self.steps = [*self.steps[-(LBFGS_MEMORY - 1) :], s]
        self.changes = [*self.changes[-(LBFGS_MEMORY - 1) :], y]

    def forget(self) -> None:
        """Drop all pairs."""
        self.steps, self.changes = [], []
        self.n_updates = 0

    def memory(self) -> State:
        """The pairs, oldest first."""
        empty = np.zeros((0, self.x.size))
        return {
            "steps": np.array(self.steps) if self.steps else empty,
            "changes": np.array(self.changes) if self.changes else empty,
        }

    def recall(self, memory: Mapping[str, NDArray[Any]]) -> None:
        """Restore the pairs."""
        self.steps = [np.array(row) for row in memory["steps"]]
        self.changes = [np.array(row) for row in memory["changes"]]


OPTIMIZERS: Final[dict[str, type[QuasiNewton]]] = {BFGS.name: BFGS, LBFGS.name: LBFGS}
"""Optimizers by name."""


def optimizer(name: str) -> type[QuasiNewton]:
    """Look up an optimizer.

    Raises
    ------
    ConfigError
        For an unknown name.
    """
    try:
        return OPTIMIZERS[name]
    except KeyError:
        raise ConfigError(
            f"unknown optimizer '{name}', expected one of {', '.join(OPTIMIZERS)}"
        ) from None
