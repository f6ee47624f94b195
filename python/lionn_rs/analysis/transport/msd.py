"""Window-averaged mean squared displacement of species, ions and charge."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lionn_rs import _core
from lionn_rs.analysis._records import Record
from lionn_rs.analysis.transport.trajectory import Floats, as_positions
from lionn_rs.errors import ConfigError, ShapeError
from lionn_rs.units import PS_TO_FS

AXES = ("x", "y", "z")
COMPONENTS = ("xx", "yy", "zz", "xy", "xz", "yz")
"""Order of the components of a tensor in an array of six curves."""


@dataclass(frozen=True, kw_only=True)
class MsdCurve(Record):
    """MSD against lag time, thinned for plots and files; the fit uses all lags."""

    label: str
    """Species, or ``charge`` for the collective displacement."""
    lag_ps: Floats
    """(n,) lag times, ps."""
    axes_A2: Floats
    """(3, n) MSD along the Cartesian axes, Å²."""

    @property
    def total_A2(self) -> Floats:
        """(n,) sum over the axes, Å²."""
        return np.asarray(self.axes_A2.sum(axis=0))


def msd(positions: ArrayLike, groups: ArrayLike | None = None) -> Floats:
    """MSD averaged over all overlapping time origins and the atoms of a group, for every lag.

    ``MSD(n) = 1/(F - n) sum_s <(x(s + n) - x(s))^2>``, computed by FFT in O(F log F).

    Parameters
    ----------
    positions : (n_frames, n_atoms, 3) array, Å
        Unwrapped positions, drift removed.
    groups : (n_atoms,) int, optional
        Group 0, 1, ... of each atom, a negative number leaves it out. Default: one group.

    Returns
    -------
    (n_groups, 3, n_frames) float64, Å²
        Per group and Cartesian axis; entry ``n`` of the last axis is a lag of ``n`` frames.

    Raises
    ------
    ShapeError, ConfigError, DataError
        For wrong shapes, empty groups, non-finite positions.

    References
    ----------
    V. Calandrini, E. Pellegrini, P. Calligari, K. Hinsen, G. R. Kneller, Collection SFN 12, 201
    (2011), doi 10.1051/sfn/201112010.

    Examples
    --------
    >>> import numpy as np
    >>> path = np.zeros((4, 1, 3)); path[:, 0, 0] = [0.0, 1.0, 2.0, 3.0]
    >>> np.round(msd(path)[0, 0], 12).tolist()
    [0.0, 1.0, 4.0, 9.0]
    """
    return _grouped(positions, groups, tensor=False)


def msd_tensor(positions: ArrayLike, groups: ArrayLike | None = None) -> Floats:
    """Mean displacement tensor, averaged like :func:`msd`.

    ``M_ab(n) = 1/(F - n) sum_s <(a(s + n) - a(s)) (b(s + n) - b(s))>`` for a, b in x, y, z.

    Parameters
    ----------
    positions, groups
        As in :func:`msd`.

    Returns
    -------
    (n_groups, 6, n_frames) float64, Å²
        Components xx, yy, zz, xy, xz, yz.

    Examples
    --------
    >>> import numpy as np
    >>> path = np.zeros((3, 1, 3)); path[:, 0] = [[0, 0, 0], [1, -1, 0], [2, -2, 0]]
    >>> np.round(msd_tensor(path)[0, :, 2], 12).tolist()
    [4.0, 4.0, 0.0, -4.0, 0.0, 0.0]
    """
    return _grouped(positions, groups, tensor=True)


def _grouped(positions: ArrayLike, groups: ArrayLike | None, *, tensor: bool) -> Floats:
    points = as_positions(positions)
    if groups is None:
        labels = np.zeros(points.shape[1], dtype=np.int64)
    else:
        labels = np.asarray(groups, dtype=np.int64)
    n_groups = int(labels.max(initial=-1)) + 1
    if n_groups < 1:
        raise ConfigError("msd: no atom belongs to a group")
    labels = np.where(labels < 0, n_groups, labels)
    return _core.msd(points, labels.astype(np.uint64), n_groups, tensor)


def msd_by_species(positions: Floats, symbols: NDArray[np.str_]) -> dict[str, Floats]:
    """MSD (3, n_frames) of each species, Å²."""
    kinds = sorted(set(symbols.tolist()))
    labels = np.searchsorted(np.array(kinds), symbols)
    return dict(zip(kinds, msd(positions, labels), strict=True))


def collective_msd(positions: Floats, charges: ArrayLike) -> Floats:
    """MSD of the charge displacement ``sum_k q_k r_k / sqrt(sum_k q_k^2)``, (3, n_frames), Å².

    Normalized so that it equals the MSD of one ion when the ions move independently.
    """
    q = np.asarray(charges, dtype=np.float64)
    norm = float(np.sqrt(np.sum(q**2)))
    if norm == 0.0:
        raise ConfigError("collective MSD: all charges are zero")
    start = positions[0]
    center = np.einsum("fax,a->fx", positions, q) - np.einsum("ax,a->x", start, q)
    curve: Floats = msd(np.ascontiguousarray(center[:, None, :] / norm))[0]
    return curve


def cross_msd(first: Floats, second: Floats) -> Floats:
    """Window-averaged ``(P(s + n) - P(s)) . (Q(s + n) - Q(s))`` of two vectors over time.

    Parameters
    ----------
    first, second : (n_frames, 3) float64, Å
        For example the summed displacements of two species.

    Returns
    -------
    (n_frames,) float64, Å²
        Negative where the two move against each other.

    Raises
    ------
    ShapeError
        For other or different shapes.
    """
    if first.ndim != 2 or first.shape[1] != 3 or first.shape != second.shape:
        raise ShapeError(
            "cross_msd: both vectors must have shape (n_frames, 3), got "
            f"{first.shape} and {second.shape}"
        )
    both = [first] if first is second else [first, second]
    series = np.ascontiguousarray(np.concatenate(both, axis=1).T)
    pairs = [(k, len(series) - 3 + k, 0) for k in range(3)]
    products = _core.DisplacementProducts(len(first), len(series), pairs)
    products.add_member(series)
    curve: Floats = products.finish()[0]
    return curve


def thin(curve: Floats, frame_interval_fs: float, label: str, n_points: int = 400) -> MsdCurve:
    """Curve at about ``n_points`` lags, half of them evenly and half logarithmically spaced."""
    last = curve.shape[1] - 1
    even = np.linspace(1, last, n_points // 2)
    dense_start = np.geomspace(1, last, n_points // 2)
    lags = np.unique(np.round(np.concatenate([even, dense_start])).astype(int))
    return MsdCurve(
        label=label, lag_ps=lags * frame_interval_fs / PS_TO_FS, axes_A2=curve[:, lags].copy()
    )
