"""Averages against other programs: LAMMPS (``fix nvt``) and ASE (``NoseHooverChainNVT``).

Argon: LAMMPS has our switched Lennard-Jones potential as ``lj/charmm/coul/charmm``, ASE as
``LennardJones(smooth=True)``. LGPS: both use the trained potential, LAMMPS as a KIM model.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from ase.calculators.lj import LennardJones as PeerLennardJones
from ase.io import read
from ase.md.nose_hoover_chain import NoseHooverChainNVT

import lionn_rs as lionn
from lionn_rs.analysis import rdf
from lionn_rs.errors import LionnError
from lionn_rs.lammps import find_program, model_name
from lionn_rs.lammps.model import data_file, system_lines, write_model
from lionn_rs.md.averages import mean_and_error
from lionn_rs.units import BOLTZMANN_EV_K, EV_A3_TO_GPA, EV_FS2_PER_U_A2
from tests.physics.conftest import Measured
from tests.physics.systems import (
    LENNARD_JONES,
    NAMES,
    System,
    blocks,
    core_run,
    named,
    production,
    sampled,
    thermal_start,
)

pytestmark = pytest.mark.physics
TEMPERATURE_K = {"argon": 50.0, "LGPS": 900.0}
"""Lithium must move between its sites many times in a run."""
OWN_PS = {"argon": 2000.0, "LGPS": 300.0}
LAMMPS_PS = {"argon": 2000.0, "LGPS": 200.0}
ASE_PS = {"argon": 100.0, "LGPS": 60.0}
SETTLE_PS = 20.0
PAIRS = {"argon": [("Ar", "Ar")], "LGPS": [("Li", "S"), ("S", "S")]}
BAR_TO_GPA = 1e-4


@dataclass
class Sample:
    """Rows and frames of a canonical run."""

    kinetic: Any
    potential: Any
    pressure_GPa: Any
    frames: Any
    cell: Any

    def averages(self, n_atoms: int, temperature_K: float) -> dict[str, tuple[float, float]]:
        """Means with errors; the heat capacity is that of the fluctuations of U."""
        means = {
            "T": mean_and_error(2 * self.kinetic / ((3 * n_atoms - 3) * BOLTZMANN_EV_K)),
            "U": mean_and_error(self.potential / n_atoms * 1000),
            "P": mean_and_error(self.pressure_GPa),
        }
        square, error = mean_and_error((self.potential - self.potential.mean()) ** 2)
        scale = (BOLTZMANN_EV_K * temperature_K) ** 2 * n_atoms
        capacity = square / scale + 1.5 * (n_atoms - 1) / n_atoms
        return means | {"C_V": (capacity, error / scale)}


UNITS = {"T": "K", "U": "meV/atom", "P": "GPa", "C_V": "k_B/atom"}


def own(system: System) -> Sample:
    result = sampled(system, TEMPERATURE_K[system.name], OWN_PS[system.name])
    table = production(result)
    return Sample(
        table["kinetic_energy"],
        table["potential_energy"],
        table["pressure_GPa"],
        result.trajectory.positions("production"),
        system.atoms.cell[:],
    )


def compare(name: str, peer: str, sample: Sample, measured: Measured) -> None:
    system, temperature_K = named(name), TEMPERATURE_K[name]
    n_atoms = len(system.atoms)
    ours = own(system)
    reference = ours.averages(n_atoms, temperature_K)
    for quantity, (mean, error) in sample.averages(n_atoms, temperature_K).items():
        expected, own_error = reference[quantity]
        both = float(np.hypot(error, own_error))
        measured(
            13,
            name,
            f"mean {quantity} at {temperature_K:g} K, {peer} (ours: {expected:.5g} ± "
            f"{own_error:.2g})",
            mean,
            error=error,
            low=expected - 3 * both,
            high=expected + 3 * both,
            unit=UNITS[quantity],
            line="ours within 3 SE",
        )
    for pair in PAIRS[name]:
        first, second = (bands(one, system.atoms, pair) for one in (ours, sample))
        spread = np.hypot(first.std(axis=0, ddof=1), second.std(axis=0, ddof=1)) / np.sqrt(8)
        occupied = first.mean(axis=0) > 0.1
        scores = (second.mean(axis=0) - first.mean(axis=0))[occupied] / spread[occupied]
        quantity = f"g(r) of {pair[0]}-{pair[1]}, {peer} less ours, rms over bins"
        rms = np.sqrt(np.mean(scores**2))
        measured(13, name, quantity, rms, high=2.0, unit="SE", line="below 2 (1 expected)")


def bands(sample: Sample, atoms: Atoms, pair: tuple[str, str]) -> Any:
    """g(r) of eight parts of a run."""
    symbols = atoms.get_chemical_symbols()
    options: dict[str, Any] = {"cell": sample.cell, "pair": pair, "symbols": symbols}
    parts = blocks(len(sample.frames), 8)
    return np.array([rdf(sample.frames[p], **options, r_max=6.5, n_bins=40).g for p in parts])


def lammps(name: str, folder: Path) -> Sample:
    try:
        program = find_program()
    except LionnError as error:
        pytest.skip(str(error))
    system, temperature_K = named(name), TEMPERATURE_K[name]
    dt = system.timestep_fs / 1000
    stride = 5 * system.spacing
    lines = [
        *potential_lines(system, folder),
        "neighbor      0.8 bin",
        f"velocity      all create {2 * temperature_K} 1 mom yes rot no dist gaussian",
        f"timestep      {dt!r}",
        f"fix           1 all nvt temp {temperature_K} {temperature_K} {system.tau_fs / 1000}",
        "thermo_style  custom step ke pe press",
        "thermo_modify norm no line one format float %.12g",
        "thermo        5",
        f"run           {round(SETTLE_PS / dt)}",
        f"dump          1 all custom {stride} frames.dump id element x y z",
        f"dump_modify   1 sort id first no format float %.9g element {elements(system)}",
        f"run           {round(LAMMPS_PS[name] / dt)}",
    ]
    script = folder / "in.average"
    script.write_text("\n".join(lines) + "\n", encoding="utf-8")
    log = program.run(script, models=folder / "models", n_ranks=1)
    rows = log[log.rindex("Step") :].splitlines()[1:]
    rows = [row for row in rows[: next(k for k, r in enumerate(rows) if "Loop time" in r)]]
    table = np.array([row.split() for row in rows], dtype=float)[1:]
    images = read(folder / "frames.dump", index=":", format="lammps-dump-text")
    frames = np.array([image.positions for image in images])
    return Sample(table[:, 1], table[:, 2], table[:, 3] * BAR_TO_GPA, frames, images[0].cell[:])


def elements(system: System) -> str:
    return "Ar" if system.name == "argon" else " ".join(system.potential.elements)


def potential_lines(system: System, folder: Path) -> list[str]:
    """Structure and potential in the words of LAMMPS."""
    if system.name == "LGPS":
        name = model_name(system.potential)
        write_model(system.potential, folder / "models" / name)
        text = data_file(system.potential, system.atoms)
        (folder / "structure.data").write_text(text, encoding="utf-8")
        return system_lines(system.potential, name, system.atoms)
    system.atoms.write(folder / "structure.data", format="lammps-data", atom_style="charge")
    c = LENNARD_JONES
    return [
        "units         metal",
        "atom_style    charge",
        "read_data     structure.data",
        f"mass          1 {system.atoms.get_masses()[0]}",
        f"pair_style    lj/charmm/coul/charmm {c['onset']} {c['cutoff']}",
        f"pair_coeff    1 1 {c['epsilon']} {c['sigma']}",
    ]


@pytest.mark.parametrize("name", NAMES)
def test_averages_are_those_of_lammps(name: str, tmp_path: Path, measured: Measured) -> None:
    compare(name, "LAMMPS", lammps(name, tmp_path), measured)


@pytest.mark.parametrize("name", NAMES)
def test_averages_are_those_of_ase(name: str, measured: Measured) -> None:
    """ASE's chain counts 3N degrees of freedom: its target is lowered by (N - 1)/N."""
    system, temperature_K = named(name), TEMPERATURE_K[name]
    n_atoms = len(system.atoms)
    positions, velocities = thermal_start(system, 9, temperature_K)
    fs = np.sqrt(EV_FS2_PER_U_A2)
    peer = system.atoms.copy()
    peer.positions = positions
    peer.set_velocities(velocities / fs)
    if name == "argon":
        c = LENNARD_JONES
        peer.calc = PeerLennardJones(
            epsilon=c["epsilon"], sigma=c["sigma"], ro=c["onset"], rc=c["cutoff"], smooth=True
        )
    else:
        peer.calc = lionn.LionnCalculator(system.potential)
    dynamics = NoseHooverChainNVT(
        peer,
        timestep=system.timestep_fs * fs,
        temperature_K=temperature_K * (n_atoms - 1) / n_atoms,
        tdamp=system.tau_fs * fs,
        tchain=3,
        tloop=1,
    )
    rows: list[tuple[float, ...]] = []
    frames: list[Any] = []

    def observe() -> None:
        kinetic = peer.get_kinetic_energy()
        virial = -np.trace(peer.get_stress(voigt=False)) * peer.get_volume()
        pressure = (2 * kinetic + virial) / (3 * peer.get_volume()) * EV_A3_TO_GPA
        rows.append((kinetic, peer.get_potential_energy(), pressure))
        frames.append(peer.positions.copy())

    dynamics.attach(observe, interval=10)
    dynamics.run(round(1000 * ASE_PS[name] / system.timestep_fs))
    table = np.array(rows[1:])
    sample = Sample(
        table[:, 0], table[:, 1], table[:, 2], np.array(frames[1::5]), system.atoms.cell[:]
    )
    compare(name, "ASE", sample, measured)


