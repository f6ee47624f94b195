"""The training of Rao, Yao and Grabow (2020): 9,600 images of 50 atoms, Gaussian-56, (5, 5), BFGS.

    python benches/paper_training.py [--images 9600] [--iterations 50] [--threads 2]

The images are small seeded displacements of the bundled LGPS images; their labels are the bundled
energies and forces continued by a harmonic function, which costs nothing to compute and is smooth.
The learned potential is of no interest, the work per iteration is that of the paper. Prints the
time of the preparation and of an iteration (wall and CPU), loss evaluations, peak memory, and what
5,000 iterations would take.
"""

from __future__ import annotations

import argparse
import os
import resource
import time
from itertools import pairwise

import numpy as np

PAPER_ITERATIONS = 5000
DISPLACEMENT = 0.05
"""Standard deviation of the displacements, Å."""

STIFFNESS = 3.0
"""Curvature of the labels, eV/Å²."""


def make_images(n_images: int) -> list:
    """Displaced copies of the bundled images with ``E = E0 - F0·u + k u²/2``, ``F = F0 - k u``."""
    from ase.calculators.singlepoint import SinglePointCalculator

    import lionn_rs as lionn

    rng = np.random.default_rng(1)
    bundled = lionn.datasets.load("lgps_gpaw_pbe")
    images = []
    for k in range(n_images):
        source = bundled[k % len(bundled)]
        atoms = source.copy()
        u = rng.normal(scale=DISPLACEMENT, size=atoms.positions.shape)
        forces = source.get_forces()
        energy = source.get_potential_energy() - np.sum(forces * u) + 0.5 * STIFFNESS * np.sum(u**2)
        atoms.positions += u
        atoms.calc = SinglePointCalculator(
            atoms, energy=energy, free_energy=energy, forces=forces - STIFFNESS * u
        )
        images.append(atoms)
    return images


def main() -> None:
    """Time the preparation and some iterations."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=9600)
    parser.add_argument("--iterations", type=int, default=50)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--optimizer", default="bfgs")
    parser.add_argument("--max-memory-gb", type=float, default=None)
    options = parser.parse_args()
    os.environ["RAYON_NUM_THREADS"] = str(options.threads)  # before the core starts its threads

    import lionn_rs as lionn

    images = make_images(options.images)
    n_atoms = sum(len(atoms) for atoms in images)
    marks: list[tuple[float, float, float]] = []

    def mark(row: dict[str, float], _: object) -> None:
        marks.append((time.perf_counter(), time.process_time(), row["evaluations"]))

    wall, cpu = time.perf_counter(), time.process_time()
    result = lionn.train(
        images,
        descriptor=lionn.Gaussian.amp_default(["Ge", "Li", "P", "S"], cutoff=lionn.Cosine(6.5)),
        hidden_layers=(5, 5),
        min_feature_range=0.0,  # as AMP
        seed=1,
        optimizer=options.optimizer,
        max_iterations=options.iterations,
        max_memory_gb=options.max_memory_gb,
        progress=False,
        callback=mark,
    )
    first, last = marks[0], marks[-1]
    steps = len(marks) - 1
    wall_step, cpu_step, evaluations = ((b - a) / steps for a, b in zip(first, last, strict=True))
    best = min(b[0] - a[0] for a, b in pairwise(marks))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
    print(f"{options.images} images, {n_atoms} atoms, {options.threads} threads")
    print(f"memory: {result.memory}; peak of the process {peak:.2f} GB")
    print(f"preparation: {first[0] - wall:.1f} s wall, {first[1] - cpu:.1f} s CPU")
    print(
        f"iteration of {options.optimizer}: {wall_step:.3f} s wall (shortest {best:.3f} s), "
        f"{cpu_step:.3f} s CPU, {evaluations:.2f} evaluations"
    )
    rate = n_atoms * evaluations / cpu_step
    print(f"atoms per second and core, everything included: {rate:,.0f}")
    hours = (first[0] - wall + PAPER_ITERATIONS * wall_step) / 3600
    ideal = (first[1] - cpu + PAPER_ITERATIONS * cpu_step) / options.threads / 3600
    print(
        f"{PAPER_ITERATIONS} iterations: {hours:.2f} h as measured, "
        f"{ideal:.2f} h by CPU seconds on {options.threads} free cores"
    )


if __name__ == "__main__":
    main()
