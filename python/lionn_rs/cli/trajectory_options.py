"""Options of the commands that read trajectories of other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from lionn_rs.errors import ConfigError

__all__ = [
    "Every",
    "FrameInterval",
    "Positions",
    "SourceFormat",
    "Temperature",
    "Timestep",
    "Topology",
    "Types",
    "parse_types",
]


def _option(*names: str, help: str, default: str = "what the file says") -> Any:
    return typer.Option(*names, help=help, show_default=default)


SourceFormat = Annotated[
    str | None,
    _option("--from", help="Format of the input, where its name does not tell.", default="by name"),
]
Topology = Annotated[
    Path | None,
    _option(
        "--topology",
        help="Structure that says what the atoms are, in the same order (DCD, XTC, TRR).",
        default="none",
    ),
]
Types = Annotated[
    str | None,
    _option("--types", help="Elements of LAMMPS types 1, 2, ..., as Li,P,S,Cl."),
]
Timestep = Annotated[
    float | None,
    _option("--timestep-fs", help="Time step of the dynamics, fs, for files that number steps."),
]
FrameInterval = Annotated[
    float | None,
    _option("--frame-interval-fs", help="Time between the frames of the file, fs."),
]
Temperature = Annotated[float | None, _option("--temperature", help="Temperature of the run, K.")]
Positions = Annotated[
    str | None,
    _option(
        "--positions",
        help="wrapped or unwrapped: whether the file has positions folded into the cell.",
        default="what the file says, else wrapped",
    ),
]
Every = Annotated[int, typer.Option("--every", help="Keep one of so many frames.")]


def parse_types(text: str | None) -> list[str]:
    """``"Li,P,S"`` as symbols.

    Raises
    ------
    ConfigError
        A part is no chemical symbol.
    """
    from ase.data import atomic_numbers

    if text is None:
        return []
    names = [part.strip() for part in text.split(",")]
    for name in names:
        if name not in atomic_numbers:
            raise ConfigError(f"--types must look like Li,P,S,Cl: '{name}' is no chemical symbol")
    return names
