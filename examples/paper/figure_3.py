"""Figure 3: training error against nodes per layer and number of layers, Gaussian-56.

    python figure_3.py --output runs/figure_3
    python lgps_pbe.py lgps50_train.npz --max-volume 21 --write crystal.extxyz
    python figure_3.py --images crystal.extxyz --output runs/figure_3_crystal

By default 300 passes of Adam over the images from two starts: the largest of these networks have
4,444 parameters, for which BFGS needs thousands of iterations with a matrix of that size; --full:
5,000 iterations of BFGS, as in the paper, from five starts. With more --starts the same command
goes on. Writes figure_3.md, .csv, .png, .svg. The paper prints no numbers: its statements are
little gain beyond five nodes, and two layers are enough.
"""

from __future__ import annotations

from common import add_grid_options, budget, grid, options, parse, split_by, write
from matplotlib.figure import Figure

from lionn_rs.plots.style import COLORS, DOUBLE_IN, GRAY, new_figure, panel_label
from lionn_rs.workflows.figures import save_figure

NODES = (2, 3, 4, 5, 7, 10, 15)
LAYERS = (1, 2, 3, 4)
SETS = (("train", "training", COLORS[0], "o-"), ("test", "test", COLORS[1], "s--"))
HEADER = (
    "topology", "parameters", "training / meV/atom", "training / eV/Å", "test / meV/atom",
    "test / eV/Å", "spread of training over starts / eV/Å", "spread of test / eV/Å",
)  # fmt: skip


def main() -> None:
    """Train, tabulate, draw."""
    parser = options(__doc__, full="5,000 iterations of BFGS from five starts; hours")
    parser.add_argument("--starts", type=int, help="default: 2, with --full 5")
    add_grid_options(parser, "300 passes, with --full 5000 iterations")
    choice = parse(parser, "figure_3")
    optimizer, iterations, starts = ("bfgs", 5000, 5) if choice.full else ("adam", 300, 2)
    optimizer = choice.optimizer or optimizer
    iterations = iterations if choice.iterations is None else choice.iterations
    starts = starts if choice.starts is None else choice.starts
    result = grid(
        choice.output,
        choice.images,
        scan={
            "hidden_layers": [[n, n] for n in NODES] + [[5] * k for k in LAYERS if k != 2],
            "seeds": list(range(1, starts + 1)),
        },
        network=[5, 5],
        iterations=iterations,
        split_by=split_by(choice.images),
        optimizer=optimizer,
        workers=choice.workers,
    )
    groups = {tuple(group.hidden_layers): group for group in result.groups}
    rows = []
    for layers, group in groups.items():
        errors = [
            f"{factor * group.error_of(name, quantity).mean:.{digits}f}"
            for name in ("train", "test")
            for quantity, factor, digits in (("energy_rmse_per_atom", 1e3, 2), ("force_rmse", 1, 4))
        ]
        spreads = [group.error_of(name, "force_rmse").spread for name in ("train", "test")]
        rows.append(
            (
                str(layers), group.n_parameters, *errors,
                *("–" if spread is None else f"{spread:.4f}" for spread in spreads),
            )
        )  # fmt: skip
    notes = [
        f"{budget(optimizer, iterations)} from {starts} start(s) each on {choice.images}; of each "
        "start the iteration with the best validation. Means over starts; spread: standard "
        "deviation.",
    ]
    write(choice.output, "figure_3", "Figure 3: topology", HEADER, rows, notes)
    save_figure(draw(groups, starts), choice.output, "figure_3")


def draw(groups: dict, starts: int) -> Figure:
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
                    numbers, [1e3 * s.mean for s in found],
                    yerr=None if starts == 1 else [1e3 * (s.spread or 0.0) for s in found],
                    fmt=mark, color=color, capsize=2, markersize=4, label=label,
                )  # fmt: skip
        left.set_ylim(bottom=0.0)
        left.set_ylabel("force RMSE / meV/Å")
        left.set_xlabel("nodes in each of two layers")
        right.set_xlabel("layers of five nodes")
        right.set_xticks(LAYERS)
        for axis, chosen in ((left, 5), (right, 2)):
            axis.axvline(chosen, color=GRAY, linewidth=0.8, linestyle=":")
        left.annotate("paper's choice", (5, 0), xytext=(3, 4), textcoords="offset points",
                      fontsize=7, color=GRAY)  # fmt: skip
        title = "one start" if starts == 1 else f"mean and spread of {starts} starts"
        left.legend(title=title, title_fontsize=7.5)
        panel_label(left, "a")
        panel_label(right, "b")
    return figure


if __name__ == "__main__":
    main()
