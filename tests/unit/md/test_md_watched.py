"""A committee beside a potential: the dynamics of the one, the spread of the other."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.io import read, write

import lionn_rs as lionn
from lionn_rs._core import LennardJones
from lionn_rs.committee import atom_force_std
from lionn_rs.data.reading import read_images
from lionn_rs.errors import ConfigError, LionnError
from lionn_rs.md import Protocol, run_md
from tests.conftest import random_crystal, random_potential

TINY = 1e-6
"""A limit that every assessment exceeds."""


def protocol(**options: object) -> Protocol:
    settings = {
        "temperature_K": 300,
        "timestep_fs": 0.5,
        "heating_ps": 0.0,
        "equilibration_ps": 0.0,
        "production_ps": 0.02,
        "stride": 4,
        "stride_thermo": 1,
        "precision": "float64",
        "velocities": True,
        "assess_stride": 5,
        "max_temperature_factor": 1000.0,
        "seed": 4,
    }
    return Protocol(**(settings | options))


@pytest.fixture(scope="module")
def crystal() -> Atoms:
    return random_crystal(1, 16)


@pytest.fixture(scope="module")
def driver() -> lionn.Potential:
    return random_potential(7, cutoff=3.5)


@pytest.fixture(scope="module")
def committee() -> lionn.Committee:
    """Of another cutoff, and hence another descriptor, than the potential that drives."""
    return lionn.Committee([random_potential(seed, cutoff=4.5) for seed in (1, 2, 3)])


def test_bits_are_those_of_the_potential_alone(driver, crystal, committee) -> None:
    alone = run_md(driver, crystal, protocol(), progress=False)
    watched = run_md(driver, crystal, protocol(), committee=committee, progress=False)
    for name in ("positions", "velocities"):
        one, two = (getattr(run.trajectory, name)() for run in (alone, watched))
        assert one.tobytes() == two.tobytes()
    for name, column in alone.thermo.items():
        np.testing.assert_array_equal(column, watched.thermo[name], err_msg=name)
    spread = watched.thermo["max_force_std"]
    assert np.isfinite(spread[::5]).all()
    assert np.isnan(spread[1:5]).all()
    assert watched.metadata["committee_hash"] == committee.hash
    assert alone.metadata["committee_hash"] is None


def test_spread_is_that_of_the_committee(driver, crystal, committee) -> None:
    """At every assessed step: the committee, asked about the stored frame."""
    run = run_md(driver, crystal, protocol(stride=5), committee=committee, progress=False)
    frames = run.trajectory.positions()
    for step, positions in zip(run.trajectory.step, frames, strict=True):
        atoms = crystal.copy()
        atoms.positions = positions
        expected = committee.evaluate(atoms)
        row = {name: column[step] for name, column in run.thermo.items()}
        # Another order of summation.
        assert row["energy_std"] == pytest.approx(expected.energy_std, rel=1e-8)
        force_std = atom_force_std(expected.forces_std)
        assert row["max_force_std"] == pytest.approx(force_std.max(), rel=1e-8)
        assert row["mean_force_std"] == pytest.approx(force_std.mean(), rel=1e-8)


def test_analytic_potentials_can_be_watched(crystal, committee) -> None:
    lj = LennardJones(epsilon=0.01, sigma=1.5, onset=2.5, cutoff=3.0)
    run = run_md(lj, crystal, protocol(), committee=committee, progress=False)
    assert np.isfinite(run.thermo["max_force_std"][::5]).all()
    assert "max_grade" not in run.thermo


def test_dumped_frames_are_ready_to_be_labeled(tmp_path: Path, driver, crystal, committee) -> None:
    dump = protocol(on_uncertain="dump", max_force_std=TINY, uncertain_interval_ps=0.0)
    folder = tmp_path / "300K-seed4"
    run_md(driver, crystal, dump, committee=committee, output=folder, progress=False)
    frames = read(folder / "uncertain_frames.extxyz", index=":")
    assert [atoms.info["step"] for atoms in frames] == [5, 10, 15, 20, 25, 30, 35, 40]
    last = frames[-1]
    assert last.info["temperature_K"] == 300
    assert last.info["seed"] == 4
    assert last.info["potential_hash"] == driver.hash
    assert last.info["committee_hash"] == committee.hash
    assert last.info["run"] == "300K-seed4"
    assert last.info["time_fs"] == 20.0
    scaled = last.get_scaled_positions(wrap=False)
    assert (scaled > -1e-6).all()
    assert (scaled < 1 + 1e-6).all()
    forces = driver.evaluate(last).forces
    np.testing.assert_allclose(last.arrays["network_forces"], forces, atol=1e-4)
    # No labels: a program that computes them finds none, and training refuses them.
    assert last.calc is None
    with pytest.raises(LionnError, match="energy"):
        lionn.train(read_images(folder / "uncertain_frames.extxyz"), hidden_layers=(2,))
    # Into the input of another program and back: nothing but rounding is lost.
    write(tmp_path / "POSCAR", last, format="vasp", direct=True, sort=False)
    again = read(tmp_path / "POSCAR")
    assert again.get_chemical_symbols() == last.get_chemical_symbols()
    np.testing.assert_allclose(again.positions, last.positions, atol=1e-6)


def test_stop_and_resume_check_the_committee(tmp_path: Path, driver, crystal, committee) -> None:
    stop = protocol(on_uncertain="stop", max_force_std=TINY)
    whole = run_md(driver, crystal, protocol(), progress=False)
    options = {"output": tmp_path / "run", "progress": False}
    first = run_md(driver, crystal, stop, committee=committee, **options)
    assert first.status == "stopped"
    assert first.metadata["stopped_by"] == "uncertain potential"
    assert first.message.startswith("step 5: force spread of atom ")
    other = lionn.Committee([random_potential(seed, cutoff=4.5) for seed in (1, 2)])
    options["resume"] = True
    with pytest.raises(ConfigError, match="cannot resume, the committee is another one"):
        run_md(driver, crystal, protocol(), committee=other, **options)
    with pytest.raises(ConfigError, match=rf"\({committee.hash[:12]} then, none now\)"):
        run_md(driver, crystal, protocol(), **options)
    done = run_md(driver, crystal, protocol(), committee=committee, **options)
    assert done.status == "finished"
    assert done.trajectory.positions().tobytes() == whole.trajectory.positions().tobytes()
    with pytest.raises(ConfigError, match="max_force_std needs a committee"):
        run_md(driver, crystal, stop, progress=False)


def test_committee_that_does_not_know_the_elements_is_refused(driver, crystal) -> None:
    elements = ["Ge", "Li", "P"]
    wrong = lionn.Committee([random_potential(s, elements=elements, cutoff=4.0) for s in (1, 2)])
    with pytest.raises(LionnError, match="committee cannot watch this run: element S is not in it"):
        run_md(driver, crystal, protocol(), committee=wrong, progress=False)
