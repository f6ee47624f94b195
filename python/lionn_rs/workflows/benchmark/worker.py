"""Process that measures one system size with one number of threads, see :mod:`.benchmark`.

The global thread pool of the compiled core takes its size from the environment once, so every
number of threads needs a process of its own: ``python -m lionn_rs.workflows.benchmark.worker``
reads a :class:`Task` as JSON from standard input and writes one JSON object per line to standard
output: what was measured, in turn, or the error.
"""

from __future__ import annotations

import json
import math
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np

import lionn_rs
from lionn_rs import _core
from lionn_rs.errors import LionnError
from lionn_rs.md import Protocol, repeat
from lionn_rs.potential import Potential
from lionn_rs.structure_arrays import structure_arrays

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["QUANTITIES", "Task", "Timing", "main", "measure", "sample"]

TEMPERATURE_K = 600.0
"""Temperature of the velocities and of the thermostat."""
RATTLE = 0.05
"""Random displacement of the atoms where there is no dynamics, Å: copies must not be alike."""
SAMPLE_S = 0.01
"""Shortest sample, s: far longer than the resolution of the clock."""
LONG_S = 1.0
"""Wall time of one call, s, from which no call is spent on warming up."""
MIN_SAMPLES, MAX_SAMPLES = 3, 100
MIN_STEPS, MAX_STEPS = 16, 100
"""Steps of one sample of dynamics: enough for a new neighbor list, which LGPS at 600 K needs about
every 15 steps, and few enough for any potential to hold the crystal together."""
TRAINING_ATOMS = 6400
"""Atoms of all training images: about 70 MB of derivatives, far more than the caches hold."""
MOST_TRAINING_ATOMS = 50_000
"""More of them than that, for at least one image per thread, would take gigabytes."""
LARGEST_IMAGE = 5000
"""Atoms of the largest training image that is measured; nobody has larger ones."""


@dataclass(frozen=True)
class Task:
    """What one process measures.

    Attributes
    ----------
    potential : dict
        Contents of a potential file.
    cell, pbc, numbers, positions : list
        The structure that is repeated.
    repetitions : (3,) int
        Copies along the lattice vectors.
    n_threads : int
        Threads; the pool was sized by the environment when the process started.
    quantities : list of str
        Some of :data:`QUANTITIES`.
    budget_s : float
        Wall time of the samples of each quantity, s.
    """

    potential: dict[str, Any]
    cell: list[list[float]]
    pbc: list[bool]
    numbers: list[int]
    positions: list[list[float]]
    repetitions: list[int]
    n_threads: int
    quantities: list[str]
    budget_s: float

    def atoms(self) -> Atoms:
        """Return the supercell."""
        from ase import Atoms

        unit = Atoms(self.numbers, positions=self.positions, cell=self.cell, pbc=self.pbc)
        return repeat(unit, self.repetitions)


@dataclass(frozen=True)
class Timing:
    """Repeated samples of one piece of work.

    Attributes
    ----------
    least_s : float
        Shortest time of one call, s: what the machine can do when nothing disturbs it.
    median_s : float
        Median time of one call, s.
    processor_s : float
        Least processor time of one call, all threads together, s: on a busy machine nearer to the
        truth than the time on the clock.
    n_samples : int
        Number of samples.
    n_calls : int
        Calls in each sample.
    """

    least_s: float
    median_s: float
    processor_s: float
    n_samples: int
    n_calls: int


def sample(
    work: Callable[[int], object],
    budget_s: float,
    *,
    prepare: Callable[[], object] = lambda: None,
    min_calls: int = 1,
    max_calls: int = 10**6,
) -> Timing:
    """Time ``work(n_calls)`` again and again.

    Parameters
    ----------
    work : callable
        Makes as many calls as it is told.
    budget_s : float
        Wall time of all samples, s; there are at least :data:`MIN_SAMPLES` in any case.
    prepare : callable
        Called before every sample, outside of the time.
    min_calls, max_calls : int
        Limits on the calls of one sample.

    Returns
    -------
    Timing

    Examples
    --------
    >>> sample(lambda n: [sum(range(1000)) for _ in range(n)], 0.1).n_samples >= MIN_SAMPLES
    True
    """

    def timed(n_calls: int) -> tuple[float, float]:
        prepare()
        start, processor = time.perf_counter(), time.process_time()
        work(n_calls)
        used = time.process_time() - processor
        return (time.perf_counter() - start) / n_calls, used / n_calls

    guess, _ = timed(min_calls)
    if guess * min_calls < LONG_S:
        # The first call has warmed caches and clocks up; long work does that within itself.
        guess, _ = timed(min_calls)
    guess = max(guess, 1e-9)
    n_calls = min(max(math.ceil(SAMPLE_S / guess), min_calls), max_calls)
    n_samples = min(max(round(budget_s / (guess * n_calls)), MIN_SAMPLES), MAX_SAMPLES)
    times, used = zip(*(timed(n_calls) for _ in range(n_samples)), strict=True)
    return Timing(min(times), median(times), min(used), n_samples, n_calls)


