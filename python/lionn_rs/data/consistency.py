"""Whether energies change along a trajectory as the forces say."""

from __future__ import annotations

from typing import Final

import numpy as np

from lionn_rs.data.formats import RawImage
from lionn_rs.data.measures import energy_of

__all__ = ["ForceConsistency"]

LARGEST_STEP: Final = 0.15
"""Å; the trapezoidal rule needs neighboring images that are closer."""
MIN_PAIRS: Final = 10


class ForceConsistency:
    """Compares energy differences of consecutive images with the work of the mean force.

    For two images of the same atoms and cell, ``ΔE ≈ -½ (F1 + F2) · Δr``. The slope of a
    regression through the origin is 1 where energies, forces and positions are in units of each
    other and forces are derivatives of this energy; hartree beside eV/Å gives 1/27.2.
    """

    def __init__(self) -> None:
        self._last: RawImage | None = None
        self._sums = np.zeros(3)
        self._n = 0

    def add(self, image: RawImage) -> None:
        """Take one image into account."""
        last, self._last = self._last, image
        energy = energy_of(image)
        if last is None or energy is None or "forces" not in image.results:
            return
        before = energy_of(last)
        if before is None or "forces" not in last.results:
            return
        if not (
            np.array_equal(image.numbers, last.numbers) and np.array_equal(image.cell, last.cell)
        ):
            return
        step = image.positions - last.positions
        if not 0.0 < np.abs(step).max() < LARGEST_STEP:
            return
        force = 0.5 * (np.asarray(image.results["forces"]) + np.asarray(last.results["forces"]))
        work = -float((force * step).sum())
        difference = energy - before
        self._sums += (work * work, work * difference, difference * difference)
        self._n += 1

    def result(self) -> dict[str, float] | None:
        """``slope``, ``correlation``, ``n_pairs``; None with too few pairs."""
        ww, wd, dd = self._sums
        if self._n < MIN_PAIRS or ww <= 0.0 or dd <= 0.0:
            return None
        return {
            "slope": float(wd / ww),
            "correlation": float(wd / np.sqrt(ww * dd)),
            "n_pairs": float(self._n),
        }
