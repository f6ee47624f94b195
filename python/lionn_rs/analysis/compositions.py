"""Which composition conducts best, and do the runs decide it?

What is replicated is the arrangement of the dopants, not the run: temperatures and seeds of one
arrangement share its offset and its activation energy, so many runs of few arrangements say no more
about the composition than the few. Every arrangement gets an Arrhenius line of its own over all its
runs, and the lines of a composition are its replicas. Their scatter holds whatever differs between
arrangements and between their seeds, in offset and in slope, see
:mod:`lionn_rs.analysis.replicated_means`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lionn_rs.errors import ConfigError, DataError, ShapeError
from lionn_rs.units import BOLTZMANN_EV_K

from .arrhenius_fit import LinearFit, generalized_fit
from .composition_planning import plans
from .composition_result import (
    ArrangementLine,
    CompositionComparison,
    CompositionMean,
    CompositionPair,
    Quantity,
    QuantityName,
    UnitKind,
    ends,
)
from .conductivity import nernst_einstein_factor
from .replicated_means import ReplicatedMeans, chance_of_largest, replicated_means
from .trajectory import Floats

__all__ = ["Composition", "compare_compositions"]

FEWEST_TEMPERATURES: Final = 2
"""Of one arrangement, to have a line."""
SEED: Final = 20200318
"""Simulated probabilities are the same in every call."""


@dataclass(frozen=True, kw_only=True)
class Composition:
    """Diffusive runs of one composition.

    Attributes
    ----------
    name : str
    temperatures_K, diffusivities_cm2_s, ln_sd : (n,) array
        Runs, with the standard deviations of their ln D.
    arrangements, seeds : (n,) sequence of str
        What each run is.
    n_carriers : int
    charge : float
    volume_A3 : float
        For the Nernst-Einstein conductivity.
    concentration : float, optional
    n_refused : int
        Runs that were not diffusive.
    """

    name: str
    temperatures_K: ArrayLike
    diffusivities_cm2_s: ArrayLike
    ln_sd: ArrayLike
    arrangements: Sequence[str]
    seeds: Sequence[str]
    n_carriers: int
    charge: float
    volume_A3: float
    concentration: float | None = None
    n_refused: int = 0


def compare_compositions(
    compositions: Sequence[Composition], *, at_K: float = 300.0, seed: int = SEED
) -> CompositionComparison:
    """Activation energies and conductivities of compositions, their differences, and the best.

    Intervals and tests hold for another choice of arrangements and seeds. Three quantities are
    compared: the conductivity at ``at_K``, where the straight lines lead; that in the middle of the
    temperatures that were run, which needs no extrapolation and has the smallest error; the
    activation energy.

    Parameters
    ----------
    compositions : sequence of Composition
        Two or more.
    at_K : float
        Temperature of the conductivities.
    seed : int
        Seed of the simulated probabilities.

    Returns
    -------
    CompositionComparison

    Raises
    ------
    ShapeError
        Arrays of a composition differ in length.
    ConfigError
        Fewer than two compositions, a name that occurs twice, values that are not positive.
    DataError
        A composition has no arrangement with diffusive runs at two temperatures.
    """
    names = [entry.name for entry in compositions]
    if len(names) < 2 or len(set(names)) < len(names):
        raise ConfigError(f"compare_compositions: needs two or more different names, got {names}")
    if not at_K > 0.0:
        raise ConfigError(f"compare_compositions: at_K must be positive, got {at_K}")
    several = any(len(set(entry.arrangements)) > 1 for entry in compositions)
    units: UnitKind = "arrangements" if several else "seeds"
    parts = [_runs(entry) for entry in compositions]
    beta0 = 1.0 / (BOLTZMANN_EV_K * at_K)
    middle = float(np.mean(np.concatenate([1.0 / t for t, _, _ in parts])))
    lines = [
        line
        for k, (entry, part) in enumerate(zip(compositions, parts, strict=True))
        for line in _lines(entry, part, k, units, beta0)
    ]
    for k, name in enumerate(names):
        if all(line.group != k for line in lines):
            raise DataError(
                f"{name}: no {units[:-1]} with diffusive runs at {FEWEST_TEMPERATURES} "
                "temperatures or more; run longer or hotter"
            )
    factor = _error_factor([line.fit for line in lines])
    between_K = 1.0 / middle
    study = _Study(compositions, lines, max(factor, 1.0), at_K, between_K)
    ranking = study.means("conductivity")
    used = sum(line.n_runs for line in lines)
    n_runs = sum(len(t) + entry.n_refused for (t, _, _), entry in zip(parts, compositions, strict=True))
    return CompositionComparison(
        temperature_K=at_K,
        between_K=between_K,
        units=units,
        means=study.table(seed),
        lines=tuple(study.line_record(line) for line in lines),
        quantities=tuple(study.quantity(name) for name in _NAMES),
        plans=plans(ranking),
        error_factor=factor,
        n_left_out=n_runs - used,
        seed=seed,
        warnings=tuple(_warnings(units, ranking, compositions, n_runs - used)),
    )


_NAMES: Final[tuple[QuantityName, ...]] = (
    "conductivity",
    "conductivity_between",
    "activation_energy",
)


@dataclass(frozen=True)
class _Line:
    """ln D at the temperature asked for, and E_a, of one arrangement."""

    group: int
    label: str
    fit: LinearFit
    n_runs: int
    n_temperatures: int


def _runs(entry: Composition) -> tuple[Floats, Floats, Floats]:
    columns = (entry.temperatures_K, entry.diffusivities_cm2_s, entry.ln_sd)
    temperature, value, sd = (np.atleast_1d(np.asarray(a, dtype=np.float64)) for a in columns)
    lengths = [*(len(a) for a in (temperature, value, sd)), len(entry.arrangements), len(entry.seeds)]
    if len(set(lengths)) > 1 or temperature.ndim != 1:
        raise ShapeError(f"{entry.name}: arrays of runs must be equally long, got {lengths}")
    for array in (temperature, value, sd):
        if not np.all(np.isfinite(array) & (array > 0.0)):
            raise ConfigError(f"{entry.name}: values of runs must be positive, got {array.tolist()}")
    return temperature, np.log(value), sd


def _lines(
    entry: Composition,
    runs: tuple[Floats, Floats, Floats],
    group: int,
    units: UnitKind,
    beta0: float,
) -> list[_Line]:
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
        found.append(_Line(group, label, fit, int(chosen.sum()), n_temperatures))
    return found


def _error_factor(fits: list[LinearFit]) -> float:
    """Scatter around the lines over the stated errors; 1 where no line can show any."""
    dof = sum(fit.dof for fit in fits)
    return float(np.sqrt(sum(fit.chi2 for fit in fits) / dof)) if dof else 1.0


class _Study:
    """Lines of all arrangements, seen as numbers with errors."""

    def __init__(
        self,
        compositions: Sequence[Composition],
        lines: list[_Line],
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
        if name not in self._means:
            self._means[name] = replicated_means(*self.numbers(name), self.group)
        return self._means[name]

    def quantity(self, name: QuantityName) -> Quantity:
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
        hot, between, energy = (self.means(name) for name in _NAMES)
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

    def line_record(self, line: _Line) -> ArrangementLine:
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


def _warnings(
    units: UnitKind,
    ranking: ReplicatedMeans,
    compositions: Sequence[Composition],
    n_left_out: int,
) -> list[str]:
    warnings = []
    if units == "seeds":
        warnings.append(
            "one arrangement of each composition: another arrangement may conduct differently, and "
            "nothing of that is in these intervals"
        )
    if not ranking.from_members:
        warnings.append(
            f"nothing is replicated: the intervals follow from the errors of the runs alone; add "
            f"{units}"
        )
    elif ranking.dof < 2 * len(compositions):
        warnings.append(
            f"few replicas: the spread between {units} is known to {ranking.dof:.0f} degrees of "
            "freedom, all compositions together"
        )
    single = [
        entry.name
        for entry, n in zip(compositions, ranking.n_members, strict=True)
        if n == 1 and units == "arrangements"
    ]
    if single:
        warnings.append(
            f"{', '.join(single)}: one arrangement only, the spread is that of the other "
            "compositions"
        )
    if n_left_out:
        warnings.append(
            f"{n_left_out} runs are left out (not diffusive, or all of an arrangement at one "
            "temperature): if they are the slow ones, conductivities are too high"
        )
    return warnings
