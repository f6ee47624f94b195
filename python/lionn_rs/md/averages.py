"""Averages along a run, with errors that know about correlation."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["mean_and_error"]

FEWEST_BLOCKS = 8
"""Blocks of the error of a mean; fewer make the error itself meaningless."""


def mean_and_error(values: NDArray[np.float64]) -> tuple[float, float]:
    """Mean of a correlated series and its standard error from the means of blocks.

    Parameters
    ----------
    values : (n,) float64
        Equally spaced in time.

    Returns
    -------
    mean, error : float
        The error is the largest over block lengths that leave at least :data:`FEWEST_BLOCKS`
        blocks (Flyvbjerg and Petersen, J. Chem. Phys. 91, 461 (1989), doi:10.1063/1.457480).
    """
    errors = [0.0]
    length = 1
    while len(values) // length >= FEWEST_BLOCKS:
        n_blocks = len(values) // length
        blocks = values[: n_blocks * length].reshape(n_blocks, length).mean(axis=1)
        errors.append(float(blocks.std(ddof=1)) / n_blocks**0.5)
        length *= 2
    return float(values.mean()), max(errors)
