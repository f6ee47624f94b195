"""Arrhenius lines of arrangements, and what they say about their compositions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from lionn_rs.analysis.arrhenius.fit import LinearFit, generalized_fit
from lionn_rs.analysis.compositions.means import (
    ReplicatedMeans,
    chance_of_largest,
    replicated_means,
)
from lionn_rs.analysis.compositions.result import (
    ArrangementLine,
    CompositionMean,
    CompositionPair,
    Quantity,
    QuantityName,
    UnitKind,
    ends,
)
from lionn_rs.analysis.transport.conductivity import nernst_einstein_factor
from lionn_rs.analysis.transport.trajectory import Floats
from lionn_rs.errors import ConfigError, ShapeError
from lionn_rs.units import BOLTZMANN_EV_K

if TYPE_CHECKING:
    from lionn_rs.analysis.compositions.compare import Composition

__all__ = ["NAMES", "Line", "Study", "error_factor", "lines_of", "runs_of"]

FEWEST_TEMPERATURES: Final = 2
"""Of one arrangement, to have a line."""
NAMES: Final[tuple[QuantityName, ...]] = (
    "conductivity",
    "conductivity_between",
    "activation_energy",
)


@dataclass(frozen=True)
class Line:
    """ln D at the temperature asked for, and E_a, of one arrangement."""

    group: int
    label: str
    fit: LinearFit
    n_runs: int
    n_temperatures: int


def runs_of(entry: Composition) -> tuple[Floats, Floats, Floats]:
    """Temperatures, ln D and its standard deviations, checked."""
    columns = (entry.temperatures_K, entry.diffusivities_cm2_s, entry.ln_sd)
    temperature, value, sd = (np.atleast_1d(np.asarray(a, dtype=np.float64)) for a in columns)
    lengths = [
        *(len(a) for a in (temperature, value, sd)),
        len(entry.arrangements),
        len(entry.seeds),
    ]
    if len(set(lengths)) > 1 or temperature.ndim != 1:
        raise ShapeError(f"{entry.name}: arrays of runs must be equally long, got {lengths}")
    for array in (temperature, value, sd):
        if not np.all(np.isfinite(array) & (array > 0.0)):
            raise ConfigError(
                f"{entry.name}: values of runs must be positive, got {array.tolist()}"
            )
    return temperature, np.log(value), sd


def lines_of(
    entry: Composition,
    runs: tuple[Floats, Floats, Floats],
    group: int,
    units: UnitKind,
    beta0: float,
) -> list[Line]:
    """Fit a line to all runs of each arrangement or seed that has enough temperatures."""
    temperature, ln_d, sd = runs
    labels = np.array(entry.arrangements if units == "arrangements" else entry.seeds, dtype=str)
    found = []
    for label in dict.fromkeys(labels.tolist()):
        chosen = labels == label
        n_temperatures = len(np.unique(temperature[chosen]))
        if n_temperatures < FEWEST_TEMPERATURES:
            continue
        beta = 1.0 / (BOLTZMANN_EV_K * temperature[chosen])
        design = np.column_stack([np.ones_like(beta), beta0 - beta])
        fit = generalized_fit(design, ln_d[chosen], np.diag(sd[chosen] ** 2))
        found.append(Line(group, label, fit, int(chosen.sum()), n_temperatures))
    return found


def error_factor(fits: list[LinearFit]) -> float:
    """Scatter around the lines over the stated errors; 1 where no line can show any."""
    dof = sum(fit.dof for fit in fits)
    return float(np.sqrt(sum(fit.chi2 for fit in fits) / dof)) if dof else 1.0


class Study:
    """Lines of all arrangements, seen as numbers with errors."""

    def __init__(
        self,
        compositions: Sequence[Composition],
        lines: list[Line],
        error_factor: float,
        at_K: float,
        between_K: float,
    ) -> None:
        self.compositions = compositions
        self.lines = lines
        self.error_factor = error_factor
        self.at_K = at_K
        self.between_K = between_K
        self.group: NDArray[np.intp] = np.array([line.group for line in lines], dtype=np.intp)
        self._means: dict[QuantityName, ReplicatedMeans] = {}

    def gradient(self, name: QuantityName) -> Floats:
        """Weights of (ln D at the temperature asked for, E_a) in a quantity."""
        if name == "conductivity":
            return np.array([1.0, 0.0])
        if name == "activation_energy":
            return np.array([0.0, 1.0])
        shift = (1.0 / self.at_K - 1.0 / self.between_K) / BOLTZMANN_EV_K
        return np.array([1.0, shift])

    def ln_factor(self, group: int, temperature_K: float) -> float:
        """Logarithm of conductivity over diffusivity."""
        entry = self.compositions[group]
        return float(
            np.log(
                nernst_einstein_factor(
                    n_carriers=entry.n_carriers,
                    charge=entry.charge,
                    volume_A3=entry.volume_A3,
                    temperature_K=temperature_K,
                )
            )
        )

    def numbers(self, name: QuantityName) -> tuple[Floats, Floats]:
        """Values of a quantity and their errors, of all lines."""
        gradient = self.gradient(name)
        at = {"conductivity": self.at_K, "conductivity_between": self.between_K}.get(name)
        values = [
            float(gradient @ line.fit.solution)
            + (0.0 if at is None else self.ln_factor(line.group, at))
            for line in self.lines
        ]
        sd = [
            self.error_factor * float(np.sqrt(gradient @ line.fit.covariance @ gradient))
            for line in self.lines
        ]
        return np.array(values), np.array(sd)

    def means(self, name: QuantityName) -> ReplicatedMeans:
        """Means of the compositions."""
        if name not in self._means:
            self._means[name] = replicated_means(*self.numbers(name), self.group)
        return self._means[name]

    def quantity(self, name: QuantityName) -> Quantity:
        """Errors and differences of a quantity, with the names of the compositions."""
        found = self.means(name)
        names = [entry.name for entry in self.compositions]
        at = {"conductivity": self.at_K, "conductivity_between": self.between_K}.get(name)
        return Quantity(
            name=name,
            at_K=at,
            between_sd=found.between_sd,
            within_sd=found.within_sd,
            dof=found.dof,
            p_equal=found.p_equal,
            pairs=tuple(
                CompositionPair(
                    first=names[pair.first],
                    second=names[pair.second],
                    difference=pair.difference,
                    interval=pair.interval,
                    p_value=pair.p_value,
                    adjusted_p=pair.adjusted_p,
                )
                for pair in found.pairs
            ),
        )

    def table(self, seed: int) -> tuple[CompositionMean, ...]:
        """One row for each composition."""
        hot, between, energy = (self.means(name) for name in NAMES)
        chances = [
            chance_of_largest(hot, seed=seed),
            chance_of_largest(between, seed=seed),
            chance_of_largest(energy, seed=seed, smallest=True),
        ]
        rows = []
        for k, entry in enumerate(self.compositions):
            shift = self.ln_factor(k, self.at_K)
            low, high = (float(x) for x in hot.intervals[k])
            rows.append(
                CompositionMean(
                    name=entry.name,
                    concentration=entry.concentration,
                    n_units=hot.n_members[k],
                    n_runs=sum(line.n_runs for line in self.lines if line.group == k),
                    activation_energy_eV=float(energy.means[k]),
                    activation_energy_interval_eV=tuple(energy.intervals[k].tolist()),
                    diffusivity_cm2_s=float(np.exp(hot.means[k] - shift)),
                    diffusivity_interval_cm2_s=ends(low - shift, high - shift),
                    conductivity_mS_cm=float(np.exp(hot.means[k])),
                    conductivity_interval_mS_cm=ends(low, high),
                    conductivity_between_mS_cm=float(np.exp(between.means[k])),
                    conductivity_between_interval_mS_cm=ends(*between.intervals[k].tolist()),
                    chance_of_highest_conductivity=float(chances[0][k]),
                    chance_of_highest_between=float(chances[1][k]),
                    chance_of_lowest_activation_energy=float(chances[2][k]),
                )
            )
        return tuple(rows)

    def line_record(self, line: Line) -> ArrangementLine:
        """One arrangement as a record."""
        covariance = self.error_factor**2 * line.fit.covariance
        return ArrangementLine(
            composition=self.compositions[line.group].name,
            arrangement=line.label,
            n_runs=line.n_runs,
            n_temperatures=line.n_temperatures,
            activation_energy_eV=float(line.fit.solution[1]),
            activation_energy_sd_eV=float(np.sqrt(covariance[1, 1])),
            conductivity_mS_cm=float(
                np.exp(line.fit.solution[0] + self.ln_factor(line.group, self.at_K))
            ),
            ln_sd=float(np.sqrt(covariance[0, 0])),
        )
