"""``lionn label``: frames to labelled images, with an electronic-structure code."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from lionn_rs.cli.common import Force, Output, Quiet, print_table, say


def command(
    frames: Annotated[
        list[Path],
        typer.Argument(
            help="Files of frames (anything that ASE reads, uncertain_frames.extxyz of lionn md)."
        ),
    ],
    output: Output,
    config: Annotated[
        Path | None, typer.Option(help="TOML file with a section label.", show_default="none")
    ] = None,
    calculator: Annotated[
        str | None,
        typer.Option(help="gpaw (with a preset), cp2k, vasp, ... as ASE names them, or mod:Class."),
    ] = None,
    index: Annotated[str, typer.Option(help="Which frames of each file, as in ASE.")] = ":",
    stress_every: Annotated[
        int | None,
        typer.Option(help="Stress of every n-th frame; 0: of none.", show_default="6"),
    ] = None,
    time_limit: Annotated[
        float | None,
        typer.Option(help="Wall time after which a frame is dropped, s.", show_default="none"),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(help="Frames side by side.", show_default="processors / threads"),
    ] = None,
    threads: Annotated[
        int | None,
        typer.Option(help="Threads of each worker.", show_default="1 if there are enough frames"),
    ] = None,
    dask: Annotated[
        str | None,
        typer.Option(
            help="Address of a Dask scheduler whose workers label, as tcp://host:8786; they must "
            "see the output folder.",
            show_default="this machine",
        ),
    ] = None,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Try frames again that have failed.")
    ] = False,
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Energies, forces and stresses of frames, into labelled.extxyz, ready for lionn train.

    The same command again goes on with it: no frame is labelled twice, new ones are added. Ctrl-C
    and SIGTERM lose the frames at work at most; a file called 'stop' in the output folder lets them
    finish. Frames that fail (no convergence, time limit) are dropped with the reason.
    """
    from rich.table import Table

    from lionn_rs.config_file import load_config, merge_overrides, parse_config
    from lionn_rs.config_label import LabelConfig
    from lionn_rs.errors import ConfigError, SimulationError
    from lionn_rs.workflows.label.result import result_rows
    from lionn_rs.workflows.label.run import label

    overrides: dict[str, dict[str, Any]] = {
        "label": {
            "calculator": calculator,
            "stress_every": stress_every,
            "time_limit_s": time_limit,
        }
    }
    if config is not None:
        checked = load_config(config, LabelConfig, overrides)
    elif calculator is None:
        raise ConfigError("give --calculator (gpaw, cp2k, vasp, ...), or --config with [label]")
    else:
        content: dict[str, dict[str, Any]] = {}
        merge_overrides(content, overrides)
        checked = parse_config(content, LabelConfig, source="options")
    result = label(
        frames,
        output,
        config=checked,
        index=index,
        workers=workers,
        threads=threads,
        dask=dask,
        retry_failed=retry_failed,
        force=force,
        progress=not quiet,
    )
    table = Table(show_header=False)
    table.add_column()
    table.add_column(overflow="fold")
    for row in result_rows(result):
        table.add_row(*row)
    print_table(table)
    if result.stopped:
        say("ended by the file 'stop'; the same command goes on with it")
    if result.failed and not result.n_labelled:
        entry, reason = result.failed[0]
        raise SimulationError(f"no frame was labelled, the first: {entry.label}: {reason}")
    if result.n_labelled:
        say(f"labels: {output / result.file.name}")
