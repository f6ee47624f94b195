"""Radial distribution, van Hove functions and velocity correlation, where the answer is known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import trapezoid
from scipy.stats import maxwell

from lionn_rs import _core
from lionn_rs.analysis import (
    rdf,
    synthetic,
    vacf,
    van_hove_distinct,
    van_hove_self,
    velocities_from_positions,
)
from lionn_rs.errors import ConfigError, DataError
from lionn_rs.units import A2_FS_TO_CM2_S, BOLTZMANN_EV_K, EV_FS2_PER_U_A2

SKEWED = np.array([[9.0, 0.0, 0.0], [4.0, 8.0, 0.0], [-3.0, 2.0, 10.0]])


def cubic(n: int, a: float) -> np.ndarray:
    return a * np.stack(np.meshgrid(*[np.arange(n)] * 3, indexing="ij"), -1).reshape(-1, 3)


def vibrating_crystal(sd: float, n_frames: int = 40) -> np.ndarray:
    sites = cubic(4, 3.0)
    rng = np.random.default_rng(1)
    return sites + sd * rng.standard_normal((n_frames, len(sites), 3))


def test_first_shell_of_a_vibrating_cubic_crystal() -> None:
    result = rdf(
        vibrating_crystal(0.15), cell=12.0 * np.eye(3), pair=("Po", "Po"), symbols=["Po"] * 64
    )
    shell = result.shell
    assert shell is not None
    assert shell.peak_se_A is not None
    assert shell.coordination_se is not None
    # <r> of the pair is a + 2 sd²/a; the peak of g is a little below.
    assert shell.peak_A == pytest.approx(3.0, abs=0.03)
    assert 0.0 < shell.peak_se_A < 0.02
    # Shells at 3.00 and 4.24 Å, each 0.21 Å wide: they overlap a little.
    assert shell.coordination == pytest.approx(6.0, abs=0.1)
    assert shell.minimum_A == pytest.approx(3.6, abs=0.15)
    assert result.n_blocks == 5
    assert np.all(np.isfinite(result.g_se))


def test_shells_of_a_static_crystal_are_6_12_8() -> None:
    result = rdf(
        cubic(3, 3.0), cell=9.0 * np.eye(3), pair=("Po", "Po"), symbols=["Po"] * 27, r_max=6.5
    )
    steps = np.diff(np.interp([3.5, 4.7, 5.5], result.r_A, result.coordination), prepend=0.0)
    np.testing.assert_allclose(steps, [6, 12, 8])
    assert result.shell is not None
    assert result.shell.coordination == 6.0
    assert result.shell.coordination_se is None  # one frame has no error


def test_error_of_the_coordination_number_is_the_spread_of_runs() -> None:
    """Ions on 32 of 64 sites at random, anew in every block: a known binomial spread."""
    values, errors = [], []
    sites = cubic(4, 3.0)
    for seed in range(40):
        rng = np.random.default_rng(seed)
        frames = [
            sites[rng.permutation(64)[:32]] + 0.1 * rng.standard_normal((32, 3)) for _ in range(5)
        ]
        shell = rdf(
            np.array(frames), cell=12.0 * np.eye(3), pair=("Li", "Li"), symbols=["Li"] * 32
        ).shell
        assert shell is not None
        assert shell.coordination is not None
        assert shell.coordination_se is not None
        values.append(shell.coordination)
        errors.append(shell.coordination_se)
    assert np.mean(values) == pytest.approx(6 * 31 / 63, rel=0.02)
    # The spread of 40 runs is known to 11 %, the mean square of 40 errors of 5 blocks to 11 %.
    assert np.sqrt(np.mean(np.square(errors))) == pytest.approx(np.std(values), rel=0.4)


def test_ideal_gas_has_no_structure_and_no_shell() -> None:
    gas = np.random.default_rng(2).uniform(0.0, 1.0, (200, 80, 3)) @ SKEWED
    result = rdf(gas, cell=SKEWED, pair=("Li", "Li"), symbols=["Li"] * 80, n_bins=40)
    outer = result.r_A > 2.0
    # At least 1e4 distinct pairs per bin: 1 %; there are 79 others and not 80.
    np.testing.assert_allclose(result.g[outer], 79 / 80, atol=0.04)
    assert result.shell is None


def test_self_part_of_brownian_motion_is_a_gaussian() -> None:
    rng = np.random.default_rng(3)
    walk = np.cumsum(0.2 * rng.standard_normal((2000, 100, 3)), axis=0)
    result = van_hove_self(
        walk, frame_interval_fs=10.0, species="Li", symbols=["Li"] * 100, lags_ps=[0.05, 0.2],
        r_max=6.0, n_bins=60,
    )  # fmt: skip
    edges = np.linspace(0.0, 6.0, 61)
    for lag, row in zip((5, 20), result.density, strict=True):
        variance = 0.04 * lag
        # The exact mean over a bin, from the distribution function of the Maxwell distribution.
        expected = np.diff(maxwell.cdf(edges, scale=np.sqrt(variance))) / 0.1
        # 10,000 independent displacements at the longer lag: 2 % where the density is highest.
        np.testing.assert_allclose(row, expected, atol=0.02 * expected.max() + 0.01)
    np.testing.assert_allclose(result.msd_A2, 3 * 0.04 * np.array([5, 20]), rtol=0.02)
    np.testing.assert_allclose(result.non_gaussian, 0.0, atol=0.02)
    np.testing.assert_allclose(result.density.sum(axis=1) * 0.1 + result.beyond, 1.0)


def test_hops_are_not_gaussian() -> None:
    ions = synthetic.lattice_hops(
        np.random.default_rng(4), n_ions=50, n_frames=2000, frame_interval_fs=20.0,
        diffusivity_cm2_s=1e-5,
    )  # fmt: skip
    result = van_hove_self(
        ions, frame_interval_fs=20.0, species="Li", symbols=["Li"] * 50, lags_ps=[2.0]
    )
    assert result.non_gaussian[0] > 0.5
    # The second peak is at the hop length.
    far = result.r_A > 2.0
    assert result.r_A[far][result.density[0, far].argmax()] == pytest.approx(3.25, abs=0.2)


def test_distinct_part_of_an_ideal_gas_is_one_and_without_a_lag_it_is_the_rdf() -> None:
    rng = np.random.default_rng(5)
    gas = rng.uniform(0.0, 1.0, (1, 80, 3)) @ SKEWED
    gas = gas + np.cumsum(0.5 * rng.standard_normal((60, 80, 3)), axis=0)
    options = {"cell": SKEWED, "pair": ("Li", "Li"), "symbols": ["Li"] * 80, "n_bins": 40}
    result = van_hove_distinct(gas, frame_interval_fs=10.0, lags_ps=[0.0, 0.1], **options)
    outer = result.r_A > 2.0
    np.testing.assert_allclose(result.g[:, outer], 79 / 80, atol=0.05)
    np.testing.assert_allclose(result.g[0], rdf(gas, **options).g, rtol=1e-12)


def test_a_place_that_is_left_is_filled_when_ions_move_in_a_row() -> None:
    """A chain that shifts by one site: at r = 0 there is exactly one other ion."""
    chain = np.stack([3.0 * np.arange(4), np.full(4, 1.0), np.full(4, 1.0)], axis=1)
    path = np.stack([chain, chain + np.array([3.0, 0.0, 0.0])])
    result = van_hove_distinct(
        path, cell=np.diag([12.0, 9.0, 9.0]), frame_interval_fs=1000.0, pair=("Li", "Li"),
        symbols=["Li"] * 4, lags_ps=[0.0, 1.0], r_max=1.0, n_bins=1,
    )  # fmt: skip
    others = result.g * (4 / 3 * np.pi) * 4 / (12 * 81)
    np.testing.assert_allclose(others[:, 0], [0.0, 1.0])


def oscillators(frequency_THz: float, n_frames: int, dt_fs: float) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(6)
    time = np.arange(n_frames)[:, None, None] * dt_fs / 1000.0
    phase = rng.uniform(0.0, 2 * np.pi, (1, 30, 3))
    angle = 2 * np.pi * frequency_THz * time + phase
    speed = -2 * np.pi * frequency_THz / 1000.0 * np.sin(angle)
    return np.cos(angle), speed


@pytest.mark.parametrize("source", ["velocities", "positions"])
def test_harmonic_oscillator_is_one_line_at_its_frequency(source: str) -> None:
    positions, velocities = oscillators(8.0, 3000, 10.0)
    given = {"velocities": velocities} if source == "velocities" else {"positions": positions}
    result = vacf(frame_interval_fs=10.0, species="Li", symbols=["Li"] * 30, **given)
    expected = np.cos(2 * np.pi * 8.0 * result.lag_ps)
    np.testing.assert_allclose(result.correlation, expected, atol=0.02)
    assert result.peak_frequency_THz == pytest.approx(8.0, abs=0.05)
    assert result.mean_frequency_THz == pytest.approx(8.0, abs=0.05)
    assert trapezoid(result.spectrum, result.frequency_THz) == pytest.approx(1.0)
    above = result.frequency_THz[result.spectrum > 0.5 * result.spectrum.max()]
    # The grid of frequencies is 0.06 THz wide.
    assert np.ptp(above) == pytest.approx(result.resolution_THz, abs=0.13)
    assert abs(result.diffusivity_cm2_s) < 1e-7  # <v²> t_window/3 would be 1e-2


def test_differences_have_the_stated_response() -> None:
    positions, velocities = oscillators(8.0, 3000, 20.0)
    differences = velocities_from_positions(positions, 20.0)
    ratio = np.mean(differences**2) / np.mean(velocities**2)
    assert ratio == pytest.approx(np.sinc(8.0 * 0.02) ** 2, rel=1e-3)


def test_two_lines_keep_their_weights_after_the_correction() -> None:
    """Of velocities with equal power at 4 and 16 THz, 20 fs apart."""
    time = np.arange(5000) * 0.02
    phases = np.random.default_rng(7).uniform(0, 2 * np.pi, (2, 1, 20, 3))
    positions = sum(
        np.cos(2 * np.pi * f * time[:, None, None] + phase) / f
        for f, phase in zip((4.0, 16.0), phases, strict=True)
    )
    result = vacf(frame_interval_fs=20.0, species="Li", symbols=["Li"] * 20, positions=positions)
    low = result.frequency_THz < 10.0
    share = trapezoid(result.spectrum[low], result.frequency_THz[low])
    assert share == pytest.approx(0.5, abs=0.02)


def test_langevin_velocities_give_temperature_and_diffusivity() -> None:
    """Ornstein-Uhlenbeck velocities: D = <v²> tau, kinetic energy 3/2 kT."""
    temperature, mass, tau = 600.0, 6.94, 100.0
    sd = np.sqrt(BOLTZMANN_EV_K * temperature * EV_FS2_PER_U_A2 / mass)
    speed = synthetic.vibration(
        np.random.default_rng(8), (20_000, 20, 3), sd_A=float(sd), correlation_frames=tau / 10.0
    )
    result = vacf(
        frame_interval_fs=10.0, species="Li", symbols=["Li"] * 20, velocities=speed,
        temperature_K=temperature,
    )  # fmt: skip
    assert result.kinetic_share == pytest.approx(1.0, abs=0.01)
    expected = float(sd) ** 2 * tau * A2_FS_TO_CM2_S
    assert abs(result.diffusivity_cm2_s - expected) < 4 * result.diffusivity_se_cm2_s
    assert result.diffusivity_se_cm2_s < 0.1 * expected


def test_sparse_frames_are_refused_or_named() -> None:
    positions, velocities = oscillators(8.0, 1000, 40.0)
    options = {"species": "Li", "symbols": ["Li"] * 30}
    with pytest.raises(DataError, match="100 fs apart, differences of positions need 50 fs"):
        vacf(frame_interval_fs=100.0, positions=positions, **options)
    result = vacf(frame_interval_fs=40.0, positions=positions, **options)
    assert "above 12 THz" in result.warnings[0]
    with pytest.raises(ConfigError, match="either velocities or positions"):
        vacf(frame_interval_fs=10.0, **options)
    with pytest.raises(DataError, match="at least 5 windows"):
        vacf(frame_interval_fs=10.0, velocities=velocities, window_ps=3.0, **options)


def test_core_refuses_what_does_not_fit() -> None:
    path = np.zeros((4, 2, 3))
    atoms = np.array([0, 1], dtype=np.uint64)
    with pytest.raises(ConfigError, match="lag of 4 frames"):
        _core.van_hove_self(path, atoms, np.array([4], dtype=np.uint64), 1.0, 5)
    with pytest.raises(ConfigError, match="lag of 1 ps does not fit 4 frames"):
        van_hove_self(path, frame_interval_fs=10.0, species="Li", symbols=["Li"] * 2, lags_ps=[1.0])
    with pytest.raises(ConfigError, match=r"no Na atoms \(there are Li\)"):
        van_hove_self(path, frame_interval_fs=10.0, species="Na", symbols=["Li"] * 2)
    with pytest.raises(ConfigError, match="no frames"):
        rdf(path[:0], cell=np.eye(3), pair=("Li", "Li"), symbols=["Li"] * 2)
