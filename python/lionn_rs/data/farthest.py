"""Farthest-point selection of images in the space of their fingerprints."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from lionn_rs.data.formats import RawImage
from lionn_rs.descriptors import Cosine, Descriptor, Gaussian

__all__ = ["ImageFeatures", "farthest_points"]

N_COMPONENTS: Final = 64
"""Principal components that are kept of an image: 256 bytes."""
SMALLEST_SPREAD: Final = 1e-6
"""Features that vary less, relative to the largest spread, are constant."""


class ImageFeatures:
    """One short vector per image, from the fingerprints of its atoms.

    For every element the mean and the standard deviation of the fingerprints over its atoms, and
    its share of the atoms; each feature is divided by its standard deviation over a sample of
    images, and the principal components of the sample are kept. Distances are per feature:
    the root-mean-square difference in standard deviations.

    Parameters
    ----------
    elements : sequence of str
    cutoff : float
        Å.

    Attributes
    ----------
    descriptor : Descriptor
    kept_variance : float
        Share of the variance in the principal components that are kept.
    """

    def __init__(self, elements: Sequence[str], *, cutoff: float) -> None:
        self.descriptor: Descriptor = Gaussian.shifted(sorted(elements), cutoff=Cosine(cutoff))
        self.kept_variance = 1.0
        self._mean: NDArray[np.float64] = np.zeros(0)
        self._projection: NDArray[np.float64] = np.zeros((0, 0))

    @property
    def n_components(self) -> int:
        """Length of the vector of an image."""
        return int(self._projection.shape[1])

    def raw(self, image: RawImage) -> NDArray[np.float64]:
        """Features before they are scaled.

        Raises
        ------
        DataError
            Two atoms are at the same place.
        """
        from ase.data import atomic_numbers

        a, b, c = (bool(p) for p in image.pbc)
        rows = self.descriptor.core.fingerprints(
            np.ascontiguousarray(image.cell),
            (a, b, c),
            np.ascontiguousarray(image.numbers, dtype=np.uint8),
            np.ascontiguousarray(image.positions),
        )
        parts: list[NDArray[np.float64]] = []
        for element, n in self.descriptor.n_features.items():
            members = np.flatnonzero(image.numbers == atomic_numbers[element])
            if not len(members):
                parts.append(np.zeros(2 * n + 1))
                continue
            table = np.array([rows[k] for k in members])
            share = np.array([len(members) / image.n_atoms])
            parts += [table.mean(axis=0), table.std(axis=0), share]
        return np.concatenate(parts)

    def fit(self, sample: Iterable[RawImage]) -> None:
        """Learn scales and principal components of a sample."""
        table = np.array([self.raw(image) for image in sample])
        self._mean = table.mean(axis=0)
        spread = table.std(axis=0)
        used = spread > SMALLEST_SPREAD * max(float(spread.max()), 1e-300)
        scale = np.zeros_like(spread)
        scale[used] = 1.0 / spread[used]
        centered = (table - self._mean) * scale
        _, singular, vectors = np.linalg.svd(centered, full_matrices=False)
        n = min(N_COMPONENTS, len(singular))
        variance = singular**2
        total = float(variance.sum())
        self.kept_variance = float(variance[:n].sum() / total) if total > 0.0 else 1.0
        n_used = max(int(used.sum()), 1)
        self._projection = scale[:, None] * vectors[:n].T / np.sqrt(n_used)

    def __call__(self, image: RawImage) -> NDArray[np.float32]:
        """Vector of an image."""
        return ((self.raw(image) - self._mean) @ self._projection).astype(np.float32)


def farthest_points(
    features: NDArray[np.float32], n: int, *, known: NDArray[np.float32] | None = None
) -> tuple[list[int], NDArray[np.float64]]:
    """Choose points one after the other, each the farthest from all that were chosen.

    The first is the one closest to the mean, or, with known points, the farthest from these. The
    result is within a factor of two of the smallest possible covering radius.

    Parameters
    ----------
    features : (n_points, n_features) float32
    n : int
        Number of points to choose; fewer if the rest coincides with chosen ones.
    known : (n_known, n_features) float32, optional
        Points that are there already and are not chosen again.

    Returns
    -------
    chosen : list of int
        In the order of the choice: any beginning is a selection of its own.
    radius : (len(chosen),) float64
        Distance of each from those before it; of the first without known points, the largest
        distance of all from it.

    References
    ----------
    T. F. Gonzalez, Theor. Comput. Sci. 38, 293 (1985), doi 10.1016/0304-3975(85)90224-5.

    Examples
    --------
    >>> line = np.array([[0.0], [1.0], [5.0], [11.0]], dtype=np.float32)
    >>> farthest_points(line, 3)[0]
    [2, 3, 0]
    """
    distances = np.full(len(features), np.inf)
    for point in known if known is not None else ():
        np.minimum(distances, _squares(features, point), out=distances)
    chosen: list[int] = []
    radius: list[float] = []
    for _ in range(min(n, len(features))):
        if not chosen and (known is None or not len(known)):
            k = int(_squares(features, features.mean(axis=0)).argmin())
            distance = float(_squares(features, features[k]).max())
        else:
            k = int(distances.argmax())
            distance = float(distances[k])
            if distance <= 0.0:
                break
        chosen.append(k)
        radius.append(distance)
        np.minimum(distances, _squares(features, features[k]), out=distances)
    return chosen, np.sqrt(np.array(radius))


def _squares(features: NDArray[np.float32], point: NDArray[np.float32]) -> NDArray[np.float64]:
    difference = features - point
    return np.asarray(np.einsum("ij,ij->i", difference, difference, dtype=np.float64))
