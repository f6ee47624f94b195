"""The factor of the spread on made-up errors whose size is known."""

from __future__ import annotations

import numpy as np
import pytest

import lionn_rs as lionn
from lionn_rs.errors import DataError
from lionn_rs.plots.committee import calibration
from lionn_rs.training.calibration import Agreement, SpreadErrors, fit_scale


def made_up(
    n_members: int, n_components: int, factor: float, n: int = 4000, seed: int = 1
) -> SpreadErrors:
    """Members scatter by s, which differs from prediction to prediction; errors by factor·s."""
    rng = np.random.default_rng(seed)
    size = rng.lognormal(sigma=0.6, size=(n, 1))
    members = size[..., None] * rng.normal(size=(n, n_components, n_members))
    spread = np.sqrt(np.mean(members.var(axis=2, ddof=1), axis=1))
    error = factor * size * rng.normal(size=(n, n_components))
    return SpreadErrors(spread, error, dof=n_components * (n_members - 1))


@pytest.mark.parametrize(
    ("n_members", "n_components"), [(2, 1), (4, 1), (6, 1), (10, 1), (2, 3), (3, 3), (5, 3)]
)
def test_factor_is_found_for_any_number_of_members(n_members: int, n_components: int) -> None:
    """Without the correction for few members it would be 30 % too large for 6 members and one
    component, 22 % for 3 members and three."""
    pairs = made_up(n_members, n_components, factor=2.5)
    tolerance = 0.1 if pairs.dof <= 5 else 0.05
    assert fit_scale(pairs) == pytest.approx(2.5, rel=tolerance)


def test_agreement_of_a_perfect_and_of_a_wrong_spread() -> None:
    pairs = made_up(30, 3, factor=1.0)
    right, wrong = Agreement.of(pairs), Agreement.of(pairs.scaled(0.5))
    assert right.ence < 0.05
    assert wrong.ence == pytest.approx(1.0, abs=0.05)
    assert right.within_1 == pytest.approx(0.683, abs=0.02)
    assert right.within_2 == pytest.approx(0.954, abs=0.01)
    assert right.rank_correlation == wrong.rank_correlation > 0.5
    assert right.rmse == pytest.approx(right.rms_spread, rel=0.05)


def test_bins_hold_all_predictions_once() -> None:
    pairs = SpreadErrors(np.arange(1.0, 24.0), np.arange(1.0, 24.0)[:, None], dof=9)
    spread, error = pairs.bins()
    assert len(spread) == 4
    np.testing.assert_array_equal(spread, error)
    assert np.all(np.diff(spread) > 0)


def test_equal_members_give_no_factor() -> None:
    with pytest.raises(DataError, match="are the members different"):
        fit_scale(SpreadErrors(np.zeros(5), np.ones((5, 1)), dof=9))
    with pytest.raises(DataError, match="no images"):
        lionn.training.spread_errors(None, [])  # type: ignore[arg-type]


def test_figure_shows_both_lines() -> None:
    pairs = {"force": made_up(4, 3, 2.0, n=300), "energy": made_up(4, 1, 2.0, n=40)}
    figure = calibration(pairs, {"force": 2.0, "energy": 1.0}, name="test")
    force, energy = figure.axes
    labels = [line.get_label() for line in force.get_lines()]
    assert any(str(label).startswith("times 2.00, ENCE") for label in labels)
    assert not any("times" in str(line.get_label()) for line in energy.get_lines())
    assert force.get_xscale() == force.get_yscale() == "log"
    with pytest.raises(DataError, match="spread is zero"):
        calibration({"force": SpreadErrors(np.zeros(5), np.ones((5, 3)), 9)}, {"force": 1.0})
