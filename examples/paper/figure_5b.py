"""Figure 5b: time of one force calculation against the number of atoms.

    python figure_5b.py --output runs/figure_5b
    python figure_5b.py --potential runs/lgps/best.json --structure lgps.cif --output runs/figure_5b

Gaussian-56 with (5, 5) networks on LGPS, as in the paper, 50 to 3,200 atoms on one thread in a
minute; --full: to 25,600 atoms and on all processors. The paper states 60 s for 50 atoms, with DFT
and with AMP, on a node of 20 cores (section 3.3). Writes figure_5b.md, .csv, .png, .svg.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from common import one_line_errors, options, parse, write

from lionn_rs.plots.scaling import PAPER_ATOMS, PAPER_SECONDS
from lionn_rs.plots.style import COLORS, GRAY, SINGLE_IN, one_axes
from lionn_rs.workflows.benchmark.run import (
    benchmark,
    default_subject,
    machine,
    remarks,
    user_subject,
)
from lionn_rs.workflows.figures import save_figure

SIZES = (50, 100, 200, 400, 800, 1600, 3200)
MORE = (6400, 12800, 25600)
QUANTITY = "energy_and_forces"
HEADER = ("atoms", "threads", "energy and forces / s", "µs per atom", "times faster than the 60 s")


def main() -> None:
    """Measure, fit the exponent, draw."""
    parser = options(__doc__, images=False, full="to 25,600 atoms, on one and on all processors")
    parser.add_argument("--potential", type=Path, help="default: Gaussian-56 of LGPS")
    parser.add_argument("--structure", default="dataset:lgps", help="repeated to every size")
    choice = parse(parser, "figure_5b")
    if choice.potential is None:
        subject = default_subject()
    else:
        with one_line_errors():
            subject = user_subject(choice.potential, choice.structure)
    sizes, threads = (SIZES + MORE, None) if choice.full else (SIZES, [1])
    cases = benchmark(subject, sizes, threads, quantities=[QUANTITY], advance=print)
    times = {(c.n_threads, c.n_atoms): c.results[QUANTITY]["least_s"] for c in cases}
    rows = [
        (
            n,
            k,
            f"{t:.3g}",
            f"{1e6 * t / n:.2f}",
            f"{float(f'{PAPER_SECONDS / t:.2g}'):,.0f}" if n == PAPER_ATOMS else "",
        )
        for (k, n), t in times.items()
    ]
    exponents = {}
    for k in sorted({k for k, _ in times}):
        n = np.array([n for threads, n in times if threads == k])
        t = np.array([times[k, x] for x in n])
        exponents[k] = np.polyfit(np.log(n), np.log(t), 1)[0]
    notes = [f"{subject.description}; {machine()}"]
    notes += [f"{k} thread(s): time grows as N^{x:.2f}" for k, x in exponents.items()]
    notes += ["paper: linear for the network, N³ for DFT; 60 s at 50 atoms for both, on 20 cores"]
    notes += remarks(cases)
    write(choice.output, "figure_5b", "Figure 5b: time per force call", HEADER, rows, notes)
    draw(choice.output, times, exponents)


def draw(output, times, exponents) -> None:
    """Our times, the statement of the paper, and how DFT would go on from there."""
    with one_axes(None, "number of atoms", "time per force call / s", width_in=SINGLE_IN * 1.25,
                  height_in=3.1) as (figure, axes):  # fmt: skip
        for c, (k, exponent) in enumerate(exponents.items()):
            n = [n for threads, n in times if threads == k]
            axes.plot(
                n, [times[k, x] for x in n], "os^"[c % 3], linestyle="-", color=COLORS[c],
                markersize=4, label=f"lionn_rs, {k} thread{'s' * (k > 1)}, $N^{{{exponent:.2f}}}$",
            )  # fmt: skip
        axes.plot(PAPER_ATOMS, PAPER_SECONDS, "*", color="black", markersize=10,
                  label="paper: AMP and DFT, 50 atoms, 20 cores")  # fmt: skip
        n = np.array([50.0, 1600.0])
        axes.plot(n, PAPER_SECONDS * (n / 50), "--", color=GRAY, linewidth=0.9,
                  label="AMP, continued linearly")  # fmt: skip
        n = np.array([50.0, 400.0])
        axes.plot(
            n, PAPER_SECONDS * (n / 50) ** 3, ":", color=GRAY, label="DFT, continued with $N^3$"
        )
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.legend(fontsize=6.5, loc="center right")
    save_figure(figure, output, "figure_5b")


if __name__ == "__main__":
    main()
