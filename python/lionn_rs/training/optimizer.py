"""What all optimizers share: one iteration at a time, and a state from which they continue.

The whole state lies in :meth:`Optimizer.state`; an optimizer restored from it continues exactly as
if it had not been interrupted.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from lionn_rs.errors import ConfigError
from lionn_rs.training.line_search import ValueAndGradient, Vector

State = dict[str, NDArray[Any]]

MIN_CURVATURE: Final = 1e-10
"""Updates with ``s·y`` below this fraction of ``|s||y|`` are skipped to stay positive definite."""


class Optimizer(ABC):
    """Minimization of ``objective(x) -> (value, gradient)``, one :meth:`step` at a time.

    Parameters
    ----------
    objective : callable
        Returns value and gradient, (n,) float64.
    x : (n,) float64
        Start.
    gradient_tolerance : float
        The run has converged when the largest absolute gradient component falls below this.

    Attributes
    ----------
    progress : (float, float)
        Part of the run that is over before and, probably, after the next step, 0 to 1; set by
        whoever knows the limits, for methods with a schedule.
    """

    name: ClassVar[str]
    history_note: ClassVar[str] = ""
    """What a reader of the history must know."""

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
        self.progress = (0.0, 0.0)

    def start(self) -> None:
        """Evaluate the objective at the start; called once by whoever begins a new run."""
        self.value, gradient = self.objective(self.x)
        self.gradient = np.array(gradient, dtype=np.float64)
        self.n_evaluations += 1
        # scipy's convention: the first step tries to lower the objective by about half the
        # gradient's norm.
        self.previous_value = self.value + 0.5 * float(np.linalg.norm(self.gradient))
        self._check_gradient()

    @abstractmethod
    def step(self) -> bool:
        """Advance by one iteration; ``False`` with a :attr:`stop_reason` if there is none."""

    def _check_gradient(self) -> None:
        if float(np.max(np.abs(self.gradient), initial=0.0)) <= self.gradient_tolerance:
            self.stop_reason = (
                f"converged: largest gradient component below {self.gradient_tolerance:g}"
            )

    def report(self) -> dict[str, float] | None:
        """Loss and errors of the latest step where they are not those of all images at ``x``."""
        return None

    @property
    def gradient_norm(self) -> float:
        """Euclidean norm of the gradient."""
        return float(np.linalg.norm(self.gradient))

    @abstractmethod
    def memory(self) -> State:
        """Return what was learned about the curvature, as arrays."""

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


def is_convex(s: Vector, y: Vector) -> bool:
    """Whether a step ``s`` that changed the gradient by ``y`` may enter an inverse Hessian."""
    return float(s @ y) > MIN_CURVATURE * float(np.linalg.norm(s) * np.linalg.norm(y))


def two_loop(
    gradient: Vector,
    steps: Sequence[Vector],
    changes: Sequence[Vector],
    inverse: Callable[[Vector], Vector],
) -> Vector:
    """Limited-memory BFGS direction (Nocedal and Wright, Algorithm 7.4).

    Parameters
    ----------
    gradient : (n,) float64
    steps, changes : sequence of (n,) float64
        Pairs ``s``, ``y``, oldest first.
    inverse : callable
        Product with the inverse Hessian before the pairs were seen.

    Returns
    -------
    (n,) float64
        ``-H g``.
    """
    q = -gradient
    alphas = []
    for s, y in zip(reversed(steps), reversed(changes), strict=True):
        alpha = float(s @ q) / float(s @ y)
        alphas.append(alpha)
        q = q - alpha * y
    q = inverse(q)
    for s, y, alpha in zip(steps, changes, reversed(alphas), strict=True):
        q = q + (alpha - float(y @ q) / float(s @ y)) * s
    return q


def pack_pairs(vectors: Sequence[Vector], n: int) -> Vector:
    """Vectors of length ``n`` as the rows of one array."""
    return np.array(vectors) if vectors else np.zeros((0, n))
