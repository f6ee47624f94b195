"""Which error is reported, and the pieces it is made of."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from lionn_rs.analysis import diffusivity, synthetic
from lionn_rs.analysis.transport.excess import excess
from lionn_rs.analysis.transport.gls import LineFit, _factorize
from lionn_rs.analysis.transport.resampling import SpreadError, run_spread
from lionn_rs.analysis.transport.uncertainty import SELECTED, Run, reported_error, upper_bound
from lionn_rs.analysis.transport.window import CERTAIN_CURVATURE, choose_window
from lionn_rs.errors import DataError

Z95 = stats.norm.ppf(0.975)


def line(*, sd: float = 0.1, change: float = 0.0) -> LineFit:
    return LineFit(
        lags=np.array([50, 100]),
        slope=1.0,
        slope_sd=sd,
        intercept=0.0,
        intercept_sd=0.0,
        weights=np.array([-0.02, 0.02]),
        covariance=np.eye(2),
        curvature_z=0.0,
        slope_change=change,
    )


def spread(kind: str, n: int, ratio: float, *, significant: bool = False) -> SpreadError:
    return SpreadError(
        kind=kind,
        n=n,
        relative_sd=0.1 * ratio,
        predicted_relative_sd=0.1,
        significant=significant,
    )


def test_without_spreads_the_analytic_error_is_reported() -> None:
    method, ln_sd, half = reported_error(line(), (), straight=True)
    assert method == "gls"
    assert (ln_sd, half) == pytest.approx((0.1, 0.1 * Z95))


def test_excess_of_ions_and_of_concert_adds_up() -> None:
    spreads = (spread("ions", 20, 1.5), spread("concerted", 39, 2.0))
    method, ln_sd, half = reported_error(line(), spreads, straight=True)
    both = excess(1.5**2, 19).plus(excess(2.0**2, 1.5 * 39))
    assert method == "concerted"
    assert (ln_sd, half) == pytest.approx((0.1 * both.sd, 0.1 * both.half_width))
    # 1 + 1.25 + 3 times the variance, less what the few degrees of freedom leave to chance.
    assert ln_sd == pytest.approx(0.1 * np.sqrt(5.25), rel=0.1)


def test_ions_that_spread_as_computed_hardly_widen_the_interval() -> None:
    spreads = (spread("ions", 20, 1.0), spread("blocks", 6, 1.0), spread("concerted", 39, 1.0))
    method, ln_sd, half = reported_error(line(), spreads, straight=True)
    assert method == "gls"
    assert 0.1 < ln_sd < 0.105
    assert 0.1 * Z95 < half < 0.105 * Z95


def test_blocks_count_where_they_exceed_what_concert_explains() -> None:
    quiet = reported_error(line(), (spread("concerted", 39, 2.0),), straight=True)
    explained = (spread("blocks", 6, 2.0), spread("concerted", 39, 2.0))
    assert reported_error(line(), explained, straight=True) == quiet
    slow = (spread("blocks", 6, 6.0), spread("concerted", 39, 2.0))
    method, ln_sd, half = reported_error(line(), slow, straight=True)
    assert method == "blocks"
    assert ln_sd > 2.0 * quiet[1]
    # Six blocks leave the error itself uncertain: the quantile is that of a wide t.
    assert half > 2.2 * ln_sd


def test_runs_that_differ_widen_the_interval() -> None:
    same = reported_error(line(), (spread("ions", 80, 1.0), spread("runs", 4, 1.0)), straight=True)
    apart = reported_error(line(), (spread("ions", 80, 1.0), spread("runs", 4, 3.0)), straight=True)
    assert same[0] == "gls"
    assert apart[0] == "runs"
    assert apart[2] > 2.0 * same[2]


def test_a_bent_line_adds_half_of_its_change_of_slope() -> None:
    method, ln_sd, half = reported_error(line(change=-0.3), (), straight=False)
    assert method == "gls+curvature"
    assert ln_sd == pytest.approx(np.hypot(0.1, 0.15))
    assert half == pytest.approx(Z95 * ln_sd)


def test_bound_of_a_run_without_hops_is_that_of_none_seen() -> None:
    """No motion at all: three hops of all ions may have been missed in 95 % of cases."""
    run = Run(
        relative=np.zeros((1001, 20, 3)),
        names=np.full(20, "Li"),
        carriers=np.arange(20),
        curves={},
        interval_fs=20.0,
        site=3.0,
        given_hop=None,
        carrier="Li",
    )
    three_hops = 3.0 * 9.0 / (20 * 1000) * run.to_cm2_s
    assert upper_bound(np.zeros((3, 1001)), run, None) == pytest.approx(three_hops)
    # Many hops: the bound approaches the value times exp(z RSD).
    curve = np.tile(0.5 * np.arange(1001.0), (3, 1))
    hops = 20 * 1.5 * 1000 / 9.0
    events = 1.0 / (4.0 / 9.0 * 500 / (20 * 501) + 1.0 / hops)
    expected = 1.5 * np.exp(stats.norm.ppf(SELECTED) / np.sqrt(events)) * run.to_cm2_s
    assert upper_bound(curve, run, None) == pytest.approx(expected, rel=0.05)


def test_windows_move_only_for_certain_curvature() -> None:
    """A run that is bent by chance keeps its window; rattling in a large cage moves it."""
    rng = np.random.default_rng(5)
    starts, bends = [], []
    for _ in range(40):
        ions = synthetic.lattice_hops(
            rng, n_ions=20, n_frames=501, frame_interval_fs=20.0, diffusivity_cm2_s=2e-4
        )
        result = diffusivity(
            ions,
            cell=100 * np.eye(3),
            frame_interval_fs=20.0,
            temperature_K=800.0,
            symbols=["Li"] * 20,
        )
        starts.append(result.window.start_ps)
        bends.append(abs(result.window.curvature_z))
    # All start at 1 ps, although two in forty are bent by more than two standard deviations.
    assert np.mean(np.array(starts) < 1.01) > 0.9
    assert max(bends) < CERTAIN_CURVATURE + 1.0


def test_spread_between_runs() -> None:
    """Ions of a run that move alike, runs that differ: slopes 1 and 3 around 2."""
    time = np.arange(201.0)
    positions = np.zeros((201, 4, 3))
    positions[:, :2, 0] = time[:, None]
    positions[:, 2:, 0] = np.sqrt(3.0) * time[:, None]
    lags = np.array([1, 2])
    fit = LineFit(
        lags=lags,
        slope=2.0,
        slope_sd=0.1,
        intercept=0.0,
        intercept_sd=0.0,
        weights=np.array([1.0, 0.0]),
        covariance=np.eye(2),
        curvature_z=0.0,
        slope_change=0.0,
    )
    found = run_spread(positions, np.arange(4), fit, n_runs=2)
    assert found is not None
    # Standard deviation of (1, 3) is sqrt(2), of their mean 1.
    assert found.relative_sd == pytest.approx(0.5)
    assert found.dof == 1
    assert found.significant
    assert run_spread(positions, np.arange(4), fit, n_runs=1) is None


def test_covariance_that_is_barely_indefinite_is_still_factorized() -> None:
    matrix = np.ones((3, 3)) + 1e-6 * np.diag([1.0, -2.0, 1.0])
    assert np.linalg.eigvalsh(matrix).min() < -1e-7
    factor, lower = _factorize(matrix)
    assert lower
    np.testing.assert_allclose(np.tril(factor) @ np.tril(factor).T, matrix, atol=1e-4)
    with pytest.raises(DataError, match="not positive definite"):
        _factorize(np.diag([1.0, -1.0]))


def test_window_shorter_than_its_first_lag_is_refused_with_the_numbers() -> None:
    curve = np.tile(np.linspace(0.0, 10.0, 80), (3, 1))
    choice = choose_window(curve, 20.0, n_particles=10, site_distance_A=3.0)
    assert choice.line is None
    assert "a run of 1.6 ps is too short" in choice.refusal
    assert "from 1 ps" in choice.refusal
