"""Figure S2: radial distribution of Li-Li at three chlorine contents, first peak at 3.25 Å?

    python figure_s2.py --potential dataset:lsipscl_committee   reduced study, minutes
    python figure_s2.py --study runs/doping --output runs/figure_s2           what table_2.py names

The production of every run at the temperature nearest to 900 K; the error of the peak is that of
the mean over runs (arrangements and seeds). Writes figure_s2.md, .csv, .png, .svg. The peak is the
jump distance of Eq. 4: `lionn anderson-stuart RUN` goes on from it.
"""

from __future__ import annotations

import numpy as np
from common import LI_LI_PEAK_A, write
from study import extent, study, study_options

from lionn_rs.analysis import rdf
from lionn_rs.md import Trajectory
from lionn_rs.plots.style import COLORS, GRAY, SINGLE_IN, one_axes
from lionn_rs.workflows.campaign.results import CampaignResult
from lionn_rs.workflows.figures import save_figure

WANTED_K = 900.0
R_MAX_A, N_BINS = 8.0, 320
HEADER = ("material", "runs", "first peak / Å", "standard error / Å", "paper / Å")


def curves(result: CampaignResult) -> tuple[float, dict[str, list]]:
    """g(r) of every finished run at one temperature, by composition."""
    temperatures = {run.task.temperature_K for run in result.finished}
    chosen_K = min(temperatures, key=lambda t: abs(t - WANTED_K))
    found: dict[str, list] = {}
    for run in result.finished:
        if run.task.temperature_K == chosen_K:
            trajectory = Trajectory.open(result.folder / "tasks" / run.task.name)
            curve = rdf(
                trajectory.positions("production"), cell=trajectory.cell, pair=("Li", "Li"),
                symbols=list(trajectory.symbols), r_max=R_MAX_A, n_bins=N_BINS,
            )  # fmt: skip
            found.setdefault(run.task.structure, []).append(curve)
    return chosen_K, found


def main() -> None:
    """Run or read the study, tabulate, draw."""
    choice = study_options(__doc__)
    result = study(choice)
    if not result.finished:
        raise SystemExit("no finished run")
    temperature, found = curves(result)
    rows = []
    for name, members in found.items():
        peaks = np.array([m.shell.peak_A for m in members if m.shell is not None])
        error = peaks.std(ddof=1) / np.sqrt(len(peaks)) if len(peaks) > 1 else None
        rows.append(
            (name, len(members), f"{peaks.mean():.3f}" if len(peaks) else "–",
             "–" if error is None else f"{error:.3f}", f"{LI_LI_PEAK_A}")
        )  # fmt: skip
    notes = [f"at {temperature:g} K; {extent(result)}", "paper: temperature and average not stated"]
    write(choice.output, "figure_s2", "Figure S2: Li-Li", HEADER, rows, notes)
    with one_axes(None, "r / Å", f"g(r) of Li-Li, {temperature:g} K", width_in=SINGLE_IN * 1.2,
                  height_in=2.9) as (figure, axes):  # fmt: skip
        for k, (name, members) in enumerate(found.items()):
            mean = np.mean([m.g for m in members], axis=0)
            axes.plot(members[0].r_A, mean, color=COLORS[k], linewidth=1.1, label=name)
        axes.axvline(LI_LI_PEAK_A, color=GRAY, linestyle="--", linewidth=0.8)
        axes.annotate("paper: 3.25 Å", (LI_LI_PEAK_A, 0.1), xytext=(4, 0), fontsize=7,
                      textcoords="offset points")  # fmt: skip
        axes.set_xlim(2.0, 6.0)
        axes.set_ylim(bottom=0.0)
        axes.legend()
    save_figure(figure, choice.output, "figure_s2")


if __name__ == "__main__":
    main()
