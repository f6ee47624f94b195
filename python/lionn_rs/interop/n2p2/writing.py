"""From the document of a potential to the files of n2p2.

Lengths are written in Å, energies in eV, features scaled to -1 ... 1 as in lionn_rs. All elements
share one topology in n2p2: narrower networks get nodes without influence. An activated output
becomes one more hidden layer of one node; slope and intercept go into the output.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from ase.data import atomic_numbers
from numpy.typing import NDArray

from lionn_rs.errors import ModelFileError
from lionn_rs.interop.n2p2.cutoffs import cutoff_type
from lionn_rs.interop.n2p2.functions import ANGULAR, KINDS, SymFunction
from lionn_rs.interop.n2p2.settings import ACTIVATIONS, UNITS_MARK
from lionn_rs.scaling import CONSTANT_RANGE

__all__ = ["potential_files"]

_ALPHA_TOLERANCE: Final = 1e-12
"""Rounding of an inner radius divided by its cutoff radius."""


def potential_files(document: Mapping[str, Any]) -> tuple[dict[str, str], list[str]]:
    """Contents of the files of a potential by name, and what the user should know.

    Raises
    ------
    ModelFileError
        If n2p2 cannot express the potential, with the reason.
    """
    spec = document["descriptor"]
    if spec["type"] != "gaussian":
        raise ModelFileError(
            f"n2p2 has no descriptor '{spec['type']}', only Gaussian symmetry functions"
        )
    if document.get("repulsion"):
        raise ModelFileError(
            "n2p2 knows no short-range repulsion; --drop-repulsion (drop_repulsion=True) leaves it "
            "out: closer than in training, atoms then feel only the networks"
        )
    elements = sorted(document["elements"], key=atomic_numbers.__getitem__)
    numbers = {element: atomic_numbers[element] for element in elements}
    kind, alpha = _cutoff(spec)
    functions, orders = {}, {}
    for element in elements:
        own = [
            _function(element, function, spec, numbers) for function in spec["functions"][element]
        ]
        keys = [function.sort_key(numbers) for function in own]
        order = sorted(range(len(own)), key=keys.__getitem__)
        functions[element], orders[element] = [own[k] for k in order], np.array(order)
    entries = document["networks"]
    ranges, shifts = {}, {}
    for element in elements:
        ranges[element], shifts[element] = _ranges(entries[element], orders[element])
    layers = {
        element: _layers(entries[element], orders[element], shifts[element]) for element in elements
    }
    layers, activations = _common_topology(layers, entries)
    files = {
        "input.nn": _input_nn(functions, numbers, kind, alpha, layers, activations),
        "scaling.data": _scaling_data(ranges),
    }
    files |= {f"weights.{numbers[e]:03d}.data": _weights_data(layers[e]) for e in elements}
    radius = max(f.rc for own in functions.values() for f in own)
    notes = [
        f"Å and eV: in LAMMPS 'pair_style hdnnp {radius:g} dir FOLDER cflength 1 cfenergy 1'",
        "mean and sigma in scaling.data are not known; this scaling does not use them",
    ]
    if document.get("training_range"):
        notes.append("n2p2 has no grades of extrapolation; ranges of single features remain")
    return files, notes


def _cutoff(spec: Mapping[str, Any]) -> tuple[int, float]:
    """Type and alpha that all functions share."""
    found: list[tuple[int, float]] = []
    for functions in spec["functions"].values():
        for function in functions:
            kind, alpha, _ = cutoff_type(function.get("cutoff") or spec["cutoff"])
            found.append((kind, alpha))
    kind, alpha = found[0]
    for other, other_alpha in found:
        if other != kind or abs(other_alpha - alpha) > _ALPHA_TOLERANCE:
            raise ModelFileError(
                "n2p2 has one kind of cutoff function for all symmetry functions, this potential "
                f"has types {kind} and {other} (alpha {alpha:g} and {other_alpha:g})"
            )
    return kind, alpha


def _function(
    center: str, function: Mapping[str, Any], spec: Mapping[str, Any], numbers: Mapping[str, int]
) -> SymFunction:
    _, _, radius = cutoff_type(function.get("cutoff") or spec["cutoff"])
    absolute = spec["eta_unit"] == "1/A^2"
    kind = next(kind for kind, name in KINDS.items() if name == function["type"])
    neighbors = function.get("neighbors") or [function[k] for k in ("neighbor",) if k in function]
    return SymFunction(
        center=center,
        kind=kind,
        neighbors=tuple(sorted(neighbors, key=numbers.__getitem__)),
        eta=function["eta"] if absolute else function["eta"] / radius**2,
        rs=function.get("rs", 0.0),
        rc=radius,
        zeta=function["zeta"] if kind in ANGULAR else 0.0,
        gamma=function["gamma"] if kind in ANGULAR else 0.0,
    )


def _ranges(
    entry: Mapping[str, Any], order: NDArray[np.int_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Rows of smallest and largest value, and what n2p2's inputs lack to those of lionn_rs.

    Constant features are not scaled in lionn_rs, and n2p2 would divide by zero. A range of ±1
    around the constant keeps the factor 1 and shifts the input by the constant.
    """
    low, high = np.array(entry["min"])[order], np.array(entry["max"])[order]
    constant = high - low <= CONSTANT_RANGE
    middle = 0.5 * (low + high)
    rows = np.column_stack(
        [np.where(constant, middle - 1.0, low), np.where(constant, middle + 1.0, high)]
    )
    # (high + low)/2 of the row that n2p2 reads, not of the original range.
    return rows, np.where(constant, 0.5 * (rows[:, 0] + rows[:, 1]), 0.0)


