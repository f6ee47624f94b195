"""Figures of structure and mechanism are drawn, also where there is little to draw."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lionn_rs.analysis import (
    ion_density,
    jumps,
    rdf,
    sites_from_coordinates,
    synthetic,
    vacf,
    van_hove_distinct,
    van_hove_self,
)
from lionn_rs.errors import DataError
from lionn_rs.plots import style
from lionn_rs.plots.density import plot_density
from lionn_rs.plots.jumps import plot_jump_network, plot_jump_statistics
from lionn_rs.plots.rdf import plot_rdf
from lionn_rs.plots.vacf import plot_vacf
from lionn_rs.plots.van_hove import plot_van_hove

A = 3.25
CELL = np.array([[3 * A, 0.0, 0.0], [A, 3 * A, 0.0], [0.0, 0.0, 3 * A]])
LATTICE = np.array(list(np.ndindex(3, 3, 3))) / 3.0
FRAMEWORK = (LATTICE + 1 / 6) @ CELL


def hoppers(diffusivity_cm2_s: float) -> np.ndarray:
    rng = np.random.default_rng(1)
    ions = synthetic.lattice_hops(
        rng, n_ions=9, n_frames=600, frame_interval_fs=20.0, diffusivity_cm2_s=diffusivity_cm2_s
    )
    # On the corners of the cubic lattice; the cell of the picture is skewed.
    return ions + LATTICE[rng.permutation(27)[:9]] @ (3 * A * np.eye(3))


def test_network_shows_paths_of_jumps_only(tmp_path: Path) -> None:
    sites = sites_from_coordinates(LATTICE @ (3 * A * np.eye(3)) @ np.linalg.inv(CELL), cell=CELL)
    for diffusivity, lines in ((5e-5, True), (1e-12, False)):
        result = jumps(
            hoppers(diffusivity), cell=CELL, symbols=["Li"] * 9, frame_interval_fs=20.0,
            sites=sites, min_residence_fs=0.0,
        )  # fmt: skip
        figure = plot_jump_network(result, framework=FRAMEWORK, title="test")
        paths = [c for c in figure.axes[0].collections if hasattr(c, "get_segments")]
        assert bool(paths) == lines
        style.save(figure, tmp_path / "network.png")
        statistics = plot_jump_statistics(result)
        counts = [bar.get_height() for bar in statistics.axes[0].patches]
        assert sum(counts) == result.n_jumps
        style.save(statistics, tmp_path / "statistics.svg")


def test_density_is_drawn_along_three_vectors(tmp_path: Path) -> None:
    result = ion_density(hoppers(5e-5), cell=CELL, species="Li", symbols=["Li"] * 9, smearing_A=0.3)
    figure = plot_density(result, framework=FRAMEWORK, symbols=["S"] * 27)
    assert [ax.get_title() for ax in figure.axes[:3]] == ["along a", "along b", "along c"]
    n_a, n_b, _ = result.values.shape
    image = figure.axes[2].collections[0].get_array()
    assert image is not None
    seen = np.asarray(image).reshape(n_a + 1, n_b + 1)
    # Ions per area times the area of the cell seen along c; the last row and column repeat.
    assert seen[:-1, :-1].mean() * (3 * A) ** 2 == pytest.approx(9.0)
    np.testing.assert_array_equal(seen[-1], seen[0])
    style.save(figure, tmp_path / "density.png")


def test_curves(tmp_path: Path) -> None:
    path, names = hoppers(5e-5), ["Li"] * 9
    own = van_hove_self(path, frame_interval_fs=20.0, species="Li", symbols=names)
    others = van_hove_distinct(
        path, cell=CELL, frame_interval_fs=20.0, pair=("Li", "Li"), symbols=names
    )
    style.save(plot_van_hove(own, others), tmp_path / "van_hove.png")
    spectrum = vacf(
        positions=path, frame_interval_fs=20.0, species="Li", symbols=names, window_ps=1.0
    )
    figure = plot_vacf([spectrum])
    assert figure.axes[1].get_xlim()[1] > spectrum.mean_frequency_THz
    style.save(figure, tmp_path / "vacf.png")
    single = rdf(path[0], cell=CELL, pair=("Li", "Li"), symbols=names)
    style.save(plot_rdf([single]), tmp_path / "rdf.png")
    with pytest.raises(DataError, match="no results"):
        plot_vacf([])
