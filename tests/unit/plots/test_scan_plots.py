"""Figures of a scan show means, spreads, the front and the choice."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lionn_rs.errors import DataError
from lionn_rs.plots.scan import pareto_front, plot_pareto, plot_scan_errors
from lionn_rs.workflows.scan.results import ScanResult
from tests.unit.workflows.scan_example import large_result, member


def result(*members) -> ScanResult:
    return ScanResult(list(members), Path("runs/scan"))


def test_one_column_per_descriptor_and_one_row_per_quantity():
    figure = plot_scan_errors(
        result(
            member("A", (5, 5), 1, force=0.10),
            member("A", (5, 5), 2, force=0.14),
            member("A", (9,), 1, force=0.08),
            member("B", (5, 5), 1, force=0.12),
        )
    )
    force_a, force_b, energy_a, _ = figure.axes
    assert [force_a.get_title(), force_b.get_title()] == ["A", "B"]
    assert [text.get_text() for text in energy_a.get_xticklabels()] == ["(5,5)", "(9)"]
    # training, validation, test; points are means, bars one standard deviation to each side
    _, validation, _ = force_a.containers
    assert validation.lines[0].get_ydata() == pytest.approx([120, 80])
    (first, second) = validation.lines[2][0].get_segments()
    assert np.ptp(first[:, 1]) == pytest.approx(2 * 40 / np.sqrt(2))
    assert np.ptp(second[:, 1]) == 0
    assert "meV/Å" in force_a.get_ylabel()
    assert "meV/atom" in energy_a.get_ylabel()


def test_one_topology_gives_one_panel_of_descriptors():
    figure = plot_scan_errors(result(*(member(name) for name in "ABC")))
    force, _ = figure.axes
    assert force.get_title() == "(5,5)"
    assert [text.get_text() for text in figure.axes[1].get_xticklabels()] == ["A", "B", "C"]


def test_energies_alone_have_one_row():
    (axes,) = plot_scan_errors(result(member(force=None))).axes
    assert "energy" in axes.get_ylabel()


def test_errors_of_different_size_have_a_logarithmic_axis():
    near = plot_scan_errors(result(member("A", force=0.1), member("B", force=0.2))).axes[0]
    far = plot_scan_errors(result(member("A", force=0.1), member("B", force=0.9))).axes[0]
    assert (near.get_yscale(), far.get_yscale()) == ("linear", "log")


@pytest.mark.parametrize(
    ("costs", "errors", "front"),
    [
        ([3, 1, 2], [1, 3, 2], [1, 2, 0]),
        ([1, 2, 3], [1, 1, 1], [0]),
        ([1, 1, 2], [3, 2, 2], [1]),
        ([5], [5], [0]),
    ],
)
def test_front_is_what_nothing_beats(costs, errors, front):
    assert pareto_front(costs, errors) == front


def test_front_and_choice_are_marked():
    figure = plot_pareto(
        result(
            member("A", force=0.30, us_per_atom=10),
            member("B", force=0.20, us_per_atom=20, loss=0.01),
            member("C", force=0.25, us_per_atom=30),
        )
    )
    (axes,) = figure.axes
    lines = {line.get_label(): line for line in axes.lines}
    assert lines["lowest validation loss"].get_xydata() == pytest.approx(np.array([[20, 220]]))
    assert lines["front"].get_xydata()[1:-1] == pytest.approx(
        np.array([[10, axes.get_ylim()[1]], [10, 330], [20, 330], [20, 220]])
    )
    bold = [text for text in axes.texts if text.get_fontweight() == "bold"]
    assert sorted(text.xy[0] for text in bold) == [10, 20]
    names = [text.get_text() for text in axes.get_legend().get_texts()]
    assert names == ["A", "B", "C", "lowest validation loss", "front"]
    assert axes.get_ylabel() == "test force RMSE / (meV/Å)"


def test_labels_do_not_overlap():
    figure = plot_pareto(large_result())
    (axes,) = figure.axes
    boxes = [text.get_window_extent() for text in axes.texts]
    assert len(boxes) > 20
    assert not any(a.overlaps(b) for k, a in enumerate(boxes) for b in boxes[:k])


def test_without_test_set_the_axis_says_validation():
    (axes,) = plot_pareto(result(member(test=False))).axes
    assert axes.get_ylabel() == "validation force RMSE / (meV/Å)"
    (axes,) = plot_pareto(result(member(force=None))).axes
    assert axes.get_ylabel() == "test energy RMSE / (meV/atom)"


def test_nothing_to_draw_is_an_error():
    with pytest.raises(DataError, match="no member of the scan has finished"):
        plot_scan_errors(result())
    with pytest.raises(DataError, match="no member has been timed"):
        plot_pareto(result(member(us_per_atom=None)))
