"""Jumps of ions between sites: rates, directions, residence, memory, concerted motion."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lionn_rs.analysis.mechanism.ion_density import ion_density
from lionn_rs.analysis.mechanism.jump_memory import jump_correlation
from lionn_rs.analysis.mechanism.jump_records import JumpRate, JumpResult
from lionn_rs.analysis.mechanism.jump_space import collective_jumps, jump_directions
from lionn_rs.analysis.mechanism.residence import rate_interval, residence
from lionn_rs.analysis.mechanism.sites import SiteSet, sites_from_density
from lionn_rs.analysis.mechanism.vibration import site_vibration
from lionn_rs.analysis.mechanism.visits import SiteRadius, Visits, find_visits, site_radius
from lionn_rs.analysis.transport.sources import FrameSource, as_source, check_unwrapped
from lionn_rs.analysis.transport.trajectory import Floats, as_cell, as_symbols, members
from lionn_rs.errors import ConfigError
from lionn_rs.units import PS_TO_FS

SITE_SPACING_A = 0.25
SITE_SMEARING_A = 0.3
"""Grid and smearing of the density in which sites are looked for, Å: half of a vibration."""
MIN_RESIDENCE_FS = 100.0
"""One period of a vibration of lithium at about 10 THz; a shorter stay is part of the way, fs."""
COLLECTIVE_WINDOW_FS = 500.0
COLLECTIVE_DISTANCE_A = 4.5
"""Jumps this close in time and space count as pairs; about one and a half site distances."""
FEW_JUMPS = 20
MANY_UNASSIGNED = 0.4
FEW_FRAMES_PER_STAY = 5.0


def jumps(
    positions: ArrayLike | FrameSource,
    *,
    cell: ArrayLike,
    frame_interval_fs: float,
    carrier: str = "Li",
    symbols: Sequence[str] | None = None,
    numbers: ArrayLike | None = None,
    sites: SiteSet | None = None,
    radius_A: float | None = None,
    min_residence_fs: float = MIN_RESIDENCE_FS,
    axis: str | Sequence[float] = "c",
    collective_window_fs: float = COLLECTIVE_WINDOW_FS,
    collective_distance_A: float = COLLECTIVE_DISTANCE_A,
    tracer_cm2_s: float | None = None,
    tracer_ln_sd: float | None = None,
) -> JumpResult:
    """Find sites and jumps of the carriers and their statistics.

    Parameters
    ----------
    positions : (n_frames, n_atoms, 3) array or FrameSource, Å
        Unwrapped positions, drift removed. A source is read in blocks, in several passes.
    cell : (3, 3) array, Å
        Rows are the lattice vectors, all periodic, the same in all frames.
    frame_interval_fs : float
        Time between frames, fs.
    carrier : str
        Chemical symbol of the mobile ion.
    symbols, numbers : (n_atoms,)
        Chemical symbols or atomic numbers, one of the two.
    sites : SiteSet, optional
        Sites; default: peaks of the density (:func:`sites_from_density`).
    radius_A : float, optional
        Radius of the spheres around the sites, Å; default: :func:`site_radius`.
    min_residence_fs : float
        Shortest stay, fs (:func:`find_visits`).
    axis : str or (3,)
        ``a``, ``b``, ``c`` (lattice vectors) or a Cartesian direction for the statistics of
        directions.
    collective_window_fs, collective_distance_A : float
        Jumps of different ions this close in time and space count as pairs.
    tracer_cm2_s, tracer_ln_sd : float, optional
        Self-diffusivity of the same trajectory and the standard deviation of its logarithm, for
        the correlation factor.

    Returns
    -------
    JumpResult

    Raises
    ------
    ConfigError, DataError, ShapeError
        For input that does not fit, wrapped positions, or no sites.

    References
    ----------
    Correlation factor: J. R. Manning, Diffusion Kinetics for Atoms in Crystals (1968); site
    analysis of trajectories: N. J. J. de Klerk, E. van der Maas, M. Wagemaker, ACS Appl. Energy
    Mater. 1, 3230 (2018), doi 10.1021/acsaem.8b00457.
    """
    matrix = as_cell(cell)
    source = as_source(positions)
    n_frames, n_atoms = source.shape[:2]
    names = as_symbols(n_atoms, symbols=symbols, numbers=numbers)
    atoms = members(names, carrier).astype(np.intp)
    if n_frames < 2 or not frame_interval_fs > 0.0:
        raise ConfigError(
            f"jumps need at least 2 frames and a positive interval, got {n_frames} frames every "
            f"{frame_interval_fs} fs"
        )
    check_unwrapped(source, matrix)
    unit, axis_name = direction(axis, matrix)
    if sites is None:
        sites = find_sites(source, cell=matrix, carrier=carrier, symbols=symbols, numbers=numbers)
    if radius_A is None:
        radius = site_radius(source, atoms, sites)
    else:
        radius = SiteRadius(radius_A=float(radius_A), source="given", median_distance_A=None)
    n_stay = max(int(np.ceil(min_residence_fs / frame_interval_fs - 1e-9)), 1)
    visits = find_visits(source, atoms, sites, radius_A=radius.radius_A, min_frames=n_stay)
    arrive = np.flatnonzero(visits.follows)
    place = (sites.fractional[visits.site] + visits.shift) @ matrix
    vectors = place[arrive] - place[arrive - 1]
    ion_fs = len(atoms) * (n_frames - 1) * frame_interval_fs
    lengths = np.linalg.norm(vectors, axis=1)
    low, high = rate_interval(len(arrive))
    per_ns = PS_TO_FS**2 / ion_fs
    counts, rates = _rates(visits, arrive, lengths, sites, frame_interval_fs)
    stays = [("all", np.ones(len(visits.ion), dtype=bool))]
    kinds = sorted(set(sites.labels))
    label_of = np.array(sites.labels)[visits.site] if len(visits.site) else np.array([], dtype=str)
    if 1 < len(kinds) < sites.n_sites:
        stays += [(kind, label_of == kind) for kind in kinds]
    return JumpResult(
        carrier=carrier,
        n_ions=len(atoms),
        n_frames=n_frames,
        frame_interval_fs=float(frame_interval_fs),
        run_ps=(n_frames - 1) * frame_interval_fs / PS_TO_FS,
        sites=sites,
        site_occupancy=np.bincount(
            visits.site, visits.leave - visits.enter, minlength=sites.n_sites
        )
        / n_frames,
        radius=radius,
        min_residence_fs=float(min_residence_fs),
        unassigned=visits.unassigned,
        n_jumps=len(arrive),
        rate_per_ns=len(arrive) * per_ns,
        rate_interval_per_ns=(low * per_ns, high * per_ns),
        length_mean_A=float(lengths.mean()) if len(lengths) else None,
        length_sd_A=float(lengths.std()) if len(lengths) else None,
        counts=counts,
        rates=rates,
        directions=jump_directions(vectors, unit, axis_name, ion_fs),
        residence=tuple(
            residence(visits, chosen, label=label, frame_interval_fs=frame_interval_fs)
            for label, chosen in stays
        ),
        correlation=jump_correlation(
            visits, arrive, vectors, ion_fs, tracer_cm2_s=tracer_cm2_s, tracer_ln_sd=tracer_ln_sd
        ),
        collective=collective_jumps(
            visits,
            arrive,
            place,
            matrix,
            window_frames=int(collective_window_fs / frame_interval_fs + 1e-9),
            window_fs=float(collective_window_fs),
            distance_A=float(collective_distance_A),
        ),
        vibration=site_vibration(source, atoms, visits, place),
        jump_ion=visits.ion[arrive],
        jump_time_ps=visits.enter[arrive].astype(np.float64) * (frame_interval_fs / PS_TO_FS),
        jump_from=visits.site[arrive - 1],
        jump_to=visits.site[arrive],
        jump_vector_A=vectors,
        warnings=_warnings(visits, len(arrive), frame_interval_fs),
    )


def find_sites(
    positions: ArrayLike | FrameSource,
    *,
    cell: ArrayLike,
    carrier: str,
    symbols: Sequence[str] | None = None,
    numbers: ArrayLike | None = None,
    barrier_kT: float = 1.0,
) -> SiteSet:
    """Sites as peaks of the carriers' density with the grid and smearing that suit vibrations."""
    density = ion_density(
        positions,
        cell=cell,
        species=carrier,
        symbols=symbols,
        numbers=numbers,
        spacing_A=SITE_SPACING_A,
        smearing_A=SITE_SMEARING_A,
    )
    return sites_from_density(density, barrier_kT=barrier_kT)


