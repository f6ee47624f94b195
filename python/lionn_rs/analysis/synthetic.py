"""Trajectories whose diffusivity is known, to put an analysis and its error bars to the test.

Every generator returns unwrapped positions (n_frames, n_ions, 3) in Å and takes the diffusivity
that the trajectory truly has. They differ in what they violate: independent lattice hops are what
the error model assumes; motion in a smooth potential has no discrete hops; ions that go back at
once, hop in pairs, or are not equally mobile break its assumptions one by one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import i0

from lionn_rs.analysis.transport.trajectory import Floats
from lionn_rs.units import A2_FS_TO_CM2_S


def vibration(
    rng: np.random.Generator, shape: tuple[int, ...], *, sd_A: float, correlation_frames: float
) -> Floats:
    """Gaussian vibration around fixed sites, an Ornstein-Uhlenbeck process in time.

    Parameters
    ----------
    rng : Generator
        Source of randomness.
    shape : (n_frames, n_ions, 3)
        Shape of the result.
    sd_A : float
        Standard deviation along each axis, Å.
    correlation_frames : float
        Correlation time in frames; 0 for white noise.

    Returns
    -------
    (n_frames, n_ions, 3) float64, Å
    """
    noise = rng.standard_normal(shape)
    if correlation_frames > 0.0:
        keep = float(np.exp(-1.0 / correlation_frames))
        for k in range(1, shape[0]):
            noise[k] = keep * noise[k - 1] + np.sqrt(1.0 - keep**2) * noise[k]
    return sd_A * noise


def lattice_hops(
    rng: np.random.Generator,
    *,
    n_ions: int,
    n_frames: int,
    frame_interval_fs: float,
    diffusivity_cm2_s: float,
    hop_length_A: float = 3.25,
    vibration_A: float = 0.3,
    vibration_fs: float = 100.0,
    together: int = 1,
    mobility_ratio: float = 1.0,
    mobility_ln_sd: float = 0.0,
    axis_shares: tuple[float, float, float] = (1 / 3, 1 / 3, 1 / 3),
) -> Floats:
    """Poisson hops on a simple cubic lattice, ``D = G a²/6``, with vibration.

    Parameters
    ----------
    rng : Generator
        Source of randomness.
    n_ions, n_frames : int
        Size of the trajectory.
    frame_interval_fs : float
        Time between frames, fs.
    diffusivity_cm2_s : float
        True diffusivity (mean over the ions), cm²/s.
    hop_length_A : float
        Hop length a, Å.
    vibration_A, vibration_fs : float
        Amplitude along each axis and correlation time of the vibration.
    together : int
        Number of ions that always hop as one; must divide ``n_ions``.
    mobility_ratio : float
        Every other ion is this many times more mobile than its neighbor.
    mobility_ln_sd : float
        Each ion (group) of each trajectory draws its mobility from a log-normal distribution of
        this standard deviation; the true diffusivity is that of the distribution.
    axis_shares : (3,) float
        Shares of the hops along x, y and z; the sum is 1.

    Returns
    -------
    (n_frames, n_ions, 3) float64, Å
    """
    groups = n_ions // together
    share = np.where(np.arange(groups) % 2 == 0, mobility_ratio, 1.0)
    share /= share.mean()
    if mobility_ln_sd > 0.0:
        share *= np.exp(mobility_ln_sd * rng.standard_normal(groups) - 0.5 * mobility_ln_sd**2)
    rate = 6.0 * diffusivity_cm2_s / A2_FS_TO_CM2_S / hop_length_A**2
    counts = rng.poisson(rate * frame_interval_fs * share, size=(n_frames - 1, groups))
    steps = _cubic_steps(rng, counts, axis_shares) * hop_length_A
    path = np.zeros((n_frames, n_ions, 3))
    path[1:] = np.repeat(np.cumsum(steps, axis=0), together, axis=1)
    return path + vibration(
        rng, path.shape, sd_A=vibration_A, correlation_frames=vibration_fs / frame_interval_fs
    )


def returning_hops(
    rng: np.random.Generator,
    *,
    n_ions: int,
    n_frames: int,
    frame_interval_fs: float,
    diffusivity_cm2_s: float,
    return_probability: float = 0.5,
    return_fs: float = 300.0,
    hop_length_A: float = 3.25,
    vibration_A: float = 0.3,
) -> Floats:
    """Lattice hops of which a fraction is undone a moment later; ``D = (1 - p) G a²/6``.

    Parameters
    ----------
    rng, n_ions, n_frames, frame_interval_fs, diffusivity_cm2_s, hop_length_A, vibration_A
        As in :func:`lattice_hops`.
    return_probability : float
        Fraction p of the hops that go back.
    return_fs : float
        Mean time before they do, fs.

    Returns
    -------
    (n_frames, n_ions, 3) float64, Å
    """
    path = lattice_hops(
        rng,
        n_ions=n_ions,
        n_frames=n_frames,
        frame_interval_fs=frame_interval_fs,
        diffusivity_cm2_s=diffusivity_cm2_s,
        hop_length_A=hop_length_A,
        vibration_A=vibration_A,
    )
    rate = 6.0 * diffusivity_cm2_s / A2_FS_TO_CM2_S / hop_length_A**2
    rate *= return_probability / (1.0 - return_probability)
    run_fs = n_frames * frame_interval_fs
    n_excursions = rng.poisson(rate * run_fs * n_ions)
    start = rng.uniform(-5.0 * return_fs, run_fs, n_excursions)
    length = rng.exponential(return_fs, n_excursions)
    ion = rng.integers(n_ions, size=n_excursions)
    axis = rng.integers(3, size=n_excursions)
    step = rng.choice([-hop_length_A, hop_length_A], n_excursions)
    times = np.arange(n_frames) * frame_interval_fs
    first = np.searchsorted(times, start)
    last = np.searchsorted(times, start + length)
    change = np.zeros((n_frames + 1, n_ions, 3))
    np.add.at(change, (first, ion, axis), step)
    np.add.at(change, (last, ion, axis), -step)
    return path + np.cumsum(change, axis=0)[:-1]


def intermittent_hops(
    rng: np.random.Generator,
    *,
    n_ions: int,
    n_frames: int,
    frame_interval_fs: float,
    diffusivity_cm2_s: float,
    mobile_share: float = 0.3,
    mobile_fs: float = 1500.0,
    hop_length_A: float = 3.25,
    vibration_A: float = 0.3,
) -> Floats:
    """Lattice hops of ions that are free for a while and trapped for a while.

    Every ion switches at random between hopping and rest; ``D = share G a²/6`` with the rate G
    while mobile. Mobility is shared out unevenly at any moment and evenly in the long run.

    Parameters
    ----------
    rng, n_ions, n_frames, frame_interval_fs, diffusivity_cm2_s, hop_length_A, vibration_A
        As in :func:`lattice_hops`.
    mobile_share : float
        Fraction of time that an ion is mobile.
    mobile_fs : float
        Mean length of a mobile period, fs.

    Returns
    -------
    (n_frames, n_ions, 3) float64, Å
    """
    leave = -np.expm1(-frame_interval_fs / mobile_fs)
    enter = leave * mobile_share / (1.0 - mobile_share)
    mobile = np.empty((n_frames - 1, n_ions), dtype=bool)
    state = rng.random(n_ions) < mobile_share
    for frame in range(n_frames - 1):
        mobile[frame] = state
        state = state ^ (rng.random(n_ions) < np.where(state, leave, enter))
    rate = 6.0 * diffusivity_cm2_s / A2_FS_TO_CM2_S / hop_length_A**2 / mobile_share
    counts = rng.poisson(rate * frame_interval_fs * mobile)
    path = np.zeros((n_frames, n_ions, 3))
    path[1:] = hop_length_A * np.cumsum(_cubic_steps(rng, counts, (1 / 3, 1 / 3, 1 / 3)), axis=0)
    return path + vibration(
        rng, path.shape, sd_A=vibration_A, correlation_frames=100.0 / frame_interval_fs
    )


def periodic_potential(
    rng: np.random.Generator,
    *,
    n_ions: int,
    n_frames: int,
    frame_interval_fs: float,
    diffusivity_cm2_s: float,
    period_A: float = 3.25,
    barrier_kT: float = 4.0,
    step_fs: float = 1.0,
) -> Floats:
    """Brownian dynamics in ``U = (barrier/2) sum cos(2 pi x / a)``, no discrete hops.

    Exact: ``D = D0 / I0(barrier / 2 k_B T)²`` (S. Lifson, J. L. Jackson, J. Chem. Phys. 36, 2410
    (1962)).

    Parameters
    ----------
    rng, n_ions, n_frames, frame_interval_fs, diffusivity_cm2_s
        As in :func:`lattice_hops`.
    period_A : float
        Period a, Å.
    barrier_kT : float
        Barrier along each axis in units of k_B T.
    step_fs : float
        Integration step (Euler-Maruyama), fs.

    Returns
    -------
    (n_frames, n_ions, 3) float64, Å
    """
    half, k = 0.5 * barrier_kT, 2.0 * np.pi / period_A
    bare = diffusivity_cm2_s / A2_FS_TO_CM2_S * float(i0(half)) ** 2
    n_steps = max(round(frame_interval_fs / step_fs), 1)
    dt = frame_interval_fs / n_steps
    drift, kick = bare * dt * half * k, float(np.sqrt(2.0 * bare * dt))
    x = _boltzmann(rng, half, (n_ions, 3)) / k
    path = np.empty((n_frames, n_ions, 3))
    path[0] = x
    for frame in range(1, n_frames):
        for _ in range(n_steps):
            x = x + drift * np.sin(k * x) + kick * rng.standard_normal(x.shape)
        path[frame] = x
    return path


def caged(
    rng: np.random.Generator,
    *,
    n_ions: int,
    n_frames: int,
    frame_interval_fs: float,
    amplitude_A: float = 1.5,
    relaxation_fs: float = 1000.0,
) -> Floats:
    """Ions that explore a large soft cage and never leave it: D = 0, plateau ``6 amplitude²``."""
    return vibration(
        rng,
        (n_frames, n_ions, 3),
        sd_A=amplitude_A,
        correlation_frames=relaxation_fs / frame_interval_fs,
    )


def with_framework(
    rng: np.random.Generator, ions: Floats, *, n_framework: int = 30, sd_A: float = 0.15
) -> tuple[Floats, list[str]]:
    """Add vibrating sulfur atoms; returns positions and symbols (Li first)."""
    n_frames, n_ions = ions.shape[:2]
    framework = sd_A * rng.standard_normal((n_frames, n_framework, 3))
    return np.concatenate([ions, framework], axis=1), ["Li"] * n_ions + ["S"] * n_framework


def _cubic_steps(
    rng: np.random.Generator, counts: NDArray[np.int64], axis_shares: tuple[float, float, float]
) -> Floats:
    """Sum of ``counts`` unit hops along random cubic directions, shape (..., 3)."""
    steps = np.zeros((counts.size, 3))
    where = np.repeat(np.arange(counts.size), counts.ravel())
    axis = rng.choice(3, len(where), p=axis_shares)
    np.add.at(steps, (where, axis), rng.choice([-1.0, 1.0], len(where)))
    return steps.reshape(*counts.shape, 3)


def _boltzmann(rng: np.random.Generator, half: float, shape: tuple[int, ...]) -> Floats:
    """Angles with density ``exp(-half cos)``: von Mises around pi."""
    return np.asarray(rng.vonmises(np.pi, half, shape))
