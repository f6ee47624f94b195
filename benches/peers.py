"""Energy and forces of the same potential by AMP 1.0.1 and by lionn_rs, in turn, on one core.

AMP needs an interpreter of its own: Python 3.8 to 3.11, numpy below 1.24, and gfortran for its
compiled modules.

    python3.8 -m venv amp-env
    amp-env/bin/pip install "setuptools<60" wheel "numpy<1.24" "scipy<1.11" "ase==3.22.1" \
        pyzmq pexpect
    amp-env/bin/pip install --no-build-isolation amp-atomistics==1.0.1
    python benches/peers.py amp-env/bin/python

Both compute the 50-atom LGPS cell with Gaussian-56, 6.5 Å, networks 56-5-5-1 and the same weights,
so energies and forces must agree, and the script stops if they do not. Every round displaces the
atoms, because AMP remembers the fingerprints of structures it has seen. Times are those of the
processor, which other work on the machine disturbs less than the clock on the wall.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ELEMENTS = ["Ge", "Li", "P", "S"]
CUTOFF = 6.5
HIDDEN = (5, 5)
TOLERANCE = 1e-8
"""Of the largest value; both compute in double precision."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("amp_python", help="interpreter that has amp-atomistics")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        amp_worker()
    else:
        os.environ["RAYON_NUM_THREADS"] = "1"  # read when the first force is computed
        compare(options.amp_python, options.rounds)


def compare(amp_python: str, rounds: int) -> None:
    from lionn_rs import datasets
    from lionn_rs.workflows.benchmark.run import machine

    unit = datasets.structure("lgps")
    potential, document = make_potential()
    rng = np.random.default_rng(0)
    times: dict[str, list[float]] = {"AMP 1.0.1": [], "lionn_rs": []}
    with tempfile.TemporaryDirectory() as folder:
        process = subprocess.Popen(
            [amp_python, str(Path(__file__).resolve()), amp_python, "--worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=folder,  # AMP writes its data bases where it runs
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        assert process.stdin is not None
        assert process.stdout is not None
        start = {"document": document, "cell": unit.cell.tolist(), "numbers": unit.numbers.tolist()}
        process.stdin.write(json.dumps(start) + "\n")
        for k in range(rounds):
            atoms = unit.copy()
            atoms.positions += rng.normal(scale=0.05, size=atoms.positions.shape)
            process.stdin.write(json.dumps(atoms.positions.tolist()) + "\n")
            process.stdin.flush()
            answer = json.loads(process.stdout.readline())
            evaluation, seconds = None, []
            for _ in range(20):
                begin = time.process_time()
                evaluation = potential.evaluate(atoms)
                seconds.append(time.process_time() - begin)
            errors = [
                deviation("energy", answer["energy"], evaluation.energy),
                deviation("forces", answer["forces"], evaluation.forces),
            ]
            times["AMP 1.0.1"].append(answer["seconds"])
            times["lionn_rs"].append(min(seconds))
            text = "energy {:.0e}, forces {:.0e}".format(*errors)
            print(f"round {k + 1}/{rounds}, relative differences: {text}", file=sys.stderr)
        process.stdin.close()
        process.wait()
    print(machine())
    print(f"{len(unit)} atoms, energy and forces, processor time, least of {rounds} rounds")
    for name, values in times.items():
        print(f"{name:10s} {1e6 * min(values) / len(unit):12.1f} µs per atom")
    print(f"ratio {min(times['AMP 1.0.1']) / min(times['lionn_rs']):.0f}")


def deviation(name: str, got, expected) -> float:
    got, expected = np.asarray(got), np.asarray(expected)
    error = float(np.abs(got - expected).max() / np.abs(expected).max())
    if error > TOLERANCE:
        sys.exit(f"{name} of AMP and lionn_rs differ by {error:.1e} of the largest value")
    return error


def make_potential():
    """Return a potential with seeded weights, and the same for AMP."""
    from lionn_rs import Cosine, Gaussian, Potential, _core

    descriptor = Gaussian.amp_default(ELEMENTS, cutoff=Cosine(CUTOFF))
    rng = np.random.default_rng(1)
    parameters: list[float] = []
    weights: dict[str, list] = {}
    scalings = {"intercept": -4.0, "slope": 1.5}
    ranges = {}
    for element, n in descriptor.n_features.items():
        weights[element] = []
        widths = [n, *HIDDEN, 1]
        for n_in, n_out in itertools.pairwise(widths):
            layer = rng.uniform(-0.5, 0.5, (n_in + 1, n_out))
            weights[element].append(layer.tolist())
            parameters += layer.ravel().tolist()
        ranges[element] = [[0.0, 4.0]] * n
    parameters += [scalings["intercept"], scalings["slope"]] * len(ELEMENTS)
    core = _core.NeuralPotential.assemble(
        descriptor.core,
        [[low for low, _ in ranges[e]] for e in ELEMENTS],
        [[high for _, high in ranges[e]] for e in ELEMENTS],
        list(HIDDEN),
        ["tanh", "tanh", "tanh"],
        parameters,
    )
    return Potential(core), {"weights": weights, "scalings": scalings, "ranges": ranges}


def amp_worker() -> None:
    """Run in the interpreter of AMP: positions in, energy, forces and seconds out."""
    from collections import OrderedDict

    from amp import Amp
    from amp.descriptor.cutoffs import Cosine
    from amp.descriptor.gaussian import Gaussian
    from amp.model.neuralnetwork import NeuralNetwork
    from ase import Atoms

    start = json.loads(sys.stdin.readline())
    document = start["document"]
    # AMP prints; the answers go where it cannot.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    model = NeuralNetwork(
        hiddenlayers=HIDDEN,
        mode="atom-centered",
        activation="tanh",
        weights=OrderedDict(
            (element, OrderedDict((k + 1, np.array(w)) for k, w in enumerate(layers)))
            for element, layers in document["weights"].items()
        ),
        scalings=OrderedDict((element, dict(document["scalings"])) for element in ELEMENTS),
        fprange=document["ranges"],
    )
    model.parameters.hiddenlayers = dict.fromkeys(ELEMENTS, HIDDEN)
    descriptor = Gaussian(cutoff=Cosine(CUTOFF), elements=ELEMENTS)
    calculator = Amp(descriptor=descriptor, model=model, cores=1, label="amp")
    for line in sys.stdin:
        atoms = Atoms(start["numbers"], positions=json.loads(line), cell=start["cell"], pbc=True)
        begin = time.process_time()
        atoms.calc = calculator
        energy = atoms.get_potential_energy()
        forces = atoms.get_forces()
        seconds = time.process_time() - begin
        record = {"energy": float(energy), "forces": forces.tolist(), "seconds": seconds}
        answers.write(json.dumps(record) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
