"""Measuring speed: what is measured, in which supercells, and what is said about it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, molecule

from lionn_rs import datasets
from lionn_rs.errors import ConfigError, SimulationError
from lionn_rs.md import Protocol, run_md
from lionn_rs.workflows.benchmark import run as work
from lionn_rs.workflows.benchmark.worker import QUANTITIES, sample
from tests.conftest import random_potential

QUICK_S = 0.01


@pytest.fixture(scope="module")
def subject() -> work.Subject:
    return work.default_subject()


@pytest.fixture(scope="module")
def cases(subject) -> list[work.Case]:
    return work.benchmark(subject, [60, 100], [1], budget_s=QUICK_S)


def test_every_quantity_of_every_size_is_measured(cases):
    assert [(case.n_atoms, case.n_threads) for case in cases] == [(50, 1), (100, 1)]
    for case in cases:
        assert list(case.results) == list(QUANTITIES)
        for result in case.results.values():
            assert 0 < result["least_s"] <= result["median_s"]
            assert result["n_samples"] >= 3
        assert all(work.speed(case, quantity) > 0 for quantity in QUANTITIES)


def test_speeds_belong_to_the_times(cases):
    case = cases[0]
    step = case.results["md_step"]["least_s"]
    assert work.speed(case, "md_step") == pytest.approx(1e6 * step / 50)
    assert work.ns_per_day(case) == pytest.approx(2e-6 * 86400 / step)
    training = case.results["training"]
    n_atoms = 50 * training["n_images"]
    assert work.speed(case, "training") == pytest.approx(n_atoms / training["least_s"])
    assert work.speed(work.Case(50, (1, 1, 1), 1, {}), "md_step") is None


def test_images_that_nobody_has_are_not_trained_on():
    argon = Atoms("Li", cell=3 * np.eye(3), pbc=True)
    potential = random_potential(elements=["Li"], cutoff=3.5)
    subject = work.Subject(potential, argon, "a test")
    (case,) = work.benchmark(subject, [6000], [1], quantities=["training"], budget_s=QUICK_S)
    assert case.results == {"training": None}
    assert work.speed(case, "training") is None


@pytest.mark.parametrize("n_atoms", [1, 50, 130, 400, 3200, 100_000])
@pytest.mark.parametrize(
    "unit",
    [datasets.structure("lgps"), bulk("Cu"), bulk("NaCl", "rocksalt", a=5.64, cubic=True)],
    ids=["LGPS", "Cu", "NaCl"],
)
def test_supercells_have_about_the_size_and_are_compact(unit, n_atoms):
    copies = work.repetitions(unit, n_atoms)
    edges = np.array(copies) * unit.cell.lengths()
    got = len(unit) * math.prod(copies)
    assert abs(got - n_atoms) <= max(0.13 * n_atoms, len(unit))
    # Never longer than a cell more than twice the width.
    assert edges.max() <= 2.01 * edges.min() + unit.cell.lengths().max()


def test_supercells_grow_only_along_periodic_directions():
    slab = bulk("Cu", cubic=True)
    slab.pbc = (True, True, False)
    assert work.repetitions(slab, 400) == (10, 10, 1)
    assert work.repetitions(molecule("H2O"), 400) == (1, 1, 1)


def test_default_potential_holds_the_crystal_together(subject):
    assert subject.potential.descriptor.n_features == dict.fromkeys(("Ge", "Li", "P", "S"), 56)
    # Five times as long as the dynamics of a benchmark, and hotter.
    protocol = Protocol(temperature_K=800, heating_ps=0, equilibration_ps=0, production_ps=1)
    result = run_md(subject.potential, subject.atoms, protocol, progress=False)
    # A chain that has not taken heat from a flying apart crystal.
    assert result.thermo["temperature_K"].max() < 1600


def test_threads_are_at_most_the_processors(monkeypatch):
    monkeypatch.setattr(work, "available_cores", lambda: 4)
    assert work.check_threads(None) == [1, 4]
    assert work.check_threads([3, 1, 3]) == [1, 3]
    with pytest.raises(ConfigError, match=r"--threads must be at most 4, .* got 5"):
        work.check_threads([5])


@pytest.mark.parametrize("n_atoms", [0, 100_001])
def test_sizes_have_limits(n_atoms, subject):
    with pytest.raises(ConfigError, match=f"between 1 and 100000, got {n_atoms}"):
        work.benchmark(subject, [n_atoms], [1])


def test_dynamics_that_stop_are_one_error(subject):
    close = subject.atoms.copy()
    close.positions[1] = close.positions[0] + [0.0, 0.0, 0.1]
    with pytest.raises(SimulationError, match=r"benchmark of 50 atoms, 1 thread: step \d+"):
        work.benchmark(
            work.Subject(subject.potential, close, ""), [50], [1], quantities=["md_step"]
        )


def test_a_process_that_dies_is_one_error(subject, monkeypatch):
    monkeypatch.setattr(work, "asdict", lambda _: {"no": "task"})
    with pytest.raises(SimulationError, match=r"its process ended: TypeError: .*unexpected"):
        work.benchmark(subject, [50], [1])


def test_a_disturbed_machine_is_named():
    def case(median_s: float) -> work.Case:
        result = {"least_s": 1.0, "median_s": median_s}
        return work.Case(50, (1, 1, 1), 1, {"md_step": result, "neighbor_list": result})

    assert len(work.remarks([case(1.1)])) == 1
    text = work.remarks([case(1.1), case(1.5)])[1]
    assert "in 2 of 4 measurements the median is more than 15 % above the least" in text
    assert "at most 50 %" in text


def test_samples_are_long_enough_for_the_clock():
    calls = []
    timing = sample(calls.append, 0.0, min_calls=5, max_calls=40)
    assert timing.n_calls == 40
    assert calls == [5, 5, 40, 40, 40]


def test_instruction_set_is_a_known_one():
    assert work.instruction_set() in {"baseline", "avx2", "avx512", "neon"}
    assert work.instruction_set() in work.machine()
