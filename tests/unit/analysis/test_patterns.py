"""Patterns in energy residuals: rarely found in noise, found where they were put."""

from __future__ import annotations

import numpy as np
import pytest

from lionn_rs.analysis.diagnosis.patterns import energy_structure
from lionn_rs.errors import ShapeError


def noise(seed: int, n: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.normal(-4.1, 0.05, n), rng.normal(scale=2e-3, size=n)


@pytest.mark.parametrize("n", [24, 100])
def test_false_positives_on_white_noise_stay_below_the_level(n):
    n_trials = 150
    hits = sum(
        bool(energy_structure(*noise(seed, n), alpha=0.1, n_permutations=149).patterns)
        for seed in range(n_trials)
    )
    # Bonferroni over five searches: at most the level; three standard errors of 150 trials.
    assert hits / n_trials <= 0.1 + 3 * np.sqrt(0.1 * 0.9 / n_trials)


def test_noise_has_no_structure():
    found = energy_structure(*noise(0, 100))
    assert found.tested
    assert found.patterns == []
    assert found.members == {}
    assert found.runs_energy.p_value > 0.05
    assert found.bias == pytest.approx(0.0, abs=3 * found.bias_error)
    assert found.spread == pytest.approx(2e-3, rel=0.3)


def test_band_among_other_images_is_found_and_its_images_are_listed():
    """As in Fig. 4b of Rao, Yao and Grabow: a minority follows a curve of its own."""
    reference, residuals = noise(1, 400)
    rng = np.random.default_rng(2)
    high = np.flatnonzero(reference > np.quantile(reference, 0.85))
    band = rng.choice(high, len(high) // 2, replace=False)
    residuals[band] = 7e-3 + 0.05 * (reference[band] - reference[high].min())
    found = energy_structure(reference, residuals)
    bands = [p for p in found.patterns if (p.kind, p.order) == ("band", "energy")]
    assert bands
    assert bands[0].residual > 0
    assert bands[0].p_correlated < 0.05
    members = set(bands[0].members)
    assert len(members & set(band.tolist())) >= 0.8 * len(band)
    # Images outside of the band are listed only where noise alone goes that far.
    assert len(members - set(band.tolist())) <= 0.2 * len(high)


def test_spread_and_stretch_in_time():
    reference, residuals = noise(3, 200)
    low = reference < np.quantile(reference, 0.2)
    residuals[low] *= 5
    found = energy_structure(reference, residuals)
    assert ("spread", "energy") in [(p.kind, p.order) for p in found.patterns]
    reference, residuals = noise(4, 200)
    residuals[50:70] -= 6e-3
    stretch = next(p for p in energy_structure(reference, residuals).patterns if p.order == "time")
    assert stretch.kind == "band"
    assert stretch.residual < 0
    assert {*stretch.members} <= {*range(45, 76)}
    assert len(stretch.members) >= 14


def test_outliers_are_listed_with_the_reason():
    reference, residuals = noise(5, 60)
    residuals[[7, 31]] = 0.02, -0.02
    found = energy_structure(reference, residuals)
    assert set(found.members) >= {7, 31}
    assert any("outlier" in str(pattern) for pattern in found.members[7])


def test_trends_with_the_energy():
    reference, residuals = noise(6, 150)
    biased = energy_structure(reference, residuals + 0.03 * (reference + 4.1))
    assert biased.trend.p_value < 1e-4
    assert biased.trend.correlation > 0.3
    growing = energy_structure(reference, residuals * np.exp(12 * (reference + 4.1)))
    assert growing.spread_trend.p_value < 1e-3
    assert growing.trend.p_value > 0.01


def test_few_images_and_equal_residuals_are_not_tested():
    for reference, residuals in (noise(0, 19), (noise(0, 50)[0], np.zeros(50))):
        found = energy_structure(reference, residuals)
        assert not found.tested
        assert found.patterns == []
    assert energy_structure(np.array([-4.0]), np.array([1e-3])).rmse == pytest.approx(1e-3)


def test_same_seed_same_answer():
    first = energy_structure(*noise(8, 60), seed=3, alpha=1.0, n_permutations=99)
    again = energy_structure(*noise(8, 60), seed=3, alpha=1.0, n_permutations=99)
    assert first == again
    assert first.patterns


@pytest.mark.parametrize(
    ("reference", "residuals", "message"),
    [
        (np.zeros(3), np.zeros(4), r"got \(3,\) and \(4,\)"),
        (np.zeros(0), np.zeros(0), "must be"),
        (np.zeros(2), np.array([0.0, np.nan]), "must be finite"),
    ],
)
def test_bad_arrays_are_refused(reference, residuals, message):
    with pytest.raises(ShapeError, match=message):
        energy_structure(reference, residuals)
