"""Figures of diffusion are drawn, complete and refuse empty input."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lionn_rs.analysis import DiffusionResult, arrhenius, diffusivity, rdf, synthetic
from lionn_rs.errors import ConfigError, DataError
from lionn_rs.plots import diffusion as figures
from lionn_rs.plots import structure, style
from lionn_rs.plots.rdf import plot_rdf

CELL = np.array([[30.0, 0.0, 0.0], [4.0, 31.0, 0.0], [0.0, 2.0, 32.0]])


@pytest.fixture(scope="module")
def path() -> tuple[np.ndarray, list[str]]:
    rng = np.random.default_rng(1)
    ions = synthetic.lattice_hops(
        rng, n_ions=10, n_frames=501, frame_interval_fs=20.0, diffusivity_cm2_s=1e-4
    )
    return synthetic.with_framework(rng, ions, n_framework=5)


@pytest.fixture(scope="module")
def results(path: tuple[np.ndarray, list[str]]) -> list[DiffusionResult]:
    positions, symbols = path
    return [
        diffusivity(
            factor * positions, cell=CELL, frame_interval_fs=20.0, temperature_K=t, symbols=symbols
        )
        for t, factor in ((800.0, 1.0), (400.0, 0.05))
    ]


def test_msd_figure(results: list[DiffusionResult], tmp_path: Path) -> None:
    figure = figures.plot_msd(results)
    labels = [text.get_text() for text in figure.axes[1].get_legend().get_texts()]
    assert labels == ["800 K", "400 K, not diffusive"]
    for suffix in ("png", "svg"):
        style.save(figure, tmp_path / f"msd.{suffix}")
        assert (tmp_path / f"msd.{suffix}").stat().st_size > 1000
    with pytest.raises(DataError, match="no results"):
        figures.plot_msd([])


def test_axes_figure(results: list[DiffusionResult], tmp_path: Path) -> None:
    for result in results:
        figure = figures.plot_msd_axes(result)
        assert len(figure.axes[0].get_lines()) == 4
        style.save(figure, tmp_path / "axes.png")


def test_arrhenius_figure(tmp_path: Path) -> None:
    temperature = np.array([600.0, 800.0, 1000.0, 1200.0])
    values = 1e-3 * np.exp(-0.25 / (8.617e-5 * temperature))
    fit = arrhenius(
        temperature, values, np.full(4, 0.1), upper_bounds=[(450.0, 3e-6)], n_carriers=20,
        volume_A3=976.7,
    )  # fmt: skip
    figure = figures.plot_arrhenius(fit)
    labels = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert any("300 K: σ =" in label for label in labels)
    assert any("upper limit" in label for label in labels)
    style.save(figure, tmp_path / "arrhenius.png")


def test_temperatures_of_direct_runs_and_limits_stand_on_the_axis() -> None:
    t = np.array([600.0, 800.0, 1000.0])
    fit = arrhenius(
        t, 1e-3 * np.exp(-2400.0 / t), [0.1, 0.1, 0.1],
        direct=[(400.0, 2e-6, 0.2)], upper_bounds=[(350.0, 3e-6)],
    )  # fmt: skip
    (axes,) = figures.plot_arrhenius(fit).axes
    (top,) = axes.child_axes
    labels = {text.get_text() for text in top.get_xticklabels()}
    assert {"300", "350", "400", "600", "1000"} <= labels


def test_an_unsupported_extrapolation_is_not_drawn() -> None:
    """Three scattered points: the interval at 300 K spans tens of orders of magnitude."""
    fit = arrhenius([700.0, 900.0, 1200.0], [1e-4, 8e-5, 1.9e-4], [0.2, 0.2, 0.2])
    assert not fit.extrapolation.supported
    (axes,) = figures.plot_arrhenius(fit).axes[:1]
    labels = [text.get_text() for text in axes.get_legend().get_texts()]
    assert "300 K: no value, interval too wide" in labels
    assert not any("σ" in label for label in labels)
    assert axes.get_xlim()[1] < 1000.0 / 650.0


def test_path_and_rdf_figures(path: tuple[np.ndarray, list[str]], tmp_path: Path) -> None:
    positions, symbols = path
    style.save(structure.plot_paths(positions, cell=CELL, symbols=symbols), tmp_path / "paths.png")
    with pytest.raises(ConfigError, match="directions are a, b or c"):
        structure.plot_paths(positions, cell=CELL, symbols=symbols, along=("c", "d"))
    pairs = [
        rdf(positions, cell=CELL, pair=pair, symbols=symbols, max_frames=3)
        for pair in (("Li", "Li"), ("Li", "S"))
    ]
    style.save(plot_rdf(pairs), tmp_path / "rdf.png")
