"""Two sources compared: equal ones are called different in 5 % of the cases, others are found."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from scipy import stats

from lionn_rs.analysis import arrhenius, diffusivity, rdf, synthetic
from lionn_rs.analysis.comparison.permutation import (
    log_ratio,
    permutation_test,
    rdf_difference,
    vibration_amplitude2,
)
from lionn_rs.analysis.comparison.tests import (
    compare_activation,
    compare_diffusivities,
    compare_lines,
    degrees_of_freedom,
    pool_ratios,
)
from lionn_rs.errors import ConfigError, DataError, ShapeError

DOF = 8.0


def result(ln_d: float, ln_sd: float, temperature_K: float = 700.0, dof: float = DOF):
    """What a comparison reads of a result whose error is known to ``dof`` degrees of freedom."""
    half = float(stats.t.ppf(0.975, dof)) * ln_sd
    value = float(np.exp(ln_d))
    return SimpleNamespace(
        temperature_K=temperature_K, diffusivity_cm2_s=value, ln_sd=ln_sd, diffusive=True,
        interval_cm2_s=(value * np.exp(-half), value * np.exp(half)), upper_bound_cm2_s=2.0 * value,
    )  # fmt: skip


def bounded(bound: float):
    return SimpleNamespace(
        temperature_K=700.0, diffusivity_cm2_s=None, ln_sd=None, diffusive=False,
        interval_cm2_s=None, upper_bound_cm2_s=bound,
    )  # fmt: skip


def sampled(rng: np.random.Generator, true: float, sd: float):
    """Value and error as an analysis reports them: the error is an estimate with DOF degrees."""
    return result(true + rng.normal(0.0, sd), sd * np.sqrt(rng.chisquare(DOF) / DOF))


def test_equal_diffusivities_are_called_different_in_five_percent() -> None:
    rng = np.random.default_rng(1)
    n = 2000
    p = [
        compare_diffusivities(sampled(rng, -11.0, 0.3), sampled(rng, -11.0, 0.15)).p_value
        for _ in range(n)
    ]
    # Three standard deviations of the binomial count.
    assert np.mean(np.array(p) < 0.05) == pytest.approx(0.05, abs=3 * np.sqrt(0.05 * 0.95 / n))


def test_the_detectable_ratio_is_found_with_the_stated_power() -> None:
    rng = np.random.default_rng(2)
    sd, n = 0.25, 1500
    # The error known well: the stated power needs no average over errors.
    plain = compare_diffusivities(result(-11.0, sd, dof=1e6), result(-11.0, sd, dof=1e6))
    shift = np.log(plain.detectable_ratio)
    found = 0
    for _ in range(n):
        a = result(-11.0 + shift + rng.normal(0.0, sd), sd, dof=1e6)
        b = result(-11.0 + rng.normal(0.0, sd), sd, dof=1e6)
        found += compare_diffusivities(a, b).p_value < 0.05
    assert found / n == pytest.approx(0.8, abs=3 * np.sqrt(0.8 * 0.2 / n))


def test_interval_and_p_agree_and_swap() -> None:
    a, b = result(-10.0, 0.2), result(-10.5, 0.1)
    ratio, inverse = compare_diffusivities(a, b), compare_diffusivities(b, a)
    assert ratio.ratio == pytest.approx(np.exp(0.5))
    assert ratio.ratio * inverse.ratio == pytest.approx(1.0)
    assert ratio.low * inverse.high == pytest.approx(1.0)
    assert (ratio.p_value < 0.05) == ratio.differs
    # Welch and Satterthwaite by hand.
    assert ratio.dof == pytest.approx(0.05**2 / (0.04**2 / DOF + 0.01**2 / DOF), rel=1e-3)


def test_bounds_say_what_they_can() -> None:
    value = result(-11.0, 0.2)
    low, high = value.interval_cm2_s
    over = compare_diffusivities(bounded(0.5 * low), value)
    assert over.ratio is None
    assert over.low is None
    assert over.high == pytest.approx(0.5)
    assert over.differs
    assert over.confidence == 0.925
    assert not compare_diffusivities(bounded(2.0 * high), value).differs
    assert compare_diffusivities(value, bounded(0.5 * low)).low == pytest.approx(2.0)
    nothing = compare_diffusivities(bounded(1e-6), bounded(1e-7))
    assert nothing.low is None
    assert nothing.high is None
    assert not nothing.differs


def test_different_temperatures_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"700 K and 800 K cannot be compared"):
        compare_diffusivities(result(-11.0, 0.1), result(-11.0, 0.1, 800.0))


def test_pooled_ratio_is_sharper_and_sees_disagreement() -> None:
    temperatures = (600.0, 700.0, 800.0, 900.0)
    same = [
        compare_diffusivities(result(-11.0 + 0.3, 0.2, t), result(-11.0, 0.2, t))
        for t in temperatures
    ]
    pooled = pool_ratios(same)
    assert pooled.ratio == pytest.approx(np.exp(0.3))
    assert pooled.detectable_ratio < same[0].detectable_ratio
    crossing = [
        compare_diffusivities(result(-11.0 + s, 0.1, t), result(-11.0, 0.1, t))
        for s, t in zip((-1.0, -0.3, 0.3, 1.0), temperatures, strict=True)
    ]
    assert pool_ratios(crossing).heterogeneity_p < 0.01
    assert pool_ratios([]) is None


def test_activation_energies_equal_and_different() -> None:
    rng = np.random.default_rng(3)
    temperatures = np.array([600.0, 700.0, 800.0, 900.0, 1000.0])
    beta = 1.0 / (8.617333e-5 * temperatures)

    def line(energy: float):
        noise = rng.normal(0.0, 0.1, len(beta))
        return arrhenius(temperatures, np.exp(-8.0 - energy * beta + noise), np.full(5, 0.1))

    n = 120
    equal = [compare_activation(line(0.25), line(0.25)) for _ in range(n)]
    false = np.mean([found.p_value < 0.05 for found in equal])
    # The errors count as known to ten degrees only: at most 5 %, within the count's error.
    assert false < 0.05 + 3 * np.sqrt(0.05 * 0.95 / n)
    # Twice what is found with 80 % power is found nearly always.
    shift = 2.0 * float(np.median([found.detectable_eV for found in equal]))
    apart = [compare_activation(line(0.25 + shift), line(0.25)) for _ in range(50)]
    assert np.mean([found.p_value < 0.05 for found in apart]) > 0.9
    assert np.mean([found.difference_eV for found in apart]) == pytest.approx(shift, rel=0.1)


def test_lines_are_compared_where_both_have_data() -> None:
    temperatures = np.array([600.0, 800.0, 1000.0])
    hotter = temperatures + 150.0
    beta, hot_beta = (1.0 / (8.617333e-5 * t) for t in (temperatures, hotter))
    a = arrhenius(temperatures, np.exp(-8.0 - 0.25 * beta), np.full(3, 0.1))
    b = arrhenius(hotter, np.exp(-9.0 - 0.25 * hot_beta), np.full(3, 0.1))
    ratio = compare_lines(a, b)
    assert 750.0 < ratio.temperature_K < 1000.0
    assert ratio.ratio == pytest.approx(np.e, rel=1e-6)
    far = arrhenius(temperatures + 1000.0, np.full(3, 1e-5) * [1, 2, 3], np.full(3, 0.1))
    with pytest.raises(DataError, match="do not overlap"):
        compare_lines(a, far)


@pytest.mark.parametrize("dof", [1.0, 3.0, 10.0, 200.0])
def test_degrees_of_freedom_follow_from_the_quantile(dof: float) -> None:
    assert degrees_of_freedom(float(stats.t.ppf(0.975, dof))) == pytest.approx(dof, rel=1e-6)


def test_permutations_hold_their_level_for_several_quantities() -> None:
    rng = np.random.default_rng(4)
    n, single, family = 400, 0, 0
    for _ in range(n):
        shared = rng.normal(size=(10, 1))  # Quantities of the same pieces are correlated.
        columns = [shared + rng.normal(size=(10, 6)) for _ in range(4)]
        tests = permutation_test([c[:3] for c in columns], [c[3:] for c in columns])
        single += tests[0].p_value <= 0.05
        family += min(t.adjusted_p for t in tests) <= 0.05
        assert all(t.adjusted_p >= t.p_value for t in tests)
    bar = 0.05 + 3 * np.sqrt(0.05 * 0.95 / n)
    assert single / n < bar
    assert family / n < bar
    # The level is used, not undercut: 120 arrangements allow p up to 6/120.
    assert single / n > 0.05 - 3 * np.sqrt(0.05 * 0.95 / n)


def test_sampled_arrangements_agree_with_counted_ones(monkeypatch) -> None:
    rng = np.random.default_rng(5)
    a, b = rng.normal(0.5, 1.0, (6, 3)), rng.normal(0.0, 1.0, (7, 3))
    counted = permutation_test([a], [b])[0]
    assert counted.n_arrangements == 1716  # 13 over 6
    monkeypatch.setattr("lionn_rs.analysis.comparison.permutation.MOST_ARRANGEMENTS", 1500)
    sampled = permutation_test([a], [b], seed=1)[0]
    assert sampled.p_value == pytest.approx(counted.p_value, abs=0.04)
    assert sampled.n_arrangements == 1501


def test_what_cannot_be_permuted_is_refused() -> None:
    with pytest.raises(DataError, match="needs more pieces than 1 and 1"):
        permutation_test([np.ones((1, 2))], [np.ones((1, 2))])
    with pytest.raises(ShapeError, match="equally long"):
        permutation_test([np.ones((2, 2))], [np.ones((2, 3))])


def crystal(rng: np.random.Generator, *, a: float, sd_A: float, n_frames: int = 60) -> np.ndarray:
    sites = a * np.array(list(np.ndindex(3, 3, 3)), dtype=float)
    return sites + rng.normal(0.0, sd_A, (n_frames, 27, 3))


def curves(positions: np.ndarray, a: float):
    options = {"cell": 3 * a * np.eye(3), "pair": ("Li", "Li"), "symbols": ["Li"] * 27,
               "r_max": 6.0, "n_bins": 120}  # fmt: skip
    pieces = np.array([rdf(part, n_blocks=1, **options).g for part in np.array_split(positions, 6)])
    return rdf(positions, **options), pieces


@pytest.mark.parametrize(("a", "different"), [(3.2, False), (3.3, True)])
def test_rdf_difference_and_peak_shift(a: float, different: bool) -> None:
    rng = np.random.default_rng(6)
    one, pieces = curves(crystal(rng, a=3.2, sd_A=0.15), 3.2)
    two, others = curves(crystal(rng, a=a, sd_A=0.15), a)
    found = rdf_difference(two, one, test=permutation_test([others], [pieces])[0])
    assert (found.test.adjusted_p < 0.05) == different
    assert found.peak_shift_A == pytest.approx(a - 3.2, abs=4 * found.peak_shift_se_A + 1e-3)
    assert (found.largest > 5 * found.largest_se) == different
    assert rdf_difference(one, one).relative == 0.0
    assert found.integrated_A == pytest.approx(
        np.trapezoid(np.abs(two.g - one.g), one.r_A), rel=0.01
    )


def test_rdfs_of_other_bins_are_refused() -> None:
    one, _ = curves(crystal(np.random.default_rng(7), a=3.2, sd_A=0.1), 3.2)
    with pytest.raises(ConfigError, match="the bins differ"):
        rdf_difference(one, replace(one, r_A=one.r_A + 0.1))
    with pytest.raises(ConfigError, match="Li-S"):
        rdf_difference(one, replace(one, pair=("Li", "S")))


def test_vibration_is_three_variances() -> None:
    rng = np.random.default_rng(8)
    assert vibration_amplitude2(crystal(rng, a=3.0, sd_A=0.2, n_frames=2000)) == pytest.approx(
        3 * 0.2**2, rel=0.02
    )
    assert float(log_ratio(np.array([[2.0]]), np.array([[1.0]]))[0]) == pytest.approx(np.log(2.0))


@pytest.mark.physics
def test_trajectories_of_equal_and_of_different_diffusivity() -> None:
    """The whole chain on simulated hoppers: false alarms about 5 %, a factor of three is found."""

    def analyzed(seed: int, d: float):
        ions = synthetic.lattice_hops(
            np.random.default_rng(seed), n_ions=20, n_frames=2001, frame_interval_fs=20.0,
            diffusivity_cm2_s=d,
        )  # fmt: skip
        return diffusivity(
            ions, cell=30.0 * np.eye(3), symbols=["Li"] * 20, frame_interval_fs=20.0,
            temperature_K=700.0, compare_pymatgen=False,
        )  # fmt: skip

    n = 100
    base = [analyzed(k, 3e-5) for k in range(2 * n)]
    equal = [compare_diffusivities(base[2 * k], base[2 * k + 1]) for k in range(n)]
    false = np.mean([ratio.differs for ratio in equal])  # Some runs give bounds only.
    # Errors are conservative by design: fewer false alarms than 5 % are right, more are not.
    assert false <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / n)
    faster = [analyzed(1000 + k, 9e-5) for k in range(40)]
    found = [compare_diffusivities(x, y) for x, y in zip(faster, base, strict=False)]
    assert np.mean([ratio.differs for ratio in found]) > 0.8
    known = [np.log(ratio.ratio) for ratio in found if ratio.ratio]
    assert len(known) > 0.8 * len(found)
    assert np.exp(np.mean(known)) == pytest.approx(3.0, rel=0.15)
