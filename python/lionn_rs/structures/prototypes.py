"""Prototype crystals: average structures from diffraction, with their sources.

The average structure has fractional occupancies. :func:`lionn_rs.structures.ordering.ordered` makes
an ordered cell out of it that can be simulated.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from lionn_rs.errors import DataError

if TYPE_CHECKING:
    from ase import Atoms
    from pymatgen.core.structure import Structure

__all__ = ["PROTOTYPES", "Prototype", "Reference", "Site", "prototype", "site_positions"]

SAME_SITE_A: Final = 0.05
"""Images of a site nearer than this are one."""


@dataclass(frozen=True)
class Reference:
    """A publication and what was taken from it."""

    text: str
    doi: str
    gives: str


@dataclass(frozen=True)
class Site:
    """A crystallographic site."""

    label: str
    """Name with the Wyckoff letter, as ``"P(2b)"``."""
    wyckoff: str
    """Multiplicity and letter."""
    position: tuple[float, float, float]
    """Fractional coordinates of one representative."""
    occupancy: Mapping[str, float]
    """Fraction of the positions that each element occupies on average."""
    count: Mapping[str, int]
    """Atoms of each element in the ordered cell; the other positions are empty."""

    @property
    def multiplicity(self) -> int:
        """Positions in the cell."""
        return int(self.wyckoff[:-1])


@dataclass(frozen=True)
class Prototype:
    """An average crystal structure and the composition of its ordered cell."""

    name: str
    title: str
    space_group: int
    origin_choice: str
    """As in the International Tables; selects the setting among spglib's Hall symbols."""
    lengths_A: tuple[float, float, float]
    angles_deg: tuple[float, float, float]
    sites: tuple[Site, ...]
    mobile: str
    """The element that conducts."""
    references: tuple[Reference, ...]
    note: str = ""

    @property
    def cell(self) -> NDArray[np.float64]:
        """(3, 3) float64, Å: rows are the lattice vectors."""
        from ase.cell import Cell

        return np.array(Cell.fromcellpar([*self.lengths_A, *self.angles_deg]))

    def average(self) -> Structure:
        """Average structure with fractional occupancies.

        Returns
        -------
        pymatgen.core.Structure
            Every position once, each with its mixture of elements.
        """
        from pymatgen.core.structure import Structure

        species, coordinates = [], []
        for site in self.sites:
            for position in site_positions(self, site):
                species.append(dict(site.occupancy))
                coordinates.append(position)
        return Structure(self.cell, species, coordinates)

    def composition(self) -> dict[str, int]:
        """Atoms of each element in the ordered cell."""
        total: dict[str, int] = {}
        for site in self.sites:
            for element, n in site.count.items():
                total[element] = total.get(element, 0) + n
        return total

    def provenance(self) -> str:
        """One line: title and sources."""
        return f"{self.title}; " + "; ".join(
            f"{entry.gives}: {entry.text}, doi {entry.doi}" for entry in self.references
        )

    def ordered(self, *, seed: int = 1) -> Atoms:
        """Ordered cell; see :func:`lionn_rs.structures.ordering.ordered`."""
        from lionn_rs.structures.ordering import ordered

        return ordered(self, seed=seed)


def site_positions(crystal: Prototype, site: Site) -> NDArray[np.float64]:
    """Fractional coordinates of all positions of a site.

    Parameters
    ----------
    crystal : Prototype
    site : Site

    Returns
    -------
    (multiplicity, 3) float64
        In [0, 1), in the order of the symmetry operations of spglib.

    Raises
    ------
    DataError
        The number of positions is not the multiplicity of the Wyckoff letter.
    """
    rotations, translations = _operations(crystal.space_group, crystal.origin_choice)
    images = (rotations @ np.array(site.position) + translations) % 1.0
    kept: list[NDArray[np.float64]] = []
    for image in images:
        offsets = [(image - other + 0.5) % 1.0 - 0.5 for other in kept]
        if all(np.linalg.norm(offset @ crystal.cell) > SAME_SITE_A for offset in offsets):
            kept.append(image)
    if len(kept) != site.multiplicity:
        raise DataError(
            f"{crystal.name}: site {site.label} has {len(kept)} positions, expected "
            f"{site.multiplicity}"
        )
    return np.array(kept)


@cache
def _operations(space_group: int, choice: str) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    import spglib

    n_hall_symbols = 530
    for hall in range(1, n_hall_symbols + 1):
        found = spglib.get_spacegroup_type(hall)
        if found is not None and (found.number, found.choice) == (space_group, choice):
            symmetry = spglib.get_symmetry_from_database(hall)
            if symmetry is not None:
                return symmetry["rotations"], symmetry["translations"]
    raise DataError(f"space group {space_group} has no setting '{choice}'")


def prototype(name: str) -> Prototype:
    """Prototype of a name.

    Raises
    ------
    DataError
        No such prototype.

    Examples
    --------
    >>> prototype("lgps").composition()
    {'Li': 20, 'Ge': 2, 'P': 4, 'S': 24}
    """
    if name not in PROTOTYPES:
        close = get_close_matches(name, list(PROTOTYPES), n=1)
        hint = f"did you mean '{close[0]}'?" if close else f"known: {', '.join(PROTOTYPES)}"
        raise DataError(f"no prototype '{name}' ({hint})")
    return PROTOTYPES[name]


