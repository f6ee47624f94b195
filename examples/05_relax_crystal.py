"""How the bundled start structure `dataset:lgps` was made: relax the lowest image at fixed cell.

python 05_relax_crystal.py runs/demo/training/best.json lgps.extxyz
"""

from __future__ import annotations

import sys

import numpy as np
from ase.optimize import FIRE

import lionn_rs as lionn

model, output = sys.argv[1:]
images = lionn.datasets.load("lgps_gpaw_pbe")
energies = [image.calc.results["free_energy"] for image in images]
crystal = images[int(np.argmin(energies))].copy()
crystal.info.clear()
crystal.calc = lionn.LionnCalculator(model)
FIRE(crystal, logfile=None).run(fmax=0.005, steps=2000)  # eV/Å
evaluation = crystal.calc.potential.evaluate(crystal)
print(f"largest force {np.abs(evaluation.forces).max():.4f} eV/Å")
print(f"{evaluation.n_extrapolating} atoms outside the training range")
crystal.calc = None
crystal.wrap()
crystal.write(output)
