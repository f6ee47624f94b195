"""Choosing symmetry functions: a large pool of them, and pruning to the few that matter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final, Literal, cast

import numpy as np

from lionn_rs import _core
from lionn_rs.analysis.diagnosis.fingerprint_statistics import collect_fingerprints
from lionn_rs.descriptors import G2, G4, G5, Descriptor
from lionn_rs.errors import ConfigError, DataError
from lionn_rs.scaling import CONSTANT_RANGE

if TYPE_CHECKING:
    from ase import Atoms
    from numpy.typing import NDArray

    from lionn_rs.descriptors import Gaussian, SymmetryFunction

    Array = NDArray[np.float64]

__all__ = ["pool_functions", "prune", "select_features"]

Method = Literal["cur", "fps"]

MAX_IMAGES: Final = 500
"""Images whose fingerprints decide; more are thinned at random."""

DEPENDENT: Final = 1e-10
"""Part of its variance below which a column is a linear combination of those chosen before."""


def prune(
    descriptor: Descriptor,
    images: Sequence[Atoms],
    *,
    n_features: int | Mapping[str, int],
    method: Method = "cur",
    min_range: float = 0.1,
    max_images: int = MAX_IMAGES,
    seed: int = 0,
    progress: bool = False,
) -> Gaussian:
    """Descriptor with the functions that describe the images best, chosen from a larger one.

    Reference energies and forces are not used. Every center element gets its own choice.

    Parameters
    ----------
    descriptor : Descriptor
        Symmetry functions to choose from, such as :meth:`lionn_rs.Gaussian.pool`.
    images : sequence of ase.Atoms
        Structures, the training images.
    n_features : int or mapping of str to int
        Functions to keep for every center element, or for each one its own number.
    method : {"cur", "fps"}
        See :func:`select_features`.
    min_range : float
        Functions that vary less over the images are not chosen (training widens their range, so
        that they have little say). If there are too few others, the widest of them are.
    max_images : int
        Take so many images at random if there are more.
    seed : int
        Seed of that choice, and of the first function of ``"fps"``.
    progress : bool
        Show progress.

    Returns
    -------
    Gaussian
        The chosen functions in their old order, with all parameters as they were.

    Raises
    ------
    ConfigError
        If the descriptor has no functions, more functions are wanted than there are, or an element
        is missing in ``n_features``.
    DataError
        If an element of the descriptor does not occur in the images.

    References
    ----------
    Imbalzano, Anelli, Giofré, Klees, Behler and Ceriotti, J. Chem. Phys. 148, 241730 (2018),
    doi 10.1063/1.5024611.

    Examples
    --------
    >>> import lionn_rs as lionn
    >>> images = lionn.datasets.load("lgps_gpaw_pbe")[::30]
    >>> pool = lionn.Gaussian.amp_default(["Ge", "Li", "P", "S"], cutoff=lionn.Cosine(6.5))
    >>> lionn.prune(pool, images, n_features={"Ge": 6, "Li": 12, "P": 6, "S": 12})
    Gaussian(cutoff 6.5 Å; features Ge: 6, Li: 12, P: 6, S: 12)
    """
    spec = descriptor.spec
    functions = spec.get("functions")
    if functions is None:
        raise ConfigError(
            f"prune chooses among symmetry functions, but a descriptor of type '{spec['type']}' "
            "has none"
        )
    wanted = _wanted(n_features, descriptor.n_features)
    fingerprints = collect_fingerprints(
        descriptor, images, max_images=max_images, seed=seed, progress=progress
    )
    absent = [e for e in descriptor.elements if e not in fingerprints]
    if absent:
        raise DataError(f"prune: element {', '.join(absent)} does not occur in the images")
    kept = {}
    for element in descriptor.elements:
        chosen = _choose(fingerprints[element], wanted[element], element, method, min_range, seed)
        kept[element] = [functions[element][k] for k in sorted(chosen)]
    return cast("Gaussian", Descriptor._wrap(_core.Descriptor({**spec, "functions": kept})))


def select_features(
    values: Array, n_features: int, *, method: Method = "cur", seed: int = 0
) -> list[int]:
    """Columns of a matrix that represent the others, in the order they are chosen.

    ``"cur"``: the column with the largest leverage score, the square of its entry in the leading
    right singular vector; then all columns are made orthogonal to it, and so on. ``"fps"``: a first
    column at random, then always the column farthest from those chosen, with distance
    ``sqrt(2 - 2 |correlation|)`` (the Euclidean distance of standardized columns; a column and its
    negative hold the same information). CUR weighs columns with their variance, farthest point
    sampling does not.

    Parameters
    ----------
    values : (n_rows, n_columns) float64
        Columns are centered here; no column may be constant.
    n_features : int
        Number of columns wanted.
    method : {"cur", "fps"}
        How to choose.
    seed : int
        Seed of the first column of ``"fps"``; ``"cur"`` has no randomness.

    Returns
    -------
    list of int

    Raises
    ------
    ConfigError
        For an unknown method, a constant column, or more columns wanted than are linearly
        independent.

    References
    ----------
    Imbalzano et al., J. Chem. Phys. 148, 241730 (2018), doi 10.1063/1.5024611.
    CUR: Mahoney and Drineas, Proc. Natl. Acad. Sci. 106, 697 (2009), doi 10.1073/pnas.0803205106.

    Examples
    --------
    >>> import numpy as np
    >>> x, y = np.random.default_rng(0).normal(size=(2, 50))
    >>> sorted(select_features(np.column_stack([2 * x, x, y]), 2))
    [0, 2]
    """
    centered = values - values.mean(axis=0)
    variances = np.mean(centered**2, axis=0)
    if not np.all(variances > 0.0):
        raise ConfigError(f"column {int(np.argmin(variances))} is constant: it cannot be chosen")
    if method == "cur":
        chosen = _cur(centered, n_features)
    elif method == "fps":
        chosen = _farthest_points(centered / np.sqrt(variances), n_features, seed)
    else:
        raise ConfigError(f"unknown method '{method}', expected cur or fps")
    if len(chosen) < n_features:
        raise ConfigError(
            f"{n_features} columns are wanted, but only {len(chosen)} of {values.shape[1]} are "
            f"linearly independent over the {len(values)} rows"
        )
    return chosen


def pool_functions(
    elements: Sequence[str],
    cutoff_radius: float,
    *,
    n_radial: int,
    n_angular: int,
    zetas: Sequence[float],
    wide: bool,
) -> list[SymmetryFunction]:
    """Symmetry functions of :meth:`lionn_rs.Gaussian.pool`, for one center element.

    Parameters
    ----------
    elements : sequence of str
        Neighbor elements.
    cutoff_radius : float
        Cutoff radius Rc, Å.
    n_radial, n_angular, zetas, wide
        As for :meth:`lionn_rs.Gaussian.pool`.

    Returns
    -------
    list of G2, G4, G5

    Raises
    ------
    ConfigError
        For fewer than two intervals or without exponents zeta.
    """
    for name, n in (("n_radial", n_radial), ("n_angular", n_angular)):
        if n < 2:
            raise ConfigError(f"{name} must be at least 2, got {n}")
    if not zetas:
        raise ConfigError("zetas must not be empty")
    names = sorted(set(elements))
    radial = [(eta, 0.0) for eta in _centered(n_radial)] + _shifted(n_radial, cutoff_radius)
    functions: list[SymmetryFunction] = [
        G2(neighbor, eta, rs) for eta, rs in radial for neighbor in names
    ]
    pairs = [(a, b) for k, a in enumerate(names) for b in names[k:]]
    for kind in (G4, G5) if wide else (G4,):
        functions += [
            kind(pair, eta, zeta, gamma)
            for eta in _centered(n_angular)
            for zeta in zetas
            for gamma in (1.0, -1.0)
            for pair in pairs
        ]
    return functions


def _centered(n: int) -> list[float]:
    """``eta Rc² = n^(2m/n)`` for m = 0 to n,."""
    return [float(n) ** (2.0 * m / n) for m in range(n + 1)]


def _shifted(n: int, cutoff_radius: float) -> list[tuple[float, float]]:
    """``Rs = Rc/n^(m/n)``, widths by the distance to the next center inward, as ``(eta Rc², Rs)``.

    The outermost center, at the cutoff radius itself, is left out.
    """
    centers = [cutoff_radius / float(n) ** (m / n) for m in range(n + 1)]
    return [
        ((cutoff_radius / (centers[m - 1] - centers[m])) ** 2, centers[m]) for m in range(n, 0, -1)
    ]


def _wanted(n_features: int | Mapping[str, int], available: Mapping[str, int]) -> dict[str, int]:
    if isinstance(n_features, Mapping):
        missing = [element for element in available if element not in n_features]
        unknown = [element for element in n_features if element not in available]
        if missing or unknown:
            raise ConfigError(
                f"n_features must name the elements {', '.join(available)}, "
                f"got {', '.join(n_features) or 'none'}"
            )
        wanted = {element: int(n_features[element]) for element in available}
    else:
        wanted = dict.fromkeys(available, int(n_features))
    for element, number in wanted.items():
        if not 1 <= number <= available[element]:
            raise ConfigError(
                f"{element}: {number} functions are wanted, there are {available[element]}"
            )
    return wanted


def _choose(
    values: Array, n_features: int, element: str, method: Method, min_range: float, seed: int
) -> list[int]:
    width = np.ptp(values, axis=0)
    n_varying = int(np.sum(width > CONSTANT_RANGE))
    if n_varying < n_features:
        raise ConfigError(
            f"{element}: {n_features} functions are wanted, but only {n_varying} of {len(width)} "
            "vary over the images"
        )
    eligible = np.flatnonzero(width >= min_range)
    if len(eligible) < n_features:
        eligible = np.sort(np.argsort(-width, kind="stable")[:n_features])
    # Scaled as training would, so that CUR weighs functions as the network sees them.
    columns = values[:, eligible] / np.maximum(width[eligible], min_range)
    try:
        chosen = select_features(columns, n_features, method=method, seed=seed)
    except ConfigError as error:
        raise ConfigError(f"{element}: {error}") from None
    return [int(eligible[k]) for k in chosen]


def _cur(centered: Array, n_features: int) -> list[int]:
    from scipy.linalg import eigh

    gram = centered.T @ centered / len(centered)
    limits = DEPENDENT * np.diag(gram)
    n = len(gram)
    chosen: list[int] = []
    while len(chosen) < n_features:
        _, vector = eigh(gram, subset_by_index=[n - 1, n - 1])
        score = np.where(np.diag(gram) > limits, vector[:, 0] ** 2, -1.0)
        best = int(np.argmax(score))
        if score[best] < 0.0:
            break
        chosen.append(best)
        row = gram[best].copy()
        gram -= np.outer(row, row) / row[best]
        gram[best] = gram[:, best] = 0.0
    return chosen


def _farthest_points(standardized: Array, n_features: int, seed: int) -> list[int]:
    similarity = np.abs(standardized.T @ standardized) / len(standardized)
    chosen = [int(np.random.default_rng(seed).integers(len(similarity)))]
    nearest = similarity[chosen[0]].copy()
    while len(chosen) < n_features:
        best = int(np.argmin(nearest))
        if nearest[best] > 1.0 - DEPENDENT:
            break
        chosen.append(best)
        nearest = np.maximum(nearest, similarity[best])
    return chosen
