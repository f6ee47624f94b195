"""Active learning of the potential for Li, Si, P, S and Cl: dynamics, choice of frames, guard.

    lionn train examples/paper/five_elements.toml --output five/round-1
    python examples/paper/five_elements.py explore five/round-1
    lionn label five/round-1/selected.extxyz --calculator gpaw --output five/labels

and so on with round-2, after five/labels/labelled.extxyz has been added to [data] images. When
nothing is selected any more,

    python examples/paper/five_elements.py guard five/round-9

runs 20 ps at every temperature and concentration of the study, and says how often and how far the
spread of the committee was beyond the limit. The same command goes on where it was interrupted. The
record of the bundled potential is docs/explanations/five-elements.md.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.io import read, write

import lionn_rs as lionn
from lionn_rs.committee import Committee, atom_force_std
from lionn_rs.files import write_json
from lionn_rs.md import MdJob, MdResult, Protocol, run_many
from lionn_rs.structures import closest_pair
from lionn_rs.structures.tetrahedra import tetrahedra
from lionn_rs.workflows.dope import dope

STRUCTURE = "lsipscl"
"""Bundled cell of Li20Si3P3S23Cl."""
BOND_A = {("Si", "S"): 2.14, ("P", "S"): 2.06, ("P", "Cl"): 2.12}
"""Bonds of the tetrahedra in the first images."""
COUNTS = (3, 2, 1, 0)
"""Cl in 150 atoms: 2 %, 1.3 %, 0.67 % of the paper, and none."""
CLOSEST_A = 1.7
"""Below every distance of the images; bonds P-S come down to 1.8 Å at 1200 K."""
SEPARATION_PS = 1.0
"""Kept frames of one run are at least so far apart."""


def exchanged(atoms: Atoms, silicon: Sequence[int], chlorine: Sequence[int]) -> Atoms:
    """The same cell with Si on other 4d sites and Cl on other ligands; bonds get their length.

    Parameters
    ----------
    atoms : ase.Atoms
        20 Li, 6 centers and 24 ligands, in this order.
    silicon, chlorine : sequence of int
        Atoms that become Si and Cl; the other centers are P, the other ligands S.
    """
    new = atoms.copy()
    new.calc = None
    new.info = {}
    symbols = ["Li"] * 20 + ["P"] * 6 + ["S"] * 24
    for element, chosen in (("Si", silicon), ("Cl", chlorine)):
        for index in chosen:
            symbols[index] = element
    before = atoms.get_chemical_symbols()
    new.set_chemical_symbols(symbols)
    for entry in tetrahedra(atoms):
        for ligand in entry.ligands:
            bond = atoms.get_distance(entry.center, ligand, mic=True, vector=True)
            factor = (
                BOND_A[symbols[entry.center], symbols[ligand]]
                / BOND_A[before[entry.center], before[ligand]]
            )
            new.positions[ligand] = atoms.positions[entry.center] + factor * bond
    return new


def arrangements(host: Atoms, number: int, seed: int) -> Iterator[tuple[str, Atoms]]:
    """Cells of 50 atoms with 0, 1 and 2 Cl and as many Si more: what 150 atoms have locally."""
    rng = np.random.default_rng(seed)
    found = tetrahedra(host)
    on_4d = [entry.center for entry in found[:4]]
    ligands = [i for entry in found[4:] for i in entry.ligands]  # of P on 2b
    names: set[str] = set()
    for n_chlorine in (0, 1, 2):
        for _ in range(number):
            silicon = sorted(map(int, rng.choice(on_4d, 2 + n_chlorine, replace=False)))
            chlorine = sorted(map(int, rng.choice(ligands, n_chlorine, replace=False)))
            name = "-".join(["si", *map(str, silicon), "cl", *map(str, chlorine)])
            if name not in names:  # one may be drawn twice
                names.add(name)
                yield name, exchanged(host, silicon, chlorine)


def supercells(host: Atoms, folder: Path, keep: int, seed: int) -> Iterator[tuple[str, Atoms]]:
    """The concentrations of the paper in 150 atoms, ``keep`` random arrangements of each."""
    start = folder / "undoped.extxyz"
    silicon = [i for i, symbol in enumerate(host.symbols) if symbol == "Si"]
    write(start, exchanged(host, silicon[:2], []))
    found = dope(
        {
            "host": {"structure": str(start), "prototype": "lgps", "supercell": [1, 1, 3]},
            "ladder": {
                "element": "Cl",
                "counts": [count for count in COUNTS if count],
                "exchanges": [
                    {"remove": "S", "insert": "Cl", "bonded_to": "P(2b)"},
                    {"remove": "P", "insert": "Si", "site": "Ge/P(4d)"},
                ],
            },
            "arrangements": {"select": "random", "keep": keep, "seed": seed},
        }
    )
    for entry in found.structures:
        yield entry.label, entry.atoms
    yield "Cl0", read(start).repeat((1, 1, 3))


def run_all(
    folder: Path, committee: Committee, starts: list[tuple[str, Atoms]], args: argparse.Namespace
) -> list[MdResult]:
    """Every structure at every temperature; frames beyond the limit are kept."""
    jobs = []
    for k, (name, atoms) in enumerate(starts):
        for temperature in args.temperatures:
            protocol = Protocol(
                temperature_K=temperature,
                seed=args.seed + k,
                heating_ps=2.0,
                production_ps=args.time_ps,
                on_uncertain="dump",
                max_force_std=args.limit,
                uncertain_interval_ps=SEPARATION_PS,
            )
            target = folder / f"{name}-{temperature:g}K"
            jobs.append(MdJob(committee, atoms, protocol, target, resume=True))
    return run_many(jobs, args.workers, n_threads=1)


def summary(result: MdResult) -> dict[str, Any]:
    """Spread and grade of one run, over all that was assessed of its production."""
    thermo = result.thermo
    production = thermo["stage"] == "production"
    record = {"run": Path(str(result.output)).name, "status": result.status}
    if not production.any():
        return record | {"message": result.message}
    spread, grade = (thermo[key][production] for key in ("max_force_std", "max_grade"))
    spread, grade = spread[np.isfinite(spread)], grade[np.isfinite(grade)]
    return record | {
        "message": result.message,
        "temperature_K": float(thermo["temperature_K"][production].mean()),
        "mean_force_std": float(np.nanmean(thermo["mean_force_std"][production])),
        "median_max_force_std": float(np.median(spread)),
        "largest_force_std": float(spread.max()),
        "beyond_limit": float(np.mean(spread > result.metadata["protocol"]["max_force_std"])),
        "largest_grade": float(grade.max()),
    }


def select(folder: Path, args: argparse.Namespace) -> list[Atoms]:
    """Kept frames of the largest spread, at most so many of each run, in the order of the runs.

    Frames in which atoms have fallen into each other are left out: their forces of a hundred eV/Å
    would outweigh all others. The frames before them are what helps.
    """
    pool: list[tuple[float, str, Atoms]] = []
    for path in sorted(folder.glob("explore/*/uncertain_frames.extxyz")):
        frames = [atoms for atoms in read(path, ":") if closest_pair(atoms)[0] > CLOSEST_A]
        spreads = [float(atom_force_std(a.arrays["force_std"]).max()) for a in frames]
        best = sorted(zip(spreads, frames, strict=True), key=lambda entry: -entry[0])
        pool += [(spread, path.parent.name, atoms) for spread, atoms in best[: args.per_run]]
    chosen = sorted(pool, key=lambda entry: -entry[0])[: args.number]
    for spread, _, atoms in chosen:
        atoms.info["group"] = folder.name
        atoms.info["selected_by"] = f"force spread of a committee, {spread:.3f} eV/Å at one atom"
    return [atoms for _, _, atoms in sorted(chosen, key=lambda entry: entry[1])]


def explore(folder: Path, args: argparse.Namespace) -> None:
    """Dynamics of 50-atom cells, cheap to label, and the frames for ``lionn label``."""
    committee = lionn.load(folder / "committee.json")
    host = lionn.datasets.structure(STRUCTURE)
    starts = []
    for name, atoms in arrangements(host, args.arrangements, args.seed):
        starts.append((name, atoms))
        expanded = atoms.copy()
        expanded.set_cell(1.04 ** (1 / 3) * atoms.cell.array, scale_atoms=True)
        starts.append((f"{name}-expanded", expanded))
    results = run_all(folder / "explore", committee, starts, args)
    frames = select(folder, args)
    write_json(folder / "explore.json", {"runs": [summary(r) for r in results], "n": len(frames)})
    if frames:
        write(folder / "selected.extxyz", frames)
    print(f"{len(frames)} frames to label")


def guard(folder: Path, args: argparse.Namespace) -> None:
    """The supercells of the study at every temperature: is the potential certain of them?"""
    committee = lionn.load(folder / "committee.json")
    host = lionn.datasets.structure(STRUCTURE)
    starts = list(supercells(host, folder, args.keep, args.seed))
    records = [summary(r) for r in run_all(folder / "guard", committee, starts, args)]
    for record in records:
        print(record)
    quiet = [r.get("beyond_limit") == 0.0 and r["status"] == "finished" for r in records]
    write_json(folder / "guard.json", {"limit": args.limit, "runs": records})
    print(f"quiet in {sum(quiet)} of {len(quiet)} runs")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("step", choices=("explore", "guard"))
    parser.add_argument("folder", type=Path, help="Output folder of lionn train.")
    parser.add_argument("--temperatures", type=float, nargs="+", default=[300, 600, 900, 1200])
    parser.add_argument("--time-ps", type=float, default=20.0)
    parser.add_argument("--limit", type=float, default=0.5, help="Force spread of an atom, eV/Å.")
    parser.add_argument("--number", type=int, default=30, help="Frames to label, at most.")
    parser.add_argument("--per-run", type=int, default=3)
    parser.add_argument("--arrangements", type=int, default=3, help="Cells of each composition.")
    parser.add_argument("--keep", type=int, default=1, help="Supercells of each concentration.")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=None)
    args = parser.parse_args()
    {"explore": explore, "guard": guard}[args.step](args.folder, args)


if __name__ == "__main__":
    main()
