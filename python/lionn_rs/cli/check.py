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
        float,
        typer.Option(min=0, help="Random displacement before the check, Å (standard deviation)."),
    ] = 0.05,
    n_atoms: Annotated[
        int,
        typer.Option("--atoms", min=1, help="Atoms whose forces are checked, chosen at random."),
    ] = 20,
    seed: Annotated[int, typer.Option(min=0, help="Seed of displacements and choice.")] = 0,
    tolerance: Annotated[
        float, typer.Option(min=0, help="Largest accepted error relative to the largest component.")
    ] = 1e-6,
) -> None:
    """Compare analytic forces and stress with central differences on your own structure.

    Atoms are displaced first, because a symmetric crystal has zero forces, which test nothing.
    Exits with code 1 when forces or stress disagree by more than the tolerance.
    """
    import numpy as np

    from lionn_rs.committee import load
    from lionn_rs.testing import check_derivatives
    from lionn_rs.workflows.dynamics import check_structure
    from lionn_rs.workflows.inputs import load_structure

    model = load(potential)
    atoms = load_structure(structure, parse_supercell(supercell))
    check_structure(model, atoms, structure)
    displacement = np.random.default_rng(seed).normal(scale=rattle, size=atoms.positions.shape)
    atoms.positions += displacement
    result = check_derivatives(model, atoms, n_atoms=n_atoms, seed=seed)
    say(
        f"forces: {result.n_components} components, largest {result.force_scale:.4f} eV/Å, "
        f"error {result.force_error:.1e} eV/Å ({result.relative_force_error:.1e} relative)"
    )
    if result.relative_stress_error is None:
        say("stress: not checked, the structure is not periodic in three directions")
    else:
        say(
            f"stress: largest {result.stress_scale:.2e} eV/Å³, error "
            f"{result.stress_error:.1e} eV/Å³ ({result.relative_stress_error:.1e} relative)"
        )
    evaluation = model.evaluate(atoms)
    if evaluation.n_extrapolating:
        say(
            f"mind: {evaluation.n_extrapolating} of {len(atoms)} atoms are outside the range of "
            "the training set; exact derivatives do not make their forces right"
        )
    if not result.passed(tolerance):
        say(f"FAILED: not within the tolerance {tolerance:.0e}")
        raise typer.Exit(1)
    say(f"passed: within the tolerance {tolerance:.0e}")
