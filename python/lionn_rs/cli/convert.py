"""``lionn convert``: trajectories and potentials from one format to another."""

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
        typer.Argument(
            metavar="INPUT", help="Folder of 'lionn md', trajectory file, or potential."
        ),
    ],
    output: Annotated[
        Path,
        typer.Argument(
            metavar="OUTPUT", help="File or folder to write; its name tells the format."
        ),
    ],
    format: Annotated[
        str | None,
        typer.Option(
            "--format",
            help="Format of the output: h5md, extxyz, traj, xdatcar, lammps-dump, dcd, xtc, pdb; "
            "of a potential: lionn, amp, n2p2.",
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
    drop_repulsion: Annotated[
        bool,
        typer.Option(
            "--drop-repulsion",
            help="Of a potential, leave out the short-range repulsion that other programs lack.",
        ),
    ] = False,
    units: Annotated[
        str | None,
        typer.Option(
            "--units",
            help="Of a potential of n2p2 or RuNNer: ev-angstrom, hartree-bohr, or "
            "CFLENGTH,CFENERGY as in LAMMPS.",
            show_default=False,
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing file.")] = False,
    quiet: Quiet = False,
) -> None:
    """Convert a trajectory or a potential: for viewers, for other programs, or from them.

    Trajectories: reads H5MD (lionn and others), extended XYZ, ASE .traj, XDATCAR, vasprun.xml,
    LAMMPS dump, DCD, XTC and TRR; works in blocks, so that a file may be larger than the memory.

    Potentials: files of lionn_rs (.json) and of AMP (.amp, .ensemble, folders of .amp files),
    folders of n2p2 and RuNNer (with input.nn).
    """
    from lionn_rs.interop.formats import FORMATS, identify

    if {format, source_format} & FORMATS.keys() or identify(source) is not None:
        _refuse_trajectory_options(
            stage=stage,
            every=None if every == 1 else every,
            start=start,
            stop=stop,
            wrap=wrap,
            velocities=velocities,
            topology=topology,
            types=types or None,
            timestep_fs=timestep_fs,
            frame_interval_fs=frame_interval_fs,
            temperature=temperature,
            positions=positions,
        )
        _convert_potential(source, output, source_format, format, units, drop_repulsion, force)
        return
    for name, given in (("--drop-repulsion", drop_repulsion), ("--units", units)):
        if given:
            raise ConfigError(f"{name} is for potentials, {source} is none")
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


def _convert_potential(
    source: Path,
    output: Path,
    source_format: str | None,
    format: str | None,
    units: str | None,
    drop_repulsion: bool,
    force: bool,
) -> None:
    from lionn_rs.interop import convert_potential

    result = convert_potential(
        source,
        output,
        source_format=source_format,
        format=format,
        units=units,
        drop_repulsion=drop_repulsion,
        force=force,
    )
    say(str(result))


def _refuse_trajectory_options(**given: object) -> None:
    names = [f"--{name.replace('_', '-')}" for name, value in given.items() if value is not None]
    if names:
        raise ConfigError(f"{', '.join(names)}: for trajectories, the input is a potential")
