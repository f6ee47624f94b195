"""Constant pressure against an implementation of its own, and against the equations of motion."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from numpy.typing import NDArray
from scipy.integrate import solve_ivp
from scipy.linalg import expm

from lionn_rs._core import LennardJones, MdRun, maxwell_boltzmann
from lionn_rs.structure_arrays import structure_arrays
from lionn_rs.units import BOLTZMANN_EV_K, EV_A3_TO_GPA, EV_FS2_PER_U_A2

Array = NDArray[np.float64]
EPSILON, SIGMA, ONSET, CUTOFF = 0.0104, 3.4, 4.1, 5.0
TEMPERATURE_K, TAU_FS, BAROSTAT_TAU_FS, PRESSURE_GPA = 60.0, 150.0, 300.0, 0.2
N_CHAIN = 3


@pytest.fixture
def strained() -> Atoms:
    """Four atoms off their sites in a triclinic cell."""
    atoms = bulk("Ar", "fcc", a=5.3, cubic=True)
    strain = np.array([[0.02, 0.0, 0.0], [0.05, -0.01, 0.0], [0.02, 0.04, 0.01]])
    atoms.set_cell(atoms.cell[:] @ (np.eye(3) + strain), scale_atoms=True)
    atoms.positions += np.random.default_rng(5).normal(scale=0.1, size=(4, 3))
    return atoms


def lennard_jones(positions: Array, cell: Array) -> tuple[float, Array, Array]:
    """Energy, forces and virial, by brute force over images."""
    shifts = np.array([(i, j, k) for i in range(-2, 3) for j in range(-2, 3) for k in range(-2, 3)])
    r = positions[None, :, None] - positions[:, None, None] + shifts @ cell
    r2 = (r**2).sum(axis=-1)
    pairs = (r2 > 0) & (r2 < CUTOFF**2)
    r2 = np.where(pairs, r2, 1.0)
    s6 = (SIGMA**2 / r2) ** 3
    energy = 4 * EPSILON * (s6**2 - s6)
    slope = -24 * EPSILON * (2 * s6**2 - s6) / r2
    on, off = ONSET**2, CUTOFF**2
    switch = (off - r2) ** 2 * (off + 2 * r2 - 3 * on) / (off - on) ** 3
    switch_slope = 12 * (off - r2) * (on - r2) / (off - on) ** 3
    outer = r2 > on
    slope = np.where(outer, slope * switch + energy * switch_slope, slope) * pairs
    energy = np.where(outer, energy * switch, energy) * pairs
    forces = (slope[..., None] * r).sum(axis=(1, 2))
    virial = -0.5 * np.einsum("ijs,ijsa,ijsb->ab", slope, r, r)
    return 0.5 * energy.sum(), forces, virial


def chain_rates(xi: Array, masses: Array, twice_kinetic: float, n_dof: float, kT: float) -> Array:
    """Time derivatives of the velocities of a Nosé-Hoover chain."""
    rates = np.empty_like(xi)
    for k in range(len(xi)):
        drive = twice_kinetic - n_dof * kT if k == 0 else masses[k - 1] * xi[k - 1] ** 2 - kT
        rates[k] = drive / masses[k] - (xi[k] * xi[k + 1] if k + 1 < len(xi) else 0.0)
    return rates


@dataclass
class Reference:
    """Martyna, Tobias, Klein 1994 with angles fixed, in the words of the paper."""

    positions: Array
    velocities: Array
    cell: Array
    masses: Array
    isotropic: bool
    rates: Array = field(default_factory=lambda: np.zeros(3))
    xi: Array = field(default_factory=lambda: np.zeros(N_CHAIN))
    xi_cell: Array = field(default_factory=lambda: np.zeros(N_CHAIN))

    def __post_init__(self) -> None:
        self.n_dof = 3 * len(self.positions) - 3
        self.kT = BOLTZMANN_EV_K * TEMPERATURE_K
        self.mass = (self.n_dof + 3) * self.kT * BAROSTAT_TAU_FS**2
        self.pressure = PRESSURE_GPA / EV_A3_TO_GPA
        self.n_lengths = 1 if self.isotropic else 3
        chain = np.ones(N_CHAIN) * self.kT
        self.q = chain * TAU_FS**2 * np.array([self.n_dof, 1, 1])
        self.q_cell = chain * BAROSTAT_TAU_FS**2 * np.array([self.n_lengths, 1, 1])

    def generator(self, rates: Array) -> Array:
        """The matrix that deforms row vectors: ``da_i/dt = e_i a_i = a_i G``."""
        return np.linalg.inv(self.cell) @ np.diag(rates) @ self.cell

    def twice_kinetic(self) -> float:
        return float((self.masses[:, None] * self.velocities**2).sum()) / EV_FS2_PER_U_A2

    def cell_acceleration(self, virial: Array) -> Array:
        volume = abs(np.linalg.det(self.cell))
        kinetic = np.einsum("i,ia,ib->ab", self.masses, self.velocities, self.velocities)
        stress = kinetic / EV_FS2_PER_U_A2 + virial
        force = np.array([np.sum(stress * self.generator(np.eye(3)[i])) for i in range(3)])
        force += self.twice_kinetic() / self.n_dof - self.pressure * volume
        if self.isotropic:
            return np.full(3, force.sum() / self.mass)
        return force / (self.mass / 3)

    def twice_cell_kinetic(self) -> float:
        return float(self.mass / 3 * (self.rates**2).sum())

    def thermostat(self, time: float) -> None:
        """Both chains, by many small symmetric steps without Suzuki-Yoshida weights."""
        for _ in range(200):
            dt = time / 200
            self.rates *= np.exp(-0.5 * dt * self.xi_cell[0])
            self.velocities *= np.exp(-0.5 * dt * self.xi[0])
            for xi, q, twice, n in (
                (self.xi, self.q, self.twice_kinetic(), self.n_dof),
                (self.xi_cell, self.q_cell, self.twice_cell_kinetic(), self.n_lengths),
            ):
                middle = xi + 0.5 * dt * chain_rates(xi, q, twice, n, self.kT)
                xi += dt * chain_rates(middle, q, twice, n, self.kT)
            self.velocities *= np.exp(-0.5 * dt * self.xi[0])
            self.rates *= np.exp(-0.5 * dt * self.xi_cell[0])

    def kick(self, forces: Array, time: float) -> None:
        """``dv/dt = F/m - v A`` with a constant matrix, by one matrix exponential per atom."""
        matrix = self.generator(self.rates).T + self.rates.sum() / self.n_dof * np.eye(3)
        for i, (v, f) in enumerate(zip(self.velocities, forces, strict=True)):
            block = np.zeros((4, 4))
            block[:3, :3] = -matrix
            block[3, :3] = f / self.masses[i] * EV_FS2_PER_U_A2
            self.velocities[i] = (np.append(v, 1.0) @ expm(block * time))[:3]

    def drift(self, time: float) -> None:
        """``dx/dt = v + x G`` together with the cell."""
        matrix = self.generator(self.rates)
        for i, (x, v) in enumerate(zip(self.positions, self.velocities, strict=True)):
            block = np.zeros((4, 4))
            block[:3, :3], block[3, :3] = matrix, v
            self.positions[i] = (np.append(x, 1.0) @ expm(block * time))[:3]
        self.cell = self.cell @ expm(matrix * time)

    def step(self, dt: float) -> None:
        _, forces, virial = lennard_jones(self.positions, self.cell)
        self.thermostat(0.5 * dt)
        self.rates = self.rates + 0.5 * dt * self.cell_acceleration(virial)
        self.kick(forces, 0.5 * dt)
        self.drift(dt)
        _, forces, virial = lennard_jones(self.positions, self.cell)
        self.kick(forces, 0.5 * dt)
        self.rates = self.rates + 0.5 * dt * self.cell_acceleration(virial)
        self.thermostat(0.5 * dt)

    def pack(self) -> Array:
        parts = (self.positions, self.velocities, self.cell, self.rates, self.xi, self.xi_cell)
        return np.concatenate([part.ravel() for part in parts])

    def unpack(self, y: Array) -> None:
        n = self.positions.size
        ends = np.cumsum([n, n, 9, 3, N_CHAIN])
        x, v, cell, rates, xi, xi_cell = np.split(y, ends)
        self.positions, self.velocities, self.cell = (part.reshape(-1, 3) for part in (x, v, cell))
        self.rates, self.xi, self.xi_cell = rates, xi, xi_cell

    def derivative(self, _time: float, y: Array) -> Array:
        """The equations of motion, as they stand."""
        self.unpack(y)
        _, forces, virial = lennard_jones(self.positions, self.cell)
        matrix = self.generator(self.rates)
        trace = self.rates.sum()
        v = self.velocities
        acceleration = forces / self.masses[:, None] * EV_FS2_PER_U_A2
        acceleration = acceleration - v @ matrix.T - v * trace / self.n_dof - v * self.xi[0]
        cell_rates = self.cell_acceleration(virial) - self.rates * self.xi_cell[0]
        twice, twice_cell = self.twice_kinetic(), self.twice_cell_kinetic()
        parts = (
            v + self.positions @ matrix,
            acceleration,
            self.cell @ matrix,
            cell_rates,
            chain_rates(self.xi, self.q, twice, self.n_dof, self.kT),
            chain_rates(self.xi_cell, self.q_cell, twice_cell, self.n_lengths, self.kT),
        )
        return np.concatenate([part.ravel() for part in parts])


def make(atoms: Atoms, isotropic: bool, timestep_fs: float) -> tuple[MdRun, Reference]:
    cell, pbc, numbers, positions = structure_arrays(atoms)
    masses = atoms.get_masses()
    velocities = maxwell_boltzmann(masses, 90.0, seed=2)
    run = MdRun(
        LennardJones(epsilon=EPSILON, sigma=SIGMA, onset=ONSET, cutoff=CUTOFF),
        cell=cell,
        pbc=pbc,
        numbers=numbers,
        positions=positions,
        velocities=velocities,
        masses=masses,
        timestep_fs=timestep_fs,
        skin=0.4,
    )
    chain = {
        "temperature_K": TEMPERATURE_K,
        "chain_length": N_CHAIN,
        "n_weights": 7,
        "n_substeps": 4,
    }
    run.set_thermostat({"kind": "nose-hoover-chain", "tau_fs": TAU_FS, **chain})
    run.set_barostat(
        {
            "coupling": "isotropic" if isotropic else "anisotropic",
            "pressure_GPa": PRESSURE_GPA,
            "tau_fs": BAROSTAT_TAU_FS,
            **chain,
        }
    )
    reference = Reference(positions.copy(), velocities.copy(), cell.copy(), masses, isotropic)
    return run, reference


@pytest.mark.parametrize("isotropic", [True, False])
def test_steps_agree_with_the_reference(strained: Atoms, isotropic: bool) -> None:
    run, reference = make(strained, isotropic, 4.0)
    for _ in range(10):
        run.run(1)
        reference.step(4.0)
    np.testing.assert_allclose(run.positions, reference.positions, rtol=0, atol=1e-9)
    np.testing.assert_allclose(run.velocities, reference.velocities, rtol=0, atol=1e-11)
    np.testing.assert_allclose(run.cell, reference.cell, rtol=0, atol=1e-9)
    np.testing.assert_allclose(run.virial, lennard_jones(run.positions, run.cell)[2], atol=1e-10)
    assert np.abs(run.cell - strained.cell[:]).max() > 1e-3
    assert np.abs(reference.rates).max() > 1e-6


@pytest.mark.parametrize("isotropic", [True, False])
def test_steps_converge_to_the_equations_of_motion(strained: Atoms, isotropic: bool) -> None:
    """Second order in dt, against a Runge-Kutta solution of order eight."""
    _, reference = make(strained, isotropic, 4.0)
    time_fs = 120.0
    exact = solve_ivp(
        reference.derivative, (0, time_fs), reference.pack(), method="DOP853", rtol=1e-9, atol=1e-10
    ).y[:, -1]
    reference.unpack(exact)
    errors = []
    for timestep_fs in (4.0, 2.0):
        run, _ = make(strained, isotropic, timestep_fs)
        run.run(round(time_fs / timestep_fs))
        errors.append(
            (
                np.abs(run.positions - reference.positions).max(),
                np.abs(run.cell - reference.cell).max(),
            )
        )
    assert max(errors[0]) < 0.01
    for coarse, fine in zip(*errors, strict=True):
        assert coarse / fine == pytest.approx(4.0, abs=0.5)