KRAUSKOPF = Reference(
    "T. Krauskopf, S. P. Culver, W. G. Zeier, Chem. Mater. 30, 1791 (2018)",
    "10.1021/acs.chemmater.8b00266",
    "sites and occupancies of Li10GeP2S12 (tabulated in OBELiX, arXiv 2502.14234, entry mtn)",
)
KAMAYA = Reference(
    "N. Kamaya et al., Nat. Mater. 10, 682 (2011)",
    "10.1038/nmat3066",
    "structure type and cell lengths (tabulated in OBELiX, entry 1hh)",
)
KUHN = Reference(
    "A. Kuhn, J. Köhler, B. V. Lotsch, Phys. Chem. Chem. Phys. 15, 11620 (2013)",
    "10.1039/c3cp51985f",
    "the fourth lithium site, Li(4c)",
)
KATO = Reference(
    "Y. Kato et al., Nat. Energy 1, 16030 (2016)",
    "10.1038/nenergy.2016.30",
    "cell lengths of Li9.54Si1.74P1.44S11.7Cl0.3, Si on the Ge site, Cl in the P(2b)X4 tetrahedra",
)

# Krauskopf et al. place P(2b) at the origin (site 2a of the International Tables). Their z is
# turned into 1/2 - z, an operation of the normalizer of the group, which gives the description of
# Kamaya et al. with that phosphorus at (0, 0, 1/2).
_LITHIUM = (
    Site("Li(16h)", "16h", (0.237, 0.252, 0.5 - 0.8031), {"Li": 0.5}, {"Li": 8}),
    Site("Li(8f)", "8f", (0.246, 0.246, 0.0), {"Li": 0.62}, {"Li": 5}),
    Site("Li(8g)", "8g", (0.0, 0.476, 0.5 - 0.555), {"Li": 0.54}, {"Li": 4}),
    Site("Li(4c)", "4c", (0.0, 0.0, 0.5 - 0.251), {"Li": 0.68}, {"Li": 3}),
)
_GERMANIUM, _PHOSPHORUS = (0.0, 0.5, 0.5 - 0.3079), (0.0, 0.0, 0.5)
_SULFUR_OF_2B = (0.0, 0.187, 0.5 - 0.0908)
_OTHER_SULFUR = (
    Site("S2(8g)", "8g", (0.0, 0.2943, 0.5 - 0.4032), {"S": 1.0}, {"S": 8}),
    Site("S3(8g)", "8g", (0.0, 0.304, 0.5 - 0.7062), {"S": 1.0}, {"S": 8}),
)

LGPS = Prototype(
    name="lgps",
    title="Li10GeP2S12 (LGPS), P4_2/nmc",
    space_group=137,
    origin_choice="1",
    # 8.69407(18) and 12.5994(4) Å; pymatgen's test file Li10GeP2S12.cif has the same.
    lengths_A=(8.69407, 8.69407, 12.5994),
    angles_deg=(90.0, 90.0, 90.0),
    sites=(
        *_LITHIUM,
        Site("Ge/P(4d)", "4d", _GERMANIUM, {"Ge": 0.5, "P": 0.5}, {"Ge": 2, "P": 2}),
        Site("P(2b)", "2b", _PHOSPHORUS, {"P": 1.0}, {"P": 2}),
        Site("S1(8g)", "8g", _SULFUR_OF_2B, {"S": 1.0}, {"S": 8}),
        *_OTHER_SULFUR,
    ),
    mobile="Li",
    references=(KAMAYA, KUHN, KRAUSKOPF),
)

LSIPSCL = Prototype(
    name="li20si3p3s23cl",
    title="Li20Si3P3S23Cl, the model of Li9.54Si1.74P1.44S11.7Cl0.3, P4_2/nmc",
    space_group=137,
    origin_choice="1",
    lengths_A=(8.709652, 8.709652, 12.56907),
    angles_deg=(90.0, 90.0, 90.0),
    sites=(
        *_LITHIUM,
        Site("Si/P(4d)", "4d", _GERMANIUM, {"Si": 0.75, "P": 0.25}, {"Si": 3, "P": 1}),
        Site("P(2b)", "2b", _PHOSPHORUS, {"P": 1.0}, {"P": 2}),
        Site("S1(8g)", "8g", _SULFUR_OF_2B, {"S": 0.875, "Cl": 0.125}, {"S": 7, "Cl": 1}),
        *_OTHER_SULFUR,
    ),
    mobile="Li",
    references=(KATO, KRAUSKOPF),
    note="Fractional coordinates are those of the isostructural Li10GeP2S12: relax before use.",
)

PROTOTYPES: Final[dict[str, Prototype]] = {crystal.name: crystal for crystal in (LGPS, LSIPSCL)}
"""All prototypes by name."""
