"""Is the time between frames what it is said to be? Atoms that fly freely tell."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from lionn_rs.analysis.transport.trajectory import as_positions
from lionn_rs.units import BOLTZMANN_EV_K

__all__ = ["ballistic_temperature"]

U_A2_FS2_TO_EV = 103.642696
"""u Å²/fs² in eV: 1.66053907e-27 kg (1e5 m/s)² / 1.602176634e-19 J."""
BALLISTIC = 3.8
"""Two steps go this many times as far squared as one, 4 in free flight; below, atoms turn between
frames and their speed cannot be told."""


def ballistic_temperature(
    positions: ArrayLike, *, masses: ArrayLike, frame_interval_fs: float
) -> float | None:
    """Temperature that the steps between frames correspond to, ``<m |dr|²> / (3 k_B dt²)``.

    Frames that are far closer or farther in time than stated give a temperature that is wrong by
    the square of that factor.

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
    path, mass = as_positions(positions), np.asarray(masses, dtype=np.float64)
    if len(path) < 3:
        return None

    def weighted(lag: int) -> float:
        steps = path[lag:] - path[:-lag]
        return float(np.mean(mass * np.mean(np.sum(steps**2, axis=2), axis=0)))

    one, two = weighted(1), weighted(2)
    if one <= 0.0 or two / one < BALLISTIC:
        return None
    return one * U_A2_FS2_TO_EV / (3.0 * BOLTZMANN_EV_K * frame_interval_fs**2)
