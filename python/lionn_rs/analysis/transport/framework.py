"""Does the framework stay solid? The conductivity of a melt is not the one that was asked for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lionn_rs.analysis._records import Record
from lionn_rs.analysis.transport.trajectory import Floats
from lionn_rs.analysis.transport.window import UPPER_FRACTION

WARN_GROWTH_A2 = 0.5
"""Growth of a framework MSD from an eighth to half of the run that is worth a look, Å²."""
GROWING_EXPONENT = 0.5
"""d ln MSD / d ln t above which a framework MSD counts as unbounded (1 diffuses, 0 vibrates)."""


@dataclass(frozen=True, kw_only=True)
class FrameworkSpecies(Record):
    """Motion of one framework species."""

    symbol: str
    n_atoms: int
    msd_end_A2: float
    """MSD at a lag of half of the run, Å²."""
    growth_A2: float
    """Its growth since a lag of an eighth of the run, Å²."""
    log_log_slope: float
    """d ln MSD / d ln t between the two lags."""
    verdict: str
    """``solid``, ``moves`` or ``melted``."""


def check_framework(
    curves: dict[str, Floats],
    counts: dict[str, int],
    *,
    carrier: str,
    site_distance_A: float,
) -> tuple[FrameworkSpecies, ...]:
    """Judge every non-carrier species by its window-averaged MSD.

    ``melted``: atoms moved a site distance on average and the MSD keeps growing. ``moves``: the MSD
    keeps growing by more than 0.5 Å² (a second mobile species, site exchange, slow relaxation); a
    bounded but large MSD, such as rotating PS4 groups, is ``solid``.

    Parameters
    ----------
    curves : dict of (3, n_frames) float64, Å²
        MSD per species.
    counts : dict of int
        Atoms per species.
    carrier : str
        Species left out.
    site_distance_A : float
        Distance between sites, Å.

    Returns
    -------
    tuple of FrameworkSpecies
        Sorted by symbol.
    """
    result = []
    for symbol, curve in sorted(curves.items()):
        if symbol == carrier:
            continue
        total = curve.sum(axis=0)
        late = max(int(UPPER_FRACTION * (len(total) - 1)), 1)
        early = max(late // 4, 1)
        growth = float(total[late] - total[early])
        if late > early and total[early] > 0.0 and total[late] > 0.0:
            exponent = float(np.log(total[late] / total[early]) / np.log(late / early))
        else:
            exponent = 0.0
        verdict = "solid"
        if exponent > GROWING_EXPONENT and total[late] > site_distance_A**2:
            verdict = "melted"
        elif exponent > GROWING_EXPONENT and growth > WARN_GROWTH_A2:
            verdict = "moves"
        result.append(
            FrameworkSpecies(
                symbol=symbol,
                n_atoms=counts[symbol],
                msd_end_A2=float(total[late]),
                growth_A2=growth,
                log_log_slope=exponent,
                verdict=verdict,
            )
        )
    return tuple(result)
