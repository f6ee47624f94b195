"""Networks rewritten so that all their layers have one activation, the output too, as AMP wants.

The rewriting is exact apart from rounding:

* a linear hidden layer is multiplied into the next one;
* ``1/(1 + exp(-z)) = 1/2 + tanh(z/2)/2``;
* a linear output ``z`` is ``tanh(ε z)/ε`` with ``ε = 2^-40``: the relative difference is
  ``ε² z²/3 < 1e-24 z²``, and products with a power of two have no rounding error.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Network", "has_small_output", "uniform", "with_linear_output"]

SMALL: Final = 2.0**-40
"""Factor ε of a linear output that is written as tanh."""
LINEAR_BELOW: Final = 2.0**-30
"""For smaller arguments tanh is the identity: ``z²/3`` is below double precision."""


@dataclass(frozen=True)
class Network:
    """Network of one element.

    Attributes
    ----------
    weights : list of (n_in + 1, n_out) float64
        One matrix per layer, bias row last.
    activations : list of str
        Activation of every layer, output last.
    intercept, slope : float
        ``E = slope o + intercept``, eV.
    """

    weights: list[NDArray[np.float64]]
    activations: list[str]
    intercept: float
    slope: float

    @classmethod
    def of(cls, entry: dict[str, Any]) -> Network:
        """Network as it stands in a potential file."""
        weights = [np.array(layer, dtype=np.float64) for layer in entry["weights"]]
        return cls(weights, list(entry["activations"]), entry["intercept"], entry["slope"])


def uniform(networks: dict[str, Network]) -> tuple[str, dict[str, Network]]:
    """Find one activation for all layers of all elements, and networks that have it.

    Networks that have one already, and a hidden layer each, are returned as they are; others get
    tanh everywhere and at least one hidden layer.
    """
    kinds = {kind for network in networks.values() for kind in network.activations}
    if len(kinds) == 1 and all(len(network.weights) > 1 for network in networks.values()):
        return kinds.pop(), networks
    return "tanh", {element: _all_tanh(network) for element, network in networks.items()}


def _all_tanh(network: Network) -> Network:
    layers = _without_linear_layers(network)
    intercept, slope = network.intercept, network.slope
    if len(layers) == 1 and layers[0][1] == "linear":
        weights, _ = layers[0]
        identity = np.array([[1.0], [0.0]])
        return Network([SMALL * weights, identity], ["tanh"] * 2, intercept, slope / SMALL)
    if len(layers) == 1:
        layers.append((np.array([[1.0], [0.0]]), "linear"))
    for number in range(len(layers) - 1):
        weights, kind = layers[number]
        if kind == "sigmoid":
            after, kind_after = layers[number + 1]
            halved = 0.5 * after
            halved[-1] = after[-1] + halved[:-1].sum(axis=0)
            layers[number] = (0.5 * weights, "tanh")
            layers[number + 1] = (halved, kind_after)
    weights, kind = layers[-1]
    if kind == "sigmoid":
        weights, intercept, slope = 0.5 * weights, intercept + 0.5 * slope, 0.5 * slope
    elif kind == "linear":
        weights, slope = SMALL * weights, slope / SMALL
    matrices = [matrix for matrix, _ in layers[:-1]] + [weights]
    return Network(matrices, ["tanh"] * len(matrices), intercept, slope)


def _without_linear_layers(network: Network) -> list[tuple[NDArray[np.float64], str]]:
    """Layers, the linear hidden ones multiplied into the next."""
    layers: list[tuple[NDArray[np.float64], str]] = []
    pending: NDArray[np.float64] | None = None
    last = len(network.weights) - 1
    pairs = zip(network.weights, network.activations, strict=True)
    for number, (weights, kind) in enumerate(pairs):
        if pending is not None:
            product = pending @ weights[:-1]
            product[-1] += weights[-1]
            weights, pending = product, None
        if kind == "linear" and number < last:
            pending = weights
        else:
            layers.append((weights, kind))
    return layers


def has_small_output(network: Network) -> bool:
    """Whether the output is tanh of arguments so small that it is linear to all digits.

    The values of hidden nodes with tanh lie between -1 and 1.
    """
    largest = np.abs(network.weights[-1]).sum()
    return set(network.activations) == {"tanh"} and 0.0 < largest < LINEAR_BELOW


def with_linear_output(network: Network) -> Network:
    """Undo what :func:`uniform` does to a linear output."""
    weights = [*network.weights[:-1], network.weights[-1] / SMALL]
    activations = [*network.activations[:-1], "linear"]
    return Network(weights, activations, network.intercept, network.slope * SMALL)
