"""Accuracy on the images of Zuo et al. for one element: Si with the published test set, Li and Mo.

The images and the published networks' predictions are those of Zuo et al., J. Phys. Chem. A 124,
731 (2020), doi 10.1021/acs.jpca.9b08723 (https://github.com/materialsvirtuallab/mlearn) as extended
XYZ, `DATA/<element>/training.extxyz.xz` and `test.extxyz.xz`; they are not part of this package.

    python mlearn.py DATA --element Si --output runs/si
    python mlearn.py DATA --element Li --output runs/li
    python mlearn.py DATA --element Mo --output runs/mo

Where there is no `test.extxyz.xz`, a tenth of the training images is held out instead, from every
group (AIMD-NVT, Elastic, Vacancy, Surface) alike and at random. Validation images, which pick the
pass that is kept, are always taken out of the training images in the same way. Choose settings with
`--without-test`. Where DATA has the energies and forces of the published network
(`nnp_n2p2_<part>.npz`), its errors for the same images are given too.

Writes potential, history and `result.json`. Set RAYON_NUM_THREADS and OMP_NUM_THREADS to choose the
number of threads.
"""

from __future__ import annotations

import argparse
import json
import lzma
import os
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.io import read

import lionn_rs as lionn
from lionn_rs.workflows.benchmark.run import Subject, benchmark

HELD_OUT = 0.1
"""Fraction held out for the test where there is no test set."""
TIMED_ATOMS = 400
SET_NAMES = {"train": "training", "validation": "validation", "test": "test"}


def load(path: Path) -> list[Atoms]:
    """Images of a compressed file; each knows its place (`info["origin"]`)."""
    with lzma.open(path, "rt") as file:
        images = read(file, index=":", format="extxyz")
    for number, image in enumerate(images):
        image.info["origin"] = (path.name.partition(".")[0], number)
    return images


def by_group(images: list[Atoms]) -> list[list[Atoms]]:
    """Images of every group."""
    groups = defaultdict(list)
    for image in images:
        groups[image.info["group"]].append(image)
    return list(groups.values())


def sets(folder: Path, validation: float, seed: int) -> dict[str, list[Atoms]]:
    """Training, validation and test images; the same fractions of every group."""
    published = folder / "test.extxyz.xz"
    parts: dict[str, list[Atoms]] = {name: [] for name in SET_NAMES}
    for images in by_group(load(folder / "training.extxyz.xz")):
        held_out = 0.0 if published.exists() else HELD_OUT
        split = lionn.split(images, test=held_out, validation=validation, seed=seed)
        for part, own in zip(parts.values(), split, strict=True):
            part += own
    if published.exists():
        parts["test"] = load(published)
    return parts


def descriptor_of(options: argparse.Namespace, training: list[Atoms]) -> lionn.Descriptor:
    """Descriptor of the command line, made for the training images."""
    cutoff = lionn.Cosine(options.cutoff)
    if options.descriptor == "shifted":
        return lionn.Gaussian.shifted([options.element], cutoff=cutoff)
    return lionn.PowerSpectrum.fit(
        training,
        cutoff=cutoff,
        n_radial=options.n_radial,
        l_max=options.l_max,
        n_channels=options.n_channels,
        seed=options.seed,
    )


def errors(energy: np.ndarray, force: np.ndarray) -> dict[str, float]:
    """Mean absolute and root mean square errors from those of images (per atom) and components."""
    return {
        "energy_mae_meV_atom": 1e3 * float(np.abs(energy).mean()),
        "energy_rmse_meV_atom": 1e3 * float(np.sqrt(np.mean(energy**2))),
        "force_mae_eV_A": float(np.abs(force).mean()),
        "force_rmse_eV_A": float(np.sqrt(np.mean(force**2))),
    }


def table(images: list[Atoms], energy: np.ndarray, force: np.ndarray) -> dict[str, Any]:
    """Errors over all images and over those of each group."""
    groups = np.array([image.info["group"] for image in images])
    of_atom = np.repeat(groups, [len(image) for image in images])
    rows = {"all": errors(energy, force)}
    for name in dict.fromkeys(groups.tolist()):
        rows[name] = errors(energy[groups == name], force[of_atom == name])
    counts = Counter(groups.tolist())
    return {name: {"n_images": counts.get(name, len(images)), **row} for name, row in rows.items()}


def published_errors(folder: Path, images: list[Atoms]) -> dict[str, Any] | None:
    """Errors of the published network for the same images, if its predictions are there."""
    energy, force = [], []
    arrays: dict[str, tuple[Any, np.ndarray]] = {}
    for image in images:
        part, number = image.info["origin"]
        if part not in arrays:
            path = folder / f"nnp_n2p2_{part}.npz"
            if not path.exists():
                return None
            content = dict(np.load(path))
            arrays[part] = content, np.concatenate([[0], np.cumsum(content["natoms"])])
        content, first = arrays[part]
        predicted = content["forces"][first[number] : first[number + 1]]
        force.append(predicted - image.get_forces())
        energy.append((content["energy"][number] - image.get_potential_energy()) / len(image))
    return table(images, np.array(energy), np.concatenate(force))


