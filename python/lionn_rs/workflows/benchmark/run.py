"""Speed of this machine: dynamics, forces, neighbor list and training for sizes and threads."""

from __future__ import annotations

import contextlib
import itertools
import json
import math
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lionn_rs import _core, datasets, errors
from lionn_rs.errors import ConfigError, SimulationError
from lionn_rs.md import Protocol
from lionn_rs.md.cores import available_cores
from lionn_rs.workflows.benchmark.worker import QUANTITIES, TEMPERATURE_K, Task
from lionn_rs.workflows.describe import software
from lionn_rs.workflows.inputs import load_structure
from lionn_rs.workflows.jobs.processes import cause_of_death, module_process

if TYPE_CHECKING:
    from ase import Atoms

    from lionn_rs.potential import Potential

__all__ = [
    "LARGEST",
    "QUANTITIES",
    "SIZES",
    "TIMESTEP_FS",
    "Case",
    "Subject",
    "benchmark",
    "check_sizes",
    "check_threads",
    "default_subject",
    "instruction_set",
    "machine",
    "ns_per_day",
    "remarks",
    "repetitions",
    "speed",
    "to_record",
    "user_subject",
]

SIZES = (50, 400, 3200)
LARGEST = 100_000
TIMESTEP_FS = Protocol(temperature_K=TEMPERATURE_K).timestep_fs
BUDGET_S = 1.2
"""Wall time of the samples of one quantity, s; with the default sizes and two numbers of threads
the whole takes less than a minute."""
FIT_STRIDE, FIT_ITERATIONS = 6, 100
"""The default potential is fitted to every sixth bundled image, which takes half a second: enough
for its forces to hold the crystal together, far from enough to compute anything with it."""
ELONGATION_PENALTY = 0.1
"""A supercell twice as long as wide is as bad as one whose size is 7 % off."""
BUSY = 1.15
"""Median over least time above which other work disturbs the machine."""


@dataclass(frozen=True)
class Subject:
    """The potential and the structure that are measured.

    Attributes
    ----------
    potential : Potential
    atoms : ase.Atoms
        Structure that is repeated to every size.
    description : str
        Both in a few words.
    """

    potential: Potential
    atoms: Atoms
    description: str


@dataclass(frozen=True)
class Case:
    """One line of the table.

    Attributes
    ----------
    n_atoms : int
        Atoms of the supercell.
    repetitions : (3,) int
        Copies of the structure along its lattice vectors.
    n_threads : int
    results : dict
        By quantity: the fields of ``Timing`` with what belongs to them, None if not measured.
    """

    n_atoms: int
    repetitions: tuple[int, int, int]
    n_threads: int
    results: dict[str, dict[str, Any] | None]


def instruction_set() -> str:
    """Instruction set of the computing loops: baseline, avx2, avx512 or neon."""
    return _core.simd_level()


def default_subject() -> Subject:
    """Bundled LGPS crystal with Gaussian-56, 6.5 Å and (5, 5) nodes, fitted in half a second."""
    from lionn_rs.descriptors import Cosine, Gaussian
    from lionn_rs.training import train

    images = datasets.load("lgps_gpaw_pbe")[::FIT_STRIDE]
    elements = sorted(set(images[0].get_chemical_symbols()))
    descriptor = Gaussian.amp_default(elements, cutoff=Cosine(6.5))
    fitted = train(
        images,
        descriptor=descriptor,
        hidden_layers=(5, 5),
        seed=1,
        max_iterations=FIT_ITERATIONS,
        progress=False,
    )
    return Subject(
        fitted.best,
        datasets.structure("lgps"),
        "Gaussian-56, cutoff 6.5 Å, network 56-5-5-1 after a quick fit; LGPS crystal",
    )


def user_subject(potential: Path, structure: str) -> Subject:
    """Potential file and structure (a file or ``dataset:NAME``).

    Raises
    ------
    ModelFileError, DataError
        One of them cannot be used, or they do not fit together.
    """
    from lionn_rs.potential import Potential
    from lionn_rs.workflows.dynamics import check_structure

    model = Potential.load(potential)
    atoms = load_structure(structure)
    check_structure(model, atoms, structure)
    features = ", ".join(f"{e} {n}" for e, n in model.descriptor.n_features.items())
    return Subject(
        model,
        atoms,
        f"{potential.name}: cutoff {model.cutoff:g} Å, features {features}; {structure}",
    )


