"""Section 3.1 of Rao, Yao and Grabow (2020) on public data: Gaussian-56, (5, 5), BFGS on LGPS.

The images are the LiGePS-SSE-PBE set (Huang et al., J. Chem. Phys. 154, 094703 (2021), doi
10.1063/5.0041849) as NumPy arrays; they are not part of this package.

    python lgps_pbe.py lgps50_train.npz runs/lgps_pbe --part crystal
    python lgps_pbe.py lgps50_train.npz runs/lgps_pbe --part all

`crystal` keeps the images of 19 to 21 Å³ per atom; `all` takes the swollen and molten ones as well.
Writes the potential, the history and `result.json` with errors, seconds and peak memory.
"""

from __future__ import annotations

import argparse
import json
import resource
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator

import lionn_rs as lionn

CRYSTAL_VOLUME_A3 = (19.0, 21.0)
"""Volume per atom of the crystal and its thermal expansion, Å³."""


def load(path: Path, part: str) -> list[Atoms]:
    """Images of the set as ASE structures with energy, forces and source group."""
    data = np.load(path)
    volume = np.abs(np.linalg.det(data["cell"])) / len(data["Z"])
    low, high = CRYSTAL_VOLUME_A3 if part == "crystal" else (0.0, np.inf)
    images = []
    for k in np.flatnonzero((volume >= low) & (volume <= high)):
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
    parser.add_argument("arrays", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--part", choices=["crystal", "all"], default="crystal")
    parser.add_argument("--split-by", choices=["random", "group", "block"], default="random")
    parser.add_argument("--iterations", type=int, default=5000)
    parser.add_argument("--wall-time-s", type=float, default=None)
    parser.add_argument("--resume", action="store_true")
    options = parser.parse_args()

    images = load(options.arrays, options.part)
    split = lionn.split(images, test=0.2, validation=0.1, seed=1, by=options.split_by)
    result = lionn.train(
        split,
        descriptor=lionn.Gaussian.amp_default(["Ge", "Li", "P", "S"], cutoff=lionn.Cosine(6.5)),
        hidden_layers=(5, 5),
        seed=1,
        max_iterations=options.iterations,
        wall_time_s=options.wall_time_s,
        validation_interval=20,
        output=options.output,
        resume=options.resume,
        level_of_theory="VASP, PBE (LiGePS-SSE-PBE)",
    )
    print(result)
    summary = {
        "part": options.part,
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
