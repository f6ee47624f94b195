"""Which composition conducts best, and whether the runs decide it.

What is replicated is the arrangement of the dopants, not the run: temperatures and seeds of one
arrangement share its offset and its activation energy, so many runs of few arrangements say no more
about the composition than the few. Every arrangement gets an Arrhenius line of its own over all its
runs, and the lines of a composition are its replicas. Their scatter holds whatever differs between
arrangements and between their seeds, in offset and in slope, see
:mod:`lionn_rs.analysis.compositions.means`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from lionn_rs.analysis.compositions.lines import (
    FEWEST_TEMPERATURES,
    NAMES,
    Study,
    error_factor,
    lines_of,
    runs_of,
)
from lionn_rs.analysis.compositions.means import ReplicatedMeans
from lionn_rs.analysis.compositions.planning import plans
from lionn_rs.analysis.compositions.result import CompositionComparison, UnitKind
from lionn_rs.errors import ConfigError, DataError
from lionn_rs.units import BOLTZMANN_EV_K

__all__ = ["Composition", "compare_compositions"]

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
    parts = [runs_of(entry) for entry in compositions]
    beta0 = 1.0 / (BOLTZMANN_EV_K * at_K)
    lines = [
        line
        for k, (entry, part) in enumerate(zip(compositions, parts, strict=True))
        for line in lines_of(entry, part, k, units, beta0)
    ]
    for k, name in enumerate(names):
        if all(line.group != k for line in lines):
            raise DataError(
                f"{name}: no {units[:-1]} with diffusive runs at {FEWEST_TEMPERATURES} "
                "temperatures or more; run longer or hotter"
            )
    factor = error_factor([line.fit for line in lines])
    between_K = 1.0 / float(np.mean(np.concatenate([1.0 / t for t, _, _ in parts])))
    study = Study(compositions, lines, max(factor, 1.0), at_K, between_K)
    ranking = study.means("conductivity")
    used = sum(line.n_runs for line in lines)
    n_runs = sum(
        len(t) + entry.n_refused for (t, _, _), entry in zip(parts, compositions, strict=True)
    )
    return CompositionComparison(
        temperature_K=at_K,
        between_K=between_K,
        units=units,
        means=study.table(seed),
        lines=tuple(study.line_record(line) for line in lines),
        quantities=tuple(study.quantity(name) for name in NAMES),
        plans=plans(ranking),
        error_factor=factor,
        n_left_out=n_runs - used,
        seed=seed,
        warnings=tuple(_warnings(units, ranking, compositions, n_runs - used)),
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
