"""lionn_rs: from DFT images of a lithium solid electrolyte to an ionic conductivity.

Units everywhere: eV, Å, eV/Å, u, fs; stress in eV/Å³ with tension positive. The names below are
loaded on first use.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from lionn_rs._core import __version__

if TYPE_CHECKING:
    from lionn_rs import analysis, datasets, lammps, md, plots, testing, trajectories
    from lionn_rs.calculator import LionnCalculator
    from lionn_rs.committee import Committee, load
    from lionn_rs.cutoffs import Cosine, Hard, Polynomial, Switch, Tanh
    from lionn_rs.data.reading import read_images
    from lionn_rs.data.split import split
    from lionn_rs.density import PowerSpectrum, Zernike
    from lionn_rs.descriptor_selection import prune
    from lionn_rs.descriptors import G2, G4, G5, Descriptor, Gaussian, WeightedG2, WeightedG4
    from lionn_rs.errors import (
        ConfigError,
        DataError,
        LionnError,
        ModelFileError,
        ShapeError,
        SimulationError,
    )
    from lionn_rs.neighbors import neighbor_list
    from lionn_rs.potential import Potential
    from lionn_rs.training import (
        CommitteeResult,
        LossWeights,
        Metrics,
        TrainingResult,
        calibrate,
        evaluate,
        predict,
        train,
        train_committee,
    )
    from lionn_rs.trajectories import convert_trajectory, read_trajectory
    from lionn_rs.workflows.campaign.results import CampaignResult
    from lionn_rs.workflows.campaign.run import campaign
    from lionn_rs.workflows.label.result import LabelResult
    from lionn_rs.workflows.label.run import label
    from lionn_rs.workflows.scan.results import ScanResult
    from lionn_rs.workflows.scan.run import scan

_HOME = {
    "lionn_rs.calculator": ["LionnCalculator"],
    "lionn_rs.committee": ["Committee", "load"],
    "lionn_rs.cutoffs": ["Cosine", "Hard", "Polynomial", "Switch", "Tanh"],
    "lionn_rs.data": ["read_images", "split"],
    "lionn_rs.descriptor_selection": ["prune"],
    "lionn_rs.density": ["PowerSpectrum", "Zernike"],
    "lionn_rs.descriptors": [
        "G2",
        "G4",
        "G5",
        "Descriptor",
        "Gaussian",
        "WeightedG2",
        "WeightedG4",
    ],
    "lionn_rs.errors": [
        "ConfigError",
        "DataError",
        "LionnError",
        "ModelFileError",
        "ShapeError",
        "SimulationError",
    ],
    "lionn_rs.neighbors": ["neighbor_list"],
    "lionn_rs.potential": ["Potential"],
    "lionn_rs.training": [
        "CommitteeResult",
        "LossWeights",
        "Metrics",
        "TrainingResult",
        "calibrate",
        "evaluate",
        "predict",
        "train",
        "train_committee",
    ],
    "lionn_rs.workflows.campaign.run": ["campaign"],
    "lionn_rs.workflows.campaign.results": ["CampaignResult"],
    "lionn_rs.workflows.label.run": ["label"],
    "lionn_rs.workflows.label.result": ["LabelResult"],
    "lionn_rs.trajectories": ["convert_trajectory", "read_trajectory"],
    "lionn_rs.workflows.scan.run": ["scan"],
    "lionn_rs.workflows.scan.results": ["ScanResult"],
}
_MODULE_OF = {name: module for module, names in _HOME.items() for name in names}
_SUBPACKAGES = ("analysis", "datasets", "lammps", "md", "plots", "testing", "trajectories")

__all__ = [
    "G2",
    "G4",
    "G5",
    "CampaignResult",
    "Committee",
    "CommitteeResult",
    "ConfigError",
    "Cosine",
    "DataError",
    "Descriptor",
    "Gaussian",
    "Hard",
    "LabelResult",
    "LionnCalculator",
    "LionnError",
    "LossWeights",
    "Metrics",
    "ModelFileError",
    "Polynomial",
    "Potential",
    "PowerSpectrum",
    "ScanResult",
    "ShapeError",
    "SimulationError",
    "Switch",
    "Tanh",
    "TrainingResult",
    "WeightedG2",
    "WeightedG4",
    "Zernike",
    "__version__",
    "analysis",
    "calibrate",
    "campaign",
    "convert_trajectory",
    "datasets",
    "evaluate",
    "label",
    "lammps",
    "load",
    "md",
    "neighbor_list",
    "plots",
    "predict",
    "prune",
    "read_images",
    "read_trajectory",
    "scan",
    "split",
    "testing",
    "train",
    "train_committee",
    "trajectories",
]


def __getattr__(name: str) -> Any:
    if name in _MODULE_OF:
        return getattr(importlib.import_module(_MODULE_OF[name]), name)
    if name in _SUBPACKAGES:
        return importlib.import_module(f"lionn_rs.{name}")
    raise AttributeError(f"module 'lionn_rs' has no attribute '{name}'")


def __dir__() -> list[str]:
    return __all__
