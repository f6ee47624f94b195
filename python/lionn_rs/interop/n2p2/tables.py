"""The files ``scaling.data`` and ``weights.NNN.data``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lionn_rs.interop.n2p2.settings import Scaling
from lionn_rs.interop.n2p2.text import Line, TextFile

__all__ = ["AffineScaling", "read_scaling", "read_weights", "weights_file"]


@dataclass(frozen=True)
class AffineScaling:
    """Ranges of the features of one element, and what n2p2 makes of a feature G.

    Attributes
    ----------
    minima, maxima : (n_features,) float64
        Range in training.
    factor, center, offset : (n_features,) float64
        Network input ``factor (G - center) + offset``.
    """

    minima: NDArray[np.float64]
    maxima: NDArray[np.float64]
    factor: NDArray[np.float64]
    center: NDArray[np.float64]
    offset: NDArray[np.float64]


def read_scaling(
    file: TextFile, counts: Mapping[str, int], scaling: Scaling
) -> dict[str, AffineScaling]:
    """Read ``scaling.data``.

    Parameters
    ----------
    file : TextFile
        Rows ``element function min max mean [sigma]``, both counted from 1.
    counts : mapping
        Number of functions of every element, in n2p2's order.
    scaling : Scaling
        What is done with the numbers.

    Raises
    ------
    ModelFileError
        For rows that are missing, out of order, or make no scaling.
    """
    lines = file.lines()
    result = {}
    for e, (element, count) in enumerate(counts.items(), start=1):
        rows = []
        for index in range(1, count + 1):
            line = next(lines, None)
            if line is None:
                file.fail(
                    f"ends before function {index} of {element}; input.nn has {count} functions "
                    f"with {element} in the center"
                )
            place = (line.integer(0, "the element"), line.integer(1, "the function"))
            if place != (e, index):
                line.fail(
                    f"row of function {place[1]} of element {place[0]}, expected function {index} "
                    f"of element {e} ({element}, {count} functions)"
                )
            rows.append(_row(line, scaling))
        columns = np.array(rows).T
        result[element] = AffineScaling(*columns)
    # RuNNer adds the range of the energies.
    rest = next(lines, None)
    if rest is not None and len(rest.words) >= 5:
        rest.fail(f"a row more than input.nn has functions ({sum(counts.values())})")
    return result


def _row(line: Line, scaling: Scaling) -> tuple[float, float, float, float, float]:
    """Smallest and largest value, factor, center and offset."""
    low, high, mean = (line.real(2 + k, name) for k, name in enumerate(("min", "max", "mean")))
    if low > high:
        line.fail(f"the smallest value {low:g} is above the largest {high:g}")
    if scaling.mode == "none":
        return low, high, 1.0, 0.0, 0.0
    if scaling.mode == "center":
        return low, high, 1.0, mean, 0.0
    width = (
        line.real(5, "sigma (written by newer versions)") if scaling.mode == "sigma" else high - low
    )
    if not width > 0.0:
        what = "sigma" if scaling.mode == "sigma" else "the range"
        line.fail(f"{what} of a feature is {width:g}: n2p2 divides by it; leave the function out")
    center = low if scaling.mode == "scale" else mean
    return low, high, (scaling.high - scaling.low) / width, center, scaling.low


def weights_file(folder: Path, number: int) -> Path:
    """File of the network of an element."""
    return folder / f"weights.{number:03d}.data"


def read_weights(
    file: TextFile, n_inputs: int, candidates: Sequence[Sequence[int]]
) -> list[NDArray[np.float64]]:
    """Read the weights of one network: the first column of the file.

    Parameters
    ----------
    file : TextFile
        Per layer, for every node below all weights to this layer, then the biases.
    n_inputs : int
        Number of features.
    candidates : sequence of sequence of int
        Widths of the hidden layers; the first whose number of weights is that of the file counts.

    Returns
    -------
    list of (n_in + 1, n_out) float64
        One matrix per layer, biases in the last row.

    Raises
    ------
    ModelFileError
        For another number of weights.
    """
    shapes = [_shapes([n_inputs, *hidden, 1]) for hidden in candidates]
    expected = [sum(n_in * n_out for n_in, n_out in layers) for layers in shapes]
    values: list[float] = []
    for line in file.lines():
        values.append(line.real(0, "a weight"))
        if len(values) > max(expected):
            break
    if len(values) not in expected:
        text = "-".join(map(str, [n_inputs, *candidates[-1], 1]))
        count = f"more than {max(expected)}" if len(values) > max(expected) else str(len(values))
        file.fail(f"a network {text} has {expected[-1]} weights and biases, the file has {count}")
    layers, start = [], 0
    for rows, columns in shapes[expected.index(len(values))]:
        layer = np.array(values[start : start + rows * columns]).reshape(rows, columns)
        layers.append(layer)
        start += rows * columns
    return layers


def _shapes(widths: Sequence[int]) -> list[tuple[int, int]]:
    return [(n_in + 1, n_out) for n_in, n_out in pairwise(widths)]
