"""``lionn diffusion``: diffusivity and conductivity from trajectories."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lionn_rs.cli.common import say

Trajectories = Annotated[
    list[Path], typer.Argument(help="Folders of 'lionn md' (or folders that hold such folders).")
]
Species = Annotated[
    str | None, typer.Option("--species", help="Symbol of the mobile ion.", show_default="Li")
]
Charge = Annotated[
    float | None, typer.Option(help="Charge number of the mobile ion.", show_default="1")
]
Config = Annotated[
    Path | None,
    typer.Option(help="TOML file with the sections diffusion and arrhenius.", show_default="none"),
]


def command(
    trajectories: Trajectories,
    species: Species = None,
    charge: Charge = None,
    drift_reference: Annotated[
        str | None,
        typer.Option(help="framework, all, none or a symbol.", show_default="framework"),
    ] = None,
    pymatgen: Annotated[
        bool | None,
        typer.Option(help="Run pymatgen's DiffusionAnalyzer as well.", show_default="yes"),
    ] = None,
    config: Config = None,
) -> None:
    """Diffusivity (cm²/s) and Nernst-Einstein conductivity (mS/cm), each with its interval.

    Where a run is not diffusive, an upper bound is given instead of a value. Writes
    diffusion.json and MSD figures into each trajectory's folder.
    """
    from lionn_rs.workflows.transport import (
        analyze_folder,
        draw_msd,
        find_trajectories,
        read_settings,
        unfinished,
    )

    settings = read_settings(
        config,
        {
            "diffusion": {
                "carrier": species,
                "charge": charge,
                "drift_reference": drift_reference,
                "compare_pymatgen": pymatgen,
            }
        },
    )
    for folder in find_trajectories(trajectories):
        result = analyze_folder(folder, settings.diffusion)
        draw_msd([result], folder)
        say(str(result))
        note = unfinished(folder)
        if note is not None:
            say(f"  warning: {note.text}")
        for text in result.warnings:
            say(f"  warning: {text}")
        if result.estimates:
            errors = ", ".join(
                f"{e.method} {100.0 * e.relative_sd:.2g} %"
                for e in result.estimates
                if e.relative_sd is not None
            )
            say(f"  standard deviation of D by method: {errors}")
        for value in result.pymatgen:
            if value.diffusivity_cm2_s is not None:
                number = f"{value.diffusivity_cm2_s:.3e} cm²/s"
                say(f"  pymatgen (smoothed={value.smoothed}): D = {number}")
        say(f"  written: {folder / 'diffusion.json'}")
