"""Units and physical constants.

Inside lionn_rs lengths are in Å, energies in eV, masses in u, times in fs and temperatures in K.
Constants are the CODATA 2018 values, exact in the SI since 2019.
"""

from __future__ import annotations

from typing import Final

BOLTZMANN_EV_K: Final = 8.617333262e-5
"""Boltzmann constant, eV/K."""

ELEMENTARY_CHARGE_C: Final = 1.602176634e-19
"""Elementary charge, C (also J per eV)."""

ATOMIC_MASS_KG: Final = 1.66053906660e-27
"""Unified atomic mass unit, kg."""

EV_FS2_PER_U_A2: Final = ELEMENTARY_CHARGE_C / ATOMIC_MASS_KG * 1e-10
"""1 eV/(u Å) as an acceleration in Å/fs²: about 9.6485e-3."""

EV_A3_TO_GPA: Final = ELEMENTARY_CHARGE_C * 1e30 * 1e-9
"""1 eV/Å³ in GPa: about 160.2. 1 GPa is 10 kbar."""

A2_FS_TO_CM2_S: Final = 1e-16 / 1e-15
"""1 Å²/fs in cm²/s."""

PS_TO_FS: Final = 1000.0
"""Femtoseconds in a picosecond."""
