"""The two systems of the physical validation, and runs of them.

* argon: 32 atoms, fcc, Lennard-Jones, an anharmonic crystal at 50 K;
* LGPS: the 50-atom cell with the trained potential of ``tests/reference/potentials``, a crystal
  with mobile lithium, at 600 K and, where ions must move far, at 900 K.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.build import bulk
from numpy.typing import NDArray

import lionn_rs as lionn
from lionn_rs import _core, datasets
from lionn_rs.md import MdResult, Protocol, run_md
from lionn_rs.structure_arrays import structure_arrays

Floats = NDArray[np.float64]
POTENTIAL = Path(__file__).parents[1] / "reference" / "potentials" / "lgps_powerspectrum.json"
FRAME_STRIDE = 25
"""Steps between stored frames of the runs that sample; the spacing is a multiple of it."""
LENNARD_JONES = {"epsilon": 0.0104, "sigma": 3.4, "onset": 5.5, "cutoff": 7.0}


@dataclass(frozen=True, eq=False)
class System:
    """What is simulated, and with which steps."""

    name: str
    atoms: Atoms
    potential: Any
    temperature_K: float
    tau_fs: float
    timestep_fs: float
    """Of the runs that sample."""
    production_ps: float
    """Of the runs that sample."""
    spacing: int
    """Rows of the thermo table (every fifth step) between samples taken as independent."""

    @property
    def frame_spacing(self) -> int:
        """The same in stored frames."""
        return 5 * self.spacing // FRAME_STRIDE

    @property
    def core(self) -> Any:
        return getattr(self.potential, "core", self.potential)

    def __repr__(self) -> str:
        return self.name


@functools.cache
def argon(n: int = 32) -> System:
    """Solid argon, 32 atoms (fcc) or 8 (simple cubic: not a stable crystal, but coupled atoms)."""
    if n == 8:
        atoms = bulk("Ar", "sc", a=3.75).repeat(2)
    else:
        atoms = bulk("Ar", "fcc", a=5.35, cubic=True).repeat(2)
    assert len(atoms) == n
    potential = _core.LennardJones(**LENNARD_JONES)
    return System("argon", atoms, potential, 50.0, 150.0, 4.0, 2000.0, 25)


@functools.cache
def lgps() -> System:
    atoms = datasets.structure("lgps")
    return System("LGPS", atoms, lionn.load(POTENTIAL), 600.0, 100.0, 2.0, 300.0, 50)


NAMES = ("argon", "LGPS")


def named(name: str) -> System:
    return argon() if name == "argon" else lgps()


def chain(temperature_K: float, tau_fs: float, length: int = 3) -> dict[str, Any]:
    protocol = Protocol(temperature_K=temperature_K, tau_fs=tau_fs, chain_length=length)
    return protocol.stages[-1].thermostat


def core_run(
    system: System, positions: Floats, velocities: Floats, timestep_fs: float, **options: Any
) -> _core.MdRun:
    """A run from given positions and velocities, in the core; at constant energy so far."""
    cell, pbc, numbers, _ = structure_arrays(system.atoms)
    return _core.MdRun(
        system.core,
        cell=cell,
        pbc=pbc,
        numbers=numbers,
        positions=positions,
        velocities=velocities,
        masses=system.atoms.get_masses(),
        timestep_fs=timestep_fs,
        **{"skin": 0.8, "n_threads": 1} | options,
    )


@functools.cache
def thermal_start(system: System, seed: int, temperature_K: float) -> tuple[Floats, Floats]:
    """Positions and velocities after 10 ps at a temperature, different for every seed."""
    velocities = _core.maxwell_boltzmann(
        system.atoms.get_masses(), 2 * temperature_K, seed=seed, exact=True
    )
    run = core_run(system, system.atoms.positions, velocities, system.timestep_fs)
    run.set_thermostat(chain(temperature_K, system.tau_fs))
    run.run(round(10_000 / system.timestep_fs))
    return run.positions, run.velocities


@functools.cache
def sampled(
    system: System, temperature_K: float, production_ps: float | None = None, seed: int = 1
) -> MdResult:
    """Canonical run with a Nosé-Hoover chain; velocities and pressure are kept."""
    protocol = Protocol(
        temperature_K=temperature_K,
        start_temperature_K=0.2 * temperature_K,
        timestep_fs=system.timestep_fs,
        heating_ps=10,
        equilibration_ps=20,
        production_ps=production_ps or system.production_ps,
        tau_fs=system.tau_fs,
        stride=FRAME_STRIDE,
        stride_thermo=5,
        velocities=True,
        precision="float64",
        record_pressure=True,
        seed=seed,
    )
    return run_md(system.potential, system.atoms, protocol, progress=False, n_threads=1)


def production(result: MdResult) -> dict[str, NDArray[Any]]:
    """Rows of the thermo table that belong to the production; the first is left out."""
    rows = np.flatnonzero(result.thermo["stage"] == "production")[1:]
    return {name: column[rows] for name, column in result.thermo.items()}


def blocks(n: int, n_blocks: int) -> Iterator[slice]:
    """Equal parts of a series; what is left over at its beginning is not used."""
    length = n // n_blocks
    first = n - n_blocks * length
    return (slice(first + k * length, first + (k + 1) * length) for k in range(n_blocks))
