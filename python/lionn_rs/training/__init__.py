"""Training of neural-network potentials."""

from __future__ import annotations

from lionn_rs.training.driver import train
from lionn_rs.training.memory import MemoryEstimate, estimate_memory
from lionn_rs.training.metrics import Metrics, Predictions, evaluate, predict
from lionn_rs.training.objective import LossWeights
from lionn_rs.training.result import TrainingInterrupted, TrainingResult

__all__ = [
    "LossWeights",
    "MemoryEstimate",
    "Metrics",
    "Predictions",
    "TrainingInterrupted",
    "TrainingResult",
    "estimate_memory",
    "evaluate",
    "predict",
    "train",
]
