"""``lionn vanhove``: van Hove functions, self and distinct."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from lionn_rs.cli.common import Carrier, Force, OwnFolder, Stage, say
from lionn_rs.cli.trajectory_options import RunsOrFiles, with_reading_options


@with_reading_options
def command(
    runs: RunsOrFiles,
    species: Carrier = "Li",
    stage: Stage = "production",
    r_max: Annotated[float, typer.Option(help="Largest distance, Å.", min=0.5)] = 8.0,
    output: OwnFolder = None,
    force: Force = False,
    *,
    reading: dict[str, Any],
) -> None:
    """Where an ion is, and where the others are, a time later (van Hove functions).

    Writes van_hove.json, two tables and a figure into each run's folder (of a
    file NAME.results beside it).
    """
    from lionn_rs.workflows.foreign import find_sources
    from lionn_rs.workflows.mechanism.commands import van_hove_files
    from lionn_rs.workflows.mechanism.files import open_run, targets

    folders = find_sources(runs, reading)
    for folder, target in zip(folders, targets(folders, output), strict=True):
        run = open_run(folder, carrier=species, stage=stage, reading=reading)
        for line in van_hove_files(run, target, r_max=r_max, force=force):
            say(line)
