"""Symmetry-distinct arrangements of exchanged ions on the sites of a crystal."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lionn_rs.errors import ConfigError

__all__ = ["Arrangements", "Choice", "distinct_arrangements", "energies", "lowered"]

TIE_EV = 1e-6
"""Energies that differ by less are the same."""

Sites = NDArray[np.int64]


@dataclass(frozen=True)
class Choice:
    """``count`` of the candidate sites get another ion."""

    candidates: Sites
    """(n,) sites to choose from."""
    count: int

    @property
    def n_ways(self) -> int:
        """Ways to choose, without regard to symmetry."""
        return math.comb(len(self.candidates), self.count)


@dataclass(frozen=True)
class Arrangements:
    """Arrangements that no symmetry operation of the host turns into each other."""

    sites: Sites
    """(n, n_exchanged): chosen sites, those of the first choice first, sorted in each choice."""
    degeneracy: Sites
    """(n,) arrangements of the full set that each one stands for."""
    weight: Sites
    """(n,) how often each was met: its degeneracy, or its share of the sample."""
    total: int
    """Size of the full set: the sum of the degeneracies if all were enumerated."""
    enumerated: bool
    """All of them, or a sample."""


def distinct_arrangements(
    choices: Sequence[Choice],
    permutations: Sites,
    *,
    enumerate_up_to: int,
    n_samples: int,
    seed: int,
    score: Callable[[Sites], NDArray[np.float64]] | None = None,
) -> Arrangements:
    """Arrangements up to symmetry, all of them or a seeded sample.

    Parameters
    ----------
    choices : sequence of Choice
        No site may be taken by two of them: candidates that overlap are never chosen together.
    permutations : (n_operations, n_sites) int64
        Group of the host, from :func:`lionn_rs.structures.symmetry.site_permutations`.
        Operations that do not keep the candidates of every choice are left out.
    enumerate_up_to : int
        All arrangements are made if there are at most so many (before symmetry).
    n_samples : int
        Else so many are drawn, each with the same probability.
    seed : int
        Seed of the sample.
    score : callable, optional
        ``score(sites) -> (n,)``; the member of lowest score represents its class. Needed where
        operations ignore some of the atoms, so that members differ.

    Returns
    -------
    Arrangements

    Raises
    ------
    ConfigError
        A choice takes more sites than there are.
    """
    for choice in choices:
        if choice.count > len(choice.candidates):
            raise ConfigError(
                f"cannot exchange {choice.count} ions: only {len(choice.candidates)} sites"
            )
    lengths = [choice.count for choice in choices]
    group = _stabilizer(choices, permutations)
    n_ways = math.prod(choice.n_ways for choice in choices)
    enumerated = n_ways <= enumerate_up_to
    if enumerated:
        rows = _all_rows(choices)
        total = len(rows)
    else:
        rows = _random_rows(choices, n_samples, np.random.default_rng(seed))
        total = _count(choices, n_ways)
    canonical = _canonical(rows, group, lengths)
    classes, inverse = np.unique(canonical, axis=0, return_inverse=True)
    inverse = inverse.reshape(-1)
    order = np.arange(len(rows))
    if score is not None:
        order = np.lexsort((order, np.round(score(rows), 6)))
    _, first = np.unique(inverse[order], return_index=True)
    chosen = order[first]
    weight = np.bincount(inverse, minlength=len(classes)).astype(np.int64)
    degeneracy = (
        weight
        if enumerated
        else np.array([_orbit_size(row, group, lengths) for row in classes], dtype=np.int64)
    )
    return Arrangements(rows[chosen], degeneracy, weight, total, enumerated)


def lowered(
    found: Arrangements,
    choices: Sequence[Choice],
    permutations: Sites,
    score: Callable[[Sites], NDArray[np.float64]],
    *,
    n_starts: int,
) -> Arrangements:
    """Go down from the best arrangements of a sample, one ion at a time, until none gets lower.

    A sample of a large set hardly meets its low energies; from each of its best members the move
    of one ion to a free candidate that lowers the energy most is made again and again.

    Parameters
    ----------
    found : Arrangements
        A sample.
    choices, permutations
        As for :func:`distinct_arrangements`.
    score : callable
        ``score(sites) -> (n,)`` energies.
    n_starts : int
        Members to start from, the lowest ones.

    Returns
    -------
    Arrangements
        Local minima, each once, with their degeneracies; a sample still.
    """
    lengths = [choice.count for choice in choices]
    starts = found.sites[np.argsort(score(found.sites), kind="stable")[:n_starts]]
    rows = np.array([_descend(row, choices, score) for row in starts], dtype=np.int64)
    group = _stabilizer(choices, permutations)
    classes, first = np.unique(_canonical(rows, group, lengths), axis=0, return_index=True)
    degeneracy = np.array([_orbit_size(row, group, lengths) for row in classes], dtype=np.int64)
    return Arrangements(rows[first], degeneracy, np.ones_like(degeneracy), found.total, False)


def _descend(
    row: Sites, choices: Sequence[Choice], score: Callable[[Sites], NDArray[np.float64]]
) -> Sites:
    blocks = np.cumsum([0, *(choice.count for choice in choices)])
    energy = float(score(row[None])[0])
    while True:
        moves = []
        for choice, begin, end in zip(choices, blocks[:-1], blocks[1:], strict=True):
            free = np.setdiff1d(choice.candidates, row)
            for column in range(begin, end):
                trial = np.tile(row, (len(free), 1))
                trial[:, column] = free
                moves.append(trial)
        trials = np.vstack(moves)
        values = score(trials) if len(trials) else np.array([np.inf])
        best = int(values.argmin())
        if not values[best] < energy - TIE_EV:
            return np.concatenate([np.sort(row[a:b]) for a, b in itertools.pairwise(blocks)])
        row, energy = trials[best], float(values[best])


def energies(
    sites: Sites,
    matrix: NDArray[np.float64],
    charges: NDArray[np.float64],
    steps: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Electrostatic energies of arrangements: ``E0 + 2 Σ δ_a φ_a + Σ δ_a δ_b M_ab``.

    Parameters
    ----------
    sites : (n, n_exchanged) int64
        Exchanged sites of every arrangement.
    matrix : (n_sites, n_sites) float64, eV/e²
        From :func:`lionn_rs.structures.electrostatics.interaction_matrix`.
    charges : (n_sites,) float64, e
        Charges of the host; 0 on empty sites.
    steps : (n_exchanged,) float64, e
        Change of the charge by each exchange.

    Returns
    -------
    (n,) float64, eV
    """
    potential = matrix @ charges
    result = np.full(len(sites), float(charges @ potential))
    if sites.shape[1] == 0:
        return result
    result += 2.0 * potential[sites] @ steps
    for a, b in itertools.product(range(sites.shape[1]), repeat=2):
        result += steps[a] * steps[b] * matrix[sites[:, a], sites[:, b]]
    return result


