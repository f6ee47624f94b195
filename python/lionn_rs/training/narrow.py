"""Features that hardly change over the training images.

Min-max scaling divides by the range of a feature. Some ranges are tiny: a contact that the images
barely touch may give a feature of 1e-6. Scaled as it stands, the first real contact in molecular
dynamics would enter the network as an input of thousands instead of one, and the forces with it.
Ranges narrower than a limit are therefore widened to it around their middle, and the weights of
these features start at zero: they have no say until the data give them one.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from lionn_rs.training.line_search import Vector

Ranges = list[list[float]]


def is_narrow(minima: Ranges, maxima: Ranges, min_range: float) -> list[np.ndarray]:
    """Which features of each element have a range below ``min_range``, ``(n_features,)`` bool."""
    return [
        np.asarray(high) - np.asarray(low) < min_range
        for low, high in zip(minima, maxima, strict=True)
    ]


def widen(minima: Ranges, maxima: Ranges, min_range: float) -> tuple[Ranges, Ranges]:
    """Ranges of at least ``min_range``, widened around their middle.

    Parameters
    ----------
    minima, maxima : list of (n_features,) lists
        Smallest and largest value of every feature, per element; dimensionless.
    min_range : float
        Smallest range wanted; zero changes nothing.

    Returns
    -------
    tuple
        The new minima and maxima.
    """
    new_minima: Ranges = []
    new_maxima: Ranges = []
    narrow = is_narrow(minima, maxima, min_range)
    for low, high, mask in zip(minima, maxima, narrow, strict=True):
        middle = 0.5 * (np.asarray(low) + np.asarray(high))
        new_minima.append(np.where(mask, middle - 0.5 * min_range, low).tolist())
        new_maxima.append(np.where(mask, middle + 0.5 * min_range, high).tolist())
    return new_minima, new_maxima


def silence(
    parameters: Vector, narrow: Sequence[np.ndarray], hidden_layers: Sequence[int]
) -> Vector:
    """Set the first-layer weights of narrow features to zero.

    Parameters
    ----------
    parameters : (n_parameters,) float64
        Flat parameter vector.
    narrow : sequence of (n_features,) bool
        From :func:`is_narrow`, elements sorted by symbol.
    hidden_layers : sequence of int
        Nodes of each hidden layer.

    Returns
    -------
    (n_parameters,) float64
        A changed copy.
    """
    silenced = parameters.copy()
    start = 0
    for mask in narrow:
        widths = [len(mask), *hidden_layers, 1]
        first = silenced[start : start + widths[0] * widths[1]].reshape(widths[0], widths[1])
        first[mask] = 0.0
        start += sum((n_in + 1) * n_out for n_in, n_out in itertools.pairwise(widths))
    return silenced
