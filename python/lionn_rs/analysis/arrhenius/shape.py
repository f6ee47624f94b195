"""Is the Arrhenius plot a straight line? Curvature, two segments, Vogel-Tammann-Fulcher.

All three alternatives are judged with the same errors as the line, see
:mod:`lionn_rs.analysis.arrhenius.fit`. Where the break of two segments is free, the ordinary F test
does not hold (the break is not identified when there is none); the distribution of the largest
improvement over all breaks is simulated for the temperatures and errors at hand (R. B. Davies,
Biometrika 74, 33 (1987), doi 10.1093/biomet/74.1.33; B. E. Hansen, Econometrica 64, 413 (1996)).
"""

from __future__ import annotations

import numpy as np
from scipy import optimize, stats

from lionn_rs.analysis.arrhenius.fit import LinearFit, choose_scale, generalized_fit
from lionn_rs.analysis.arrhenius.result import PiecewiseFit, VtfFit
from lionn_rs.analysis.transport.trajectory import Floats
from lionn_rs.errors import DataError
from lionn_rs.units import BOLTZMANN_EV_K

FEWEST_FOR_CURVATURE = 4
FEWEST_FOR_BREAK = 5
FEWEST_FOR_VTF = 5
"""Three parameters, and the corrected Akaike criterion divides by n - 4."""
N_BREAKS = 31
N_SIMULATED = 2000
SEED = 20180318
"""Simulated probabilities are the same in every call."""
NEAREST_T0 = 0.97
"""T0 stays below this share of the lowest temperature, where VTF diverges."""
N_T0 = 200


def line_design(beta: Floats) -> Floats:
    """Columns of (ln D0, E_a) for ``beta = 1/(k_B T)``, 1/eV."""
    return np.column_stack([np.ones_like(beta), -beta])


def corrected_akaike(chi2: float, n: int, parameters: int) -> float | None:
    """AICc up to a constant; None without degrees of freedom for the correction."""
    if n - parameters - 1 < 1:
        return None
    return chi2 + 2.0 * parameters + 2.0 * parameters * (parameters + 1) / (n - parameters - 1)


def curvature_probability(beta: Floats, y: Floats, covariance: Floats, nu: float) -> float | None:
    """Two-sided probability of a quadratic term in 1/T that large by chance.

    None below four temperatures.
    """
    if len(beta) < FEWEST_FOR_CURVATURE:
        return None
    centered = beta - beta.mean()
    fit = generalized_fit(np.column_stack([line_design(beta), centered**2]), y, covariance)
    scale = choose_scale(fit.chi2, fit.dof, nu)
    deviation = abs(fit.solution[2]) / np.sqrt(fit.covariance[2, 2] * scale.factor)
    return float(2.0 * stats.t.sf(deviation, scale.dof))


def piecewise(
    beta: Floats, y: Floats, covariance: Floats, nu: float, *, target_beta: float
) -> PiecewiseFit | None:
    """Two straight segments that meet at a free temperature, against one.

    Parameters
    ----------
    beta, y : (n,) float64
        ``1/(k_B T)`` in 1/eV and ln D.
    covariance : (n, n) float64
    nu : float
        Degrees of freedom to which the errors are known.
    target_beta : float
        Where the cold segment is evaluated.

    Returns
    -------
    PiecewiseFit or None
        None below five temperatures: each segment must hold two.
    """
    n = len(beta)
    if n < FEWEST_FOR_BREAK:
        return None
    ordered = np.sort(beta)
    breaks = np.linspace(ordered[1], ordered[-2], N_BREAKS)
    hinges = np.maximum(beta[:, None] - breaks, 0.0)

    # In whitened coordinates each break is one direction orthogonal to the line.
    whiten = np.linalg.inv(np.linalg.cholesky(covariance))
    basis, _ = np.linalg.qr(whiten @ line_design(beta))
    directions = whiten @ hinges
    directions -= basis @ (basis.T @ directions)
    directions /= np.linalg.norm(directions, axis=0)

    def statistic(values: Floats) -> Floats:
        """Gain in chi² over its scale at every break, (n_breaks, n_samples)."""
        rest = values - basis @ (basis.T @ values)
        line_chi2 = np.sum(rest**2, axis=0)
        gains = (directions.T @ rest) ** 2
        left = np.maximum(line_chi2 - gains, np.finfo(float).tiny)
        known = 1.0 if np.isinf(nu) else (nu + left) / (nu + n - 3)
        return np.asarray(gains / known)

    ratio = statistic((whiten @ y)[:, None])[:, 0]
    best = int(np.argmax(ratio))
    rng = np.random.default_rng(SEED)
    noise = rng.standard_normal((n, N_SIMULATED))
    if 0.0 < nu < np.inf:  # Without stated errors the statistic has no scale.
        noise *= np.sqrt(nu / rng.chisquare(nu, N_SIMULATED))
    simulated = statistic(noise).max(axis=0)
    chance = (1.0 + np.sum(simulated >= ratio.max())) / (1.0 + N_SIMULATED)

    fit = generalized_fit(np.column_stack([line_design(beta), hinges[:, best]]), y, covariance)
    # One degree for the break, which is fitted too.
    scale = choose_scale(fit.chi2, max(fit.dof - 1, 0), nu)
    return _describe_segments(
        fit,
        scale_factor=scale.factor,
        quantile=scale.quantile,
        breaks=breaks,
        best=best,
        lost=ratio[best] - ratio,
        chance=float(chance),
        aicc=corrected_akaike(fit.chi2, n, 4),
        target_beta=target_beta,
    )


