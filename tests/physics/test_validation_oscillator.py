"""One harmonic oscillator: a single thermostat leaves it on a torus, a chain makes it canonical.

G. J. Martyna, M. L. Klein, M. Tuckerman, J. Chem. Phys. 97, 2635 (1992), doi:10.1063/1.463940.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from lionn_rs import _core
from lionn_rs.md.averages import mean_and_error
from lionn_rs.units import BOLTZMANN_EV_K, EV_FS2_PER_U_A2
from tests.physics.conftest import Measured
from tests.physics.systems import chain

pytestmark = pytest.mark.physics
MASS, STIFFNESS, TEMPERATURE_K = 32.06, 2.0, 300.0
PERIOD_FS = 2 * np.pi * np.sqrt(MASS / (STIFFNESS * EV_FS2_PER_U_A2))
STEPS_PER_PERIOD = 40
N_PERIODS = 50_000
PERIODS_BETWEEN = 25
"""Between samples taken as independent by the Kolmogorov-Smirnov test."""


def phase_space(length: int) -> tuple[np.ndarray, np.ndarray]:
    """Position and velocity in units of their canonical widths, four times a period.

    The start has the mean energy: a thermostat without chaos stays near it. The thermostat
    oscillates with the angular frequency sqrt(2)/tau, which is that of the oscillator here.
    """
    thermal = BOLTZMANN_EV_K * TEMPERATURE_K
    width = np.sqrt(thermal / STIFFNESS)
    speed = np.sqrt(thermal / MASS * EV_FS2_PER_U_A2)
    run = _core.MdRun(
        _core.Harmonic(sites=np.zeros((1, 3)), stiffness=np.array([STIFFNESS])),
        cell=np.zeros((3, 3)),
        pbc=(False, False, False),
        numbers=np.array([16], dtype=np.uint8),
        positions=np.array([[width, 0.0, 0.0]]),
        velocities=np.array([[speed, 0.0, 0.0]]),
        masses=np.array([MASS]),
        timestep_fs=PERIOD_FS / STEPS_PER_PERIOD,
        skin=1.0,
        n_dof=1,
        stride_thermo=1000,
        stride_frames=STEPS_PER_PERIOD // 4,
        record_velocities=True,
    )
    run.set_thermostat(chain(TEMPERATURE_K, np.sqrt(2) * PERIOD_FS / (2 * np.pi), length))
    run.run(STEPS_PER_PERIOD * N_PERIODS)
    frames = run.drain()
    return frames["positions"][:, 0, 0] / width, frames["velocities"][:, 0, 0] / speed


@pytest.mark.parametrize("length", [1, 3, 4])
def test_only_a_chain_is_canonical(length: int, measured: Measured) -> None:
    x, p = phase_space(length)
    spacing = 4 * PERIODS_BETWEEN
    label = f"chain of {length}"
    for name, values in (("x", x), ("p", p)):
        ks = stats.kstest(values[::spacing], "norm").pvalue
        quantity = f"{label}: Kolmogorov-Smirnov p of {name}"
        if length == 1:
            measured(9, "oscillator", quantity, ks, high=1e-6, line="fails: below 1e-6")
            continue
        measured(9, "oscillator", quantity, ks, low=0.01, line="above 0.01")
        mean, error = mean_and_error(values**2)
        measured.within(9, "oscillator", f"{label}: mean of {name}² over kT", mean, error, 1.0)
    # Independent of each other: what a torus cannot give.
    energy = 0.5 * (x**2 + p**2)
    ks = stats.kstest(energy[::spacing], "expon").pvalue
    quantity = f"{label}: Kolmogorov-Smirnov p of the energy"
    if length == 1:
        measured(9, "oscillator", quantity, ks, high=1e-6, line="fails: below 1e-6")
    else:
        measured(9, "oscillator", quantity, ks, low=0.01, line="above 0.01")
    shown = slice(0, 4 * 5000)
    measured.curve(f"oscillator-{length}", x=x[shown], p=p[shown])
