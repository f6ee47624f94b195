"""Anderson-Stuart model: the energy an ion needs to leave its site, from radii and a permittivity.

Three readings of the radii, because Eq. 5 of Rao, Yao and Grabow (2020) does not give the numbers
of their Table 3 as it is printed; see ``docs/explanations/paper-contradictions.md``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.constants import e, epsilon_0

from lionn_rs.errors import ConfigError, DataError
from lionn_rs.structures.charges import charges_of
from lionn_rs.units import EV_A3_TO_GPA

from ._records import Record
from .rdf import first_peak, rdf

__all__ = [
    "COULOMB_EV_A",
    "AndersonStuartResult",
    "anderson_stuart",
    "binding_energy",
    "effective_radius",
    "jump_distance",
    "strain_energy",
]

Mode = Literal["paper", "literal", "ionic"]

COULOMB_EV_A: Final = e / (4.0 * math.pi * epsilon_0) * 1e10
"""e²/(4 pi eps0), eV Å: about 14.39965."""
CATION_COORDINATION: Final = "IV"
"""Li in sulfides has four neighbors."""
ANION_COORDINATION: Final = "VI"
"""The only coordination for which Shannon tabulates S, Cl, Br and I."""


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


def _sensitivity(
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
        Distance between neighboring sites λ, Å: see :func:`jump_distance`.
    dielectric_constant : float
        Relative permittivity of the crystal, from DFT or experiment.
    mode : {"paper", "literal", "ionic"}
        ``"paper"`` and ``"literal"``: radii of Eq. 5 (:func:`effective_radius`), the charges of
        ``cation`` and ``anion`` alone. ``"ionic"``: tabulated radii of Shannon (cation with four,
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
            _sensitivity(r_cation + radius, jump_distance, dielectric_constant, z_cation * charge)
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


def _check(r_cation: float, r_anion: float, jump_distance: float, dielectric: float) -> None:
    for name, value in (
        ("radius of the cation", r_cation),
        ("radius of the anion", r_anion),
        ("jump distance", jump_distance),
        ("dielectric constant", dielectric),
    ):
        if not (value > 0.0 and math.isfinite(value)):
            raise ConfigError(f"Anderson-Stuart: {name} must be positive, got {value}")


def jump_distance(
    positions: ArrayLike,
    *,
    cell: ArrayLike,
    symbols: Sequence[str],
    species: str = "Li",
    r_max: float = 6.0,
    n_bins: int = 240,
    n_blocks: int = 4,
    max_frames: int = 400,
) -> tuple[float, float]:
    """Distance between neighboring sites: first peak of g(r) of the mobile ions.

    Parameters
    ----------
    positions : (n_frames, n_atoms, 3) array, Å
        Frames of a trajectory.
    cell : (3, 3) array, Å
        Rows are the lattice vectors.
    symbols : (n_atoms,) sequence of str
        Chemical symbols.
    species : str
        Mobile element.
    r_max : float
        Largest distance, Å.
    n_bins : int
        Number of bins.
    n_blocks : int
        Consecutive parts of the trajectory whose peaks give the error.
    max_frames : int
        At most this many evenly spaced frames are used.

    Returns
    -------
    distance, sd : float
        Peak of the whole trajectory and standard error of the mean over the blocks, Å.

    Raises
    ------
    DataError
        Fewer than two frames per block, or no peak.

    Examples
    --------
    >>> import numpy as np
    >>> from ase.build import bulk
    >>> atoms = bulk("Li", "sc", a=3.2).repeat(3)
    >>> frames = atoms.positions + np.random.default_rng(0).normal(0.0, 0.2, (40, 27, 3))
    >>> distance, sd = jump_distance(frames, cell=atoms.cell.array, symbols=["Li"] * 27)
    >>> abs(distance - 3.2) < 0.05, sd < 0.05
    (True, True)
    """
    frames = np.asarray(positions, dtype=np.float64)
    if frames.ndim != 3 or n_blocks < 2 or len(frames) < 2 * n_blocks:
        raise DataError(
            f"jump distance needs at least two frames in each of {n_blocks} blocks, got an array "
            f"of shape {frames.shape}"
        )
    take = np.unique(np.linspace(0, len(frames) - 1, min(max_frames, len(frames))).astype(int))

    def peak(part: ArrayLike) -> float:
        found = rdf(
            np.asarray(part),
            cell=cell,
            pair=(species, species),
            symbols=symbols,
            r_max=r_max,
            n_bins=n_bins,
            max_frames=max_frames,
        )
        return first_peak(found)

    used = frames[take]
    blocks = [peak(part) for part in np.array_split(used, n_blocks)]
    return peak(used), float(np.std(blocks, ddof=1) / math.sqrt(n_blocks))
