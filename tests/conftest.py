"""Structures and potentials shared by the tests; everything is seeded."""

from __future__ import annotations

import signal

import numpy as np
import pytest
from ase import Atoms

import lionn_rs as lionn
from lionn_rs import _core

ELEMENTS = ["Ge", "Li", "P", "S"]


def pytest_configure() -> None:
    """Hear Ctrl-C even where the shell that started the tests in the background ignores it.

    The programs that the tests start and interrupt would inherit that.
    """
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def random_crystal(seed: int, n_atoms: int, symbols: list[str] | None = None) -> Atoms:
    """Triclinic crystal with the density of LGPS (0.05 atoms/Å³), atoms at least 1.6 Å apart."""
    rng = np.random.default_rng(seed)
    edge = (n_atoms / 0.05) ** (1 / 3)
    cell = edge * (np.eye(3) + rng.uniform(-0.08, 0.08, (3, 3)))
    names = symbols or ELEMENTS
    atoms = Atoms(cell=cell, pbc=True)
    while len(atoms) < n_atoms:
        trial = atoms + Atoms(
            names[len(atoms) % len(names)],
            positions=[rng.uniform(-0.2, 1.2, 3) @ cell],
            cell=cell,
            pbc=True,
        )
        distances = trial.get_all_distances(mic=True)[-1, :-1]
        if len(atoms) == 0 or distances.min() > 1.6:
            atoms = trial
    return atoms


def random_potential(
    seed: int = 0,
    *,
    elements: list[str] | None = None,
    cutoff: float = 6.5,
    output_activation: str = "linear",
) -> lionn.Potential:
    """Gaussian-56-like potential with hidden layers (5, 5) and random weights."""
    descriptor = lionn.Gaussian.amp_default(elements or ELEMENTS, cutoff=lionn.Cosine(cutoff))
    rng = np.random.default_rng(seed)
    minima = [[0.0] * n for n in descriptor.n_features.values()]
    maxima = [[2.0] * n for n in descriptor.n_features.values()]
    n_weights = sum((n + 1) * 5 + 6 * 5 + 6 for n in descriptor.n_features.values())
    scalings = [-4.0, 1.5] * len(descriptor.elements)
    parameters = np.concatenate([rng.uniform(-0.5, 0.5, n_weights), scalings])
    core = _core.NeuralPotential.assemble(
        descriptor.core,
        minima,
        maxima,
        [5, 5],
        ["tanh", "tanh", output_activation],
        list(parameters),
    )
    return lionn.Potential(core, {"note": "random weights"})


@pytest.fixture
def crystal() -> Atoms:
    return random_crystal(1, 20)


@pytest.fixture
def potential() -> lionn.Potential:
    return random_potential()
