"""Section 3.1 of Rao, Yao and Grabow (2020) on public data: Gaussian-56, (5, 5), BFGS on LGPS.

The images are the LiGePS-SSE-PBE set (Huang et al., J. Chem. Phys. 154, 094703 (2021), doi
10.1063/5.0041849) as NumPy arrays; they are not part of this package.

    python lgps_pbe.py lgps50_train.npz --output runs/crystal --max-volume 21
    python lgps_pbe.py lgps50_train.npz --output runs/all
    python lgps_pbe.py lgps50_train.npz --output runs/pruned --descriptor gaussian-56-pruned \
        --hidden-layers 20 20 --optimizer adam --learning-rate 0.002 --l2 1e-3 --validation 0.05 \
        --min-feature-range 0 --validation-interval 10 --wall-time-s 350
    python lgps_pbe.py lgps50_train.npz --output runs/spectrum --descriptor power-spectrum \
        --hidden-layers 32 32 --optimizer adam --learning-rate 0.002 --l2 1e-3 --validation 0.05 \
        --min-feature-range 0 --validation-interval 4 --wall-time-s 1700
    python lgps_pbe.py lgps50_train.npz --output runs/again --initial runs/spectrum/best.json \
        --descriptor power-spectrum --hidden-layers 32 32 --optimizer adam --learning-rate 0.001 \
        --l2 5e-4 --validation 0.05 --min-feature-range 0 --validation-interval 4 --iterations 140
    python lgps_pbe.py lgps50_train.npz lgps400_train.npz::5 --output runs/transport \
        --max-volume 22 --descriptor shifted --hidden-layers 10 10

`--max-volume 21` (Å³ per atom) keeps the crystal; without it the swollen and molten images stay.
`::5` takes every fifth image of a file. Writes potential, history and `result.json` with errors,
seconds and peak memory.
"""

from __future__ import annotations

import argparse
import json
import resource
from collections.abc import Callable
from pathlib import Path

import ase.io
import numpy as np
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator

import lionn_rs as lionn

ELEMENTS = ["Ge", "Li", "P", "S"]


def gaussian_56(_: list[Atoms], cutoff: lionn.Cosine) -> lionn.Descriptor:
    """AMP's default functions."""
    return lionn.Gaussian.amp_default(ELEMENTS, cutoff=cutoff)


def gaussian_56_absolute(_: list[Atoms], cutoff: lionn.Cosine) -> lionn.Descriptor:
    """AMP's default functions with the exponents in 1/Å²."""
    return lionn.Gaussian.amp_default(ELEMENTS, cutoff=cutoff, eta_unit="1/A^2")


def gaussian_56_pruned(train: list[Atoms], cutoff: lionn.Cosine) -> lionn.Descriptor:
    """56 functions for every element, chosen from a pool by CUR."""
    return lionn.prune(lionn.Gaussian.pool(ELEMENTS, cutoff=cutoff), train[::8], n_features=56)


def shifted(_: list[Atoms], cutoff: lionn.Cosine) -> lionn.Descriptor:
    """Radial functions at evenly spaced distances."""
    return lionn.Gaussian.shifted(ELEMENTS, cutoff=cutoff)


