"""How the features of a descriptor are distributed over images, and which are of little use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from lionn_rs.analysis._records import Record
from lionn_rs.errors import ConfigError, DataError
from lionn_rs.progress import progress as progress_display
from lionn_rs.scaling import CONSTANT_RANGE

if TYPE_CHECKING:
    from ase import Atoms
    from numpy.typing import NDArray

    from lionn_rs.descriptors import Descriptor

    Array = NDArray[np.float64]

__all__ = [
    "FeatureStatistics",
    "best_split",
    "collect_fingerprints",
    "feature_labels",
    "feature_statistics",
    "linear_basis",
]

SWITCH_FRACTION: Final = 0.9
"""Fraction of the variance that two values must explain for a feature to be switch-like.

0.9 is reached by two equal groups whose centers are six of their standard deviations apart; a
normal distribution has 2/pi = 0.64, a uniform one 3/4.
"""

SWITCH_MINORITY: Final = 0.01
"""Fraction of the atoms that the smaller of the two groups holds at least."""

CORRELATION_LIMIT: Final = 0.99
EXPLAINED_LIMIT: Final = 0.999
"""R² above which a feature is a linear combination of others for all practical purposes."""


@dataclass(frozen=True)
class FeatureStatistics(Record):
    """Distribution of one feature over the atoms of one element.

    Attributes
    ----------
    element : str
        Center element.
    index : int
        Position in the fingerprint.
    label : str
        What the feature is, for people.
    minimum, maximum, mean, std : float
        Over the atoms; dimensionless.
    split_fraction : float
        Fraction of the variance explained by the best division of the values in two groups.
    split_minority : float
        Fraction of the atoms in the smaller of these groups.
    twin : int or None
        An earlier feature with ``|correlation| > 0.99`` that has no twin itself.
    twin_correlation : float or None
        The correlation with it.
    explained : float
        R² of the linear regression on the features that are not redundant (of one of these: on
        those chosen before it, see :func:`linear_basis`); of a twin the squared correlation; 1 for
        a constant feature.
    is_constant, is_narrow, is_switch, is_redundant : bool
        Range below 1e-8; range below that to which training widens it; two groups explain 0.9 of
        the variance and the smaller holds 1 %; twin of an earlier feature, or ``explained`` above
        0.999.
    """

    element: str
    index: int
    label: str
    minimum: float
    maximum: float
    mean: float
    std: float
    split_fraction: float
    split_minority: float
    twin: int | None
    twin_correlation: float | None
    explained: float
    is_constant: bool
    is_narrow: bool
    is_switch: bool
    is_redundant: bool

    @property
    def flags(self) -> list[str]:
        """What is remarkable, in words."""
        names = ("constant", "narrow", "switch", "redundant")
        return [name for name in names if getattr(self, f"is_{name}")]


def collect_fingerprints(
    descriptor: Descriptor,
    images: Sequence[Atoms],
    *,
    max_images: int | None = None,
    seed: int = 0,
    progress: bool = False,
) -> dict[str, Array]:
    """Fingerprints of all atoms of some images, by element.

    Parameters
    ----------
    descriptor : Descriptor
        Any descriptor.
    images : sequence of ase.Atoms
        The structures.
    max_images : int, optional
        Take so many images at random if there are more.
    seed : int
        Seed of that choice.
    progress : bool
        Show progress.

    Returns
    -------
    dict of str to (n_atoms, n_features) float64
        One array per element that occurs, elements sorted by symbol.

    Raises
    ------
    DataError
        Without images, or for an element the descriptor does not know.
    """
    if not images:
        raise DataError("fingerprints: no images")
    chosen = list(images)
    if max_images is not None and len(chosen) > max_images:
        picks = np.random.default_rng(seed).choice(len(chosen), max_images, replace=False)
        chosen = [chosen[k] for k in sorted(picks)]
    rows: dict[str, list[Array]] = {element: [] for element in descriptor.elements}
    with progress_display("fingerprints", len(chosen), "images", enabled=progress) as display:
        for atoms in chosen:
            fingerprints = descriptor.fingerprints(atoms)
            for symbol, row in zip(atoms.symbols, fingerprints, strict=True):
                rows[symbol].append(row)
            display.advance()
    return {element: np.array(found) for element, found in rows.items() if found}


def feature_labels(descriptor: Descriptor) -> dict[str, list[str]]:
    """Short names of the features of every element.

    Symmetry functions by their parameters, features of other descriptors by their number.

    Parameters
    ----------
    descriptor : Descriptor

    Returns
    -------
    dict of str to list of str

    Examples
    --------
    >>> import lionn_rs as lionn
    >>> descriptor = lionn.Gaussian.amp_default(["Li"], cutoff=lionn.Cosine(6.0))
    >>> feature_labels(descriptor)["Li"][3:5]
    ['G2 Li η=5', 'G4 Li-Li η=0.005 ζ=1 γ=+1']
    """
    functions = descriptor.spec.get("functions")
    if functions is None:
        return {e: [f"feature {k}" for k in range(n)] for e, n in descriptor.n_features.items()}
    return {e: [_function_label(f) for f in functions[e]] for e in descriptor.elements}


def feature_statistics(
    fingerprints: dict[str, Array],
    labels: dict[str, list[str]],
    *,
    narrow_range: float = 0.1,
) -> list[FeatureStatistics]:
    """Distribution of every feature, with flags for those of little use.

    Redundant features are found in two steps. A feature whose correlation with an earlier one is
    above 0.99 is its twin. Of those without a twin, :func:`linear_basis` finds the ones that are
    linear combinations of the others with R² above 0.999. A network can use them still, but they
    cost time and tell it hardly anything new; all that are flagged may go at once.

    Switch-like features take two values, nearly. The criterion is Otsu's: the best division of the
    values in two groups explains at least 0.9 of their variance. This may be what the structure is
    like (two sites), or a function whose step falls between two shells of neighbors.

    Parameters
    ----------
    fingerprints : dict of str to (n_atoms, n_features) float64
        From :func:`collect_fingerprints`.
    labels : dict of str to list of str
        From :func:`feature_labels`.
    narrow_range : float
        Range below which a feature is narrow; ``min_feature_range`` of the training.

    Returns
    -------
    list of FeatureStatistics
        Sorted by element and index.

    Raises
    ------
    ConfigError
        If a label is missing.
    DataError
        If an element has fewer than two atoms, or a value is not finite.

    References
    ----------
    Otsu, IEEE Trans. Syst. Man Cybern. 9, 62 (1979), doi 10.1109/TSMC.1979.4310076.
    """
    result: list[FeatureStatistics] = []
    for element in sorted(fingerprints):
        values = fingerprints[element]
        names = labels.get(element, [])
        if len(names) != values.shape[1]:
            raise ConfigError(
                f"{element}: {values.shape[1]} features but {len(names)} labels are given"
            )
        if len(values) < 2:
            raise DataError(f"{element}: {len(values)} atom is not enough for a distribution")
        if not np.isfinite(values).all():
            raise DataError(f"{element}: a fingerprint is not finite")
        result += _of_element(element, values, names, narrow_range)
    return result


def best_split(values: Array) -> tuple[float, float]:
    """Best division of numbers in two groups.

    Parameters
    ----------
    values : (n,) float64

    Returns
    -------
    (float, float)
        Largest fraction of the variance that lies between two groups on either side of a
        threshold, and the fraction of the numbers in the smaller group; zeros for equal numbers.

    References
    ----------
    Otsu, IEEE Trans. Syst. Man Cybern. 9, 62 (1979), doi 10.1109/TSMC.1979.4310076, Eq. 12.

    Examples
    --------
    >>> import numpy as np
    >>> best_split(np.array([0.0, 0.0, 0.0, 1.0]))
    (1.0, 0.25)
    """
    ordered = np.sort(values) - values.mean()
    variance = float(np.mean(ordered**2))
    if variance <= CONSTANT_RANGE**2:
        return 0.0, 0.0
    n = len(ordered)
    below = np.arange(1, n)
    sums = np.cumsum(ordered)[:-1]
    between = sums**2 / (below * (n - below))
    best = int(np.argmax(between))
    return min(1.0, float(between[best] / variance)), float(min(best + 1, n - best - 1) / n)


def linear_basis(values: Array, *, limit: float = EXPLAINED_LIMIT) -> tuple[Array, list[int]]:
    """Features of which the others are linear combinations, nearly.

    QR decomposition with column pivoting of the standardized features: the next member of the
    basis is always the feature with the largest part that the members before do not explain.

    Parameters
    ----------
    values : (n_atoms, n_features) float64
        Features that are not constant.
    limit : float
        R² on the basis above which a feature is no part of it.

    Returns
    -------
    explained : (n_features,) float64
        R² of the regression on the basis; of members of the basis on those chosen before.
    basis : list of int
        Members of the basis in the order they were chosen.

    References
    ----------
    Businger and Golub, Numer. Math. 7, 269 (1965), doi 10.1007/BF01436084.
    """
    from scipy.linalg import qr

    standardized = (values - values.mean(axis=0)) / values.std(axis=0)
    # The triangle of a first decomposition has the same R and far fewer rows.
    triangle = np.linalg.qr(standardized, mode="r") / np.sqrt(len(values))
    r, pivots = qr(triangle, mode="r", pivoting=True)
    n_basis = int(np.sum(np.diag(r) ** 2 > 1.0 - limit))
    remaining = np.empty(values.shape[1])
    for position, feature in enumerate(pivots):
        remaining[feature] = np.sum(r[min(position, n_basis) :, position] ** 2)
    return 1.0 - np.minimum(remaining, 1.0), [int(k) for k in pivots[:n_basis]]


def _function_label(function: dict[str, Any]) -> str:
    neighbors = function.get("neighbors") or [function.get("neighbor", "all")]
    parts = [function["type"], "-".join(neighbors), f"η={function['eta']:.3g}"]
    if function.get("rs"):
        parts.append(f"Rs={function['rs']:.3g}")
    if "zeta" in function:
        parts += [f"ζ={function['zeta']:g}", f"γ={function['gamma']:+g}"]
    return " ".join(parts)


def _of_element(
    element: str, values: Array, labels: list[str], narrow_range: float
) -> list[FeatureStatistics]:
    low, high = values.min(axis=0), values.max(axis=0)
    varying = np.flatnonzero(high - low > CONSTANT_RANGE)
    twins = _twins(values, varying)
    explained = np.ones(values.shape[1])
    single = np.array([k for k in varying if int(k) not in twins], dtype=np.int64)
    basis: set[int] = set()
    if len(single):
        explained[single], chosen = linear_basis(values[:, single])
        basis = {int(single[k]) for k in chosen}
    for k, similar in twins.items():
        explained[k] = similar[1] ** 2
    rows = []
    for k, label in enumerate(labels):
        fraction, minority = best_split(values[:, k])
        constant = bool(high[k] - low[k] <= CONSTANT_RANGE)
        twin, correlation = twins.get(k, (None, None))
        rows.append(
            FeatureStatistics(
                element=element,
                index=k,
                label=label,
                minimum=float(low[k]),
                maximum=float(high[k]),
                mean=float(values[:, k].mean()),
                std=float(values[:, k].std()),
                split_fraction=fraction,
                split_minority=minority,
                twin=twin,
                twin_correlation=correlation,
                explained=float(explained[k]),
                is_constant=constant,
                is_narrow=bool(not constant and high[k] - low[k] < narrow_range),
                is_switch=fraction >= SWITCH_FRACTION and minority >= SWITCH_MINORITY,
                is_redundant=not constant and k not in basis,
            )
        )
    return rows


def _twins(values: Array, varying: NDArray[np.int64]) -> dict[int, tuple[int, float]]:
    """Features that resemble an earlier one without a twin of its own, and the correlation."""
    if len(varying) < 2:
        return {}
    correlation = np.asarray(np.corrcoef(values[:, varying].T))
    found: dict[int, tuple[int, float]] = {}
    single = [0]
    for b in range(1, len(varying)):
        a = single[int(np.argmax(np.abs(correlation[b, single])))]
        if abs(correlation[b, a]) > CORRELATION_LIMIT:
            found[int(varying[b])] = int(varying[a]), float(correlation[b, a])
        else:
            single.append(b)
    return found
