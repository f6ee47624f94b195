"""Heat that a thermostat takes out moves the conserved quantity by a known amount of order dt²."""

from __future__ import annotations

import numpy as np
import pytest

from lionn_rs import _core, datasets
from lionn_rs.md import Protocol
from lionn_rs.structure_arrays import structure_arrays
from lionn_rs.units import BOLTZMANN_EV_K, EV_FS2_PER_U_A2

STIFFNESS, MASS = 5.0, 20.0
OMEGA2_FS2 = STIFFNESS / MASS * EV_FS2_PER_U_A2
"""1/fs²: a period of 128 fs."""
HOT_K, COLD_K = 1500.0, 300.0


@pytest.mark.parametrize("timestep_fs", [1.0, 2.0])
def test_cooling_lowers_the_conserved_quantity_by_the_order_of_the_step(timestep_fs):
    """Velocity Verlet conserves H + C; scaling velocities changes C too.

    In a harmonic crystal ``C = dt² ω² (K/6 - V/12)``, in equilibrium ``dt² ω² N_dof kT / 24``;
    heat Q through the velocities takes ``dt² ω² Q / 6`` of it. What is measured, H and the heat,
    changes by ``-(1/6 - 1/24) dt² ω² Q``.
    """
    atoms = datasets.structure("lgps").repeat(2)
    atoms.set_masses(np.full(len(atoms), MASS))
    cell, pbc, numbers, sites = structure_arrays(atoms)
    n_dof = 3 * len(atoms)
    spread = np.sqrt(BOLTZMANN_EV_K * HOT_K / STIFFNESS)
    masses = atoms.get_masses()
    run = _core.MdRun(
        _core.Harmonic(sites=sites, stiffness=np.full(len(atoms), STIFFNESS)),
        cell=cell,
        pbc=pbc,
        numbers=numbers,
        positions=sites + np.random.default_rng(0).normal(scale=spread, size=sites.shape),
        velocities=_core.maxwell_boltzmann(masses, HOT_K, seed=1),
        masses=masses,
        timestep_fs=timestep_fs,
        skin=1.0,
        n_dof=n_dof,
    )
    run.set_thermostat(Protocol(temperature_K=COLD_K, tau_fs=200).stages[-1].thermostat)
    run.run(round(8000 / timestep_fs))
    table = run.drain()
    energy = table["potential_energy"] + table["kinetic_energy"]
    first, last = slice(0, round(50 / timestep_fs)), slice(-round(2000 / timestep_fs), None)
    heat = energy[0] - energy[last].mean()
    change = table["conserved"][last].mean() - table["conserved"][first].mean()
    assert heat > 0.9 * n_dof * BOLTZMANN_EV_K * (HOT_K - COLD_K)
    # The rest is of order (dt ω)² and the heat that flowed before the first mean: 2 % measured.
    assert change / heat == pytest.approx(-(timestep_fs**2) * OMEGA2_FS2 / 8, rel=0.05)
