"""``lionn md``: molecular dynamics with a potential, at one or several temperatures and seeds."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lionn_rs.cli.common import Force, Output, Quiet, Resume, parse_supercell, say


def command(
    potential: Annotated[Path, typer.Argument(help="Potential file (*.json).")],
    output: Output,
    structure: Annotated[
        str | None,
        typer.Argument(
            help="Start structure (CIF, POSCAR, extxyz, ...) or dataset:NAME.", show_default=False
        ),
    ] = None,
    config: Annotated[
        Path | None, typer.Option(help="TOML file with a section md.", show_default="none")
    ] = None,
    temperature: Annotated[
        list[float] | None, typer.Option(help="Temperature, K; repeat for several.")
    ] = None,
    seed: Annotated[
        list[int] | None, typer.Option(help="Seed of the velocities; repeat for several.")
    ] = None,
    time_ps: Annotated[
        float | None, typer.Option("--time-ps", help="Production time, ps.", show_default="20")
    ] = None,
    timestep_fs: Annotated[
        float | None, typer.Option("--timestep-fs", help="Time step, fs.", show_default="2")
    ] = None,
    ensemble: Annotated[
        str | None,
        typer.Option(
            help="nve, nvt, or npt (constant pressure, the cell changes).", show_default="nvt"
        ),
    ] = None,
    thermostat: Annotated[
        str | None,
        typer.Option(
            help="nose-hoover-chain, nose-hoover, langevin, stochastic-rescale, rescale, none.",
            show_default="nose-hoover-chain",
        ),
    ] = None,
    barostat: Annotated[
        str | None,
        typer.Option(
            help="isotropic, or anisotropic: three independent lengths of the cell.",
            show_default="none; isotropic with npt",
        ),
    ] = None,
    pressure_gpa: Annotated[
        float | None,
        typer.Option("--pressure-gpa", help="Pressure of the barostat, GPa.", show_default="0"),
    ] = None,
    supercell: Annotated[
        str | None, typer.Option(help="Repetitions along a, b, c.", show_default="1x1x1")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(help="Runs side by side.", show_default="as cores allow")
    ] = None,
    committee: Annotated[
        Path | None,
        typer.Option(
            help="Committee file (committee.json) that watches a run of another potential.",
            show_default="none",
        ),
    ] = None,
    on_uncertain: Annotated[
        str | None,
        typer.Option(
            help="Beyond a limit: report, stop (can be resumed), or dump frames.",
            show_default="report",
        ),
    ] = None,
    max_force_std: Annotated[
        float | None,
        typer.Option(help="Limit on the force spread of a committee, eV/Å.", show_default="none"),
    ] = None,
    max_grade: Annotated[
        float | None,
        typer.Option(
            help="Limit on the extrapolation grade (1: edge of the training set).",
            show_default="none",
        ),
    ] = None,
    assess_stride: Annotated[
        int | None, typer.Option(help="Steps between two assessments.", show_default="10")
    ] = None,
    resume: Resume = False,
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Heating from 100 K, equilibration and production at every temperature and seed.

    One run is written into the output folder itself, several into one subfolder each.
    Options go before the values of the TOML file.

    Ctrl-C, SIGTERM or a file called 'stop' in the output folder end it with a checkpoint;
    --resume goes on.
    """
    from lionn_rs.config import MdConfig
    from lionn_rs.config_file import load_config, merge_overrides, parse_config
    from lionn_rs.errors import ConfigError
    from lionn_rs.workflows.dynamics import md_command

    overrides = {
        "md": {
            "structure": structure,
            "temperatures_K": temperature or None,
            "seeds": seed or None,
            "production_ps": time_ps,
            "timestep_fs": timestep_fs,
            **_ensemble(ensemble, thermostat, barostat, pressure_gpa),
            "supercell": parse_supercell(supercell) if supercell else None,
            "n_workers": workers,
            "committee": None if committee is None else str(committee),
            "on_uncertain": on_uncertain,
            "max_force_std": max_force_std,
            "max_grade": max_grade,
            "assess_stride": assess_stride,
        }
    }
    if config is not None:
        checked = load_config(config, MdConfig, overrides)
    else:
        if not temperature:
            raise ConfigError("give --temperature (K), or --config with an [md] section")
        content: dict[str, dict[str, object]] = {}
        merge_overrides(content, overrides)
        checked = parse_config(content, MdConfig, source="options")
    if checked.md.structure is None:
        raise ConfigError("give a start structure (a file or dataset:NAME)")
    for line in md_command(
        checked, potential, output, resume=resume, force=force, progress=not quiet
    ):
        say(line)


def _ensemble(
    ensemble: str | None, thermostat: str | None, barostat: str | None, pressure_GPa: float | None
) -> dict[str, object]:
    """Keys of ``[md]`` for an ensemble; what contradicts it is refused."""
    from lionn_rs.errors import ConfigError

    if ensemble not in (None, "nve", "nvt", "npt"):
        raise ConfigError(f"--ensemble must be nve, nvt or npt, got {ensemble}")
    if ensemble == "nve":
        if thermostat not in (None, "none"):
            raise ConfigError(f"--ensemble nve has no thermostat, got --thermostat {thermostat}")
        thermostat = "none"
    elif ensemble is not None and thermostat == "none":
        raise ConfigError(f"--ensemble {ensemble} needs a thermostat, got --thermostat none")
    if ensemble in ("nve", "nvt"):
        if barostat not in (None, "none"):
            raise ConfigError(f"--ensemble {ensemble} has a fixed cell, got --barostat {barostat}")
        barostat = "none"
    elif ensemble == "npt":
        if barostat == "none":
            raise ConfigError("--ensemble npt needs a barostat, got --barostat none")
        barostat = barostat or "isotropic"
    return {"thermostat": thermostat, "barostat": barostat, "pressure_GPa": pressure_GPa}
