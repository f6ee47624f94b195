"""The settings of examples/paper/room_temperature.py, and how it finds its runs."""

from __future__ import annotations

import runpy
from pathlib import Path

from ase.build import bulk

from lionn_rs._core import LennardJones
from lionn_rs.config import TrainConfig
from lionn_rs.config_campaign import CampaignConfig
from lionn_rs.config_file import load_config
from lionn_rs.md import Protocol, run_md

ROOT = Path(__file__).parents[2]
SCRIPT = runpy.run_path(str(ROOT / "examples/paper/room_temperature.py"))
SETTINGS = ROOT / "examples/paper/room_temperature"


def test_potential_is_that_of_the_physical_validation():
    reference = ROOT / "tests/reference/potentials/lgps_powerspectrum.toml"
    ours = load_config(SETTINGS / "potential.toml", TrainConfig)
    assert ours == load_config(reference, TrainConfig)


def test_campaigns_differ_in_temperature_and_preparation_only(tmp_path):
    found = {}
    for name in ("high", "direct"):
        (tmp_path / f"{name}.toml").write_text(SCRIPT["campaign_text"](name, 1234.5), "utf-8")
        found[name] = load_config(tmp_path / f"{name}.toml", CampaignConfig)
    high, direct = found["high"], found["direct"]
    assert direct.md.production_ps == 1234.5
    assert high.md.production_ps != 1234.5
    assert high.campaign.supercells == direct.campaign.supercells == [(2, 2, 2)]
    assert high.campaign.structures == direct.campaign.structures
    for key in ("timestep_fs", "thermostat", "tau_fs", "barostat"):
        assert getattr(high.md, key) == getattr(direct.md, key)
    assert max(direct.md.temperatures_K) < min(high.md.temperatures_K)
    assert direct.md.start_temperature_K > min(high.md.temperatures_K)


def test_of_runs_that_differ_in_length_the_longest_counts(tmp_path):
    argon = bulk("Ar", "fcc", a=5.3, cubic=True).repeat(2)
    forces = LennardJones(epsilon=0.0104, sigma=3.4, onset=5.5, cutoff=7.0)
    lengths = {"short": (0.1, 1), "long": (0.2, 1), "seed2": (0.1, 2)}
    for name, (production_ps, seed) in lengths.items():
        protocol = Protocol(
            temperature_K=50, seed=seed, heating_ps=0, equilibration_ps=0,
            production_ps=production_ps, timestep_fs=5.0, stride=2,
        )  # fmt: skip
        folder = tmp_path / "direct" / "tasks" / name
        run_md(forces, argon, protocol, output=folder, progress=False)
    assert [folder.name for folder in SCRIPT["runs"](tmp_path, "direct")] == ["long", "seed2"]
