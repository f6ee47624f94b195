from __future__ import annotations

import numpy as np
import pytest
from ase.build import bulk

from lionn_rs._core import LennardJones
from lionn_rs.errors import DataError
from lionn_rs.md import Protocol, Trajectory, run_md
from lionn_rs.plots.md import blocks, plot_conserved, plot_temperature


@pytest.fixture(scope="module")
def runs() -> list[Trajectory]:
    argon = bulk("Ar", "fcc", a=5.3, cubic=True).repeat(2)
    lj = LennardJones(epsilon=0.0104, sigma=3.4, onset=5.5, cutoff=7.0)
    common = {"start_temperature_K": 20, "heating_ps": 1, "equilibration_ps": 0.5}
    return [
        run_md(
            lj, argon, Protocol(temperature_K=t, production_ps=4, **common), progress=False
        ).trajectory
        for t in (40.0, 60.0)
    ]


def test_temperature_and_plot_conserved(runs: list[Trajectory]) -> None:
    trace = plot_temperature(runs).axes[0]
    # Two curves and their targets; a run of 2750 steps has 276 rows.
    assert len(trace.lines) == 4
    assert len(trace.lines[0].get_xdata()) == 276
    assert np.asarray(trace.lines[1].get_ydata())[-1] == 40
    assert [text.get_text() for text in trace.get_legend().get_texts()] == ["60 K", "40 K"]
    conserved = plot_conserved(runs[0]).axes[0]
    values = np.asarray(conserved.lines[0].get_ydata())
    assert values[0] == 0
    assert np.abs(values).max() < 0.02


def test_long_tables_are_averaged_in_blocks() -> None:
    x = np.arange(10_000.0)
    means, _ = blocks(x, x, 600)
    assert len(means) == 588
    assert means[0] == 8


def test_a_run_without_rows_is_refused(runs: list[Trajectory]) -> None:
    empty = {name: column[:0] for name, column in runs[0].thermo.items()}
    run = Trajectory(
        runs[0].cell,
        runs[0].pbc,
        runs[0].numbers,
        runs[0].masses,
        runs[0].step,
        runs[0].time_fs,
        runs[0].metadata,
        table=empty,
    )
    with pytest.raises(DataError, match="no run with a row"):
        plot_temperature(run)
