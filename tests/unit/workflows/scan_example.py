"""A scan result made up for tests of tables and figures."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from lionn_rs.training.metrics import Metrics
from lionn_rs.workflows.scan.results import ScanMember, ScanResult


def metrics(energy: float, force: float | None) -> Metrics:
    return Metrics(10, 500, energy, energy, energy, force, force, force, 1.0, None, 0)


def member(
    descriptor: str = "G56",
    hidden_layers: tuple[int, ...] = (5, 5),
    seed: int = 1,
    *,
    force: float | None = 0.1,
    energy: float = 0.004,
    us_per_atom: float | None = 12.0,
    test: bool = True,
    loss: float | None = None,
) -> ScanMember:
    sets = {"train": 0.9, "validation": 1.0, "test": 1.1}
    if not test:
        del sets["test"]
    name = f"{descriptor}-{'x'.join(map(str, hidden_layers))}-seed{seed}"
    return ScanMember(
        name=name,
        descriptor=descriptor,
        hidden_layers=hidden_layers,
        seed=seed,
        folder=Path("runs/scan/members") / name,
        n_features=56,
        n_parameters=1292,
        metrics={
            k: metrics(energy * x, None if force is None else force * x) for k, x in sets.items()
        },
        validation_loss=force or energy if loss is None else loss,
        best_iteration=80,
        iterations=100,
        stop_reason="iteration limit of 100",
        seconds=12.5,
        n_threads=1,
        us_per_atom=us_per_atom,
    )


def large_result() -> ScanResult:
    """Eight descriptors, five topologies, three seeds."""
    rng = np.random.default_rng(1)
    members = [
        member(
            f"{kind}-{12 * k + 8}",
            (n, n),
            seed,
            force=level * (1 + 3 / n) * (1 + 0.05 * rng.random()),
            energy=0.01 * level * (1 + 2 / n) * (1 + 0.1 * rng.random()),
            us_per_atom=cost * (1 + n / 60) * (1 + 0.01 * rng.random()),
        )
        for k, (kind, level, cost) in enumerate(
            [
                ("Zernike", 0.3, 9),
                ("Zernike", 0.2, 14),
                ("Zernike", 0.17, 26),
                ("Gaussian", 0.1, 11),
                ("Gaussian", 0.095, 12),
                ("Gaussian", 0.094, 13),
                ("power", 0.06, 10),
                ("power", 0.045, 20),
            ]
        )
        for n in (3, 5, 10, 15, 20)
        for seed in (1, 2, 3)
    ]
    return ScanResult(members, Path("runs/scan"))
