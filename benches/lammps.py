"""Time per atom and step inside LAMMPS and in our own loop: LGPS, Gaussian-56, 6.5 Å, 600 K, 2 fs.

    python benches/lammps.py

Needs LAMMPS with the KIM package and mpirun. Both loops run at constant temperature with a
Nosé-Hoover chain on the same potential, start structure and time step. Times are the least of
several runs, without what it takes to start. The processor time of all cores is disturbed less by
other work on the machine than the time on the clock; it includes the waiting of MPI, which spins.
"""

from __future__ import annotations

import argparse
import os
import re
import resource
import tempfile
from pathlib import Path

from lionn_rs import lammps
from lionn_rs.lammps.model import system_lines
from lionn_rs.md import repeat
from lionn_rs.workflows.benchmark.run import benchmark, default_subject, machine

COPIES = (4, 4, 4)
SKINS = (0.8, 2.0)
"""Å: our own, and that of LAMMPS unless its input says otherwise."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--ranks", default="1,2", help="ranks and threads, as 1,2")
    options = parser.parse_args()
    counts = [int(text) for text in options.ranks.split(",")]
    os.environ["RAYON_NUM_THREADS"] = "1"  # of this process, which only writes files
    subject = default_subject()
    atoms = repeat(subject.atoms, COPIES)
    program = lammps.find_program()
    print(f"{machine()} · LAMMPS {program.version}")
    print(f"{len(atoms)} atoms, {subject.description}")
    print("µs per atom and step".ljust(40), "clock", "processor", sep="  ")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        model = lammps.export(subject.potential, folder, structure=atoms)
        for skin in SKINS:
            script = folder / f"in.skin{skin}"
            lines = system_lines(subject.potential, model.name, atoms)
            script.write_text("\n".join(lines + dynamics(skin)) + "\n", encoding="utf-8")
            for n_ranks in counts:
                clock, processor = least(program, script, folder, n_ranks, options)
                show(f"LAMMPS, skin {skin} Å, {n_ranks} ranks", clock, processor, len(atoms))
    for case in benchmark(subject, [len(atoms)], counts, quantities=["md_step"], budget_s=6.0):
        timing = case.results["md_step"]
        assert timing is not None
        name = f"lionn md, {case.n_threads} threads"
        show(name, timing["least_s"], timing["processor_s"], case.n_atoms)


def dynamics(skin: float) -> list[str]:
    return [
        f"neighbor      {skin} bin",
        "neigh_modify  every 1 delay 0 check yes",
        "velocity      all create 600.0 1 mom yes rot no dist gaussian",
        "timestep      0.002",
        "fix           thermostat all nvt temp 600.0 600.0 0.1",
        "thermo        10",
        "run           ${steps}",
    ]


def least(
    program: lammps.Program, script: Path, models: Path, n_ranks: int, options: argparse.Namespace
) -> tuple[float, float]:
    """Least time per step on the clock and of all processors, s."""
    clocks, processors = [], {0: [], options.steps: []}
    for _ in range(options.rounds):
        for steps, times in processors.items():
            before = processor_time()
            log = program.run(
                script, models=models, n_ranks=n_ranks, variables={"steps": str(steps)}
            )
            times.append(processor_time() - before)
        found = re.search(r"Loop time of (\S+) on", log)
        assert found is not None
        clocks.append(float(found[1]))
    start, total = (min(times) for times in processors.values())
    return min(clocks) / options.steps, (total - start) / options.steps


def processor_time() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def show(name: str, clock_s: float, processor_s: float, n_atoms: int) -> None:
    numbers = (f"{1e6 * seconds / n_atoms:.1f}" for seconds in (clock_s, processor_s))
    clock, processor = numbers
    print(name.ljust(40), clock.rjust(5), processor.rjust(9), sep="  ", flush=True)


if __name__ == "__main__":
    main()
