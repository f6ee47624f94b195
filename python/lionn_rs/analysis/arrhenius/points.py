"""Runs at several temperatures, replicas among them, as one point per temperature."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from lionn_rs.analysis.arrhenius.fit import ERROR_DOF, ReplicaEffect, combine_runs, known_to
from lionn_rs.analysis.arrhenius.result import CONFIDENCE, ArrheniusPoint
from lionn_rs.analysis.transport.combine import CombinedDiffusion
from lionn_rs.analysis.transport.results import DiffusionResult
from lionn_rs.analysis.transport.trajectory import Floats
from lionn_rs.errors import ShapeError

Result = TypeVar("Result", DiffusionResult, DiffusionResult | CombinedDiffusion)

SAME_TEMPERATURE_K = 0.5
"""Runs whose target temperatures differ by less belong together."""


def combine_replicas(
    results: Sequence[DiffusionResult], *, replica_labels: Sequence[Hashable] | None = None
) -> tuple[ArrheniusPoint, ...]:
    """One point per temperature from the runs that were diffusive, as in :func:`arrhenius`.

    Parameters
    ----------
    results : sequence of DiffusionResult
        Runs of the same material, in any order.
    replica_labels : sequence, optional
        One for each result, see :func:`arrhenius`.

    Returns
    -------
    tuple of ArrheniusPoint
        By temperature, ascending; empty if no run was diffusive.
    """
    used, labels = diffusive_runs(results, replica_labels)
    if not used:
        return ()
    rows = [(r.temperature_K, r.diffusivity_cm2_s, r.ln_sd) for r in used]
    temperature, value, sd = np.array(rows, dtype=np.float64).T
    label = label_index(labels, len(used))
    return temperature_points(
        group_temperatures(temperature), temperature, np.log(value), sd, label, ERROR_DOF
    )[0]


def diffusive_runs(
    results: Sequence[Result], labels: Sequence[Hashable] | None
) -> tuple[list[Result], list[Hashable] | None]:
    """Return the runs that have a diffusivity, and their labels."""
    used = [
        k for k, r in enumerate(results) if r.diffusivity_cm2_s is not None and r.ln_sd is not None
    ]
    if labels is not None:
        label_index(labels, len(results))
    return [results[k] for k in used], None if labels is None else [labels[k] for k in used]


def label_index(labels: Sequence[Hashable] | None, n: int) -> NDArray[np.intp]:
    """Index of the replica of each run."""
    if labels is None:
        return np.arange(n, dtype=np.intp)
    if len(labels) != n:
        raise ShapeError(f"replica_labels must have one entry per run ({n}), got {len(labels)}")
    known = {label: k for k, label in enumerate(dict.fromkeys(labels))}
    return np.array([known[label] for label in labels], dtype=np.intp)


def group_temperatures(temperature: Floats) -> list[list[int]]:
    """List the indices of runs at the same temperature, ascending."""
    groups: list[list[int]] = []
    for k in np.argsort(temperature, kind="stable"):
        if groups and temperature[k] - temperature[groups[-1][0]] < SAME_TEMPERATURE_K:
            groups[-1].append(int(k))
        else:
            groups.append([int(k)])
    return groups


def temperature_points(
    groups: list[list[int]],
    temperature: Floats,
    ln_d: Floats,
    sd: Floats,
    label: NDArray[np.intp],
    error_dof: float,
) -> tuple[tuple[ArrheniusPoint, ...], Floats, ReplicaEffect | None, float]:
    """One point per temperature, their covariance, the replica effect, and what is known of it."""
    index = np.empty(len(ln_d), dtype=np.intp)
    for k, members in enumerate(groups):
        index[members] = k
    means, spread, effect = combine_runs(ln_d, sd, index, label)
    runs_sd = 0.0 if effect is None or effect.runs is None else effect.runs.sd
    parts = _weighted_variance(sd, groups), _weighted_variance(np.hypot(sd, runs_sd), groups)
    nu = known_to(error_dof, spread, parts, effect)
    # The interval of a point is that of its runs: their own errors count as known.
    quantile = float(stats.t.ppf(0.5 * (1 + CONFIDENCE), known_to(np.inf, spread, parts, effect)))

    def point(members: list[int], mean: float, ln_sd: float) -> ArrheniusPoint:
        low, value, high = (float(x) for x in np.exp(mean + quantile * ln_sd * np.arange(-1, 2)))
        return ArrheniusPoint(
            temperature_K=float(np.mean(temperature[members])),
            diffusivity_cm2_s=value,
            ln_sd=ln_sd,
            interval_cm2_s=(low, high),
            n_replicas=len(members),
        )

    sds = np.sqrt(np.diag(spread))
    points = tuple(
        point(members, float(mean), float(ln_sd))
        for members, mean, ln_sd in zip(groups, means, sds, strict=True)
    )
    return points, spread, effect, nu


def _weighted_variance(sd: Floats, groups: list[list[int]]) -> Floats:
    """Variance of the weighted mean of each temperature, from independent runs."""
    return np.array([1.0 / np.sum(sd[members] ** -2.0) for members in groups])
