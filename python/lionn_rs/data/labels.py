"""Which entries of an image are its labels, and what was found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from lionn_rs.data.formats.image import RawImage, full_stress
from lionn_rs.errors import DataError

__all__ = ["ENERGY_KEYS", "VIRIAL_KEYS", "Keys", "LabelCounts", "choose_labels"]

ENERGY_KEYS: Final = ("free_energy", "energy")
"""Energy labels looked for when none is named; forces are derivatives of the free energy."""

VIRIAL_KEYS: Final = ("virial", "virials")
"""Virials, eV, that stand in for a missing stress: stress = -virial / volume."""


@dataclass(frozen=True, kw_only=True)
class Keys:
    """Names of the labels in a file.

    Attributes
    ----------
    energy : str, optional
        eV. Default: ``free_energy`` where there is one, else ``energy``.
    forces : str
        eV/Å.
    stress : str
        eV/Å³, positive = tension.
    """

    energy: str | None = None
    forces: str = "forces"
    stress: str = "stress"


def choose_labels(image: RawImage, keys: Keys, where: str) -> RawImage:
    """Put the labels of these names into ``image.results``.

    Without a name for the energy, ``energy`` and ``free_energy`` stay as they are; a named one
    becomes both. A stress that is not finite counts as missing.

    Raises
    ------
    DataError
        A label that was named is missing, is no number or not finite, or has the wrong shape.
    """
    if keys.energy is not None:
        value = image.find(keys.energy)
        if value is None:
            raise DataError(f"{where}: no label '{keys.energy}' (found: {found_names(image)})")
        image.results["energy"] = image.results["free_energy"] = value
    for key in ENERGY_KEYS:
        if key in image.results:
            image.results[key] = _energy(image.results[key], keys.energy or key, where)
    if keys.forces != "forces":
        value = image.find(keys.forces)
        image.arrays.pop(keys.forces, None)
        image.results.pop("forces", None)
        if value is not None:
            image.results["forces"] = np.array(value, dtype=np.float64)
    forces = image.results.get("forces")
    if forces is not None:
        if np.shape(forces) != (image.n_atoms, 3):
            raise DataError(
                f"{where}: forces must have shape ({image.n_atoms}, 3) to match positions, got "
                f"{np.shape(forces)}"
            )
        if not np.isfinite(forces).all():
            atom = int(np.flatnonzero(~np.isfinite(forces).all(axis=1))[0])
            raise DataError(f"{where}: reference force of atom {atom} is not finite")
    _take_stress(image, keys, where)
    return image


def _energy(value: Any, key: str, where: str) -> float:
    if np.size(value) != 1:
        raise DataError(f"{where}: label '{key}' is no number but has shape {np.shape(value)}")
    try:
        energy = float(np.squeeze(value))
    except (TypeError, ValueError):
        raise DataError(f"{where}: label '{key}' is no number but '{value}'") from None
    if not np.isfinite(energy):
        raise DataError(f"{where}: reference energy is {energy}")
    return energy


def _take_stress(image: RawImage, keys: Keys, where: str) -> None:
    value = image.find(keys.stress)
    image.results.pop("stress", None)
    try:
        if value is not None:
            stress = full_stress(value)
        else:
            found = stress_from_virial(image)
            if found is None:
                return
            stress = found
    except (ValueError, TypeError) as error:
        raise DataError(f"{where}: {error}") from None
    if np.isfinite(stress).all():
        image.results["stress"] = stress


def stress_from_virial(image: RawImage) -> Any:
    """Stress, eV/Å³, from a virial, eV, or None."""
    for key in VIRIAL_KEYS:
        virial = image.info.get(key)
        if virial is not None and image.pbc.all() and image.volume > 0.0:
            return -full_stress(virial) / image.volume
    return None


def found_names(image: RawImage) -> str:
    """Names of everything that could be a label."""
    return ", ".join([*image.results, *image.info, *image.arrays]) or "nothing"


@dataclass
class LabelCounts:
    """What labels a file has, counted while it is read, before any is chosen.

    Attributes
    ----------
    n_images : int
    counts : Counter
        Images that have an entry, by its name.
    ranges : dict
        Smallest and largest value of numeric entries.
    """

    n_images: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    ranges: dict[str, tuple[float, float]] = field(default_factory=dict)

    def add(self, image: RawImage) -> None:
        """Count one image."""
        self.n_images += 1
        for place in (image.results, image.info, image.arrays):
            for key, value in place.items():
                if len(self.counts) >= MAX_NAMES and key not in self.counts:
                    continue
                self.counts[key] += 1
                numbers = np.asarray(value) if not isinstance(value, dict | str) else np.array("")
                if numbers.dtype.kind in "fiu" and numbers.size:
                    self._extend(key, float(numbers.min()), float(numbers.max()))

    def _extend(self, key: str, low: float, high: float) -> None:
        first = self.ranges.get(key, (low, high))
        self.ranges[key] = (min(first[0], low), max(first[1], high))

    def lines(self, keys: Keys) -> list[str]:
        """One line for each label and its use, then what else there is."""
        energy = keys.energy or next((k for k in ENERGY_KEYS if k in self.counts), "energy")
        text = []
        for what, key, unit in (
            ("energy", energy, "eV"),
            ("forces", keys.forces, "eV/Å"),
            ("stress", keys.stress, "eV/Å³"),
        ):
            if key not in self.counts:
                virial = next((k for k in VIRIAL_KEYS if k in self.counts), None)
                if what == "stress" and virial is not None:
                    low, high = self.ranges.get(virial, (np.nan, np.nan))
                    text.append(
                        f"stress: from '{virial}' (-virial/volume) in {self.counts[virial]} "
                        f"images, virial {low:.4g} to {high:.4g} eV"
                    )
                    continue
                guess = self._similar(what)
                hint = f"; '{guess}' looks like one: --{what} {guess}" if guess else ""
                text.append(f"{what}: no '{key}'{hint}")
                continue
            low, high = self.ranges.get(key, (np.nan, np.nan))
            text.append(
                f"{what}: '{key}' in {self.counts[key]} images, {low:.6g} to {high:.6g} {unit}"
            )
        used = {energy, keys.forces, keys.stress}
        others = [f"{key} ({count})" for key, count in self.counts.items() if key not in used]
        if others:
            more = f" and {len(others) - MAX_SHOWN} more" if len(others) > MAX_SHOWN else ""
            text.append(f"also in the file: {', '.join(others[:MAX_SHOWN])}{more}")
        return text

    def _similar(self, what: str) -> str:
        stem = what.removesuffix("s")[:5]
        names: Sequence[str] = [k for k in self.counts if stem in k.lower()]
        return names[0] if names else ""


MAX_NAMES: Final = 1000
MAX_SHOWN: Final = 12
