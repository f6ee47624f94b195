"""Do the 95 % intervals of the diffusivity contain the truth in 95 % of independent runs?

Protocol of the source paper: 20 ions, 20 ps, a frame every 20 fs. Numbers are printed with ``-s``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pytest

from lionn_rs.analysis import diffusivity, synthetic

pytestmark = pytest.mark.physics

N_RUNS = 100
RUN: dict[str, Any] = {"n_ions": 20, "n_frames": 1001, "frame_interval_fs": 20.0}
CELL = 200.0 * np.eye(3)


@dataclass
class Coverage:
    """Outcome of many runs."""

    inside: float
    ratio: float
    """Geometric mean of D over the truth."""
    true_sd: float
    reported_sd: float
    refused: int


def coverage(
    generator: Callable[..., Any], truth: float, seed: int, runs: int = N_RUNS
) -> Coverage:
    inside, logs, reported, refused = 0, [], [], 0
    for k in range(runs):
        rng = np.random.default_rng([seed, k])
        ions = generator(rng, diffusivity_cm2_s=truth, **RUN)
        positions, symbols = synthetic.with_framework(rng, ions)
        result = diffusivity(
            positions, cell=CELL, frame_interval_fs=20.0, temperature_K=800.0, symbols=symbols
        )
        if result.diffusivity_cm2_s is None:
            refused += 1
            continue
        low, high = result.interval_cm2_s
        inside += low <= truth <= high
        logs.append(np.log(result.diffusivity_cm2_s / truth))
        reported.append(result.ln_sd)
    n = runs - refused
    return Coverage(
        inside / n,
        float(np.exp(np.mean(logs))),
        float(np.std(logs)),
        float(np.median(reported)),
        refused,
    )


def lowest_share(n: int) -> float:
    """Three binomial standard deviations below 0.95."""
    return 0.95 - 3.0 * float(np.sqrt(0.95 * 0.05 / n))


GENERATORS = {
    "lattice hops": synthetic.lattice_hops,
    "smooth potential": partial(synthetic.periodic_potential, step_fs=2.0),
    "returning hops": synthetic.returning_hops,
    "unequal ions": partial(synthetic.lattice_hops, mobility_ratio=5.0),
}


@pytest.mark.parametrize("n_hops", [87, 156, 351])
@pytest.mark.parametrize("name", GENERATORS)
def test_interval_covers_the_truth(name: str, n_hops: int) -> None:
    truth = n_hops * 3.25**2 * 1e-16 / (6.0 * 20 * 20e-12)
    found = coverage(GENERATORS[name], truth, seed=n_hops)
    print(f"\n{name}, {n_hops} hops: {found}")
    assert found.inside >= lowest_share(N_RUNS - found.refused)
    # Not wastefully wide either.
    assert found.reported_sd < 2.0 * found.true_sd


@pytest.mark.parametrize("together", [2, 4])
@pytest.mark.parametrize("n_hops", [156, 351])
def test_interval_covers_concerted_hops(together: int, n_hops: int) -> None:
    """Groups of m ions hopping as one are N/m movers; the error must notice."""
    truth = n_hops * 3.25**2 * 1e-16 / (6.0 * 20 * 20e-12)
    generator = partial(synthetic.lattice_hops, together=together)
    found = coverage(generator, truth, seed=n_hops + 1)
    print(f"\nconcerted, {together} ions, {n_hops} hops: {found}")
    assert found.inside >= lowest_share(N_RUNS - found.refused)
