"""What a comparison of compositions gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from lionn_rs.analysis._records import Record
from lionn_rs.analysis.arrhenius.fit import SIGNIFICANCE
from lionn_rs.numbers import significant

__all__ = [
    "ArrangementLine",
    "CompositionComparison",
    "CompositionMean",
    "CompositionPair",
    "Plan",
    "Quantity",
    "QuantityName",
    "UnitKind",
]

QuantityName = Literal["conductivity", "conductivity_between", "activation_energy"]
"""At the temperature asked for; in the middle of the temperatures that were run; E_a."""
UnitKind = Literal["arrangements", "seeds"]
POWER: Final = 0.8
"""Chance with which a plan finds the difference that it is made for."""


@dataclass(frozen=True, kw_only=True)
class ArrangementLine(Record):
    """Arrhenius line of one arrangement (or of one seed, where there is one arrangement each)."""

    composition: str
    arrangement: str
    n_runs: int
    n_temperatures: int
    activation_energy_eV: float
    activation_energy_sd_eV: float
    """From the errors of its runs alone."""
    conductivity_mS_cm: float
    """At the temperature asked for."""
    ln_sd: float
    """Of that, from the errors of its runs alone."""


@dataclass(frozen=True, kw_only=True)
class CompositionPair(Record):
    """Two compositions."""

    first: str
    second: str
    difference: float
    """First minus second: of ln(conductivity), or of E_a in eV."""
    interval: tuple[float, float]
    """95 %, for all pairs together."""
    p_value: float
    adjusted_p: float
    """For all pairs together (Tukey-Kramer)."""


@dataclass(frozen=True, kw_only=True)
class Quantity(Record):
    """One quantity in all compositions: errors, and differences of all pairs."""

    name: QuantityName
    at_K: float | None
    between_sd: float
    """Spread between arrangements beyond the errors of their runs; of ln(conductivity), or eV. It
    does not become smaller in longer runs."""
    within_sd: float
    """What the errors of the runs of one arrangement add up to; it does."""
    dof: float
    """Degrees of freedom of the errors."""
    p_equal: float
    """Probability of compositions that differ as much by chance."""
    pairs: tuple[CompositionPair, ...]


@dataclass(frozen=True, kw_only=True)
class CompositionMean(Record):
    """One composition; intervals are 95 % for this composition alone."""

    name: str
    concentration: float | None
    n_units: int
    """Arrangements, or seeds."""
    n_runs: int
    activation_energy_eV: float
    activation_energy_interval_eV: tuple[float, float]
    diffusivity_cm2_s: float
    diffusivity_interval_cm2_s: tuple[float, float]
    conductivity_mS_cm: float
    conductivity_interval_mS_cm: tuple[float, float]
    conductivity_between_mS_cm: float
    conductivity_between_interval_mS_cm: tuple[float, float]
    chance_of_highest_conductivity: float
    chance_of_highest_between: float
    """In the middle of the temperatures that were run."""
    chance_of_lowest_activation_energy: float


@dataclass(frozen=True, kw_only=True)
class Plan(Record):
    """What it takes to find a difference with a chance of 80 %, tested with all pairs at 5 %."""

    ratio: float
    """Of two conductivities at the temperature asked for."""
    observed: bool
    """Whether it is that of the best and the second best."""
    length_factor: float | None
    """Times the length that was run, with as many arrangements; None if no length is enough."""
    n_units: int | None
    """Arrangements of each composition, of the length that was run; None above 1000."""


@dataclass(frozen=True, kw_only=True)
class CompositionComparison(Record):
    """Compositions side by side, and whether the best of them is known to be the best."""

    temperature_K: float
    """Of the conductivities, reached by the lines."""
    between_K: float
    """In the middle of the temperatures that were run, on the scale of 1/T."""
    units: UnitKind
    """What was replicated."""
    means: tuple[CompositionMean, ...]
    lines: tuple[ArrangementLine, ...]
    quantities: tuple[Quantity, ...]
    plans: tuple[Plan, ...]
    error_factor: float
    """Scatter of runs around the line of their arrangement over their errors; the errors were
    widened by it where it is larger than one."""
    n_left_out: int
    """Runs that were not diffusive, and those of arrangements with runs at one temperature only."""
    seed: int
    warnings: tuple[str, ...]

    def quantity(self, name: QuantityName) -> Quantity:
        """One of the quantities."""
        return next(entry for entry in self.quantities if entry.name == name)

    @property
    def ranked(self) -> tuple[CompositionMean, ...]:
        """Compositions by conductivity at the temperature asked for, the highest first."""
        return tuple(sorted(self.means, key=lambda mean: -mean.conductivity_mS_cm))

    @property
    def best_p(self) -> float:
        """Largest adjusted p of the best composition against any other."""
        best = self.ranked[0].name
        pairs = self.quantity("conductivity").pairs
        return max(pair.adjusted_p for pair in pairs if best in (pair.first, pair.second))

    @property
    def decided(self) -> bool:
        """Whether the best composition is significantly better than every other."""
        return self.best_p < SIGNIFICANCE

    @property
    def optimum_inside(self) -> bool:
        """Whether the best concentration lies between others."""
        known = [m.concentration for m in self.means if m.concentration is not None]
        best = self.ranked[0].concentration
        return best is not None and min(known) < best < max(known)

    def statement(self) -> str:
        """Say in a few sentences what was found, and whether it is significant."""
        first, second = self.ranked[:2]
        ratio = significant(first.conductivity_mS_cm / second.conductivity_mS_cm, 3)
        inside = ", between the other concentrations," if self.optimum_inside else ""
        found = (
            f"{first.name}{inside} has the highest conductivity at {self.temperature_K:g} K, "
            f"{significant(first.conductivity_mS_cm, 2)} mS/cm, {ratio} times that of "
            f"{second.name}. "
        )
        p = significant(self.best_p, 2)
        if self.decided:
            return (
                f"{found}That it is the best is significant: p = {p} against the nearest of the "
                "others, all pairs considered."
            )
        chances = ", ".join(
            f"{mean.name} {100 * mean.chance_of_highest_conductivity:.0f} %" for mean in self.means
        )
        return (
            f"{found}At the length that was run this is not significant (p = {p} against the "
            f"nearest of the others, all pairs considered). Chance of being the best: {chances}."
        )


def ends(low: float, high: float) -> tuple[float, float]:
    """Exponentials of an interval."""
    return float(np.exp(low)), float(np.exp(high))
