"""Run AMP 1.0.1: make the reference files of this folder, or predict with a file.

For the Python of an environment that has AMP (see README.md); it needs nothing of lionn_rs.

    python program.py make FOLDER              train small calculators, write them and predictions
    python program.py predict FILE STRUCTURES  print energies and forces as JSON
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import tempfile
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.build import bulk
from ase.calculators.emt import EMT

ITERATIONS = 2
"""Steps of BFGS; the calculators are to be different, not good."""
SOFTER = 0.03
"""Factor of the weights of the first layer after training. The structures lie far outside the few
images, and saturated nodes would give energies that do not depend on the positions."""


def images() -> list[Atoms]:
    """Cu with one Au atom in 4 sites, shaken, with energies and forces of EMT."""
    found = []
    for seed, cells in enumerate([(1, 1, 1)] * 4):
        atoms = bulk("Cu", "fcc", a=3.7, cubic=True).repeat(cells)
        atoms[0].symbol = "Au"
        atoms.rattle(0.15, seed=seed)
        atoms.calc = EMT()
        atoms.get_potential_energy()
        atoms.get_forces()
        found.append(atoms)
    return found


def structures() -> list[Atoms]:
    """Skewed cell smaller than the cutoff, slab, cluster, lone atom."""
    skewed = bulk("Cu", "fcc", a=3.8, cubic=True)
    skewed[1].symbol = "Au"
    skew = np.array([[0.2, 0.1, 0], [0.5, -0.1, 0.3], [0, 0.4, 0.2]])
    skewed.set_cell(skewed.cell.array + skew, scale_atoms=True)
    skewed.rattle(0.1, seed=7)
    slab = bulk("Cu", "fcc", a=3.6, cubic=True).repeat((1, 1, 2))
    slab[5].symbol = "Au"
    slab.pbc = (True, True, False)
    slab.rattle(0.1, seed=8)
    cluster = Atoms(
        "AuCu3Au", [[0, 0, 0], [2.5, 0.2, 0], [0.3, 2.6, 0.1], [1, 1.2, 2.4], [4, 2, 1]]
    )
    return [skewed, slab, cluster, Atoms("Cu", [[1.0, 2.0, 3.0]])]


def to_json(atoms: Atoms) -> dict[str, object]:
    return {
        "symbols": atoms.get_chemical_symbols(),
        "positions": atoms.positions.tolist(),
        "cell": atoms.cell.array.tolist(),
        "pbc": atoms.pbc.tolist(),
    }


def calculators() -> dict[str, object]:
    """Untrained calculators that use what AMP has."""
    from amp import Amp
    from amp.descriptor.cutoffs import Polynomial
    from amp.descriptor.gaussian import Gaussian, make_symmetry_functions
    from amp.descriptor.zernike import Zernike
    from amp.model import LossFunction
    from amp.model.neuralnetwork import NeuralNetwork

    elements = ["Au", "Cu"]
    wide = make_symmetry_functions(elements, "G2", etas=[4.0], offsets=[0.0, 2.2])
    wide += make_symmetry_functions(
        elements, "G5", etas=[0.5], zetas=[1.0, 2.5], gammas=[1.0, -1.0]
    )
    narrow = make_symmetry_functions(elements, "G4", etas=[0.01], zetas=[2.0], gammas=[0.8])
    # No atom is platinum: functions that are zero everywhere.
    narrow += make_symmetry_functions(["Pt"], "G2", etas=[1.0])
    own = {"Au": {"Au": 3.0, "Cu": 1.5}, "Cu": {"Au": -0.5, "Cu": 2.0}}

    def network(seed: int, **options: object) -> NeuralNetwork:
        loss = LossFunction(convergence={"energy_rmse": 1e-9, "force_rmse": 1e-9})
        return NeuralNetwork(lossfunction=loss, randomseed=seed, **options)

    parts = {
        "gaussian": (Gaussian(cutoff=4.5), network(1, hiddenlayers={"Au": (3, 2), "Cu": (4,)})),
        "sigmoid": (
            Gaussian(cutoff=Polynomial(5.0, gamma=3.0), Gs={"Au": wide, "Cu": narrow}),
            network(2, hiddenlayers=(3, 2), activation="sigmoid"),
        ),
        "linear": (Gaussian(cutoff=4.0), network(3, hiddenlayers=(2,), activation="linear")),
        "zernike": (Zernike(cutoff=4.5, nmax=5), network(4, hiddenlayers=(3, 2))),
        "zernike_weights": (
            Zernike(cutoff=4.2, nmax=4, Gs=own),
            network(5, hiddenlayers=(2, 2)),
        ),
    }
    for seed in (1, 2, 3):
        parts[f"member{seed}"] = (Gaussian(cutoff=4.0), network(seed, hiddenlayers=(2, 2)))
    return {
        name: Amp(descriptor=descriptor, model=model, label=name, cores=1)
        for name, (descriptor, model) in parts.items()
    }


def train() -> dict[str, str]:
    """Texts of the trained calculators, as AMP saves them."""
    from amp.regression import Regressor
    from amp.utilities import TrainingConvergenceError
    from scipy.optimize import minimize

    def few_steps(loss, start, **_):
        options = {"maxiter": ITERATIONS}
        minimize(loss, start, args=(True,), jac=True, method="BFGS", options=options)

    texts = {}
    for name, calculator in calculators().items():
        calculator.model.regressor = Regressor(optimizer=few_steps, optimizer_kwargs={})
        with contextlib.suppress(TrainingConvergenceError):
            calculator.train(images=images())
        for layers in calculator.model.parameters.weights.values():
            layers[1] = (SOFTER * np.array(layers[1])).tolist()
        calculator.save(f"{name}-done.amp", overwrite=True)
        texts[name] = Path(f"{name}-done.amp").read_text()
    return texts


def predict(path: Path, atoms: list[Atoms]) -> list[dict[str, object]]:
    """Energies (eV), of the atoms too, and forces (eV/Å)."""
    from amp import Amp
    from amp.stats.bootstrap import BootStrap
    from amp.utilities import Logger

    if path.suffix == ".ensemble":
        # In one folder its members would share stored fingerprints only if these are the same.
        calculator = BootStrap(load=str(path), log=Logger(None), label="ensemble")
    else:
        calculator = Amp.load(str(path), label="predict", cores=1)
    results = []
    for image in atoms:
        copy = image.copy()
        results.append(
            {
                "energy": float(calculator.get_potential_energy(copy)),
                "forces": np.asarray(calculator.get_forces(copy)).tolist(),
            }
        )
    return results


def make(folder: Path) -> None:
    texts = train()
    members = [texts.pop(name) for name in sorted(texts) if name.startswith("member")]
    for name, text in texts.items():
        (folder / f"{name}.amp").write_text(text)
    (folder / "bundle.ensemble").write_text(json.dumps(members))
    predictions = {"structures": [to_json(atoms) for atoms in structures()]}
    for file in sorted([*folder.glob("*.amp"), folder / "bundle.ensemble"]):
        with tempfile.TemporaryDirectory() as workspace, contextlib.chdir(workspace):
            predictions[file.name] = predict(file, structures())
    (folder / "predictions.json").write_text(json.dumps(predictions, indent=1) + "\n")


def main(command: str, first: str, *rest: str) -> None:
    target = Path(first).resolve()
    given = [Path(text).resolve() for text in rest]
    # AMP fills the current folder with files and standard output with words.
    with tempfile.TemporaryDirectory() as workspace, contextlib.redirect_stdout(sys.stderr):
        os.chdir(workspace)
        if command == "make":
            make(target)
            return
        stored = json.loads(given[0].read_text())
        result = predict(target, [Atoms(**entry) for entry in stored])
    print(json.dumps(result))


if __name__ == "__main__":
    main(*sys.argv[1:])
