"""Where jumps lead, and which of them happen together."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lionn_rs.analysis.mechanism.jump_records import Collective, Directions
from lionn_rs.analysis.mechanism.residence import rate_interval
from lionn_rs.analysis.mechanism.visits import Visits
from lionn_rs.analysis.transport.trajectory import Floats
from lionn_rs.errors import ConfigError
from lionn_rs.units import A2_FS_TO_CM2_S

N_ANGLES = 18
"""Bins of 5 degrees."""
ROWS = 512
"""Rows of the matrix of distances that are held at a time."""


def jump_directions(vectors: Floats, unit: Floats, axis: str, ion_fs: float) -> Directions:
    """Share of the jumps along an axis, and the distribution of the angle to it.

    Parameters
    ----------
    vectors : (n_jumps, 3) float64, Å
        The jumps.
    unit : (3,) float64
        The axis.
    axis : str
        Its name.
    ion_fs : float
        Number of ions times duration of the run, fs.

    Returns
    -------
    Directions
    """
    squares = np.sum(vectors**2, axis=1)
    along = (vectors @ unit) ** 2
    across = np.maximum(squares - along, 0.0)
    n = len(vectors)
    cosine = np.sqrt(np.divide(along, squares, out=np.zeros(n), where=squares > 0.0))
    angles = np.degrees(np.arccos(np.clip(cosine, 0.0, 1.0)))
    edges = np.linspace(0.0, 90.0, N_ANGLES + 1)
    counts = np.histogram(angles, edges)[0]
    share = share_se = part = part_se = None
    if n:
        share = float(np.mean(along > across))
        share_se = float(np.sqrt(share * (1.0 - share) / n))
        part = float(along.sum() / squares.sum())
        part_se = float(np.sqrt(np.sum((along - part * squares) ** 2)) / squares.sum())

    def diffusivity(square: Floats, dimensions: int) -> tuple[float, float]:
        scale = A2_FS_TO_CM2_S / (2.0 * dimensions * ion_fs)
        return scale * float(square.sum()), scale * float(np.sqrt(np.sum(square**2)))

    d_along, d_across = diffusivity(along, 1), diffusivity(across, 2)
    return Directions(
        axis=axis,
        unit=(float(unit[0]), float(unit[1]), float(unit[2])),
        share_along=share,
        share_along_se=share_se,
        displacement_share=part,
        displacement_share_se=part_se,
        random_along_cm2_s=d_along[0],
        random_along_se_cm2_s=d_along[1],
        random_across_cm2_s=d_across[0],
        random_across_se_cm2_s=d_across[1],
        angle_deg=0.5 * (edges[1:] + edges[:-1]),
        angle_counts=counts.astype(np.int64),
        angle_isotropic=-n * np.diff(np.cos(np.radians(edges))),
    )


def collective_jumps(
    visits: Visits,
    arrive: NDArray[np.intp],
    place: Floats,
    cell: Floats,
    *,
    window_frames: int,
    window_fs: float,
    distance_A: float,
) -> Collective:
    """Pairs of jumps close in time and space, and how many independent jumps would make.

    The expectation keeps where every ion jumps and how often, and takes the times as independent
    and even over the run: a pair of jumps of different ions whose middles are close in space falls
    within ``w`` of ``n`` frames with the probability ``((2 w + 1) n - w (w + 1)) / n²``.

    Parameters
    ----------
    visits : Visits
        All stays.
    arrive : (n_jumps,) int
        Stays that began with a jump.
    place : (n_visits, 3) float64, Å
        Center of the site of each stay.
    cell : (3, 3) float64, Å
        Lattice vectors.
    window_frames, window_fs : int, float
        Longest time between the arrivals.
    distance_A : float
        Longest distance between the middles of the jumps, Å.

    Returns
    -------
    Collective

    Raises
    ------
    ConfigError
        For a window or distance that is not positive.
    """
    if not window_fs > 0.0 or not distance_A > 0.0:
        raise ConfigError(
            f"collective jumps: window and distance must be positive, got {window_fs} fs and "
            f"{distance_A} Å"
        )
    order = np.argsort(visits.enter[arrive], kind="stable")
    time, ion = visits.enter[arrive][order], visits.ion[arrive][order]
    middle = (0.5 * (place[arrive] + place[arrive - 1]) @ np.linalg.inv(cell))[order]
    partner = np.zeros(len(time), dtype=bool)
    n_pairs, step = 0, 1
    while step < len(time):
        near = np.flatnonzero(time[step:] - time[:-step] <= window_frames)
        if len(near) == 0:
            break
        other = near + step
        near, other = (k[ion[near] != ion[other]] for k in (near, other))
        close = _distance(middle[near] - middle[other], cell) <= distance_A
        n_pairs += int(close.sum())
        partner[near[close]] = True
        partner[other[close]] = True
        step += 1
    n = visits.n_frames - 1
    w = min(window_frames, n - 1)
    probability = ((2 * w + 1) * n - w * (w + 1)) / n**2
    expected = probability * _pairs_in_space(middle, ion, cell, distance_A)
    low, high = rate_interval(n_pairs)
    return Collective(
        window_fs=window_fs,
        distance_A=distance_A,
        n_pairs=n_pairs,
        expected_pairs=expected,
        ratio=n_pairs / expected if expected > 0.0 else None,
        ratio_interval=(low / expected, high / expected) if expected > 0.0 else None,
        share=float(partner.mean()) if len(partner) else None,
    )


def _pairs_in_space(
    middle: Floats, ion: NDArray[np.int64], cell: Floats, distance_A: float
) -> float:
    """Count pairs of jumps of different ions whose middles are close, whatever their times."""
    if len(middle) == 0:
        return 0.0
    # Jumps over the same path share their middle: the matrix is one of paths.
    folded = np.round(middle - np.floor(middle), 6) % 1.0
    paths, path = np.unique(folded, axis=0, return_inverse=True)
    ions, column = np.unique(ion, return_inverse=True)
    table = np.zeros((len(paths), len(ions)))
    np.add.at(table, (path.ravel(), column), 1.0)
    total = table.sum(axis=1)
    pairs = 0.0
    for begin in range(0, len(paths), ROWS):
        rows = slice(begin, begin + ROWS)
        near = _distance(paths[rows, None] - paths, cell) <= distance_A
        pairs += float(total[rows] @ (near @ total))
        pairs -= float(np.sum(table[rows] * (near @ table)))
    return 0.5 * pairs


def _distance(steps: Floats, cell: Floats) -> Floats:
    """Length of fractional differences folded to the nearest image, Å (exact up to half a cell)."""
    return np.asarray(np.linalg.norm((steps - np.round(steps)) @ cell, axis=-1))
