"""Ions that feel each other: trajectories to test error bars on what they were not made for.

None of these was used to choose a formula or a constant of the error model. Their diffusivity is
not known in closed form; it is that of a reference simulation, thousands of times longer, of the
same system (:func:`reference_diffusivity`). Many independent runs are made at once.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from lionn_rs.analysis.synthetic import vibration
from lionn_rs.analysis.transport.trajectory import Floats
from lionn_rs.units import A2_FS_TO_CM2_S, BOLTZMANN_EV_K, EV_FS2_PER_U_A2

LI_MASS = 6.94
"""Mass of lithium, u."""
LANGEVIN_STEP_FS = 5.0
"""A sixtieth of the period of vibration at the bottom of the wells."""
EQUILIBRATION_FS = 4000.0
"""Ions start on random sites; this is many relaxation times of their arrangement."""


def crowded_lattice(
    rng: np.random.Generator,
    *,
    n_runs: int,
    n_ions: int,
    n_frames: int,
    frame_interval_fs: float,
    attempts_per_fs: float,
    sites: tuple[int, int, int] = (3, 3, 3),
    longest_chain: int = 1,
    hop_length_A: float = 3.25,
    vibration_A: float = 0.3,
    vibration_fs: float = 100.0,
) -> Floats:
    """Hops on a periodic simple cubic lattice of which every site holds one ion at most.

    Every ion attempts hops in random directions. With ``longest_chain=1`` an attempt onto an
    occupied site fails (vacancy mechanism: an ion tends to go back to the site it left). With more,
    the ion there is pushed on, and the next one, up to that many ions that all move at once into
    the first vacancy (knock-on, interstitialcy mechanism).

    Parameters
    ----------
    rng : Generator
        Source of randomness.
    n_runs, n_ions, n_frames : int
        Number of independent runs, and their size.
    frame_interval_fs : float
        Time between frames, fs.
    attempts_per_fs : float
        Attempts of one ion per fs; the diffusivity is proportional to it.
    sites : (3,) int
        Sites along the three axes.
    longest_chain : int
        Most ions that move at once.
    hop_length_A : float
        Distance between sites, Å.
    vibration_A, vibration_fs : float
        Amplitude along each axis and correlation time of the vibration.

    Returns
    -------
    (n_runs, n_frames, n_ions, 3) float64, Å
        Unwrapped.
    """
    n_sites, table = _neighbor_sites(sites)
    runs = np.arange(n_runs)
    site = np.argsort(rng.random((n_runs, n_sites)), axis=1)[:, :n_ions]
    holder = np.full((n_runs, n_sites), -1)
    holder[runs[:, None], site] = np.arange(n_ions)
    length_fs = (n_frames - 1) * frame_interval_fs
    n_attempts = rng.poisson(attempts_per_fs * n_ions * length_fs, size=n_runs)
    clock = rng.uniform(0.0, length_fs, (n_runs, int(n_attempts.max(initial=0))))
    clock[np.arange(clock.shape[1]) >= n_attempts[:, None]] = np.inf
    clock.sort(axis=1)
    steps = np.zeros((n_runs, n_frames, n_ions, 3), dtype=np.float32)
    for k in range(clock.shape[1]):
        active = runs[np.isfinite(clock[:, k])]
        frame = np.ceil(clock[active, k] / frame_interval_fs).astype(int)
        direction = rng.integers(6, size=len(active))
        chain = [site[active, rng.integers(n_ions, size=len(active))]]
        chain_length = np.zeros(len(active), dtype=int)
        for count in range(1, longest_chain + 1):
            chain.append(table[chain[-1], direction])
            vacant = holder[active, chain[-1]] < 0
            chain_length[(chain_length == 0) & vacant] = count
        for count in range(longest_chain, 0, -1):
            moves = chain_length >= count
            run, old, new = active[moves], chain[count - 1][moves], chain[count][moves]
            ion = holder[run, old]
            holder[run, new], holder[run, old], site[run, ion] = ion, -1, new
            step = direction[moves]
            steps[run, frame[moves], ion, step // 2] += 1.0 - 2.0 * (step % 2)
    path = hop_length_A * np.cumsum(steps, axis=1, dtype=np.float64)
    noise = vibration(
        rng,
        (n_frames, n_runs * n_ions, 3),
        sd_A=vibration_A,
        correlation_frames=vibration_fs / frame_interval_fs,
    )
    return path + noise.reshape(n_frames, n_runs, n_ions, 3).transpose(1, 0, 2, 3)


def langevin_fluid(
    rng: np.random.Generator,
    *,
    n_runs: int,
    n_ions: int,
    n_frames: int,
    frame_interval_fs: float,
    barrier_eV: float,
    temperature_K: float = 800.0,
    friction_fs: float = 100.0,
    sites: int = 3,
    period_A: float = 3.25,
    repulsion_eV: float = 0.5,
    range_A: float = 1.3,
) -> Floats:
    """Underdamped Langevin dynamics of ions that repel each other in a periodic potential.

    ``U = (barrier/2) sum cos(2 pi x / a) + sum_pairs repulsion exp(-r²/(2 range²))`` in a cubic box
    of ``sites`` periods, nearest images; BAOAB integrator with steps of 5 fs. There are no sites
    and no hops: ions vibrate, run over several barriers at once, and push each other.

    Parameters
    ----------
    rng, n_runs, n_ions, n_frames, frame_interval_fs
        As in :func:`crowded_lattice`; the interval is a multiple of 5 fs.
    barrier_eV : float
        Barrier along each axis, eV.
    temperature_K : float
        Temperature, K.
    friction_fs : float
        Relaxation time of velocities, fs.
    sites : int
        Periods along each axis.
    period_A : float
        Period a, Å.
    repulsion_eV, range_A : float
        Height and width of the repulsion.

    Returns
    -------
    (n_runs, n_frames, n_ions, 3) float64, Å
        Unwrapped.
    """
    box, k = sites * period_A, 2.0 * np.pi / period_A
    thermal = np.sqrt(BOLTZMANN_EV_K * temperature_K * EV_FS2_PER_U_A2 / LI_MASS)
    keep = float(np.exp(-LANGEVIN_STEP_FS / friction_fs))
    kick = float(thermal * np.sqrt(1.0 - keep**2))
    half = 0.5 * LANGEVIN_STEP_FS * EV_FS2_PER_U_A2 / LI_MASS

    def force(x: Floats) -> Floats:
        between = x[:, :, None] - x[:, None]
        between -= box * np.round(between / box)
        strength = (repulsion_eV / range_A**2) * np.exp(
            -np.einsum("rijx,rijx->rij", between, between) / (2.0 * range_A**2)
        )
        pairs = np.einsum("rij,rijx->rix", strength, between)
        return np.asarray(0.5 * barrier_eV * k * np.sin(k * x) + pairs)

    grid = (np.indices((sites, sites, sites)).reshape(3, -1).T + 0.5) * period_A
    order = np.argsort(rng.random((n_runs, len(grid))), axis=1)[:, :n_ions]
    x = grid[order] + 0.2 * rng.standard_normal((n_runs, n_ions, 3))
    v = thermal * rng.standard_normal(x.shape)
    f = force(x)
    stride = round(frame_interval_fs / LANGEVIN_STEP_FS)
    first = round(EQUILIBRATION_FS / LANGEVIN_STEP_FS)
    path = np.empty((n_runs, n_frames, n_ions, 3))
    for step in range(first + stride * (n_frames - 1) + 1):
        if step >= first and (step - first) % stride == 0:
            path[:, (step - first) // stride] = x
        v += half * f
        x = x + 0.5 * LANGEVIN_STEP_FS * v
        v = keep * v + kick * rng.standard_normal(v.shape)
        x = x + 0.5 * LANGEVIN_STEP_FS * v
        f = force(x)
        v += half * f
    return path


def reference_diffusivity(
    simulate: Callable[..., Floats],
    rng: np.random.Generator,
    *,
    n_runs: int,
    n_frames: int,
    frame_interval_fs: float,
) -> tuple[float, float]:
    """Diffusivity of a generator from many long runs, with its standard error, cm²/s.

    Slope between the MSD at a quarter and at half of each run, mean and standard error over the
    runs: no error model enters.

    Parameters
    ----------
    simulate : callable
        Takes rng, n_runs, n_frames, frame_interval_fs; gives (n_runs, n_frames, n_ions, 3), Å.
    rng : Generator
        Source of randomness.
    n_runs, n_frames : int
        Size; frames may lie far apart.
    frame_interval_fs : float
        Time between frames, fs.

    Returns
    -------
    diffusivity, standard error : float
    """
    path = simulate(rng, n_runs=n_runs, n_frames=n_frames, frame_interval_fs=frame_interval_fs)
    quarter = n_frames // 4

    def squares(frame: int) -> Floats:
        return np.asarray(((path[:, frame:] - path[:, : n_frames - frame]) ** 2).sum(-1))

    long = squares(n_frames // 2).mean(axis=(1, 2)) - squares(quarter).mean(axis=(1, 2))
    slopes = long / ((n_frames // 2 - quarter) * frame_interval_fs)
    values = slopes / 6.0 * A2_FS_TO_CM2_S
    return float(values.mean()), float(values.std(ddof=1) / np.sqrt(n_runs))


def _neighbor_sites(sites: tuple[int, int, int]) -> tuple[int, NDArray[np.int64]]:
    """Count and (n, 6) table of the sites one step along +x, -x, +y, -y, +z, -z."""
    index = np.arange(int(np.prod(sites))).reshape(sites)
    moved = [np.roll(index, -sign, axis) for axis in range(3) for sign in (1, -1)]
    return index.size, np.stack(moved, axis=-1).reshape(-1, 6)
