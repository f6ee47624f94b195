"""``lionn diffusion``: diffusivity and conductivity from trajectories."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lionn_rs.cli.common import say
from lionn_rs.cli.trajectory_options import (
    Every,
    FrameInterval,
    Positions,
    SourceFormat,
    Temperature,
    Timestep,
    Topology,
    Types,
    parse_types,
)
from lionn_rs.errors import ConfigError

if TYPE_CHECKING:
    from lionn_rs.analysis import DiffusionResult

Trajectories = Annotated[
    list[Path],
    typer.Argument(
        help="Folders of 'lionn md' (or folders that hold such folders), or files of other "
        "programs: XDATCAR, vasprun.xml, extxyz, .traj, LAMMPS dump, DCD, XTC, H5MD."
    ),
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
    charges: Annotated[
        str | None,
        typer.Option(
            help="Charge numbers of all species that carry current, as Li=1,Cl=-1: the collective "
            "conductivity is theirs.",
            show_default="the mobile ion alone",
        ),
    ] = None,
    mobile: Annotated[
        str | None,
        typer.Option(
            help="Further mobile species, as Na,Cl: no part of the framework.", show_default="none"
        ),
    ] = None,
    directions: Annotated[
        str | None,
        typer.Option(help="Crystal directions and planes, as c,ab,[110].", show_default="a,b,c,ab"),
    ] = None,
    drift_reference: Annotated[
        str | None,
        typer.Option(help="framework, all, none or a symbol.", show_default="framework"),
    ] = None,
    pymatgen: Annotated[
        bool | None,
        typer.Option(help="Run pymatgen's DiffusionAnalyzer as well.", show_default="yes"),
    ] = None,
    config: Config = None,
    temperature: Temperature = None,
    frame_interval_fs: FrameInterval = None,
    timestep_fs: Timestep = None,
    topology: Topology = None,
    types: Types = None,
    skip_ps: Annotated[
        float, typer.Option("--skip-ps", help="Leave out the beginning of a file, ps.")
    ] = 0.0,
    every: Every = 1,
    positions: Positions = None,
    source_format: SourceFormat = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="Folder for results from files of other programs.",
            show_default="that of the file",
        ),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Replace results from files of other programs.")
    ] = False,
) -> None:
    """Diffusivity (cm²/s) and Nernst-Einstein conductivity (mS/cm), each with its interval.

    Where a run is not diffusive, an upper bound is given instead of a value. Writes
    diffusion.json, msd.csv and figures into each trajectory's folder; for a file of another
    program NAME.diffusion.json, NAME.msd.csv and figures beside it. The options from --temperature
    on are for such files: what the file does not say.
    """
    from lionn_rs.workflows.foreign import analyze_file, is_folder_of_run
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
                "charges": _parse_charges(charges),
                "mobile": _parse_list(mobile),
                "directions": _parse_list(directions),
                "drift_reference": drift_reference,
                "compare_pymatgen": pymatgen,
            }
        },
    )
    reading: dict[str, Any] = {
        "temperature_K": temperature,
        "frame_interval_fs": frame_interval_fs,
        "timestep_fs": timestep_fs,
        "topology": topology,
        "types": parse_types(types),
        "skip_ps": skip_ps,
        "every": every,
        "positions": positions,
        "format": source_format,
    }
    folders = [path for path in trajectories if is_folder_of_run(path)]
    if len(folders) == len(trajectories):
        _refuse_reading_options(reading, output, folders[0])
    _refuse_one_name_twice([path for path in trajectories if path not in folders], output)
    for folder in find_trajectories(folders):
        result = analyze_folder(folder, settings.diffusion)
        draw_msd([result], folder)
        say(str(result))
        note = unfinished(folder)
        if note is not None:
            say(f"  warning: {note.text}")
        _say_details(result, folder / "diffusion.json")
    for path in trajectories:
        if path not in folders:
            done = analyze_file(path, settings.diffusion, output=output, force=force, **reading)
            for line in done.origin:
                say(line)
            say(str(done.result))
            _say_details(done.result, done.written)


def _parse_list(text: str | None) -> list[str] | None:
    return None if text is None else [part.strip() for part in text.split(",") if part.strip()]


def _parse_charges(text: str | None) -> dict[str, float] | None:
    """``"Li=1,Cl=-1"`` as numbers by symbol."""
    if text is None:
        return None
    found: dict[str, float] = {}
    for part in text.split(","):
        name, _, number = part.partition("=")
        try:
            found[name.strip()] = float(number)
        except ValueError:
            raise ConfigError(f"--charges must look like Li=1,Cl=-1, got '{text}'") from None
    return found


def _refuse_reading_options(reading: dict[str, Any], output: Path | None, folder: Path) -> None:
    names = {"temperature_K": "temperature", "format": "from"}
    given = [name for name, value in reading.items() if value not in (None, [], 0.0, 1)]
    given += [] if output is None else ["output"]
    if given:
        option = names.get(given[0], given[0]).replace("_", "-")
        raise ConfigError(
            f"--{option} is for files of other programs; {folder} is a run of lionn, which knows "
            "(lionn convert makes a file of a part of it)"
        )


def _refuse_one_name_twice(files: list[Path], output: Path | None) -> None:
    """Results are named after the files: those of one would replace those of the other."""
    written = [(path.parent if output is None else output).resolve() / path.name for path in files]
    twice = next((place for k, place in enumerate(written) if place in written[:k]), None)
    if twice is not None:
        raise ConfigError(
            f"results of two files would go into {twice}.diffusion.json: give one at a time, each "
            "its --output"
        )


def _say_details(result: DiffusionResult, written: Path) -> None:
    for text in result.details():
        say(f"  {text}")
    for text in result.warnings:
        say(f"  warning: {text}")
    known = [e for e in result.estimates if e.relative_sd is not None]
    if known:
        errors = ", ".join(f"{e.method} {100.0 * (e.relative_sd or 0.0):.2g} %" for e in known)
        say(f"  standard deviation of D by method: {errors}")
    for value in result.pymatgen:
        if value.diffusivity_cm2_s is not None:
            number = f"D = {value.diffusivity_cm2_s:.3e} cm²/s"
        else:
            number = value.note
        say(f"  pymatgen (smoothed={value.smoothed}): {number}")
    say(f"  written: {written}")