def direction(axis: str | Sequence[float], cell: Floats) -> tuple[Floats, str]:
    """Return unit vector and name of a lattice vector or a Cartesian direction.

    Raises
    ------
    ConfigError
        For anything else.
    """
    if isinstance(axis, str):
        if axis not in ("a", "b", "c"):
            raise ConfigError(f"axis must be 'a', 'b', 'c' or a Cartesian vector, got {axis!r}")
        vector, name = cell["abc".index(axis)], axis
    else:
        vector = np.asarray(axis, dtype=np.float64)
        if vector.shape != (3,) or not np.linalg.norm(vector) > 0.0:
            raise ConfigError(f"axis must be a vector of three numbers, not zero, got {axis!r}")
        name = "[" + " ".join(f"{x:g}" for x in vector) + "]"
    return vector / np.linalg.norm(vector), name


def _rates(
    visits: Visits,
    arrive: NDArray[np.intp],
    lengths: Floats,
    sites: SiteSet,
    frame_interval_fs: float,
) -> tuple[dict[str, dict[str, int]], tuple[JumpRate, ...]]:
    """Count matrix and rates between kinds of sites."""
    kinds, code = np.unique(np.array(sites.labels), return_inverse=True)
    kinds, code = _natural(kinds, code)
    start, end = code[visits.site[arrive - 1]], code[visits.site[arrive]]
    exposure = np.bincount(code[visits.site], visits.leave - visits.enter, minlength=len(kinds)) * (
        frame_interval_fs / PS_TO_FS**2
    )
    counts: dict[str, dict[str, int]] = {}
    rates = []
    for pair in np.unique(start * len(kinds) + end):
        p, q = divmod(int(pair), len(kinds))
        chosen = (start == p) & (end == q)
        n = int(chosen.sum())
        low, high = rate_interval(n)
        counts.setdefault(str(kinds[p]), {})[str(kinds[q])] = n
        rates.append(
            JumpRate(
                from_label=str(kinds[p]),
                to_label=str(kinds[q]),
                n_jumps=n,
                rate_per_ns=n / float(exposure[p]),
                interval_per_ns=(low / float(exposure[p]), high / float(exposure[p])),
                mean_length_A=float(lengths[chosen].mean()),
            )
        )
    return counts, tuple(rates)


