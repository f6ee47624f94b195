"""Random thermostats and constant pressure, checked by physical_validation (Merz, Shirts 2018).

For the ensemble at constant pressure the package compares the volumes at two pressures, and
energies and volumes at two temperatures, with the ratio of distributions that is known exactly.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from ase import Atoms

from lionn_rs.md import MdResult, mean_cell
from lionn_rs.units import EV_A3_TO_GPA
from tests.physics.test_md_ensemble import (
    DECORRELATION,
    argon,
    check_kinetic_energy,
    check_potential_energy,
    pv,
    quietly,
    samples,
    simulate,
)

pytestmark = pytest.mark.physics
__all__ = ["argon"]  # the fixture

NPT = {"barostat": "isotropic", "barostat_tau_fs": 500, "heating_thermostat": "langevin"}


RUNS: dict[str, MdResult] = {}
"""Runs that more than one test looks at."""


def pressed(argon: Atoms, temperature_K: float, pressure_GPa: float, **options: Any) -> MdResult:
    key = repr((temperature_K, pressure_GPa, options))
    if key not in RUNS:
        RUNS[key] = simulate(argon, temperature_K, pressure_GPa=pressure_GPa, **NPT | options)
    return RUNS[key]


def npt_samples(result: MdResult, argon: Atoms) -> Any:
    data = samples(result, argon)
    thermo = result.thermo
    production = np.flatnonzero(thermo["stage"] == "production")[::DECORRELATION]
    data.ensemble = pv.data.EnsembleData(
        "NPT",
        natoms=len(argon),
        pressure=result.metadata["protocol"]["pressure_GPa"] / EV_A3_TO_GPA,
        temperature=result.temperature_K,
    )
    data.observables.volume = thermo["volume"][production]
    return data


@pytest.mark.parametrize(
    "options",
    [
        {"thermostat": "langevin"},
        {"thermostat": "stochastic-rescale"},
        NPT,
        NPT | {"barostat": "anisotropic"},
        NPT | {"thermostat": "langevin"},
    ],
)
def test_kinetic_energy_is_canonical(argon: Atoms, options: dict[str, Any]) -> None:
    check_kinetic_energy(samples(simulate(argon, 40.0, **options), argon))


@pytest.mark.parametrize("thermostat", ["langevin", "stochastic-rescale"])
def test_potential_energy_follows_boltzmann(argon: Atoms, thermostat: str) -> None:
    check_potential_energy(argon, thermostat=thermostat)


@pytest.mark.parametrize("options", [{}, {"thermostat": "langevin"}])
def test_volumes_at_two_pressures(argon: Atoms, options: dict[str, Any]) -> None:
    """32 atoms at 50 K: the spread of the volume at one pressure is about that of 0.02 GPa."""
    low, high = (
        npt_samples(pressed(argon, 50.0, pressure_GPa, **options), argon)
        for pressure_GPa in (0.05, 0.08)
    )
    [quantile] = quietly(pv.ensemble.check, low, high, data_is_uncorrelated=True, bootstrap_seed=1)
    assert abs(quantile) < 3


def test_energies_and_volumes_at_two_temperatures_and_pressures(argon: Atoms) -> None:
    cold = npt_samples(pressed(argon, 50.0, 0.05), argon)
    hot = npt_samples(pressed(argon, 53.0, 0.08), argon)
    quantiles = quietly(
        pv.ensemble.check,
        cold,
        hot,
        total_energy=False,
        data_is_uncorrelated=True,
        bootstrap_seed=1,
    )
    assert len(quantiles) == 2
    assert np.abs(quantiles).max() < 3


def test_a_wrong_pressure_is_recognized(argon: Atoms) -> None:
    """The check has teeth: data of 0.08 GPa that claim to be of 0.1 GPa."""
    low = npt_samples(pressed(argon, 50.0, 0.05), argon)
    high = npt_samples(pressed(argon, 50.0, 0.08), argon)
    high.ensemble = pv.data.EnsembleData(
        "NPT", natoms=len(argon), pressure=0.1 / EV_A3_TO_GPA, temperature=50.0
    )
    [quantile] = quietly(pv.ensemble.check, low, high, data_is_uncorrelated=True, bootstrap_seed=1)
    assert abs(quantile) > 5


def test_volume_does_not_depend_on_barostat_and_thermostat(argon: Atoms) -> None:
    cells = [
        mean_cell(pressed(argon, 40.0, 0.05, production_ps=800, **options).trajectory)
        for options in (
            {"barostat_tau_fs": 200},
            {"barostat_tau_fs": 2000},
            {"thermostat": "langevin"},
            {"thermostat": "stochastic-rescale", "tau_fs": 500.0},
        )
    ]
    for cell in cells:
        assert abs(cell.pressure_GPa - 0.05) < 4 * cell.pressure_error_GPa
        difference = cell.volume - cells[0].volume
        assert abs(difference) < 4 * np.hypot(cell.volume_error, cells[0].volume_error)
        assert cell.volume_error < 2e-3 * cell.volume
