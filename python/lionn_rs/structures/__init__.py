"""Crystals to simulate: prototypes, supercells, doping.

Examples
--------
>>> from lionn_rs.structures import prototype, repeat
>>> cell = prototype("lgps").ordered(seed=1)
>>> cell.get_chemical_formula(), len(repeat(cell, (1, 1, 3)))
('Ge2Li20P4S24', 150)
"""

from __future__ import annotations

from lionn_rs.structures.charges import net_charge
from lionn_rs.structures.electrostatics import ewald_energy
from lionn_rs.structures.ordering import closest_pair, ordered
from lionn_rs.structures.prototypes import PROTOTYPES, Prototype, prototype
from lionn_rs.structures.supercell import repeat

__all__ = [
    "PROTOTYPES",
    "Prototype",
    "closest_pair",
    "ewald_energy",
    "net_charge",
    "ordered",
    "prototype",
    "repeat",
]
