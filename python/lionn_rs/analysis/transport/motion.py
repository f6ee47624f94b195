"""A run reduced to what the analysis needs: displacements relative to a reference set of atoms.

One pass over the frames finds the drift, the summed displacement of each species and the longest
step, and keeps the paths of the carriers, in a temporary file where they are long. The MSD of the
other atoms is added up in blocks of atoms. Memory grows with the number of frames, not of atoms.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lionn_rs import _core
from lionn_rs.analysis._records import Record
from lionn_rs.analysis.transport.drift import Drift, DriftReference
from lionn_rs.analysis.transport.sources import ATOM_BLOCK_BYTES, Paths
from lionn_rs.analysis.transport.timing import FRAMES_PER_BLOCK, FlightTimer, standard_masses
from lionn_rs.analysis.transport.trajectory import Floats
from lionn_rs.spool import Column

LONG_STEP_SHARE = 0.75
"""Longest step over its limit above which some steps may have been taken for shorter ones."""


@dataclass(frozen=True, kw_only=True)
class Unwrapping(Record):
    """How continuous paths were made."""

    wrapped: bool
    """Positions were folded into the cell; otherwise they were continuous already."""
    cell_changes: bool
    convention: str
    """``fractional`` or ``cartesian``; it matters when the cell changes."""
    longest_step_A: float
    """Longest displacement between two frames, Å."""
    limit_A: float
    """Half of the shortest lattice vector, Å: a step that long stops the analysis."""

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a reader of the result should know."""
        found = []
        if self.longest_step_A > LONG_STEP_SHARE * self.limit_A:
            found.append(
                f"an atom moves {self.longest_step_A:.2f} Å between two frames, close to half of "
                f"the shortest lattice vector ({self.limit_A:.2f} Å): longer steps would be "
                "mistaken for shorter ones, store frames more often"
            )
        if self.cell_changes:
            where = {
                "fractional": "fractional displacements times the mean cell",
                "cartesian": "Cartesian displacements of the wrapped positions",
            }[self.convention]
            found.append(
                f"the cell changes: {where} are analyzed; the barostat itself also moves atoms, "
                "compare with a run in the mean cell"
            )
        return tuple(found)


class Motion:
    """Paths relative to the drift of a reference set.

    Attributes
    ----------
    drift : Drift
        Record of what is subtracted.
    sums : dict of (n_frames, 3) float64, Å
        Summed displacement of each species since the first frame.
    timer : FlightTimer
        Steps between frames.
    """

    def __init__(
        self,
        paths: Paths,
        symbols: NDArray[np.str_],
        reference: DriftReference,
        carriers: NDArray[np.intp],
    ) -> None:
        self.paths = paths
        self.symbols = symbols
        self._carriers = carriers
        kinds = sorted(set(symbols.tolist()))
        weights = np.stack([reference.share, *((symbols == kind).astype(float) for kind in kinds)])
        totals = np.empty((len(weights), paths.n_frames, 3))
        ions = Column()
        self.timer = FlightTimer(standard_masses(symbols))
        origin = np.zeros((1, paths.n_atoms, 3))
        for start, block in paths.blocks():
            if start == 0:
                origin = block[:1].copy()
            part = slice(start, start + len(block))
            own = block[:, carriers]
            block -= origin
            totals[:, part] = np.matmul(weights, block).transpose(1, 0, 2)
            ions.add(own - totals[0, part, None, :])
            some = block[:FRAMES_PER_BLOCK]
            self.timer.add(some - totals[0, start : start + len(some), None, :])
        self._ions = ions.whole()
        self._center: Floats = totals[0]
        for total, count in zip(totals[1:], weights[1:].sum(axis=1), strict=True):
            total -= count * self._center
        self.sums: dict[str, Floats] = dict(zip(kinds, totals[1:], strict=True))
        self.drift: Drift = reference.record(self._center)

    @property
    def unwrapping(self) -> Unwrapping:
        """Record of how paths were made continuous."""
        return Unwrapping(
            wrapped=self.paths.wrapped,
            cell_changes=len(self.paths.cells) > 1,
            convention=self.paths.convention,
            longest_step_A=self.paths.longest[0],
            limit_A=self.paths.longest[1],
        )

    def ions(self, symbol: str) -> Floats:
        """Paths (n_frames, k, 3) of one species relative to the drift, Å."""
        atoms = np.flatnonzero(self.symbols == symbol)
        return self._ions if np.array_equal(atoms, self._carriers) else self._read(atoms)

    def msd(self, symbol: str, *, tensor: bool) -> Floats:
        """MSD (3 or 6, n_frames) of one species, Å², from blocks of atoms."""
        atoms = np.flatnonzero(self.symbols == symbol)
        products = _core.DisplacementProducts.of_atoms(self.paths.n_frames, tensor)
        if np.array_equal(atoms, self._carriers):
            products.add_atoms(self._ions)
        else:
            size = max(ATOM_BLOCK_BYTES // (24 * self.paths.n_frames), 1)
            for start in range(0, len(atoms), size):
                products.add_atoms(self._read(atoms[start : start + size]))
        curves = products.finish()
        curves /= len(atoms)
        return curves

    def _read(self, atoms: NDArray[np.intp]) -> Floats:
        result = np.empty((self.paths.n_frames, len(atoms), 3))
        for start, block in self.paths.blocks(atoms):
            part = slice(start, start + len(block))
            np.subtract(block, self._center[part, None, :], out=result[part])
        return result
