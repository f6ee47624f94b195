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

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, stats

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
    """One mean of ln D per temperature, with the variance between replicas in its covariance.

    ``ln D = m(T) + u(label) + e``: the variance of ``u`` by restricted maximum likelihood, with one
    free mean per temperature, so no curve through the temperatures is assumed. Replicas that carry
    the same label at several temperatures (one arrangement of the framework) share ``u``; then the
    means are correlated.

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
    maximum likelihood); Stat. Med. 26, 37 (2007), doi 10.1002/sim.2514 (interval).
    """
    design = (temperature[:, None] == np.unique(temperature)).astype(np.float64)
    shared = (label[:, None] == label).astype(np.float64)

    def fit(between: float) -> tuple[LinearFit, float]:
        """Means for a standard deviation between replicas, and -2 ln of its likelihood."""
        covariance = np.diag(sd**2) + between**2 * shared
        line = generalized_fit(design, ln_d, covariance)
        return line, (
            np.linalg.slogdet(covariance)[1] - np.linalg.slogdet(line.covariance)[1] + line.chi2
        )

    quiet, _ = fit(0.0)
    # Replicas show up in contrasts within a temperature only.
    contrasts = np.linalg.matrix_rank(np.column_stack([design, shared])) - design.shape[1]
    if contrasts < 1:
        return quiet.solution, quiet.covariance, None
    largest = 3.0 * float(np.ptp(ln_d - design @ quiet.solution)) + float(sd.max())
    grid = largest * np.linspace(0.0, 1.0, 41) ** 2
    best = int(np.argmin([fit(tau)[1] for tau in grid]))
    around = (grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)])
    found = optimize.minimize_scalar(
        lambda tau: fit(tau)[1], bounds=around, method="bounded", options={"xatol": 1e-8}
    )
    between = 0.0 if fit(0.0)[1] <= float(found.fun) else float(found.x)
    line, _ = fit(between)

    def end(quantile: float) -> float:
        """Where the generalized Q statistic passes a quantile of its distribution."""
        target = float(stats.chi2.ppf(quantile, line.dof))
        if fit(0.0)[0].chi2 <= target:
            return 0.0
        if fit(UNBOUNDED * largest)[0].chi2 > target:
            return float("inf")  # Scatter that no replica effect explains.
        return float(
            optimize.brentq(lambda tau: fit(tau)[0].chi2 - target, 0.0, UNBOUNDED * largest)
        )

    half = 0.5 * (1.0 - CONFIDENCE)
    effect = ReplicaEffect(between, (end(1.0 - half), end(half)), int(contrasts))
    return line.solution, line.covariance, effect


def known_to(nu: float, covariance: Floats, sd: Floats, effect: ReplicaEffect | None) -> float:
    """Degrees of freedom of the errors of the means, the replica variance being estimated too.

    Satterthwaite's formula over the shares of the two variances.

    Parameters
    ----------
    nu : float
        Degrees of freedom of the stated errors.
    covariance : (n_T, n_T) float64
        Covariance of the means.
    sd : (n_T,) float64
        Standard deviation that the means would have without a replica effect.
    effect : ReplicaEffect or None
    """
    if effect is None or effect.sd == 0.0 or nu == 0.0:
        return nu
    share = 1.0 - float(np.mean(sd**2 / np.diag(covariance)))
    return 1.0 / (share**2 / effect.dof + (1.0 - share) ** 2 / nu)
