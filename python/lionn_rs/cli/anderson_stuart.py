"""``lionn anderson-stuart``: electrostatic jump energy of a trajectory or crystal."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lionn_rs.cli.common import Force, say
from lionn_rs.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

MODES = ("paper", "literal", "ionic")


def command(
    source: Annotated[
        str,
        typer.Argument(
            help="Folder of 'lionn md' (its Li-Li distances give the jump distance), or a crystal: "
            "file or dataset:NAME."
        ),
    ],
    dielectric_constant: Annotated[
        float, typer.Option(help="Relative permittivity, from DFT or experiment.")
    ],
    dielectric_sd: Annotated[float, typer.Option(help="Its standard deviation.")] = 0.0,
    jump_distance: Annotated[
        float | None,
        typer.Option(help="Distance between sites, Å.", show_default="first peak of g(r)"),
    ] = None,
    jump_distance_sd: Annotated[
        float | None,
        typer.Option(help="Its standard deviation, Å.", show_default="from g(r), or 0"),
    ] = None,
    mode: Annotated[
        list[str] | None,
        typer.Option(help="paper, literal or ionic; may be repeated.", show_default="all"),
    ] = None,
    cation: Annotated[str, typer.Option(help="Mobile element.")] = "Li",
    anion: Annotated[str, typer.Option(help="Anion of the modes paper and literal.")] = "Cl",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder for anderson_stuart.json.")
    ] = None,
    force: Force = False,
) -> None:
    """Estimate the electrostatic energy of a jump (Anderson and Stuart), with its error.

    A model of one ion and its nearest anion. 'paper' and 'literal' are two readings of Eq. 5 of
    Rao, Yao and Grabow (2020), 'ionic' takes the ionic radii of Shannon and formal charges.
    """
    from collections import Counter

    from lionn_rs.analysis import anderson_stuart
    from lionn_rs.files import check_folder, prepare_folder, write_json

    chosen = list(mode or MODES)
    unknown = [name for name in chosen if name not in MODES]
    if unknown:
        raise ConfigError(f"--mode must be paper, literal or ionic, got '{unknown[0]}'")
    if output is not None:
        check_folder(output, force=force, resumable=False)
    symbols, volume, measured = _read(source, cation, wanted=jump_distance is None)
    if jump_distance is None:
        if measured is None:
            raise ConfigError(
                f"{source}: a crystal has no g(r) of moving ions: give --jump-distance, or the "
                "folder of a trajectory"
            )
        jump_distance, sd = measured
        jump_distance_sd = sd if jump_distance_sd is None else jump_distance_sd
        say(
            f"jump distance {jump_distance:.3f} ± {sd:.3f} Å: first peak of g(r), {cation}-{cation}"
        )
    counts = Counter(symbols)
    results = [
        anderson_stuart(
            counts,
            volume_A3=volume,
            jump_distance=jump_distance,
            dielectric_constant=dielectric_constant,
            mode="ionic" if name == "ionic" else "literal" if name == "literal" else "paper",
            cation=cation,
            anion=anion,
            jump_distance_sd=jump_distance_sd or 0.0,
            dielectric_constant_sd=dielectric_sd,
        )
        for name in chosen
        if name == "ionic" or mode is not None or counts[anion]
    ]
    for result in results:
        say(str(result))
    if not counts[anion] and mode is None:
        say(f"no {anion} in the cell: modes paper and literal left out (--anion)")
    if output is not None:
        folder = prepare_folder(output, force=force)
        record = {
            "source": Path(source).name,
            "composition": dict(counts),
            "volume_A3": volume,
            "results": [result.to_dict() for result in results],
        }
        write_json(folder / "anderson_stuart.json", record)
        say(f"written: {folder / 'anderson_stuart.json'}")


def _read(
    source: str, cation: str, *, wanted: bool
) -> tuple[Sequence[str], float, tuple[float, float] | None]:
    """Symbols, volume and, of a trajectory, the jump distance with its error."""
    import numpy as np
    from ase.data import chemical_symbols

    from lionn_rs.analysis import jump_distance
    from lionn_rs.errors import DataError
    from lionn_rs.md.trajectory import Trajectory
    from lionn_rs.workflows.inputs import load_structure

    if not Path(source).is_dir():
        atoms = load_structure(source)
        if not atoms.pbc.all():
            raise DataError(f"{source}: not periodic in all directions, expected a crystal")
        return atoms.get_chemical_symbols(), float(atoms.get_volume()), None
    trajectory = Trajectory.open(source)
    symbols = [chemical_symbols[number] for number in trajectory.numbers]
    volume = abs(float(np.linalg.det(trajectory.cell)))
    if not wanted:
        return symbols, volume, None
    measured = jump_distance(
        trajectory.positions("production"), cell=trajectory.cell, symbols=symbols, species=cation
    )
    return symbols, volume, measured
