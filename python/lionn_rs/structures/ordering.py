"""From fractional occupancies to an ordered cell of low electrostatic energy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from lionn_rs.errors import DataError
from lionn_rs.structures.charges import VACANCY, charges_of
from lionn_rs.structures.electrostatics import interaction_matrix
from lionn_rs.structures.prototypes import Prototype, site_positions

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["anneal", "closest_pair", "ordered"]

N_STARTS: Final = 8
"""Independent anneals; the lowest energy of them is taken."""
N_STEPS: Final = 4000
"""Trial exchanges of one anneal."""
HOT_EV: Final = 5.0
COLD_EV: Final = 0.05
"""k_B T at the first and the last trial; unscreened formal charges differ by eV per exchange."""
TIE_EV: Final = 1e-6
"""Energies that differ by less are the same, as those of symmetric arrangements are."""
CLOSEST_A: Final = 1.5
"""Atoms nearer than this mean that two positions of a split site are both occupied."""


def ordered(crystal: Prototype, *, seed: int = 1) -> Atoms:
    """Ordered cell of a prototype.

    Every site keeps the number of atoms that its occupancy rounds to; which of its positions they
    take follows from the electrostatic energy of formal charges, lowered by seeded simulated
    annealing and exchanges of pairs until none lowers it further. Atoms stay on the positions of
    the average structure: relax the cell before drawing conclusions from it.

    Parameters
    ----------
    crystal : Prototype
        One of :data:`lionn_rs.structures.PROTOTYPES`.
    seed : int
        Seed of the annealing. Other seeds may give other orderings of nearly the same energy.

    Returns
    -------
    ase.Atoms
        Positions and cell in Å, periodic; ``arrays["site"]`` holds the site labels,
        ``info`` the name, the sources, the seed and ``ewald_energy_eV``.

    Raises
    ------
    DataError
        Two atoms of the best ordering are closer than 1.5 Å.

    Examples
    --------
    >>> from lionn_rs.structures import prototype
    >>> ordered(prototype("li20si3p3s23cl")).get_chemical_formula()
    'ClLi20P3S23Si3'
    """
    from ase import Atoms

    positions, labels, groups, species = _start(crystal)
    charge = charges_of(set(species))
    matrix = interaction_matrix(crystal.cell, positions @ crystal.cell)
    best, energy = anneal(matrix, [charge[name] for name in species], groups, seed=seed)
    arranged = [species[k] for k in best]
    keep = [k for k, name in enumerate(arranged) if name != VACANCY]
    keep.sort(key=lambda k: list(crystal.composition()).index(arranged[k]))
    atoms = Atoms(
        [arranged[k] for k in keep],
        scaled_positions=positions[keep],
        cell=crystal.cell,
        pbc=True,
        info={
            "prototype": crystal.name,
            "sources": crystal.provenance(),
            "ordering_seed": seed,
            "ewald_energy_eV": energy,
        },
    )
    atoms.set_array("site", np.array([labels[k] for k in keep]))
    distance, i, j = closest_pair(atoms)
    if distance < CLOSEST_A:
        raise DataError(
            f"{crystal.name}: {atoms[i].symbol} and {atoms[j].symbol} of the ordered cell are "
            f"{distance:.2f} Å apart, expected at least {CLOSEST_A} Å (try another seed)"
        )
    return atoms


def closest_pair(atoms: Atoms) -> tuple[float, int, int]:
    """Smallest distance between two atoms (Å), and their indices.

    Examples
    --------
    >>> from ase.build import bulk
    >>> round(closest_pair(bulk("Cu", a=4.0, cubic=True))[0], 3)
    2.828
    """
    distances = atoms.get_all_distances(mic=True)
    np.fill_diagonal(distances, np.inf)
    i, j = np.unravel_index(int(np.argmin(distances)), distances.shape)
    return float(distances[i, j]), int(i), int(j)


def anneal(
    matrix: NDArray[np.float64],
    charges: Sequence[float],
    groups: Sequence[NDArray[np.int64]],
    *,
    seed: int,
    n_starts: int = N_STARTS,
    n_steps: int = N_STEPS,
) -> tuple[NDArray[np.int64], float]:
    """Arrangement of ions with a low electrostatic energy.

    Parameters
    ----------
    matrix : (n, n) float64, eV/e²
        From :func:`lionn_rs.structures.electrostatics.interaction_matrix`.
    charges : (n,) float
        Charge of the ion that starts on each position, e.
    groups : sequence of (m,) int arrays
        Positions whose ions may change places.
    seed : int
        Seed of the random numbers.
    n_starts, n_steps : int
        Independent anneals, trial exchanges of each.

    Returns
    -------
    permutation : (n,) int64
        ``permutation[k]`` is the start position of the ion that ends on position k.
    energy : float
        eV.
    """
    rng = np.random.default_rng(seed)
    start = np.asarray(charges, dtype=np.float64)
    mixed = [group for group in groups if len(set(start[group])) > 1]
    best, lowest = np.arange(len(start)), np.inf
    if not mixed:
        return best, float(start @ matrix @ start)
    # Trial exchanges: any ion with any other one of its site.
    pool = np.concatenate(mixed)
    owner = np.repeat(np.arange(len(mixed)), [len(group) for group in mixed])
    widths = np.geomspace(HOT_EV, COLD_EV, n_steps)
    for _ in range(n_starts):
        order = np.arange(len(start))
        for group in mixed:
            order[group] = rng.permutation(group)
        state = _State(matrix, start, order)
        picks = rng.integers(len(pool), size=n_steps)
        partners, chances = rng.random((2, n_steps))
        for width, pick, partner, chance in zip(widths, picks, partners, chances, strict=True):
            group = mixed[owner[pick]]
            a, b = int(pool[pick]), int(group[int(partner * len(group))])
            change = state.change(a, b)
            if change <= 0.0 or chance < np.exp(-change / width):
                state.exchange(a, b)
        _quench(state, mixed)
        if state.energy() < lowest - TIE_EV:
            best, lowest = state.order.copy(), state.energy()
    return best, float(lowest)


class _State:
    """Charges on positions with the potential they make, updated exchange by exchange."""

    def __init__(
        self, matrix: NDArray[np.float64], start: NDArray[np.float64], order: NDArray[np.int64]
    ) -> None:
        self.matrix, self.order = matrix, order
        self.charges = start[order]
        self.potential = matrix @ self.charges

    def energy(self) -> float:
        return float(self.charges @ self.matrix @ self.charges)

    def change(self, a: int, b: int) -> float:
        """Energy change if the ions on a and b change places."""
        step = self.charges[b] - self.charges[a]
        if step == 0.0:
            return 0.0
        own = self.matrix[a, a] + self.matrix[b, b] - 2.0 * self.matrix[a, b]
        return float(2.0 * step * (self.potential[a] - self.potential[b]) + step**2 * own)

    def exchange(self, a: int, b: int) -> None:
        step = self.charges[b] - self.charges[a]
        if step == 0.0:
            return
        self.potential += step * (self.matrix[:, a] - self.matrix[:, b])
        self.charges[[a, b]] = self.charges[[b, a]]
        self.order[[a, b]] = self.order[[b, a]]


def _quench(state: _State, groups: Sequence[NDArray[np.int64]]) -> None:
    """Exchange pairs until none lowers the energy."""
    improved = True
    while improved:
        improved = False
        for group in groups:
            for n, a in enumerate(group):
                for b in group[n + 1 :]:
                    if state.change(a, b) < -TIE_EV:
                        state.exchange(a, b)
                        improved = True


def _start(
    crystal: Prototype,
) -> tuple[NDArray[np.float64], list[str], list[NDArray[np.int64]], list[str]]:
    """All positions, their labels, the positions of each site, and ions dealt out in order."""
    positions: list[NDArray[np.float64]] = []
    groups: list[NDArray[np.int64]] = []
    labels: list[str] = []
    species: list[str] = []
    for site in crystal.sites:
        found = site_positions(crystal, site)
        ions = [element for element, n in site.count.items() for _ in range(n)]
        ions += [VACANCY] * (len(found) - len(ions))
        groups.append(np.arange(len(labels), len(labels) + len(found)))
        positions.append(found)
        labels += [site.label] * len(found)
        species += ions
    return np.vstack(positions), labels, groups, species
