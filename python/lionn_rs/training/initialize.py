"""Initial parameters.

Weights are drawn as by Glorot and Bengio (Proc. AISTATS 9, 249 (2010), Eq. 16): uniform in ``±sqrt(6/(n_in + n_out))``, which keeps
the nodes in the linear range of tanh for inputs scaled to [-1, 1] (AMP draws uniform weights of similar size). Biases
are drawn from ``±1/sqrt(n_in)``, so that nodes start with different thresholds; the output bias is zero. Slopes
and intercepts, which the optimizer may change, are matched to the data: one common slope such that the forces of the random
networks have :data:`FORCE_SHARE` of the size of the reference forces, and one intercept per element by least squares on the energies
that the networks leave over.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from lionn_rs import _core
from lionn_rs.data.images import ImageArrays
from lionn_rs.training.line_search import Vector

FORCE_SHARE: Final = 0.1
"""Size of the initial forces relative to the reference: large enough for useful gradients, too small to do harm."""

SMALLEST_SCALE: Final = 1e-12
"""Forces or energies smaller than this, eV/Å or eV, give no scale."""


def random_parameters(
    n_features: Sequence[int], hidden_layers: Sequence[int], *, seed: int
) -> Vector:
    """Flat parameter vector with random weights, slopes one and intercepts zero.

    Parameters
    ----------
    n_features : sequence of int
        Inputs of every element network, elements sorted by symbol.
    hidden_layers : sequence of int
        Nodes of each hidden layer.
    seed : int
        Seed of the weights.
    """
    rng = np.random.default_rng(seed)
    parts: list[NDArray[np.float64]] = []
    for n_inputs in n_features:
        widths = [n_inputs, *hidden_layers, 1]
        for layer, (n_in, n_out) in enumerate(zip(widths[:-1], widths[1:], strict=True)):
            bound = np.sqrt(6.0 / (n_in + n_out))
            parts.append(rng.uniform(-bound, bound, size=n_in * n_out))
            is_output = layer == len(hidden_layers)
            bias_bound = 0.0 if is_output else 1.0 / np.sqrt(n_in)
            parts.append(rng.uniform(-bias_bound, bias_bound, size=n_out))
    parts += [np.array([0.0, 1.0])] * len(n_features)
    return np.concatenate(parts)


def match_data(
    parameters: Vector,
    images: _core.TrainingSet,
    potential: _core.NeuralPotential,
    arrays: ImageArrays,
) -> Vector:
    """Set slopes and intercepts (see the module's text) of a parameter vector with slopes one and intercepts zero."""
    numbers = [_atomic_number(symbol) for symbol in potential.elements]
    energies, forces, _ = images.predict(potential, parameters)
    slope = _slope(energies, forces, arrays)
    matched = parameters.copy()
    n_elements = len(numbers)
    scalings = matched[-2 * n_elements :].reshape(n_elements, 2)
    scalings[:, 1] = slope
    scalings[:, 0] = fit_intercepts(arrays, numbers, arrays.energies - slope * energies)
    return matched


def fit_intercepts(
    arrays: ImageArrays, numbers: Sequence[int], energies: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Energy of every element, eV, by least squares on ``energies = sum_e n_e intercept_e``.

    The mean energy per atom is taken out first and the solution of least norm is used for the rest, so that images of one
    composition give every element that mean instead of arbitrary large numbers of opposite sign.
    """
    counts = composition(arrays, numbers)
    n_atoms = counts.sum(axis=1)
    mean = float(np.sum(energies) / np.sum(n_atoms))
    rest = energies - mean * n_atoms
    solution, *_ = np.linalg.lstsq(
        counts / n_atoms[:, None], rest / n_atoms, rcond=COMPOSITION_TOLERANCE
    )
    return np.asarray(mean + solution)


COMPOSITION_TOLERANCE: Final = 1e-6
"""Relative size of composition differences below which they count as none."""


def composition(arrays: ImageArrays, numbers: Sequence[int]) -> NDArray[np.float64]:
    """Number of atoms of every element in every image, (n_images, n_elements)."""
    starts = arrays.offsets[:-1]
    return np.stack(
        [np.add.reduceat(arrays.numbers == z, starts, dtype=np.float64) for z in numbers], axis=1
    )


def _slope(
    energies: NDArray[np.float64], forces: NDArray[np.float64] | None, arrays: ImageArrays
) -> float:
    if forces is not None and arrays.forces is not None:
        wanted, got = _rms(arrays.forces), _rms(forces)
    else:
        per_atom = arrays.energies / arrays.n_atoms
        wanted, got = float(np.std(per_atom)), float(np.std(energies / arrays.n_atoms))
    if wanted < SMALLEST_SCALE or got < SMALLEST_SCALE:
        return 1.0
    return FORCE_SHARE * wanted / got


def _rms(values: NDArray[np.float64]) -> float:
    return float(np.sqrt(np.mean(values**2)))


def _atomic_number(symbol: str) -> int:
    from ase.data import atomic_numbers

    return int(atomic_numbers[symbol])
