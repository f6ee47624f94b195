"""Adam on small batches of images, for models with many parameters.

BFGS needs a matrix of the order of the parameters and Levenberg-Marquardt several; both use all
images for every step. Adam takes a step after every few images and needs a few vectors. One
*iteration* is one pass over the training images in a shuffled order, so that an iteration costs
about as much as one of the other optimizers. Four things are added to Kingma and Ba's rule:

* layers are treated in the eigenbasis of their gradients
  (:mod:`lionn_rs.training.eigenbasis`), without which correlated features make Adam slow;
* the learning rate rises linearly over the first :data:`WARM_UP` of the run and falls to zero as a
  cosine (Loshchilov and Hutter, Eq. 5, without restarts); the run is measured in iterations or
  in seconds, whichever is nearer to its limit;
* the parameters that are validated and kept are a moving average over the steps (Polyak and
  Juditsky), which has most of the effect of a small learning rate at any time;
* gradients of batches much larger than usual are shortened.

A run is reproducible: the order of the images follows from seed and iteration, and the state holds
everything. With a wall-time limit the learning rate depends on the clock.

References
----------
D. P. Kingma and J. Ba, ICLR (2015), arXiv 1412.6980, Algorithm 1; N. Vyas et al., ICLR (2025),
arXiv 2409.11321; I. Loshchilov and F. Hutter, ICLR (2017), arXiv 1608.03983; B. T. Polyak and A. B.
Juditsky, SIAM J. Control Optim. 30, 838 (1992), doi 10.1137/0330046.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from lionn_rs.errors import ConfigError
from lionn_rs.training.eigenbasis import TINY, LayerMoments
from lionn_rs.training.line_search import ValueAndGradient, Vector
from lionn_rs.training.objective import Report
from lionn_rs.training.optimizer import Optimizer, State

BATCH_SIZE: Final = 8
"""Images per step."""

LEARNING_RATE: Final = 0.01
"""Largest change of a parameter in one step, about; inputs are scaled to [-1, 1]."""

WARM_UP: Final = 0.05
"""Part of the run in which the learning rate rises."""

BETA_FIRST: Final = 0.9
BETA_SECOND: Final = 0.99
"""Decay per step of the averages of the gradient and of its square."""

AVERAGE: Final = 0.99
"""Decay per step of the average of the parameters."""

LONGEST_GRADIENT: Final = 5.0
"""Limit on the norm of a gradient in units of its moving root mean square."""


class Batches(Protocol):
    """A loss that is a sum over images."""

    @property
    def n_images(self) -> int:
        """Number of images."""
        ...

    @property
    def layers(self) -> Sequence[tuple[int, int, int]]:
        """Start in the parameter vector, rows and columns of every weight matrix with biases."""
        ...

    def __call__(self, x: Vector, /) -> tuple[float, Vector]:
        """Value and gradient."""
        ...

    def batch(self, x: Vector, images: NDArray[np.intp]) -> tuple[Report, Vector]:
        """Errors and sum (``"loss"``, infinite where there is none) over some images, gradient."""
        ...


class Adam(Optimizer):
    """Adam in the eigenbasis of each layer's gradients, one pass over the images per step.

    Parameters
    ----------
    objective : Batches
        Loss and gradient of some of the images.
    x : (n,) float64
        Start.
    gradient_tolerance : float
        As for every optimizer.
    batch_size : int
        Images per step of the parameters.
    learning_rate : float
        Largest learning rate of the schedule.
    seed : int
        Seed of the order of the images.

    Raises
    ------
    ConfigError
        If the objective has no ``batch`` or an option is out of range.
    """

    name = "adam"
    history_note = (
        "training loss and errors in the history are those of the batches of a pass, taken while "
        "the parameters moved; validation is that of their average"
    )

    def __init__(
        self,
        objective: ValueAndGradient | Batches,
        x: Vector,
        *,
        gradient_tolerance: float = 1e-8,
        batch_size: int = BATCH_SIZE,
        learning_rate: float = LEARNING_RATE,
        seed: int = 0,
    ) -> None:
        super().__init__(objective, x, gradient_tolerance=gradient_tolerance)
        if not hasattr(objective, "batch"):
            raise ConfigError("optimizer 'adam' needs an objective that is a sum over images")
        self.batches: Batches = objective  # type: ignore[assignment]
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.seed = seed
        self.weights = self.x.copy()
        self.n_steps = 0
        self.mean_square = 0.0
        by_shape: dict[tuple[int, int], list[int]] = defaultdict(list)
        for start, rows, columns in self.batches.layers:
            by_shape[rows, columns].append(start)
        self.layers = [LayerMoments(starts, shape) for shape, starts in by_shape.items()]
        in_layers = np.zeros(self.x.size, dtype=bool)
        for layer in self.layers:
            in_layers[layer.index] = True
        self.others = np.flatnonzero(~in_layers)
        self.first = np.zeros(self.others.size)
        self.second = np.zeros(self.others.size)
        self.pass_report: Report | None = None

    def step(self) -> bool:
        """Pass over the images once; ``False`` with a :attr:`stop_reason` if that fails."""
        if self.stop_reason:
            return False
        n_images = self.batches.n_images
        order = np.random.default_rng([self.seed, self.iteration]).permutation(n_images)
        parts = np.array_split(order, -(-n_images // self.batch_size))
        reports: list[Report] = []
        total = np.zeros_like(self.x)
        begin, end = self.progress
        before = self.x
        for k, images in enumerate(parts):
            report, gradient = self.batches.batch(self.weights, images)
            if not np.isfinite(report["loss"]):
                self.x = before  # the last point known to have a loss
                self.stop_reason = (
                    f"the loss is not finite at a learning rate of {self.learning_rate:g}"
                )
                return False
            reports.append(report)
            total += gradient
            rate = self.learning_rate * schedule(begin + (end - begin) * k / len(parts))
            self._move(gradient / len(images), rate)
        self.pass_report = combine(reports, [len(images) for images in parts])
        self.previous_value, self.value = self.value, self.pass_report["loss"]
        self.gradient = total
        self.iteration += 1
        self.n_evaluations += 1
        self._check_gradient()
        return True

    def _move(self, gradient: Vector, rate: float) -> None:
        """One step of all parameters along a gradient per image."""
        self.n_steps += 1
        gradient *= self._shortening(gradient)
        direction = np.empty_like(gradient)
        for layer in self.layers:
            layer.update(gradient, self.n_steps, BETA_FIRST, BETA_SECOND, direction)
        own = gradient[self.others]
        self.first += (1.0 - BETA_FIRST) * (own - self.first)
        self.second += (1.0 - BETA_SECOND) * (own * own - self.second)
        correction = np.sqrt(1.0 - BETA_SECOND**self.n_steps) / (1.0 - BETA_FIRST**self.n_steps)
        direction[self.others] = correction * self.first / np.sqrt(self.second + TINY)
        self.weights -= rate * direction
        # The average begins short, so that it forgets the start.
        memory = min(AVERAGE, self.n_steps / (self.n_steps + 10.0))
        self.x = self.weights + memory * (self.x - self.weights)

    def _shortening(self, gradient: Vector) -> float:
        square = float(gradient @ gradient)
        if self.n_steps == 1:
            self.mean_square = square
        limit = LONGEST_GRADIENT**2 * self.mean_square
        factor = 1.0 if square <= limit else float(np.sqrt(limit / square))
        self.mean_square += (1.0 - BETA_SECOND) * (min(square, limit) - self.mean_square)
        return factor

    def report(self) -> Report | None:
        """Loss and errors of the batches of the latest pass, while the parameters moved."""
        return self.pass_report

    def memory(self) -> State:
        """Moments, eigenbases and the parameters without averaging."""
        state: State = {
            "weights": self.weights.copy(),
            "first": self.first.copy(),
            "second": self.second.copy(),
            "mean_square": np.array(self.mean_square),
            "n_steps": np.array(self.n_steps, dtype=np.int64),
        }
        for k, layer in enumerate(self.layers):
            state |= layer.memory(f"layer{k}_")
        return state

    def recall(self, memory: Mapping[str, NDArray[Any]]) -> None:
        """Inverse of :meth:`memory`."""
        self.weights = np.array(memory["weights"], dtype=np.float64)
        self.first = np.array(memory["first"], dtype=np.float64)
        self.second = np.array(memory["second"], dtype=np.float64)
        self.mean_square = float(memory["mean_square"])
        self.n_steps = int(memory["n_steps"])
        for k, layer in enumerate(self.layers):
            layer.recall(f"layer{k}_", memory)


def schedule(progress: float) -> float:
    """Learning rate over its largest value at a point of the run from 0 to 1."""
    if progress < WARM_UP:
        return progress / WARM_UP
    return 0.5 + 0.5 * float(np.cos(np.pi * min((progress - WARM_UP) / (1.0 - WARM_UP), 1.0)))


def combine(reports: Sequence[Report], sizes: Sequence[int]) -> Report:
    """Sum of the losses of batches, root mean square of their errors weighted by their images."""
    columns = {name: np.array([report[name] for report in reports]) for name in reports[0]}
    combined: Report = {}
    for name, values in columns.items():
        if "rmse" not in name:
            combined[name] = float(np.sum(values))
            continue
        known = np.isfinite(values)  # a batch may lack forces or stresses
        mean = (
            np.average(values[known] ** 2, weights=np.array(sizes)[known])
            if known.any()
            else np.nan
        )
        combined[name] = float(np.sqrt(mean))
    return combined
