"""Ensembles checked by an independent package: P. T. Merz, M. R. Shirts, physical_validation 1.0.5,
PLoS ONE 13, e0202764 (2018), doi:10.1371/journal.pone.0202764.

Solid argon, 32 atoms, a soft anharmonic crystal far from any transition; seconds per run.
"""

from __future__ import annotations

import contextlib
import io
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from lionn_rs._core import LennardJones
from lionn_rs.md import MdResult, Protocol, run_md
from lionn_rs.units import BOLTZMANN_EV_K

pytestmark = pytest.mark.physics
pv = pytest.importorskip("physical_validation")

EV_KJ_MOL = 96.48533212
DECORRELATION = 25
"""Rows (of 20 fs) between samples taken as independent, several thermostat periods."""


@pytest.fixture(scope="module")
def argon() -> Atoms:
    return bulk("Ar", "fcc", a=5.35, cubic=True).repeat(2)


def simulate(argon: Atoms, temperature_K: float, **options: Any) -> MdResult:
    lj = LennardJones(epsilon=0.0104, sigma=3.4, onset=5.5, cutoff=7.0)
    protocol = Protocol(
        temperature_K=temperature_K,
        start_temperature_K=10,
        timestep_fs=4.0,
        stride=1000,
        stride_thermo=5,
        **{
            "heating_ps": 10,
            "equilibration_ps": 20,
            "production_ps": 2000,
            "tau_fs": 150,
            "seed": 1,
        }
        | options,
    )
    return run_md(lj, argon, protocol, progress=False)


def pv_units() -> Any:
    return pv.data.UnitData(
        kb=BOLTZMANN_EV_K,
        energy_str="eV",
        energy_conversion=EV_KJ_MOL,
        length_str="Å",
        length_conversion=0.1,
        volume_str="Å^3",
        volume_conversion=1e-3,
        temperature_str="K",
        temperature_conversion=1.0,
        pressure_str="eV/Å^3",
        pressure_conversion=1.602176634e6,
        time_str="fs",
        time_conversion=1e-3,
    )


def samples(
    result: MdResult, argon: Atoms, ensemble: str = "NVT", spacing: int = DECORRELATION
) -> Any:
    thermo = result.thermo
    production = np.flatnonzero(thermo["stage"] == "production")[::spacing]
    kinetic, potential = (
        thermo["kinetic_energy"][production],
        thermo["potential_energy"][production],
    )
    return pv.data.SimulationData(
        units=pv_units(),
        system=pv.data.SystemData(
            natoms=len(argon),
            nconstraints=0,
            ndof_reduction_tra=3,
            ndof_reduction_rot=0,
            mass=argon.get_masses(),
        ),
        ensemble=pv.data.EnsembleData(
            ensemble,
            natoms=len(argon),
            volume=argon.get_volume(),
            temperature=result.temperature_K,
        ),
        observables=pv.data.ObservableData(
            kinetic_energy=kinetic,
            potential_energy=potential,
            total_energy=kinetic + potential,
            constant_of_motion=thermo["conserved"][production],
        ),
        dt=result.metadata["protocol"]["timestep_fs"],
    )


def quietly(function: Any, *arguments: Any, **options: Any) -> Any:
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        return function(*arguments, **options)


def check_kinetic_energy(data: Any) -> None:
    """Distribution, mean and width of the kinetic energy are canonical."""
    p = quietly(pv.kinetic_energy.distribution, data, strict=True, data_is_uncorrelated=True)
    assert p > 0.01
    mean, width = quietly(
        pv.kinetic_energy.distribution, data, strict=False, data_is_uncorrelated=True
    )
    assert abs(mean) < 3
    assert abs(width) < 3


def check_potential_energy(argon: Atoms, **options: Any) -> None:
    """Potential energies at two temperatures have the ratio of the Boltzmann factors."""
    cold = samples(simulate(argon, 50.0, **options), argon)
    hot = samples(simulate(argon, 54.0, **options), argon)
    [quantile] = quietly(
        pv.ensemble.check,
        cold,
        hot,
        total_energy=False,
        data_is_uncorrelated=True,
        bootstrap_seed=1,
    )
    assert abs(quantile) < 3


def test_kinetic_energy_of_the_chain_is_canonical(argon: Atoms) -> None:
    check_kinetic_energy(samples(simulate(argon, 50.0), argon))


def test_rescaling_is_recognized_as_not_canonical(argon: Atoms) -> None:
    """The check has teeth: rescaled velocities have no spread of the kinetic energy at all."""
    data = samples(simulate(argon, 50.0, thermostat="rescale", production_ps=200), argon)
    # The first sample is the last state of the equilibration.
    assert np.ptp(data.observables.kinetic_energy[1:]) < 1e-10


def test_potential_energy_follows_boltzmann_between_two_temperatures(argon: Atoms) -> None:
    check_potential_energy(argon)


def test_temperature_does_not_depend_on_the_thermostat_period(argon: Atoms) -> None:
    for tau_fs in (30.0, 500.0):
        thermo = simulate(argon, 50.0, tau_fs=tau_fs, production_ps=800).thermo
        values = thermo["temperature_K"][thermo["stage"] == "production"]
        means = values[: len(values) // 20 * 20].reshape(20, -1).mean(axis=1)
        error = means.std(ddof=1) / np.sqrt(20)
        assert error < 0.5
        assert abs(means.mean() - 50) < 4 * error
