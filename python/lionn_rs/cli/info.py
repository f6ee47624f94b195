"""``lionn info``: what a file is, or what is installed."""

from __future__ import annotations

from typing import Annotated

import typer

from lionn_rs.cli.common import say


def command(
    target: Annotated[
        str | None,
        typer.Argument(
            help="Potential file, trajectory (file or folder), image file or dataset:NAME.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Describe a potential, a trajectory or images; without a target, the installation."""
    from lionn_rs.workflows.describe import describe, describe_installation

    for line in describe_installation() if target is None else describe(target):
        say(line)
