"""Forces and stress of a potential against finite differences; run 01_quick_start.py first."""

import lionn_rs as lionn

potential = lionn.Potential.load("runs/quick_start.json")
atoms = lionn.datasets.structure("lgps")
atoms.rattle(0.05, seed=1)  # a symmetric crystal has zero forces, which test nothing
check = lionn.testing.check_derivatives(potential, atoms, n_atoms=10)
print(f"forces: {check.relative_force_error:.1e}, stress: {check.relative_stress_error:.1e}")
assert check.passed(1e-6)