def _stabilizer(choices: Sequence[Choice], permutations: Sites) -> Sites:
    """Operations that map the candidates of every choice onto themselves."""
    keep = np.ones(len(permutations), dtype=bool)
    for choice in choices:
        members = np.sort(choice.candidates)
        keep &= (np.sort(permutations[:, members], axis=1) == members).all(axis=1)
    return permutations[keep]


def _all_rows(choices: Sequence[Choice]) -> Sites:
    if not choices:
        return np.zeros((1, 0), dtype=np.int64)
    tables = [
        np.array(
            list(itertools.combinations(np.sort(c.candidates), c.count)), dtype=np.int64
        ).reshape(c.n_ways, c.count)
        for c in choices
    ]
    index = np.indices([len(table) for table in tables]).reshape(len(tables), -1)
    rows = np.hstack([table[k] for table, k in zip(tables, index, strict=True)])
    return rows[_no_site_twice(rows)]


def _random_rows(choices: Sequence[Choice], n_samples: int, rng: np.random.Generator) -> Sites:
    """Draw arrangements, each with the same probability, by rejecting overlaps."""
    rows: list[Sites] = []
    for _ in range(1000 * n_samples):
        parts = [np.sort(rng.choice(c.candidates, c.count, replace=False)) for c in choices]
        row = np.concatenate(parts).astype(np.int64)
        if len(set(row.tolist())) == len(row):
            rows.append(row)
        if len(rows) == n_samples:
            return np.array(rows)
    raise ConfigError("the exchanges compete for the same sites: hardly any arrangement is left")


def _count(choices: Sequence[Choice], n_ways: int) -> int:
    """Size of the full set; choices from the same candidates are drawn one after the other."""
    sets = [frozenset(choice.candidates.tolist()) for choice in choices]
    if all(a == b or not a & b for a, b in itertools.combinations(sets, 2)):
        total, taken = 1, dict.fromkeys(sets, 0)
        for members, choice in zip(sets, choices, strict=True):
            total *= math.comb(len(members) - taken[members], choice.count)
            taken[members] += choice.count
        return total
    return n_ways  # candidates overlap in part: an upper bound


def _no_site_twice(rows: Sites) -> NDArray[np.bool_]:
    ordered = np.sort(rows, axis=1)
    return np.asarray((ordered[:, 1:] != ordered[:, :-1]).all(axis=1))


def _canonical(rows: Sites, group: Sites, lengths: Sequence[int]) -> Sites:
    """Lexicographically smallest image of every row."""
    best = rows.copy()
    for permutation in group:
        image = _sorted_blocks(permutation[rows], lengths)
        differs = image != best
        first = differs.argmax(axis=1) if rows.shape[1] else np.zeros(len(rows), dtype=np.int64)
        if rows.shape[1]:
            pick = np.arange(len(rows))
            smaller = image[pick, first] < best[pick, first]
            best[smaller] = image[smaller]
    return best


def _orbit_size(row: Sites, group: Sites, lengths: Sequence[int]) -> int:
    return len(np.unique(_sorted_blocks(group[:, row], lengths), axis=0))


def _sorted_blocks(rows: Sites, lengths: Sequence[int]) -> Sites:
    """Sort the sites of each choice; their order has no meaning."""
    blocks = np.split(rows, np.cumsum(lengths)[:-1], axis=1)
    return np.hstack([np.sort(block, axis=1) for block in blocks])
