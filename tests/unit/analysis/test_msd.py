"""The MSD, its covariance and the collective displacement."""

from __future__ import annotations

import numpy as np
import pytest

from lionn_rs import _core
from lionn_rs.analysis import collective_msd, msd, msd_by_species, synthetic
from lionn_rs.analysis.transport.gls import choose_lags, fit_line, hop_length, msd_covariance
from lionn_rs.errors import ConfigError, ShapeError


def direct(positions: np.ndarray) -> np.ndarray:
    n = len(positions)
    result = np.zeros((3, n))
    for lag in range(1, n):
        result[:, lag] = np.mean((positions[lag:] - positions[:-lag]) ** 2, axis=(0, 1))
    return result


def test_fft_equals_the_definition() -> None:
    rng = np.random.default_rng(1)
    positions = 1e3 + np.cumsum(rng.standard_normal((150, 6, 3)), axis=0)
    np.testing.assert_allclose(msd(positions)[0], direct(positions), rtol=1e-9, atol=1e-9)
    species = msd_by_species(positions, np.array(["Li", "S", "Li", "S", "S", "P"]))
    assert sorted(species) == ["Li", "P", "S"]
    np.testing.assert_allclose(species["Li"], direct(positions[:, [0, 2]]), rtol=1e-9, atol=1e-9)


def test_groups_and_bad_input() -> None:
    positions = np.random.default_rng(2).standard_normal((20, 3, 3))
    np.testing.assert_allclose(
        msd(positions, [-1, 0, -1])[0], direct(positions[:, [1]]), atol=1e-10
    )
    with pytest.raises(ConfigError, match="group 0 has no atoms"):
        msd(positions, [1, 1, 1])
    with pytest.raises(ShapeError, match=r"\(n_frames, n_atoms, 3\)"):
        msd(np.zeros((4, 3)))


def test_ions_moving_as_one_have_m_times_the_charge_diffusivity() -> None:
    rng = np.random.default_rng(3)
    one = np.cumsum(rng.standard_normal((100, 1, 3)), axis=0)
    together = np.repeat(one, 5, axis=1)
    np.testing.assert_allclose(collective_msd(together, np.ones(5)), 5 * msd(one)[0], rtol=1e-9)


def test_bound_pairs_of_opposite_charge_carry_no_current() -> None:
    pair = np.repeat(np.cumsum(np.random.default_rng(4).standard_normal((50, 1, 3)), axis=0), 2, 1)
    assert np.abs(collective_msd(pair, [1.0, -1.0])).max() < 1e-9
    with pytest.raises(ConfigError, match="all charges are zero"):
        collective_msd(pair, [0.0, 0.0])


def test_covariance_of_brownian_motion_is_that_of_many_runs() -> None:
    n_frames, n_runs, n_ions = 200, 3000, 1
    lags = np.array([5, 20, 60, 100])
    rng = np.random.default_rng(5)
    walks = np.cumsum(rng.standard_normal((n_frames, n_runs, 3)), axis=0)
    per_run = _core.msd_per_atom(
        walks, np.arange(n_runs, dtype=np.uint64), lags.astype(np.uint64)
    ).sum(axis=2)
    exact = np.tile(np.arange(n_frames, dtype=float), (3, 1))
    predicted = msd_covariance(exact, np.ones(3), lags, n_particles=n_ions, hop_length_A=0.0)
    observed = np.cov(per_run.T)
    # Standard error of a variance from 3000 runs of a skewed quantity: about 4 %.
    np.testing.assert_allclose(observed, predicted, rtol=0.15)


def test_continuum_limit_is_the_published_formula() -> None:
    """``(2/3)(6D)² (t_i² t_j - t_i³/3)/(NT) + a² 6D t_i t_j/(NT)``."""
    n_frames, a, n = 50_000, 3.0, 7
    lags = np.array([50, 120])
    curve = np.tile(0.2 * np.arange(n_frames, dtype=float), (3, 1))
    found = msd_covariance(curve, np.full(3, 0.2), lags, n_particles=n, hop_length_A=a)
    slope, (ti, tj) = 0.6, lags.astype(float)
    expected = 2 / 3 * slope**2 * (ti**2 * tj - ti**3 / 3) + a**2 * slope * ti * tj
    assert found[0, 1] == pytest.approx(expected / (n * n_frames), rel=5e-3)


def test_line_through_exact_data() -> None:
    lags = choose_lags(10, 100)
    curve = np.stack([0.1 * np.arange(300) + 0.5, 0.2 * np.arange(300) + 0.1, 0.0 * np.arange(300)])
    fit = fit_line(curve, lags, n_particles=10, hop_length_A=3.0)
    assert fit.slope == pytest.approx(0.3)
    assert fit.intercept == pytest.approx(0.6)
    assert abs(fit.curvature_z) < 1e-3
    # The hop term sets a floor: 1/sqrt(number of hops).
    assert fit.slope_sd / fit.slope > np.sqrt(9.0 / (0.3 * 10 * 300)) * 0.99


def test_hop_length_from_the_fourth_cumulant() -> None:
    rng = np.random.default_rng(6)
    ions = synthetic.lattice_hops(
        rng, n_ions=200, n_frames=2000, frame_interval_fs=20.0, diffusivity_cm2_s=3e-5
    )
    lags = np.array([50, 80], dtype=np.uint64)
    moments = _core.displacement_moments(ions, np.arange(200, dtype=np.uint64), lags)
    assert hop_length(moments, 3e-5 * 6 * 10 * 20.0 * lags) == pytest.approx(3.25, rel=0.08)
    walk = np.cumsum(0.2 * rng.standard_normal((2000, 200, 3)), axis=0)
    moments = _core.displacement_moments(walk, np.arange(200, dtype=np.uint64), lags)
    assert hop_length(moments, 3 * 0.04 * lags.astype(float)) < 1.0
