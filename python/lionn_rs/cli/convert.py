"""``lionn convert``: trajectories from one format to another."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, cast

import typer

from lionn_rs.cli.common import Quiet, say
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

STAGES = ("heating", "equilibration", "production")


def command(
    source: Annotated[
        Path,
        typer.Argument(metavar="INPUT", help="Folder of 'lionn md', or a trajectory file."),
    ],
    output: Annotated[
        Path, typer.Argument(metavar="OUTPUT", help="File to write; its name tells the format.")
    ],
    format: Annotated[
        str | None,
        typer.Option(
            "--format",
            help="Format of the output: h5md, extxyz, traj, xdatcar, lammps-dump, dcd, xtc, pdb.",
            show_default="by name",
        ),
    ] = None,
    source_format: SourceFormat = None,
    stage: Annotated[
        str | None,
        typer.Option(help=f"{', '.join(STAGES)}: a part of a run of lionn.", show_default="all"),
    ] = None,
    every: Every = 1,
    start: Annotated[
        float | None,
        typer.Option("--start", help="First time, ps.", show_default="the first frame"),
    ] = None,
    stop: Annotated[
        float | None, typer.Option("--stop", help="Last time, ps.", show_default="the last frame")
    ] = None,
    wrap: Annotated[
        bool | None,
        typer.Option(
            "--wrap/--unwrap",
            help="Fold positions into the cell, or keep paths continuous.",
            show_default="--unwrap where the format can",
        ),
    ] = None,
    velocities: Annotated[
        bool | None,
        typer.Option(
            "--velocities/--no-velocities",
            help="Keep velocities.",
            show_default="where input and format have them",
        ),
    ] = None,
    topology: Topology = None,
    types: Types = None,
    timestep_fs: Timestep = None,
    frame_interval_fs: FrameInterval = None,
    temperature: Temperature = None,
    positions: Positions = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing file.")] = False,
    quiet: Quiet = False,
) -> None:
    """Convert a trajectory: for viewers, for other programs, or from them.

    Reads H5MD (lionn and others), extended XYZ, ASE .traj, XDATCAR, vasprun.xml, LAMMPS dump,
    DCD, XTC and TRR; works in blocks, so that a file may be larger than the memory.
    """
    from lionn_rs.trajectories import convert_trajectory

    if stage not in (None, *STAGES):
        raise ConfigError(f"--stage must be one of {', '.join(STAGES)}, got '{stage}'")
    result = convert_trajectory(
        source,
        output,
        format=format,
        source_format=source_format,
        stage=cast("None", stage),
        every=every,
        start_ps=start,
        stop_ps=stop,
        wrap=wrap,
        velocities=velocities,
        topology=topology,
        types=parse_types(types),
        timestep_fs=timestep_fs,
        frame_interval_fs=frame_interval_fs,
        temperature_K=temperature,
        positions=cast("None", positions),
        force=force,
        progress=not quiet,
    )
    say(str(result))
