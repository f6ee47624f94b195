"""Patterns in energy residuals: which images share an error that noise does not explain."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
from scipy.stats import median_abs_deviation, spearmanr

from lionn_rs.analysis._records import Record
from lionn_rs.analysis.diagnosis.randomness import (
    RunsTest,
    cyclic_shift_p_value,
    exceedance,
    generalized_esd,
    normal_scores,
    runs_test,
    scan,
    scan_null,
    shift_null,
)
from lionn_rs.errors import ShapeError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = ["MIN_IMAGES", "EnergyStructure", "Pattern", "Trend", "energy_structure"]

MIN_IMAGES: Final = 20
"""Fewer images than this are not tested: hardly any pattern could be told from noise."""

N_TESTS: Final = 5
"""Searches for patterns in one set: two scans in each of two orders, and the outliers."""

N_PERMUTATIONS: Final = 1999
MEV: Final = 1e3
"""meV in an eV."""

Kind = Literal["band", "spread", "outlier"]
Order = Literal["energy", "time", ""]


@dataclass(frozen=True)
class Pattern(Record):
    """Images whose energy residuals stand out together.

    Attributes
    ----------
    kind : {"band", "spread", "outlier"}
        Neighbors whose residuals are shifted to one side; neighbors whose residuals are large on
        either side; single images far from the others.
    order : {"energy", "time", ""}
        In which order they are neighbors: by reference energy, or as the images stand in the set.
    n_neighbors : int
        Images of the stretch; of outliers their number.
    members : list of int
        Positions, in the set, of the images that form the pattern: those of the stretch whose
        residual differs from the median by more than the robust standard deviation (of a band: on
        its side).
    energy_range : (float, float)
        Smallest and largest reference energy of the stretch, eV/atom.
    residual : float
        Median residual of the members minus that of the set, eV/atom; of a spread the median of
        the absolute values.
    p_value : float
        Chance of such a pattern anywhere in residuals without order; of outliers the level of the
        test.
    p_correlated : float or None
        For the order in energy: the same chance for residuals that keep their correlation in time.
        Where it is large, the pattern may be that correlation and nothing else.
    """

    kind: Kind
    order: Order
    n_neighbors: int
    members: list[int]
    energy_range: tuple[float, float]
    residual: float
    p_value: float
    p_correlated: float | None = None

    def __str__(self) -> str:
        if self.kind == "outlier":
            return f"outlier of a normal distribution (level {self.p_value:.2g})"
        low, high = self.energy_range
        where = (
            f"{self.n_neighbors} images from {low:.4f} to {high:.4f} eV/atom"
            if self.order == "energy"
            else f"{self.n_neighbors} images one after the other"
        )
        what = (
            f"residuals {MEV * abs(self.residual):.1f} meV/atom "
            f"{'above' if self.residual > 0 else 'below'} the median"
            if self.kind == "band"
            else f"residuals scattered by {MEV * self.residual:.1f} meV/atom"
        )
        listed = f"{len(self.members) or 'none'} of them listed"
        text = f"{self.kind} of {where}, {what}, {listed} (p = {self.p_value:.2g}"
        if self.p_correlated is not None:
            text += f"; {self.p_correlated:.2g} allowing for correlation in time"
        return text + ")"


@dataclass(frozen=True)
class Trend(Record):
    """Rank correlation (Spearman) with the reference energy.

    Attributes
    ----------
    correlation : float
        Between -1 and 1.
    p_value : float
        Two-sided.
    """

    correlation: float
    p_value: float


@dataclass(frozen=True)
class EnergyStructure(Record):
    """Tests of the energy residuals of one set for structure.

    Attributes
    ----------
    n_images : int
        Images of the set.
    bias, rmse, spread : float
        Mean, root mean square and robust standard deviation (1.4826 times the median absolute
        deviation) of the residuals, eV/atom.
    bias_error : float
        Standard error of the mean if images are independent, eV/atom.
    alpha : float
        Chance of any pattern below if the residuals are without order.
    runs_energy, runs_time : RunsTest or None
        Signs of the residuals about their median in the order of the reference energy, and in the
        order of the images; None for fewer than 20 images.
    runs_energy_correlated : float or None
        P-value of few runs in the order of energy that allows for correlation in time.
    trend, spread_trend : Trend or None
        Of the residuals, and of their distances from the median, with the reference energy.
    patterns : list of Pattern
        Sorted by p-value.
    """

    n_images: int
    bias: float
    bias_error: float
    rmse: float
    spread: float
    alpha: float
    runs_energy: RunsTest | None
    runs_time: RunsTest | None
    runs_energy_correlated: float | None
    trend: Trend | None
    spread_trend: Trend | None
    patterns: list[Pattern]

    @property
    def tested(self) -> bool:
        """Whether there were enough images, with residuals that differ."""
        return self.runs_energy is not None

    @property
    def members(self) -> dict[int, list[Pattern]]:
        """Patterns of every image that belongs to one, by its position in the set."""
        found: dict[int, list[Pattern]] = {}
        for pattern in self.patterns:
            for k in pattern.members:
                found.setdefault(k, []).append(pattern)
        return dict(sorted(found.items()))


def energy_structure(
    reference: Array,
    residuals: Array,
    *,
    alpha: float = 0.05,
    n_permutations: int = N_PERMUTATIONS,
    seed: int = 0,
) -> EnergyStructure:
    """Test energy residuals for structure, and find the images that form it.

    The signs of the residuals are put to a runs test in the order of the reference energy and in
    the order of the images; rank correlations say whether the residuals, or their size, follow the
    energy. Then three kinds of pattern are looked for, together with a chance of ``alpha`` to find
    any where there is none (a fifth of it for each search):

    - *bands*, stretches of images, in the order of the reference energy or of the list, whose
      residuals are shifted: the scan of
      :func:`~lionn_rs.analysis.diagnosis.randomness.scan` over the normal scores of the residuals;
    - *spreads*, stretches where the residuals are large on either side: the same scan over the
      scores of their distances from the median;
    - *outliers*: :func:`~lionn_rs.analysis.diagnosis.randomness.generalized_esd`.

    The chance is that of residuals without any order (outliers: of normal ones). Images taken from
    a trajectory at short intervals are correlated, so that residuals have an order in time even
    where the network is as good as it can be; ``p_correlated`` says what is left of a pattern in
    energy then.

    Parameters
    ----------
    reference : (n_images,) float64
        Reference energies, eV/atom.
    residuals : (n_images,) float64
        Predicted minus reference energies, eV/atom, images in the order of time.
    alpha : float
        Chance of a false pattern.
    n_permutations : int
        Permutations of every scan.
    seed : int
        Their seed.

    Returns
    -------
    EnergyStructure

    Raises
    ------
    ShapeError
        If the arrays differ in length, are empty or hold values that are not finite.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(1)
    >>> reference, residuals = rng.uniform(-4.2, -4.0, 100), rng.normal(scale=1e-3, size=100)
    >>> residuals[reference > -4.03] += 4e-3
    >>> found = energy_structure(reference, residuals)
    >>> [(pattern.kind, pattern.order) for pattern in found.patterns]
    [('band', 'energy')]
    """
    reference = np.asarray(reference, dtype=np.float64)
    residuals = np.asarray(residuals, dtype=np.float64)
    _check(reference, residuals)
    n = len(residuals)
    deviations = residuals - np.median(residuals)
    spread = float(median_abs_deviation(residuals, scale="normal"))
    runs_energy = runs_time = correlated = trend = spread_trend = None
    patterns: list[Pattern] = []
    if n >= MIN_IMAGES and len(np.unique(residuals)) > MIN_IMAGES // 2:
        order = np.argsort(reference, kind="stable")
        runs_energy, runs_time = runs_test(residuals[order]), runs_test(residuals)
        correlated = cyclic_shift_p_value(residuals, order)
        trend = Trend(*map(float, spearmanr(reference, deviations)))
        spread_trend = Trend(*map(float, spearmanr(reference, np.abs(deviations))))
        search = _Search(
            reference,
            deviations,
            spread,
            level=alpha / N_TESTS,
            n_permutations=n_permutations,
            seed=seed,
        )
        patterns = [*search.stretches(order), *search.stretches(None), *search.outliers()]
    return EnergyStructure(
        n_images=n,
        bias=float(residuals.mean()),
        bias_error=float(residuals.std(ddof=1) / np.sqrt(n)) if n > 1 else float("nan"),
        rmse=float(np.sqrt(np.mean(residuals**2))),
        spread=spread,
        alpha=alpha,
        runs_energy=runs_energy,
        runs_time=runs_time,
        runs_energy_correlated=correlated,
        trend=trend,
        spread_trend=spread_trend,
        patterns=sorted(patterns, key=lambda pattern: pattern.p_value),
    )


def _check(reference: Array, residuals: Array) -> None:
    if residuals.ndim != 1 or reference.shape != residuals.shape or not len(residuals):
        raise ShapeError(
            "reference energies and residuals must be (n_images,) and of equal length, got "
            f"{reference.shape} and {residuals.shape}"
        )
    if not (np.isfinite(residuals).all() and np.isfinite(reference).all()):
        raise ShapeError("reference energies and residuals must be finite")


class _Search:
    """What the searches for patterns in one set share."""

    def __init__(
        self,
        reference: Array,
        deviations: Array,
        spread: float,
        *,
        level: float,
        n_permutations: int,
        seed: int,
    ) -> None:
        self.reference = reference
        self.deviations = deviations
        self.spread = spread
        self.level = level
        self.scores: dict[Kind, Array] = {
            "band": normal_scores(deviations),
            "spread": normal_scores(np.abs(deviations)),
        }
        self.nulls = {
            kind: scan_null(
                scores, n_permutations=n_permutations, seed=seed, two_sided=kind == "band"
            )
            for kind, scores in self.scores.items()
        }

    def stretches(self, order: NDArray[np.int64] | None) -> list[Pattern]:
        """Bands by energy (``order``) or by time, and spreads most of which is in no band."""
        found: list[Pattern] = []
        in_band = np.zeros(len(self.deviations), dtype=bool)
        for kind, scores in self.scores.items():
            two_sided = kind == "band"
            sequence = scores if order is None else scores[order]
            for stretch in scan(sequence, self.nulls[kind], alpha=self.level, two_sided=two_sided):
                images = np.arange(stretch.start, stretch.stop)
                correlated = None
                if order is not None:
                    images = order[images]
                    shifted = shift_null(scores, order, two_sided=two_sided)
                    correlated = exceedance(abs(stretch.strength), shifted)
                if kind == "band":
                    in_band[images] = True
                elif in_band[images].mean() > 0.5:
                    continue
                found.append(
                    self._pattern(
                        kind,
                        "time" if order is None else "energy",
                        images,
                        float(np.sign(stretch.strength)) if two_sided else 0.0,
                        stretch.p_value,
                        correlated,
                    )
                )
        return found

    def outliers(self) -> list[Pattern]:
        """All outliers as one pattern."""
        images = np.sort(generalized_esd(self.deviations, alpha=self.level))
        if not len(images):
            return []
        return [self._pattern("outlier", "", images, 0.0, self.level, None)]

    def _pattern(
        self,
        kind: Kind,
        order: Order,
        images: NDArray[np.int64],
        side: float,
        p_value: float,
        correlated: float | None,
    ) -> Pattern:
        deviations = self.deviations[images]
        sizes = side * deviations if side else np.abs(deviations)
        members = images[sizes > self.spread] if kind != "outlier" else images
        chosen = self.deviations[members if len(members) else images]
        return Pattern(
            kind=kind,
            order=order,
            n_neighbors=len(images),
            members=sorted(int(k) for k in members),
            energy_range=(
                float(self.reference[images].min()),
                float(self.reference[images].max()),
            ),
            residual=float(np.median(chosen if side else np.abs(chosen))),
            p_value=p_value,
            p_correlated=correlated,
        )
