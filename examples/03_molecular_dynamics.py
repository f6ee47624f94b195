"""The protocol of the paper, shortened: heating, equilibration, production; run 01 first."""

import lionn_rs as lionn
from lionn_rs.md import Protocol, run_md

potential = lionn.Potential.load("runs/quick_start.json")
atoms = lionn.datasets.structure("lgps")
protocol = Protocol(
    temperature_K=600, heating_ps=0.5, equilibration_ps=0.2, production_ps=2, seed=1
)
result = run_md(potential, atoms, protocol, output="runs/md-600K", force=True)

production = result.thermo["stage"] == "production"
print(f"mean temperature {result.thermo['temperature_K'][production].mean():.0f} K")
outside = result.thermo["n_extrapolating"][production].mean() / len(atoms)
print(f"environments outside the range of the training set: {100 * outside:.1f} %")
