"""Neural potentials in molecular dynamics; random weights: bits are tested here, not physics."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ase import Atoms

import lionn_rs as lionn
from lionn_rs.errors import DataError, SimulationError
from lionn_rs.md import MdJob, Protocol, run_many, run_md
from tests.conftest import random_crystal, random_potential

PROTOCOL = Protocol(
    temperature_K=300,
    timestep_fs=0.5,
    heating_ps=0.01,
    equilibration_ps=0.01,
    production_ps=0.02,
    stride=4,
    stride_thermo=1,
    precision="float64",
    skin=0.1,
)


@pytest.fixture(scope="module")
def crystal() -> Atoms:
    return random_crystal(1, 16)


@pytest.fixture(scope="module")
def potential() -> lionn.Potential:
    return random_potential(3)


def test_side_by_side_and_any_number_of_threads_give_the_same_bits(
    crystal: Atoms, potential: lionn.Potential
) -> None:
    single = run_md(potential, crystal, PROTOCOL, progress=False, n_threads=1)
    jobs = [MdJob(potential, crystal, PROTOCOL) for _ in range(2)]
    for other in run_many(jobs, 2, progress=False, n_threads=2):
        for name, column in single.thermo.items():
            assert np.array_equal(column, other.thermo[name]), name
        assert np.array_equal(single.trajectory.positions(), other.trajectory.positions())


def test_energies_and_extrapolation_are_those_of_the_potential(
    crystal: Atoms, potential: lionn.Potential
) -> None:
    result = run_md(potential, crystal, PROTOCOL, progress=False)
    assert result.metadata["potential_hash"] == potential.hash
    thermo, trajectory = result.thermo, result.trajectory
    for frame in (0, 5, 20):
        expected = potential.evaluate(trajectory.atoms(frame))
        row = int(np.flatnonzero(thermo["step"] == trajectory.step[frame])[0])
        assert thermo["potential_energy"][row] == pytest.approx(expected.energy, abs=1e-9)
        assert thermo["n_extrapolating"][row] == expected.n_extrapolating
        assert thermo["worst_excess"][row] == pytest.approx(expected.worst_extrapolation)
    counted = result.metadata["extrapolation"]
    assert counted["n_steps"] == np.count_nonzero(thermo["n_extrapolating"][1:])
    assert counted["n_environments"] == thermo["n_extrapolating"][1:].sum() > 0


def test_leaving_the_training_range_can_stop_a_run(
    crystal: Atoms, potential: lionn.Potential, tmp_path: Path
) -> None:
    worst = potential.evaluate(crystal).worst_extrapolation
    assert worst > 0
    strict = PROTOCOL.model_copy(update={"max_excess": 0.5 * worst})
    message = r"step 0: \d+ environments outside the training range, the worst by"
    with pytest.raises(SimulationError, match=message):
        run_md(potential, crystal, strict, output=tmp_path / "a", progress=False)


def test_unknown_element_is_named(crystal: Atoms, potential: lionn.Potential) -> None:
    doped = crystal.copy()
    doped.symbols[0] = "Cl"
    with pytest.raises(DataError, match="Cl"):
        run_md(potential, doped, PROTOCOL, progress=False)
