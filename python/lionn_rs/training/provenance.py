"""What a potential file says about its training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lionn_rs import __version__
from lionn_rs.data.images import LabeledImage
from lionn_rs.data.summary import DataSummary
from lionn_rs.files import json_safe
from lionn_rs.training.metrics import Metrics


def provenance(
    sets: Mapping[str, list[LabeledImage]],
    record: Mapping[str, Any],
    metrics: Mapping[str, Metrics],
    data: DataSummary,
    level_of_theory: str,
) -> dict[str, Any]:
    """Metadata of a trained potential, JSON-safe.

    Parameters
    ----------
    sets : mapping of str to list of LabeledImage
        Training, validation and test images.
    record : mapping
        Settings and outcome of the training.
    metrics : mapping of str to Metrics
        Errors on the sets.
    data : DataSummary
        Description of the training images.
    level_of_theory : str
        How the labels were computed.
    """
    content = {
        "lionn_rs": __version__,
        "level_of_theory": level_of_theory,
        "training": dict(record),
        "n_images": {name: len(part) for name, part in sets.items()},
        "ranges": {
            "elements": data.elements,
            "compositions": data.compositions,
            "groups": data.groups,
            "energy_per_atom": data.energy_per_atom,
            "force": data.force,
            "volume_per_atom": data.volume_per_atom,
        },
        "errors": {name: errors.to_dict() for name, errors in metrics.items()},
        "units": "errors in eV/atom, eV/Å and eV/Å³; ranges in eV/atom, eV/Å and Å³/atom",
    }
    result: dict[str, Any] = json_safe(content)
    return result
