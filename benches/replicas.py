"""Small replicas side by side: nanoseconds per day of 1, 2 and 4 of them, on one core and on all.

On a busy machine the wall times say little; the CPU time per atom and step shows whether running
side by side costs anything. Best of several repetitions.

    python benches/replicas.py POTENTIAL
"""

from __future__ import annotations

import os
import sys
import time

from lionn_rs import load
from lionn_rs.md import MdJob, Protocol, run_many
from lionn_rs.md.single_run import ns_per_day
from lionn_rs.workflows.inputs import load_structure

TIMESTEP_FS = 2.0
REPETITIONS = 5


def measure(potential, atoms, n_replicas: int, n_steps: int) -> tuple[float, float]:
    """Wall and CPU seconds of all replicas together."""
    jobs = [
        MdJob(
            potential,
            atoms,
            Protocol(
                temperature_K=300,
                timestep_fs=TIMESTEP_FS,
                heating_ps=0,
                equilibration_ps=0,
                production_ps=n_steps * TIMESTEP_FS / 1000,
                seed=seed,
            ),
        )
        for seed in range(n_replicas)
    ]
    wall, cpu = time.perf_counter(), time.process_time()
    run_many(jobs, progress=False)
    return time.perf_counter() - wall, time.process_time() - cpu


def main() -> None:
    potential = load(sys.argv[1])
    cores = sorted(os.sched_getaffinity(0))
    print("| atoms | cores | replicas | ns/day together | CPU µs per atom and step | cores busy |")
    print("|---|---|---|---|---|---|")
    for repeat, n_steps in ((1, 1000), (2, 120)):
        atoms = load_structure("dataset:lgps", (repeat, repeat, repeat))
        for used in (cores[:1], cores):
            os.sched_setaffinity(0, used)
            for n in (1, 2, 4):
                wall, cpu = min(measure(potential, atoms, n, n_steps) for _ in range(REPETITIONS))
                rate = ns_per_day(n * n_steps / wall, TIMESTEP_FS)
                per_atom = 1e6 * cpu / (n * n_steps * len(atoms))
                print(
                    f"| {len(atoms)} | {len(used)} | {n} | {rate:.3g} | {per_atom:.2f} | "
                    f"{cpu / wall:.2f} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
