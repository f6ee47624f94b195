"""What a training gives."""

from __future__ import annotations

from dataclasses import dataclass

from lionn_rs.potential import Potential
from lionn_rs.training.history import History
from lionn_rs.training.memory import MemoryEstimate
from lionn_rs.training.metrics import Metrics


@dataclass(frozen=True)
class TrainingResult:
    """Outcome of :func:`train`.

    Attributes
    ----------
    best : Potential
        Parameters with the lowest validation loss (training loss without validation images), over
        all starts.
    last : Potential
        Last parameters of the start that holds the best.
    best_iteration, best_start : int
        Where the best were found.
    history : History
        One row per iteration; :meth:`History.columns` gives arrays.
    metrics : dict of str to Metrics
        Errors of the best potential on ``train``, ``validation`` and ``test`` images, as far as
        given.
    stop_reason : str
        Why the last start ended.
    seconds : float
        Wall time of the iterations.
    memory : MemoryEstimate
        The estimate for training and validation images.
    """

    best: Potential
    last: Potential
    best_iteration: int
    best_start: int
    history: History
    metrics: dict[str, Metrics]
    stop_reason: str
    seconds: float
    memory: MemoryEstimate

    def __str__(self) -> str:
        lines = [
            f"best at iteration {self.best_iteration} of start {self.best_start + 1}; "
            f"stopped: {self.stop_reason}; {self.seconds:.1f} s"
        ]
        lines += [f"[{name}] {metrics}" for name, metrics in self.metrics.items()]
        return "\n".join(lines)


class TrainingInterrupted(KeyboardInterrupt):
    """Ctrl-C during training, after checkpoint, best and last model have been written.

    Attributes
    ----------
    result : TrainingResult
        What there is so far.
    """

    def __init__(self, result: TrainingResult) -> None:
        super().__init__("training interrupted")
        self.result = result
