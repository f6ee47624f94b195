"""Options of the commands that read trajectories of other programs."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from lionn_rs.errors import ConfigError

__all__ = [
    "Every",
    "FrameInterval",
    "Positions",
    "RunsOrFiles",
    "Skip",
    "SourceFormat",
    "Temperature",
    "Timestep",
    "Topology",
    "Types",
    "given_options",
    "parse_types",
    "with_reading_options",
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
Skip = Annotated[float, typer.Option("--skip-ps", help="Leave out the beginning of a file, ps.")]
RunsOrFiles = Annotated[
    list[Path],
    typer.Argument(
        help="Folders of 'lionn md' (or folders that hold such folders), or files of other "
        "programs, such as XDATCAR, vasprun.xml, extxyz, LAMMPS dump, XTC.",
    ),
]

READING: dict[str, tuple[Any, Any]] = {
    "temperature": (Temperature, None),
    "frame_interval_fs": (FrameInterval, None),
    "timestep_fs": (Timestep, None),
    "topology": (Topology, None),
    "types": (Types, None),
    "skip_ps": (Skip, 0.0),
    "every": (Every, 1),
    "positions": (Positions, None),
    "source_format": (SourceFormat, None),
}
"""Options that say how a file of another program is read: annotation and default."""
KEYWORDS = {"temperature": "temperature_K", "source_format": "format"}
"""Names of options in :func:`lionn_rs.read_trajectory`, where they differ."""


def with_reading_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options above; it gets them in one argument ``reading``.

    ``reading`` is a dict of keywords of :func:`lionn_rs.read_trajectory`, without those that have
    their default value.
    """
    hints = get_type_hints(command, include_extras=True)
    parameters = []
    for name, parameter in inspect.signature(command).parameters.items():
        if name == "reading":
            parameters += [
                inspect.Parameter(key, parameter.kind, default=default, annotation=annotation)
                for key, (annotation, default) in READING.items()
            ]
        else:
            parameters.append(parameter.replace(annotation=hints[name]))

    @functools.wraps(command)
    def wrapped(**arguments: Any) -> None:
        reading = {name: arguments.pop(name) for name in READING}
        command(**arguments, reading=given_options(reading))

    wrapped.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    wrapped.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    del wrapped.__wrapped__
    return wrapped


def given_options(reading: dict[str, Any]) -> dict[str, Any]:
    """Keywords of :func:`lionn_rs.read_trajectory` that differ from their defaults."""
    values = {name: value for name, value in reading.items() if value != READING[name][1]}
    if "types" in values:
        values["types"] = parse_types(values["types"])
    return {KEYWORDS.get(name, name): value for name, value in values.items()}


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
