"""Table 2: activation energy, conductivity and diffusivity of three chlorine contents, with errors.

    python table_2.py --output runs/table_2                  reduced study, minutes
    lionn run doping.toml --output runs/doping               the whole one, 0.7 core hours
    python table_2.py --study runs/doping --output runs/table_2

Writes table_2.md, .csv, .png, .svg: our rows beside the published ones, and whether the optimum at
1.3 % is significant. The rows of LGPS are figure_5a.py, the contradictions of the published ones
table_2_check.py.
"""

from __future__ import annotations

from common import TABLE_2, write
from study import extent, study, study_options

from lionn_rs.numbers import interval, power, power_interval, significant
from lionn_rs.plots.compositions import plot_compositions
from lionn_rs.plots.style import COLORS
from lionn_rs.workflows.campaign.comparison import comparison_text
from lionn_rs.workflows.figures import save_figure

HEADER = (
    "material", "source", "E_a / eV", "E_a, 95 %", "σ(300 K) / mS/cm", "σ, 95 %",
    "D(300 K) / cm²/s", "D, 95 %", "chance to be the best",
)  # fmt: skip


def main() -> None:
    """Run or read the study, tabulate, draw."""
    choice = study_options(__doc__, "table_2")
    result = study(choice)
    compared = result.comparisons[0].result if result.comparisons else None
    if compared is None:
        reason = result.comparisons[0].reason if result.comparisons else "one composition only"
        raise SystemExit(f"no comparison: {reason} ({extent(result)})")
    rows = []
    for mean in compared.means:
        name = mean.name if mean.concentration is None else f"{mean.concentration:.3g} % Cl"
        rows.append(
            (
                name, f"here, {mean.n_units} {compared.units}",
                significant(mean.activation_energy_eV),
                interval(*mean.activation_energy_interval_eV),
                significant(mean.conductivity_mS_cm, 2),
                interval(*mean.conductivity_interval_mS_cm),
                power(mean.diffusivity_cm2_s, 2),
                power_interval(*mean.diffusivity_interval_cm2_s),
                f"{100 * mean.chance_of_highest_conductivity:.0f} %",
            )
        )  # fmt: skip
        if mean.name in TABLE_2:
            energy, sigma, bracket, diffusivity = TABLE_2[mean.name]
            rows.append(
                (name, "paper", f"{energy:.2f}", "–", f"{sigma:g}", interval(*bracket),
                 power(diffusivity), "–", "–")
            )  # fmt: skip
    notes = [extent(result), *comparison_text(compared)]
    write(choice.output, "table_2", "Table 2: chlorine content", HEADER, rows, notes)
    figure = plot_compositions(compared, label="Cl / at%")
    add_published(figure, compared)
    save_figure(figure, choice.output, "table_2")


def add_published(figure, compared) -> None:
    """Published values as stars."""
    left, middle, _ = figure.axes
    for mean in compared.means:
        if mean.name in TABLE_2 and mean.concentration is not None:
            energy, sigma, (low, high), _ = TABLE_2[mean.name]
            x = mean.concentration - 0.12
            left.errorbar(
                x, sigma, yerr=[[sigma - low], [high - sigma]], fmt="*", color=COLORS[3],
                capsize=2, linewidth=0.8, label="paper",
            )  # fmt: skip
            middle.plot(x, energy, "*", color=COLORS[3])
    handle = left.get_legend_handles_labels()[0][:1]
    if handle:
        left.legend(handle, ["paper"], fontsize=7, frameon=False)


if __name__ == "__main__":
    main()
