"""Figure 5c: Arrhenius lines of three chlorine contents.

    python figure_5c.py --output runs/figure_5c                  reduced study, minutes
    python figure_5c.py --study runs/doping --output runs/figure_5c           what table_2.py names

Writes figure_5c.md, .csv, .png, .svg. The paper tabulates no points; the lines that follow from its
Table 2 (activation energy and diffusivity at 300 K) are drawn beside ours.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from common import TABLE_2, write
from study import extent, material, study, study_options

from lionn_rs.numbers import interval, power, power_interval, significant
from lionn_rs.plots.campaign import plot_arrhenius_lines
from lionn_rs.plots.style import COLORS, GRAY
from lionn_rs.units import BOLTZMANN_EV_K
from lionn_rs.workflows.figures import save_figure

HEADER = ("material", "T / K", "runs", "D / cm²/s", "95 %", "D of Table 2, continued / cm²/s")


def published(name: str, temperature_K: float) -> float:
    """Diffusivity of the published line, cm²/s."""
    energy, _, _, diffusivity = TABLE_2[name]
    beta = (1.0 / 300.0 - 1.0 / temperature_K) / BOLTZMANN_EV_K
    return diffusivity * float(np.exp(energy * beta))


def main() -> None:
    """Run or read the study, tabulate, draw."""
    choice = study_options(__doc__, "figure_5c")
    result = study(choice)
    rows, notes = [], [extent(result)]
    for group in result.groups:
        for point in group.points:
            beside = (
                power(published(group.structure, point.temperature_K), 2)
                if group.structure in TABLE_2
                else "–"
            )
            rows.append(
                (material(group), f"{point.temperature_K:g}", point.n_replicas,
                 power(point.diffusivity_cm2_s, 2), power_interval(*point.interval_cm2_s), beside)
            )  # fmt: skip
        if group.fit is not None:
            notes.append(
                f"{material(group)}: E_a = {significant(group.fit.activation_energy_eV)} eV, 95 % "
                f"{interval(*group.fit.activation_energy_interval_eV)}"
            )
        else:
            notes.append(f"{material(group)}: {group.reason}")
    write(choice.output, "figure_5c", "Figure 5c: diffusivities", HEADER, rows, notes)
    if not rows:
        raise SystemExit("no figure: no finished run is diffusive; run longer or hotter")
    named = [replace(group, structure=material(group)) for group in result.groups]
    figure = plot_arrhenius_lines(replace(result, groups=named))
    axes = figure.axes[0]
    x = np.array([min(1000.0 / row.task.temperature_K for row in result.runs), 1000.0 / 300.0])
    for k, group in enumerate(g for g in result.groups if g.conductivities):
        if group.structure in TABLE_2:
            y = [published(group.structure, 1000.0 / value) for value in x]
            axes.plot(x, y, ":", color=COLORS[k], linewidth=1.0)
    axes.text(0.98, 0.98, "dotted: Table 2 of the paper", transform=axes.transAxes, ha="right",
              va="top", fontsize=7.5, color=GRAY)  # fmt: skip
    save_figure(figure, choice.output, "figure_5c")


if __name__ == "__main__":
    main()
