"""Two sources of dynamics side by side: equal diffusivities, equal activation energies or not.

Everything is compared in ln D, where errors are symmetric, with Student's t and the degrees of
freedom that the errors of both sides are known to (Welch and Satterthwaite). "Not different" is
not "equal": every comparison also says how large a difference would have been seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import optimize, special

from lionn_rs.analysis._records import Record
from lionn_rs.analysis.arrhenius.fit import ERROR_DOF, choose_scale, generalized_fit, misfit
from lionn_rs.analysis.arrhenius.points import SAME_TEMPERATURE_K
from lionn_rs.analysis.arrhenius.result import ArrheniusResult
from lionn_rs.analysis.transport.combine import CombinedDiffusion
from lionn_rs.analysis.transport.results import DiffusionResult
from lionn_rs.analysis.transport.trajectory import Floats
from lionn_rs.errors import ConfigError, DataError

__all__ = [
    "ActivationDifference",
    "DiffusivityRatio",
    "PooledRatio",
    "compare_activation",
    "compare_diffusivities",
    "compare_lines",
    "pool_ratios",
]

Diffusivity = DiffusionResult | CombinedDiffusion

UPPER = 0.975
"""Upper end of a two-sided 95 % interval."""
POWER = 0.8
"""Probability with which a difference of the detectable size is found at the 5 % level."""
BOUND_CONFIDENCE = 0.925
"""A one-sided 95 % bound of one side and the 97.5 % end of the other hold together this often at
least (sum of the two risks)."""


@dataclass(frozen=True, kw_only=True)
class DiffusivityRatio(Record):
    """D of A over D of B at one temperature."""

    temperature_K: float
    a_cm2_s: float | None
    """None where A is not diffusive."""
    b_cm2_s: float | None
    a_interval_cm2_s: tuple[float, float] | None
    b_interval_cm2_s: tuple[float, float] | None
    a_upper_bound_cm2_s: float | None
    """One-sided 95 % bound; None for a value of a fitted line."""
    b_upper_bound_cm2_s: float | None
    ratio: float | None
    low: float | None
    """Lower end of the 95 % interval of the ratio, or a bound; None: nothing from below."""
    high: float | None
    confidence: float
    """0.95 of an interval, at least 0.925 of a bound."""
    ln_sd: float | None
    """Standard deviation of the logarithm of the ratio."""
    dof: float | None
    """Degrees of freedom of Student's t."""
    t: float | None
    p_value: float | None
    """Two-sided, of a ratio that far from 1 by chance."""
    detectable_ratio: float | None
    """A ratio that large, or its inverse, is found with 80 % power at the 5 % level."""

    @property
    def differs(self) -> bool:
        """The interval or the bound excludes a ratio of 1."""
        return (self.low is not None and self.low > 1.0) or (
            self.high is not None and self.high < 1.0
        )


@dataclass(frozen=True, kw_only=True)
class PooledRatio(Record):
    """One ratio D(A)/D(B) over all temperatures where both sides have a value."""

    n_temperatures: int
    ratio: float
    interval: tuple[float, float]
    """95 %."""
    p_value: float
    detectable_ratio: float
    heterogeneity_p: float | None
    """Probability that the ratios scatter that much by chance; None for one temperature."""


@dataclass(frozen=True, kw_only=True)
class ActivationDifference(Record):
    """E_a of A minus E_a of B."""

    difference_eV: float
    sd_eV: float
    dof: float
    interval_eV: tuple[float, float]
    """95 %."""
    p_value: float
    detectable_eV: float
    """A difference that large is found with 80 % power at the 5 % level."""