def _layers(
    entry: Mapping[str, Any], order: NDArray[np.int_], shift: NDArray[np.float64]
) -> list[NDArray[np.float64]]:
    """Weights for n2p2's inputs, with a linear output that includes slope and intercept."""
    layers = [np.array(layer) for layer in entry["weights"]]
    inputs = layers[0][:-1][order]
    layers[0] = np.vstack([inputs, layers[0][-1] + shift @ inputs])
    slope, intercept = entry["slope"], entry["intercept"]
    if entry["activations"][-1] == "linear" and len(layers) > 1:
        layers[-1] = slope * layers[-1]
        layers[-1][-1] += intercept
    else:
        layers.append(np.array([[slope], [intercept]]))
    return layers


def _common_topology(
    layers: Mapping[str, list[NDArray[np.float64]]], entries: Mapping[str, Mapping[str, Any]]
) -> tuple[dict[str, list[NDArray[np.float64]]], list[str]]:
    """Layers of equal shape apart from the inputs, and the activation functions they share."""
    first = next(iter(layers))
    activations: list[str] = []
    for element, own in layers.items():
        hidden = [*entries[element]["activations"], "linear"][: len(own) - 1]
        names = [*hidden, "linear"]
        activations = activations or names
        if names != activations:
            raise ModelFileError(
                "n2p2 has one number of layers and one activation function per layer for all "
                f"elements, but {first} has {', '.join(activations)} and {element} "
                f"{', '.join(names)}"
            )
    widths = [max(own[k].shape[1] for own in layers.values()) for k in range(len(activations))]
    padded = {}
    for element, own in layers.items():
        padded[element] = [
            _padded(layer, (widths[k - 1] if k else len(layer) - 1), widths[k])
            for k, layer in enumerate(own)
        ]
    return padded, activations


def _padded(layer: NDArray[np.float64], n_in: int, n_out: int) -> NDArray[np.float64]:
    """Layer with more nodes; nothing goes from the new ones into the old."""
    result = np.zeros((n_in + 1, n_out))
    rows, columns = len(layer) - 1, layer.shape[1]
    result[:rows, :columns] = layer[:-1]
    result[-1, :columns] = layer[-1]
    return result


def _input_nn(
    functions: Mapping[str, list[SymFunction]],
    numbers: Mapping[str, int],
    kind: int,
    alpha: float,
    layers: Mapping[str, list[NDArray[np.float64]]],
    activations: list[str],
) -> str:
    letters = {name: letter for letter, name in ACTIVATIONS.items()}
    hidden = [str(layer.shape[1]) for layer in next(iter(layers.values()))[:-1]]
    lines = [
        "# Potential of lionn_rs for n2p2.",
        UNITS_MARK,
        f"number_of_elements {len(numbers)}",
        f"elements {' '.join(numbers)}",
        f"cutoff_type {kind} {alpha!r}",
        "scale_symmetry_functions",
        "scale_min_short -1.0",
        "scale_max_short 1.0",
        f"global_hidden_layers_short {len(hidden)}",
        f"global_nodes_short {' '.join(hidden)}",
        f"global_activation_short {' '.join(letters[name] for name in activations)}",
    ]
    lines += [_function_line(function) for own in functions.values() for function in own]
    return "\n".join(lines) + "\n"


def _function_line(function: SymFunction) -> str:
    words: list[object] = ["symfunction_short", function.center, function.kind, *function.neighbors]
    if function.kind in (2, 12):
        words += [function.eta, function.rs, function.rc]
    elif function.kind == 13:
        words += [function.eta, function.rs, function.gamma, function.zeta, function.rc]
    else:
        words += [function.eta, function.gamma, function.zeta, function.rc, function.rs]
    return " ".join(str(word) for word in words)


def _scaling_data(ranges: Mapping[str, NDArray[np.float64]]) -> str:
    lines = [
        "# Element, function, smallest and largest value, mean, sigma. The last two are not known:",
        "# the middle of the range and a quarter of its width stand there.",
    ]
    for e, rows in enumerate(ranges.values(), start=1):
        for index, (low, high) in enumerate(rows, start=1):
            numbers = (low, high, 0.5 * (low + high), 0.25 * (high - low))
            lines.append(f"{e:10d} {index:10d} " + " ".join(f"{x:24.16E}" for x in numbers))
    return "\n".join(lines) + "\n"


def _weights_data(layers: list[NDArray[np.float64]]) -> str:
    """One connection per line: value, kind (a weight, b bias), running number, from, to."""
    lines = ["# Weights (a) and biases (b): value, kind, number, layer and node of start and end."]
    number = 0
    for end, layer in enumerate(layers, start=1):
        for j, row in enumerate(layer, start=1):
            for k, value in enumerate(row, start=1):
                number += 1
                bias = j == len(layer)
                place = f"{end:6d} {k:6d}" if bias else f"{end - 1:6d} {j:6d} {end:6d} {k:6d}"
                lines.append(f"{value:24.16E} {'b' if bias else 'a'} {number:9d} {place}")
    return "\n".join(lines) + "\n"
