from __future__ import annotations

import pytest
from ase import Atoms
from ase.build import bulk

from lionn_rs._core import LennardJones
from lionn_rs.md import Protocol


@pytest.fixture
def lj() -> LennardJones:
    return LennardJones(epsilon=0.0104, sigma=3.4, onset=5.5, cutoff=7.0)


@pytest.fixture
def argon() -> Atoms:
    return bulk("Ar", "fcc", a=5.3, cubic=True).repeat(2)


@pytest.fixture
def short() -> Protocol:
    """All three stages, 350 steps, with rebuilds of the neighbor list."""
    return Protocol(
        temperature_K=120,
        start_temperature_K=60,
        timestep_fs=4.0,
        heating_ps=0.4,
        equilibration_ps=0.2,
        production_ps=0.8,
        stride=5,
        stride_thermo=2,
        velocities=True,
        precision="float64",
        skin=0.4,
        seed=3,
    )
