"""``lionn arrhenius``: activation energy and conductivity at another temperature."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lionn_rs.cli.common import Force, say
from lionn_rs.cli.diffusion import Charge, Config, Species, Trajectories


def command(
    trajectories: Trajectories,
    species: Species = None,
    charge: Charge = None,
    extrapolate_to: Annotated[
        float | None, typer.Option(help="Temperature to extrapolate to, K.", show_default="300")
    ] = None,
    config: Config = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Folder for arrhenius.json and the figure."),
    ] = None,
    force: Force = False,
) -> None:
    """Fit ln D over 1/T with the errors of the points and extrapolate, with the interval.

    Trajectories that are not diffusive are named and left out.
    """
    from lionn_rs.files import check_folder, prepare_folder, write_json
    from lionn_rs.workflows.transport import (
        analyze_folder,
        draw_arrhenius,
        find_trajectories,
        fit_arrhenius,
        read_settings,
        unfinished,
    )

    settings = read_settings(
        config,
        {
            "diffusion": {"carrier": species, "charge": charge},
            "arrhenius": {"extrapolate_to_K": extrapolate_to},
        },
    )
    if output is not None:
        check_folder(output, force=force, resumable=False)
    results = []
    for folder in find_trajectories(trajectories):
        note = unfinished(folder)
        if note is not None:
            say(f"{folder}: {note.text}" + (": left out" if note.failed else ""))
        if note is None or not note.failed:
            results.append(analyze_folder(folder, settings.diffusion))
            say(str(results[-1]))
    fit = fit_arrhenius(results, settings.arrhenius)
    say(str(fit))
    for text in fit.warnings:
        say(f"  warning: {text}")
    if output is not None:
        folder = prepare_folder(output, force=force)
        write_json(folder / "arrhenius.json", fit.to_dict())
        draw_arrhenius(fit, folder)
        say(f"written: {folder / 'arrhenius.json'}")