def repetitions(atoms: Atoms, n_atoms: int) -> tuple[int, int, int]:
    """Supercell with about ``n_atoms`` atoms and edges of about the same length.

    Examples
    --------
    >>> lgps = datasets.structure("lgps")
    >>> [repetitions(lgps, n) for n in (1, 50, 400, 3200)]
    [(1, 1, 1), (1, 1, 1), (2, 2, 2), (4, 4, 4)]
    """
    wanted = n_atoms / len(atoms)
    edges = atoms.cell.lengths()
    periodic = [edge for edge, p in zip(edges, atoms.pbc, strict=True) if p]
    if not periodic:
        return 1, 1, 1
    side = (math.prod(periodic) * wanted) ** (1 / len(periodic))
    counts = [
        range(max(1, int(0.7 * side / edge)), math.ceil(1.5 * side / edge) + 1)
        if p
        else range(1, 2)
        for edge, p in zip(edges, atoms.pbc, strict=True)
    ]

    def badness(copies: tuple[int, ...]) -> float:
        repeated = [edge * n for edge, n, p in zip(edges, copies, atoms.pbc, strict=True) if p]
        elongation = math.log(max(repeated) / min(repeated))
        return abs(math.log(math.prod(copies) / wanted)) + ELONGATION_PENALTY * elongation

    a, b, c = min(itertools.product(*counts), key=badness)
    return a, b, c


def check_threads(counts: Sequence[int] | None) -> list[int]:
    """Numbers of threads to measure; default: one and all.

    Raises
    ------
    ConfigError
        More threads than processors.
    """
    available = available_cores()
    if counts is None:
        return sorted({1, available})
    if max(counts) > available:
        raise ConfigError(
            f"--threads must be at most {available}, the processors that this process may use, "
            f"got {max(counts)}"
        )
    return sorted(set(counts))


def check_sizes(sizes: Sequence[int]) -> None:
    """Refuse numbers of atoms below 1 and above 100,000.

    Raises
    ------
    ConfigError
    """
    for n_atoms in sizes:
        if not 1 <= n_atoms <= LARGEST:
            raise ConfigError(f"--atoms must be between 1 and {LARGEST}, got {n_atoms}")


def benchmark(
    subject: Subject,
    sizes: Sequence[int] = SIZES,
    threads: Sequence[int] | None = None,
    *,
    quantities: Sequence[str] = tuple(QUANTITIES),
    budget_s: float | None = None,
    advance: Callable[[str], object] = lambda _: None,
) -> list[Case]:
    """Measure every size with every number of threads, each in a process of its own.

    Parameters
    ----------
    subject : Subject
        What is measured.
    sizes : sequence of int
        Numbers of atoms; the nearest supercell is taken.
    threads : sequence of int, optional
        Numbers of threads; default: one and all.
    quantities : sequence of str
        Some of ``md_step``, ``energy_and_forces``, ``neighbor_list``, ``training``.
    budget_s : float
        Wall time of the samples of one quantity, s; default: :data:`BUDGET_S`.
    advance : callable
        Called after every quantity with the name of the case.

    Returns
    -------
    list of Case
        Sorted by size, then by threads.

    Raises
    ------
    ConfigError
        A size or number of threads out of range.
    SimulationError
        The dynamics had to stop, or a process died.
    """
    check_sizes(sizes)
    cases = []
    for copies in dict.fromkeys(repetitions(subject.atoms, n) for n in sorted(sizes)):
        for n_threads in check_threads(threads):
            task = Task(
                potential=subject.potential.core.document(),
                cell=subject.atoms.cell.tolist(),
                pbc=[bool(p) for p in subject.atoms.pbc],
                numbers=subject.atoms.numbers.tolist(),
                positions=subject.atoms.positions.tolist(),
                repetitions=list(copies),
                n_threads=n_threads,
                quantities=list(quantities),
                budget_s=BUDGET_S if budget_s is None else budget_s,
            )
            n_atoms = len(subject.atoms) * math.prod(copies)
            name = f"{n_atoms} atoms, {n_threads} thread{'s' if n_threads > 1 else ''}"
            results: dict[str, dict[str, Any] | None] = {}
            for record in _records(task, name):
                results[record["quantity"]] = record["result"]
                advance(name)
            cases.append(Case(n_atoms, copies, n_threads, results))
    return cases


