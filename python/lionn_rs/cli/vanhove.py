"""``lionn vanhove``: van Hove functions, self and distinct."""

from __future__ import annotations

from typing import Annotated

import typer

from lionn_rs.cli.common import Carrier, Force, OwnFolder, Runs, Stage, say


def command(
    runs: Runs,
    species: Carrier = "Li",
    stage: Stage = "production",
    r_max: Annotated[float, typer.Option(help="Largest distance, Å.", min=0.5)] = 8.0,
    output: OwnFolder = None,
    force: Force = False,
) -> None:
    """Where an ion is, and where the others are, a time later (van Hove functions).

    Writes van_hove.json, two tables and a figure into each run's folder.
    """
    from lionn_rs.workflows.mechanism import open_run, targets
    from lionn_rs.workflows.mechanism_commands import van_hove_files
    from lionn_rs.workflows.transport import find_trajectories

    folders = find_trajectories(runs)
    for folder, target in zip(folders, targets(folders, output), strict=True):
        run = open_run(folder, carrier=species, stage=stage)
        for line in van_hove_files(run, target, r_max=r_max, force=force):
            say(line)
