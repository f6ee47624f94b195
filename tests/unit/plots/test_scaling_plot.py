"""The scaling figure shows all numbers of threads and the paper beside them."""

from __future__ import annotations

import pytest

from lionn_rs.errors import DataError
from lionn_rs.plots.scaling import PAPER_SECONDS, plot_scaling
from lionn_rs.workflows.benchmark.run import Case


def case(n_atoms: int, n_threads: int) -> Case:
    step = {"least_s": 1e-5 * n_atoms / n_threads}
    return Case(n_atoms, (1, 1, 1), n_threads, {"md_step": step})


def test_one_line_per_number_of_threads_and_the_paper():
    figure = plot_scaling([case(n, k) for k in (1, 2) for n in (400, 50)], machine="a machine")
    (axes,) = figure.axes
    one, two, paper, slope = axes.lines
    assert one.get_xydata().tolist() == [[50, 5e-4], [400, 4e-3]]
    assert two.get_xydata().tolist() == [[50, 2.5e-4], [400, 2e-3]]
    assert paper.get_xydata().tolist() == [[50, PAPER_SECONDS]]
    (x0, y0), (x1, y1) = slope.get_xydata()
    assert y1 / y0 == pytest.approx(x1 / x0)
    assert axes.get_xscale() == axes.get_yscale() == "log"
    assert axes.get_title(loc="left") == "a machine"


def test_nothing_to_draw_is_an_error():
    with pytest.raises(DataError, match="no case has steps"):
        plot_scaling([Case(50, (1, 1, 1), 1, {"md_step": None})])
