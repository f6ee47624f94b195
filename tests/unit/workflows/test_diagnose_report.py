"""Wording of the diagnosis report."""

from __future__ import annotations

import pytest

from lionn_rs.workflows.diagnose.report import _order_tests


@pytest.mark.parametrize(("n_runs", "remark"), [(20, "alike"), (60, "in opposite directions")])
def test_few_and_many_runs_mean_opposite_things(n_runs, remark):
    runs = {"n_runs": n_runs, "expected_runs": 40.0, "p_value": 1e-3}
    trend = {"correlation": 0.1, "p_value": 0.4}
    structure = {
        "runs_energy": runs,
        "runs_energy_correlated": 0.01,
        "runs_time": runs,
        "trend": trend,
        "spread_trend": trend,
    }
    notes = {title: note for title, _, _, note in _order_tests(structure)}
    assert notes["runs in the order of the images"] == f": neighbors in time err {remark}"
