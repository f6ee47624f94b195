"""``lionn bench``: how fast this machine is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lionn_rs.cli.common import Quiet, parse_integers, print_table, say
from lionn_rs.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from lionn_rs.workflows.benchmark.run import Case

FIGURES = (".png", ".svg", ".pdf")


def command(
    potential: Annotated[
        Path | None,
        typer.Argument(help="Potential file (*.json).", show_default="Gaussian-56, LGPS"),
    ] = None,
    structure: Annotated[
        str | None,
        typer.Argument(
            help="Structure file, or dataset:NAME, for the potential.", show_default=False
        ),
    ] = None,
    atoms: Annotated[
        str, typer.Option(help="Numbers of atoms, up to 100000; the nearest supercells are taken.")
    ] = "50,400,3200",
    threads: Annotated[
        str | None, typer.Option(help="Numbers of threads.", show_default="one and all")
    ] = None,
    json: Annotated[
        Path | None, typer.Option(help="Write everything that was measured.", show_default="none")
    ] = None,
    figure: Annotated[
        Path | None,
        typer.Option(
            help="Draw time per step against number of atoms (*.png, *.svg, *.pdf).",
            show_default="none",
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the files.")] = False,
    quiet: Quiet = False,
) -> None:
    """Measure dynamics, forces, neighbor list and training on this machine, in about a minute.

    Every number is the least of several samples. Give a potential and a structure to measure yours.
    """
    if (potential is None) != (structure is None):
        raise ConfigError(
            "give a potential file and a structure, or neither; "
            f"got only the potential file '{potential}'"
        )
    sizes = parse_integers(atoms, "--atoms", example="50,400,3200")
    counts = parse_integers(threads, "--threads", example="1,2") if threads else None
    for path, option in ((json, "--json"), (figure, "--figure")):
        _check_file(path, option, force)
    if figure is not None and figure.suffix not in FIGURES:
        raise ConfigError(f"--figure must end in {', '.join(FIGURES)}, got '{figure}'")
    if json is not None and json == figure:
        raise ConfigError(f"--json and --figure name one file, {json}")

    from lionn_rs.files import write_json
    from lionn_rs.progress import progress
    from lionn_rs.workflows.benchmark import run as work

    machine = work.machine()
    n_threads = work.check_threads(counts)
    work.check_sizes(sizes)
    if potential is None or structure is None:
        subject = work.default_subject()
    else:
        subject = work.user_subject(potential, structure)
    total = len(set(sizes)) * len(n_threads) * len(work.QUANTITIES)
    with progress("benchmark", total, "measurements", enabled=not quiet) as display:
        cases = work.benchmark(
            subject, sizes, n_threads, advance=lambda name: display.advance(1, now=name)
        )
    say(machine)
    say(subject.description)
    print_table(_table(cases))
    for line in work.remarks(cases):
        say(line)
    if json is not None:
        write_json(json, work.to_record(subject, cases))
        say(f"written: {json}")
    if figure is not None:
        from lionn_rs.plots.scaling import plot_scaling
        from lionn_rs.plots.style import save

        save(plot_scaling(cases, machine=machine), figure)
        say(f"written: {figure}")


def _check_file(path: Path | None, option: str, force: bool) -> None:
    if path is None:
        return
    if path.is_dir():
        raise ConfigError(f"{option}: {path} is a folder, not a file")
    if path.exists() and not force:
        raise ConfigError(f"{option}: {path} exists (--force to replace it)")
    if not path.parent.is_dir():
        raise ConfigError(f"{option}: there is no folder {path.parent}")


def _table(cases: Sequence[Case]) -> Table:
    from rich.table import Table

    from lionn_rs.numbers import significant
    from lionn_rs.workflows.benchmark.run import TIMESTEP_FS, ns_per_day, speed

    table = Table()
    for name in (
        "atoms",
        "threads",
        "MD\nµs per atom, step",
        f"MD at {TIMESTEP_FS:g} fs\nns/day",
        "energy + forces\nµs per atom",
        "neighbor list\nµs per atom",
        "loss + gradient\nimage-atoms/s",
    ):
        table.add_column(name, justify="right")
    for case in cases:
        table.add_row(
            f"{case.n_atoms:,}",
            str(case.n_threads),
            significant(speed(case, "md_step")),
            significant(ns_per_day(case)),
            significant(speed(case, "energy_and_forces")),
            significant(speed(case, "neighbor_list")),
            _thousands(speed(case, "training")),
        )
    return table


def _thousands(value: float | None) -> str:
    return "–" if value is None else f"{round(value, -3):,.0f}"
