"""Figure 3: training error against nodes per layer and number of layers, Gaussian-56.

    python figure_3.py --output runs/figure_3
    python figure_3.py --full --images lgps50_train.npz --output runs/figure_3_full

By default 250 BFGS iterations from two starts on the bundled images; --full: 5,000 iterations from
five. Writes figure_3.md, .csv, .png, .svg. The paper prints no numbers: its statements are little
gain beyond five nodes, and two layers are enough.
"""

from __future__ import annotations

from common import grid, options, split_by, write

from lionn_rs.plots.style import COLORS, DOUBLE_IN, new_figure, panel_label
from lionn_rs.workflows.figures import save_figure

NODES = (2, 3, 4, 5, 7, 10, 15)
LAYERS = (1, 2, 3, 4)
SETS = (("train", "training", COLORS[0], "o-"), ("test", "test", COLORS[1], "s--"))
HEADER = (
    "topology", "parameters", "training / meV/atom", "training / eV/Å", "test / meV/atom",
    "test / eV/Å", "spread of test over starts / eV/Å",
)  # fmt: skip


def main() -> None:
    """Train, tabulate, draw."""
    parser = options(__doc__)
    parser.add_argument("--iterations", type=int, help="default: 250, with --full 5000")
    choice = parser.parse_args()
    topologies = [[n, n] for n in NODES] + [[5] * k for k in LAYERS if k != 2]
    result = grid(
        choice.output,
        choice.images,
        scan={"hidden_layers": topologies, "seeds": [1, 2, 3, 4, 5] if choice.full else [1, 2]},
        network=[5, 5],
        iterations=choice.iterations or (5000 if choice.full else 250),
        split_by=split_by(choice.images),
    )
    groups = {tuple(group.hidden_layers): group for group in result.groups}
    rows = []
    for layers, group in groups.items():
        spread = group.error_of("test", "force_rmse").spread
        errors = [
            f"{factor * group.error_of(name, quantity).mean:.{digits}f}"
            for name in ("train", "test")
            for quantity, factor, digits in (("energy_rmse_per_atom", 1e3, 2), ("force_rmse", 1, 4))
        ]
        last = "–" if spread is None else f"{spread:.4f}"
        rows.append((str(layers), group.n_parameters, *errors, last))
    write(choice.output, "figure_3", "Figure 3: topology", HEADER, rows)
    draw(choice.output, groups)


def draw(output, groups) -> None:
    """Force errors against nodes of two layers, and against layers of five nodes."""
    with new_figure(1, 2, width_in=DOUBLE_IN, height_in=2.8, sharey=True) as (figure, axes):
        left, right = axes[0]
        for axis, numbers, layers_of in (
            (left, NODES, lambda n: (n, n)),
            (right, LAYERS, lambda k: (5,) * k),
        ):
            for name, label, color, mark in SETS:
                found = [groups[layers_of(n)].error_of(name, "force_rmse") for n in numbers]
                axis.errorbar(
                    numbers, [s.mean for s in found], yerr=[s.spread or 0.0 for s in found],
                    fmt=mark, color=color, capsize=2, markersize=4, label=label,
                )  # fmt: skip
        left.set_ylim(bottom=0.0)
        left.set_ylabel("force RMSE / eV/Å")
        left.set_xlabel("nodes in each of two layers")
        right.set_xlabel("layers of five nodes")
        right.set_xticks(LAYERS)
        left.axvline(5, color="0.6", linewidth=0.8, linestyle=":")
        right.axvline(2, color="0.6", linewidth=0.8, linestyle=":")
        left.legend(title="mean and spread over starts")
        panel_label(left, "a")
        panel_label(right, "b")
    save_figure(figure, output, "figure_3")


if __name__ == "__main__":
    main()
