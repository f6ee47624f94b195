"""``lionn arrhenius``: activation energy and conductivity at another temperature."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lionn_rs.cli.common import Force, say
from lionn_rs.cli.diffusion import Charge, Config, Species, Trajectories

if TYPE_CHECKING:
    from lionn_rs.analysis import DiffusionResult


def command(
    trajectories: Trajectories,
    species: Species = None,
    charge: Charge = None,
    extrapolate_to: Annotated[
        float | None, typer.Option(help="Temperature to extrapolate to, K.", show_default="300")
    ] = None,
    direct: Annotated[
        list[Path] | None,
        typer.Option(
            help="Run beside the extrapolation: compared with the line, not fitted. Repeatable.",
            show_default="none",
        ),
    ] = None,
    vtf: Annotated[
        bool | None,
        typer.Option(help="Also fit Vogel-Tammann-Fulcher's law.", show_default="no"),
    ] = None,
    config: Config = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Folder for arrhenius.json, table and figure."),
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
        write_arrhenius_table,
    )

    settings = read_settings(
        config,
        {
            "diffusion": {"carrier": species, "charge": charge},
            "arrhenius": {"extrapolate_to_K": extrapolate_to, "vtf": vtf},
        },
    )
    if output is not None:
        check_folder(output, force=force, resumable=False)
    beside = find_trajectories(direct or [])
    results: list[DiffusionResult] = []
    compared: list[DiffusionResult] = []
    # A folder that holds the direct run among the others does not bring it into the fit.
    known = {folder.resolve() for folder in beside}
    fitted = [f for f in find_trajectories(trajectories) if f.resolve() not in known]
    for folder in (*fitted, *beside):
        note = unfinished(folder)
        if note is not None:
            say(f"{folder}: {note.text}" + (": left out" if note.failed else ""))
        if note is None or not note.failed:
            target = compared if folder in beside else results
            target.append(analyze_folder(folder, settings.diffusion))
            say(("direct: " if folder in beside else "") + str(target[-1]))
    fit = fit_arrhenius(results, settings.arrhenius, direct=compared)
    say(str(fit))
    if fit.vtf is not None:
        say(str(fit.vtf))
    for run in fit.direct:
        say(str(run))
    for text in fit.warnings:
        say(f"  warning: {text}")
    if output is not None:
        folder = prepare_folder(output, force=force)
        write_json(folder / "arrhenius.json", fit.to_dict())
        write_arrhenius_table(folder / "arrhenius.csv", fit)
        draw_arrhenius(fit, folder)
        say(f"written: {folder / 'arrhenius.json'}")
