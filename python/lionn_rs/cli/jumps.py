"""``lionn jumps``: sites, jumps, residence times, memory and concerted motion."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from lionn_rs.cli.common import Carrier, Force, OwnFolder, Stage, say
from lionn_rs.cli.trajectory_options import RunsOrFiles, with_reading_options


@with_reading_options
def command(
    runs: RunsOrFiles,
    species: Carrier = "Li",
    stage: Stage = "production",
    sites: Annotated[
        Path | None,
        typer.Option(
            help="Structure file whose atoms of the mobile species are the sites.",
            show_default="peaks of the density",
        ),
    ] = None,
    radius: Annotated[
        float | None,
        typer.Option(help="Radius of the sites, Å.", show_default="from the vibration", min=0.05),
    ] = None,
    min_residence_fs: Annotated[
        float, typer.Option("--min-residence-fs", help="Shortest stay in a site, fs.", min=0.0)
    ] = 100.0,
    barrier: Annotated[
        float, typer.Option(help="Smallest barrier between two sites of the density, kT.", min=0.0)
    ] = 1.0,
    axis: Annotated[str, typer.Option(help="Lattice vector for directions: a, b or c.")] = "c",
    window_fs: Annotated[
        float, typer.Option("--window-fs", help="Jumps this close in time are a pair, fs.")
    ] = 500.0,
    symmetry: Annotated[
        bool, typer.Option(help="Give sites that are equivalent in the framework one name.")
    ] = False,
    output: OwnFolder = None,
    force: Force = False,
    *,
    reading: dict[str, Any],
) -> None:
    """Jumps of the mobile ions between sites: rates, directions, residence times, memory.

    Writes jumps.json, tables of sites and jumps, and two figures into each run's folder (of a
    file NAME.results beside it).
    """
    from lionn_rs.workflows.foreign import find_sources
    from lionn_rs.workflows.mechanism.files import open_run, targets
    from lionn_rs.workflows.mechanism.jumps import jump_files

    folders = find_sources(runs, reading)
    for folder, target in zip(folders, targets(folders, output), strict=True):
        run = open_run(folder, carrier=species, stage=stage, reading=reading)
        lines = jump_files(
            run,
            target,
            sites=sites,
            radius_A=radius,
            min_residence_fs=min_residence_fs,
            barrier_kT=barrier,
            axis=axis,
            window_fs=window_fs,
            symmetry=symmetry,
            force=force,
        )
        for line in lines:
            say(line)
