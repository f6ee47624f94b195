"""Frames as seen from a reference set of atoms, without the whole trajectory in memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lionn_rs.analysis.transport.drift import DriftWeights, drift_reference
from lionn_rs.analysis.transport.sources import FrameSource, Relative, as_source, frame_blocks
from lionn_rs.analysis.transport.timing import FRAMES_PER_BLOCK, FlightTimer, standard_masses
from lionn_rs.analysis.transport.trajectory import Drift, Floats


class StillFrames(Relative):
    """Frames with the drift of a reference set removed, and what the pass that found it saw.

    Attributes
    ----------
    drift : Drift
        Record of what is subtracted.
    mean : (n_atoms, 3) float64, Å
        Mean position of every atom.
    timer : FlightTimer
        Steps between frames.
    """

    def __init__(
        self, source: FrameSource, center: Floats, drift: Drift, mean: Floats, timer: FlightTimer
    ) -> None:
        super().__init__(source, center)
        self.drift = drift
        self.mean = mean
        self.timer = timer


def without_drift(
    positions: ArrayLike | FrameSource,
    symbols: NDArray[np.str_],
    *,
    carrier: str,
    reference: str | Sequence[Any] = "framework",
    weights: DriftWeights = "mass",
    mobile: Sequence[str] = (),
    masses: ArrayLike | None = None,
) -> StillFrames:
    """Find the drift in one pass; frames are read again, and corrected, when they are asked for.

    Parameters
    ----------
    positions : (n_frames, n_atoms, 3) array or FrameSource, Å
        Unwrapped positions.
    symbols, carrier, reference, weights, mobile
        As in :func:`lionn_rs.analysis.remove_drift`, whose result this is.
    masses : (n_atoms,) array, u, optional
        For the temperature of the steps; default: standard masses.

    Returns
    -------
    StillFrames

    Raises
    ------
    ConfigError
        For an unknown reference, or symbols that do not occur.
    """
    source = as_source(positions)
    n_frames, n_atoms = source.shape[:2]
    chosen = drift_reference(
        symbols, carrier=carrier, reference=reference, weights=weights, mobile=mobile
    )
    timer = FlightTimer(standard_masses(symbols) if masses is None else masses)
    center, total = np.zeros((n_frames, 3)), np.zeros((n_atoms, 3))
    start_of = np.zeros(3)
    for start, block in frame_blocks(source):
        part = slice(start, start + len(block))
        place = np.einsum("fax,a->fx", block, chosen.share)
        if start == 0:
            start_of = place[0].copy()
        center[part] = place - start_of
        total += block.sum(axis=0)
        timer.add(block[:FRAMES_PER_BLOCK] - center[part][:FRAMES_PER_BLOCK, None, :])
    mean: Floats = total / max(n_frames, 1) - center.mean(axis=0)
    return StillFrames(source, center, chosen.record(center), mean, timer)
