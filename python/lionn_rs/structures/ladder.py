"""Charge and composition of the steps of a doping ladder."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from lionn_rs.errors import ConfigError
from lionn_rs.structures.charges import VACANCY, charges_of, parse_ions
from lionn_rs.structures.rule import ExchangeRule, LadderSection

__all__ = ["Step", "plan"]

NEUTRAL: Final = 1e-6
"""Net charge that counts as none, e."""


@dataclass(frozen=True)
class Step:
    """One concentration of a ladder."""

    n_steps: int
    """How often the exchanges are made."""
    exchanges: tuple[tuple[ExchangeRule, int], ...]
    """Exchanges and how many ions each takes."""
    composition: dict[str, int]
    """Atoms of each element."""
    charge: float
    """Net formal charge, e."""
    element: str

    @property
    def n_dopant(self) -> int:
        """Atoms of the element of the ladder."""
        return self.composition.get(self.element, 0)

    @property
    def at_percent(self) -> float:
        """Concentration of the element, atoms per 100 atoms."""
        return 100.0 * self.n_dopant / sum(self.composition.values())


def plan(
    host: Counter[str] | dict[str, int], ladder: LadderSection, charges: Sequence[str] = ()
) -> list[Step]:
    """Charge and composition of every concentration of a ladder.

    Parameters
    ----------
    host : dict
        Atoms of each element in the supercell.
    ladder : LadderSection
        Targets and exchanges.
    charges : sequence of str
        Formal charges as ions, over the common ones.

    Returns
    -------
    list of Step
        In the order of the targets.

    Raises
    ------
    ConfigError
        The exchanges do not change the element, do not reach a target, leave a charge, or take
        more ions than there are; two targets are the same.

    Examples
    --------
    >>> from lionn_rs.structures.rule import LadderSection
    >>> ladder = LadderSection(element="Cl", counts=[3, 2, 1], exchanges=[
    ...     {"remove": "Cl", "insert": "S"}, {"remove": "Si", "insert": "P"}])
    >>> host = {"Li": 60, "Si": 9, "P": 9, "S": 69, "Cl": 3}
    >>> [(round(s.at_percent, 3), s.composition["Si"], s.charge) for s in plan(host, ladder)]
    [(2.0, 9, 0.0), (1.333, 8, 0.0), (0.667, 7, 0.0)]
    """
    given = parse_ions(charges)
    exchanges = _compensated(host, ladder, given)
    change = sum(
        count * ((rule.insert == ladder.element) - (rule.remove == ladder.element))
        for rule, count in exchanges
    )
    if change == 0:
        raise ConfigError(
            f"[ladder] the exchanges do not change the number of {ladder.element} atoms"
        )
    steps: list[Step] = []
    targets: dict[int, float] = {}
    for target in ladder.counts if ladder.counts is not None else ladder.at_percent or []:
        n = _n_steps(host, ladder, exchanges, change, target)
        if n in targets:
            raise ConfigError(
                f"[ladder] targets {targets[n]:g} and {target:g} give the same number of "
                f"{ladder.element} atoms; leave one out, or take a larger supercell"
            )
        targets[n] = target
        steps.append(_step(host, ladder, [(rule, n * k) for rule, k in exchanges], n, given))
    return steps


def _compensated(
    host: dict[str, int], ladder: LadderSection, given: dict[str, int]
) -> list[tuple[ExchangeRule, int]]:
    """Exchanges of one step with the lithium that makes it neutral."""
    exchanges = [(rule, rule.count) for rule in ladder.exchanges]
    names = {name for rule in ladder.exchanges for name in (rule.remove, rule.insert)}
    known = charges_of(names | set(host) | {"Li"}, given)
    charge = sum(count * (known[rule.insert] - known[rule.remove]) for rule, count in exchanges)
    if abs(charge) < NEUTRAL:
        return exchanges
    text = " and ".join(f"{count} {rule.remove} -> {rule.insert}" for rule, count in exchanges)
    if ladder.compensate == "none":
        raise ConfigError(
            f"[ladder] {text} changes the charge by {charge:+g} e: add an exchange, or "
            "compensate = 'lithium'"
        )
    lithium = charge / known["Li"]
    if abs(lithium - round(lithium)) > NEUTRAL:
        raise ConfigError(f"[ladder] {charge:+g} e cannot be compensated by whole Li ions")
    n = round(abs(lithium))
    remove, insert = ("Li", VACANCY) if charge > 0 else (VACANCY, "Li")
    extra = ExchangeRule(remove=remove, insert=insert)
    for k, (rule, count) in enumerate(exchanges):  # one exchange, not two of the same
        if rule.model_copy(update={"count": 1}) == extra:
            exchanges[k] = (rule, count + n)
            return exchanges
    return [*exchanges, (extra, n)]


def _n_steps(
    host: dict[str, int],
    ladder: LadderSection,
    exchanges: list[tuple[ExchangeRule, int]],
    change: int,
    target: float,
) -> int:
    """How often the exchanges are made to come to a target."""
    start = host.get(ladder.element, 0)
    n_atoms = sum(host.values())
    growth = sum(k * ((r.remove == VACANCY) - (r.insert == VACANCY)) for r, k in exchanges)
    if ladder.counts is not None:
        n, rest = divmod(int(target) - start, change)
        if rest or n < 0:
            raise ConfigError(
                f"[ladder] counts: {int(target)} {ladder.element} cannot be reached from {start} "
                f"in the supercell by steps of {change:+d}"
            )
        return n
    fraction = target / 100.0
    if not 0.0 <= fraction < 1.0 or change == fraction * growth:
        raise ConfigError(f"[ladder] at_percent must be from 0 to below 100, got {target:g}")
    exact = (fraction * n_atoms - start) / (change - fraction * growth)
    n = math.floor(exact + 0.5)
    if exact < -0.5:
        raise ConfigError(
            f"[ladder] at_percent: {target:g} % {ladder.element} cannot be reached from "
            f"{100 * start / n_atoms:.3g} % by steps of {change:+d} atoms"
        )
    return max(n, 0)


def _step(
    host: dict[str, int],
    ladder: LadderSection,
    exchanges: list[tuple[ExchangeRule, int]],
    n_steps: int,
    given: dict[str, int],
) -> Step:
    composition = Counter(host)
    for rule, count in exchanges:
        if rule.remove != VACANCY:
            composition[rule.remove] -= count
        if rule.insert != VACANCY:
            composition[rule.insert] += count
    short = [name for name, count in composition.items() if count < 0]
    if short:
        raise ConfigError(
            f"[ladder] {n_steps} steps take more {short[0]} than there is ({host[short[0]]} in "
            "the supercell)"
        )
    known = charges_of(set(composition), given)
    charge = sum(known[name] * count for name, count in composition.items())
    if abs(charge) > NEUTRAL:
        raise ConfigError(
            f"[host] the supercell with the formal charges used has net charge {charge:+g} e, "
            "expected a neutral crystal (charges = [...] in [host] changes them)"
        )
    return Step(
        n_steps=n_steps,
        exchanges=tuple(exchanges),
        composition={name: n for name, n in composition.items() if n > 0},
        charge=charge,
        element=ladder.element,
    )
