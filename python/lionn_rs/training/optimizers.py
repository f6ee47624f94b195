"""Optimizers by name.

To add an optimizer: subclass :class:`~lionn_rs.training.optimizer.Optimizer` (a step, and its
memory as arrays) and add one line to :data:`OPTIMIZERS`.
"""

from __future__ import annotations

from typing import Final

from lionn_rs.errors import ConfigError
from lionn_rs.training.adam import Adam
from lionn_rs.training.levenberg_marquardt import LevenbergMarquardt
from lionn_rs.training.optimizer import Optimizer
from lionn_rs.training.quasi_newton import BFGS, LBFGS

OPTIMIZERS: Final[dict[str, type[Optimizer]]] = {
    kind.name: kind for kind in (BFGS, LBFGS, LevenbergMarquardt, Adam)
}
"""Optimizers by name."""


def optimizer(name: str) -> type[Optimizer]:
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
