"""Table 1: force RMSE of (5, 5) networks on Zernike and Gaussian fingerprints, and what they cost.

    python table_1.py --output runs/table_1
    python table_1.py --full --images lgps50_train.npz --output runs/table_1_full

By default 1,000 BFGS iterations on the bundled images (GPAW, PBE), some minutes on one core;
--full: 5,000 iterations from two starts. The images of the paper are not public. Writes table_1.md,
.csv, .png, .svg; the potentials are in scan/members.
"""

from __future__ import annotations

from common import TABLE_1, add_grid_options, budget, grid, options, parse, split_by, write

from lionn_rs.plots.campaign import plain_log_axis
from lionn_rs.plots.style import COLORS, DOUBLE_IN, new_figure, panel_label
from lionn_rs.workflows.figures import save_figure

DESCRIPTORS = [
    {"name": "Zernike-12", "type": "zernike", "n_max": 5},
    {"name": "Zernike-20", "type": "zernike", "n_max": 7},
    {"name": "Zernike-49", "type": "zernike", "n_max": 12},
    {"name": "Gaussian-56", "n_radial": 4},
    {"name": "Gaussian-72", "n_radial": 8},
    {"name": "Gaussian-56-absolute", "n_radial": 4, "eta_unit": "1/A^2"},
]
HEADER = (
    "descriptor", "functions", "topology", "force RMSE, training, paper / eV/Å",
    "force RMSE, training / eV/Å", "test / eV/Å", "energy RMSE, test / meV/atom",
    "energy and forces / µs per atom",
)  # fmt: skip


def main() -> None:
    """Train, tabulate, draw."""
    parser = options(__doc__)
    add_grid_options(parser, "1000, with --full 5000")
    choice = parse(parser, "table_1")
    iterations = choice.iterations
    if iterations is None:
        iterations = 5000 if choice.full else 1000
    optimizer = choice.optimizer or "bfgs"
    seeds = [1, 2] if choice.full else [1]
    result = grid(
        choice.output,
        choice.images,
        scan={"descriptors": DESCRIPTORS, "seeds": seeds},
        network=[5, 5],
        iterations=iterations,
        split_by=split_by(choice.images),
        optimizer=optimizer,
        workers=choice.workers,
    )
    rows, points = [], []
    for group in result.groups:
        train, test = (group.error_of(name, "force_rmse").mean for name in ("train", "test"))
        energy = group.error_of("test", "energy_rmse_per_atom").mean
        published = TABLE_1.get(group.descriptor)
        points.append((group.descriptor, group.n_features, train, published, group.us_per_atom))
        rows.append(
            (
                group.descriptor, group.n_features, "(5, 5)",
                "–" if published is None else f"{published:.4f}",
                f"{train:.4f}", f"{test:.4f}", f"{1000 * energy:.2f}",
                "–" if group.us_per_atom is None else f"{group.us_per_atom:.1f}",
            )
        )  # fmt: skip
    notes = [
        f"{budget(optimizer, iterations)} from {len(seeds)} start(s) each on {choice.images}; of "
        "each the iteration with the best validation. The paper: BFGS on 8,640 images of "
        "DFT-MD, iterations not stated.",
        "Gaussian-56-absolute has the exponents in 1/Å² instead of AMP's 1/cutoff²: not in the "
        "paper.",
    ]
    write(choice.output, "table_1", "Table 1: descriptors", HEADER, rows, notes)
    draw(choice.output, points)


def draw(output, points) -> None:
    """Force errors beside the published ones, and against the cost."""
    with new_figure(1, 2, width_in=DOUBLE_IN, height_in=2.9) as (figure, axes):
        left, right = axes[0]
        for family, color in (("Zernike", COLORS[1]), ("Gaussian", COLORS[0])):
            own = [p for p in points if p[0].startswith(family)]
            plain = [p for p in own if p[3] is not None]
            n = [p[1] for p in plain]
            left.plot(n, [p[2] for p in plain], "o-", color=color, label=f"{family}, here")
            left.plot(
                n, [p[3] for p in plain], "s--", color=color, markerfacecolor="none",
                label=f"{family}, paper",
            )  # fmt: skip
            timed = [p for p in own if p[4] is not None]
            right.plot([p[4] for p in timed], [p[2] for p in timed], "o", color=color)
        timed = sorted((p for p in points if p[4] is not None), key=lambda p: -p[2])
        for k, (name, _, error, _, cost) in enumerate(timed):  # left and right of close points
            shift, side = ((-5, -2), "right") if k % 2 == 0 else ((5, -2), "left")
            right.annotate(
                name, (cost, error), xytext=shift, textcoords="offset points", fontsize=6.5, ha=side
            )
        for axis in (left, right):
            plain_log_axis(axis)
            axis.set_ylabel("force RMSE, training / eV/Å")
        left.set_xlabel("symmetry functions")
        right.set_xlabel("energy and forces / µs per atom")
        right.margins(x=0.4)
        left.legend()
        panel_label(left, "a")
        panel_label(right, "b")
    save_figure(figure, output, "table_1")


if __name__ == "__main__":
    main()