def test_argon_in_lammps_has_the_same_forces(tmp_path: Path, measured: Measured) -> None:
    """Energy and forces of one hot configuration: the potential is the same function."""
    try:
        program = find_program()
    except LionnError as error:
        pytest.skip(str(error))
    system = named("argon")
    positions, velocities = thermal_start(system, 1, 50.0)
    shifted = System(**(vars(system) | {"atoms": system.atoms.copy()}))
    shifted.atoms.positions = positions
    shifted.atoms.wrap()
    lines = [
        *potential_lines(shifted, tmp_path),
        "thermo_style  custom step pe",
        "thermo_modify norm no format float %.17g",
        "dump          1 all custom 1 frames.dump id type x y z fx fy fz",
        "dump_modify   1 sort id format float %.17g",
        "run           0",
    ]
    script = tmp_path / "in.forces"
    script.write_text("\n".join(lines) + "\n", encoding="utf-8")
    log = program.run(script, models=tmp_path, n_ranks=1)
    rows = log[log.index("Step") :].splitlines()
    energy = float(rows[1].split()[1])
    image = read(tmp_path / "frames.dump", format="lammps-dump-text")
    run = core_run(shifted, image.positions, velocities, 1.0)
    error = abs(run.potential_energy / energy - 1)
    measured(13, "argon", "energy against LAMMPS, relative", error, high=1e-12)
    forces = run.forces
    error = np.abs(forces - image.get_forces()).max() / np.abs(forces).max()
    measured(13, "argon", "forces against LAMMPS, relative", error, high=1e-12)
