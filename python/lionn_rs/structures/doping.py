"""Doped structures: distinct arrangements of a ladder, ranked by electrostatic energy."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from lionn_rs.errors import ConfigError, DataError
from lionn_rs.structures.arrangements import (
    Arrangements,
    Choice,
    distinct_arrangements,
    energies,
    lowered,
)
from lionn_rs.structures.charges import VACANCY, charges_of, parse_ions
from lionn_rs.structures.electrostatics import interaction_matrix
from lionn_rs.structures.ladder import Step, plan
from lionn_rs.structures.ordering import CLOSEST_A, closest_pair
from lionn_rs.structures.rule import DopeConfig, ExchangeRule
from lionn_rs.structures.symmetry import site_permutations, space_group
from lionn_rs.structures.tetrahedra import SITE_ARRAY, ligands_of

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["DopedStructure", "Doping", "dope_host"]


STARTS_PER_KEPT: Final = 5
"""Descents from a sample for every arrangement that is written."""


@dataclass(frozen=True)
class DopedStructure:
    """One arrangement at one concentration."""

    label: str
    atoms: Atoms
    step: Step
    energy_eV: float
    """Electrostatic energy of formal charges, eV per cell."""
    degeneracy: int
    """Arrangements that are the same by symmetry."""
    space_group: str
    closest_A: float
    """Smallest distance between two atoms, Å."""


@dataclass(frozen=True)
class Doping:
    """All structures of a ladder."""

    structures: list[DopedStructure]
    summary: list[dict[str, Any]] = field(default_factory=list)
    """For every concentration: how many arrangements there are, how many are distinct."""


@dataclass(frozen=True)
class _Lattice:
    """Sites of the supercell, occupied and empty."""

    host: Atoms
    """With the empty sites as dummy atoms X at the end."""
    kinds: list[str]
    charges: NDArray[np.float64]
    matrix: NDArray[np.float64]
    permutations: NDArray[np.int64]
    known: dict[str, float]


def dope_host(host: Atoms, config: DopeConfig, empty_sites: NDArray[np.float64]) -> Doping:
    """All structures of a ladder.

    Parameters
    ----------
    host : ase.Atoms
        The supercell, with ``arrays["site"]`` where sites have labels.
    config : DopeConfig
        Rule; its ``host`` section has been followed already.
    empty_sites : (n, 3) float64
        Fractional coordinates in the supercell of sites that may be filled.

    Returns
    -------
    Doping

    Raises
    ------
    ConfigError
        See :func:`lionn_rs.structures.ladder.plan`; also a label, element or tetrahedron that does
        not occur.
    DataError
        Two atoms of an arrangement are closer than 1.5 Å.
    """
    steps = plan(Counter(host.get_chemical_symbols()), config.ladder, config.host.charges)
    fills = any(rule.remove == VACANCY for step in steps for rule, n in step.exchanges if n)
    lattice = _lattice(host, config, empty_sites if fills else np.zeros((0, 3)), steps)
    structures: list[DopedStructure] = []
    summary = []
    for step in steps:
        found, members = _arrange(lattice, step, config)
        structures += members
        summary.append(
            {
                "element": step.element,
                "n_dopant": step.n_dopant,
                "at_percent": step.at_percent,
                "arrangements": found.total,
                "distinct": len(found.degeneracy) if found.enumerated else None,
                "enumerated": found.enumerated,
                "sampled_distinct": None if found.enumerated else len(found.degeneracy),
                "written": len(members),
            }
        )
    return Doping(structures, summary)


def _lattice(
    host: Atoms, config: DopeConfig, empty_sites: NDArray[np.float64], steps: Sequence[Step]
) -> _Lattice:
    from ase import Atoms

    full = host.copy()
    full.calc = None
    if len(empty_sites):
        full += Atoms(["X"] * len(empty_sites), positions=empty_sites @ host.cell.array)
    kinds = [VACANCY if name == "X" else name for name in full.get_chemical_symbols()]
    names = {n for step in steps for rule, _ in step.exchanges for n in (rule.remove, rule.insert)}
    known = charges_of(set(kinds) | names, parse_ions(config.host.charges))
    fractional = full.get_scaled_positions()
    if config.arrangements.equivalence == "framework":
        members = np.array([k for k, name in enumerate(kinds) if name != "Li"])
        inner = site_permutations(full.cell.array, fractional[members], [kinds[k] for k in members])
        permutations = np.tile(np.arange(len(kinds)), (len(inner), 1))
        permutations[:, members] = members[inner]
    else:
        permutations = site_permutations(full.cell.array, fractional, kinds)
    return _Lattice(
        host=full,
        kinds=kinds,
        charges=np.array([known[name] for name in kinds]),
        matrix=interaction_matrix(full.cell.array, full.positions),
        permutations=permutations,
        known=known,
    )


def _arrange(
    lattice: _Lattice, step: Step, config: DopeConfig
) -> tuple[Arrangements, list[DopedStructure]]:
    settings = config.arrangements
    used = [(rule, count) for rule, count in step.exchanges if count > 0]
    choices = [Choice(_candidates(lattice, rule), count) for rule, count in used]
    for (rule, count), choice in zip(used, choices, strict=True):
        if count > len(choice.candidates):
            raise ConfigError(
                f"[ladder] {count} x {rule.remove} -> {rule.insert}: only "
                f"{len(choice.candidates)} such sites in the supercell"
            )
    _refuse_shared_sites(used, choices)
    deltas = np.array(
        [
            lattice.known[r.insert] - lattice.known[r.remove]
            for r, count in used
            for _ in range(count)
        ]
    )
    score = partial(energies, matrix=lattice.matrix, charges=lattice.charges, steps=deltas)
    found = distinct_arrangements(
        choices,
        lattice.permutations,
        enumerate_up_to=settings.enumerate_up_to,
        n_samples=settings.n_samples,
        seed=settings.seed,
        score=score,
    )
    if settings.select == "lowest" and not found.enumerated:
        found = lowered(
            found, choices, lattice.permutations, score, n_starts=STARTS_PER_KEPT * settings.keep
        )
    values = score(found.sites)
    insert = [rule.insert for rule, count in used for _ in range(count)]
    width = len(str(len(values)))
    members = []
    for number, k in enumerate(_selected(values, found.weight, config), start=1):
        label = f"{step.element}{step.n_dopant}-{number:0{width}d}"
        atoms = _apply(lattice, found.sites[k], insert)
        members.append(_finish(label, atoms, step, float(values[k]), int(found.degeneracy[k])))
    return found, members


def _refuse_shared_sites(
    used: Sequence[tuple[ExchangeRule, int]], choices: Sequence[Choice]
) -> None:
    """Two exchanges that make the same of the same sites would be counted twice."""
    pairs = itertools.combinations(zip(used, choices, strict=True), 2)
    for ((first, _), one), ((second, _), other) in pairs:
        same = (first.remove, first.insert) == (second.remove, second.insert)
        if same and np.intersect1d(one.candidates, other.candidates).size:
            raise ConfigError(
                f"[ladder] two exchanges {first.remove} -> {first.insert} share sites: make them "
                "one, or restrict both by site or bonded_to"
            )


def _candidates(lattice: _Lattice, rule: ExchangeRule) -> NDArray[np.int64]:
    """Sites where an exchange may happen."""
    kinds = np.array(lattice.kinds)
    allowed = kinds == rule.remove
    if not allowed.any():
        raise ConfigError(
            f"[ladder] exchanges: no {rule.remove} in the host (there are "
            f"{', '.join(sorted(set(lattice.kinds)))})"
        )
    if rule.site is not None:
        labels = lattice.host.arrays.get(SITE_ARRAY)
        if labels is None or rule.site not in labels:
            known = "none" if labels is None else ", ".join(sorted(set(labels) - {""}))
            raise ConfigError(f"[ladder] exchanges: no site '{rule.site}' (labels: {known})")
        allowed &= labels == rule.site
    if rule.bonded_to is not None:
        bound = np.zeros(len(kinds), dtype=bool)
        bound[ligands_of(lattice.host, rule.bonded_to)] = True
        allowed &= bound
    return np.flatnonzero(allowed)


def _selected(
    values: NDArray[np.float64], weight: NDArray[np.int64], config: DopeConfig
) -> list[int]:
    settings = config.arrangements
    order = np.lexsort((np.arange(len(values)), np.round(values, 6)))
    if settings.select == "all" or settings.keep >= len(order):
        return [int(k) for k in order]
    if settings.select == "lowest":
        return [int(k) for k in order[: settings.keep]]
    rng = np.random.default_rng(settings.seed)
    drawn = rng.choice(len(values), settings.keep, replace=False, p=weight / weight.sum()).tolist()
    return [int(k) for k in order if k in drawn]


def _apply(lattice: _Lattice, sites: NDArray[np.int64], insert: Sequence[str]) -> Atoms:
    names = list(lattice.kinds)
    for site, name in zip(sites, insert, strict=True):
        names[site] = name
    occupied = [k for k, name in enumerate(names) if name != VACANCY]
    atoms: Atoms = lattice.host[occupied]
    atoms.set_chemical_symbols([names[k] for k in occupied])
    return atoms


def _finish(label: str, atoms: Atoms, step: Step, energy: float, degeneracy: int) -> DopedStructure:
    found = dict(Counter(atoms.get_chemical_symbols()))
    if found != step.composition:
        raise DataError(f"{label}: made {found}, planned {step.composition}")
    atoms.info |= {"label": label, "ewald_energy_eV": energy}  # not that of the host
    distance, i, j = closest_pair(atoms)
    if distance < CLOSEST_A:
        raise DataError(
            f"{label}: {atoms[i].symbol} and {atoms[j].symbol} are {distance:.2f} Å apart, "
            f"expected at least {CLOSEST_A} Å"
        )
    return DopedStructure(label, atoms, step, energy, degeneracy, space_group(atoms), distance)
