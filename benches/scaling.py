"""Time per step and memory of molecular dynamics from 50 to 100,000 atoms; draws the figure.

    python benches/scaling.py [--figure docs/figures/scaling.png] [--json FILE] [--threads 1,2]

Every size and number of threads runs in a process of its own; memory is the growth of the largest
memory of that process from just before the dynamics, so crystal and Python are not in it. Steps of
dynamics are made as `lionn md` makes them. About ten minutes on two cores.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from lionn_rs.cli.common import parse_integers
from lionn_rs.files import write_json
from lionn_rs.plots.scaling import plot_scaling
from lionn_rs.plots.style import save
from lionn_rs.progress import progress
from lionn_rs.workflows.benchmark import run as work

SIZES = [50, 100, 200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 50_000, 100_000]
BUDGET_S = 5.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--figure", type=Path, default=Path("docs/figures/scaling.png"))
    parser.add_argument("--json", type=Path, help="write everything that was measured")
    parser.add_argument("--threads", help="for example 1,2; default: one and all")
    parser.add_argument("--largest", type=int, default=SIZES[-1], help="leave larger sizes out")
    options = parser.parse_args()
    threads = parse_integers(options.threads, "--threads") if options.threads else None
    sizes = [size for size in SIZES if size <= options.largest]
    machine = work.machine()
    subject = work.default_subject()
    total = len(sizes) * len(work.check_threads(threads))
    with progress("scaling", total, "cases") as display:
        cases = work.benchmark(
            subject,
            sizes,
            threads,
            quantities=["md_step"],
            budget_s=BUDGET_S,
            advance=lambda name: display.advance(1, now=name),
        )
    print(machine)
    columns = "atoms threads s/step µs/atom processor ns/day bytes/atom median/least"
    print(" ".join(f"{name:>10s}" for name in columns.split()))
    for case in cases:
        result = case.results["md_step"]
        memory = result["memory_bytes_per_atom"]
        columns = [
            f"{case.n_atoms}",
            f"{case.n_threads}",
            f"{result['least_s']:.3e}",
            f"{work.speed(case, 'md_step'):.2f}",
            f"{1e6 * result['processor_s'] / case.n_atoms:.2f}",
            f"{work.ns_per_day(case):.3g}",
            "–" if memory is None else f"{memory:.0f}",
            f"{result['median_s'] / result['least_s']:.2f}",
        ]
        print(" ".join(f"{text:>10s}" for text in columns))
    options.figure.parent.mkdir(parents=True, exist_ok=True)
    save(plot_scaling(cases, machine=machine), options.figure)
    if options.json is not None:
        write_json(options.json, work.to_record(subject, cases))


if __name__ == "__main__":
    main()
