"""Sites of the mobile ions: found as peaks of their density, or given by the user."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lionn_rs import _core
from lionn_rs.analysis._records import Record
from lionn_rs.analysis.mechanism.ion_density import IonDensity
from lionn_rs.analysis.transport.trajectory import Floats, as_cell
from lionn_rs.errors import ConfigError, DataError

CORE = 0.5
"""The center of a site is the centroid of its points above this part of the peak density."""
SYMMETRY_TOLERANCE_A = 0.5
"""Distance within which a symmetry operation maps a site onto another, Å."""


@dataclass(frozen=True, kw_only=True)
class SiteSet(Record):
    """Sites in a periodic cell."""

    cell: Floats
    """(3, 3) lattice vectors as rows, Å."""
    fractional: Floats
    """(n_sites, 3) fractional coordinates in [0, 1)."""
    labels: tuple[str, ...]
    """Kind of each site; equivalent sites share one."""
    occupancy: Floats
    """(n_sites,) ions in the basin of the site on average; not finite for given sites."""
    source: str
    """Where the sites come from, in words."""

    @property
    def n_sites(self) -> int:
        """Number of sites."""
        return len(self.fractional)

    @property
    def shortest_A(self) -> float:
        """Shortest distance between two sites, images included, Å."""
        return float(site_distances(self.fractional, self.cell).min())


def site_distances(fractional: Floats, cell: Floats) -> Floats:
    """Shortest distance (n, n) between sites over their images, own images on the diagonal, Å."""
    from ase.geometry import minkowski_reduce

    reduced = np.asarray(minkowski_reduce(cell)[0], dtype=np.float64)
    points = fractional @ cell @ np.linalg.inv(reduced)
    result = np.empty((len(points), len(points)))
    shifts = np.array(list(product((-1, 0, 1), repeat=3)), dtype=np.float64)
    for k, point in enumerate(points):
        steps = points - point
        steps -= np.round(steps)
        squares = np.sum(((steps[:, None] + shifts) @ reduced) ** 2, axis=2)
        squares[k, len(shifts) // 2] = np.inf
        result[k] = np.sqrt(squares.min(axis=1))
    return result


def sites_from_density(
    density: IonDensity,
    *,
    barrier_kT: float = 1.0,
    threshold: float = 1.0,
    min_occupancy: float = 0.05,
) -> SiteSet:
    """Peaks of a density that are separated by barriers of free energy ``-k_B T ln rho``.

    Every grid point that is denser than ``threshold`` times the mean belongs to the basin of a
    peak (watershed from dense to dilute, periodic). A peak is a site of its own if its basin is
    separated from denser ones by a barrier of at least ``barrier_kT``.

    Parameters
    ----------
    density : IonDensity
        Smeared by about 0.3 Å, so that the noise of few visits makes no peaks.
    barrier_kT : float
        Smallest barrier between two sites, seen from the less dense one, in k_B T.
    threshold : float
        Density at which basins end, in units of the mean density of the cell.
    min_occupancy : float
        Basins with fewer ions on average are no sites.

    Returns
    -------
    SiteSet
        In the order of falling occupancy, labels ``1``, ``2``, ... each of its own kind.

    Raises
    ------
    ConfigError
        For limits out of range.
    DataError
        If there are no sites.

    References
    ----------
    Peaks by their persistence: H. Edelsbrunner, D. Letscher, A. Zomorodian, Discrete Comput. Geom.
    28, 511 (2002), doi 10.1007/s00454-002-2885-2.
    """
    if not barrier_kT >= 0.0 or not threshold > 0.0 or not min_occupancy >= 0.0:
        raise ConfigError(
            "sites: barrier_kT and min_occupancy must not be negative and threshold must be "
            f"positive, got {barrier_kT}, {min_occupancy} and {threshold}"
        )
    values = density.values
    labels = _core.density_basins(
        values, float(threshold * values.mean()), float(np.exp(barrier_kT))
    )
    inside = np.flatnonzero(labels.ravel() >= 0)
    basin = labels.ravel()[inside]
    if len(inside) == 0:
        raise DataError("no sites: the density is the same everywhere; lower the threshold")
    weight = values.ravel()[inside]
    occupancy = np.bincount(basin, weight) * density.volume_A3 / values.size
    peak = _peaks(basin, weight)
    places = np.stack(np.unravel_index(inside, values.shape), axis=1) / np.array(values.shape)
    steps = places - places[peak][basin]
    steps -= np.round(steps)
    core = np.where(weight >= CORE * weight[peak][basin], weight, 0.0)
    total = np.bincount(basin, core)
    shift = np.stack([np.bincount(basin, core * steps[:, k]) for k in range(3)], axis=1)
    centers = places[peak] + shift / total[:, None]
    keep = np.flatnonzero(occupancy >= min_occupancy)
    if len(keep) == 0:
        raise DataError(
            f"no sites: the fullest basin holds {occupancy.max():.3f} ions on average, fewer than "
            f"min_occupancy = {min_occupancy}"
        )
    keep = keep[np.argsort(-occupancy[keep], kind="stable")]
    return SiteSet(
        cell=density.cell,
        fractional=_folded(centers[keep]),
        labels=tuple(str(k + 1) for k in range(len(keep))),
        occupancy=occupancy[keep],
        source=f"peaks of the {density.species} density (barrier {barrier_kT:g} kT)",
    )


def _peaks(basin: NDArray[np.int64], weight: Floats) -> NDArray[np.intp]:
    """Index of the densest point of each basin, the first of equals."""
    order = np.lexsort((np.arange(len(basin)), -weight, basin))
    _, first = np.unique(basin[order], return_index=True)
    return order[first]


def sites_from_coordinates(
    fractional: ArrayLike,
    *,
    cell: ArrayLike,
    labels: Sequence[str] | None = None,
    source: str = "given",
) -> SiteSet:
    """Sites at given fractional coordinates.

    Parameters
    ----------
    fractional : (n_sites, 3) array
        Fractional coordinates in the cell of the trajectory.
    cell : (3, 3) array, Å
        Rows are the lattice vectors.
    labels : sequence of str, optional
        Kinds of the sites; default: all are ``site``.
    source : str
        Words for the record.

    Returns
    -------
    SiteSet

    Raises
    ------
    DataError
        Without sites, for coordinates that are not finite, or two sites at the same place.
    """
    matrix = as_cell(cell)
    points = np.asarray(fractional, dtype=np.float64).reshape(-1, 3)
    if len(points) == 0 or not np.all(np.isfinite(points)):
        raise DataError(f"{source}: expected finite coordinates of at least one site")
    names = tuple(labels) if labels is not None else ("site",) * len(points)
    if len(names) != len(points):
        raise DataError(f"{source}: {len(points)} sites but {len(names)} labels")
    distances = site_distances(points, matrix)
    first, second = (int(k) for k in np.unravel_index(distances.argmin(), distances.shape))
    if distances[first, second] < 0.1:
        raise DataError(
            f"{source}: sites {first} and {second} are {distances[first, second]:.3f} Å apart; "
            "give each place once (no split occupancies)"
        )
    return SiteSet(
        cell=matrix,
        fractional=_folded(points),
        labels=names,
        occupancy=np.full(len(points), np.nan),
        source=source,
    )


def name_equivalent(
    sites: SiteSet, numbers: ArrayLike, framework: ArrayLike, *, symprec_A: float = 0.3
) -> SiteSet:
    """Label sites by the symmetry of the framework: equivalent sites share a label.

    Parameters
    ----------
    sites : SiteSet
        Sites to name.
    numbers : (n_framework,) int
        Atomic numbers of the framework atoms.
    framework : (n_framework, 3) array, Å
        Their mean positions.
    symprec_A : float
        Tolerance for the symmetry of the framework, Å.

    Returns
    -------
    SiteSet
        Labels ``A`` (most occupied), ``B``, ...; all of one orbit share one.

    Raises
    ------
    DataError
        If no symmetry can be determined.
    """
    import spglib

    points = np.asarray(framework, dtype=np.float64) @ np.linalg.inv(sites.cell)
    crystal = (sites.cell.tolist(), points.tolist(), np.asarray(numbers).tolist())
    found = spglib.get_symmetry(crystal, symprec=symprec_A)
    if found is None:
        raise DataError(f"no symmetry of the framework within {symprec_A} Å")
    kind = np.arange(sites.n_sites)
    for rotation, translation in zip(found["rotations"], found["translations"], strict=True):
        images = sites.fractional @ rotation.T + translation
        steps = images[:, None] - sites.fractional
        steps -= np.round(steps)
        distances = np.linalg.norm(steps @ sites.cell, axis=2)
        partner = distances.argmin(axis=1)
        for k in np.flatnonzero(distances.min(axis=1) < SYMMETRY_TOLERANCE_A):
            low, high = sorted((kind[k], kind[partner[k]]))
            kind[kind == high] = low
    orbits = {orbit: k for k, orbit in enumerate(dict.fromkeys(kind.tolist()))}
    return SiteSet(
        cell=sites.cell,
        fractional=sites.fractional,
        labels=tuple(_letters(orbits[orbit]) for orbit in kind.tolist()),
        occupancy=sites.occupancy,
        source=f"{sites.source}, named by the symmetry of the framework",
    )


def _letters(k: int) -> str:
    """Return ``A`` ... ``Z``, ``AA``, ``AB``, ..."""
    text = chr(ord("A") + k % 26)
    return text if k < 26 else _letters(k // 26 - 1) + text


def _folded(points: Floats) -> Floats:
    folded: Floats = points - np.floor(points)
    # A tiny negative number folds to 1.
    return np.where(folded >= 1.0, 0.0, folded)
