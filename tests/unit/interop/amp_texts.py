"""Texts of AMP calculators as AMP lays them out, for the tests."""

from __future__ import annotations

import itertools
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms

from tests.unit.interop.amp_oracle import default_weights

HEADERS = {"mode": "atom-centered", "version": "2015.12"}


def call(entries: dict[str, Any]) -> str:
    return "dict(" + ",\n     ".join(f"{k}={entries[k]!r}" for k in sorted(entries)) + ")\n"


def text(descriptor: dict[str, Any], model: dict[str, Any]) -> str:
    return call({"descriptor": call(descriptor), "model": call(model)})


def gaussian_descriptor(elements: list[str], **changes: Any) -> dict[str, Any]:
    functions = [
        {"type": "G2", "element": e, "eta": eta, "offset": offset}
        for e in elements
        for eta, offset in ((0.05, 0.0), (4.0, 1.5))
    ]
    pairs = [(a, b) for i, a in enumerate(elements) for b in elements[i:]]
    functions += [
        {"type": kind, "elements": list(pair), "eta": 0.005, "gamma": -1.0, "zeta": 2.0}
        for pair in pairs
        for kind in ("G4", "G5")
    ]
    return {
        "Gs": {e: [dict(f) for f in functions] for e in elements},
        "cutoff": {"name": "Cosine", "kwargs": {"Rc": 4.0}},
        "elements": list(elements),
        "importname": ".descriptor.gaussian.Gaussian",
        **HEADERS,
        **changes,
    }


def zernike_descriptor(elements: list[str], **changes: Any) -> dict[str, Any]:
    return {
        "Gs": default_weights(elements),
        "cutoff": {"name": "Cosine", "kwargs": {"Rc": 4.0}},
        "elements": list(elements),
        "importname": ".descriptor.zernike.Zernike",
        "nmax": 3,
        **HEADERS,
        "version": "2016.02",
        **changes,
    }


def n_features(descriptor: dict[str, Any], element: str) -> int:
    if "nmax" not in descriptor:
        return len(descriptor["Gs"][element])
    return sum(len(range(n % 2, n + 1, 2)) for n in range(descriptor["nmax"] + 1))


def model(
    descriptor: dict[str, Any],
    *,
    seed: int = 0,
    hidden: dict[str, tuple[int, ...]] | None = None,
    elements: list[str] | None = None,
    activation: str = "tanh",
    scale: float = 1.0,
) -> dict[str, Any]:
    """Random network; ``scale`` is the size of fingerprints. Every fifth feature is constant."""
    rng = np.random.default_rng(seed)
    elements = elements or list(descriptor["Gs"])
    hidden = hidden or {element: (3, 2) for element in elements}
    weights, ranges = {}, {}
    for element in elements:
        widths = [n_features(descriptor, element), *hidden[element], 1]
        weights[element] = OrderedDict(
            (layer + 1, rng.uniform(-1, 1, (n_in + 1, n_out)).tolist())
            for layer, (n_in, n_out) in enumerate(itertools.pairwise(widths))
        )
        low = scale * rng.uniform(-0.2, 0.5, widths[0])
        high = low + scale * rng.uniform(0.1, 2.0, widths[0])
        high[::5] = low[::5]
        ranges[element] = [[float(a), float(b)] for a, b in zip(low, high, strict=True)]
    return {
        "activation": activation,
        "fprange": ranges,
        "hiddenlayers": hidden,
        "importname": ".model.neuralnetwork.NeuralNetwork",
        "scalings": OrderedDict(
            (e, OrderedDict([("intercept", -1.5 + k), ("slope", 0.7)]))
            for k, e in enumerate(elements)
        ),
        "weights": OrderedDict(weights),
        **HEADERS,
    }


def example(tmp_path: Path, name: str = "model.amp", **changes: Any) -> Path:
    """File of a small calculator of gold and copper."""
    descriptor = gaussian_descriptor(["Au", "Cu"])
    path = tmp_path / name
    path.write_text(text(descriptor, model(descriptor, **changes)))
    return path


def cluster(symbols: str = "AuCu2Au", seed: int = 3) -> Atoms:
    """Four atoms within the cutoff of each other, no cell."""
    corners = np.array(
        [[0, 0, 0], [2.3, 0.1, 0.2], [0.4, 2.5, 0.1], [1.0, 1.1, 2.4], [3.2, 1.9, 1]]
    )
    atoms = Atoms(symbols)
    atoms.positions = corners[: len(atoms)]
    atoms.rattle(0.15, seed=seed)
    return atoms


def crystal(seed: int = 5) -> Atoms:
    """Skewed cell that is smaller than the cutoff."""
    atoms = Atoms("AuCu3", cell=[[3.7, 0.1, 0], [0.6, 3.6, 0.2], [-0.3, 0.5, 3.8]], pbc=True)
    atoms.set_scaled_positions([[0, 0, 0], [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]])
    atoms.rattle(0.1, seed=seed)
    return atoms
