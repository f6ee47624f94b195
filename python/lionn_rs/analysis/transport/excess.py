"""How much larger than computed an error is, as far as an observed spread can tell.

The computed variance of D is right for ions that are alike and independent. An observed spread with
``n`` degrees of freedom is ``lambda`` chi-squared/n times the computed one, and ``lambda`` is not
below 1. Before looking, the odds are even that the computed standard deviation is right
(``lambda = 1``); if it is not, it is any fraction of the true one, each equally likely
(``1/sqrt(lambda)`` uniform between 0 and 1). What is known afterwards is a distribution of
``lambda`` in closed form, and the error of ln D a mixture of normal distributions: no threshold
decides whether a spread counts, it counts as far as it is likely.

References
----------
W. E. Strawderman, Ann. Math. Stat. 42, 385 (1971) (priors that are powers of 1/lambda on the unit
interval); J. O. Berger, Statistical Decision Theory and Bayesian
Analysis, 2nd ed., Springer (1985), ch. 4 (even odds of a point hypothesis).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import optimize, special

from lionn_rs.analysis.transport.conductivity import Z95
from lionn_rs.analysis.transport.trajectory import Floats

N_NODES = 24
"""Points, equally likely, that stand for the distribution of an excess."""
LEAST_RATIO = 1e-6
"""A smaller observed over computed variance says no more."""


@dataclass(frozen=True)
class Excess:
    """Distribution of the true over the computed variance: points and their probabilities."""

    variances: Floats
    weights: Floats

    @property
    def probability(self) -> float:
        """Probability that the true variance is larger than computed."""
        return float(self.weights[self.variances > 1.0].sum())

    @property
    def sd(self) -> float:
        """True over computed standard deviation, ``<1/lambda>^(-1/2)``: the scale of a t."""
        return float((self.weights @ (1.0 / self.variances)) ** -0.5)

    @property
    def half_width(self) -> float:
        """Half width of the 95 % interval in computed standard deviations."""
        scale = np.sqrt(2.0 * self.variances)

        def outside(width: float) -> float:
            return float(self.weights @ special.erfc(width / scale)) - 0.05

        widest = Z95 * float(np.sqrt(self.variances.max())) * (1.0 + 1e-9)
        return float(optimize.brentq(outside, Z95 * (1.0 - 1e-9), widest, xtol=1e-6))

    def plus(self, other: Excess) -> Excess:
        """Both reasons at once: what exceeds 1 adds up."""
        return self._joined(self.variances[:, None] + other.variances - 1.0, other)

    def times(self, other: Excess) -> Excess:
        """``other`` was seen relative to what this one predicts."""
        return self._joined(self.variances[:, None] * other.variances, other)

    def _joined(self, variances: Floats, other: Excess) -> Excess:
        return Excess(variances.ravel(), np.outer(self.weights, other.weights).ravel())


NONE = Excess(np.ones(1), np.ones(1))
"""The computed variance as it is."""


def excess(ratio: float, dof: float) -> Excess:
    """Learn from an observed spread how large the excess is.

    Parameters
    ----------
    ratio : float
        Observed over computed variance.
    dof : float
        Degrees of freedom of the observed one.

    Returns
    -------
    Excess

    Notes
    -----
    With ``k = 1/lambda`` the likelihood is ``k^(n/2) exp(-n r k/2)`` and the density of ``k``
    beforehand ``1/(2 sqrt(k))``: a gamma distribution cut off at 1.

    Examples
    --------
    Twenty ions that spread as computed leave a chance of one in six that the error is larger than
    computed; with half of the variance more it is doubtful, with twice the variance likely.

    >>> [round(excess(r, 19).probability, 2) for r in (1.0, 1.5, 2.0)]
    [0.16, 0.42, 0.84]
    """
    shape, rate = 0.5 * (dof + 1.0), 0.5 * dof * max(ratio, LEAST_RATIO)
    below_one = float(special.gammainc(shape, rate))
    if below_one == 0.0:
        return NONE
    log_odds = rate + float(special.gammaln(shape)) - shape * np.log(rate) + np.log(0.5 * below_one)
    probability = float(special.expit(log_odds))
    middles = (np.arange(N_NODES) + 0.5) / N_NODES
    inverse = special.gammaincinv(shape, middles * below_one) / rate
    weights = np.append(np.full(N_NODES, probability / N_NODES), 1.0 - probability)
    return Excess(np.append(1.0 / np.minimum(inverse, 1.0), 1.0), weights)
