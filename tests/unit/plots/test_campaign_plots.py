"""Figures of a campaign, from made-up diffusivities with known lines."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lionn_rs.analysis import diffusivity, nernst_einstein
from lionn_rs.config import ArrheniusSection
from lionn_rs.errors import DataError
from lionn_rs.plots.campaign import plot_arrhenius_lines, plot_concentration
from lionn_rs.plots.compositions import plot_compositions
from lionn_rs.units import BOLTZMANN_EV_K
from lionn_rs.workflows.campaign.analysis import _groups
from lionn_rs.workflows.campaign.results import CampaignResult, CampaignRun
from lionn_rs.workflows.campaign.status import TaskState
from lionn_rs.workflows.campaign.tables import compositions_csv, group_rows, groups_csv, markdown
from lionn_rs.workflows.campaign.tasks import CampaignTask

TEMPERATURES = (600.0, 750.0, 900.0, 1050.0)
ENERGIES = {"A": 0.30, "B": 0.24, "C": 0.32}
CONCENTRATIONS = {"A": 0.67, "B": 1.33, "C": 2.0}
PREFACTOR = 2e-3  # cm²/s
LN_SD = 0.1


def template():
    """A real record, whose numbers are replaced."""
    rng = np.random.default_rng(1)
    walk = np.cumsum(rng.normal(0, 0.15, (400, 20, 3)), axis=0)
    positions = np.concatenate([walk, np.zeros((400, 5, 3)) + np.arange(5)[:, None]], axis=1)
    return diffusivity(
        positions,
        cell=np.eye(3) * 10,
        symbols=["Li"] * 20 + ["S"] * 5,
        frame_interval_fs=50.0,
        temperature_K=600.0,
    )


def made_up(structures=tuple(ENERGIES), sizes=((1, 1, 1),), scatter=0.0) -> CampaignResult:
    base, runs = template(), []
    rng = np.random.default_rng(2)
    for structure in structures:
        for size in sizes:
            for temperature in TEMPERATURES:
                for seed in (1, 2):
                    name = f"{structure}-{size}-{temperature}-{seed}"
                    task = CampaignTask(
                        id=name,
                        name=name,
                        potential="lgps",
                        structure=structure,
                        arrangement="",
                        concentration=CONCENTRATIONS[structure],
                        supercell=size,
                        n_atoms=25,
                        temperature_K=temperature,
                        seed=seed,
                        n_steps=1000,
                        timestep_fs=2.0,
                    )
                    value = PREFACTOR * np.exp(
                        -ENERGIES[structure] / (BOLTZMANN_EV_K * temperature)
                        + scatter * rng.normal()
                    )
                    found = replace(
                        base,
                        temperature_K=temperature,
                        diffusive=True,
                        diffusivity_cm2_s=value,
                        ln_sd=LN_SD,
                        interval_cm2_s=(0.8 * value, 1.25 * value),
                    )
                    state = TaskState(task, "finished", 1000, 1.0)
                    runs.append(CampaignRun(state, found))
    groups = _groups(runs, ArrheniusSection())
    return CampaignResult("test", runs, groups, {}, Path("out"), 300.0, "Cl / %")


def test_groups_give_back_what_was_put_in():
    result = made_up()
    for group in result.groups:
        energy = ENERGIES[group.structure]
        assert group.fit.activation_energy_eV == pytest.approx(energy, abs=1e-9)
        expected = nernst_einstein(
            PREFACTOR * np.exp(-energy / (BOLTZMANN_EV_K * 600.0)),
            n_carriers=20,
            charge=1.0,
            volume_A3=1000.0,
            temperature_K=600.0,
        )
        first = group.conductivities[0]
        assert (first.temperature_K, first.n_runs) == (600.0, 2)
        assert first.value_mS_cm == pytest.approx(expected)
        # Two equal replicas: the error of one over the square root of 2.
        assert np.log(first.interval_mS_cm[1] / first.value_mS_cm) == pytest.approx(
            1.96 * LN_SD / np.sqrt(2), rel=1e-3
        )
        assert group.extrapolated.temperature_K == 300.0


def test_spread_of_replicas_widens_the_interval():
    """Replicas that differ by more than their errors: seeds or arrangements matter."""
    calm, wild = (made_up(scatter=scatter).groups[0].conductivities[0] for scatter in (0.0, 1.0))

    def width(value):
        return np.log(value.interval_mS_cm[1] / value.interval_mS_cm[0])

    assert width(wild) > 2 * width(calm)


def test_arrangements_keep_their_offset_over_temperatures():
    """Two arrangements, 0.4 above and below the line at every temperature."""
    result = made_up(("A",))
    runs = []
    for run in result.runs:
        offset = 0.4 if run.task.seed == 1 else -0.4
        value = run.diffusion.diffusivity_cm2_s * np.exp(offset)
        task = replace(run.task, arrangement=f"a{run.task.seed}")
        runs.append(
            replace(
                run,
                progress=replace(run.progress, task=task),
                diffusion=replace(run.diffusion, diffusivity_cm2_s=value),
            )
        )
    (group,) = _groups(runs, ArrheniusSection())
    assert group.replica_labels == ["a1", "a2"] * 4
    assert result.groups[0].replica_labels is None
    seeds = [replace(run, progress=replace(run.progress, task=old.task))
             for run, old in zip(runs, result.runs, strict=True)]  # fmt: skip
    (alone,) = _groups(seeds, ArrheniusSection())
    # Variance 2 * 0.4² of two offsets, less what their errors explain: that of 4 temperatures.
    assert group.fit.replica_ln_sd == pytest.approx(np.sqrt(0.32 - LN_SD**2 / 4), rel=1e-3)
    # The slope is as good as without offsets; the height has one degree of freedom (t 12.7), and
    # little more with the part of its variance that is known.
    assert group.fit.activation_energy_sd_eV < 0.3 * alone.fit.activation_energy_sd_eV
    low, high = group.conductivities[0].interval_mS_cm
    assert 0.4 * 11.0 < np.log(high / low) / 2 < 0.4 * 12.7
    low, high = alone.conductivities[0].interval_mS_cm
    assert np.log(high / low) / 2 < 2.0


def test_preliminary_and_failed_runs_enter_no_line():
    result = made_up(("A",))
    runs = [
        replace(run, progress=replace(run.progress, state="running"))
        if run.task.temperature_K > 700
        else run
        for run in result.runs
    ]
    (group,) = _groups(runs, ArrheniusSection())
    assert group.fit is None
    assert "3 temperatures or more" in group.reason
    assert [value.temperature_K for value in group.conductivities] == [600.0]


def test_arrhenius_figure_has_a_line_and_a_label_for_each(tmp_path):
    result = made_up(sizes=((1, 1, 1), (2, 2, 1)))
    figure = plot_arrhenius_lines(result)
    (axes,) = figure.axes
    texts = [text.get_text() for text in axes.get_legend().get_texts()]
    assert len(texts) == 6
    assert texts[0].startswith("A, 1x1x1: $E_a$ = 0.30 ± ")
    assert axes.get_yscale() == "log"
    assert axes.get_xlim()[1] > 1000 / 300


def test_line_ends_with_the_data_where_they_support_no_more():
    result = made_up(("A",))
    group = result.groups[0]
    unsupported = replace(group.fit.extrapolation, supported=False)
    fit = replace(group.fit, extrapolation=unsupported)
    figure = plot_arrhenius_lines(replace(result, groups=[replace(group, fit=fit)]))
    assert figure.axes[0].get_xlim()[1] < 1.2 * 1000 / min(TEMPERATURES)


def test_concentration_figure_has_what_was_simulated_and_what_was_extrapolated():
    figure = plot_concentration(made_up())
    titles = [axes.get_title(loc="right") for axes in figure.axes]
    assert titles == ["600 K, simulated", "300 K, Arrhenius line"]
    line = figure.axes[1].get_lines()[0]
    assert list(line.get_xdata()) == [0.67, 1.33, 2.0]
    assert np.argmax(line.get_ydata()) == 1  # B has the lowest barrier
    assert figure.axes[0].get_xlabel() == "Cl / %"


def test_nothing_to_draw_is_said():
    empty = replace(made_up(), groups=[])
    with pytest.raises(DataError, match="no finished run is diffusive"):
        plot_arrhenius_lines(empty)
    with pytest.raises(DataError, match="no conductivity with a concentration"):
        plot_concentration(empty)


def test_tables_say_what_the_figures_show():
    result = made_up()
    header, rows = group_rows(result)
    assert header[-4:] == ["σ(300 K) / mS/cm", "95 %", "σ(600 K) / mS/cm", "95 %"]
    assert [row[:5] for row in rows] == [
        ["A", "1x1x1", "25", "8/8", "0.300"],
        ["B", "1x1x1", "25", "8/8", "0.240"],
        ["C", "1x1x1", "25", "8/8", "0.320"],
    ]
    lines = groups_csv(result).splitlines()
    assert len(lines) == 1 + 3 * 5  # 4 temperatures and the extrapolated one
    assert "| A-(1, 1, 1)-600.0-1 | finished | 2 |" in markdown(result)


def test_compositions_are_compared_and_drawn():
    """Seeds are the replicas here; B has the lowest activation energy, without doubt."""
    result = made_up(scatter=0.02)
    (entry,) = result.comparisons
    assert entry.result is not None
    assert entry.result.units == "seeds"
    assert entry.result.ranked[0].name == "B"
    assert entry.result.decided
    figure = plot_compositions(entry.result, label=result.concentration_label)
    assert [ax.get_xlabel() for ax in figure.axes] == ["Cl / %"] * 3
    heights = [bar.get_height() for bar in figure.axes[2].patches[:3]]
    assert sum(heights) == pytest.approx(100.0)
    assert heights[1] > 99.0
    text = markdown(result)
    assert "## Which composition conducts best" in text
    assert "That it is the best is significant" in text
    assert compositions_csv(result).count("\n") == 4
