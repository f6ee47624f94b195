"""``lionn density``: where the mobile ions are, as CHGCAR, cube and picture."""

from __future__ import annotations

from typing import Annotated

import typer

from lionn_rs.cli.common import Carrier, Force, OwnFolder, Runs, Stage, say


def command(
    runs: Runs,
    species: Carrier = "Li",
    stage: Stage = "production",
    spacing: Annotated[
        float, typer.Option(help="Largest distance between grid points, Å.", min=0.02)
    ] = 0.2,
    smearing: Annotated[
        float, typer.Option(help="Standard deviation of a Gaussian smearing, Å.", min=0.0)
    ] = 0.2,
    output: OwnFolder = None,
    force: Force = False,
) -> None:
    """Probability density of the mobile ions relative to the framework.

    Writes CHGCAR_Li (density times cell volume), density_Li.cube (Å⁻³), density.json and a picture
    into each run's folder. The drift of the framework is removed.
    """
    from lionn_rs.workflows.mechanism import open_run, targets
    from lionn_rs.workflows.mechanism_commands import density_files
    from lionn_rs.workflows.transport import find_trajectories

    folders = find_trajectories(runs)
    for folder, target in zip(folders, targets(folders, output), strict=True):
        run = open_run(folder, carrier=species, stage=stage)
        for line in density_files(run, target, spacing_A=spacing, smearing_A=smearing, force=force):
            say(line)