def _records(task: Task, name: str) -> Iterator[dict[str, Any]]:
    """Run one worker and yield its results; the worker does not outlive this generator."""
    with (
        tempfile.TemporaryFile("w+") as errors_text,
        subprocess.Popen(
            **module_process("lionn_rs.workflows.benchmark.worker", task.n_threads),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors_text,
            text=True,
            encoding="utf-8",
        ) as process,
    ):
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            threading.Thread(
                target=_send, args=(process, json.dumps(asdict(task))), daemon=True
            ).start()
            for line in process.stdout:
                record = json.loads(line)
                if "error" in record:
                    kind = getattr(errors, record["error"], SimulationError)
                    raise kind(f"benchmark of {name}: {record['message']}")
                yield record
            if process.wait() != 0:
                errors_text.seek(0)
                reason = cause_of_death(process.returncode, errors_text.read())
                raise SimulationError(f"benchmark of {name}: its process ended: {reason}")
        finally:
            process.kill()


def _send(process: subprocess.Popen[str], text: str) -> None:
    assert process.stdin is not None
    with contextlib.suppress(BrokenPipeError):
        process.stdin.write(text)
        process.stdin.close()


def speed(case: Case, quantity: str) -> float | None:
    """Least time per atom, µs; for training image-atoms per second; None if not measured."""
    result = case.results.get(quantity)
    if result is None:
        return None
    if quantity == "training":
        return float(result["n_images"] * case.n_atoms / result["least_s"])
    return float(1e6 * result["least_s"] / case.n_atoms)


def ns_per_day(case: Case) -> float | None:
    """Return the simulated time per day of wall time with steps of :data:`TIMESTEP_FS`, ns."""
    result = case.results.get("md_step")
    return None if result is None else 86400e-6 * TIMESTEP_FS / float(result["least_s"])


def machine() -> str:
    """Package, processor, cores and instruction set on one line."""
    found = software()
    processor = f"{found['cpu']}, {available_cores()} cores"
    return f"lionn_rs {found['lionn_rs']} · {processor} · {instruction_set()}"


def remarks(cases: Sequence[Case]) -> list[str]:
    """Say how the numbers were taken, and whether the machine was busy."""
    lines = [
        "each number: least of several samples; MD: Nosé-Hoover chain at "
        f"{TEMPERATURE_K:g} K; energy + forces: with a new neighbor list"
    ]
    ratios = [r["median_s"] / r["least_s"] for c in cases for r in c.results.values() if r]
    disturbed = sum(ratio > BUSY for ratio in ratios)
    if disturbed:
        lines.append(
            f"mind: in {disturbed} of {len(ratios)} measurements the median is more than "
            f"{100 * (BUSY - 1):.0f} % above the least (at most {100 * (max(ratios) - 1):.0f} %): "
            "other work disturbs this machine, measure again when it is quiet"
        )
    return lines


def to_record(subject: Subject, cases: Sequence[Case]) -> dict[str, Any]:
    """Everything that was measured and on what, for a JSON file."""
    return {
        "format": "lionn_rs benchmark",
        "version": 1,
        "software": software(),
        "instruction_set": instruction_set(),
        "subject": subject.description,
        "potential_hash": subject.potential.hash,
        "timestep_fs": TIMESTEP_FS,
        "temperature_K": TEMPERATURE_K,
        "cases": [
            asdict(case)
            | {
                "ns_per_day": ns_per_day(case),
                "training_image_atoms_per_s": speed(case, "training"),
            }
            for case in cases
        ],
    }
