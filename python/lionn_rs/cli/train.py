"""``lionn train``: a potential from labeled images."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from lionn_rs.cli.common import Force, Output, Quiet, Resume, parse_integers, say


def command(
    source: Annotated[
        Path, typer.Argument(help="TOML file, or a file of labeled images (extxyz, OUTCAR, ...).")
    ],
    output: Output,
    cutoff: Annotated[
        float | None, typer.Option(help="Cutoff radius, Å.", show_default="6.5")
    ] = None,
    hidden_layers: Annotated[
        str | None, typer.Option(help="Nodes of each hidden layer.", show_default="5,5")
    ] = None,
    optimizer: Annotated[
        str | None, typer.Option(help="bfgs, l-bfgs, lm or adam.", show_default="bfgs")
    ] = None,
    max_iterations: Annotated[
        int | None, typer.Option(help="Limit on optimizer iterations.", show_default="1000")
    ] = None,
    wall_time: Annotated[
        float | None, typer.Option(help="Wall-time limit, s.", show_default="none")
    ] = None,
    max_memory: Annotated[
        float | None, typer.Option(help="Memory for stored derivatives, GB.", show_default="none")
    ] = None,
    test: Annotated[
        float | None, typer.Option(help="Fraction kept for the test.", show_default="0.2")
    ] = None,
    validation: Annotated[
        float | None,
        typer.Option(help="Fraction of the rest kept for validation.", show_default="0.1"),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help="Seed of the initial weights.", show_default="1")
    ] = None,
    committee: Annotated[
        int | None,
        typer.Option(help="Members of a committee; 1: one potential.", show_default="1"),
    ] = None,
    bootstrap: Annotated[
        bool | None,
        typer.Option(
            help="Members draw their training images with replacement.", show_default="bootstrap"
        ),
    ] = None,
    resume: Resume = False,
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Train a potential or a committee; writes the best model, split, history and errors.

    Options go before the values of the TOML file.
    """
    from lionn_rs.config import TrainConfig
    from lionn_rs.config_file import load_config, merge_overrides, parse_config
    from lionn_rs.workflows.training import model_file, train_command

    overrides: dict[str, dict[str, Any]] = {
        "data": {"test": test, "validation": validation},
        "descriptor": {"cutoff": cutoff},
        "network": {
            "hidden_layers": parse_integers(hidden_layers, "--hidden-layers")
            if hidden_layers
            else None
        },
        "training": {
            "optimizer": optimizer,
            "max_iterations": max_iterations,
            "wall_time_s": wall_time,
            "max_memory_gb": max_memory,
            "seed": seed,
            "n_members": committee,
            "bootstrap": bootstrap,
        },
    }
    if source.suffix == ".toml":
        config = load_config(source, TrainConfig, overrides)
    else:
        content: dict[str, dict[str, Any]] = {"data": {"images": [str(source)]}}
        merge_overrides(content, overrides)
        config = parse_config(content, TrainConfig, source="options")
    table = train_command(config, output, resume=resume, force=force, progress=not quiet)
    say(table)
    say(f"potential: {output / model_file(config)}")
