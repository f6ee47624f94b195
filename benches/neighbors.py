"""Neighbor list of lionn_rs beside vesin and matscipy: LGPS, 6.5 Å, full lists through Python.

    python benches/neighbors.py [--repeats 2,4,8] [--rounds 15] [--threads 1,2]

Packages that are missing are installed into a temporary virtual environment. All calls get the
same structure and return new arrays i, j, S and D. Pairs are compared before anything is timed;
then every round calls all packages once, in turn. Times are wall times; the CPU time of the
fastest call is given as well, because it suffers less from other programs on the machine.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.metadata
import importlib.util
import os
import platform
import subprocess
import sys
import sysconfig
import tempfile
import time
import venv
from collections.abc import Callable
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.io import read

import lionn_rs

PEERS = ("vesin", "matscipy")
CUTOFF = 6.5
NOISE = 0.05
"""Standard deviation of the displacements that make the copies of the crystal different, Å."""


def install_missing(folder: Path) -> None:
    """Make the peers importable, from a new virtual environment where they are not."""
    missing = [name for name in PEERS if importlib.util.find_spec(name) is None]
    if not missing:
        return
    print(f"installing {' and '.join(missing)} into {folder}", file=sys.stderr)
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "--quiet", *missing], check=True)
    # At the end: numpy and ase stay those of this interpreter.
    sys.path.append(sysconfig.get_path("platlib", vars={"base": folder, "platbase": folder}))
    importlib.invalidate_caches()


def crystal(repeats: int) -> Atoms:
    """LGPS, repeated along all lattice vectors, with a little noise."""
    source = Path(lionn_rs.datasets.__file__).parent / "lgps.extxyz"
    atoms = read(source).repeat(repeats)
    rng = np.random.default_rng(0)
    atoms.positions += rng.normal(0.0, NOISE, atoms.positions.shape)
    return atoms


def callers(atoms: Atoms, n_threads: int) -> dict[str, Callable[[], list[np.ndarray]]]:
    """Functions that return i, j, S, D."""
    import vesin
    from matscipy.neighbours import neighbour_list

    points, box = atoms.positions, atoms.cell.array

    def with_vesin(sort: bool) -> Callable[[], list[np.ndarray]]:
        calculator = vesin.NeighborList(
            cutoff=CUTOFF, full_list=True, sorted=sort, n_threads=n_threads
        )
        return lambda: calculator.compute(points, box, periodic=True, quantities="ijSD")

    return {
        "lionn_rs": lambda: list(lionn_rs.neighbor_list(atoms, CUTOFF)),
        "vesin": with_vesin(False),
        "vesin, sorted by i": with_vesin(True),
        "matscipy": lambda: list(neighbour_list("ijSD", atoms, CUTOFF)),
    }


def canonical(arrays: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Pairs (i, j, S) in the order of their numbers, and their vectors in the same order."""
    i, j, shifts, vectors = arrays
    table = np.column_stack([i, j, shifts]).astype(np.int64)
    order = np.lexsort(table.T[::-1])
    return table[order], vectors[order]


def check(functions: dict[str, Callable[[], list[np.ndarray]]]) -> int:
    """All packages find the same pairs; returns their number."""
    results = {name: canonical(function()) for name, function in functions.items()}
    pairs, vectors = results.pop("lionn_rs")
    for name, (other, other_vectors) in results.items():
        if not np.array_equal(pairs, other):
            raise SystemExit(f"{name} finds other pairs: {len(other)}, lionn_rs {len(pairs)}")
        np.testing.assert_allclose(vectors, other_vectors, atol=1e-9, err_msg=name)
    return len(pairs)


def measure(repeats: list[int], rounds: int, n_threads: int) -> None:
    """Print one table."""
    print(f"\n{n_threads} thread{'s' if n_threads > 1 else ''} (matscipy has only one)\n")
    print("|  atoms |   pairs | package            | min ms | median ms | CPU ms | µs/atom |")
    print("|-------:|--------:|:-------------------|-------:|----------:|-------:|--------:|")
    for repeat in repeats:
        atoms = crystal(repeat)
        functions = callers(atoms, n_threads)
        n_pairs = check(functions)
        times: dict[str, list[float]] = {name: [] for name in functions}
        cpu: dict[str, list[float]] = {name: [] for name in functions}
        for _ in range(rounds):
            for name, function in functions.items():
                start, start_cpu = time.perf_counter(), time.process_time()
                result = function()
                times[name].append(1e3 * (time.perf_counter() - start))
                cpu[name].append(1e3 * (time.process_time() - start_cpu))
                del result
        for name, values in times.items():
            print(
                f"| {len(atoms):6d} | {n_pairs:7d} | {name:18s} | {min(values):6.2f} "
                f"| {np.median(values):9.2f} | {min(cpu[name]):6.2f} "
                f"| {1e3 * min(values) / len(atoms):7.2f} |"
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    numbers = {"type": lambda text: [int(x) for x in text.split(",")]}
    parser.add_argument("--repeats", **numbers, default=[2, 4, 8], help="copies per direction")
    parser.add_argument("--threads", **numbers, default=[1, 2], help="numbers of threads")
    parser.add_argument("--rounds", type=int, default=15, help="calls of every package")
    parser.add_argument("--child", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        measure(options.repeats, options.rounds, options.child)
        return
    with tempfile.TemporaryDirectory() as folder:
        install_missing(Path(folder))
        versions = [f"{name} {importlib.metadata.version(name)}" for name in (*PEERS, "numpy")]
        print(f"lionn_rs {lionn_rs.__version__}, {', '.join(versions)}")
        load = os.getloadavg()[0]
        print(f"Python {platform.python_version()}, {os.cpu_count()} cores, load {load:.1f}")
        for n_threads in options.threads:
            # The thread pools read their size when they start.
            environment = os.environ | {
                "RAYON_NUM_THREADS": str(n_threads),
                "OMP_NUM_THREADS": str(n_threads),
                "PYTHONPATH": os.pathsep.join(sys.path),
            }
            arguments = ["--repeats", ",".join(map(str, options.repeats))]
            arguments += ["--rounds", str(options.rounds), "--child", str(n_threads)]
            sys.stdout.flush()
            subprocess.run([sys.executable, __file__, *arguments], env=environment, check=True)


if __name__ == "__main__":
    main()
