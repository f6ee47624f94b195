"""What in the statistics of images points to wrong units or mixed methods."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lionn_rs.data.summary import (
    LARGEST_ENERGY_SPREAD,
    LARGEST_FORCE,
    LARGEST_NET_FORCE,
    SHORTEST_BOND_A,
)

if TYPE_CHECKING:
    from lionn_rs.data.statistics import DataStatistics

__all__ = ["suspicions"]

LONGEST_BOND_A: Final = 3.4
"""Some pair in condensed matter is closer, but for noble gases; in bohr it is 1.9 times as far."""
SLOPE_TOLERANCE: Final = 0.2
GOOD_CORRELATION: Final = 0.8


def suspicions(found: DataStatistics, net_force: float) -> list[str]:
    """Warnings, a sentence each."""
    texts = []
    if found.n_duplicates:
        texts.append(f"{found.n_duplicates} images repeat the structure of an earlier one")
    if found.shortest_distance is not None:
        least, most = found.shortest_distance
        if least < SHORTEST_BOND_A:
            texts.append(f"two atoms are {least:.2f} Å apart; are positions in Å?")
        elif least > LONGEST_BOND_A and most < float("inf"):
            texts.append(
                f"no two atoms are closer than {least:.2f} Å; are positions in bohr, not in Å?"
            )
    if found.forces is not None:
        if found.forces["max"] > LARGEST_FORCE:
            texts.append(f"force component of {found.forces['max']:.0f} eV/Å; are forces in eV/Å?")
        if net_force > LARGEST_NET_FORCE:
            texts.append(f"forces do not sum to zero, mean force {net_force:.2f} eV/Å per atom")
    if 0 < found.n_forces < found.n_images:
        texts.append(f"{found.n_images - found.n_forces} images have no forces, others have")
    if 0 < found.n_energy < found.n_images:
        texts.append(f"{found.n_images - found.n_energy} images have no energy, others have")
    for formula, entry in found.compositions.items():
        spread = entry.get("max", 0.0) - entry.get("min", 0.0)
        if spread > LARGEST_ENERGY_SPREAD:
            texts.append(
                f"{formula}: energies spread over {spread:.1f} eV/atom; are all images from one "
                "method and in eV?"
            )
    texts += _about_consistency(found)
    if found.outliers:
        texts.append(f"{len(found.outliers)} outliers, see the list")
    return texts


def _about_consistency(found: DataStatistics) -> list[str]:
    if found.consistency is None:
        return []
    slope, correlation = found.consistency["slope"], found.consistency["correlation"]
    if correlation > GOOD_CORRELATION and abs(slope - 1.0) <= SLOPE_TOLERANCE:
        return []
    text = (
        f"between neighboring images energies change by {slope:.3g} times the work of the forces "
        f"(correlation {correlation:.2f}, {found.consistency['n_pairs']:.0f} pairs), expected 1"
    )
    if correlation < -GOOD_CORRELATION:
        return [f"{text}; is the sign of the forces that of gradients?"]
    if correlation > GOOD_CORRELATION:
        return [f"{text}; are energies and forces in eV and eV/Å?"]
    return [f"{text}; do energies and forces belong together?"]
