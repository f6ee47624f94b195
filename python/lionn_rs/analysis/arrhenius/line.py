"""Arrhenius fit of diffusivities, and the extrapolation with an interval that covers."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from lionn_rs.analysis.arrhenius.fit import (
    ERROR_DOF,
    SIGNIFICANCE,
    Scale,
    choose_scale,
    generalized_fit,
    misfit,
)
from lionn_rs.analysis.arrhenius.points import (
    diffusive_runs,
    group_temperatures,
    label_index,
    temperature_points,
)
from lionn_rs.analysis.arrhenius.result import (
    ArrheniusResult,
    DirectRun,
    Extrapolation,
    UpperBound,
)
from lionn_rs.analysis.arrhenius.shape import (
    corrected_akaike,
    curvature_probability,
    line_design,
    piecewise,
    vtf,
)
from lionn_rs.analysis.transport.combine import CombinedDiffusion
from lionn_rs.analysis.transport.results import DiffusionResult
from lionn_rs.analysis.transport.trajectory import Floats
from lionn_rs.errors import ConfigError, DataError, ShapeError
from lionn_rs.units import BOLTZMANN_EV_K

FEWEST_TEMPERATURES = 3
"""Two temperatures define a line but leave nothing to judge it by."""
DECISIVE_AICC = 2.0
"""Smaller differences of the corrected Akaike criterion leave both models standing (K. P. Burnham,
D. R. Anderson, Sociol. Methods Res. 33, 261 (2004), doi 10.1177/0049124104268644)."""


def arrhenius(
    temperatures_K: ArrayLike,
    diffusivities: ArrayLike,
    ln_sd: ArrayLike,
    *,
    extrapolate_to_K: float = 300.0,
    upper_bounds: Sequence[tuple[float, float]] = (),
    direct: Sequence[tuple[float, float, float]] = (),
    replica_labels: Sequence[Hashable] | None = None,
    with_vtf: bool = False,
    error_dof: float = ERROR_DOF,
    n_carriers: int | None = None,
    charge: float = 1.0,
    volume_A3: float | None = None,
) -> ArrheniusResult:
    """Weighted straight line through ln D against 1/T.

    Several runs at one temperature are combined first: their scatter beyond their own errors is a
    random effect between replicas, and with ``replica_labels`` two nested ones, between labels
    (arrangements) and between the runs of one (seeds). The variances are estimated by restricted
    maximum likelihood over all temperatures and enter every point. The line is fitted by
    generalized least squares with the covariance of these points; that of ln D0 and E_a (strong and
    positive) is kept. Intervals use Student's t and a factor on the errors to which both their own
    reliability and the scatter around the line contribute, see
    :mod:`lionn_rs.analysis.arrhenius.fit`. Curvature is tested by a quadratic term and by two
    segments with a free break.

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
    direct : sequence of (temperature_K, diffusivity_cm2_s, ln_sd)
        Runs that are compared with the line and not fitted, near ``extrapolate_to_K``.
    replica_labels : (n,) sequence, optional
        Runs with the same label (one arrangement of the framework, at several temperatures) share
        a random effect and have one each besides. Default: every run is a replica of its own.
    with_vtf : bool
        Also fit the law of Vogel, Tammann and Fulcher.
    error_dof : float
        Degrees of freedom to which ``ln_sd`` is known; ``inf`` takes it as exact, 0 uses only its
        ratios.
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
        With fewer than three temperatures, or fewer than five for ``with_vtf``.
    """
    temperature, value, sd = _checked(temperatures_K, diffusivities, ln_sd, extrapolate_to_K)
    if not error_dof >= 0.0:
        raise ConfigError(f"arrhenius: error_dof must be 0 or more, got {error_dof}")
    groups = group_temperatures(temperature)
    if len(groups) < FEWEST_TEMPERATURES:
        raise DataError(
            f"an Arrhenius fit needs diffusive runs at {FEWEST_TEMPERATURES} temperatures or more, "
            f"got {len(groups)}; run longer or at other temperatures"
        )
    points, spread, effect, nu = temperature_points(
        groups, temperature, np.log(value), sd, label_index(replica_labels, len(value)), error_dof
    )
    runs = None if effect is None else effect.runs
    beta = np.array([1.0 / (BOLTZMANN_EV_K * p.temperature_K) for p in points])
    y = np.log([p.diffusivity_cm2_s for p in points])
    line = generalized_fit(line_design(beta), y, spread)
    common = bool(np.any(spread - np.diag(np.diag(spread))))
    scale = choose_scale(line.chi2, line.dof, nu, common=common)
    covariance = line.covariance * scale.factor
    energy, energy_sd = float(line.solution[1]), float(np.sqrt(covariance[1, 1]))
    target_beta = 1.0 / (BOLTZMANN_EV_K * extrapolate_to_K)
    draft = ArrheniusResult(
        activation_energy_eV=energy,
        activation_energy_sd_eV=energy_sd,
        activation_energy_interval_eV=(
            energy - scale.quantile * energy_sd,
            energy + scale.quantile * energy_sd,
        ),
        prefactor_cm2_s=float(np.exp(line.solution[0])),
        prefactor_ln_sd=float(np.sqrt(covariance[0, 0])),
        covariance=covariance,
        interval_basis=scale.basis,
        quantile=scale.quantile,
        error_dof=nu,
        degrees_of_freedom=line.dof,
        chi2_per_dof=line.chi2 / line.dof,
        misfit_p=misfit(line.chi2, line.dof, nu),
        replica_ln_sd=None if effect is None else effect.sd,
        replica_interval=None if effect is None else effect.interval,
        run_ln_sd=None if runs is None else runs.sd,
        run_interval=None if runs is None else runs.interval,
        curvature_p=curvature_probability(beta, y, spread, nu),
        aicc=corrected_akaike(line.chi2, len(y), 2),
        piecewise=piecewise(beta, y, spread, nu, target_beta=target_beta),
        vtf=vtf(beta, y, spread, nu, target_beta=target_beta) if with_vtf else None,
        points=points,
        upper_bounds=(),
        direct=(),
        extrapolation=_no_extrapolation(extrapolate_to_K),
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
    whole = replace(
        draft,
        upper_bounds=bounds,
        direct=tuple(_compare(draft, scale, *run) for run in sorted(direct)),
        extrapolation=draft.predict(extrapolate_to_K),
    )
    return replace(whole, warnings=tuple(_warnings(whole)))


def arrhenius_from_results(
    results: Sequence[DiffusionResult | CombinedDiffusion],
    *,
    extrapolate_to_K: float = 300.0,
    direct: Sequence[DiffusionResult | CombinedDiffusion] = (),
    replica_labels: Sequence[Hashable] | None = None,
    with_vtf: bool = False,
) -> ArrheniusResult:
    """Arrhenius fit of the runs that were diffusive; the others enter as upper bounds.

    Parameters
    ----------
    results : sequence of DiffusionResult or CombinedDiffusion
        Runs of the same material at several temperatures, replicas welcome.
    extrapolate_to_K : float
        Temperature of the prediction.
    direct : sequence of DiffusionResult or CombinedDiffusion
        Runs beside the extrapolation: compared with the line, not fitted.
    replica_labels : sequence, optional
        One for each result, see :func:`arrhenius`.
    with_vtf : bool
        Also fit the law of Vogel, Tammann and Fulcher.

    Returns
    -------
    ArrheniusResult
        The conductivity uses the mean volume per carrier of the runs.

    Raises
    ------
    DataError
        With fewer than three diffusive temperatures, naming the refused ones.
    """
    used, labels = diffusive_runs(results, replica_labels)
    refused = [r for r in results if not r.diffusive]
    if len(group_temperatures(np.array([r.temperature_K for r in used]))) < FEWEST_TEMPERATURES:
        listed = ", ".join(f"{r.temperature_K:g} K" for r in refused) or "none"
        got = sorted({r.temperature_K for r in used})
        raise DataError(
            f"an Arrhenius fit needs diffusive runs at {FEWEST_TEMPERATURES} temperatures or more, "
            f"got {len(got)} ({', '.join(f'{t:g} K' for t in got) or 'none'}; not diffusive: "
            f"{listed}); run longer or hotter"
        )
    if len({(r.carrier, r.charge) for r in (*results, *direct)}) > 1:
        raise ConfigError("arrhenius: the runs are of different carriers")
    n_carriers = used[0].n_carriers
    volume = float(np.mean([r.volume_A3 / r.n_carriers for r in used])) * n_carriers
    fit = arrhenius(
        [r.temperature_K for r in used],
        np.array([r.diffusivity_cm2_s for r in used], dtype=np.float64),
        np.array([r.ln_sd for r in used], dtype=np.float64),
        extrapolate_to_K=extrapolate_to_K,
        upper_bounds=[
            (r.temperature_K, r.upper_bound_cm2_s)
            for r in (*refused, *(d for d in direct if not d.diffusive))
        ],
        direct=[
            (r.temperature_K, r.diffusivity_cm2_s, r.ln_sd)
            for r in direct
            if r.diffusivity_cm2_s is not None and r.ln_sd is not None
        ],
        replica_labels=labels,
        with_vtf=with_vtf,
        n_carriers=n_carriers,
        charge=used[0].charge,
        volume_A3=volume,
    )
    return replace(fit, warnings=(*_clock_warnings([*results, *direct]), *fit.warnings))


def _clock_warnings(results: Sequence[DiffusionResult | CombinedDiffusion]) -> list[str]:
    """Name runs whose stated frame interval contradicts their stated temperature."""
    runs = [run for r in results for run in (r.runs if isinstance(r, CombinedDiffusion) else (r,))]
    texts = [
        f"{run.temperature_K:g} K: {run.clock.warning}"
        for run in runs
        if run.clock is not None and not run.clock.consistent
    ]
    return list(dict.fromkeys(texts))


def _compare(
    fit: ArrheniusResult, scale: Scale, temperature: float, value: float, ln_sd: float
) -> DirectRun:
    """One run against the line."""
    at = fit.predict(temperature)
    z = float(np.log(value / at.diffusivity_cm2_s) / np.hypot(at.ln_sd, ln_sd))
    chance = float(2.0 * stats.t.sf(abs(z), scale.dof))
    return DirectRun(
        temperature_K=float(temperature),
        diffusivity_cm2_s=float(value),
        ln_sd=float(ln_sd),
        predicted_cm2_s=at.diffusivity_cm2_s,
        z=z,
        p_value=chance,
        consistent=chance >= SIGNIFICANCE,
    )


def _checked(
    temperatures: ArrayLike, diffusivities: ArrayLike, ln_sd: ArrayLike, target: float
) -> tuple[Floats, Floats, Floats]:
    temperature, value, sd = (
        np.atleast_1d(np.asarray(a, dtype=np.float64)) for a in (temperatures, diffusivities, ln_sd)
    )
    if not temperature.shape == value.shape == sd.shape or temperature.ndim != 1:
        raise ShapeError(
            "temperatures, diffusivities and ln_sd must be equally long, got "
            f"{temperature.shape}, {value.shape}, {sd.shape}"
        )
    named = (("temperatures", temperature), ("diffusivities", value), ("ln_sd", sd))
    for name, array in (*named, ("extrapolate_to_K", np.array([target]))):
        if not np.all(np.isfinite(array) & (array > 0.0)):
            raise ConfigError(f"arrhenius: {name} must be positive, got {array.tolist()}")
    return temperature, value, sd


def _no_extrapolation(temperature: float) -> Extrapolation:
    """Stand in until the line can be evaluated."""
    nothing = float("nan")
    return Extrapolation(
        temperature_K=temperature,
        diffusivity_cm2_s=nothing,
        ln_sd=nothing,
        interval_cm2_s=(nothing, nothing),
        conductivity_mS_cm=None,
        conductivity_interval_mS_cm=None,
        beyond_data_K=nothing,
        supported=False,
    )


def _warnings(fit: ArrheniusResult) -> list[str]:
    warnings = _shape_warnings(fit)
    at = fit.extrapolation
    if at.beyond_data_K > 0.0:
        warnings.insert(
            0,
            f"extrapolated over {at.beyond_data_K:g} K beyond the data to {at.temperature_K:g} K: "
            "the interval holds only if the same mechanism and the same straight line continue "
            "there",
        )
    if not at.supported:
        low, high = at.interval_cm2_s
        warnings.append(
            f"no value at {at.temperature_K:g} K: the 95 % interval of D spans "
            f"{np.log10(high / low):.0f} orders of magnitude; more temperatures, longer runs or "
            "more ions are needed"
        )
    if fit.misfit_p < SIGNIFICANCE:
        warnings.append(
            f"the points scatter more than their errors (chi2/dof = {fit.chi2_per_dof:.1f}): "
            "the interval follows from the scatter"
        )
    if fit.replica_ln_sd is None:
        warnings.append(
            "no temperature has replicas: what differs between seeds and arrangements of the "
            "framework is not in the interval"
        )
    if fit.degrees_of_freedom == 1:
        warnings.append("three temperatures only: one degree of freedom judges the line")
    if fit.activation_energy_eV <= 0.0:
        warnings.append("the activation energy is not positive")
    for bound in fit.upper_bounds:
        if bound.contradicts_fit:
            warnings.append(
                f"the run at {bound.temperature_K:g} K allows at most "
                f"{bound.upper_bound_cm2_s:.1e} cm²/s, less than the line predicts: "
                "the line does not hold there"
            )
    return warnings + [str(run) for run in fit.direct if not run.consistent]


def _shape_warnings(fit: ArrheniusResult) -> list[str]:
    warnings = []
    if fit.curvature_p is not None and fit.curvature_p < SIGNIFICANCE:
        warnings.append(
            f"the Arrhenius plot is curved (p = {fit.curvature_p:.2g}): extrapolation is not safe"
        )
    two = fit.piecewise
    if two is not None and two.p_value < SIGNIFICANCE:
        warnings.append(
            f"two segments describe the points better than one (p = {two.p_value:.2g}): "
            f"E_a = {two.hot_activation_energy_eV:.3f} eV above and "
            f"{two.cold_activation_energy_eV:.3f} eV below about {two.break_K:.0f} K; the colder "
            f"one leads to D({two.temperature_K:g} K) = {two.diffusivity_cm2_s:.1e} cm²/s, 95 % "
            f"[{two.interval_cm2_s[0]:.1e}, {two.interval_cm2_s[1]:.1e}]"
        )
    if fit.vtf is not None and fit.vtf.aicc is not None and fit.aicc is not None:
        gain = fit.aicc - fit.vtf.aicc
        better, worse = ("VTF", "Arrhenius") if gain > 0.0 else ("Arrhenius", "VTF")
        warnings.append(
            f"{better} describes the points better than {worse} (AICc lower by {abs(gain):.1f}"
            + ("; below 2 says little)" if abs(gain) < DECISIVE_AICC else ")")
        )
    return warnings
