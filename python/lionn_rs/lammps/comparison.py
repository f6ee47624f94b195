"""The same steps in LAMMPS and in our own engine."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np

from lionn_rs.errors import DataError, SimulationError
from lionn_rs.lammps.model import (
    STRUCTURE,
    data_file,
    model_name,
    system_lines,
    write_model,
)
from lionn_rs.lammps.program import Program

if TYPE_CHECKING:
    from ase import Atoms
    from numpy.typing import NDArray

    from lionn_rs.potential import BasePotential

__all__ = ["RANKS", "TOLERANCE", "RunCheck", "check"]

RANKS = (1, 2, 4)
N_STEPS = 20
TOLERANCE = 1e-9
"""Relative. Both compute in double precision and add up in another order."""
THERMO = "step vol ke c_kinetic pe " + " ".join(f"c_virial[{k}]" for k in range(1, 7))
VOIGT = [(0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2)]
"""Order of a tensor in LAMMPS."""


@dataclass(frozen=True)
class RunCheck:
    """Largest differences between LAMMPS and our engine over all steps of one run.

    Attributes
    ----------
    n_ranks : int
        MPI processes.
    n_frames : int
        Steps compared, the start included.
    energy_error : float
        Of the potential energy, relative to it.
    atomic_energy_error : float
        Of the energies of the atoms, relative to the largest.
    force_error : float
        Of the force components, relative to the largest.
    virial_error : float
        Of the components of the virial, relative to the largest.
    """

    n_ranks: int
    n_frames: int
    energy_error: float
    atomic_energy_error: float
    force_error: float
    virial_error: float

    def passed(self, tolerance: float = TOLERANCE) -> bool:
        """Whether all errors are within the tolerance; NaN is not."""
        errors = (self.energy_error, self.atomic_energy_error, self.force_error, self.virial_error)
        return all(error <= tolerance for error in errors)


@dataclass(frozen=True)
class _Run:
    """What LAMMPS has computed: one row or frame per step."""

    energies: NDArray[np.float64]
    virials: NDArray[np.float64]
    frames: list[Atoms]


def check(
    potential: BasePotential,
    structure: Atoms,
    *,
    program: Program,
    ranks: Sequence[int] = RANKS,
    n_steps: int = N_STEPS,
    temperature_K: float = 300.0,
    timestep_fs: float = 1.0,
    seed: int = 1,
) -> list[RunCheck]:
    """Run LAMMPS and compare each of its steps with :meth:`Potential.evaluate` on its positions.

    Parameters
    ----------
    potential : Potential or Committee
        The potential.
    structure : ase.Atoms
        Start of the run, with a cell.
    program : Program
        LAMMPS.
    ranks : sequence of int
        Numbers of MPI processes, one run each.
    n_steps : int
        Steps at constant energy.
    temperature_K, timestep_fs : float
        Of the start velocities; of the steps.
    seed : int
        Seed of the velocities.

    Returns
    -------
    list of RunCheck
        One for every number of ranks.

    Raises
    ------
    ConfigError
        ``mpirun`` is missing.
    DataError
        The structure cannot be used; a single atom has no temperature.
    SimulationError
        LAMMPS stopped with an error.
    """
    if len(structure) < 2:
        raise DataError(f"the check needs at least 2 atoms, got {len(structure)}")
    name = model_name(potential)
    with tempfile.TemporaryDirectory(prefix="lionn-lammps-") as temporary:
        folder = Path(temporary)
        data = data_file(potential, structure)
        write_model(potential, folder / "models" / name)
        (folder / STRUCTURE).write_text(data, encoding="utf-8")
        script = folder / "in.check"
        lines = system_lines(potential, name, structure)
        lines += _dynamics(potential, n_steps, temperature_K, timestep_fs, seed)
        script.write_text("\n".join(lines) + "\n", encoding="utf-8")
        results = []
        for n_ranks in ranks:
            dump = folder / f"dump.{n_ranks}"
            log = program.run(
                script,
                models=folder / "models",
                n_ranks=n_ranks,
                variables={"dump": dump.name},
            )
            results.append(_compare(potential, _read(log, dump, n_steps), n_ranks))
        return results


def _dynamics(
    potential: BasePotential, n_steps: int, temperature_K: float, timestep_fs: float, seed: int
) -> list[str]:
    """Lines of the script that follow the potential."""
    return [
        "compute       kinetic all pressure thermo_temp ke",
        "compute       virial all pressure NULL virial",
        "compute       energy all pe/atom",
        f"velocity      all create {temperature_K!r} {seed} mom yes rot no dist gaussian",
        f"timestep      {timestep_fs / 1000.0!r}",
        "fix           dynamics all nve",
        f"thermo_style  custom {THERMO}",
        "thermo_modify norm no line one format float %.17g",
        "thermo        1",
        "dump          frames all custom 1 ${dump} id element x y z fx fy fz c_energy",
        f"dump_modify   frames sort id format float %.17g element {' '.join(potential.elements)}",
        f"run           {n_steps}",
    ]


def _read(log: str, dump: Path, n_steps: int) -> _Run:
    from ase.io import read

    lines = log.splitlines()
    starts = [n for n, line in enumerate(lines) if line.split()[:2] == ["Step", "Volume"]]
    ends = [n for n, line in enumerate(lines) if line.startswith("Loop time")]
    rows = [line.split() for line in lines[starts[-1] + 1 : ends[-1]]] if starts and ends else []
    table = np.array([row for row in rows if len(row) == len(THERMO.split())], dtype=float)
    frames = cast("list[Atoms]", read(dump, index=":", format="lammps-dump-text"))
    if len(table) != n_steps + 1 or len(frames) != n_steps + 1:
        raise SimulationError(
            f"LAMMPS logged {len(table)} and dumped {len(frames)} of {n_steps + 1} steps"
        )
    volume, kinetic_energy, kinetic_pressure = table[:, 1], table[:, 2], table[:, 3]
    # P V = 2/3 E_kin: the factor between eV/Å³ and bar that LAMMPS itself uses.
    bar = kinetic_pressure * volume / (2.0 / 3.0 * kinetic_energy)
    return _Run(table[:, 4], table[:, 5:] * (volume / bar)[:, None], frames)


def _compare(potential: BasePotential, run: _Run, n_ranks: int) -> RunCheck:
    errors = np.zeros(4)
    scales = np.zeros(4)
    for energy, virial, frame in zip(run.energies, run.virials, run.frames, strict=True):
        own = potential.evaluate(frame)
        tensor = 0.5 * (own.virial + own.virial.T)
        pairs = (
            (energy, own.energy),
            (frame.arrays["c_energy"], own.energies),
            (frame.get_forces(), own.forces),
            (virial, np.array([tensor[index] for index in VOIGT])),
        )
        errors = np.maximum(errors, [np.abs(theirs - ours).max() for theirs, ours in pairs])
        scales = np.maximum(scales, [np.abs(ours).max() for _, ours in pairs])
    relative = [float(error) for error in errors / np.maximum(scales, np.finfo(float).tiny)]
    return RunCheck(n_ranks, len(run.frames), *relative)
