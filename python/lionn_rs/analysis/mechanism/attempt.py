"""The barrier that a jump rate and an attempt frequency stand for."""

from __future__ import annotations

import math
from dataclasses import dataclass

from lionn_rs.analysis._records import Record
from lionn_rs.errors import ConfigError
from lionn_rs.units import BOLTZMANN_EV_K

PER_NS_TO_THZ = 1e-3


@dataclass(frozen=True, kw_only=True)
class EffectiveBarrier(Record):
    """``k_B T ln(nu / G)`` of one run: a free energy, the entropy of activation included."""

    temperature_K: float
    frequency_THz: float
    """Attempt frequency nu."""
    frequency_se_THz: float
    barrier_eV: float
    interval_eV: tuple[float, float | None]
    """From the interval of the jump rate; the error of the frequency is negligible beside it. No
    upper end if the rate may be 0."""


def effective_barrier(
    rate_per_ns: float,
    interval_per_ns: tuple[float, float],
    *,
    frequency_THz: float,
    frequency_se_THz: float,
    temperature_K: float,
) -> EffectiveBarrier:
    """Barrier of a thermally activated jump ``G = nu exp(-E / k_B T)``.

    It is that of one temperature and not an activation energy from an Arrhenius line: entropy and
    the number of ways out of a site are in it.

    Parameters
    ----------
    rate_per_ns, interval_per_ns : float, (float, float)
        Jump rate of an ion and its interval, 1/ns.
    frequency_THz, frequency_se_THz : float
        Attempt frequency and its standard error, THz.
    temperature_K : float
        Temperature, K.

    Returns
    -------
    EffectiveBarrier

    Raises
    ------
    ConfigError
        Unless rate, frequency and temperature are positive.

    References
    ----------
    G. H. Vineyard, J. Phys. Chem. Solids 3, 121 (1957), doi 10.1016/0022-3697(57)90059-8.

    Examples
    --------
    >>> result = effective_barrier(100.0, (80.0, 120.0), frequency_THz=8.0, frequency_se_THz=0.1,
    ...                            temperature_K=900.0)
    >>> print(round(result.barrier_eV, 3))
    0.34
    """
    for name, value in (
        ("rate", rate_per_ns), ("frequency", frequency_THz), ("temperature", temperature_K)
    ):  # fmt: skip
        if not value > 0.0:
            raise ConfigError(f"effective barrier: the {name} must be positive, got {value}")

    def barrier(rate: float) -> float:
        return BOLTZMANN_EV_K * temperature_K * math.log(frequency_THz / (rate * PER_NS_TO_THZ))

    low, high = interval_per_ns
    return EffectiveBarrier(
        temperature_K=temperature_K,
        frequency_THz=frequency_THz,
        frequency_se_THz=frequency_se_THz,
        barrier_eV=barrier(rate_per_ns),
        interval_eV=(barrier(high), barrier(low) if low > 0.0 else None),
    )
