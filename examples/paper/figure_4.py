"""Figure 4: errors of training and validation against iteration, and residuals of the energy.

    python figure_4.py --output runs/figure_4
    python lgps_pbe.py lgps50_train.npz --max-volume 21 --write crystal.extxyz
    python figure_4.py --images crystal.extxyz --output runs/figure_4_crystal

The procedure of the paper: Gaussian-56, (5, 5), BFGS, the iteration with the best validation;
6,000 iterations take about four minutes on the bundled images. Residuals of the validation energies
at iteration 1,000 and at the best one. A tenth of the images tests, every fourth of the rest
validates.
The training is in OUTPUT/training: the same command goes on with it, or to more --iterations.
Writes figure_4.md, .csv, .png, .svg.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from common import load_images, one_line_errors, options, parse, split_by, write
from matplotlib.figure import Figure

import lionn_rs as lionn
from lionn_rs.analysis.diagnosis.patterns import energy_structure
from lionn_rs.plots.campaign import plain_log_axis
from lionn_rs.plots.style import COLORS, DOUBLE_IN, GRAY, new_figure, panel_label
from lionn_rs.workflows.figures import save_figure

ITERATIONS = 6000
EARLY = 1000
VALIDATION_INTERVAL = 10
PAPER_BEST = 5000
PAPER = {"energy_rmse_per_atom": (1.8, 2.2), "force_rmse": (77.0, 112.0)}
"""Validation error at the best iteration and final test error, meV/atom and meV/Å."""
QUANTITIES = {
    "energy_rmse_per_atom": "energy RMSE / meV/atom",
    "force_rmse": "force RMSE / meV/Å",
}
HEADER = (
    "iteration", "training / meV/atom", "training / eV/Å", "validation / meV/atom",
    "validation / eV/Å", "mean residual / meV/atom", "p of no order in energy",
    "images in patterns",
)  # fmt: skip
NOTE = (
    "paper: 8,640 images; best at iteration 5,000 with 1.8 meV and 0.077 eV/Å in the validation, "
    "2.2 meV and 0.112 eV/Å in the test; 1.9 meV in the validation at 5,300."
)


def train(images: list, output: Path, iterations: int, early: int, by: str) -> tuple:
    """Train, or go on; the split, the result, and the potential at the early iteration."""
    split = lionn.split(images, test=0.1, validation=0.25, seed=1, by=by)
    elements = sorted({s for image in images for s in image.get_chemical_symbols()})
    descriptor = lionn.Gaussian.amp_default(elements, cutoff=lionn.Cosine(6.5))
    noted = output / f"iteration_{early}.json"
    result = None
    for limit in (early, iterations):
        if limit == early and noted.exists():
            continue
        result = lionn.train(
            split,
            descriptor=descriptor,
            hidden_layers=(5, 5),
            min_feature_range=0.0,  # as AMP
            seed=1,
            max_iterations=limit,
            validation_interval=VALIDATION_INTERVAL,
            output=output,
            resume=True,
        )
        if limit == early:
            if result.history.columns()["iteration"][-1] > early:
                raise SystemExit(
                    f"error: {output}: is beyond iteration {early} and holds no potential of it; "
                    "choose another --output, or more --iterations"
                )
            result.last.save(noted)
    return split, result, lionn.Potential.load(noted)


def main() -> None:
    """Train, keep the parameters of two iterations, look at their residuals."""
    parser = options(__doc__, full=None)
    parser.add_argument("--iterations", type=int, default=ITERATIONS, help="default: %(default)s")
    choice = parse(parser, "figure_4")
    if choice.iterations < 2:
        raise SystemExit(f"error: --iterations must be at least 2, got {choice.iterations}")
    early = min(EARLY, choice.iterations // 2)
    with one_line_errors():
        images = load_images(choice.images)
        folder = choice.output / "training"
        by = split_by(choice.images)
        split, result, first = train(images, folder, choice.iterations, early, by)
    columns = result.history.columns()
    later, potential = result.best_iteration, result.best
    if later <= early:  # best before the first look: the last one is beside it
        later, potential = round(columns["iteration"][-1]), result.last
    rows, residuals = [], {}
    for iteration, model in {early: first, later: potential}.items():
        found = lionn.predict(model, split.validation)
        reference = found.reference_energies / found.n_atoms
        structure = energy_structure(reference, found.energy_errors_per_atom)
        residuals[iteration] = (reference, found.energy_errors_per_atom, list(structure.members))
        errors = [lionn.evaluate(model, part) for part in (split.train, split.validation)]
        rows.append(
            (
                iteration,
                *(
                    text
                    for e in errors
                    for text in (f"{1e3 * e.energy_rmse_per_atom:.2f}", f"{e.force_rmse:.4f}")
                ),
                f"{1e3 * structure.bias:+.2f} ± {1e3 * structure.bias_error:.2f}",
                "–" if structure.runs_energy is None else f"{structure.runs_energy.p_value:.2g}",
                len(structure.members),
            )
        )
    test = result.metrics["test"]
    notes = [
        f"{len(split.train)} images for training, {len(split.validation)} for validation, "
        f"{len(split.test)} for the test, of {choice.images}, split "
        f"{'in blocks' if by == 'block' else 'at random'}; stopped: {result.stop_reason}; best "
        f"validation at iteration {result.best_iteration}.",
        f"test after the choice: {1e3 * test.energy_rmse_per_atom:.2f} meV/atom, "
        f"{test.force_rmse:.4f} eV/Å",
        NOTE,
    ]
    write(choice.output, "figure_4", "Figure 4: training", HEADER, rows, notes)
    tests = {"energy_rmse_per_atom": test.energy_rmse_per_atom, "force_rmse": test.force_rmse}
    save_figure(draw(columns, residuals, result.best_iteration, tests), choice.output, "figure_4")


def draw(columns: dict, residuals: dict, best: int, tests: dict[str, float]) -> Figure:
    """a, b: errors against iteration; c, d: residuals of the validation energies."""
    with new_figure(2, 2, width_in=DOUBLE_IN, height_in=5.0) as (figure, axes):
        for axis, letter, (quantity, label) in zip(axes[0], "ab", QUANTITIES.items(), strict=True):
            draw_errors(axis, columns, quantity, best, 1e3 * tests[quantity])
            axis.set_ylabel(label)
            panel_label(axis, letter)
        axes[0, 0].legend(fontsize=7)
        highest = 1.15e3 * max(np.abs(values).max() for _, values, _ in residuals.values())
        for axis, letter, (iteration, found) in zip(axes[1], "cd", residuals.items(), strict=True):
            draw_residuals(axis, *found)
            axis.set_ylim(-highest, highest)
            best_one = ", best" if iteration == best else ""
            axis.set_title(f"validation, iteration {iteration:,}{best_one}", loc="right")
            panel_label(axis, letter)
    return figure


def draw_errors(axis, columns: dict, quantity: str, best: int, test: float) -> None:
    """One quantity against the iteration, with the published errors."""
    for prefix, label, color in (
        ("", "training", COLORS[0]),
        ("validation_", "validation", COLORS[1]),
    ):
        values = 1e3 * columns[prefix + quantity]
        there = np.isfinite(values) & (columns["iteration"] > 0)
        axis.plot(columns["iteration"][there], values[there], color=color, linewidth=1.1,
                  label=label)  # fmt: skip
    axis.axvline(best, color=GRAY, linewidth=0.8, linestyle=":", label="best validation")
    axis.plot(best, test, "D", color="black", markersize=4, label="test")
    validation, tested = PAPER[quantity]
    axis.plot(PAPER_BEST, validation, "*", color=COLORS[3], markersize=9, zorder=3,
              label="paper, validation")  # fmt: skip
    axis.plot(PAPER_BEST, tested, "*", color=COLORS[3], markersize=9, markerfacecolor="none",
              zorder=3, label="paper, test")  # fmt: skip
    axis.set_xscale("log")
    plain_log_axis(axis)
    axis.set_xlabel("iteration of BFGS")


def draw_residuals(axis, reference: np.ndarray, values: np.ndarray, members: list[int]) -> None:
    """Residuals against the energy, with those in patterns, and the RMSE."""
    x = 1e3 * (reference - reference.mean())
    axis.plot(x, 1e3 * values, "o", color=COLORS[0], markersize=3, markerfacecolor="none",
              markeredgewidth=0.8)  # fmt: skip
    if members:
        axis.plot(x[members], 1e3 * values[members], "o", color=COLORS[1], markersize=3,
                  label="in a pattern")  # fmt: skip
        axis.legend(loc="upper left")
    rmse = 1e3 * np.sqrt(np.mean(values**2))
    for sign in (-1, 1):
        axis.axhline(sign * rmse, color="black", linestyle="--", linewidth=0.8)
    axis.axhline(0.0, color=GRAY, linewidth=0.6)
    axis.set_xlabel("DFT energy − mean / meV/atom")
    axis.set_ylabel("network − DFT / meV/atom")


if __name__ == "__main__":
    main()
