"""Ionic conductivity from diffusivities: Nernst-Einstein, and collective with the Haven ratio."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lionn_rs.errors import ConfigError
from lionn_rs.units import BOLTZMANN_EV_K, ELEMENTARY_CHARGE_C

from ._records import Record
from .gls import choose_lags, fit_line
from .trajectory import Floats

A3_TO_CM3 = 1e-24
S_TO_MS = 1e3
COLLECTIVE_FRACTION = 0.2
"""Last lag of the collective fit over the run; this coordinate is averaged over time only."""
MEANINGFUL_RELATIVE_SD = 0.5
"""Relative error above which a collective diffusivity is not quoted as a result."""
Z95 = 1.959963984540054
"""Two-sided 95 % point of the normal distribution."""


def nernst_einstein_factor(
    *, n_carriers: int, charge: float, volume_A3: float, temperature_K: float
) -> float:
    """Conductivity per diffusivity, (mS/cm)/(cm²/s): ``N z² e² / (V k_B T)``.

    Parameters
    ----------
    n_carriers : int
        Mobile ions in the cell.
    charge : float
        Their charge number z.
    volume_A3 : float
        Volume of the cell, Å³.
    temperature_K : float
        Temperature, K.

    Returns
    -------
    float

    Raises
    ------
    ConfigError
        Unless number, volume and temperature are positive.

    Notes
    -----
    Ignores the correlation between ions; with the collective diffusivity in place of the tracer
    diffusivity the same factor gives the conductivity of correlated ions.

    Examples
    --------
    20 Li in the experimental LGPS cell at 300 K, 7.09e-8 cm²/s:

    >>> factor = nernst_einstein_factor(
    ...     n_carriers=20, charge=1, volume_A3=960.2, temperature_K=300.0)
    >>> round(7.09e-8 * factor, 2)
    9.15
    """
    if n_carriers <= 0 or not volume_A3 > 0.0 or not temperature_K > 0.0:
        raise ConfigError(
            "conductivity needs positive number of carriers, volume and temperature, got "
            f"{n_carriers}, {volume_A3} Å³, {temperature_K} K"
        )
    density_cm3 = n_carriers / (volume_A3 * A3_TO_CM3)
    # e²/(k_B T) with k_B T in eV leaves one e in coulomb and volt.
    thermal_V = BOLTZMANN_EV_K * temperature_K
    return density_cm3 * charge**2 * ELEMENTARY_CHARGE_C / thermal_V * S_TO_MS


def nernst_einstein(
    diffusivity_cm2_s: float,
    *,
    n_carriers: int,
    charge: float,
    volume_A3: float,
    temperature_K: float,
) -> float:
    """Conductivity in mS/cm from a diffusivity in cm²/s; see :func:`nernst_einstein_factor`."""
    return diffusivity_cm2_s * nernst_einstein_factor(
        n_carriers=n_carriers,
        charge=charge,
        volume_A3=volume_A3,
        temperature_K=temperature_K,
    )


@dataclass(frozen=True, kw_only=True)
class CollectiveResult(Record):
    """Charge diffusivity, the conductivity it gives, and the Haven ratio."""

    diffusivity_cm2_s: float
    """``1/(6N) d<|sum_k (r_k - r_k(0))|^2>/dt``, cm²/s; may be negative when there is no signal."""
    diffusivity_sd_cm2_s: float
    conductivity_mS_cm: float
    conductivity_sd_mS_cm: float
    haven_ratio: float | None
    """Tracer over charge diffusivity; None when not meaningful."""
    haven_ratio_interval: tuple[float, float] | None
    """95 % interval."""
    window_ps: tuple[float, float]
    meaningful: bool
    note: str


def collective(
    curve: Floats,
    *,
    first_lag: int,
    to_cm2_s: float,
    factor: float,
    lag_ps: float,
    hop_length_A: float,
    n_carriers: int,
    tracer: tuple[float, float] | None,
) -> CollectiveResult | None:
    """Fit the collective MSD of the carriers.

    Parameters
    ----------
    curve : (3, n_frames) float64, Å²
        From :func:`lionn_rs.analysis.msd.collective_msd`.
    first_lag : int
        First lag of the tracer fit, frames.
    to_cm2_s : float
        Factor from a slope in Å²/frame to a diffusivity in cm²/s.
    factor : float
        Nernst-Einstein factor.
    lag_ps : float
        Time of one frame, ps.
    hop_length_A : float
        Hop length, Å.
    n_carriers : int
        Number of ions.
    tracer : (diffusivity, relative sd) or None
        Tracer diffusivity in cm²/s, for the Haven ratio.

    Returns
    -------
    CollectiveResult or None
        None if the run is too short for a collective fit.
    """
    last = int(COLLECTIVE_FRACTION * (curve.shape[1] - 1))
    if last < 2 * first_lag or last - first_lag < 2:
        return None
    # One collective coordinate: no average over ions. Its fourth cumulant is that of one ion over
    # N.
    line = fit_line(
        curve,
        choose_lags(first_lag, last),
        n_particles=1,
        hop_length_A=hop_length_A / np.sqrt(n_carriers),
    )
    value, sd = line.slope * to_cm2_s, line.slope_sd * to_cm2_s
    meaningful = value > 0.0 and sd / value < MEANINGFUL_RELATIVE_SD
    haven, interval = None, None
    if meaningful and tracer is not None:
        haven = tracer[0] / value
        # The two errors are positively correlated; adding them in quadrature is on the safe side.
        spread = float(np.exp(Z95 * np.hypot(tracer[1], sd / value)))
        interval = (haven / spread, haven * spread)
    note = (
        "one collective coordinate, averaged over time only"
        if meaningful
        else "too uncertain in this run to be quoted"
    )
    return CollectiveResult(
        diffusivity_cm2_s=value,
        diffusivity_sd_cm2_s=sd,
        conductivity_mS_cm=value * factor,
        conductivity_sd_mS_cm=sd * factor,
        haven_ratio=haven,
        haven_ratio_interval=interval,
        window_ps=(first_lag * lag_ps, last * lag_ps),
        meaningful=meaningful,
        note=note,
    )
