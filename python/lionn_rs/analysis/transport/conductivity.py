"""Ionic conductivity from diffusivities: Nernst-Einstein, and collective with the Haven ratio."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations_with_replacement

import numpy as np

from lionn_rs.analysis._records import Record
from lionn_rs.analysis.transport.gls import LineFit, choose_lags, fit_line
from lionn_rs.analysis.transport.msd import cross_msd, msd_tensor
from lionn_rs.analysis.transport.tensor import (
    DEFAULT_DIRECTIONS,
    DiffusionTensor,
    TensorErrors,
    diffusion_tensor,
)
from lionn_rs.analysis.transport.trajectory import Floats
from lionn_rs.errors import ConfigError
from lionn_rs.numbers import significant, with_error
from lionn_rs.units import BOLTZMANN_EV_K, ELEMENTARY_CHARGE_C

A3_TO_CM3 = 1e-24
S_TO_MS = 1e3
COLLECTIVE_FRACTION = 0.2
"""Last lag of the collective fit over the run; this coordinate is averaged over time only."""
MEANINGFUL_RELATIVE_SD = 0.5
"""Relative error above which a collective diffusivity is not quoted as a result."""
NEUTRAL = 1e-6
"""Sum of all charges, in units of e, below which a cell counts as neutral."""
NO_CURRENT = 1e-9
"""Charge displacement over that of the ions below which it is rounding error."""
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
class SpeciesConductivity(Record):
    """Nernst-Einstein contribution of one charged species, from its tracer diffusivity."""

    symbol: str
    n_ions: int
    charge: float
    diffusivity_cm2_s: float | None
    """None when the run does not support one; the contribution is then taken as zero."""
    ln_sd: float | None
    upper_bound_cm2_s: float
    """One-sided 95 % upper bound."""
    refusal: str
    hop_length_A: float
    """Hop length of the error model, Å."""
    conductivity_mS_cm: float
    sd_mS_cm: float


@dataclass(frozen=True, kw_only=True)
class OnsagerPair(Record):
    """Correlated motion of two species: ``L_ab = e^2/(6 V k_B T) d<P_a . P_b>/dt``.

    ``P_a`` is the summed displacement of all ions of species a. The conductivity is ``sum_ab z_a
    z_b L_ab`` over ordered pairs.
    """

    first: str
    second: str
    coefficient_mS_cm: float
    """``L_ab`` at unit charges."""
    sd_mS_cm: float
    contribution_mS_cm: float
    """``z_a z_b L_ab``, counted twice for two different species."""
    self_mS_cm: float | None
    """Part of ``z_a^2 L_aa`` of each ion with itself (Nernst-Einstein, in the same window)."""


@dataclass(frozen=True, kw_only=True)
class CollectiveResult(Record):
    """Charge diffusivity, the conductivity it gives, and the Haven ratio."""

    diffusivity_cm2_s: float
    """``1/(6 sum_k z_k^2) d<|sum_k z_k (r_k - r_k(0))|^2>/dt``, cm²/s; may be negative when there
    is no signal."""
    diffusivity_sd_cm2_s: float
    conductivity_mS_cm: float
    conductivity_sd_mS_cm: float
    haven_ratio: float | None
    """Nernst-Einstein over collective conductivity; None when not meaningful."""
    haven_ratio_interval: tuple[float, float] | None
    """95 % interval."""
    window_ps: tuple[float, float]
    meaningful: bool
    note: str
    charges: dict[str, float]
    """Charge numbers of the species in the sum."""
    net_charge: float
    """Sum over all ions in units of e. Zero: the same in every frame of reference."""
    frame: str
    """What the displacements of the charges are measured against."""
    nernst_einstein_mS_cm: float
    """Sum over the species."""
    nernst_einstein_sd_mS_cm: float
    species: tuple[SpeciesConductivity, ...]
    onsager: tuple[OnsagerPair, ...]
    tensor: DiffusionTensor | None
    """Of the charge displacement."""

    def details(self) -> list[str]:
        """Short lines for the terminal."""
        value = with_error(self.conductivity_mS_cm, self.conductivity_sd_mS_cm)
        text = f"collective: sigma = {value} mS/cm (± one sd)"
        if self.haven_ratio is not None and self.haven_ratio_interval is not None:
            low, high = self.haven_ratio_interval
            text += f", Haven ratio {self.haven_ratio:.2f}, 95 % [{low:.2f}, {high:.2f}]"
        else:
            text += f"; {self.note}"
        lines = [text]
        if len(self.charges) > 1:
            parts = [
                f"{pair.first}-{pair.second} {significant(pair.contribution_mS_cm)}"
                for pair in self.onsager
            ]
            where = (
                "the charges add up to zero"
                if abs(self.net_charge) < NEUTRAL
                else f"net charge {self.net_charge:+g}, relative to {self.frame}"
            )
            lines.append(f"of pairs of species: {', '.join(parts)} mS/cm ({where})")
        return lines


@dataclass(frozen=True)
class ChargedMotion:
    """What the collective fit needs to know of a run."""

    sums: Mapping[str, Floats]
    """Summed displacement (n_frames, 3) of each species, Å."""
    counts: Mapping[str, int]
    charges: Mapping[str, float]
    curves: Mapping[str, Floats]
    """MSD (3, n_frames) of each species, Å²."""
    cell: Floats
    volume_A3: float
    temperature_K: float
    frame: str

    @property
    def square_charge(self) -> float:
        """``sum_k z_k^2`` over the ions."""
        return sum(self.counts[name] * z**2 for name, z in self.charges.items())

    @property
    def unit_factor(self) -> float:
        """Conductivity per diffusivity of a single unit charge in the cell."""
        return nernst_einstein_factor(
            n_carriers=1, charge=1.0, volume_A3=self.volume_A3, temperature_K=self.temperature_K
        )


def collective(
    motion: ChargedMotion,
    species: Sequence[SpeciesConductivity],
    *,
    first_lag: int,
    to_cm2_s: float,
    lag_ps: float,
    directions: Sequence[str] = DEFAULT_DIRECTIONS,
) -> CollectiveResult | None:
    """Fit the displacement of all charges, ``sum_k z_k r_k``.

    Parameters
    ----------
    motion : ChargedMotion
        Summed displacements of the species and their charges.
    species : sequence of SpeciesConductivity
        Nernst-Einstein contributions, for the Haven ratio; the first is the carrier.
    first_lag : int
        First lag of the tracer fit, frames.
    to_cm2_s : float
        Factor from a slope in Å²/frame to a diffusivity in cm²/s.
    lag_ps : float
        Time of one frame, ps.
    directions : sequence of str
        Crystal directions of the tensor.

    Returns
    -------
    CollectiveResult or None
        None if the run is too short for a collective fit.
    """
    n_frames = len(next(iter(motion.sums.values())))
    last = int(COLLECTIVE_FRACTION * (n_frames - 1))
    if last < 2 * first_lag or last - first_lag < 2:
        return None
    norm = float(np.sqrt(motion.square_charge))
    charge = np.zeros((n_frames, 1, 3))
    for name, z in motion.charges.items():
        charge[:, 0] += z / norm * motion.sums[name]
    curves = msd_tensor(charge)[0]
    factor = motion.unit_factor * motion.square_charge
    tracer_sd = float(np.hypot.reduce([entry.sd_mS_cm for entry in species]))
    tracer = sum(entry.conductivity_mS_cm for entry in species)
    nothing = CollectiveResult(
        diffusivity_cm2_s=0.0,
        diffusivity_sd_cm2_s=0.0,
        conductivity_mS_cm=0.0,
        conductivity_sd_mS_cm=0.0,
        haven_ratio=None,
        haven_ratio_interval=None,
        window_ps=(first_lag * lag_ps, last * lag_ps),
        meaningful=False,
        note="the ions move, but their charges cancel: no charge is displaced",
        charges=dict(motion.charges),
        net_charge=float(sum(motion.counts[name] * z for name, z in motion.charges.items())),
        frame=motion.frame,
        nernst_einstein_mS_cm=tracer,
        nernst_einstein_sd_mS_cm=tracer_sd,
        species=tuple(species),
        onsager=(),
        tensor=None,
    )
    alone = sum(float(motion.curves[name][:, last].sum()) for name in motion.charges)
    if not float(curves[:3, last].sum()) > NO_CURRENT * alone:
        return nothing
    # One collective coordinate: no average over ions.
    hop = charge_hop(species) / norm
    line = fit_line(curves[:3], choose_lags(first_lag, last), n_particles=1, hop_length_A=hop)
    value, sd = line.slope * to_cm2_s, line.slope_sd * to_cm2_s
    meaningful = value > 0.0 and sd / value < MEANINGFUL_RELATIVE_SD
    haven, interval = None, None
    if meaningful and tracer > 0.0:
        haven = tracer / (value * factor)
        # The two errors are positively correlated; adding them in quadrature is on the safe side.
        spread = float(np.exp(Z95 * np.hypot(tracer_sd / tracer, sd / value)))
        interval = (haven / spread, haven * spread)
    return replace(
        nothing,
        diffusivity_cm2_s=value,
        diffusivity_sd_cm2_s=sd,
        conductivity_mS_cm=value * factor,
        conductivity_sd_mS_cm=sd * factor,
        haven_ratio=haven,
        haven_ratio_interval=interval,
        meaningful=meaningful,
        note=(
            "one collective coordinate, averaged over time only"
            if meaningful
            else "too uncertain in this run to be quoted"
        ),
        onsager=_onsager(motion, curves, line, hop, to_cm2_s),
        tensor=diffusion_tensor(
            curves,
            line,
            n_particles=1,
            hop_length_A=hop,
            inflation=1.0,
            to_cm2_s=to_cm2_s,
            factor=factor,
            cell=motion.cell,
            directions=directions,
        ),
    )


def charge_hop(species: Sequence[SpeciesConductivity]) -> float:
    """Charge times length of a hop, root mean square over the hops' shares in the current, Å.

    Hops of species k make the part ``s_k`` of the variance of ``sum_k z_k r_k``, and the part ``s_k
    (z_k a_k)^2`` of its fourth cumulant.
    """
    squares = [(entry.charge * entry.hop_length_A) ** 2 for entry in species]
    shares = [entry.conductivity_mS_cm for entry in species]
    if not sum(shares) > 0.0:
        return float(np.sqrt(squares[0]))
    return float(np.sqrt(np.average(squares, weights=shares)))


def _onsager(
    motion: ChargedMotion, curves: Floats, line: LineFit, hop: float, to_cm2_s: float
) -> tuple[OnsagerPair, ...]:
    """All pairs of species, with the weights of the line: the contributions add up to its slope."""
    errors = TensorErrors.of(curves, line, n_particles=1, hop_length_A=hop, inflation=1.0)
    pairs = combinations_with_replacement(sorted(motion.charges), 2)
    slopes = {
        (a, b): float(line.weights @ cross_msd(motion.sums[a], motion.sums[b])[line.lags])
        for a, b in pairs
    }
    unit = to_cm2_s * motion.unit_factor
    result = []
    for (a, b), slope in slopes.items():
        # Sum over three axes of s_aa s_bb + s_ab^2, each axis a third of the slope.
        spread = (max(slopes[a, a], 0.0) * max(slopes[b, b], 0.0) + slope**2) / 3.0
        product = motion.charges[a] * motion.charges[b]
        alone = motion.counts[a] * float(line.weights @ motion.curves[a][:, line.lags].sum(axis=0))
        result.append(
            OnsagerPair(
                first=a,
                second=b,
                coefficient_mS_cm=slope * unit,
                sd_mS_cm=float(np.sqrt(spread * errors.gaussian)) * unit,
                contribution_mS_cm=slope * unit * product * (1.0 if a == b else 2.0),
                self_mS_cm=alone * unit * product if a == b else None,
            )
        )
    return tuple(result)
