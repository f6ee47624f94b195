"""Options that the commands of ``lionn data`` share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from lionn_rs.errors import ConfigError

if TYPE_CHECKING:
    from lionn_rs.data import DataInputs
    from lionn_rs.data.formats.source import Units

__all__ = [
    "Energy",
    "Forces",
    "From",
    "Images",
    "Index",
    "OutputFile",
    "OutputFormat",
    "OutputUnits",
    "Replace",
    "Stress",
    "Types",
    "Unconverged",
    "UnitsOf",
    "data_inputs",
    "output_units",
    "parse_range",
]

Images = Annotated[
    list[str],
    typer.Argument(help="Files or folders of images of any format, or dataset:NAME."),
]
Index = Annotated[str, typer.Option(help="Which images of each file, as in ASE (::10, -100:).")]
Energy = Annotated[
    str | None, typer.Option(help="Energy label, eV.", show_default="free_energy, else energy")
]
Forces = Annotated[str, typer.Option(help="Force label, eV/Å.")]
Stress = Annotated[str, typer.Option(help="Stress label, eV/Å³, positive = tension.")]
From = Annotated[
    str | None,
    typer.Option("--from", help="Format of the inputs.", show_default="by name and content"),
]
UnitsOf = Annotated[
    str | None,
    typer.Option("--units", help="eV-A or Ha-bohr: units of n2p2 inputs, which do not say them."),
]
Types = Annotated[
    str | None,
    typer.Option(help="Elements of types 0, 1, ... (DeePMD without type_map.raw): Li,P,S."),
]
Unconverged = Annotated[
    bool,
    typer.Option("--keep-unconverged", help="Keep images whose electronic cycle did not converge."),
]
OutputFile = Annotated[
    Path,
    typer.Option("--output", "-o", help="File to write, or folder (deepmd, xsf)."),
]
OutputFormat = Annotated[
    str | None,
    typer.Option(
        "--format",
        help="extxyz, traj, db, npz, deepmd, n2p2, xsf, xdatcar.",
        show_default="by name",
    ),
]
OutputUnits = Annotated[
    str, typer.Option("--output-units", help="eV-A or Ha-bohr, for n2p2 files that are written.")
]
Replace = Annotated[bool, typer.Option("--force", help="Replace an existing output.")]


def data_inputs(
    images: list[str],
    *,
    index: str = ":",
    energy: str | None = None,
    forces: str = "forces",
    stress: str = "stress",
    source_format: str | None = None,
    units: str | None = None,
    types: str | None = None,
    keep_unconverged: bool = False,
    show_progress: bool = True,
) -> DataInputs:
    """Make the inputs of a command of its options."""
    from lionn_rs.data import DataInputs, Keys, ReadOptions

    return DataInputs(
        sources=images,
        index=index,
        keys=Keys(energy=energy, forces=forces, stress=stress),
        format=source_format,
        options=ReadOptions(
            units=cast("Units | None", units),
            types=tuple(part.strip() for part in types.split(",")) if types else (),
            keep_unconverged=keep_unconverged,
        ),
        show_progress=show_progress,
    )


def output_units(text: str) -> Units:
    """``--output-units``, checked where the file is written."""
    return cast("Units", text)


def parse_range(text: str | None, option: str) -> tuple[float, float] | None:
    """``"10:20"`` as two numbers; either may be missing.

    Raises
    ------
    ConfigError
        Anything else.
    """
    if text is None:
        return None
    low, colon, high = text.partition(":")
    try:
        if not colon:
            raise ValueError
        ends = (float(low or "-inf"), float(high or "inf"))
    except ValueError:
        raise ConfigError(f"{option} must look like 10:20, got '{text}'") from None
    if not ends[0] < ends[1]:
        raise ConfigError(f"{option}: {ends[0]:g} is not below {ends[1]:g}")
    return ends
