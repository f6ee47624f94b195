"""Several runs together: the mean, the spread between runs, refusals."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from lionn_rs.analysis import arrhenius_from_results, diffusivity, diffusivity_of_runs, synthetic
from lionn_rs.analysis.transport.resampling import bootstrap_interval
from lionn_rs.analysis.transport.sources import ArraySource
from lionn_rs.errors import ConfigError, DataError

TRUTH = 7e-5
COMMON: dict[str, Any] = {
    "cell": 200.0 * np.eye(3),
    "frame_interval_fs": 20.0,
    "temperature_K": 800.0,
    "symbols": ["Li"] * 10 + ["S"] * 10,
}


def make_runs(count: int, *, factors: tuple[float, ...] = (1.0,)) -> list[np.ndarray]:
    runs = []
    for k in range(count):
        rng = np.random.default_rng([4, k])
        ions = synthetic.lattice_hops(
            rng,
            n_ions=10,
            n_frames=1001,
            frame_interval_fs=20.0,
            diffusivity_cm2_s=TRUTH * factors[k % len(factors)],
        )
        runs.append(synthetic.with_framework(rng, ions, n_framework=10)[0])
    return runs


def test_the_combined_value_is_the_mean_with_a_smaller_error() -> None:
    runs = make_runs(6)
    combined = diffusivity_of_runs(runs, **COMMON)
    assert combined.diffusivity_cm2_s == pytest.approx(
        np.mean(combined.run_diffusivities_cm2_s), rel=1e-9
    )
    alone = np.median([run.ln_sd for run in combined.runs])
    # Six times the hops; the moderated errors fluctuate by some percent.
    assert combined.ln_sd == pytest.approx(alone / np.sqrt(6), rel=0.25)
    low, high = combined.interval_cm2_s
    assert low < TRUTH < high
    assert {s.kind for s in combined.spreads} == {"ions", "blocks", "concerted", "runs"}
    assert [e.method for e in combined.estimates if e.reported] == [combined.method.split("+")[0]]
    json.dumps(combined.to_dict())
    assert "6 x 20.0 ps" in str(combined)


def test_runs_that_differ_widen_the_error() -> None:
    """Runs of mobility 0.4 and 1.6: the spread between runs decides."""
    combined = diffusivity_of_runs(make_runs(6, factors=(0.4, 1.6)), **COMMON)
    runs = next(s for s in combined.spreads if s.kind == "runs")
    assert runs.significant
    assert runs.n == 6
    assert combined.method.startswith("runs")
    assert combined.ln_sd > 2.0 * combined.gls_relative_sd
    assert any("the runs differ by" in text for text in combined.warnings)
    low, high = combined.interval_cm2_s
    assert low < TRUTH < high


def test_one_run_alone_is_that_run() -> None:
    run = make_runs(1)
    combined, alone = diffusivity_of_runs(run, **COMMON), diffusivity(run[0], **COMMON)
    assert combined.diffusivity_cm2_s == pytest.approx(alone.diffusivity_cm2_s, rel=1e-9)
    assert combined.interval_cm2_s == pytest.approx(alone.interval_cm2_s, rel=1e-6)
    assert combined.conductivity_mS_cm == pytest.approx(alone.conductivity_mS_cm, rel=1e-9)


def test_runs_may_be_sources_in_cells_that_change_with_charges() -> None:
    """What one run may be, several may be: files, wrapped paths, barostats, mobile species."""
    box, moved = 30.0, {"charges": {"Li": 1.0, "Cl": -1.0}, "mobile": ["Cl"], "directions": ["a"]}
    symbols = ["Li"] * 10 + ["Cl"] * 4 + ["S"] * 6
    fixed = COMMON | moved | {"symbols": symbols, "cell": box * np.eye(3)}
    runs = make_runs(2)
    plain = diffusivity_of_runs(runs, **fixed)
    assert set(plain.runs[0].charges) == {"Li", "Cl"}
    assert plain.runs[0].drift.n_atoms == 6

    # Every frame in a cell of its own: the same fractional paths, given folded.
    rng = np.random.default_rng(8)
    cells = [box * (1.0 + 0.01 * rng.standard_normal((1001, 1, 1))) * np.eye(3) for _ in runs]
    cells = [cell / cell.mean(axis=0)[0, 0] * box for cell in cells]
    folded = [ArraySource((run / box % 1.0) @ cell) for run, cell in zip(runs, cells, strict=True)]
    changing = diffusivity_of_runs(folded, **fixed | {"cell": cells, "wrapped": True})
    assert changing.diffusivity_cm2_s == pytest.approx(plain.diffusivity_cm2_s, rel=1e-9)
    assert changing.ln_sd == pytest.approx(plain.ln_sd, rel=1e-6)
    volume = np.mean([np.linalg.det(cell).mean() for cell in cells])
    assert changing.volume_A3 == pytest.approx(volume)
    assert changing.runs[1].unwrapping.cell_changes

    for wrong, n in (([*cells, cells[0]], 3), (30.0, 0)):
        with pytest.raises(ConfigError, match=f"one cell for each of 2 runs, got {n} cells"):
            diffusivity_of_runs(runs, **fixed | {"cell": wrong})


def test_refusals() -> None:
    runs = make_runs(2)
    with pytest.raises(ConfigError, match="at least one run"):
        diffusivity_of_runs([], **COMMON)
    with pytest.raises(DataError, match="differ in length by more than 10 %"):
        diffusivity_of_runs([runs[0], runs[1][:500]], **COMMON)
    still = [0.02 * run for run in runs]
    combined = diffusivity_of_runs(still, **COMMON)
    assert not combined.diffusive
    assert combined.interval_cm2_s is None
    assert "not diffusive" in str(combined)


def test_combined_runs_enter_an_arrhenius_fit() -> None:
    results = []
    for temperature, factor in ((600.0, 0.6), (800.0, 1.0), (1000.0, 1.4)):
        options = COMMON | {"temperature_K": temperature}
        results.append(diffusivity_of_runs(make_runs(2, factors=(factor,)), **options))
    fit = arrhenius_from_results(results)
    assert [p.temperature_K for p in fit.points] == [600.0, 800.0, 1000.0]
    assert fit.extrapolation.conductivity_mS_cm is not None


def test_bootstrap_of_known_slopes() -> None:
    """Normal slopes: the percentile interval is close to the normal one."""
    rng = np.random.default_rng(1)
    slopes = 1.0 + 0.3 * rng.standard_normal(400)
    low, high = bootstrap_interval(slopes, n_runs=1)
    half = 1.96 * slopes.std() / np.sqrt(400)
    # 2000 samples place a 2.5 % quantile to some percent of the half width.
    assert low == pytest.approx(slopes.mean() - half, abs=0.1 * half)
    assert high == pytest.approx(slopes.mean() + half, abs=0.1 * half)
    # Equal ions, unequal runs: only drawing runs shows it.
    table = np.repeat([0.5, 0.8, 1.2, 1.5], 100)
    low, high = bootstrap_interval(table, n_runs=4)
    assert low < 0.75 < 1.25 < high
    assert bootstrap_interval(slopes[:3], n_runs=1) is None
    assert bootstrap_interval(slopes - 1.0, n_runs=1) is None