def md_steps(potential: Potential, task: Task) -> tuple[Timing, dict[str, Any]]:
    """Make steps as ``lionn md`` does, files aside; every sample is the same steps."""
    protocol = Protocol(temperature_K=TEMPERATURE_K, heating_ps=0)
    atoms = task.atoms()
    cell, pbc, numbers, positions = structure_arrays(atoms)
    masses = atoms.get_masses()
    before = peak_memory()
    run = _core.MdRun(
        potential.core,
        cell=cell,
        pbc=pbc,
        numbers=numbers,
        positions=positions,
        velocities=_core.maxwell_boltzmann(masses, TEMPERATURE_K, seed=0),
        masses=masses,
        timestep_fs=protocol.timestep_fs,
        skin=protocol.skin,
        min_distance=protocol.min_distance,
        check_stride=protocol.check_stride,
        stride_thermo=protocol.stride_thermo,
        stride_frames=protocol.stride,
        n_threads=task.n_threads,
    )
    run.set_thermostat(protocol.stages[0].thermostat)
    start = run.snapshot()

    def work(n_steps: int) -> None:
        done = 0
        while done < n_steps:
            done += run.run(n_steps - done)
        run.drain()

    timing = sample(
        work,
        task.budget_s,
        prepare=lambda: run.restore(start),
        min_calls=MIN_STEPS,
        max_calls=MAX_STEPS,
    )
    after = peak_memory()
    memory = None if before is None or after is None else (after - before) / len(atoms)
    return timing, {"memory_bytes_per_atom": memory}


def energy_and_forces(potential: Potential, task: Task) -> tuple[Timing, dict[str, Any]]:
    """``Potential.evaluate``: energy, forces and stress, with a new neighbor list every time."""
    atoms = rattled(task.atoms(), seed=0)
    return sample(lambda n: [potential.evaluate(atoms) for _ in range(n)], task.budget_s), {}


def neighbor_list(potential: Potential, task: Task) -> tuple[Timing, dict[str, Any]]:
    """``neighbor_list``: all pairs within the cutoff with their vectors."""
    atoms = rattled(task.atoms(), seed=0)
    n_pairs = len(lionn_rs.neighbor_list(atoms, potential.cutoff).i)
    timing = sample(
        lambda n: [lionn_rs.neighbor_list(atoms, potential.cutoff) for _ in range(n)],
        task.budget_s,
    )
    return timing, {"neighbors_per_atom": n_pairs / len(atoms)}


def training(potential: Potential, task: Task) -> tuple[Timing, dict[str, Any]] | None:
    """Loss and gradient with forces over images of this size; None where images are too large."""
    from lionn_rs.data.images import LabeledImage
    from lionn_rs.training.objective import LossWeights, Objective, prepare_images

    atoms = task.atoms()
    if len(atoms) > LARGEST_IMAGE:
        return None
    wanted = min(task.n_threads, MOST_TRAINING_ATOMS // len(atoms))
    n_images = max(TRAINING_ATOMS // len(atoms), wanted, 2)
    images = []
    for seed in range(n_images):
        cell, pbc, numbers, positions = structure_arrays(rattled(atoms, seed=seed))
        images.append(
            LabeledImage(
                numbers, positions, cell, np.array(pbc), 0.0, np.zeros_like(positions), None
            )
        )
    loss = LossWeights()
    prepared, _ = prepare_images(images, potential.descriptor, loss=loss)
    objective = Objective(prepared, potential.core, loss)
    parameters = potential.parameters
    timing = sample(lambda n: [objective(parameters) for _ in range(n)], task.budget_s)
    return timing, {"n_images": n_images}


def rattled(atoms: Atoms, *, seed: int) -> Atoms:
    """Return a copy with random displacements."""
    copy: Atoms = atoms.copy()
    rng = np.random.default_rng(seed)
    copy.positions += rng.normal(scale=RATTLE, size=copy.positions.shape)
    return copy


def peak_memory() -> int | None:
    """Largest memory of this process so far, bytes; None where the system does not say."""
    try:
        for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return 1024 * int(line.split()[1])
    except OSError:
        pass
    return None


Measure = Callable[[Potential, Task], "tuple[Timing, dict[str, Any]] | None"]
QUANTITIES: dict[str, Measure] = {
    "md_step": md_steps,
    "energy_and_forces": energy_and_forces,
    "neighbor_list": neighbor_list,
    "training": training,
}
"""What can be measured, in the order in which it is: peak memory must be that of the dynamics."""


def measure(task: Task, report: Callable[[dict[str, Any]], object]) -> None:
    """Measure the quantities of a task one after the other, each reported when it is known."""
    potential = Potential(_core.NeuralPotential.from_document(task.potential)[0])
    for name, function in QUANTITIES.items():
        if name not in task.quantities:
            continue
        found = function(potential, task)
        report({"quantity": name, "result": None if found is None else asdict(found[0]) | found[1]})


def main() -> None:
    """Read a task, write results; the parent process handles Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def write(record: dict[str, Any]) -> None:
        sys.stdout.write(json.dumps(record) + "\n")
        sys.stdout.flush()

    try:
        measure(Task(**json.load(sys.stdin)), write)
    except LionnError as error:
        write({"error": type(error).__name__, "message": str(error)})


if __name__ == "__main__":
    main()
