"""Compositions compared: against the analysis of variance, exact lines, and known answers."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from lionn_rs.analysis import nernst_einstein
from lionn_rs.analysis.compositions.compare import Composition, compare_compositions
from lionn_rs.analysis.compositions.means import chance_of_largest, replicated_means
from lionn_rs.analysis.compositions.planning import plans
from lionn_rs.errors import ConfigError, DataError, ShapeError
from lionn_rs.units import BOLTZMANN_EV_K

T = np.array([600.0, 700.0, 800.0, 1000.0])
ENERGIES = {"A": 0.30, "B": 0.24, "C": 0.32}
CELL = {"n_carriers": 60, "charge": 1.0, "volume_A3": 2960.0}


def composition(name: str, offsets=(0.0, 0.0), slopes=(0.0, 0.0), **changes) -> Composition:
    """Two seeds of each arrangement, exactly on its line through 1e-7 cm²/s at 300 K."""
    rows = []
    for k, (offset, slope) in enumerate(zip(offsets, slopes, strict=True)):
        for t in T:
            shift = (1 / 300.0 - 1 / t) / BOLTZMANN_EV_K
            value = 1e-7 * np.exp(offset + (ENERGIES[name] + slope) * shift)
            rows += [(t, value, f"a{k}", str(seed)) for seed in (1, 2)]
    temperature, value, arrangement, seed = zip(*rows, strict=True)
    keys = {
        "name": name,
        "temperatures_K": temperature,
        "diffusivities_cm2_s": value,
        "ln_sd": np.full(len(rows), 0.1),
        "arrangements": arrangement,
        "seeds": seed,
        "concentration": float(ord(name) - ord("A")),
    }
    return Composition(**keys, **CELL) if not changes else Composition(**(keys | CELL | changes))


def test_equal_members_give_the_analysis_of_variance():
    """Means, F test, intervals and Tukey's test of scipy, whatever the stated errors."""
    rng = np.random.default_rng(1)
    tables = [rng.normal(center, 0.3, 5) for center in (0.0, 0.4, 0.5)]
    values, group = np.concatenate(tables), np.repeat(np.arange(3), 5)
    found = replicated_means(values, np.full(15, 0.05), group)
    pooled = np.mean([table.var(ddof=1) for table in tables])
    assert found.dof == 12
    np.testing.assert_allclose(found.means, [table.mean() for table in tables])
    np.testing.assert_allclose(found.sd, np.sqrt(pooled / 5), rtol=1e-5)
    assert found.between_sd == pytest.approx(np.sqrt(pooled - 0.05**2), rel=1e-5)
    assert found.p_equal == pytest.approx(stats.f_oneway(*tables).pvalue, rel=1e-4)
    tukey = stats.tukey_hsd(*tables)
    interval = tukey.confidence_interval(0.95)
    for pair in found.pairs:
        place = pair.first, pair.second
        assert pair.adjusted_p == pytest.approx(tukey.pvalue[place], rel=1e-3)
        assert pair.interval == pytest.approx((interval.low[place], interval.high[place]), rel=1e-3)
        assert pair.p_value == pytest.approx(
            stats.ttest_ind_from_stats(
                found.means[place[0]], pooled**0.5, 7, found.means[place[1]], pooled**0.5, 7
            ).pvalue,
            abs=0.05,
        )


def test_errors_larger_than_the_scatter_are_kept():
    found = replicated_means(
        np.array([0.0, 0.01, 0.0, -0.01]), np.full(4, 0.3), np.array([0, 0, 1, 1])
    )
    assert found.between_sd == 0.0
    np.testing.assert_allclose(found.sd, 0.3 / np.sqrt(2))


def test_chance_of_the_larger_of_two_is_student_t():
    found = replicated_means(
        np.array([0.0, 0.4, 0.3, 0.9]), np.full(4, 0.05), np.array([0, 0, 1, 1])
    )
    t = (found.means[1] - found.means[0]) / np.hypot(*found.sd)
    chances = chance_of_largest(found, seed=3)
    # 200,000 draws: standard error 0.001.
    assert chances[1] == pytest.approx(stats.t.cdf(t, found.dof), abs=0.004)
    assert chances.sum() == pytest.approx(1.0)
    assert chance_of_largest(found, seed=3, smallest=True)[0] == pytest.approx(chances[1])


