"""Figure S2: radial distribution of Li-Li at three chlorine contents, first peak at 3.25 Å?

    python figure_s2.py --output runs/figure_s2                  reduced study, minutes
    python figure_s2.py --study runs/doping --output runs/figure_s2           what table_2.py names

The production of every run at the temperature nearest to 900 K, smoothed by 0.08 Å; the first peak
is the largest value between 2.5 and 4.2 Å of the mean over runs, its error the jackknife over runs
(arrangements and seeds), over blocks of the run if there is one only. Writes figure_s2.md, .csv,
.png, .svg. The peak is the jump distance of Eq. 4: `lionn anderson-stuart RUN` goes on from it.
"""

from __future__ import annotations

import numpy as np
from common import LI_LI_PEAK_A, LI_LI_TABLE_3_A, write
from matplotlib.figure import Figure
from study import extent, material, study, study_options

from lionn_rs.analysis import rdf
from lionn_rs.md import Trajectory
from lionn_rs.plots.style import COLORS, GRAY, SINGLE_IN, one_axes
from lionn_rs.workflows.campaign.results import CampaignResult
from lionn_rs.workflows.figures import save_figure

WANTED_K = 900.0
R_MAX_A, N_BINS = 8.0, 200
N_BLOCKS = 4
"""Parts of the production of a run, for the error where there is one run only."""
SMOOTHING_A = 0.08
PEAK_A = (2.5, 4.2)
"""Where the first peak is looked for: lithium moves so much that it hardly stands out from the
second, at 4.5 Å, and a general search for peaks may miss it in a short run."""
SHOWN_A = (2.0, 6.0)
HEADER = ("material", "runs", "first peak / Å", "standard error / Å", "paper / Å")


def curves(result: CampaignResult) -> tuple[float, np.ndarray, dict[str, np.ndarray]]:
    """g(r) at one temperature: that temperature, r, and (n_runs, N_BLOCKS, n_bins) by material."""
    from scipy.ndimage import gaussian_filter1d

    temperatures = {run.task.temperature_K for run in result.finished}
    chosen_K = min(temperatures, key=lambda t: abs(t - WANTED_K))
    found: dict[str, list] = {}
    r = np.empty(0)
    for group in result.groups:
        for run in group.runs:
            if run.state != "finished" or run.task.temperature_K != chosen_K:
                continue
            trajectory = Trajectory.open(result.folder / "tasks" / run.task.name)
            symbols = trajectory.atoms(0).get_chemical_symbols()
            blocks = [
                rdf(part, cell=trajectory.cell, pair=("Li", "Li"), symbols=symbols, r_max=R_MAX_A,
                    n_bins=N_BINS)
                for part in np.array_split(trajectory.positions("production"), N_BLOCKS)
            ]  # fmt: skip
            r = blocks[0].r_A
            width = SMOOTHING_A / (r[1] - r[0])
            smooth = gaussian_filter1d([block.g for block in blocks], width, axis=1)
            found.setdefault(material(group), []).append(smooth)
    return chosen_K, r, {name: np.array(runs) for name, runs in found.items()}


def peak_of(r: np.ndarray, g: np.ndarray) -> float:
    """Position of the largest value in ``PEAK_A``, by the parabola through its three points, Å."""
    inside = np.flatnonzero((r >= PEAK_A[0]) & (r <= PEAK_A[1]))
    k = int(inside[np.argmax(g[inside])])
    left, middle, right = g[k - 1 : k + 2]
    bend = left - 2.0 * middle + right
    shift = 0.0 if bend >= 0.0 else 0.5 * (left - right) / bend
    return float(r[k] + np.clip(shift, -1.0, 1.0) * (r[1] - r[0]))


def peak_with_error(r: np.ndarray, runs: np.ndarray) -> tuple[float, float]:
    """Peak of the mean over runs and its jackknife standard error, Å."""
    units = runs.mean(axis=1) if len(runs) > 1 else runs[0]
    n = len(units)
    left_out = [peak_of(r, np.delete(units, k, axis=0).mean(axis=0)) for k in range(n)]
    return peak_of(r, units.mean(axis=0)), float(np.sqrt((n - 1) * np.var(left_out)))


def main() -> None:
    """Run or read the study, tabulate, draw."""
    choice = study_options(__doc__, "figure_s2")
    result = study(choice)
    if not result.finished:
        raise SystemExit(f"error: the study has no finished run ({extent(result)})")
    temperature, r, found = curves(result)
    peaks = {name: peak_with_error(r, runs) for name, runs in found.items()}
    rows = [
        (name, len(runs), f"{peaks[name][0]:.3f}", f"{peaks[name][1]:.3f}", f"{LI_LI_PEAK_A}")
        for name, runs in found.items()
    ]
    notes = [
        f"runs at {temperature:g} K of: {extent(result)}",
        f"paper: {LI_LI_PEAK_A} Å at all contents in the text and Fig. S2, {LI_LI_TABLE_3_A} Å in "
        "its Table 3; temperature and average not stated",
    ]
    write(choice.output, "figure_s2", "Figure S2: Li-Li", HEADER, rows, notes)
    save_figure(draw(temperature, r, found, peaks), choice.output, "figure_s2")


def draw(temperature: float, r: np.ndarray, found: dict[str, np.ndarray], peaks: dict) -> Figure:
    """Mean over runs with its standard error, first peaks, and the two values of the paper."""
    with one_axes(None, "r / Å", f"g(r) of Li-Li, {temperature:g} K", width_in=SINGLE_IN * 1.3,
                  height_in=3.0) as (figure, axes):  # fmt: skip
        for k, (name, runs) in enumerate(found.items()):
            color = COLORS[k % len(COLORS)]
            g = runs.mean(axis=(0, 1))
            peak, error = peaks[name]
            label = f"{name}, {len(runs)} run{'s' * (len(runs) > 1)}: {peak:.2f} ± {error:.2f} Å"
            axes.plot(r, g, color=color, linewidth=1.1, label=label)
            units = runs.mean(axis=1) if len(runs) > 1 else runs[0]
            half = units.std(axis=0, ddof=1) / np.sqrt(len(units))
            axes.fill_between(r, g - half, g + half, color=color, alpha=0.2, linewidth=0)
            axes.errorbar(peak, float(np.interp(peak, r, g)), xerr=error, fmt="o", capsize=2,
                          color=color, markersize=3.5)  # fmt: skip
        for value, style, where in (
            (LI_LI_PEAK_A, "--", "text, Fig. S2"),
            (LI_LI_TABLE_3_A, ":", "Table 3"),
        ):
            axes.axvline(value, color=GRAY, linestyle=style, linewidth=0.9,
                         label=f"paper, {where}: {value} Å")  # fmt: skip
        axes.set_xlim(*SHOWN_A)
        axes.set_ylim(bottom=0.0)
        axes.legend(fontsize=6.5, loc="lower right", title="first peak", title_fontsize=6.5)
    return figure


if __name__ == "__main__":
    main()
