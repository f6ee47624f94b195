"""``lionn density``: where the mobile ions are, as CHGCAR, cube and picture."""

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
    spacing: Annotated[
        float, typer.Option(help="Largest distance between grid points, Å.", min=0.02)
    ] = 0.2,
    smearing: Annotated[
        float, typer.Option(help="Standard deviation of a Gaussian smearing, Å.", min=0.0)
    ] = 0.2,
    output: OwnFolder = None,
    force: Force = False,
    *,
    reading: dict[str, Any],
) -> None:
    """Probability density of the mobile ions relative to the framework.

    Writes CHGCAR_Li (density times cell volume), density_Li.cube (Å⁻³), density.json and a picture
    into each run's folder (of a
    file NAME.results beside it). The drift of the framework is removed.
    """
    from lionn_rs.workflows.foreign import find_sources
    from lionn_rs.workflows.mechanism.commands import density_files
    from lionn_rs.workflows.mechanism.files import open_run, targets

    folders = find_sources(runs, reading)
    for folder, target in zip(folders, targets(folders, output), strict=True):
        run = open_run(folder, carrier=species, stage=stage, reading=reading)
        for line in density_files(run, target, spacing_A=spacing, smearing_A=smearing, force=force):
            say(line)
