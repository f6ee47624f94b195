"""What an Arrhenius fit gives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from lionn_rs.analysis._records import Record
from lionn_rs.analysis.transport.conductivity import nernst_einstein_factor
from lionn_rs.analysis.transport.trajectory import Floats
from lionn_rs.numbers import interval, significant
from lionn_rs.units import BOLTZMANN_EV_K

IntervalBasis = Literal["errors", "scatter"]
CONFIDENCE: Final = 0.95


@dataclass(frozen=True, kw_only=True)
class ArrheniusPoint(Record):
    """All runs at one temperature, combined."""

    temperature_K: float
    diffusivity_cm2_s: float
    ln_sd: float
    """Standard deviation of ln D, spread between replicas included."""
    interval_cm2_s: tuple[float, float]
    """95 % interval; Student's t as far as a spread between few replicas is in it."""
    n_replicas: int


@dataclass(frozen=True, kw_only=True)
class UpperBound(Record):
    """A run that was not diffusive; listed, not fitted."""

    temperature_K: float
    upper_bound_cm2_s: float
    contradicts_fit: bool
    """The fitted line, with its error, lies above the bound."""


@dataclass(frozen=True, kw_only=True)
class DirectRun(Record):
    """A run beside the extrapolation: compared with the line, not fitted."""

    temperature_K: float
    diffusivity_cm2_s: float
    ln_sd: float
    predicted_cm2_s: float
    """The line at this temperature."""
    z: float
    """``(ln D - line)`` over the standard deviation of this difference."""
    p_value: float
    """Two-sided, Student's t with the degrees of freedom of the fit."""
    consistent: bool
    """The difference is not significant at the 5 % level."""

    def __str__(self) -> str:
        """One line for the terminal."""
        ratio = self.diffusivity_cm2_s / self.predicted_cm2_s
        verdict = "consistent with the line" if self.consistent else "the line does not hold there"
        return (
            f"direct run at {self.temperature_K:g} K: D = {self.diffusivity_cm2_s:.2e} cm²/s, "
            f"{significant(ratio, 2)} times the line (z = {self.z:.1f}, p = {self.p_value:.2g}): "
            f"{verdict}"
        )


@dataclass(frozen=True, kw_only=True)
class PiecewiseFit(Record):
    """Two Arrhenius segments that meet at the temperature where they fit best."""

    break_K: float
    break_interval_K: tuple[float, float]
    """Breaks that fit nearly as well: within 3.84 of the least chi² in units of the errors."""
    hot_activation_energy_eV: float
    hot_interval_eV: tuple[float, float]
    """95 %, for this break."""
    cold_activation_energy_eV: float
    cold_interval_eV: tuple[float, float]
    p_value: float
    """Probability that the best of all breaks improves a straight line as much by chance."""
    aicc: float | None
    temperature_K: float
    diffusivity_cm2_s: float
    """The segments at that temperature: the cold one when it is below the break."""
    interval_cm2_s: tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class VtfFit(Record):
    """``D = A exp(-B/(T - T0))``."""

    prefactor_cm2_s: float
    b_K: float
    b_sd_K: float
    t0_K: float
    """0: Arrhenius' law."""
    t0_interval_K: tuple[float, float]
    """95 %, from the profile of chi²; not below 0."""
    chi2: float
    aicc: float | None
    temperature_K: float
    diffusivity_cm2_s: float | None
    """None at and below T0."""
    interval_cm2_s: tuple[float, float] | None

    def __str__(self) -> str:
        """One line for the terminal."""
        low, high = self.t0_interval_K
        text = f"VTF: T0 = {self.t0_K:.0f} K, 95 % [{low:.0f}, {high:.0f}]; "
        if self.diffusivity_cm2_s is None or self.interval_cm2_s is None:
            return text + f"no diffusion at {self.temperature_K:g} K"
        low, high = self.interval_cm2_s
        return text + (
            f"D({self.temperature_K:g} K) = {self.diffusivity_cm2_s:.2e} cm²/s, 95 % "
            f"[{low:.1e}, {high:.1e}]"
        )


WIDEST_INTERVAL: Final = 1000.0
"""Upper over lower end of a 95 % interval beyond which a value says nothing."""


@dataclass(frozen=True, kw_only=True)
class Extrapolation(Record):
    """The fitted line at one temperature."""

    temperature_K: float
    diffusivity_cm2_s: float
    ln_sd: float
    interval_cm2_s: tuple[float, float]
    """95 % interval of the line."""
    conductivity_mS_cm: float | None
    """Nernst-Einstein; None without cell volume and number of carriers."""
    conductivity_interval_mS_cm: tuple[float, float] | None
    beyond_data_K: float
    """Distance to the nearest temperature of the fit, K."""
    supported: bool
    """Whether the data support a value: False where the 95 % interval spans more than a factor of
    :data:`WIDEST_INTERVAL`."""


