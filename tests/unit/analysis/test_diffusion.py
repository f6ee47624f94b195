"""Diffusivity: known answers, refusals, and the record."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from lionn_rs.analysis import DiffusionResult, diffusivity, nernst_einstein, synthetic
from lionn_rs.errors import ConfigError, DataError

RUN: dict[str, Any] = {"n_ions": 20, "n_frames": 1001, "frame_interval_fs": 20.0}
CELL = 60.0 * np.eye(3)
TRUTH = 6e-5


def analyze(ions: np.ndarray, seed: int = 0, **options: Any) -> DiffusionResult:
    positions, symbols = synthetic.with_framework(np.random.default_rng(seed), ions)
    settings: dict[str, Any] = {
        "cell": CELL, "frame_interval_fs": 20.0, "temperature_K": 800.0, "symbols": symbols,
    }  # fmt: skip
    return diffusivity(positions, **{**settings, **options})


@pytest.fixture(scope="module")
def hops() -> np.ndarray:
    return synthetic.lattice_hops(np.random.default_rng(7), diffusivity_cm2_s=TRUTH, **RUN)


@pytest.fixture(scope="module")
def result(hops: np.ndarray) -> DiffusionResult:
    return analyze(hops, compare_pymatgen=True)


def test_known_diffusivity_is_inside_the_interval(result: DiffusionResult) -> None:
    assert result.diffusive
    low, high = result.interval_cm2_s
    assert low < TRUTH < high
    assert result.ln_sd == pytest.approx(0.1, abs=0.05)
    assert result.upper_bound_cm2_s > high * 0.9
    for axis in result.axes:
        assert abs(axis.diffusivity_cm2_s - TRUTH) < 4 * axis.sd_cm2_s


def test_hops_and_empirical_error(result: DiffusionResult) -> None:
    # 6 D N T / a² with the measured D, a = 3 Å, and 3.43/sqrt(N) + 0.04.
    hops = 6 * result.diffusivity_cm2_s * 1e4 * 20 * 20.0 / 9.0
    assert result.n_hops == pytest.approx(hops)
    assert result.he_relative_sd == pytest.approx(3.43 / np.sqrt(hops) + 0.04)


def test_conductivity_is_nernst_einstein(result: DiffusionResult) -> None:
    expected = nernst_einstein(
        result.diffusivity_cm2_s, n_carriers=20, charge=1, volume_A3=60.0**3, temperature_K=800.0
    )
    assert result.conductivity_mS_cm == pytest.approx(expected)
    ratio = result.conductivity_interval_mS_cm[1] / result.conductivity_mS_cm
    assert ratio == pytest.approx(result.interval_cm2_s[1] / result.diffusivity_cm2_s)


def test_pymatgen_value_is_beside_it(result: DiffusionResult) -> None:
    every_origin, one_origin = result.pymatgen
    assert every_origin.smoothed == "max"
    assert every_origin.diffusivity_cm2_s == pytest.approx(TRUTH, rel=0.6)
    assert every_origin.reported_sd_cm2_s_known_too_small < 0.01 * TRUTH
    assert one_origin.diffusivity_cm2_s is not None


def test_record_is_json(result: DiffusionResult) -> None:
    record = json.loads(json.dumps(result.to_dict()))
    assert record["window"]["start_ps"] >= 1.0
    assert record["drift"]["reference"] == "framework (S)"
    assert record["volume_A3"] == pytest.approx(60.0**3)
    assert len(record["msd"]["lag_ps"]) == len(record["msd"]["axes_A2"][0])
    assert "D = " in str(result)


def test_independent_hops_have_haven_ratio_one() -> None:
    rng = np.random.default_rng(8)
    ions = synthetic.lattice_hops(
        rng, n_ions=20, n_frames=10_001, frame_interval_fs=20.0, diffusivity_cm2_s=TRUTH
    )
    charge = analyze(ions).collective
    assert charge is not None
    assert charge.meaningful
    low, high = charge.haven_ratio_interval
    assert low < 1.0 < high


def test_coverage_of_the_interval() -> None:
    """Short form of tests/physics/test_coverage_diffusivity.py."""
    inside = 0
    for seed in range(25):
        ions = synthetic.lattice_hops(
            np.random.default_rng(100 + seed), diffusivity_cm2_s=TRUTH, **RUN
        )
        low, high = analyze(ions, seed).interval_cm2_s
        inside += low <= TRUTH <= high
    # 25 runs at 95 %: 21 or fewer hits have a chance of 3 % (and the seeds are fixed).
    assert inside >= 22


def test_ions_hopping_in_concert_get_a_larger_error(result: DiffusionResult) -> None:
    rng = np.random.default_rng(12)
    pairs = synthetic.lattice_hops(rng, diffusivity_cm2_s=TRUTH, together=4, **RUN)
    found = analyze(pairs)
    concerted = {spread.kind: spread for spread in found.spreads}["concerted"]
    assert concerted.significant
    assert concerted.inflation == pytest.approx(2.0, rel=0.4)
    assert found.ln_sd > 1.3 * found.gls_relative_sd


def test_ions_in_cages_are_refused() -> None:
    for amplitude in (0.4, 1.5):
        ions = synthetic.caged(np.random.default_rng(9), amplitude_A=amplitude, **RUN)
        found = analyze(ions)
        assert not found.diffusive
        assert found.refusal
        assert found.diffusivity_cm2_s is None
        assert found.conductivity_mS_cm is None
        assert found.upper_bound_cm2_s > 0
        assert "not diffusive in this run" in str(found)


def test_few_hops_are_refused_with_a_bound_that_holds() -> None:
    truth = 1.5e-6  # 10 hops of 3 Å in the whole run
    for seed in range(10):
        ions = synthetic.lattice_hops(np.random.default_rng(seed), diffusivity_cm2_s=truth, **RUN)
        found = analyze(ions)
        assert not found.diffusive
        assert found.upper_bound_cm2_s > truth


def test_molten_framework_is_refused(hops: np.ndarray) -> None:
    rng = np.random.default_rng(11)
    melt = synthetic.lattice_hops(rng, diffusivity_cm2_s=TRUTH, **RUN)
    found = diffusivity(
        np.concatenate([hops, melt], axis=1),
        cell=CELL,
        frame_interval_fs=20.0,
        temperature_K=800.0,
        symbols=["Li"] * 20 + ["S"] * 20,
        drift_reference="all",
    )
    assert not found.diffusive
    assert "framework is not solid: S diffuses too" in found.refusal
    assert found.framework[0].verdict == "melted"


def test_no_framework_at_all(hops: np.ndarray) -> None:
    found = diffusivity(
        hops, cell=CELL, frame_interval_fs=20.0, temperature_K=800.0, symbols=["Li"] * 20,
        compare_pymatgen=True,
    )  # fmt: skip
    assert found.diffusive
    assert any("no framework atoms" in text for text in found.warnings)
    assert found.pymatgen[0].diffusivity_cm2_s is None


def test_anisotropic_motion(hops: np.ndarray) -> None:
    channel = hops * np.array([0.0, 0.0, 1.0]) + 0.1 * hops * np.array([1.0, 1.0, 0.0])
    found = analyze(channel, window_ps=(1.0, 10.0), site_distance_A=2.0)
    x, _, z = found.axes
    assert z.diffusivity_cm2_s > 20 * x.diffusivity_cm2_s
    assert found.diffusivity_cm2_s == pytest.approx(z.diffusivity_cm2_s / 3, rel=0.1)


def test_wrapped_input_gives_the_same_number(hops: np.ndarray) -> None:
    positions, symbols = synthetic.with_framework(np.random.default_rng(0), hops)
    cell = np.array([[14.0, 0.0, 0.0], [3.0, 15.0, 0.0], [-2.0, 4.0, 16.0]])
    fractional = positions @ np.linalg.inv(cell)
    wrapped = (fractional - np.floor(fractional)) @ cell
    options: dict[str, Any] = {
        "cell": cell, "frame_interval_fs": 20.0, "temperature_K": 800.0, "symbols": symbols,
    }  # fmt: skip
    with pytest.raises(DataError, match="wrapped"):
        diffusivity(wrapped, **options)
    found = diffusivity(wrapped, wrapped=True, **options)
    # The first frame is folded too, which only shifts the atoms.
    assert found.diffusivity_cm2_s == pytest.approx(analyze(hops).diffusivity_cm2_s, rel=1e-6)


def test_window_given_by_the_user(hops: np.ndarray) -> None:
    found = analyze(hops, window_ps=(2.0, 8.0))
    assert found.window.chosen_by == "user"
    assert found.window.start_ps == pytest.approx(2.0)
    for window in ((5.0, 30.0), (float("nan"), 8.0)):
        with pytest.raises(DataError, match="does not fit a run of 20 ps"):
            analyze(hops, window_ps=window)


def test_bad_input_is_named(hops: np.ndarray) -> None:
    with pytest.raises(ConfigError, match=r"carrier 'Na' does not occur .*Li, S"):
        analyze(hops, carrier="Na")
    with pytest.raises(ConfigError, match="must be positive, got -1"):
        analyze(hops, frame_interval_fs=-1.0)
    with pytest.raises(DataError, match="at least 20 frames, got 5"):
        analyze(hops[:5])
