"""``lionn check``: forces and stress of a potential against finite differences."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lionn_rs.cli.common import parse_supercell, say


def command(
    potential: Annotated[Path, typer.Argument(help="Potential file (*.json).")],
    structure: Annotated[str, typer.Argument(help="Structure file, or dataset:NAME.")],
    supercell: Annotated[str, typer.Option(help="Repetitions along a, b, c.")] = "1x1x1",
    rattle: Annotated[
        float, typer.Option(help="Random displacement before the check, Å (standard deviation).")
    ] = 0.05,
    seed: Annotated[int, typer.Option(help="Seed of the displacements.")] = 0,
    delta: Annotated[float, typer.Option(help="Finite-difference step, Å.")] = 1e-4,
    tolerance: Annotated[
        float, typer.Option(help="Largest accepted error relative to the largest component.")
    ] = 1e-6,
) -> None:
    """Compare analytic forces and stress with central differences on your own structure.

    Exits with code 1 when they disagree by more than the tolerance.
    """
    from lionn_rs.workflows.checking import check_derivatives

    report = check_derivatives(
        potential,
        structure,
        supercell=parse_supercell(supercell),
        rattle=rattle,
        seed=seed,
        delta=delta,
    )
    say(str(report))
    if report.worst > tolerance:
        say(f"FAILED: {report.worst:.1e} is more than the tolerance {tolerance:.0e}")
        raise typer.Exit(1)
    say(f"passed: {report.worst:.1e} is within the tolerance {tolerance:.0e}")
