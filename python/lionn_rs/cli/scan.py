"""``lionn scan``: descriptors, topologies and seeds compared."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lionn_rs.cli.common import Force, Output, Quiet, Resume, print_table, say

if TYPE_CHECKING:
    from rich.table import Table

    from lionn_rs.workflows.scan.results import ScanResult

HEADER = (
    "descriptor",
    "features",
    "topology",
    "parameters",
    "seeds",
    "energy RMSE\nmeV/atom\nvalidation",
    "\n\ntest",
    "force RMSE\neV/Å\nvalidation",
    "\n\ntest",
    "E + forces\nµs/atom\none core",
)


def command(
    config: Annotated[
        Path, typer.Argument(help="TOML file with the sections of a training, and scan.")
    ],
    output: Output,
    workers: Annotated[
        int | None,
        typer.Option(help="Members trained side by side.", show_default="processors / threads"),
    ] = None,
    threads: Annotated[
        int | None,
        typer.Option(help="Threads of each member.", show_default="processors / workers"),
    ] = None,
    dask: Annotated[
        str | None,
        typer.Option(
            help="Address of a Dask scheduler whose workers train, as tcp://host:8786; they must "
            "see the output folder.",
            show_default="this machine",
        ),
    ] = None,
    resume: Resume = False,
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Train a grid of descriptors, topologies and seeds; writes tables and figures.

    The recommendation is chosen by the validation error, never by the test set. A scan that was
    interrupted goes on with --resume, also with members added to the grid.
    """
    from lionn_rs.errors import SimulationError
    from lionn_rs.workflows.scan.run import scan
    from lionn_rs.workflows.scan.tables import failure_lines, recommendation, unfinished

    result = scan(
        config,
        output,
        workers=workers,
        threads=threads,
        dask=dask,
        resume=resume,
        force=force,
        progress=not quiet,
    )
    if result.finished:
        print_table(_table(result))
        for line in [*recommendation(result), *unfinished(result)]:
            say(line)
    for line in failure_lines(result):
        say(line)
    say(f"table: {output / 'table.md'}, figures: {output / 'errors.png'}, {output / 'pareto.png'}")
    if result.failed:
        first = result.failed[0]
        raise SimulationError(
            f"{len(result.failed)} of {len(result.members)} members failed, the first: "
            f"{first.name}: {first.error} (--resume tries them again)"
        )


def _table(result: ScanResult) -> Table:
    """Averages over the seeds; the training set is in the files."""
    from rich.table import Table

    from lionn_rs.workflows.scan.tables import average_rows

    table = Table()
    for k, name in enumerate(HEADER):
        table.add_column(name, justify="left" if k == 0 else "right")
    for row in average_rows(result):
        table.add_row(*row[:5], *row[6:8], *row[9:])
    return table
