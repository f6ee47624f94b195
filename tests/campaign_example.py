"""A campaign that takes seconds: LGPS with a potential trained in a moment."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np

import lionn_rs as lionn
from lionn_rs import datasets
from lionn_rs.config_campaign import CampaignConfig
from lionn_rs.md import Trajectory

CONTENT: dict[str, dict[str, Any]] = {
    "campaign": {
        "name": "test",
        "structures": [{"name": "LGPS", "files": ["dataset:lgps"], "concentration": 1}],
    },
    "md": {
        "temperatures_K": [300, 400],
        "seeds": [1, 2],
        "heating_ps": 0.1,
        "equilibration_ps": 0.1,
        "production_ps": 0.6,
    },
}
LONG_PS = 40
"""Production that lasts some seconds: time to be killed in."""


def save_potential(path: Path) -> Path:
    """Train without ambition and save: bits matter here, not physics."""
    images = lionn.read_images(datasets.load("lgps_gpaw_pbe")[::4])
    descriptor = lionn.Gaussian.amp_default(["Ge", "Li", "P", "S"], cutoff=lionn.Cosine(4.0))
    trained = lionn.train(
        images,
        descriptor=descriptor,
        hidden_layers=(3,),
        seed=1,
        max_iterations=40,
        progress=False,
    )
    trained.best.save(path)
    return path


def config(potential: Path, **sections: dict[str, Any]) -> CampaignConfig:
    content = copy.deepcopy(CONTENT)
    content["campaign"]["potentials"] = [str(potential)]
    for name, keys in sections.items():
        content.setdefault(name, {}).update(keys)
    return CampaignConfig.model_validate(content)


def toml(path: Path, potential: Path, **md: Any) -> Path:
    """The same as a file."""
    settings = CONTENT["md"] | md
    lines = ["[campaign]", 'name = "test"', f'potentials = "{potential}"']
    lines += ["[[campaign.structures]]", 'name = "LGPS"', 'files = "dataset:lgps"']
    lines += ["concentration = 1", "[md]"]
    lines += [f"{key} = {value}" for key, value in settings.items()]
    lines += ["[diffusion]", 'carrier = "Li"']
    path.write_text("\n".join(lines) + "\n")
    return path


def same_bits(first: Path, second: Path) -> bool:
    """Whether two runs have the same frames, thermo table and last state."""
    one, two = Trajectory.open(first), Trajectory.open(second)
    with np.load(first / "checkpoint.npz") as a, np.load(second / "checkpoint.npz") as b:
        states = all(np.array_equal(a[name], b[name]) for name in a.files)
    return (
        states
        and np.array_equal(one.positions(), two.positions())
        and (first / "thermo.csv").read_bytes() == (second / "thermo.csv").read_bytes()
    )
