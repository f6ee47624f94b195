"""Train a small potential on the bundled images, evaluate it, save it and attach it to ASE."""

from pathlib import Path

import lionn_rs as lionn

images = lionn.datasets.load("lgps_gpaw_pbe")  # eV, eV/Å
train, valid, test = lionn.split(images, test=0.2, validation=0.1, seed=1, by="block")
descriptor = lionn.Gaussian.amp_default(["Ge", "Li", "P", "S"], cutoff=lionn.Cosine(6.5))
result = lionn.train(
    train,
    validation=valid,
    descriptor=descriptor,
    hidden_layers=(5, 5),
    seed=1,
    max_iterations=50,  # a few hundred for a usable potential
)
print(lionn.evaluate(result.best, test))

Path("runs").mkdir(exist_ok=True)
result.best.save("runs/quick_start.json", force=True)
atoms = lionn.datasets.structure("lgps")
atoms.calc = lionn.LionnCalculator("runs/quick_start.json")
print(f"energy {atoms.get_potential_energy():.3f} eV, stress {atoms.get_stress()} eV/Å³")
