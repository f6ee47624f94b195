"""``lionn vacf``: velocity autocorrelation, vibrational spectrum, attempt frequency."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from lionn_rs.cli.common import Force, OwnFolder, Stage, say
from lionn_rs.cli.trajectory_options import RunsOrFiles, with_reading_options


@with_reading_options
def command(
    runs: RunsOrFiles,
    species: Annotated[
        str, typer.Option(help="Symbols, such as Li or Li,S; the first is the mobile ion.")
    ] = "Li",
    stage: Stage = "production",
    window_ps: Annotated[
        float, typer.Option("--window-ps", help="Longest lag, ps; resolution 1.1 THz ps.", min=0.01)
    ] = 2.0,
    output: OwnFolder = None,
    force: Force = False,
    *,
    reading: dict[str, Any],
) -> None:
    """Velocity autocorrelation and density of states; Green-Kubo diffusivity.

    Uses stored velocities (key 'velocities' of [md]), else differences of positions, whose spectrum
    is corrected; frames more than 50 fs apart are refused. Writes vacf.json, vacf.csv, vdos.csv and
    a figure into each run's folder (of a
    file NAME.results beside it).
    """
    from lionn_rs.errors import ConfigError
    from lionn_rs.workflows.foreign import find_sources
    from lionn_rs.workflows.mechanism.commands import vacf_files
    from lionn_rs.workflows.mechanism.files import open_run, targets

    names = [name.strip() for name in species.split(",")]
    if not all(names):
        raise ConfigError(f"--species must look like Li or Li,S, got '{species}'")
    folders = find_sources(runs, reading)
    for folder, target in zip(folders, targets(folders, output), strict=True):
        run = open_run(folder, carrier=names[0], stage=stage, reading=reading)
        for line in vacf_files(run, target, species=names, window_ps=window_ps, force=force):
            say(line)
