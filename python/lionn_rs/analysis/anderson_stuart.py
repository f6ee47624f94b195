"""Anderson-Stuart model: the energy an ion needs to leave its site, from radii and a permittivity.

Three readings of the radii, because Eq. 5 of Rao, Yao and Grabow (2020) does not give the numbers
of their Table 3 as it is printed; see ``docs/explanations/paper-contradictions.md``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from lionn_rs.analysis._records import Record
from lionn_rs.analysis.anderson_stuart_terms import (
    Sensitivity,
    binding_energy,
    effective_radius,
    sensitivity,
)
from lionn_rs.errors import ConfigError
from lionn_rs.structures.charges import charges_of

__all__ = ["AndersonStuartResult", "anderson_stuart"]

Mode = Literal["paper", "literal", "ionic"]

CATION_COORDINATION: Final = "IV"
"""Li in sulfides has four neighbors."""
ANION_COORDINATION: Final = "VI"
"""The only coordination for which Shannon tabulates S, Cl, Br and I."""


@dataclass(frozen=True, kw_only=True)
class AnionTerm(Record):
    """Share of one kind of anion."""

    anion: str
    charge: float
    radius_A: float
    weight: float
    """Share of the anions; 1 if there is only one kind."""
    energy_eV: float


@dataclass(frozen=True, kw_only=True)
class AndersonStuartResult(Record):
    """Binding energy with its error and everything it was made of."""

    mode: Mode
    energy_eV: float
    """Electrostatic energy of the saddle point over the site, mean over the anions."""
    energy_sd_eV: float
    """Standard deviation from those of the inputs, to first order."""
    sd_parts_eV: dict[str, float]
    """Standard deviation that each input alone would give."""
    jump_distance_A: float
    dielectric_constant: float
    r_cation_A: float
    anions: list[AnionTerm]
    sensitivity: dict[str, float]
    """dE/d(jump distance), dE/d(dielectric constant), dE/dr of cation and anions, dE/dV."""

    def __str__(self) -> str:
        radii = ", ".join(f"r({a.anion}) {a.radius_A:.3f}" for a in self.anions)
        return (
            f"Anderson-Stuart ({self.mode}): {self.energy_eV:.3f} ± {self.energy_sd_eV:.3f} eV "
            f"(r(cation) {self.r_cation_A:.3f}, {radii} Å, λ {self.jump_distance_A:.3f} Å, "
            f"ε {self.dielectric_constant:.2f})"
        )


def anderson_stuart(
    counts: Mapping[str, int],
    *,
    volume_A3: float,
    jump_distance: float,
    dielectric_constant: float,
    mode: Mode = "paper",
    cation: str = "Li",
    anion: str = "Cl",
    anion_weights: Mapping[str, float] | None = None,
    jump_distance_sd: float = 0.0,
    dielectric_constant_sd: float = 0.0,
    volume_sd_A3: float = 0.0,
    radius_sd: float = 0.0,
) -> AndersonStuartResult:
    """Anderson-Stuart energy of a composition, with its error.

    Parameters
    ----------
    counts : mapping
        Atoms of each element in the cell.
    volume_A3 : float
        Volume of the cell, Å³; not used by ``"ionic"``.
    jump_distance : float
        Distance between neighboring sites λ, Å: see :func:`lionn_rs.analysis.jump_distance`.
    dielectric_constant : float
        Relative permittivity of the crystal, from DFT or experiment.
    mode : {"paper", "literal", "ionic"}
        ``"paper"`` and ``"literal"``: radii of Eq. 5
        (:func:`lionn_rs.analysis.effective_radius`), the charges of ``cation`` and ``anion`` alone.
        ``"ionic"``: tabulated radii of Shannon (cation with four,
        anions with six neighbors), formal charges, mean over the anions.
    cation, anion : str
        Mobile element; anion of the two readings of the paper.
    anion_weights : mapping, optional
        ``"ionic"``: share of each anion around the cation, for instance its coordination numbers;
        default: the composition.
    jump_distance_sd, dielectric_constant_sd, volume_sd_A3 : float
        Standard deviations of the inputs, taken as independent.
    radius_sd : float
        Standard deviation of every radius, independent of each other, Å: comes on top of that
        from the volume.

    Returns
    -------
    AndersonStuartResult

    Raises
    ------
    ConfigError
        An element does not occur or has no tabulated radius or charge; a value is not positive.

    Notes
    -----
    A model of one ion and its nearest anion. Correlation between ions, and the framework beyond
    the permittivity, are not in it; energies of the ``"ionic"`` mode are barriers of an unscreened
    formal charge and lie far above measured activation energies of superionic conductors.

    References
    ----------
    Rao, Yao and Grabow (2020), Eqs. 4 and 5; Anderson and Stuart (1954); R. D. Shannon, Acta
    Cryst. A 32, 751 (1976), doi 10.1107/S0567739476001551 (by pymatgen).

    Examples
    --------
    >>> cell = {"Li": 60, "Si": 8, "P": 10, "S": 70, "Cl": 2}
    >>> print(anderson_stuart(cell, volume_A3=3 * 979.65, jump_distance=3.30,
    ...                       dielectric_constant=5.24, jump_distance_sd=0.05))
    Anderson-Stuart (paper): 0.284 ± 0.003 eV (r(cation) 2.464, r(Cl) 0.793 Å, λ 3.300 Å, ε 5.24)
    """
    errors = {
        "jump_distance": jump_distance_sd,
        "dielectric_constant": dielectric_constant_sd,
        "volume": volume_sd_A3,
        "radius": radius_sd,
    }
    for name, value in errors.items():
        if not value >= 0.0:
            raise ConfigError(f"standard deviation of {name} must not be negative, got {value}")
    r_cation, anions = _radii(counts, volume_A3, mode, cation, anion, anion_weights)
    z_cation = charges_of([cation])[cation]
    terms, slopes = [], []
    for name, (charge, radius, weight) in anions.items():
        energy = binding_energy(
            r_cation,
            radius,
            jump_distance=jump_distance,
            dielectric_constant=dielectric_constant,
            z_cation=z_cation,
            z_anion=charge,
        )
        terms.append(
            AnionTerm(anion=name, charge=charge, radius_A=radius, weight=weight, energy_eV=energy)
        )
        slopes.append(
            sensitivity(r_cation + radius, jump_distance, dielectric_constant, z_cation * charge)
        )
    total = _mean_sensitivity(r_cation, terms, slopes, volume_A3, mode)
    parts = _error_parts(terms, slopes, total, errors)
    return AndersonStuartResult(
        mode=mode,
        energy_eV=sum(term.weight * term.energy_eV for term in terms),
        energy_sd_eV=math.hypot(*parts.values()),
        sd_parts_eV=parts,
        jump_distance_A=jump_distance,
        dielectric_constant=dielectric_constant,
        r_cation_A=r_cation,
        anions=terms,
        sensitivity=total,
    )


def _mean_sensitivity(
    r_cation: float,
    terms: Sequence[AnionTerm],
    slopes: Sequence[Sensitivity],
    volume: float,
    mode: Mode,
) -> dict[str, float]:
    mean = {
        name: sum(t.weight * getattr(s, name) for t, s in zip(terms, slopes, strict=True))
        for name in Sensitivity._fields
    }
    # Both radii of Eq. 5 follow the cube root of the volume, hence together.
    mean["volume"] = (
        0.0
        if mode == "ionic"
        else sum(
            t.weight * s.r_anion * (r_cation + t.radius_A) / (3.0 * volume)
            for t, s in zip(terms, slopes, strict=True)
        )
    )
    return mean


def _error_parts(
    terms: Sequence[AnionTerm],
    slopes: Sequence[Sensitivity],
    total: Mapping[str, float],
    errors: Mapping[str, float],
) -> dict[str, float]:
    """Return the standard deviation from each input alone, eV."""
    by_anion = [t.weight * s.r_anion for t, s in zip(terms, slopes, strict=True)]
    return {
        "jump_distance": abs(total["jump_distance"]) * errors["jump_distance"],
        "dielectric_constant": abs(total["dielectric_constant"]) * errors["dielectric_constant"],
        "volume": abs(total["volume"]) * errors["volume"],
        "radius": math.hypot(total["r_cation"], *by_anion) * errors["radius"],
    }


def _radii(
    counts: Mapping[str, int],
    volume: float,
    mode: Mode,
    cation: str,
    anion: str,
    weights: Mapping[str, float] | None,
) -> tuple[float, dict[str, tuple[float, float, float]]]:
    """Radius of the cation; charge, radius and weight of every anion."""
    if mode not in ("paper", "literal", "ionic"):
        raise ConfigError(f"mode must be 'paper', 'literal' or 'ionic', got '{mode}'")
    needed = (cation,) if mode == "ionic" else (cation, anion)
    for name in needed:
        if counts.get(name, 0) < 1:
            raise ConfigError(f"Anderson-Stuart: no {name} (there are {', '.join(counts)})")
    if mode == "ionic":
        charges = charges_of(counts)
        shares = dict(weights or {k: float(n) for k, n in counts.items() if charges[k] < 0.0})
        total = sum(shares.values())
        if not shares or not total > 0.0 or min(shares.values()) < 0.0:
            raise ConfigError(f"Anderson-Stuart: no anions with positive weights, got {shares}")
        shares = {name: share for name, share in shares.items() if share > 0.0}
        known = charges_of(shares)
        return _shannon(cation, charges[cation], CATION_COORDINATION), {
            name: (known[name], _shannon(name, known[name], ANION_COORDINATION), share / total)
            for name, share in shares.items()
        }
    n_atoms = sum(counts.values())
    r_cation, r_anion = (
        effective_radius(counts[name], n_atoms=n_atoms, volume_A3=volume, mode=mode)
        for name in (cation, anion)
    )
    return r_cation, {anion: (charges_of([anion])[anion], r_anion, 1.0)}


def _shannon(element: str, charge: float, coordination: str) -> float:
    """Ionic radius of Shannon, Å."""
    from pymatgen.core.periodic_table import Species

    try:
        return float(Species(element, charge).get_shannon_radius(coordination, radius_type="ionic"))
    except (KeyError, ValueError) as error:
        raise ConfigError(
            f"{element} with charge {charge:+g} has no ionic radius of Shannon for coordination "
            f"{coordination}"
        ) from error