def microseconds_per_atom(potential: lionn.Potential, image: Atoms) -> float:
    """Least processor time of energy and forces with a new neighbor list, one thread."""
    plain = image.copy()
    plain.calc = None
    subject = Subject(potential, plain, "mlearn")
    (case,) = benchmark(subject, [TIMED_ATOMS], [1], quantities=["energy_and_forces"], budget_s=2.0)
    return 1e6 * case.results["energy_and_forces"]["processor_s"] / case.n_atoms


def n_parameters(potential: lionn.Potential, learned: bool) -> int:
    """Parameters of the networks and, if learned, of the contraction."""
    contraction = potential.descriptor.spec.get("contraction", {}) if learned else {}
    own = sum(np.size(matrix) for matrices in contraction.values() for matrix in matrices)
    return potential.parameters.size + int(own)


def line(name: str, row: dict[str, float]) -> str:
    """One row of the printed table: MAE / RMSE."""
    return (
        f"{name:<26} {row['n_images']:>6}   "
        f"{row['energy_mae_meV_atom']:7.2f} / {row['energy_rmse_meV_atom']:7.2f}   "
        f"{row['force_mae_eV_A']:7.4f} / {row['force_rmse_eV_A']:7.4f}"
    )


def arguments() -> argparse.Namespace:
    """Command line; the defaults are the settings of docs/explanations/accuracy.md."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, help="folder with one folder for each element")
    parser.add_argument("--element", required=True, help="Si, Li or Mo")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument(
        "--descriptor", choices=["power-spectrum", "shifted"], default="power-spectrum"
    )
    parser.add_argument("--cutoff", type=float, default=5.0, help="Å")
    parser.add_argument("--n-radial", type=int, default=8)
    parser.add_argument("--l-max", type=int, default=4)
    parser.add_argument("--n-channels", type=int, default=6)
    parser.add_argument("--hidden-layers", type=int, nargs="+", default=[16, 16])
    parser.add_argument("--passes", type=int, default=200, help="passes over the training images")
    parser.add_argument("--batch-size", type=int, default=4)
    parser.add_argument("--learning-rate", type=float, default=0.005)
    parser.add_argument("--energy-weight", type=float, default=1.0)
    parser.add_argument("--force-weight", type=float, default=0.04)
    parser.add_argument("--l2", type=float, default=3e-4, help="penalty on squared weights")
    parser.add_argument("--validation", type=float, default=0.08, help="fraction of every group")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--without-test", action="store_true", help="leave the test images alone")
    parser.add_argument("--resume", action="store_true")
    return parser.parse_args()


def main() -> None:
    """Train, evaluate, write the numbers."""
    options = arguments()
    folder = options.data / options.element
    parts = sets(folder, options.validation, options.seed)
    if options.without_test:
        parts["test"] = []
    learned = options.descriptor == "power-spectrum"
    result = lionn.train(
        parts["train"],
        validation=parts["validation"],
        descriptor=descriptor_of(options, parts["train"]),
        learn_contraction=learned,
        hidden_layers=options.hidden_layers,
        optimizer="adam",
        batch_size=options.batch_size,
        learning_rate=options.learning_rate,
        loss=lionn.LossWeights(energy=options.energy_weight, force=options.force_weight),
        l2=options.l2,
        max_iterations=options.passes,
        validation_interval=2,
        seed=options.seed,
        output=options.output,
        resume=options.resume,
        level_of_theory="VASP, PBE (Zuo et al., J. Phys. Chem. A 124, 731 (2020))",
    )
    potential = result.best
    own, published = {}, {}
    for name, images in parts.items():
        if not images:
            continue
        predictions = lionn.predict(potential, images)
        own[name] = table(images, predictions.energy_errors_per_atom, predictions.force_errors)
        if (rows := published_errors(folder, images)) is not None:
            published[name] = rows
    threads = {name: os.environ.get(name) for name in ("RAYON_NUM_THREADS", "OMP_NUM_THREADS")}
    record = {
        "settings": {
            key: value for key, value in vars(options).items() if key not in ("data", "output")
        },
        "test_set": "published" if (folder / "test.extxyz.xz").exists() else "own, held out",
        "n_features": potential.descriptor.n_features[options.element],
        "n_parameters": n_parameters(potential, learned),
        "best_pass": result.best_iteration,
        "seconds": result.seconds,
        "threads": threads,
        "us_per_atom": microseconds_per_atom(potential, parts["train"][0]),
        "errors": own,
        "errors_of_published_network": published,
    }
    (options.output / "result.json").write_text(json.dumps(record, indent=1) + "\n")
    print(
        f"{options.element}: {record['n_features']} features, {record['n_parameters']} parameters"
    )
    print(f"pass {result.best_iteration} kept, {result.seconds:.0f} s of training")
    print(f"energy and forces: {record['us_per_atom']:.1f} µs per atom, one thread")
    print(f"{'MAE / RMSE':<26} images   energy, meV/atom    forces, eV/Å")
    for title, errors_of in (("", own), (", published", published)):
        for part, rows in errors_of.items():
            for group, row in rows.items():
                print(line(f"{SET_NAMES[part]} {group}{title}", row))


if __name__ == "__main__":
    main()