def compare_diffusivities(a: Diffusivity, b: Diffusivity) -> DiffusivityRatio:
    """Ratio of two diffusivities at one temperature, or what bounds say about it.

    ``t = ln(D_A/D_B) / sqrt(s_A² + s_B²)`` with the standard deviations of ln D. If one side has
    only an upper bound, the ratio is bounded from one side; if both do, nothing follows.

    Parameters
    ----------
    a, b : DiffusionResult or CombinedDiffusion
        Independent runs at the same temperature.

    Returns
    -------
    DiffusivityRatio

    Raises
    ------
    ConfigError
        The temperatures differ.

    References
    ----------
    B. L. Welch, Biometrika 34, 28 (1947), doi 10.1093/biomet/34.1-2.28.
    """
    if abs(a.temperature_K - b.temperature_K) >= SAME_TEMPERATURE_K:
        raise ConfigError(
            f"diffusivities at {a.temperature_K:g} K and {b.temperature_K:g} K cannot be compared: "
            "the temperatures differ (fit both, and compare the lines)"
        )
    low = high = None
    tested: _Test | None = None
    known_a, known_b = a.interval_cm2_s, b.interval_cm2_s
    if a.diffusivity_cm2_s and b.diffusivity_cm2_s and a.ln_sd and b.ln_sd:
        tested = _test(
            float(np.log(a.diffusivity_cm2_s / b.diffusivity_cm2_s)),
            (a.ln_sd, b.ln_sd),
            (_dof(a), _dof(b)),
        )
        low, high = float(np.exp(tested.low)), float(np.exp(tested.high))
    elif known_b is not None:
        high = a.upper_bound_cm2_s / known_b[0]
    elif known_a is not None:
        low = known_a[0] / b.upper_bound_cm2_s
    return DiffusivityRatio(
        temperature_K=0.5 * (a.temperature_K + b.temperature_K),
        a_cm2_s=a.diffusivity_cm2_s,
        b_cm2_s=b.diffusivity_cm2_s,
        a_interval_cm2_s=known_a,
        b_interval_cm2_s=known_b,
        a_upper_bound_cm2_s=a.upper_bound_cm2_s,
        b_upper_bound_cm2_s=b.upper_bound_cm2_s,
        low=low,
        high=high,
        confidence=BOUND_CONFIDENCE if tested is None else 2.0 * UPPER - 1.0,
        **_fields(tested),
    )


def pool_ratios(ratios: Sequence[DiffusivityRatio]) -> PooledRatio | None:
    """Weighted mean of ln(D_A/D_B) over temperatures: one answer instead of several.

    The errors count as known to the mean of their degrees of freedom, and the scatter of the
    ratios adds its own, as in :mod:`lionn_rs.analysis.arrhenius.fit`.

    Parameters
    ----------
    ratios : sequence of DiffusivityRatio
        At different temperatures; bounds are left out.

    Returns
    -------
    PooledRatio or None
        None without any ratio.
    """
    known = [
        (float(np.log(r.ratio)), r.ln_sd, r.dof) for r in ratios if r.ratio and r.ln_sd and r.dof
    ]
    if not known:
        return None
    values, sds, dofs = np.array(known).T
    nu = float(len(dofs) / np.sum(1.0 / dofs))
    line = generalized_fit(np.ones((len(values), 1)), values, np.diag(sds**2))
    scale = choose_scale(line.chi2, line.dof, nu)
    center = float(line.solution[0])
    sd = float(np.sqrt(line.covariance[0, 0] * scale.factor))
    return PooledRatio(
        n_temperatures=len(values),
        ratio=float(np.exp(center)),
        interval=(
            float(np.exp(center - scale.quantile * sd)),
            float(np.exp(center + scale.quantile * sd)),
        ),
        p_value=_two_sided(center / sd, scale.dof),
        detectable_ratio=float(np.exp(_detectable(sd, scale.dof))),
        heterogeneity_p=misfit(line.chi2, line.dof, nu) if line.dof else None,
    )


def compare_activation(a: ArrheniusResult, b: ArrheniusResult) -> ActivationDifference:
    """Test that two Arrhenius lines have the same activation energy.

    Parameters
    ----------
    a, b : ArrheniusResult
        Fits of independent runs.

    Returns
    -------
    ActivationDifference
    """
    tested = _test(
        a.activation_energy_eV - b.activation_energy_eV,
        (a.activation_energy_sd_eV, b.activation_energy_sd_eV),
        (degrees_of_freedom(a.quantile), degrees_of_freedom(b.quantile)),
    )
    return ActivationDifference(
        difference_eV=tested.value,
        sd_eV=tested.sd,
        dof=tested.dof,
        interval_eV=(tested.low, tested.high),
        p_value=tested.p_value,
        detectable_eV=tested.detectable,
    )


