"""What an Arrhenius fit gives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from lionn_rs.numbers import interval, significant
from lionn_rs.units import BOLTZMANN_EV_K

from ._records import Record
from .conductivity import nernst_einstein_factor
from .trajectory import Floats

IntervalBasis = Literal["errors", "scatter"]


@dataclass(frozen=True, kw_only=True)
class ArrheniusPoint(Record):
    """All runs at one temperature, combined."""

    temperature_K: float
    diffusivity_cm2_s: float
    ln_sd: float
    """Standard deviation of ln D, spread between replicas included."""
    n_replicas: int


@dataclass(frozen=True, kw_only=True)
class UpperBound(Record):
    """A run that was not diffusive; listed, not fitted."""

    temperature_K: float
    upper_bound_cm2_s: float
    contradicts_fit: bool
    """The fitted line, with its error, lies above the bound."""


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
    """What the wider interval follows from: the stated ``errors`` of the points, or their
    ``scatter`` around the line."""
    quantile: float
    """Standard deviations of half a 95 % interval: normal for ``errors``, Student for ``scatter``.
    """
    degrees_of_freedom: int
    chi2_per_dof: float
    replica_ln_sd: float | None
    """Spread between replicas beyond their own errors; None without replicas."""
    curvature_p: float | None
    """Probability of a quadratic term that large by chance; None below 4 temperatures."""
    points: tuple[ArrheniusPoint, ...]
    upper_bounds: tuple[UpperBound, ...]
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
