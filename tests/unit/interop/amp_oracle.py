"""AMP's energy from the formulas, term by term: slow, and shares nothing with lionn_rs.

Khorshidi and Peterson, Comput. Phys. Commun. 207, 310 (2016), doi 10.1016/j.cpc.2016.05.010.
"""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers
from scipy.special import eval_legendre, expit, gamma


def neighbors(atoms: Atoms, i: int, radius: float) -> list[tuple[str, np.ndarray]]:
    """Symbols and vectors from atom ``i`` to all atoms closer than the radius, images too."""
    reach = [0, 0, 0]
    if any(atoms.pbc):
        heights = 1.0 / np.linalg.norm(np.linalg.inv(atoms.cell.complete()), axis=0)
        # Positions may lie outside the cell by a bit more than one edge.
        reach = [
            math.ceil(radius / h) + 2 if p else 0 for h, p in zip(heights, atoms.pbc, strict=True)
        ]
    found = []
    for shift in itertools.product(*(range(-r, r + 1) for r in reach)):
        for j, symbol in enumerate(atoms.symbols):
            vector = atoms.positions[j] + np.array(shift) @ atoms.cell.array - atoms.positions[i]
            if 1e-9 < np.linalg.norm(vector) < radius:
                found.append((symbol, vector))
    return found


def cutoff(descriptor: dict[str, Any], r: float) -> float:
    kwargs = descriptor["cutoff"]["kwargs"]
    x = r / kwargs["Rc"]
    if x >= 1.0:
        return 0.0
    if descriptor["cutoff"]["name"] == "Cosine":
        return 0.5 * (1.0 + math.cos(math.pi * x))
    g = kwargs["gamma"]
    return 1.0 + g * x ** (g + 1) - (g + 1) * x**g


def gaussian(descriptor: dict[str, Any], symbol: str, around: list[Any]) -> list[float]:
    rc = descriptor["cutoff"]["kwargs"]["Rc"]
    fc = lambda r: cutoff(descriptor, r)  # noqa: E731
    values = []
    for g in descriptor["Gs"][symbol]:
        total = 0.0
        if g["type"] == "G2":
            for neighbor, vector in around:
                r = np.linalg.norm(vector)
                if neighbor == g["element"]:
                    total += math.exp(-g["eta"] * (r - g["offset"]) ** 2 / rc**2) * fc(r)
            values.append(total)
            continue
        for (a, u), (b, v) in itertools.combinations(around, 2):
            if sorted([a, b]) != sorted(g["elements"]):
                continue
            ru, rv, ruv = np.linalg.norm(u), np.linalg.norm(v), np.linalg.norm(u - v)
            angular = (1.0 + g["gamma"] * max(u @ v / ru / rv, -1.0)) ** g["zeta"]
            squares, cut = ru**2 + rv**2, fc(ru) * fc(rv)
            if g["type"] == "G4":
                squares, cut = squares + ruv**2, cut * fc(ruv)
            total += angular * math.exp(-g["eta"] * squares / rc**2) * cut
        values.append(2.0 ** (1.0 - g["zeta"]) * total)
    return values


def _radial(n: int, l: int, rho: float) -> float:  # noqa: E741
    k = (n - l) // 2

    def binomial(a: float, b: int) -> float:
        return gamma(a + 1.0) / gamma(b + 1.0) / gamma(a - b + 1.0)

    terms = (
        (-1) ** s * math.comb(k, s) * binomial(n - s + 0.5, k) * rho ** (n - 2 * s)
        for s in range(k + 1)
    )
    return math.sqrt(2 * n + 3) * sum(terms)


def zernike(descriptor: dict[str, Any], symbol: str, around: list[Any]) -> list[float]:
    rc = descriptor["cutoff"]["kwargs"]["Rc"]
    weights = descriptor["Gs"][symbol]
    values = []
    for n in range(descriptor["nmax"] + 1):
        for l in range(n % 2, n + 1, 2):  # noqa: E741
            radial = []
            for neighbor, vector in around:
                r = float(np.linalg.norm(vector))
                weight = weights[neighbor] * cutoff(descriptor, r)
                radial.append((weight * _radial(n, l, r / rc), vector / r))
            pairs = itertools.product(radial, radial)
            total = sum(f * h * eval_legendre(l, np.clip(u @ v, -1, 1)) for (f, u), (h, v) in pairs)
            values.append((2 * l + 1) / (4.0 * math.pi) * total)
    return values


ACTIVATION = {
    "tanh": np.tanh,
    "sigmoid": expit,
    "linear": lambda x: x,
}


def energy(descriptor: dict[str, Any], model: dict[str, Any], atoms: Atoms) -> float:
    """Energy of a structure, eV; the two dictionaries are those of a ``.amp`` file."""
    function = zernike if "nmax" in descriptor else gaussian
    total = 0.0
    for i, symbol in enumerate(atoms.symbols):
        around = neighbors(atoms, i, descriptor["cutoff"]["kwargs"]["Rc"])
        values = function(descriptor, symbol, around)
        scaled = [
            2.0 * (value - low) / (high - low) - 1.0 if high - low > 1e-8 else value
            for value, (low, high) in zip(values, model["fprange"][symbol], strict=True)
        ]
        nodes = np.array(scaled)
        layers = model["weights"][symbol]
        for layer in sorted(layers):
            nodes = ACTIVATION[model["activation"]](np.append(nodes, 1.0) @ np.array(layers[layer]))
        scaling = model["scalings"][symbol]
        total += scaling["slope"] * float(nodes[0]) + scaling["intercept"]
    return total


def forces(descriptor: dict[str, Any], model: dict[str, Any], atoms: Atoms) -> np.ndarray:
    """Central differences of the energy, eV/Å; error about 1e-8 for curvatures of order one."""
    h, result = 1e-4, np.zeros((len(atoms), 3))
    for i, axis in itertools.product(range(len(atoms)), range(3)):
        sides = []
        for step in (h, -h):
            moved = atoms.copy()
            moved.positions[i, axis] += step
            sides.append(energy(descriptor, model, moved))
        result[i, axis] = (sides[1] - sides[0]) / (2.0 * h)
    return result


def default_weights(elements: list[str]) -> dict[str, dict[str, int]]:
    return {center: {e: atomic_numbers[e] for e in elements} for center in elements}
