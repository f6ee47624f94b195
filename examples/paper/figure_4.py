"""Figure 4: errors of training and validation against iteration, and residuals of the energy.

    python figure_4.py --output runs/figure_4
    python figure_4.py --full --images lgps50_train.npz --output runs/figure_4_full

By default 600 BFGS iterations on the bundled images, residuals at iteration 100 and at the best
one; --full: 6,000 iterations, residuals at 1,000. Every fourth image validates. Writes figure_4.md,
.csv, .png, .svg.
"""

from __future__ import annotations

import numpy as np
from common import load_images, options, split_by, write

import lionn_rs as lionn
from lionn_rs.analysis.diagnosis.patterns import energy_structure
from lionn_rs.plots.style import COLORS, DOUBLE_IN, GRAY, new_figure, panel_label
from lionn_rs.workflows.figures import save_figure

HEADER = (
    "iteration", "training / meV/atom", "training / eV/Å", "validation / meV/atom",
    "validation / eV/Å", "p of no order in energy", "images in patterns",
)  # fmt: skip
PAPER = "paper: best at iteration 5,000 with 1.8 meV and 0.077 eV/Å; 1.9 meV at 5,300"


def main() -> None:
    """Train, keep the parameters of two iterations, look at their residuals."""
    parser = options(__doc__)
    parser.add_argument("--iterations", type=int, help="default: 600, with --full 6000")
    choice = parser.parse_args()
    iterations = choice.iterations or (6000 if choice.full else 600)
    early = min(1000 if choice.full else 100, max(iterations // 2, 1))
    images = load_images(choice.images)
    split = lionn.split(images, test=0.1, validation=0.25, seed=1, by=split_by(choice.images))
    elements = sorted({s for image in images for s in image.get_chemical_symbols()})
    kept = {}

    def keep(row, parameters) -> None:
        if row["iteration"] == early:
            kept[early] = parameters.copy()

    result = lionn.train(
        split.train,
        validation=split.validation,
        test=split.test,
        descriptor=lionn.Gaussian.amp_default(elements, cutoff=lionn.Cosine(6.5)),
        hidden_layers=(5, 5),
        min_feature_range=0.0,
        max_iterations=iterations,
        validation_interval=max(iterations // 100, 1),
        seed=1,
        callback=keep,
    )
    columns = result.history.columns()
    later, potential = result.best_iteration, result.best
    if later <= early:  # best before the first look: the last one is beside it
        later, potential = round(columns["iteration"][-1]), result.last
    potentials = {early: result.best.with_parameters(kept[early]), later: potential}
    rows, residuals = [], {}
    for iteration, potential in potentials.items():
        found = lionn.predict(potential, split.validation)
        reference = found.reference_energies / found.n_atoms
        residuals[iteration] = (reference, found.energy_errors_per_atom)
        structure = energy_structure(*residuals[iteration])
        errors = [lionn.evaluate(potential, part) for part in (split.train, split.validation)]
        rows.append(
            (
                iteration,
                *(
                    text
                    for e in errors
                    for text in (f"{1e3 * e.energy_rmse_per_atom:.2f}", f"{e.force_rmse:.4f}")
                ),
                "–" if structure.runs_energy is None else f"{structure.runs_energy.p_value:.2g}",
                len(structure.members),
            )
        )
    test = result.metrics["test"]
    notes = [
        f"{len(split.train)} images for training, {len(split.validation)} for validation, of "
        f"{choice.images}; stopped: {result.stop_reason}.",
        f"test after the choice: {1e3 * test.energy_rmse_per_atom:.2f} meV/atom, "
        f"{test.force_rmse:.4f} eV/Å",
        PAPER + ".",
    ]
    write(choice.output, "figure_4", "Figure 4: training", HEADER, rows, notes)
    draw(choice.output, columns, residuals, result.best_iteration)


def draw(output, columns, residuals, best) -> None:
    """a: errors against iteration; b, c: residuals of the validation energies."""
    with new_figure(1, 3, width_in=DOUBLE_IN, height_in=2.7) as (figure, axes):
        left = axes[0, 0]
        for prefix, label, color in (
            ("", "training", COLORS[0]),
            ("validation_", "validation", COLORS[1]),
        ):
            for quantity, style, name in (
                ("force_rmse", "-", "forces / eV/Å"),
                ("energy_rmse_per_atom", ":", "energy / eV/atom"),
            ):
                values = columns[prefix + quantity]
                there = np.isfinite(values)
                left.plot(
                    columns["iteration"][there], values[there], style, color=color,
                    label=f"{label}, {name}",
                )  # fmt: skip
        left.axvline(best, color=GRAY, linewidth=0.8)
        left.set_xlabel("iteration")
        left.set_ylabel("RMSE")
        left.set_yscale("log")
        left.legend(fontsize=5.5)
        panel_label(left, "a")
        highest = 1.1e3 * max(np.abs(values).max() for _, values in residuals.values())
        for axis, letter, (iteration, (reference, values)) in zip(
            axes[0, 1:], "bc", residuals.items(), strict=True
        ):
            axis.plot(1e3 * (reference - reference.mean()), 1e3 * values, "o", color=COLORS[0],
                      markersize=3, markerfacecolor="none")  # fmt: skip
            rmse = 1e3 * np.sqrt(np.mean(values**2))
            for sign in (-1, 1):
                axis.axhline(sign * rmse, color="black", linestyle="--", linewidth=0.8)
            axis.axhline(0.0, color=GRAY, linewidth=0.6)
            axis.set_ylim(-highest, highest)
            axis.set_title(f"iteration {iteration}", loc="right")
            axis.set_xlabel("energy − mean / meV/atom", fontsize=8)
            axis.set_ylabel("residual / meV/atom", fontsize=8)
            panel_label(axis, letter)
    save_figure(figure, output, "figure_4")


if __name__ == "__main__":
    main()
