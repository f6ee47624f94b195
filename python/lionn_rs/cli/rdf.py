"""``lionn rdf``: radial distribution functions and coordination numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from lionn_rs.cli.common import Carrier, Force, OwnFolder, Stage, print_table, say
from lionn_rs.cli.trajectory_options import RunsOrFiles, with_reading_options

if TYPE_CHECKING:
    from rich.table import Table

    from lionn_rs.analysis import RdfResult


@with_reading_options
def command(
    runs: RunsOrFiles,
    pairs: Annotated[
        str | None,
        typer.Option(
            help="Pairs (center-neighbor), such as Li-Li,Li-S.", show_default="the mobile ion's"
        ),
    ] = None,
    species: Carrier = "Li",
    stage: Stage = "production",
    r_max: Annotated[float, typer.Option(help="Largest distance, Å.", min=0.5)] = 8.0,
    max_frames: Annotated[int, typer.Option(help="Frames used, evenly spaced.", min=1)] = 500,
    output: OwnFolder = None,
    force: Force = False,
    *,
    reading: dict[str, Any],
) -> None:
    """Radial distribution functions g(r): first peak and coordination number, with errors.

    The coordination number counts neighbors up to the first minimum. Errors come from five blocks
    of the run. Writes rdf.json, rdf.csv and a figure into each run's folder (of a
    file NAME.results beside it).
    """
    from lionn_rs.workflows.foreign import find_sources
    from lionn_rs.workflows.mechanism.commands import rdf_files
    from lionn_rs.workflows.mechanism.files import open_run, targets

    folders = find_sources(runs, reading)
    for folder, target in zip(folders, targets(folders, output), strict=True):
        run = open_run(folder, carrier=species, stage=stage, reading=reading)
        results = rdf_files(
            run, target, pairs=pairs, r_max=r_max, max_frames=max_frames, force=force
        )
        print_table(_table(results, f"{folder} ({run.title})"))
        say(f"  written: {target / 'rdf.json'}")


def _table(results: list[RdfResult], title: str) -> Table:
    from rich.table import Table

    from lionn_rs.numbers import with_error

    table = Table(title=title, title_justify="left", box=None)
    table.add_column("pair")
    for name in ("first peak / Å", "g at the peak", "first minimum / Å", "coordination number"):
        table.add_column(name, justify="right")
    for result in results:
        shell = result.shell
        if shell is None:
            table.add_row("-".join(result.pair), *["–"] * 4)
            continue
        table.add_row(
            "-".join(result.pair),
            with_error(shell.peak_A, shell.peak_se_A),
            f"{shell.peak_g:.2f}",
            with_error(shell.minimum_A, shell.minimum_se_A),
            with_error(shell.coordination, shell.coordination_se),
        )
    return table
