"""Memory of consecutive jumps: whether ions go back."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lionn_rs.analysis.mechanism.jump_records import JumpCorrelation
from lionn_rs.analysis.mechanism.visits import Integers, Visits
from lionn_rs.analysis.transport.conductivity import Z95
from lionn_rs.analysis.transport.trajectory import Floats
from lionn_rs.units import A2_FS_TO_CM2_S

SAME = 1e-9
"""Cosines and shares that differ by less are the same."""


def jump_correlation(
    visits: Visits,
    arrive: NDArray[np.intp],
    vectors: Floats,
    ion_fs: float,
    *,
    tracer_cm2_s: float | None,
    tracer_ln_sd: float | None,
) -> JumpCorrelation:
    """Back jumps, angles of consecutive jumps and the correlation factor.

    Parameters
    ----------
    visits : Visits
        All stays.
    arrive : (n_jumps,) int
        Stays that began with a jump.
    vectors : (n_jumps, 3) float64, Å
        The jumps.
    ion_fs : float
        Number of ions times duration of the run, fs.
    tracer_cm2_s, tracer_ln_sd : float or None
        Self-diffusivity and the standard deviation of its logarithm.

    Returns
    -------
    JumpCorrelation
    """
    squares = np.sum(vectors**2, axis=1)
    random = float(squares.sum()) / (6.0 * ion_fs) * A2_FS_TO_CM2_S
    random_se = float(np.sqrt(np.sum(squares**2))) / (6.0 * ion_fs) * A2_FS_TO_CM2_S
    # Jump k + 1 follows jump k of the same ion without another stay between them.
    pair = np.flatnonzero(arrive[1:] == arrive[:-1] + 1)
    first, last = arrive[pair] - 1, arrive[pair] + 1
    back = (visits.site[first] == visits.site[last]) & np.all(
        visits.shift[first] == visits.shift[last], axis=1
    )
    norms = np.sqrt(squares)
    cosine = np.einsum("kx,kx->k", vectors[pair], vectors[pair + 1])
    cosine /= norms[pair] * norms[pair + 1]
    ion = visits.ion[arrive[pair]]
    probability, probability_se = clustered_mean(back.astype(float), ion)
    mean, mean_se = clustered_mean(cosine, ion)
    factor_cosine = factor_cosine_se = None
    if mean is not None and mean < 1.0:
        factor_cosine = (1.0 + mean) / (1.0 - mean)
        factor_cosine_se = None if mean_se is None else 2.0 * mean_se / (1.0 - mean) ** 2
    factor, interval, remark = None, None, ""
    if tracer_cm2_s is None:
        remark = "no self-diffusivity: not diffusive, or not given"
    elif random <= 0.0:
        remark = "no jumps"
    else:
        factor = tracer_cm2_s / random
        sd = float(np.hypot(tracer_ln_sd or 0.0, random_se / random))
        half = float(np.exp(Z95 * sd))
        interval = (factor / half, factor * half)
    return JumpCorrelation(
        n_pairs=len(pair),
        back_probability=probability,
        back_se=probability_se,
        mean_cosine=mean,
        mean_cosine_se=mean_se,
        factor_cosine=factor_cosine,
        factor_cosine_se=factor_cosine_se,
        random_cm2_s=random,
        random_se_cm2_s=random_se,
        factor=factor,
        factor_interval=interval,
        remark=remark,
    )


def clustered_mean(values: Floats, cluster: Integers) -> tuple[float | None, float | None]:
    """Mean and its standard error when values of one cluster (ion) may be correlated.

    The sum of deviations of each cluster counts as one observation; with a single cluster, or
    values that are all the same, there is no error.
    """
    if len(values) == 0:
        return None, None
    mean = float(values.mean())
    sums = np.bincount(cluster, values - mean)
    n = len(np.unique(cluster))
    if n < 2 or np.ptp(values) < SAME:
        return mean, None
    return mean, float(np.sqrt(np.sum(sums**2) * n / (n - 1))) / len(values)
