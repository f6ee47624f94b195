"""Min-max scaling of fingerprints, as the core does it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

CONSTANT_RANGE: Final = 1e-8
"""Range below which a feature is constant: scaling leaves it as it is, as in AMP."""


def min_max_scaling(
    minima: ArrayLike, maxima: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Factor and offset of ``s = factor G + offset``, -1 to 1 over the range of each feature.

    Parameters
    ----------
    minima, maxima : (n_features,) sequences of float
        Smallest and largest value in training, dimensionless.

    Returns
    -------
    factor, offset : (n_features,) float64
        One and zero for constant features.
    """
    low = np.asarray(minima, dtype=np.float64)
    width = np.asarray(maxima, dtype=np.float64) - low
    constant = width <= CONSTANT_RANGE
    safe = np.where(constant, 1.0, width)
    factor = np.where(constant, 1.0, 2.0 / safe)
    return factor, np.where(constant, 0.0, -1.0 - 2.0 * low / safe)