def power_spectrum(train: list[Atoms], cutoff: lionn.Cosine) -> lionn.Descriptor:
    """Six channels for each degree, to be learned, with products of two and of three."""
    some = train[:: max(1, len(train) // 200)]
    return lionn.PowerSpectrum.fit(
        some, cutoff=cutoff, n_radial=8, l_max=4, n_channels=6, bispectrum_l_max=3
    )


Maker = Callable[[list[Atoms], lionn.Cosine], lionn.Descriptor]
DESCRIPTORS: dict[str, tuple[Maker, float]] = {
    "gaussian-56": (gaussian_56, 6.5),
    "gaussian-56-absolute": (gaussian_56_absolute, 6.5),
    "gaussian-56-pruned": (gaussian_56_pruned, 6.5),
    "shifted": (shifted, 6.0),
    "power-spectrum": (power_spectrum, 6.0),
}
"""Descriptors with the cutoff radius that they have without ``--cutoff``, Å."""


def load(source: str, max_volume: float) -> list[Atoms]:
    """Images of one file as ASE structures with energy, forces and source group."""
    path, _, step = source.partition("::")
    data = dict(np.load(path))
    volume = np.abs(np.linalg.det(data["cell"])) / len(data["Z"])
    images = []
    for k in np.flatnonzero(volume <= max_volume)[:: int(step or 1)]:
        atoms = Atoms(
            numbers=data["Z"],
            positions=data["positions"][k].astype(float),
            cell=data["cell"][k],
            pbc=True,
        )
        atoms.info["group"] = str(data["group_names"][data["group"][k]])
        atoms.calc = SinglePointCalculator(
            atoms,
            energy=float(data["energy"][k]),
            free_energy=float(data["energy"][k]),
            forces=data["forces"][k].astype(float),
        )
        images.append(atoms)
    return images


def main() -> None:
    """Train, evaluate, write the numbers."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("arrays", nargs="+")
    target = parser.add_mutually_exclusive_group(required=True)
    target.add_argument("--output", type=Path, help="folder of the training")
    target.add_argument("--write", type=Path, help="write the images as extxyz, train nothing")
    parser.add_argument("--max-volume", type=float, default=np.inf, help="Å³ per atom")
    parser.add_argument("--descriptor", choices=DESCRIPTORS, default="gaussian-56")
    parser.add_argument("--cutoff", type=float, help="Å")
    parser.add_argument("--hidden-layers", type=int, nargs="+", default=[5, 5])
    parser.add_argument("--split-by", choices=["random", "group", "block"], default="random")
    parser.add_argument("--validation", type=float, default=0.1, help="of the training part")
    parser.add_argument("--optimizer", choices=["bfgs", "l-bfgs", "lm", "adam"], default="bfgs")
    parser.add_argument("--batch-size", type=int, help="adam")
    parser.add_argument("--learning-rate", type=float, help="adam")
    parser.add_argument("--l2", type=float, default=0.0, help="penalty on the weights")
    parser.add_argument(
        "--min-feature-range", type=float, help="default: 0 (AMP's) for gaussian-56"
    )
    parser.add_argument("--validation-interval", type=int, default=20)
    parser.add_argument("--iterations", type=int, default=5000)
    parser.add_argument("--wall-time-s", type=float, default=None)
    parser.add_argument("--initial", type=Path, help="start from this potential")
    parser.add_argument("--resume", action="store_true")
    options = parser.parse_args()

    images = [image for s in options.arrays for image in load(s, options.max_volume)]
    if options.write:
        ase.io.write(options.write, images, format="extxyz")
        return
    split = lionn.split(
        images, test=0.2, validation=options.validation, seed=1, by=options.split_by
    )
    make, cutoff = DESCRIPTORS[options.descriptor]
    cutoff = options.cutoff or cutoff
    smallest = options.min_feature_range
    if smallest is None:
        smallest = 0.0 if options.descriptor == "gaussian-56" else 0.1
    initial = options.initial and lionn.Potential.load(options.initial)
    result = lionn.train(
        split,
        descriptor=(initial.descriptor if initial else make(split.train, lionn.Cosine(cutoff))),
        learn_contraction=options.descriptor == "power-spectrum",
        hidden_layers=options.hidden_layers,
        min_feature_range=smallest,
        optimizer=options.optimizer,
        batch_size=options.batch_size,
        learning_rate=options.learning_rate,
        l2=options.l2,
        initial=initial,
        seed=1,
        max_iterations=options.iterations,
        wall_time_s=options.wall_time_s,
        validation_interval=options.validation_interval,
        output=options.output,
        resume=options.resume,
        level_of_theory="VASP, PBE (LiGePS-SSE-PBE)",
    )
    print(result)
    summary = {
        "arrays": [Path(s).name for s in options.arrays],
        "max_volume_A3": options.max_volume,
        "descriptor": options.descriptor,
        "cutoff": cutoff,
        "optimizer": options.optimizer,
        "batch_size": options.batch_size,
        "learning_rate": options.learning_rate,
        "l2": options.l2,
        "min_feature_range": smallest,
        "validation": options.validation,
        "hidden_layers": options.hidden_layers,
        "split_by": options.split_by,
        "best_iteration": result.best_iteration,
        "iterations": int(result.history.column("iteration")[-1]),
        "stop_reason": result.stop_reason,
        "seconds": result.seconds,
        "peak_memory_MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "errors": {
            name: {
                "n_images": m.n_images,
                "energy_rmse_per_atom_eV": m.energy_rmse_per_atom,
                "force_rmse_eV_A": m.force_rmse,
            }
            for name, m in result.metrics.items()
        },
    }
    (options.output / "result.json").write_text(json.dumps(summary, indent=1) + "\n")


if __name__ == "__main__":
    main()
