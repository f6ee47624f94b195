"""Training of neural-network potentials."""

from __future__ import annotations

from lionn_rs.training.calibration import Agreement, Calibration, calibrate, spread_errors
from lionn_rs.training.committee import CommitteeResult, train_committee
from lionn_rs.training.driver import train
from lionn_rs.training.memory import MemoryEstimate, estimate_memory
from lionn_rs.training.metrics import Metrics, Predictions, evaluate, predict
from lionn_rs.training.objective import LossWeights
from lionn_rs.training.result import TrainingInterrupted, TrainingResult

__all__ = [
    "Agreement",
    "Calibration",
    "CommitteeResult",
    "LossWeights",
    "MemoryEstimate",
    "Metrics",
    "Predictions",
    "TrainingInterrupted",
    "TrainingResult",
    "calibrate",
    "estimate_memory",
    "evaluate",
    "predict",
    "spread_errors",
    "train",
    "train_committee",
]
