"""Where the environments of the training set lie, for the extrapolation grade.

Features of atomic environments are nearly collinear, so neither the inverse of their covariance nor
an active set of as many environments as features is well defined. What is kept per element is the
covariance of probabilistic principal component analysis: the directions with a variance above
:data:`NOISE_SHARE` of the largest, and one variance, the noise, for everything else. With
``x = (G - center)/width``

``d² = sum_k (u_k·x)²/v_k + (|x|² - sum_k (u_k·x)²)/noise,  grade = d/d_max``,

``d_max`` the largest distance of a training environment. The first sum is the Mahalanobis distance
in the subspace of the training set, the second term lets no motion out of that subspace go unseen.

The D-optimality grade of an active set (MaxVol; Podryabinkin and Shapeev; Lysogorskiy et al.) was
tried beside this measure on networks with Gaussian-56 functions: it ranks the force errors of held
out environments less well, at every truncation (docs/explanations/trust.md has the numbers).

References
----------
M. E. Tipping, C. M. Bishop, J. R. Stat. Soc. B 61, 611 (1999), doi 10.1111/1467-9868.00196.
E. V. Podryabinkin, A. V. Shapeev, Comput. Mater. Sci. 140, 171 (2017),
doi 10.1016/j.commatsci.2017.08.031.
Y. Lysogorskiy, A. Bochkarev, M. Mrovec, R. Drautz, Phys. Rev. Materials 7, 043801 (2023),
doi 10.1103/PhysRevMaterials.7.043801.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from lionn_rs.progress import ProgressDisplay
from lionn_rs.progress import progress as progress_display

if TYPE_CHECKING:
    from lionn_rs.data.images import LabeledImage
    from lionn_rs.descriptors import Descriptor

Array = NDArray[np.float64]

NOISE_SHARE: Final = 1e-4
"""Directions with less than this part of the largest variance count as noise."""
MAX_DIRECTIONS: Final = 64
"""Directions kept at most, so that the block stays small for long fingerprints."""
SMALLEST_WIDTH: Final = 1e-8
"""Width of features that do not vary at all where no larger one is asked for."""
DIGITS: Final = 9
"""Significant digits of the numbers that are stored."""
QUANTILES: Final = (0.5, 0.9, 0.99)


def fit_training_range(
    descriptor: Descriptor,
    images: Sequence[LabeledImage],
    *,
    min_feature_range: float = 0.1,
    progress: bool = False,
) -> dict[str, dict[str, Any]]:
    """Training ranges of all elements, as a potential file holds them.

    Fingerprints are computed twice, image by image, and never kept: memory does not grow with the
    number of images.

    Parameters
    ----------
    descriptor : Descriptor
    images : sequence of LabeledImage
        The training images.
    min_feature_range : float
        Smallest width by which a feature is divided, as in :func:`lionn_rs.train`.
    progress : bool
        Show progress.

    Returns
    -------
    dict
        One entry per element of the descriptor that the images contain; elements without
        environments have a range around zero with nothing inside.
    """
    title = "training environments"
    with progress_display(title, 2 * len(images), "images", enabled=progress) as display:
        moments = {element: _Moments(n) for element, n in descriptor.n_features.items()}
        for element, values in fingerprints_by_element(descriptor, images, display):
            moments[element].add(values)
        smallest = max(min_feature_range, SMALLEST_WIDTH)
        ranges = {element: moment.fit(smallest) for element, moment in moments.items()}
        distances: dict[str, list[Array]] = {element: [] for element in ranges}
        for element, values in fingerprints_by_element(descriptor, images, display):
            distances[element].append(_distances(ranges[element], values))
    for element, found in distances.items():
        d = np.concatenate([np.zeros(0), *found])
        largest = float(d.max()) if d.size and d.max() > 0.0 else 1.0
        grades = d / largest if d.size else np.zeros(1)
        # Rounding must not push the farthest training environment beyond 1.
        ranges[element]["largest"] = _rounded(largest * (1.0 + 10.0**-DIGITS))
        ranges[element]["quantiles"] = _rounded(np.quantile(grades, QUANTILES))
    return ranges


def fingerprints_by_element(
    descriptor: Descriptor,
    images: Sequence[LabeledImage],
    display: ProgressDisplay | None = None,
) -> Iterator[tuple[str, Array]]:
    """Fingerprints of the atoms of one element, image by image: (n_atoms, n_features)."""
    from ase.data import chemical_symbols

    for image in images:
        a, b, c = (bool(p) for p in image.pbc)
        rows = descriptor.core.fingerprints(image.cell, (a, b, c), image.numbers, image.positions)
        for number in np.unique(image.numbers):
            atoms = np.flatnonzero(image.numbers == number)
            yield chemical_symbols[number], np.array([rows[i] for i in atoms])
        if display is not None:
            display.advance(1)


class _Moments:
    """Sums from which mean and covariance follow, about the first environment for accuracy."""

    def __init__(self, n_features: int) -> None:
        self.n = 0
        self.origin: Array = np.zeros(n_features)
        self.sum: Array = np.zeros(n_features)
        self.squares: Array = np.zeros((n_features, n_features))
        self.low: Array = np.full(n_features, np.inf)
        self.high: Array = np.full(n_features, -np.inf)

    def add(self, values: Array) -> None:
        if self.n == 0:
            self.origin = values[0].copy()
        shifted = values - self.origin
        self.n += len(values)
        self.sum += shifted.sum(axis=0)
        self.squares += shifted.T @ shifted
        self.low = np.minimum(self.low, values.min(axis=0))
        self.high = np.maximum(self.high, values.max(axis=0))

    def fit(self, smallest_width: float) -> dict[str, Any]:
        """Principal directions of the environments, divided by the widths of the features."""
        n_features = len(self.sum)
        if self.n == 0:
            center, width = np.zeros(n_features), np.full(n_features, smallest_width)
            variance, directions = np.zeros(n_features), np.zeros((n_features, n_features))
        else:
            mean = self.sum / self.n
            center = self.origin + mean
            width = np.maximum(self.high - self.low, smallest_width)
            covariance = (self.squares / self.n - np.outer(mean, mean)) / np.outer(width, width)
            variance, directions = np.linalg.eigh(covariance)
            variance, directions = variance[::-1], directions[:, ::-1].T
        # Without any variance every distance is that from one point, in widths.
        leading = variance[0] if variance[0] > 0.0 else 1.0 / NOISE_SHARE
        kept = min(int(np.count_nonzero(variance > NOISE_SHARE * leading)), MAX_DIRECTIONS)
        rest = variance[kept:]
        noise = max(NOISE_SHARE * leading, float(rest.mean()) if rest.size else 0.0)
        return {
            "n_environments": self.n,
            "center": _rounded(center),
            "width": _rounded(width),
            "directions": _rounded(directions[:kept]),
            "variance": _rounded(variance[:kept]),
            "noise": _rounded(noise),
            "largest": 1.0,
            "quantiles": [0.0, 0.0, 0.0],
        }


def _distances(range_: dict[str, Any], values: Array) -> Array:
    """Distance d of every row of ``values`` (see the module)."""
    x = (values - np.array(range_["center"])) / np.array(range_["width"])
    directions = np.array(range_["directions"]).reshape(-1, x.shape[1])
    squares = np.square(x @ directions.T)
    rest = np.maximum(np.square(x).sum(axis=1) - squares.sum(axis=1), 0.0)
    inside = (squares / np.array(range_["variance"])).sum(axis=1)
    return np.asarray(np.sqrt(inside + rest / range_["noise"]))


def _rounded(values: Array | float) -> Any:
    """Numbers with :data:`DIGITS` significant digits, as nested lists."""
    if np.ndim(values) == 0:
        return float(f"{float(values):.{DIGITS}g}")
    return [_rounded(entry) for entry in values]  # type: ignore[union-attr]
