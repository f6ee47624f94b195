"""What displacements are measured against: the moving center of a set of atoms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from lionn_rs.analysis._records import Record
from lionn_rs.errors import ConfigError

Floats = NDArray[np.float64]
DriftWeights = Literal["mass", "mean"]


@dataclass(frozen=True, kw_only=True)
class Drift(Record):
    """What the displacements are measured against."""

    reference: str
    """Set of atoms in words."""
    weights: str
    """``mass``, ``mean`` or ``none``."""
    n_atoms: int
    """Atoms in the reference set."""
    largest_A: float
    """Largest displacement of the reference from its start, Å."""


@dataclass(frozen=True)
class DriftReference:
    """A set of atoms and how they are weighted."""

    words: str
    weights: str
    n_atoms: int
    share: Floats
    """(n_atoms of the trajectory,) weights that add up to 1, or all 0."""

    def record(self, center: Floats) -> Drift:
        """Record for the displacements (n_frames, 3) of the center, Å."""
        largest = float(np.linalg.norm(center, axis=1).max()) if self.n_atoms else 0.0
        return Drift(
            reference=self.words, weights=self.weights, n_atoms=self.n_atoms, largest_A=largest
        )


def drift_reference(
    symbols: NDArray[np.str_],
    *,
    carrier: str,
    reference: str | Sequence[Any] = "framework",
    weights: DriftWeights = "mass",
    mobile: Sequence[str] = (),
) -> DriftReference:
    """Find the atoms of a drift reference; parameters as in :func:`remove_drift`."""
    members, words = _members(symbols, [carrier, *mobile], reference)
    share = np.zeros(len(symbols))
    if len(members) == 0:
        return DriftReference(words, "none", 0, share)
    if weights == "mass":
        from ase.data import atomic_masses, atomic_numbers

        mass = np.array([atomic_masses[atomic_numbers[s]] for s in symbols[members]])
    elif weights == "mean":
        mass = np.ones(len(members))
    else:
        raise ConfigError(f"drift weights must be 'mass' or 'mean', got {weights!r}")
    share[members] = mass / mass.sum()
    return DriftReference(words, weights, len(members), share)


def remove_drift(
    positions: Floats,
    symbols: NDArray[np.str_],
    *,
    carrier: str,
    reference: str | Sequence[Any] = "framework",
    weights: DriftWeights = "mass",
    mobile: Sequence[str] = (),
) -> tuple[Floats, Drift]:
    """Positions relative to the moving center of a reference set of atoms.

    Parameters
    ----------
    positions : (n_frames, n_atoms, 3) float64, Å
        Unwrapped positions.
    symbols : (n_atoms,) str
        Chemical symbols.
    carrier : str
        The mobile species.
    reference : str or sequence
        ``"framework"`` (every atom that is not mobile), ``"all"``, ``"none"``, a list of
        chemical symbols, or a list of atom indices.
    weights : {"mass", "mean"}
        Center of mass of the set, or plain mean.
    mobile : sequence of str
        Further mobile species, which are no framework either.

    Returns
    -------
    positions, Drift
        Corrected copy, and the record of what was subtracted.

    Raises
    ------
    ConfigError
        For an unknown reference, or symbols that do not occur.
    """
    chosen = drift_reference(
        symbols, carrier=carrier, reference=reference, weights=weights, mobile=mobile
    )
    if chosen.n_atoms == 0:
        return positions, chosen.record(np.zeros((1, 3)))
    center: Floats = np.einsum("fax,a->fx", positions, chosen.share)
    drift = center - center[0]
    return positions - drift[:, None, :], chosen.record(drift)


def _members(
    symbols: NDArray[np.str_], mobile: list[str], reference: str | Sequence[Any]
) -> tuple[NDArray[np.intp], str]:
    none = np.array([], dtype=np.intp)
    if isinstance(reference, str):
        if reference == "framework":
            members = np.flatnonzero(~np.isin(symbols, mobile))
            if len(members) == 0:
                return none, "none (no framework atoms)"
            kinds = ", ".join(sorted(set(symbols[members].tolist())))
            return members, f"framework ({kinds})"
        if reference == "all":
            return np.arange(len(symbols)), "all atoms"
        if reference == "none":
            return none, "none"
        if reference not in symbols:
            raise ConfigError(
                "drift reference must be 'framework', 'all', 'none', chemical symbols or atom "
                f"indices, got {reference!r}"
            )
        return np.flatnonzero(symbols == reference), reference
    if len(reference) and all(isinstance(item, str) for item in reference):
        missing = sorted(set(reference) - set(symbols.tolist()))
        if missing:
            raise ConfigError(f"drift reference: no atoms of {', '.join(missing)} in the structure")
        return np.flatnonzero(np.isin(symbols, list(reference))), ", ".join(sorted(reference))
    members = np.unique(np.asarray(reference, dtype=np.intp))
    if len(members) == 0 or members[0] < 0 or members[-1] >= len(symbols):
        raise ConfigError(f"drift reference: atom indices must lie in 0..{len(symbols) - 1}")
    return members, f"{len(members)} chosen atoms"