def test_exact_lines_give_their_numbers():
    result = compare_compositions([composition(name) for name in ENERGIES])
    assert result.units == "arrangements"
    for mean in result.means:
        assert mean.activation_energy_eV == pytest.approx(ENERGIES[mean.name])
        assert mean.diffusivity_cm2_s == pytest.approx(1e-7)
        assert mean.conductivity_mS_cm == pytest.approx(
            nernst_einstein(1e-7, temperature_K=300.0, **CELL)
        )
        assert mean.conductivity_between_mS_cm == pytest.approx(
            nernst_einstein(
                1e-7
                * np.exp(ENERGIES[mean.name] * (1 / 300 - 1 / result.between_K) / BOLTZMANN_EV_K),
                temperature_K=result.between_K,
                **CELL,
            )
        )
    assert result.between_K == pytest.approx(1 / np.mean(1 / T))
    assert not result.decided
    assert "not significant" in result.statement()


def test_scatter_of_arrangements_is_the_error_and_not_that_of_runs():
    """Offsets ±0.4 around the same line: two members, standard error 0.4."""
    result = compare_compositions(
        [
            composition("A", (0.4, -0.4)),
            composition("B", (-0.4, 0.4)),
            composition("C", (0.4, -0.4)),
        ]
    )
    low, high = result.means[0].conductivity_interval_mS_cm
    half = stats.t.ppf(0.975, 3) * 0.4
    assert np.log(high / low) / 2 == pytest.approx(half, rel=1e-4)
    quantity = result.quantity("conductivity")
    assert np.hypot(quantity.between_sd, quantity.within_sd) == pytest.approx(
        0.4 * np.sqrt(2), rel=1e-3
    )


def test_a_clear_optimum_is_decided():
    compositions = [
        composition("A", (0.0, 0.02), concentration=0.67),
        composition("B", (2.0, 2.02), concentration=1.33),
        composition("C", (0.1, 0.12), concentration=2.0),
    ]
    tight = [Composition(**{**vars(entry), "ln_sd": np.full(16, 0.01)}) for entry in compositions]
    result = compare_compositions(tight)
    assert result.decided
    assert result.optimum_inside
    assert result.ranked[0].name == "B"
    assert result.ranked[0].chance_of_highest_conductivity > 0.999
    assert "B, between the other concentrations, has the highest" in result.statement()
    assert all(plan.length_factor is None or plan.length_factor > 0 for plan in result.plans)
    assert result.to_dict()["means"][1]["name"] == "B"


def test_one_arrangement_each_makes_seeds_the_replicas():
    entry = {name: composition(name) for name in "AB"}
    one = [
        Composition(**{**vars(e), "arrangements": [""] * 16, "seeds": e.arrangements})
        for e in entry.values()
    ]
    result = compare_compositions(one)
    assert result.units == "seeds"
    assert any("another arrangement may conduct differently" in text for text in result.warnings)
    alone = [Composition(**{**vars(e), "seeds": ["1"] * 16}) for e in one]
    unreplicated = compare_compositions(alone)
    assert unreplicated.plans == ()
    assert any("nothing is replicated" in text for text in unreplicated.warnings)


def test_what_is_left_out_is_counted():
    lone = composition("A", arrangements=["a0"] * 15 + ["a1"], n_refused=3)
    result = compare_compositions([lone, composition("B")])
    assert result.n_left_out == 4
    assert any("4 runs are left out" in text for text in result.warnings)


def test_plans_follow_from_the_two_variances():
    """Twice the runs halve what the runs contribute and leave the arrangements alone."""
    rng = np.random.default_rng(5)
    group = np.repeat(np.arange(3), 4)
    found = replicated_means(0.2 * rng.standard_normal(12), np.full(12, 0.5), group)
    assert found.between_sd < 0.3
    made = {plan.ratio: plan for plan in plans(found, ratios=(1.2, 3.0))}
    tau2, need = found.between_sd**2, stats.t.ppf(1 - 0.025 / 3, 9) + stats.t.ppf(0.8, 9)
    variance = (np.log(3.0) / need) ** 2 / 2 * 4
    assert made[3.0].length_factor == pytest.approx(0.25 / (variance - tau2))
    assert made[1.2].n_units is not None
    assert made[1.2].n_units > made[3.0].n_units


def test_refusals():
    with pytest.raises(ConfigError, match=r"two or more different names, got \['A', 'A'\]"):
        compare_compositions([composition("A"), composition("A")])
    with pytest.raises(ShapeError, match="A: arrays of runs must be equally long"):
        compare_compositions([composition("A", seeds=["1"]), composition("B")])
    with pytest.raises(ConfigError, match="A: values of runs must be positive"):
        compare_compositions([composition("A", ln_sd=np.zeros(16)), composition("B")])
    with pytest.raises(DataError, match="A: no arrangement with diffusive runs at 2 temperatures"):
        compare_compositions([composition("A", temperatures_K=[600.0] * 16), composition("B")])
    with pytest.raises(ConfigError, match="at_K must be positive, got 0"):
        compare_compositions([composition("A"), composition("B")], at_K=0)
