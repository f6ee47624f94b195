"""Is the time between frames what it is said to be? Atoms that fly freely tell."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lionn_rs.analysis._records import Record
from lionn_rs.analysis.transport.trajectory import Floats, as_positions
from lionn_rs.units import BOLTZMANN_EV_K

__all__ = ["ClockCheck", "FlightTimer", "ballistic_temperature", "standard_masses"]

U_A2_FS2_TO_EV = 103.642696
"""u Å²/fs² in eV: 1.66053907e-27 kg (1e5 m/s)² / 1.602176634e-19 J."""
BALLISTIC = 3.8
"""Two steps go this many times as far squared as one, 4 in free flight; below, atoms turn between
frames and their speed cannot be told."""
DOUBTFUL = 2.0
"""Temperatures of the steps between frames that are off by this factor are reported."""
FROZEN = 1e-9
"""Atoms whose squared steps are below this part of the largest are held in place, they have no
temperature."""
FRAMES_PER_BLOCK = 100
"""Frames of a block that are looked at: enough for a temperature, little work."""


@dataclass(frozen=True, kw_only=True)
class ClockCheck(Record):
    """The stated time between frames against the stated temperature."""

    implied_temperature_K: float
    """Temperature that the steps between frames correspond to, ``<m |dr|²> / (3 k_B dt²)``, K."""
    stated_temperature_K: float
    """Temperature of the run as stated, K."""
    stated_interval_fs: float
    """Time between frames as stated, fs."""
    likely_interval_fs: float
    """Time between frames with which the steps have the stated temperature, fs."""
    consistent: bool
    """Whether the two temperatures differ by less than a factor of 2."""

    @property
    def warning(self) -> str:
        """What a reader of the result should know; empty if the two agree."""
        if self.consistent:
            return ""
        return (
            f"between frames the atoms move as at {self.implied_temperature_K:.3g} K, not "
            f"{self.stated_temperature_K:g} K: are the frames {self.likely_interval_fs:.2g} fs "
            f"apart instead of {self.stated_interval_fs:g} fs?"
        )


class FlightTimer:
    """Squared steps over one and over two frames, added up block by block.

    Parameters
    ----------
    masses : (n_atoms,) array, u
        Masses; atoms without one do not count.
    """

    def __init__(self, masses: ArrayLike) -> None:
        self._masses = np.asarray(masses, dtype=np.float64)
        self._sums = np.zeros((2, len(self._masses)))
        self._windows = [0, 0]

    def add(self, positions: Floats) -> None:
        """Add consecutive frames (n, n_atoms, 3), Å; blocks need not follow each other."""
        for k in (0, 1):
            steps = positions[k + 1 :] - positions[: -k - 1]
            self._sums[k] += np.einsum("fax,fax->a", steps, steps)
            self._windows[k] += len(steps)

    def temperature_K(self, frame_interval_fs: float) -> float | None:
        """Temperature of the steps; None where they are no free flight."""
        if self._windows[1] == 0:
            return None
        squares = self._sums / np.array(self._windows)[:, None]
        moving = (squares[0] > FROZEN * squares[0].max()) & np.isfinite(self._masses)
        if not moving.any():
            return None
        one, two = np.mean(self._masses[moving] * squares[:, moving], axis=1)
        if two / one < BALLISTIC:
            return None
        return float(one * U_A2_FS2_TO_EV / (3.0 * BOLTZMANN_EV_K * frame_interval_fs**2))

    def check(self, *, frame_interval_fs: float, temperature_K: float) -> ClockCheck | None:
        """Compare with what is stated; None where the steps are no free flight."""
        implied = self.temperature_K(frame_interval_fs)
        if implied is None:
            return None
        ratio = implied / temperature_K
        return ClockCheck(
            implied_temperature_K=implied,
            stated_temperature_K=float(temperature_K),
            stated_interval_fs=float(frame_interval_fs),
            likely_interval_fs=float(frame_interval_fs * ratio**0.5),
            consistent=1.0 / DOUBTFUL < ratio < DOUBTFUL,
        )


def standard_masses(symbols: NDArray[np.str_]) -> Floats:
    """Return standard atomic masses (n_atoms,), u; not a number for what is no element."""
    from ase.data import atomic_masses, atomic_numbers

    kinds, index = np.unique(symbols, return_inverse=True)
    masses = [
        atomic_masses[atomic_numbers[kind]] if kind in atomic_numbers else np.nan for kind in kinds
    ]
    return np.array(masses, dtype=np.float64)[index]


def ballistic_temperature(
    positions: ArrayLike, *, masses: ArrayLike, frame_interval_fs: float
) -> float | None:
    """Temperature that the steps between frames correspond to, ``<m |dr|²> / (3 k_B dt²)``.

    Frames that are far closer or farther in time than stated give a temperature that is wrong by
    the square of that factor. Atoms that are held in place do not count.

    Parameters
    ----------
    positions : (n_frames, n_atoms, 3) array, Å
        Unwrapped positions.
    masses : (n_atoms,) array, u
        Masses.
    frame_interval_fs : float
        Stated time between frames, fs.

    Returns
    -------
    float or None
        K; None where the frames are too far apart for free flight between them, or fewer than 3.

    Examples
    --------
    Lithium that flies at 600 K, a frame every 2 fs; read as if it were every 20 fs:

    >>> import numpy as np
    >>> speed = np.sqrt(0.0517 / (6.94 * 103.64))
    >>> velocities = np.random.default_rng(0).normal(0.0, speed, (1, 400, 3))
    >>> path = velocities * 2.0 * np.arange(50)[:, None, None]
    >>> mass = np.full(400, 6.94)
    >>> right = ballistic_temperature(path, masses=mass, frame_interval_fs=2.0)
    >>> wrong = ballistic_temperature(path, masses=mass, frame_interval_fs=20.0)
    >>> abs(right - 600) < 60, abs(wrong - 6) < 0.6
    (True, True)
    """
    timer = FlightTimer(masses)
    timer.add(as_positions(positions))
    return timer.temperature_K(frame_interval_fs)
