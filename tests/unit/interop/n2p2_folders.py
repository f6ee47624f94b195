"""Random n2p2 folders for tests."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers

from tests.unit.interop.n2p2_oracle import Oracle

FUNCTIONS = (
    "{c} 2 {a} {x} 0.0 {rc}",
    "{c} 2 {b} {y} 2.1 {rc}",
    "{c} 3 {a} {b} {x} -1 1.0 {rc}",
    "{c} 3 {b} {a} {x} 1 4.0 {rc} 0.0",
    "{c} 3 {b} {b} {y} 1 2.0 {rc} 0.7",
    "{c} 3 {a} {a} {x} -1 2.5 {rc}",
    "{c} 9 {a} {b} {x} 1 3.0 {rc} 0.4",
    "{c} 9 {a} {a} {y} -1 1.0 {rc}",
    "{c} 12 {x} 1.3 {rc}",
    "{c} 12 {y} 0.0 {rc}",
    "{c} 13 {x} 0.0 1 2.0 {rc}",
    "{c} 13 {y} 0.5 -1 1.0 {rc}",
    "{c} 13 {x} 0.0 -0.5 1.5 {rc}",
)
"""One of every type, with and without shift, integer and other powers."""


def crystal(seed: int = 0, elements: tuple[str, ...] = ("S", "Li")) -> Atoms:
    """Ten atoms in a skewed cell, no two closer than 1.5 Å."""
    rng = np.random.default_rng(seed)
    cell = np.diag([5.6, 6.0, 6.3]) + rng.uniform(-0.5, 0.5, (3, 3))
    grid = np.array([[x, y, z] for x in (0.1, 0.6) for y in (0.1, 0.6) for z in (0.1, 0.6)])
    scaled = grid[:7] + rng.uniform(-0.06, 0.06, (7, 3))
    symbols = [elements[k % len(elements)] for k in range(7)]
    return Atoms(symbols, scaled_positions=scaled, cell=cell, pbc=True)


def write_example(
    folder: Path,
    *,
    seed: int = 0,
    elements: tuple[str, ...] = ("S", "Li"),
    functions: tuple[str, ...] = FUNCTIONS,
    cutoff: str = "1",
    scaling: tuple[str, ...] = ("scale_symmetry_functions",),
    nodes: str = "4 3",
    activations: str = "t t l",
    keywords: tuple[str, ...] = (),
    cflength: float = 1.0,
    layouts: dict[str, list[int]] | None = None,
) -> Path:
    """A folder with random weights; ranges are those of two crystals."""
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    lines = [
        f"number_of_elements {len(elements)}   # a comment",
        f"elements {' '.join(elements)}",
        f"cutoff_type {cutoff}",
        *scaling,
        f"global_hidden_layers_short {len(nodes.split())}",
        f"global_nodes_short {nodes}",
        f"global_activation_short {activations}",
        *keywords,
        "epochs 10",
    ]
    text = {"x": 0.05 / cflength**2, "y": 0.8 / cflength**2, "rc": 4.4 * cflength}
    for center in elements:
        for form in functions:
            names: dict[str, Any] = {"c": center, "a": elements[0], "b": elements[-1]}
            lines.append("symfunction_short " + form.format(**names, **text))
    (folder / "input.nn").write_text("\n".join(lines) + "\n")
    by_number = sorted(elements, key=atomic_numbers.get)
    counts = dict.fromkeys(elements, len(functions))
    # The oracle gives the features whose ranges are then written.
    for e in by_number:
        (folder / f"weights.{atomic_numbers[e]:03d}.data").write_text("")
    _write_scaling(folder, by_number, {e: [[0.0, 1.0, 0.5, 1.0]] * counts[e] for e in by_number})
    oracle = Oracle(folder, cflength)
    values = features(oracle, [crystal(seed, elements), crystal(seed + 1, elements)])
    rows = {}
    for e in by_number:
        columns = values[e]
        spread = 0.05 + 0.2 * np.abs(columns).max(axis=0)
        low, high = columns.min(axis=0) - spread, columns.max(axis=0) + spread
        rows[e] = np.column_stack([low, high, columns.mean(axis=0), 0.3 * (high - low)])
    _write_scaling(folder, by_number, rows)
    for e in by_number:
        hidden = (layouts or {}).get(e) or [int(n) for n in nodes.split()]
        widths = [counts[e], *hidden, 1]
        size = sum((a + 1) * b for a, b in pairwise(widths))
        numbers = "\n".join(f"{x!r} a 1 1 1 1 1" for x in rng.normal(0.0, 0.5, size).tolist())
        (folder / f"weights.{atomic_numbers[e]:03d}.data").write_text(
            "# weights\n" + numbers + "\n"
        )
    return folder


def features(oracle: Oracle, structures: list[Atoms]) -> dict[str, np.ndarray]:
    """Features of all atoms by element."""
    from ase.neighborlist import neighbor_list

    radius = max(f["rc"] for fs in oracle.functions.values() for f in fs) / oracle.cflength
    result: dict[str, list[list[float]]] = {e: [] for e in oracle.elements}
    for atoms in structures:
        i, j, vectors = neighbor_list("ijD", atoms, radius)
        for atom, element in enumerate(atoms.get_chemical_symbols()):
            own = i == atom
            neighbors = [
                (atoms.symbols[m], v * oracle.cflength)
                for m, v in zip(j[own], vectors[own], strict=True)
            ]
            result[element].append([oracle.value(f, neighbors) for f in oracle.functions[element]])
    return {element: np.array(values) for element, values in result.items()}


def _write_scaling(folder: Path, elements: list[str], rows: dict[str, Any]) -> None:
    lines = ["# comment"]
    for e, element in enumerate(elements, start=1):
        for k, row in enumerate(rows[element], start=1):
            lines.append(f"{e} {k} " + " ".join(repr(float(x)) for x in row))
    (folder / "scaling.data").write_text("\n".join(lines) + "\n")
