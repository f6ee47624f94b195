"""Options and conversions that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from lionn_rs.errors import ConfigError

if TYPE_CHECKING:
    from rich.table import Table

__all__ = [
    "Carrier",
    "Force",
    "Output",
    "OwnFolder",
    "Quiet",
    "Resume",
    "Stage",
    "parse_integers",
    "parse_supercell",
    "print_table",
    "say",
]

Output = Annotated[
    Path, typer.Option("--output", "-o", help="Folder for everything that is written.")
]
Force = Annotated[bool, typer.Option("--force", help="Replace results in the output folder.")]
Resume = Annotated[bool, typer.Option("--resume", help="Go on with an interrupted run.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress display.")]

Carrier = Annotated[str, typer.Option("--species", help="Symbol of the mobile ion.")]
Stage = Annotated[
    str, typer.Option(help="heating, equilibration, production or all: frames that are used.")
]
OwnFolder = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        help="Folder for everything that is written; several runs get a folder each in it.",
        show_default="the run's",
    ),
]


def parse_supercell(text: str) -> tuple[int, int, int]:
    """``"2x2x1"`` as three positive integers.

    Raises
    ------
    ConfigError
        Anything else.
    """
    parts = text.lower().replace("×", "x").split("x")
    if len(parts) != 3 or not all(part.strip().isdigit() and int(part) > 0 for part in parts):
        raise ConfigError(f"--supercell must look like 2x2x1, got '{text}'")
    a, b, c = (int(part) for part in parts)
    return a, b, c


def parse_integers(text: str, option: str, *, example: str = "5,5") -> list[int]:
    """``"5,5"`` as a list of positive integers.

    Raises
    ------
    ConfigError
        Anything else; the message names ``option`` and shows the example.
    """
    parts = text.split(",")
    if not all(part.strip().isdigit() and int(part) > 0 for part in parts):
        raise ConfigError(f"{option} must look like {example}, got '{text}'")
    return [int(part) for part in parts]


def say(text: str) -> None:
    """One line of result on standard output."""
    Console(soft_wrap=True).print(text, highlight=False, markup=False)


def print_table(table: Table) -> None:
    """Print a table of results on standard output, never narrower than its content when piped."""
    console = Console()
    if not console.is_terminal:
        console = Console(width=160)
    console.print(table)
