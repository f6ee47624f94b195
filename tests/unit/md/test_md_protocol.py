from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from lionn_rs.errors import ConfigError
from lionn_rs.md import Protocol, repeat


def test_defaults_are_the_protocol_of_the_paper() -> None:
    protocol = Protocol(temperature_K=900)
    heating, equilibration, production = protocol.stages
    assert protocol.timestep_fs == 2.0
    assert heating.thermostat == {
        "kind": "rescale",
        "start_K": 100.0,
        "end_K": 900.0,
        "n_steps": 2000,
        "law": "temperature",
    }
    assert (equilibration.first_step, equilibration.n_steps) == (2000, 500)
    assert (production.first_step, production.last_step) == (2500, 12500)
    assert production.thermostat["kind"] == "nose-hoover-chain"
    assert production.thermostat["chain_length"] == 3
    assert protocol.initial_temperature_K == 100
    assert protocol.max_temperature_K == 4500


def test_the_step_between_two_stages_begins_the_later_one() -> None:
    labels = Protocol(temperature_K=900).labels(np.array([0, 1999, 2000, 2500, 12500]))
    assert labels.tolist() == ["heating"] * 2 + ["equilibration"] + ["production"] * 2


def test_stages_without_steps_are_left_out() -> None:
    protocol = Protocol(temperature_K=300, heating_ps=0, equilibration_ps=0, thermostat="none")
    assert [stage.label for stage in protocol.stages] == ["production"]
    assert protocol.stages[0].thermostat == {"kind": "nve"}
    assert protocol.initial_temperature_K == 300


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"temperature_K": -1}, "protocol: temperature_K: .*greater than 0, got -1"),
        ({}, "protocol: temperature_K: Field required$"),
        ({"temperature_K": 300, "tau": 3}, "protocol: tau: Extra inputs are not permitted, got 3"),
        ({"temperature_K": 300, "suzuki_yoshida": 2}, "suzuki_yoshida: .*1, 3, 5 or 7, got 2"),
        ({"temperature_K": 300, "stride": 0}, "stride: .*got 0"),
    ],
)
def test_bad_values_are_refused_in_one_line(values: dict[str, float], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Protocol(**values)


def test_repeat_refuses_what_is_no_supercell() -> None:
    copper = bulk("Cu", cubic=True)
    large = repeat(copper, (2, 1, 3))
    assert len(large) == 24
    assert np.allclose(large.cell, np.diag([2, 1, 3]) @ copper.cell)
    with pytest.raises(ConfigError, match=r"three positive integers, got \(2, 0, 1\)"):
        repeat(copper, (2, 0, 1))
    slab = Atoms("Cu", cell=[3, 3, 9], pbc=[True, True, False])
    with pytest.raises(ConfigError, match="supercell of 2 along c, which is not periodic"):
        repeat(slab, (1, 1, 2))
