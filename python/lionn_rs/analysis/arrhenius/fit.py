"""Line through ln D over 1/T: generalized least squares, replica variance, quantiles.

The errors of the points come from the analysis of trajectories and are not known exactly. They
enter as known to ``nu`` degrees of freedom: a common factor ``phi²`` of their squares has a scaled
inverse chi-square distribution around 1, and the scatter of the points around the line adds its own
``n - p`` degrees to that knowledge (G. K. Smyth, Stat. Appl. Genet. Mol. Biol. 3, 3 (2004), doi
10.2202/1544-6115.1027, who shares variances between genes in this way):

``phi² = (nu + chi²)/(nu + n - p)``, and half an interval is ``t(nu + n - p) phi sd``.

``nu`` to infinity gives the normal quantile for known errors, ``nu = 0`` the textbook fit of errors
known up to a factor, with Student's t for ``n - p``. The latter takes over where the scatter is
doubtful for these errors and gives the wider interval.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, optimize, stats

from lionn_rs.analysis.arrhenius.result import CONFIDENCE, IntervalBasis
from lionn_rs.analysis.transport.trajectory import Floats

ERROR_DOF = 10.0
"""Degrees of freedom to which errors of ln D count as known: to 22 %, 1/sqrt(2 nu). A choice, made
together with :data:`SCATTER_BELOW` among nine pairs by the coverage that is given there."""
SCATTER_BELOW = 0.2
"""Probability of misfit below which the scatter alone is used where it gives the wider interval.
Few temperatures show a misfit badly, so the bar is low: with errors stated too small by factors of
1.25, 1.5, 2 and 3, intervals from five temperatures hold in 94, 91, 91 and 93 % (97 % when the
errors are right)."""
UNBOUNDED = 100.0
"""Times the range of the data: further ends of an interval count as infinite."""
SIGNIFICANCE = 0.05
"""Curvature and misfit count below this probability of chance."""


@dataclass(frozen=True)
class Scale:
    """Factor on the covariance, and the quantile that goes with it."""

    factor: float
    """On the covariance."""
    dof: float
    basis: IntervalBasis

    @property
    def quantile(self) -> float:
        """Standard deviations of half a 95 % interval."""
        return float(stats.t.ppf(0.5 * (1.0 + CONFIDENCE), self.dof))


@dataclass(frozen=True)
class LinearFit:
    """Generalized least squares."""

    solution: Floats
    covariance: Floats
    """(p, p) for the stated errors."""
    chi2: float
    dof: int


@dataclass(frozen=True)
class ReplicaEffect:
    """Standard deviation between replicas, beyond their own errors."""

    sd: float
    interval: tuple[float, float]
    """95 %, from the distribution of the generalized Q statistic."""
    dof: int
    runs: ReplicaEffect | None = None
    """Spread between the runs of one replica; None where it cannot be told from that between
    replicas (every replica is one run)."""


def generalized_fit(design: Floats, y: Floats, covariance: Floats) -> LinearFit:
    """Generalized least squares of ``y = design @ solution`` with the covariance of ``y``.

    Parameters
    ----------
    design : (n, p) float64
    y : (n,) float64
    covariance : (n, n) float64

    Returns
    -------
    LinearFit
    """
    precise = np.linalg.solve(covariance, design)
    spread = np.asarray(np.linalg.inv(design.T @ precise), dtype=np.float64)
    solution = np.asarray(spread @ (precise.T @ y), dtype=np.float64)
    rest = y - design @ solution
    chi2 = float(rest @ np.linalg.solve(covariance, rest))
    return LinearFit(solution, spread, chi2, len(y) - design.shape[1])


def choose_scale(chi2: float, dof: int, nu: float, *, common: bool = False) -> Scale:
    """Combine the stated errors, known to ``nu`` degrees of freedom, with the scatter.

    Errors that the points have in ``common`` (one arrangement at several temperatures) do not show
    in the scatter: then it adds no knowledge and cannot make them smaller.
    """
    if common:
        widened = Scale(max(chi2 / max(dof, 1), 1.0), nu, "errors")
        return widened if misfit(chi2, dof, nu) < SCATTER_BELOW else Scale(1.0, nu, "errors")
    if np.isinf(nu):
        shared = Scale(1.0, float("inf"), "errors")
    else:
        shared = Scale((nu + chi2) / (nu + dof), nu + dof, "errors")
    if dof < 1 or misfit(chi2, dof, nu) >= SCATTER_BELOW:
        return shared
    scatter = Scale(chi2 / dof, float(dof), "scatter")
    wider = scatter.quantile * scatter.factor**0.5 > shared.quantile * shared.factor**0.5
    return scatter if wider else shared


def misfit(chi2: float, dof: int, nu: float) -> float:
    """Probability of a scatter that large by chance, the errors known to ``nu`` degrees."""
    if dof < 1 or nu == 0.0:
        return 1.0
    if np.isinf(nu):
        return float(stats.chi2.sf(chi2, dof))
    return float(stats.f.sf(chi2 / dof, dof, nu))


def combine_runs(
    ln_d: Floats, sd: Floats, temperature: NDArray[np.intp], label: NDArray[np.intp]
) -> tuple[Floats, Floats, ReplicaEffect | None]:
    """One mean of ln D per temperature, with the variances between replicas in its covariance.

    ``ln D = m(T) + u(label) + v(run) + e``: runs (seeds) are nested in labels (one arrangement of
    the framework). The variances of ``u`` and ``v`` by restricted maximum likelihood, with one free
    mean per temperature, so no curve through the temperatures is assumed. Replicas that carry the
    same label at several temperatures share ``u``; then the means are correlated. ``v`` is of each
    run alone: a seed means nothing at another temperature. If every label is one run, the two are
    one.

    Parameters
    ----------
    ln_d, sd : (n,) float64
        Runs and the standard deviations of their ln D.
    temperature, label : (n,) int
        Index of the temperature, 0, 1, ...; index of the replica.

    Returns
    -------
    means : (n_T,) float64
    covariance : (n_T, n_T) float64
    effect : ReplicaEffect or None
        None when no label or temperature repeats in a way that shows a spread.

    References
    ----------
    W. Viechtbauer, J. Educ. Behav. Stat. 30, 261 (2005), doi 10.3102/10769986030003261 (restricted
    maximum likelihood); Stat. Med. 26, 37 (2007), doi 10.1002/sim.2514 (interval);
    S. Konstantopoulos, Res. Synth. Methods 2, 61 (2011), doi 10.1002/jrsm.35 (nested effects).
    """
    model = _Nested(ln_d, sd, temperature, label)
    if model.label_dof < 1:
        # Replicas show up in contrasts within a temperature only.
        quiet = model.fit(0.0, 0.0)
        return quiet.solution, quiet.covariance, None
    between, within = model.restricted_maximum_likelihood()
    runs = None
    if model.run_dof > 0:
        interval = _interval(model.run_chi2, model.run_dof, model.largest)
        runs = ReplicaEffect(within, interval, model.run_dof)
    interval = _interval(lambda tau: model.label_chi2(tau, within), model.label_dof, model.largest)
    line = model.fit(between, within)
    return (
        line.solution,
        line.covariance,
        ReplicaEffect(between, interval, model.label_dof, runs),
    )


class _Nested:
    """``ln D = m(T) + u(label) + v(run) + e`` for given variances of ``u`` and ``v``."""

    def __init__(
        self, ln_d: Floats, sd: Floats, temperature: NDArray[np.intp], label: NDArray[np.intp]
    ) -> None:
        self.ln_d, self.variance = ln_d, sd**2
        self.design = (temperature[:, None] == np.unique(temperature)).astype(np.float64)
        self.shared = (label[:, None] == label).astype(np.float64)
        self.whole = np.asarray(linalg.orth(np.column_stack([self.design, self.shared])))
        self.label_dof = int(self.whole.shape[1] - self.design.shape[1])
        self.run_dof = int(len(ln_d) - self.whole.shape[1])
        rest = ln_d - self.design @ self.fit(0.0, 0.0).solution
        self.largest = 3.0 * float(np.ptp(rest)) + float(sd.max())
        """No spread of these data is larger."""

    def covariance(self, between: float, within: float) -> Floats:
        return np.asarray(np.diag(self.variance + within**2) + between**2 * self.shared)

    def fit(self, between: float, within: float) -> LinearFit:
        return generalized_fit(self.design, self.ln_d, self.covariance(between, within))

    def deviance(self, between: float, within: float) -> float:
        """Return -2 ln of the restricted likelihood, up to a constant."""
        covariance = self.covariance(between, within)
        line = generalized_fit(self.design, self.ln_d, covariance)
        determinant = np.linalg.slogdet(covariance)[1] - np.linalg.slogdet(line.covariance)[1]
        return float(determinant + line.chi2)

    def run_chi2(self, within: float) -> float:
        """Scatter of runs around temperatures and labels, in units of its variance."""
        if self.run_dof == 0:
            return 0.0
        covariance = self.covariance(0.0, within)
        return generalized_fit(self.whole, self.ln_d, covariance).chi2

    def label_chi2(self, between: float, within: float) -> float:
        """Scatter of labels around the temperatures alone, in units of its variance."""
        return self.fit(between, within).chi2 - self.run_chi2(within)

    def restricted_maximum_likelihood(self) -> tuple[float, float]:
        """Estimate the standard deviations between labels and between the runs of one."""
        grid = self.largest * np.linspace(0.0, 1.0, 15) ** 2
        others = grid if self.run_dof > 0 else grid[:1]
        pairs = itertools.product(grid.tolist(), others.tolist())
        start = min(pairs, key=lambda pair: self.deviance(*pair))
        bounds = [(0.0, self.largest), (0.0, self.largest if self.run_dof > 0 else 0.0)]
        found = optimize.minimize(  # type: ignore[call-overload] # a function of one argument
            lambda pair: self.deviance(float(pair[0]), float(pair[1])),
            np.array(start, dtype=np.float64),
            method="L-BFGS-B",
            bounds=bounds,
            tol=1e-12,
        )
        best = [float(x) for x in found.x]
        for k in (0, 1):  # Where nothing speaks for a spread it is none, not a small number.
            without = [0.0 if j == k else x for j, x in enumerate(best)]
            if self.deviance(*without) <= self.deviance(*best) + 1e-9:
                best = without
        return best[0], best[1]


def _interval(chi2: Callable[[float], float], dof: int, largest: float) -> tuple[float, float]:
    """Where the generalized Q statistic passes the quantiles of its distribution."""

    def end(quantile: float) -> float:
        target = float(stats.chi2.ppf(quantile, dof))
        if chi2(0.0) <= target:
            return 0.0
        if chi2(UNBOUNDED * largest) > target:
            return float("inf")  # Scatter that no replica effect explains.
        return float(optimize.brentq(lambda tau: chi2(tau) - target, 0.0, UNBOUNDED * largest))

    half = 0.5 * (1.0 - CONFIDENCE)
    return end(1.0 - half), end(half)


def known_to(
    nu: float, covariance: Floats, parts: tuple[Floats, Floats], effect: ReplicaEffect | None
) -> float:
    """Degrees of freedom of the errors of the means, the replica variances being estimated too.

    Satterthwaite's formula over the shares of the variances.

    Parameters
    ----------
    nu : float
        Degrees of freedom of the stated errors.
    covariance : (n_T, n_T) float64
        Covariance of the means.
    parts : two of (n_T,) float64
        Variances that the means would have without any replica effect, and without one between
        labels.
    effect : ReplicaEffect or None
    """
    if effect is None or nu == 0.0:
        return nu
    whole = np.diag(covariance)
    stated, with_runs = (float(np.mean(part / whole)) for part in parts)
    terms = [(1.0 - with_runs, effect.dof), (stated, nu)]
    if effect.runs is not None:
        terms.append((with_runs - stated, effect.runs.dof))
    total = sum(share**2 / dof for share, dof in terms if share > 0.0 and np.isfinite(dof))
    return 1.0 / total if total > 0.0 else nu