@dataclass(frozen=True, kw_only=True)
class ArrheniusResult(Record):
    """``ln D = ln D0 - E_a / (k_B T)``."""

    activation_energy_eV: float
    activation_energy_sd_eV: float
    activation_energy_interval_eV: tuple[float, float]
    prefactor_cm2_s: float
    prefactor_ln_sd: float
    covariance: Floats
    """(2, 2) of (ln D0, E_a in eV), on the basis below."""
    interval_basis: IntervalBasis
    """What the interval follows from: the stated ``errors`` of the points, together with what
    their scatter says about the size of these, or the ``scatter`` around the line alone where it is
    larger than the errors allow."""
    quantile: float
    """Standard deviations of half a 95 % interval, Student's t."""
    error_dof: float
    """Degrees of freedom to which the errors of the points count as known."""
    degrees_of_freedom: int
    chi2_per_dof: float
    """For the stated errors."""
    misfit_p: float
    """Probability of a scatter that large around a straight line."""
    replica_ln_sd: float | None
    """Spread between replicas beyond their own errors; None without replicas."""
    replica_interval: tuple[float, float] | None
    """95 % interval of that spread."""
    run_ln_sd: float | None = None
    """Spread between the runs (seeds) of one replica (arrangement) beyond their own errors; None
    where every replica is one run, so that ``replica_ln_sd`` holds both."""
    run_interval: tuple[float, float] | None = None
    """95 % interval of that spread."""
    curvature_p: float | None
    """Probability of a quadratic term that large by chance; None below 4 temperatures."""
    aicc: float | None
    """Corrected Akaike criterion of the line, up to the constant that all models share."""
    piecewise: PiecewiseFit | None
    """None below 5 temperatures."""
    vtf: VtfFit | None
    """Only where asked for."""
    points: tuple[ArrheniusPoint, ...]
    upper_bounds: tuple[UpperBound, ...]
    direct: tuple[DirectRun, ...]
    extrapolation: Extrapolation
    n_carriers: int | None
    charge: float
    volume_A3: float | None
    warnings: tuple[str, ...]

    def predict(self, temperature_K: float) -> Extrapolation:
        """Evaluate the line and its 95 % interval at a temperature.

        Parameters
        ----------
        temperature_K : float
            Temperature, K.

        Returns
        -------
        Extrapolation
        """
        beta = 1.0 / (BOLTZMANN_EV_K * temperature_K)
        gradient = np.array([1.0, -beta])
        center = float(np.log(self.prefactor_cm2_s) - self.activation_energy_eV * beta)
        ln_sd = float(np.sqrt(gradient @ self.covariance @ gradient))
        value = float(np.exp(center))
        spread = float(np.exp(self.quantile * ln_sd))
        interval = (value / spread, value * spread)
        sigma, sigma_interval = None, None
        if self.n_carriers is not None and self.volume_A3 is not None:
            factor = nernst_einstein_factor(
                n_carriers=self.n_carriers,
                charge=self.charge,
                volume_A3=self.volume_A3,
                temperature_K=temperature_K,
            )
            sigma = value * factor
            sigma_interval = (interval[0] * factor, interval[1] * factor)
        return Extrapolation(
            temperature_K=temperature_K,
            diffusivity_cm2_s=value,
            ln_sd=ln_sd,
            interval_cm2_s=interval,
            conductivity_mS_cm=sigma,
            conductivity_interval_mS_cm=sigma_interval,
            beyond_data_K=beyond([p.temperature_K for p in self.points], temperature_K),
            supported=spread**2 <= WIDEST_INTERVAL,
        )

    def __str__(self) -> str:
        """One line for the terminal."""
        at = self.extrapolation
        low, high = self.activation_energy_interval_eV
        text = f"E_a = {self.activation_energy_eV:.3f} eV, 95 % [{low:.3f}, {high:.3f}]; "
        if not at.supported:
            return (
                text + f"no value at {at.temperature_K:g} K: the interval spans orders of magnitude"
            )
        text += (
            f"D({at.temperature_K:g} K) = {at.diffusivity_cm2_s:.2e} cm²/s, 95 % "
            f"[{at.interval_cm2_s[0]:.1e}, {at.interval_cm2_s[1]:.1e}]"
        )
        if at.conductivity_mS_cm is not None and at.conductivity_interval_mS_cm is not None:
            text += (
                f"; sigma = {significant(at.conductivity_mS_cm, 2)} mS/cm, "
                f"95 % {interval(*at.conductivity_interval_mS_cm)}"
            )
        return f"{text} (intervals from the {self.interval_basis} of the points)"


def beyond(temperatures: Sequence[float], target: float) -> float:
    """Distance of a temperature to the range of the others, K."""
    low, high = min(temperatures), max(temperatures)
    return max(low - target, target - high, 0.0)