def compare_lines(
    a: ArrheniusResult, b: ArrheniusResult, temperature_K: float | None = None
) -> DiffusivityRatio:
    """Ratio of two Arrhenius lines at one temperature.

    Parameters
    ----------
    a, b : ArrheniusResult
        Fits of independent runs; they need no temperature in common.
    temperature_K : float, optional
        Default: the middle, in 1/T, of the range that both have data in.

    Returns
    -------
    DiffusivityRatio

    Raises
    ------
    DataError
        The ranges of temperature do not overlap, and no temperature is given.
    """
    if temperature_K is None:
        spans = [[p.temperature_K for p in fit.points] for fit in (a, b)]
        cold, hot = max(min(s) for s in spans), min(max(s) for s in spans)
        if cold > hot:
            raise DataError(
                "the temperatures of the two lines do not overlap "
                f"({', '.join(f'{min(s):g} to {max(s):g} K' for s in spans)}): an extrapolated "
                "ratio needs a temperature"
            )
        temperature_K = 2.0 / (1.0 / cold + 1.0 / hot)
    at = (a.predict(temperature_K), b.predict(temperature_K))
    tested = _test(
        float(np.log(at[0].diffusivity_cm2_s / at[1].diffusivity_cm2_s)),
        (at[0].ln_sd, at[1].ln_sd),
        (degrees_of_freedom(a.quantile), degrees_of_freedom(b.quantile)),
    )
    return DiffusivityRatio(
        temperature_K=temperature_K,
        a_cm2_s=at[0].diffusivity_cm2_s,
        b_cm2_s=at[1].diffusivity_cm2_s,
        a_interval_cm2_s=at[0].interval_cm2_s,
        b_interval_cm2_s=at[1].interval_cm2_s,
        a_upper_bound_cm2_s=None,
        b_upper_bound_cm2_s=None,
        low=float(np.exp(tested.low)),
        high=float(np.exp(tested.high)),
        confidence=2.0 * UPPER - 1.0,
        **_fields(tested),
    )


def degrees_of_freedom(quantile: float) -> float:
    """Degrees of freedom whose Student t has this 97.5 % quantile.

    Parameters
    ----------
    quantile : float
        Half of a 95 % interval over the standard deviation.

    Returns
    -------
    float
        Between 1 and ``inf``.

    Examples
    --------
    >>> round(degrees_of_freedom(2.228), 1), degrees_of_freedom(1.96)
    (10.0, inf)
    """
    most = 1e4
    if quantile <= _quantile(most):
        return float("inf")
    if quantile >= _quantile(1.0):
        return 1.0
    ln_dof = optimize.brentq(lambda x: _quantile(np.exp(x)) - quantile, 0.0, np.log(most))
    return float(np.exp(ln_dof))


def _quantile(dof: float, probability: float = UPPER) -> float:
    """Quantile of Student's t; of the normal distribution for infinite ``dof``."""
    if np.isinf(dof):
        return float(special.ndtri(probability))
    return float(special.stdtrit(dof, probability))


def _two_sided(t: float, dof: float) -> float:
    """Probability of a Student t that far from 0."""
    tail = special.ndtr(-abs(t)) if np.isinf(dof) else special.stdtr(dof, -abs(t))
    return float(2.0 * tail)


@dataclass(frozen=True)
class _Test:
    """A difference against its standard deviation."""

    value: float
    sd: float
    dof: float

    @property
    def t(self) -> float:
        return self.value / self.sd

    @property
    def p_value(self) -> float:
        return _two_sided(self.t, self.dof)

    @property
    def low(self) -> float:
        return self.value - _quantile(self.dof) * self.sd

    @property
    def high(self) -> float:
        return self.value + _quantile(self.dof) * self.sd

    @property
    def detectable(self) -> float:
        return _detectable(self.sd, self.dof)


def _test(value: float, sds: tuple[float, float], dofs: tuple[float, float]) -> _Test:
    """Welch's test: degrees of freedom of a sum of two variances by Satterthwaite."""
    shares: Floats = np.square(sds) / np.sum(np.square(sds))
    inverse = float(np.sum(shares**2 / np.array(dofs)))
    return _Test(value, float(np.hypot(*sds)), float("inf") if inverse == 0.0 else 1.0 / inverse)


def _detectable(sd: float, dof: float) -> float:
    """Difference that is found with the power :data:`POWER` at the 5 % level."""
    return (_quantile(dof) + _quantile(dof, POWER)) * sd


def _dof(result: Diffusivity) -> float:
    """Degrees of freedom to which the error of a result is known.

    What its interval was made with, but not more than errors count for in an Arrhenius fit: the
    model behind the error is not exact either.
    """
    if result.interval_cm2_s is None or not result.ln_sd:
        return ERROR_DOF
    low, high = result.interval_cm2_s
    quantile = 0.5 * float(np.log(high / low)) / result.ln_sd
    return min(degrees_of_freedom(quantile), ERROR_DOF)


def _fields(tested: _Test | None) -> dict[str, float | None]:
    """Entries of a ratio that follow from a test."""
    if tested is None:
        names = ("ratio", "ln_sd", "dof", "t", "p_value", "detectable_ratio")
        return dict.fromkeys(names)
    return {
        "ratio": float(np.exp(tested.value)),
        "ln_sd": tested.sd,
        "dof": tested.dof,
        "t": tested.t,
        "p_value": tested.p_value,
        "detectable_ratio": float(np.exp(tested.detectable)),
    }
