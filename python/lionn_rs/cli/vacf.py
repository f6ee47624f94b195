"""``lionn vacf``: velocity autocorrelation, vibrational spectrum, attempt frequency."""

from __future__ import annotations

from typing import Annotated

import typer

from lionn_rs.cli.common import Force, OwnFolder, Runs, Stage, say


def command(
    runs: Runs,
    species: Annotated[
        str, typer.Option(help="Symbols, such as Li or Li,S; the first is the mobile ion.")
    ] = "Li",
    stage: Stage = "production",
    window_ps: Annotated[
        float, typer.Option("--window-ps", help="Longest lag, ps; resolution 1.1 THz ps.", min=0.01)
    ] = 2.0,
    output: OwnFolder = None,
    force: Force = False,
) -> None:
    """Velocity autocorrelation and density of states; Green-Kubo diffusivity.

    Uses stored velocities (key 'velocities' of [md]), else differences of positions, whose spectrum
    is corrected; frames more than 50 fs apart are refused. Writes vacf.json, vacf.csv, vdos.csv and
    a figure into each run's folder.
    """
    from lionn_rs.errors import ConfigError
    from lionn_rs.workflows.mechanism import open_run, targets
    from lionn_rs.workflows.mechanism_commands import vacf_files
    from lionn_rs.workflows.transport import find_trajectories

    names = [name.strip() for name in species.split(",")]
    if not all(names):
        raise ConfigError(f"--species must look like Li or Li,S, got '{species}'")
    folders = find_trajectories(runs)
    for folder, target in zip(folders, targets(folders, output), strict=True):
        run = open_run(folder, carrier=names[0], stage=stage)
        for line in vacf_files(run, target, species=names, window_ps=window_ps, force=force):
            say(line)
