"""``lionn arrhenius``: activation energy and conductivity at another temperature."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lionn_rs.cli.common import Force, say
from lionn_rs.cli.diffusion import Charge, Config, Species
from lionn_rs.cli.trajectory_options import with_reading_options

if TYPE_CHECKING:
    from lionn_rs.analysis import DiffusionResult


@with_reading_options
def command(
    trajectories: Annotated[
        list[Path],
        typer.Argument(
            help="Folders of 'lionn md' (or folders that hold such folders), files of other "
            "programs, where FILE@600 states the temperature (K), or diffusion.json of "
            "'lionn diffusion'.",
        ),
    ],
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
    *,
    reading: dict[str, Any],
) -> None:
    """Fit ln D over 1/T with the errors of the points and extrapolate, with the interval.

    Trajectories that are not diffusive are named and left out. Options on how files of other
    programs are read are those of 'lionn diffusion', which also keeps the single results.
    """
    from lionn_rs.files import check_folder, prepare_folder, write_json
    from lionn_rs.workflows.arrhenius_inputs import find_inputs
    from lionn_rs.workflows.transport import (
        draw_arrhenius,
        fit_arrhenius,
        read_settings,
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
    beside = find_inputs(direct or [], settings.diffusion, reading if direct else {})
    results: list[DiffusionResult] = []
    compared: list[DiffusionResult] = []
    # A folder that holds the direct run among the others does not bring it into the fit.
    known = {entry.path.resolve() for entry in beside}
    fitted = find_inputs(trajectories, settings.diffusion, reading)
    for entry in (*(e for e in fitted if e.path.resolve() not in known), *beside):
        if entry.note:
            say(f"{entry.path}: {entry.note}" + (": left out" if entry.failed else ""))
        if not entry.failed:
            target = compared if entry in beside else results
            target.append(entry.load())
            say(("direct: " if entry in beside else "") + str(target[-1]))
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