def _describe_segments(
    fit: LinearFit,
    *,
    scale_factor: float,
    quantile: float,
    breaks: Floats,
    best: int,
    lost: Floats,
    chance: float,
    aicc: float | None,
    target_beta: float,
) -> PiecewiseFit:
    def value(gradient: list[float]) -> tuple[float, tuple[float, float]]:
        g = np.array(gradient)
        center = float(g @ fit.solution)
        half = quantile * float(np.sqrt(scale_factor * (g @ fit.covariance @ g)))
        return center, (center - half, center + half)

    hot, hot_interval = value([0.0, 1.0, 0.0])
    cold, cold_interval = value([0.0, 1.0, -1.0])
    at, at_interval = value([1.0, -target_beta, max(target_beta - float(breaks[best]), 0.0)])
    near = breaks[lost <= stats.chi2.ppf(0.95, 1)]
    return PiecewiseFit(
        break_K=_kelvin(breaks[best]),
        break_interval_K=(_kelvin(near.max()), _kelvin(near.min())),
        hot_activation_energy_eV=hot,
        hot_interval_eV=hot_interval,
        cold_activation_energy_eV=cold,
        cold_interval_eV=cold_interval,
        p_value=chance,
        aicc=aicc,
        temperature_K=_kelvin(target_beta),
        diffusivity_cm2_s=float(np.exp(at)),
        interval_cm2_s=(float(np.exp(at_interval[0])), float(np.exp(at_interval[1]))),
    )


def vtf(beta: Floats, y: Floats, covariance: Floats, nu: float, *, target_beta: float) -> VtfFit:
    """Vogel-Tammann-Fulcher law ``D = A exp(-B/(T - T0))``, T0 >= 0.

    Nonlinear least squares by the profile over T0: for a given T0 the law is a straight line in
    ``1/(T - T0)``. The interval of T0 is that of the profile, that of the prediction follows from
    the three-parameter covariance; where T0 runs to 0, the law is Arrhenius' and T0 is fixed there.

    Parameters
    ----------
    beta, y, covariance, nu, target_beta
        As in :func:`piecewise`.

    Returns
    -------
    VtfFit

    Raises
    ------
    DataError
        Below five temperatures.
    """
    n = len(beta)
    if n < FEWEST_FOR_VTF:
        raise DataError(
            f"a VTF fit has three parameters and needs diffusive runs at {FEWEST_FOR_VTF} "
            f"temperatures or more, got {n}; run at other temperatures or fit Arrhenius' law"
        )
    kelvin = 1.0 / (BOLTZMANN_EV_K * beta)
    target = _kelvin(target_beta)

    def line(t0: float) -> LinearFit:
        design = np.column_stack([np.ones(n), -1.0 / (kelvin - t0)])
        return generalized_fit(design, y, covariance)

    grid = np.linspace(0.0, NEAREST_T0 * float(kelvin.min()), N_T0)
    chi2 = np.array([line(t0).chi2 for t0 in grid])
    best = int(np.argmin(chi2))
    around = (grid[max(best - 1, 0)], grid[min(best + 1, N_T0 - 1)])
    found = optimize.minimize_scalar(lambda t0: line(t0).chi2, bounds=around, method="bounded")
    t0 = float(found.x) if found.fun < chi2[0] and best > 0 else 0.0
    fit = line(t0)
    ln_a, b = (float(v) for v in fit.solution)
    scale = choose_scale(fit.chi2, n - 3, nu)

    def gradient(temperature: Floats) -> Floats:
        away = temperature - t0
        columns = [np.ones_like(away), -1.0 / away, -b / away**2]
        return np.column_stack(columns if t0 > 0.0 else columns[:2])

    jacobian = gradient(kelvin)
    spread = scale.factor * np.linalg.inv(jacobian.T @ np.linalg.solve(covariance, jacobian))
    allowed = scale.factor * scale.quantile**2
    near = grid[chi2 <= fit.chi2 + allowed]
    center, interval = None, None
    if target > t0:
        g = gradient(np.array([target]))[0]
        half = scale.quantile * float(np.sqrt(g @ spread @ g))
        middle = ln_a - b / (target - t0)
        center = float(np.exp(middle))
        interval = (float(np.exp(middle - half)), float(np.exp(middle + half)))
    return VtfFit(
        prefactor_cm2_s=float(np.exp(ln_a)),
        b_K=b,
        b_sd_K=float(np.sqrt(spread[1, 1])),
        t0_K=t0,
        t0_interval_K=(float(near.min()), float(near.max())),
        chi2=fit.chi2,
        aicc=corrected_akaike(fit.chi2, n, 3),
        temperature_K=target,
        diffusivity_cm2_s=center,
        interval_cm2_s=interval,
    )


def _kelvin(beta: float) -> float:
    return float(1.0 / (BOLTZMANN_EV_K * beta))