def _natural(
    kinds: NDArray[np.str_], code: NDArray[np.intp]
) -> tuple[NDArray[np.str_], NDArray[np.intp]]:
    """Sort labels such as ``2`` before ``10``."""
    order = sorted(range(len(kinds)), key=lambda k: (len(kinds[k]), str(kinds[k])))
    rank = np.empty(len(kinds), dtype=np.intp)
    rank[order] = np.arange(len(kinds))
    return kinds[order], rank[code.ravel()]


def _warnings(visits: Visits, n_jumps: int, frame_interval_fs: float) -> tuple[str, ...]:
    texts = []
    if n_jumps < FEW_JUMPS:
        texts.append(f"only {n_jumps} jumps: rates and shares are uncertain")
    if visits.unassigned > MANY_UNASSIGNED:
        texts.append(
            f"ions are outside of all sites for {100 * visits.unassigned:.0f} % of the time: the "
            "picture of sites and jumps may not fit"
        )
    stays = float(np.mean(visits.leave - visits.enter)) if len(visits.ion) else np.inf
    if stays < FEW_FRAMES_PER_STAY:
        texts.append(
            f"a stay lasts {stays:.1f} frames of {frame_interval_fs:g} fs on average: jumps are "
            "missed, store frames more often"
        )
    return tuple(texts)
