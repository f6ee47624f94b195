"""Arrhenius fit of diffusivities, and the extrapolation with an interval that covers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from lionn_rs.errors import ConfigError, DataError, ShapeError
from lionn_rs.units import BOLTZMANN_EV_K

from .arrhenius_result import (
    ArrheniusPoint,
    ArrheniusResult,
    Extrapolation,
    IntervalBasis,
    UpperBound,
    beyond,
)
from .results import DiffusionResult
from .trajectory import Floats

FEWEST_TEMPERATURES = 3
"""Two temperatures define a line but leave nothing to judge it by."""
SIGNIFICANCE = 0.05
"""Curvature and misfit count below this probability of chance."""
CONFIDENCE = 0.95
SAME_TEMPERATURE_K = 0.5
"""Runs whose target temperatures differ by less belong together."""


def arrhenius(
    temperatures_K: ArrayLike,
    diffusivities: ArrayLike,
    ln_sd: ArrayLike,
    *,
    extrapolate_to_K: float = 300.0,
    upper_bounds: Sequence[tuple[float, float]] = (),
    n_carriers: int | None = None,
    charge: float = 1.0,
    volume_A3: float | None = None,
) -> ArrheniusResult:
    """Weighted straight line through ln D against 1/T.

    Several runs at one temperature are combined first: their scatter beyond their own errors is a
    random effect between replicas (seed, arrangement) whose variance, pooled over the temperatures,
    is added to every run (R. DerSimonian, N. Laird, Control. Clin. Trials 7, 177 (1986)). The line
    is then fitted to one point per temperature with weights ``1/sd²``, and the (strong, positive)
    covariance of ln D0 and E_a is kept. There are two 95 % intervals: from the stated errors with
    the normal quantile 1.96, and from the scatter of the points around the line (covariance times
    ``chi2/dof``) with Student's t for ``n_T - 2`` degrees of freedom, which holds when all errors
    are wrong by one factor. The wider of the two is given, and named in ``interval_basis``.

    Parameters
    ----------
    temperatures_K : (n,) array, K
        Temperatures of the runs; repeats are replicas.
    diffusivities : (n,) array, cm²/s
        Diffusivities.
    ln_sd : (n,) array
        Standard deviation of ln D of each run.
    extrapolate_to_K : float
        Temperature of the prediction.
    upper_bounds : sequence of (temperature_K, bound_cm2_s)
        Runs that were not diffusive: listed and compared with the line, not fitted.
    n_carriers, charge, volume_A3
        For the Nernst-Einstein conductivity of the prediction.

    Returns
    -------
    ArrheniusResult

    Raises
    ------
    ShapeError
        If the arrays differ in length.
    ConfigError
        For values that are not positive.
    DataError
        With fewer than three temperatures.
    """
    temperature, value, sd = (
        np.atleast_1d(np.asarray(a, dtype=np.float64))
        for a in (temperatures_K, diffusivities, ln_sd)
    )
    if not temperature.shape == value.shape == sd.shape or temperature.ndim != 1:
        raise ShapeError(
            "temperatures, diffusivities and ln_sd must be equally long, got "
            f"{temperature.shape}, {value.shape}, {sd.shape}"
        )
    for name, array in (("temperatures", temperature), ("diffusivities", value), ("ln_sd", sd)):
        if not np.all(np.isfinite(array) & (array > 0.0)):
            raise ConfigError(f"arrhenius: {name} must be positive, got {array.tolist()}")
    groups = _group(temperature)
    if len(groups) < FEWEST_TEMPERATURES:
        raise DataError(
            f"an Arrhenius fit needs diffusive runs at {FEWEST_TEMPERATURES} temperatures or more, "
            f"got {len(groups)}; run longer or at other temperatures"
        )
    points, replica_sd = _combine(groups, temperature, np.log(value), sd)
    x = np.array([1.0 / (BOLTZMANN_EV_K * p.temperature_K) for p in points])
    y = np.log([p.diffusivity_cm2_s for p in points])
    weight = np.array([p.ln_sd for p in points]) ** -2.0
    solution, covariance, chi2 = _weighted(np.column_stack([np.ones_like(x), -x]), y, weight)
    dof = len(points) - 2
    basis, quantile, covariance = _wider(covariance, chi2 / dof, dof)
    energy, energy_sd = float(solution[1]), float(np.sqrt(covariance[1, 1]))
    curvature_p = _curvature(x, y, weight)
    distance = beyond([p.temperature_K for p in points], extrapolate_to_K)
    draft = ArrheniusResult(
        activation_energy_eV=energy,
        activation_energy_sd_eV=energy_sd,
        activation_energy_interval_eV=(
            energy - quantile * energy_sd,
            energy + quantile * energy_sd,
        ),
        prefactor_cm2_s=float(np.exp(solution[0])),
        prefactor_ln_sd=float(np.sqrt(covariance[0, 0])),
        covariance=covariance,
        interval_basis=basis,
        quantile=quantile,
        degrees_of_freedom=dof,
        chi2_per_dof=chi2 / dof,
        replica_ln_sd=replica_sd,
        curvature_p=curvature_p,
        points=points,
        upper_bounds=(),
        extrapolation=Extrapolation(
            temperature_K=extrapolate_to_K,
            diffusivity_cm2_s=float("nan"),
            ln_sd=float("nan"),
            interval_cm2_s=(float("nan"), float("nan")),
            conductivity_mS_cm=None,
            conductivity_interval_mS_cm=None,
            beyond_data_K=distance,
            supported=False,
        ),
        n_carriers=n_carriers,
        charge=charge,
        volume_A3=volume_A3,
        warnings=(),
    )
    bounds = tuple(
        UpperBound(
            temperature_K=float(t),
            upper_bound_cm2_s=float(bound),
            contradicts_fit=draft.predict(t).interval_cm2_s[0] > bound,
        )
        for t, bound in sorted(upper_bounds)
    )
    return replace(
        draft,
        upper_bounds=bounds,
        extrapolation=draft.predict(extrapolate_to_K),
        warnings=tuple(_warnings(draft, bounds, extrapolate_to_K)),
    )


def arrhenius_from_results(
    results: Sequence[DiffusionResult], *, extrapolate_to_K: float = 300.0
) -> ArrheniusResult:
    """Arrhenius fit of the runs that were diffusive; the others enter as upper bounds.

    Parameters
    ----------
    results : sequence of DiffusionResult
        Runs of the same material at several temperatures, replicas welcome.
    extrapolate_to_K : float
        Temperature of the prediction.

    Returns
    -------
    ArrheniusResult
        The conductivity uses the mean volume per carrier of the runs.

    Raises
    ------
    DataError
        With fewer than three diffusive temperatures, naming the refused ones.
    """
    used = [r for r in results if r.diffusivity_cm2_s is not None and r.ln_sd is not None]
    refused = [r for r in results if not r.diffusive]
    if len(_group(np.array([r.temperature_K for r in used]))) < FEWEST_TEMPERATURES:
        listed = ", ".join(f"{r.temperature_K:g} K" for r in refused) or "none"
        got = sorted({r.temperature_K for r in used})
        raise DataError(
            f"an Arrhenius fit needs diffusive runs at {FEWEST_TEMPERATURES} temperatures or more, "
            f"got {len(got)} ({', '.join(f'{t:g} K' for t in got) or 'none'}; not diffusive: "
            f"{listed}); run longer or hotter"
        )
    if len({(r.carrier, r.charge) for r in results}) > 1:
        raise ConfigError("arrhenius: the runs are of different carriers")
    n_carriers = used[0].n_carriers
    volume = float(np.mean([r.volume_A3 / r.n_carriers for r in used])) * n_carriers
    return arrhenius(
        [r.temperature_K for r in used],
        np.array([r.diffusivity_cm2_s for r in used], dtype=np.float64),
        np.array([r.ln_sd for r in used], dtype=np.float64),
        extrapolate_to_K=extrapolate_to_K,
        upper_bounds=[(r.temperature_K, r.upper_bound_cm2_s) for r in refused],
        n_carriers=n_carriers,
        charge=used[0].charge,
        volume_A3=volume,
    )


def combine_replicas(results: Sequence[DiffusionResult]) -> tuple[ArrheniusPoint, ...]:
    """One point per temperature from the runs that were diffusive, as in :func:`arrhenius`.

    Parameters
    ----------
    results : sequence of DiffusionResult
        Runs of the same material, in any order.

    Returns
    -------
    tuple of ArrheniusPoint
        By temperature, ascending; empty if no run was diffusive.
    """
    used = [
        (r.temperature_K, np.log(r.diffusivity_cm2_s), r.ln_sd)
        for r in results
        if r.diffusivity_cm2_s is not None and r.ln_sd is not None
    ]
    temperature, ln_d, sd = np.array(used, dtype=np.float64).reshape(-1, 3).T
    return _combine(_group(temperature), temperature, ln_d, sd)[0]


def _group(temperature: Floats) -> list[list[int]]:
    """List the indices of runs at the same temperature, ascending."""
    groups: list[list[int]] = []
    for k in np.argsort(temperature, kind="stable"):
        if groups and temperature[k] - temperature[groups[-1][0]] < SAME_TEMPERATURE_K:
            groups[-1].append(int(k))
        else:
            groups.append([int(k)])
    return groups


def _combine(
    groups: list[list[int]], temperature: Floats, ln_d: Floats, sd: Floats
) -> tuple[tuple[ArrheniusPoint, ...], float | None]:
    """One point per temperature, with the pooled variance between replicas added to every run."""
    excess, norm, dof = 0.0, 0.0, 0
    for members in groups:
        if len(members) < 2:
            continue
        w = sd[members] ** -2.0
        mean = float(np.sum(w * ln_d[members]) / w.sum())
        excess += float(np.sum(w * (ln_d[members] - mean) ** 2)) - (len(members) - 1)
        norm += float(w.sum() - np.sum(w**2) / w.sum())
        dof += len(members) - 1
    between = max(excess / norm, 0.0) if dof else 0.0
    points = []
    for members in groups:
        w = 1.0 / (sd[members] ** 2 + between)
        points.append(
            ArrheniusPoint(
                temperature_K=float(np.mean(temperature[members])),
                diffusivity_cm2_s=float(np.exp(np.sum(w * ln_d[members]) / w.sum())),
                ln_sd=float(1.0 / np.sqrt(w.sum())),
                n_replicas=len(members),
            )
        )
    return tuple(points), float(np.sqrt(between)) if dof else None


def _weighted(design: Floats, y: Floats, weight: Floats) -> tuple[Floats, Floats, float]:
    """Weighted least squares: solution, covariance for the given weights, chi²."""
    covariance: Floats = np.asarray(np.linalg.inv(design.T @ (design * weight[:, None])), float)
    solution = covariance @ (design.T @ (weight * y))
    chi2 = float(np.sum(weight * (y - design @ solution) ** 2))
    return solution, covariance, chi2


def _wider(covariance: Floats, scatter: float, dof: int) -> tuple[IntervalBasis, float, Floats]:
    """Basis, quantile and covariance of the wider 95 % interval; scatter is chi²/dof."""
    normal = float(stats.norm.ppf(0.5 * (1.0 + CONFIDENCE)))
    student = float(stats.t.ppf(0.5 * (1.0 + CONFIDENCE), dof))
    if student * np.sqrt(scatter) > normal:
        return "scatter", student, covariance * scatter
    return "errors", normal, covariance


def _curvature(x: Floats, y: Floats, weight: Floats) -> float | None:
    """Two-sided probability of the quadratic term in 1/T, the larger of the same two."""
    dof = len(x) - 3
    if dof < 1:
        return None
    centered = x - x.mean()
    design = np.column_stack([np.ones_like(x), centered, centered**2])
    solution, covariance, chi2 = _weighted(design, y, weight)
    deviation = abs(solution[2]) / np.sqrt(covariance[2, 2])
    by_errors = 2.0 * stats.norm.sf(deviation)
    if chi2 == 0.0:
        return float(by_errors)
    return float(max(by_errors, 2.0 * stats.t.sf(deviation / np.sqrt(chi2 / dof), dof)))


def _warnings(fit: ArrheniusResult, bounds: tuple[UpperBound, ...], target: float) -> list[str]:
    warnings = []
    distance = beyond([p.temperature_K for p in fit.points], target)
    if distance > 0.0:
        warnings.append(
            f"extrapolated over {distance:g} K beyond the data to {target:g} K: the interval holds "
            "only if the same mechanism and the same straight line continue there"
        )
    at_target = fit.predict(target)
    if not at_target.supported:
        low, high = at_target.interval_cm2_s
        warnings.append(
            f"no value at {target:g} K: the 95 % interval of D spans {np.log10(high / low):.0f} "
            "orders of magnitude; more temperatures, longer runs or more ions are needed"
        )
    if fit.curvature_p is not None and fit.curvature_p < SIGNIFICANCE:
        warnings.append(
            f"the Arrhenius plot is curved (p = {fit.curvature_p:.3f}): extrapolation is not safe"
        )
    chance = float(stats.chi2.sf(fit.chi2_per_dof * fit.degrees_of_freedom, fit.degrees_of_freedom))
    if chance < SIGNIFICANCE:
        warnings.append(
            f"the points scatter more than their errors (chi2/dof = {fit.chi2_per_dof:.1f}): "
            "the interval follows from the scatter"
        )
    if fit.degrees_of_freedom == 1:
        warnings.append("three temperatures only: one degree of freedom judges the line")
    if fit.activation_energy_eV <= 0.0:
        warnings.append("the activation energy is not positive")
    for bound in bounds:
        if bound.contradicts_fit:
            warnings.append(
                f"the run at {bound.temperature_K:g} K allows at most "
                f"{bound.upper_bound_cm2_s:.1e} cm²/s, less than the line predicts: "
                "the line does not hold there"
            )
    return warnings
