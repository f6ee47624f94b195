"""From positions to visits of sites and jumps between them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import chi

from lionn_rs import _core
from lionn_rs.analysis._records import Record
from lionn_rs.analysis.mechanism.sites import SiteSet
from lionn_rs.analysis.transport.sources import FrameSource, as_source, atom_blocks, read_frames
from lionn_rs.analysis.transport.trajectory import Floats
from lionn_rs.errors import ConfigError, DataError

Integers = NDArray[np.int64]

RADIUS_SHARE = 0.9
"""Part of the time that a vibrating ion spends within the automatic site radius."""
MAX_SHARE = 0.45
"""The radius is at most this part of the shortest distance between sites: spheres stay apart."""
SEARCH_A = 4.0
"""Ions farther than this from any site do not count for the estimate of the radius, Å."""


@dataclass(frozen=True, kw_only=True)
class Visits:
    """Stays of ions in sites, sorted by ion and time; consecutive stays of an ion are jumps.

    A stay lasts from the first frame inside of the site to the last frame before the ion is inside
    of another one.
    """

    ion: Integers
    """(n_visits,) column of the ion."""
    site: Integers
    """(n_visits,) index of the site."""
    shift: Integers
    """(n_visits, 3) lattice shift of the image of the site."""
    enter: Integers
    """(n_visits,) first frame inside."""
    last_inside: Integers
    """(n_visits,) last frame inside."""
    leave: Integers
    """(n_visits,) first frame inside of the next site; ``n_frames`` if there is none."""
    n_ions: int
    n_frames: int
    unassigned: float
    """Part of all frames in which an ion is in no site (on its way)."""

    @property
    def follows(self) -> NDArray[np.bool_]:
        """(n_visits,) whether the visit began with a jump from the visit before it."""
        same = np.zeros(len(self.ion), dtype=bool)
        same[1:] = self.ion[1:] == self.ion[:-1]
        return same


@dataclass(frozen=True, kw_only=True)
class SiteRadius(Record):
    """Radius of the spheres around the sites."""

    radius_A: float
    source: str
    """How it was chosen."""
    median_distance_A: float | None
    """Median distance of the ions from their nearest site, Å."""


def site_radius(
    positions: ArrayLike | FrameSource, atoms: NDArray[np.integer], sites: SiteSet
) -> SiteRadius:
    """Radius that holds 90 % of an isotropic vibration, unless the sites are too close for it.

    The amplitude comes from the median distance to the nearest site, which ions on their way
    hardly change.

    Raises
    ------
    DataError
        If most ions are far from every site.
    """
    frames, ions = as_source(positions), atoms.astype(np.intp)
    last = frames.shape[0] - 1
    some = np.unique(np.linspace(0, last, min(500, last + 1)).astype(int))
    sample = read_frames(frames, some, ions)
    largest = min(SEARCH_A, 0.49 * _smallest_height(sites.cell))
    every = np.arange(len(atoms), dtype=np.uint64)
    site, shift = _core.assign_sites(sites.cell.tolist(), sample, every, sites.fractional, largest)
    centers = (sites.fractional[site] + shift) @ sites.cell
    distance = np.linalg.norm(sample - centers, axis=2)
    distance[site < 0] = np.inf
    median = float(np.median(distance))
    if not math.isfinite(median):
        raise DataError(
            f"most ions are farther than {largest:.1f} Å from every site: do the sites belong to "
            "this cell, and are its origin and setting those of the trajectory?"
        )
    from_vibration = median / float(chi.median(3)) * float(chi.ppf(RADIUS_SHARE, 3))
    from_distance = MAX_SHARE * sites.shortest_A
    radius = min(from_vibration, from_distance, largest)
    source = "90 % of the vibration" if radius == from_vibration else "45 % of the site distance"
    return SiteRadius(radius_A=radius, source=source, median_distance_A=median)


def find_visits(
    positions: ArrayLike | FrameSource,
    atoms: NDArray[np.integer],
    sites: SiteSet,
    *,
    radius_A: float,
    min_frames: int = 1,
) -> Visits:
    """Stays of ions in sites, with hysteresis.

    An ion has left its site only when it is inside the sphere of another: going back and forth over
    the edge of a sphere is no jump. A stay whose frames inside span fewer than ``min_frames`` is
    part of the way and not a stay; if the ion returns to where it came from, it has not jumped.

    Parameters
    ----------
    positions : (n_frames, n_atoms, 3) array or FrameSource, Å
        Unwrapped positions, drift removed. A source is read in blocks of ions.
    atoms : (n_ions,) int
        Indices of the ions.
    sites : SiteSet
        The sites.
    radius_A : float
        Radius of the spheres, Å; less than half of the shortest distance between sites.
    min_frames : int
        Shortest stay in frames.

    Returns
    -------
    Visits

    Raises
    ------
    ConfigError
        If the spheres overlap or ``min_frames`` is not positive.
    """
    if radius_A > 0.5 * sites.shortest_A:
        raise ConfigError(
            f"site radius of {radius_A:.2f} Å: the spheres of the closest sites "
            f"({sites.shortest_A:.2f} Å apart) overlap; choose at most {0.5 * sites.shortest_A:.2f}"
        )
    if min_frames < 1:
        raise ConfigError(f"the shortest stay must be at least 1 frame, got {min_frames}")
    source = as_source(positions)
    n_frames, n_ions, n_outside = source.shape[0], len(atoms), 0
    rows: list[Integers] = []
    for some, paths in atom_blocks(source, atoms.astype(np.intp)):
        every = np.arange(len(some), dtype=np.uint64)
        site, shift = _core.assign_sites(
            sites.cell.tolist(), paths, every, sites.fractional, float(radius_A)
        )
        n_outside += int(np.sum(site < 0))
        rows += [
            _visits_of_ion(site[:, k], shift[:, k], len(rows) + k, min_frames)
            for k in range(len(some))
        ]
    table = np.concatenate(rows) if rows else np.empty((0, 7), dtype=np.int64)
    ion, enter = table[:, 0], table[:, 5]
    leave = np.full(len(table), n_frames, dtype=np.int64)
    leave[:-1] = np.where(ion[1:] == ion[:-1], enter[1:], n_frames)
    return Visits(
        ion=ion,
        site=table[:, 1],
        shift=table[:, 2:5],
        enter=enter,
        last_inside=table[:, 6],
        leave=leave,
        n_ions=n_ions,
        n_frames=n_frames,
        unassigned=n_outside / (n_frames * n_ions),
    )


def _visits_of_ion(
    site: NDArray[np.int32], shift: NDArray[np.int32], ion: int, min_frames: int
) -> Integers:
    """Rows (ion, site, shift a b c, first frame inside, last frame inside) of one ion."""
    inside = np.flatnonzero(site >= 0)
    if len(inside) == 0:
        return np.empty((0, 7), dtype=np.int64)
    key = np.concatenate([site[inside, None], shift[inside]], axis=1).astype(np.int64)
    first, last = _runs(key)
    long = inside[last] - inside[first] + 1 >= min_frames
    first, last = first[long], last[long]
    if len(first) == 0:
        return np.empty((0, 7), dtype=np.int64)
    # Stays in the same site with only dropped ones between them are one stay.
    begin, end = _runs(key[first])
    first, last = first[begin], last[end]
    columns = [np.full(len(first), ion)[:, None], key[first]]
    return np.concatenate(
        [*columns, inside[first][:, None], inside[last][:, None]], axis=1, dtype=np.int64
    )


def _runs(rows: Integers) -> tuple[Integers, Integers]:
    """First and last index of each run of equal consecutive rows."""
    change = np.flatnonzero(np.any(rows[1:] != rows[:-1], axis=1))
    first = np.concatenate([[0], change + 1]).astype(np.int64)
    last = np.concatenate([change, [len(rows) - 1]]).astype(np.int64)
    return first, last


def _smallest_height(cell: Floats) -> float:
    volume = abs(float(np.linalg.det(cell)))
    faces = [np.linalg.norm(np.cross(cell[k - 1], cell[k - 2])) for k in range(3)]
    return volume / float(max(faces))
