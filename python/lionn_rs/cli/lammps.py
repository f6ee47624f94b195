"""``lionn lammps``: potentials in LAMMPS under MPI, through its KIM package."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lionn_rs.cli.common import parse_integers, parse_supercell, print_table, say
from lionn_rs.errors import ConfigError

if TYPE_CHECKING:
    from ase import Atoms

    from lionn_rs.lammps import RunCheck
    from lionn_rs.potential import BasePotential

app = typer.Typer(
    help="Potentials in LAMMPS under MPI, through its KIM package; nothing has to be built.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Model = Annotated[Path, typer.Argument(help="Potential or committee file (*.json).")]
Supercell = Annotated[str, typer.Option(help="Repetitions along a, b, c.")]


@app.command()
def export(
    potential: Model,
    folder: Annotated[Path, typer.Argument(help="Folder for model, script and data file.")],
    structure: Annotated[
        str | None,
        typer.Option(help="Structure file or dataset:NAME, written as a LAMMPS data file."),
    ] = None,
    supercell: Supercell = "1x1x1",
    name: Annotated[
        str | None,
        typer.Option(help="Name of the model in LAMMPS.", show_default="from elements and hash"),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace files that exist.")] = False,
) -> None:
    """Write a potential as a KIM portable model, with an example input script.

    The folder can be copied to any machine of the same kind that has LAMMPS with the KIM package;
    Python and lionn_rs are not needed there.
    """
    from lionn_rs.committee import load
    from lionn_rs.lammps import export
    from lionn_rs.lammps.model import SCRIPT
    from lionn_rs.workflows.inputs import load_structure

    model = load(potential)
    if structure is None and supercell != "1x1x1":
        raise ConfigError("--supercell repeats a structure: give --structure too")
    atoms = None if structure is None else load_structure(structure, parse_supercell(supercell))
    exported = export(model, folder, name=name, structure=atoms, force=force)
    for path in exported.files:
        say(f"written: {path}")
    say("tell LAMMPS where the model is, and run (here with 4 ranks):")
    say(f"export {exported.environment}")
    say(f"cd {folder} && mpirun -np 4 lmp -in {SCRIPT}")


@app.command()
def check(
    potential: Model,
    structure: Annotated[
        str | None,
        typer.Option(help="Structure file or dataset:NAME.", show_default="bundled LGPS crystal"),
    ] = None,
    supercell: Supercell = "1x1x1",
    ranks: Annotated[str, typer.Option(help="Numbers of MPI processes.")] = "1,2,4",
    rattle: Annotated[
        float,
        typer.Option(min=0, help="Random displacement of the start, Å (standard deviation)."),
    ] = 0.05,
    seed: Annotated[int, typer.Option(min=1, help="Seed of displacements and velocities.")] = 1,
    tolerance: Annotated[
        float, typer.Option(min=0, help="Largest accepted relative error.")
    ] = 1e-9,
    lmp: Annotated[
        str | None, typer.Option(help="LAMMPS program.", show_default="lmp, lmp_mpi, ...")
    ] = None,
) -> None:
    """Run 20 steps in LAMMPS and compare each of them with our own engine.

    Compared are energy, energies of the atoms, forces and virial on the positions that LAMMPS
    dumps. Exits with code 1 when they disagree by more than the tolerance.
    """
    import numpy as np

    from lionn_rs.committee import load
    from lionn_rs.lammps import check, find_program

    model = load(potential)
    counts = parse_integers(ranks, "--ranks", example="1,2,4")
    program = find_program(lmp)
    atoms = _start(model, structure, parse_supercell(supercell))
    displacement = np.random.default_rng(seed).normal(scale=rattle, size=atoms.positions.shape)
    atoms.positions += displacement
    say(f"{program.path}: LAMMPS {program.version}; {len(atoms)} atoms")
    results = check(model, atoms, program=program, ranks=counts, seed=seed)
    _print(results)
    if not all(result.passed(tolerance) for result in results):
        say(f"FAILED: not within the tolerance {tolerance:.0e}")
        raise typer.Exit(1)
    say(f"passed: within the tolerance {tolerance:.0e}")


def _start(model: BasePotential, structure: str | None, supercell: tuple[int, int, int]) -> Atoms:
    from lionn_rs.workflows.inputs import load_structure

    if structure is None:
        structure = "dataset:lgps"
        elements = set(load_structure(structure).get_chemical_symbols())
        if not elements <= set(model.elements):
            raise ConfigError(
                "give --structure: the bundled crystal holds "
                f"{', '.join(sorted(elements))}, the potential {', '.join(model.elements)}"
            )
    return load_structure(structure, supercell)


def _print(results: list[RunCheck]) -> None:
    from rich.table import Table

    table = Table(title="Largest relative difference over all steps")
    for name in ("ranks", "steps", "energy", "atomic energies", "forces", "virial"):
        table.add_column(name, justify="right")
    for result in results:
        errors = (
            result.energy_error,
            result.atomic_energy_error,
            result.force_error,
            result.virial_error,
        )
        numbers = [f"{error:.1e}" for error in errors]
        table.add_row(str(result.n_ranks), str(result.n_frames - 1), *numbers)
    print_table(table)
