"""Velocity autocorrelation: vibrational spectrum, attempt frequency, diffusivity."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.integrate import trapezoid

from lionn_rs import _core
from lionn_rs.analysis._records import Record
from lionn_rs.analysis.transport.sources import Differences, FrameSource, as_source, atom_blocks
from lionn_rs.analysis.transport.trajectory import Floats, as_positions, as_symbols, members
from lionn_rs.errors import ConfigError, DataError
from lionn_rs.units import A2_FS_TO_CM2_S, BOLTZMANN_EV_K, EV_FS2_PER_U_A2, PS_TO_FS

N_BLOCKS = 5
WINDOW_PS = 2.0
LONGEST_INTERVAL_FS = 50.0
"""Frames further apart than this cannot resolve vibrations below 10 THz, fs."""
GOOD_INTERVAL_FS = 25.0
"""Frames closer than this resolve vibrations up to 20 THz (P-S stretching: 17 THz), fs."""


@dataclass(frozen=True, kw_only=True)
class VacfResult(Record):
    """Velocity autocorrelation of one species and its power spectrum."""

    species: str
    n_ions: int
    n_frames: int
    frame_interval_fs: float
    source: str
    """``velocities`` or ``differences of positions``."""
    response: str
    """What the spectrum was corrected for."""
    window_ps: float
    """Longest lag, ps."""
    resolution_THz: float
    """Full width at half maximum of a sharp line in the spectrum, THz."""
    lag_ps: Floats
    """(n,) lag times, ps."""
    correlation: Floats
    """(n,) ``<v(0)·v(t)> / <v²>``."""
    correlation_se: Floats
    """(n,) standard error over blocks of the run."""
    frequency_THz: Floats
    """(m,) frequencies up to the Nyquist frequency, THz."""
    spectrum: Floats
    """(m,) density of states, 1/THz; its integral is 1."""
    spectrum_se: Floats
    """(m,) standard error over blocks of the run."""
    mean_frequency_THz: float
    """First moment of the spectrum: the attempt frequency of the jump analysis, THz."""
    mean_frequency_se_THz: float
    peak_frequency_THz: float
    """Frequency of the highest point of the spectrum, THz."""
    diffusivity_cm2_s: float
    """Green-Kubo: a third of the integral of ``<v(0)·v(t)>`` up to the window, cm²/s."""
    diffusivity_se_cm2_s: float
    mean_square_velocity_A2_fs2: float
    kinetic_share: float | None
    """``m <v²> / (3 k_B T)``: 1 for true velocities, less for differences of sparse frames."""
    warnings: tuple[str, ...]


def velocities_from_positions(positions: ArrayLike, frame_interval_fs: float) -> Floats:
    """Differences of consecutive frames, ``(x(t+h) - x(t))/h``, (n_frames - 1, n_atoms, 3), Å/fs.

    They are the velocities half way, averaged over the interval: the power of a vibration of
    frequency f is reduced by ``(sin(pi f h)/(pi f h))²``, to 41 % at the Nyquist frequency
    ``1/(2h)``. Faster vibrations appear at wrong, lower frequencies.
    """
    return np.asarray(np.diff(as_positions(positions), axis=0) / frame_interval_fs)


def vacf(
    *,
    frame_interval_fs: float,
    species: str,
    velocities: ArrayLike | FrameSource | None = None,
    positions: ArrayLike | FrameSource | None = None,
    symbols: Sequence[str] | None = None,
    numbers: ArrayLike | None = None,
    window_ps: float = WINDOW_PS,
    temperature_K: float | None = None,
    mass_u: float | None = None,
) -> VacfResult:
    """Velocity autocorrelation function and density of states of a species.

    ``g(f) = 4 int_0^W C(t) w(t) cos(2 pi f t) dt`` with ``C(0) = 1`` and a Gaussian ``w`` that
    falls to 1 % at the window W. Give velocities, or positions for finite differences, whose
    spectrum is divided by their response (:func:`velocities_from_positions`).

    Parameters
    ----------
    frame_interval_fs : float
        Time between frames, fs.
    species : str
        Chemical symbol.
    velocities : (n_frames, n_atoms, 3) array or FrameSource, Å/fs, optional
        Velocities. A source is read in blocks of ions.
    positions : (n_frames, n_atoms, 3) array or FrameSource, Å, optional
        Unwrapped positions, drift removed.
    symbols, numbers : (n_atoms,)
        Chemical symbols or atomic numbers, one of the two.
    window_ps : float
        Longest lag W, ps; the resolution is 1.12/W.
    temperature_K, mass_u : float, optional
        For the share of the kinetic energy that the velocities hold; mass default: standard.

    Returns
    -------
    VacfResult

    Raises
    ------
    ConfigError
        Unless one of velocities and positions is given; for a window that does not fit.
    DataError
        For differences of frames more than 50 fs apart, a run of fewer than five windows, or ions
        at rest.

    References
    ----------
    J. M. Dickey, A. Paskin, Phys. Rev. 188, 1407 (1969), doi 10.1103/PhysRev.188.1407.
    """
    if (velocities is None) == (positions is None):
        raise ConfigError("vacf: give either velocities or positions")
    if not frame_interval_fs > 0.0 or not window_ps > 0.0:
        raise ConfigError(
            "vacf: frame interval and window must be positive, got "
            f"{frame_interval_fs} fs and {window_ps} ps"
        )
    differences = velocities is None
    if differences and frame_interval_fs > LONGEST_INTERVAL_FS:
        raise DataError(
            f"vacf: frames are {frame_interval_fs:g} fs apart, differences of positions need "
            f"{LONGEST_INTERVAL_FS:g} fs or less (vibrations have periods of 60 to 500 fs): store "
            "frames more often, or velocities"
        )
    speed: FrameSource
    if positions is not None:
        speed = Differences(as_source(positions), frame_interval_fs)
    else:
        speed = as_source(velocities)  # type: ignore[arg-type]
    n_frames, n_atoms = speed.shape[:2]
    atoms = members(as_symbols(n_atoms, symbols=symbols, numbers=numbers), species)
    n_window = round(window_ps * PS_TO_FS / frame_interval_fs)
    if n_window < 4 or n_frames < N_BLOCKS * (n_window + 1):
        raise DataError(
            f"vacf: a window of {window_ps:g} ps needs at least {N_BLOCKS} windows in the run and "
            f"4 frames in the window, got {n_frames} frames every {frame_interval_fs:g} fs: "
            "choose another window"
        )
    mean, raw = _correlations(speed, atoms.astype(np.intp), n_window)
    if not mean[0] > 0.0:
        raise DataError(f"vacf: the {species} ions do not move")
    dt_ps = frame_interval_fs / PS_TO_FS
    interval_ps = dt_ps if differences else None
    frequency, spectrum = power_spectrum(mean, dt_ps, differences_ps=interval_ps)
    spectra = np.stack([power_spectrum(row, dt_ps, differences_ps=interval_ps)[1] for row in raw])
    moments = [_mean_frequency(frequency, row) for row in spectra]
    diffusivities = [_green_kubo(row, frame_interval_fs) for row in raw]
    warnings = []
    if frame_interval_fs > GOOD_INTERVAL_FS:
        warnings.append(
            f"frames are {frame_interval_fs:g} fs apart: vibrations above "
            f"{0.5 / dt_ps:.0f} THz appear at wrong, lower frequencies"
        )
    root = math.sqrt(N_BLOCKS)
    return VacfResult(
        species=species,
        n_ions=len(atoms),
        n_frames=n_frames,
        frame_interval_fs=float(frame_interval_fs),
        source="differences of positions" if differences else "velocities",
        response="(sin(pi f h)/(pi f h))² of differences" if differences else "none",
        window_ps=float(window_ps),
        resolution_THz=_width(window_ps),
        lag_ps=np.asarray(np.arange(n_window + 1) * dt_ps, dtype=np.float64),
        correlation=mean / mean[0],
        correlation_se=np.std(raw / raw[:, :1], axis=0, ddof=1) / root,
        frequency_THz=frequency,
        spectrum=spectrum,
        spectrum_se=np.std(spectra, axis=0, ddof=1) / root,
        mean_frequency_THz=_mean_frequency(frequency, spectrum),
        mean_frequency_se_THz=float(np.std(moments, ddof=1)) / root,
        peak_frequency_THz=float(frequency[int(spectrum.argmax())]),
        diffusivity_cm2_s=_green_kubo(mean, frame_interval_fs),
        diffusivity_se_cm2_s=float(np.std(diffusivities, ddof=1)) / root,
        mean_square_velocity_A2_fs2=float(mean[0]),
        kinetic_share=_kinetic_share(float(mean[0]), species, mass_u, temperature_K),
        warnings=tuple(warnings),
    )


def power_spectrum(
    correlation: Floats, interval_ps: float, *, differences_ps: float | None = None
) -> tuple[Floats, Floats]:
    """Frequencies (THz) and normalized spectrum (1/THz) of a correlation function.

    Parameters
    ----------
    correlation : (n,) float64
        At lags 0, 1, ... n-1.
    interval_ps : float
        Time between lags, ps.
    differences_ps : float, optional
        Interval of the finite differences whose response is divided out, ps.

    Returns
    -------
    frequency, spectrum : (m,) float64
    """
    n = len(correlation)
    taper = np.exp(-0.5 * (_TAPER * np.arange(n) / max(n - 1, 1)) ** 2)
    even = np.zeros(8 * n)
    even[:n] = correlation * taper
    even[-n + 1 :] = even[n - 1 : 0 : -1]
    spectrum = np.fft.rfft(even).real
    frequency: Floats = np.asarray(np.fft.rfftfreq(len(even), interval_ps), dtype=np.float64)
    if differences_ps is not None:
        spectrum = spectrum / np.sinc(frequency * differences_ps) ** 2
    return frequency, np.asarray(spectrum / trapezoid(spectrum, frequency))


_TAPER = 3.0
"""The Gaussian lag window has this many standard deviations: 1.1 % at its end."""


def _width(window_ps: float) -> float:
    """Full width at half maximum of the transform of the lag window, THz."""
    return math.sqrt(8.0 * math.log(2.0)) * _TAPER / (2.0 * math.pi * window_ps)


def _correlations(
    speed: FrameSource, atoms: NDArray[np.intp], n_window: int
) -> tuple[Floats, Floats]:
    """``<v(0)·v(t)>`` up to the window, of the run and (5, n) of blocks of it, Å²/fs²."""
    mean, parts = np.zeros(n_window + 1), np.zeros((N_BLOCKS, n_window + 1))
    for some, velocities in atom_blocks(speed, atoms):
        share = len(some) / len(atoms)
        mean += share * _correlation(velocities, n_window)
        for row, block in zip(parts, np.array_split(velocities, N_BLOCKS), strict=True):
            row += share * _correlation(block, n_window)
    return mean, parts


def _correlation(velocities: Floats, n_window: int) -> Floats:
    """``<v(0)·v(t)>`` of some atoms up to the window, Å²/fs²."""
    groups = np.zeros(velocities.shape[1], dtype=np.uint64)
    result = _core.autocorrelation(velocities, groups, 1)
    return np.asarray(result[0].sum(axis=0)[: n_window + 1])


def _mean_frequency(frequency: Floats, spectrum: Floats) -> float:
    return float(trapezoid(frequency * spectrum, frequency))


def _green_kubo(correlation: Floats, interval_fs: float) -> float:
    return float(trapezoid(correlation, dx=interval_fs)) / 3.0 * A2_FS_TO_CM2_S


def _kinetic_share(
    square: float, species: str, mass_u: float | None, temperature_K: float | None
) -> float | None:
    if temperature_K is None:
        return None
    if mass_u is None:
        from ase.data import atomic_masses, atomic_numbers

        mass_u = float(atomic_masses[atomic_numbers[species]])
    thermal = 3.0 * BOLTZMANN_EV_K * temperature_K * EV_FS2_PER_U_A2
    return mass_u * square / thermal
