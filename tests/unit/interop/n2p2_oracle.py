"""Slow evaluation of an n2p2 folder, written from the description of its files alone.

Energies only: forces are differences of them. Loops over triples, one function after the other.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers
from ase.neighborlist import neighbor_list


def poly(*coefficients: float) -> Callable[[float], float]:
    return lambda x: sum(c * x**k for k, c in enumerate(coefficients))


SHAPES: dict[int, Callable[[float], float]] = {
    0: lambda x: 1.0,
    1: lambda x: 0.5 * (1.0 + math.cos(math.pi * x)),
    4: lambda x: math.e * math.exp(1.0 / (x * x - 1.0)),
    5: poly(1, 0, -3, 2),
    6: poly(1, 0, 0, -10, 15, -6),
    7: poly(1, 0, 0, 0, -35, 84, -70, 20),
    8: poly(1, 0, 0, 0, 0, -126, 420, -540, 315, -70),
}
ACTIVATIONS: dict[str, Callable[[float], float]] = {
    "l": lambda x: x,
    "t": math.tanh,
    "s": lambda x: 1.0 / (1.0 + math.exp(-x)),
    "p": lambda x: math.log(1.0 + math.exp(x)),
    "r": lambda x: max(x, 0.0),
    "g": lambda x: math.exp(-0.5 * x * x),
    "c": math.cos,
    "S": lambda x: 1.0 - 1.0 / (1.0 + math.exp(-x)),
    "e": lambda x: math.exp(-x),
    "h": lambda x: x * x,
}


def cutoff(kind: int, alpha: float, rc: float, r: float) -> float:
    if r >= rc:
        return 0.0
    if kind in (2, 3):
        return (math.tanh(1.0 - r / rc) / (math.tanh(1.0) if kind == 3 else 1.0)) ** 3
    inner = alpha * rc
    return 1.0 if r < inner else SHAPES[kind]((r - inner) / (rc - inner))


class Oracle:
    """An n2p2 folder; ``cflength`` and ``cfenergy`` as in LAMMPS."""

    def __init__(self, folder: Path, cflength: float = 1.0, cfenergy: float = 1.0) -> None:
        self.cflength, self.cfenergy = cflength, cfenergy
        self.words: dict[str, list[list[str]]] = {}
        for line in (folder / "input.nn").read_text().splitlines():
            words = line.split("#")[0].split()
            if words:
                self.words.setdefault(words[0], []).append(words[1:])
        self.elements = sorted(self.words["elements"][0], key=atomic_numbers.get)
        self.kind = int(self.words["cutoff_type"][0][0])
        self.alpha = float((self.words["cutoff_type"][0] + ["0"])[1])
        self.functions = {e: sorted(self._functions(e), key=self._key) for e in self.elements}
        lines = (folder / "scaling.data").read_text().splitlines()
        rows = iter([float(x) for x in line.split()] for line in lines if line[:1] != "#")
        self.rows = {e: [next(rows) for _ in self.functions[e]] for e in self.elements}
        self.weights = {}
        for e in self.elements:
            lines = (folder / f"weights.{atomic_numbers[e]:03d}.data").read_text().splitlines()
            self.weights[e] = [float(line.split()[0]) for line in lines if line[:1] != "#"]

    def _functions(self, center: str) -> list[dict]:
        result = []
        for element, kind, *rest in self.words["symfunction_short"]:
            if element != center:
                continue
            n = {"2": 1, "3": 2, "9": 2}.get(kind, 0)
            f = {"kind": int(kind), "neighbors": sorted(rest[:n], key=atomic_numbers.get)}
            names = {"2": "eta rs rc", "12": "eta rs rc", "13": "eta rs lambda zeta rc"}
            numbers = [float(x) for x in rest[n:]]
            keys = names.get(kind, "eta lambda zeta rc rs").split()
            result.append(
                f | {"rs": 0.0, "zeta": 0.0, "lambda": 0.0} | dict(zip(keys, numbers, strict=False))
            )
        return result

    @staticmethod
    def _key(f: dict) -> tuple:
        numbers = [atomic_numbers[e] for e in f["neighbors"]]
        return (f["kind"], f["rc"], f["eta"], f["rs"], f["zeta"], f["lambda"], *numbers)

    def value(self, f: dict, neighbors: list[tuple[str, np.ndarray]]) -> float:
        """Symmetry function of one environment; vectors in the units of the file."""
        eta, rs, rc = f["eta"], f["rs"], f["rc"]

        def radial(r: float) -> float:
            return math.exp(-eta * (r - rs) ** 2) * cutoff(self.kind, self.alpha, rc, r)

        if f["kind"] in (2, 12):
            total = 0.0
            for element, vector in neighbors:
                if f["kind"] == 12:
                    total += atomic_numbers[element] * radial(np.linalg.norm(vector))
                elif [element] == f["neighbors"]:
                    total += radial(np.linalg.norm(vector))
            return total
        total = 0.0
        for (a, rij), (b, rik) in itertools.combinations(neighbors, 2):
            pair = sorted([a, b], key=atomic_numbers.get)
            if f["kind"] != 13 and pair != f["neighbors"]:
                continue
            j, k, jk = (np.linalg.norm(v) for v in (rij, rik, rij - rik))
            weight = atomic_numbers[a] * atomic_numbers[b] if f["kind"] == 13 else 1.0
            base = max(1.0 + f["lambda"] * float(rij @ rik) / (j * k), 0.0)
            term = weight * 2.0 ** (1.0 - f["zeta"]) * base ** f["zeta"] * radial(j) * radial(k)
            total += term * (1.0 if f["kind"] == 9 else radial(jk))
        return total

    def scaled(self, values: list[float], rows: list[list[float]]) -> list[float]:
        scale, center, sigma = (
            f"{key}" in self.words
            for key in (
                "scale_symmetry_functions",
                "center_symmetry_functions",
                "scale_symmetry_functions_sigma",
            )
        )
        low = float(self.words.get("scale_min_short", [["0"]])[0][0])
        high = float(self.words.get("scale_max_short", [["1"]])[0][0])
        result = []
        for g, (_, _, least, largest, mean, deviation) in zip(values, rows, strict=True):
            if scale:
                start = mean if center else least
                result.append(low + (high - low) * (g - start) / (largest - least))
            elif center:
                result.append(g - mean)
            else:
                result.append(low + (high - low) * (g - mean) / deviation if sigma else g)
        return result

    def layout(self, element: str) -> tuple[list[int], list[str]]:
        nodes = [int(x) for x in self.words["global_nodes_short"][0]]
        letters = self.words["global_activation_short"][0]
        for name, *own in self.words.get("element_nodes_short", []):
            if name == element:
                nodes = [int(x) for x in own[:-1]] + nodes[-1:]
        for name, *own in self.words.get("element_activation_short", []):
            if name == element:
                letters = own[:-1] + letters[-1:]
        return nodes, letters

    def network(self, element: str, inputs: list[float]) -> float:
        weights = iter(self.weights[element])
        nodes, letters = self.layout(element)
        values = inputs
        for width, letter in zip([*nodes, 1], letters, strict=True):
            sums = [0.0] * width
            for value in values:
                for k in range(width):
                    sums[k] += value * next(weights)
            sums = [total + next(weights) for total in sums]
            if "normalize_nodes" in self.words:
                sums = [total / len(values) for total in sums]
            values = [ACTIVATIONS[letter](x) for x in sums]
        assert next(weights, None) is None
        return values[0]

    def energy(self, atoms: Atoms) -> float:
        """Energy, eV."""
        radius = max(f["rc"] for fs in self.functions.values() for f in fs)
        i, j, vectors = neighbor_list("ijD", atoms, radius / self.cflength)
        normalization = [
            float(self.words[key][0][0]) if key in self.words else default
            for key, default in (("mean_energy", 0.0), ("conv_energy", 1.0))
        ]
        offsets = {e: float(x) for e, x in self.words.get("atom_energy", [])}
        total = 0.0
        for atom, element in enumerate(atoms.get_chemical_symbols()):
            neighbors = [
                (atoms.symbols[m], vector * self.cflength)
                for m, vector in zip(j[i == atom], vectors[i == atom], strict=True)
            ]
            values = [self.value(f, neighbors) for f in self.functions[element]]
            output = self.network(element, self.scaled(values, self.rows[element]))
            total += output / normalization[1] + normalization[0] + offsets.get(element, 0.0)
        return total / self.cfenergy
