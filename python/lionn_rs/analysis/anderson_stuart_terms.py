"""Formulas of the Anderson-Stuart model: radii, binding energy and its derivatives, strain."""

from __future__ import annotations

import math
from typing import Final, Literal, NamedTuple

from scipy.constants import e, epsilon_0

from lionn_rs.errors import ConfigError
from lionn_rs.units import EV_A3_TO_GPA

__all__ = [
    "COULOMB_EV_A",
    "Sensitivity",
    "binding_energy",
    "effective_radius",
    "sensitivity",
    "strain_energy",
]

COULOMB_EV_A: Final = e / (4.0 * math.pi * epsilon_0) * 1e10
"""e²/(4 pi eps0), eV Å: about 14.39965."""


class Sensitivity(NamedTuple):
    """Change of the energy with each input."""

    jump_distance: float
    """eV/Å."""
    dielectric_constant: float
    """eV per unit."""
    r_cation: float
    """eV/Å."""
    r_anion: float
    """eV/Å."""


def effective_radius(
    n_species: int, *, n_atoms: int, volume_A3: float, mode: Literal["paper", "literal"] = "paper"
) -> float:
    """Effective radius of a species, Eq. 5: ``r = 2 [3 V_m N_a / (4 pi N_T)]^(1/3)``.

    Parameters
    ----------
    n_species : int
        Atoms of the species in the cell, N_a.
    n_atoms : int
        All atoms, N_T.
    volume_A3 : float
        Volume of the cell, Å³.
    mode : {"paper", "literal"}
        ``"literal"``: V_m is the volume of the cell, as the text says. ``"paper"``: V_m is the
        volume per atom, the reading that gives the published 0.63, 0.79 and 0.91 Å.

    Returns
    -------
    float
        Å. Grows with the cube root of the number of atoms, so it is no ionic radius.

    References
    ----------
    J. Rao, Y. Yao, L. C. Grabow (2020), Eq. 5.

    Examples
    --------
    One, two and three Cl in three LGPS cells of 976.7 Å³:

    >>> [round(effective_radius(n, n_atoms=150, volume_A3=3 * 976.7), 3) for n in (1, 2, 3)]
    [0.629, 0.792, 0.907]
    """
    if n_species < 1 or n_atoms < n_species or not volume_A3 > 0.0:
        raise ConfigError(
            "effective radius needs 1 <= n_species <= n_atoms and a positive volume, got "
            f"{n_species}, {n_atoms}, {volume_A3} Å³"
        )
    if mode not in ("paper", "literal"):
        raise ConfigError(f"mode must be 'paper' or 'literal', got '{mode}'")
    volume = volume_A3 / n_atoms if mode == "paper" else volume_A3
    return 2.0 * math.pow(3.0 * volume * n_species / (4.0 * math.pi * n_atoms), 1.0 / 3.0)


def binding_energy(
    r_cation: float,
    r_anion: float,
    *,
    jump_distance: float,
    dielectric_constant: float,
    z_cation: float = 1.0,
    z_anion: float = -1.0,
) -> float:
    """Electrostatic energy between site and saddle point, Eq. 4.

    ``E = (-1 + 2R/(λ + 2R)) Z_a Z_c e²/(4 pi eps0 eps_r R)`` with ``R = r_cation + r_anion``: the
    ion moves from the distance R of its anion to ``R + λ/2``.

    Parameters
    ----------
    r_cation, r_anion : float
        Radii, Å.
    jump_distance : float
        Distance between neighboring sites λ, Å.
    dielectric_constant : float
        Relative permittivity.
    z_cation, z_anion : float
        Charge numbers.

    Returns
    -------
    float
        eV, positive for charges of opposite sign.

    Raises
    ------
    ConfigError
        A length or the permittivity is not positive.

    References
    ----------
    O. L. Anderson, D. A. Stuart, J. Am. Ceram. Soc. 37, 573 (1954), doi
    10.1111/j.1151-2916.1954.tb13991.x. Rao, Yao and Grabow (2020), Eq. 4.

    Examples
    --------
    >>> round(binding_energy(2.462, 0.79, jump_distance=3.25, dielectric_constant=5.24), 3)
    0.282
    """
    _check(r_cation, r_anion, jump_distance, dielectric_constant)
    contact = r_cation + r_anion
    screened = COULOMB_EV_A * z_cation * z_anion / dielectric_constant
    return -screened * jump_distance / (contact * (jump_distance + 2.0 * contact))


def sensitivity(
    contact: float, jump_distance: float, dielectric_constant: float, charges: float
) -> Sensitivity:
    """Analytic derivatives of :func:`binding_energy`."""
    screened = -COULOMB_EV_A * charges / dielectric_constant
    reach = jump_distance + 2.0 * contact
    energy = screened * jump_distance / (contact * reach)
    by_contact = (
        -screened * jump_distance * (jump_distance + 4.0 * contact) / (contact * reach) ** 2
    )
    return Sensitivity(
        jump_distance=2.0 * screened / reach**2,
        dielectric_constant=-energy / dielectric_constant,
        r_cation=by_contact,
        r_anion=by_contact,
    )


def strain_energy(*, shear_modulus_GPa: float, r_cation: float, doorway_radius: float) -> float:
    """Energy to open the doorway between two sites, ``4 pi G r_D (r - r_D)²``.

    The second term of Anderson and Stuart, which Rao, Yao and Grabow leave out.

    Parameters
    ----------
    shear_modulus_GPa : float
        Shear modulus G, GPa.
    r_cation : float
        Radius of the ion, Å.
    doorway_radius : float
        Radius of the opening, Å; no energy if the ion fits through.

    Returns
    -------
    float
        eV.

    Examples
    --------
    >>> round(strain_energy(shear_modulus_GPa=8.0, r_cation=0.76, doorway_radius=0.5), 4)
    0.0212
    """
    if not (shear_modulus_GPa > 0.0 and r_cation > 0.0 and doorway_radius > 0.0):
        raise ConfigError(
            "strain energy needs a positive shear modulus and radii, got "
            f"{shear_modulus_GPa} GPa, {r_cation} Å, {doorway_radius} Å"
        )
    squeeze = max(r_cation - doorway_radius, 0.0)
    return 4.0 * math.pi * shear_modulus_GPa / EV_A3_TO_GPA * doorway_radius * squeeze**2


def _check(r_cation: float, r_anion: float, jump_distance: float, dielectric: float) -> None:
    for name, value in (
        ("radius of the cation", r_cation),
        ("radius of the anion", r_anion),
        ("jump distance", jump_distance),
        ("dielectric constant", dielectric),
    ):
        if not (value > 0.0 and math.isfinite(value)):
            raise ConfigError(f"Anderson-Stuart: {name} must be positive, got {value}")
