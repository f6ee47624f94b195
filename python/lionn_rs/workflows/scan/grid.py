"""Grid of a scan: its members, what they depend on, and whether a folder belongs to it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lionn_rs.config import ScanDescriptor, TrainConfig

if TYPE_CHECKING:
    from lionn_rs.config import ScanConfig

__all__ = ["Plan", "differences", "expand", "grid_record", "topology_name"]

DEFAULT_DESCRIPTOR = "descriptor"
"""Name of the descriptor of a scan that lists none."""


@dataclass(frozen=True)
class Plan:
    """One training of the grid.

    Attributes
    ----------
    descriptor : str
        Its name in the scan.
    hidden_layers : tuple of int
    seed : int
        Seed of the initial weights.
    config : TrainConfig
        What ``lionn train`` would read.
    """

    descriptor: str
    hidden_layers: tuple[int, ...]
    seed: int
    config: TrainConfig

    @property
    def name(self) -> str:
        """Name of its folder: ``Gaussian-56-5x5-seed1``."""
        return f"{self.descriptor}-{topology_name(self.hidden_layers)}-seed{self.seed}"

    def fingerprint(self, data: str) -> str:
        """Hash of what the result depends on; ``data`` stands for the images and their split."""
        text = json.dumps([_settings(self.config), data], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


def topology_name(hidden_layers: Sequence[int]) -> str:
    """Nodes of the hidden layers in one word.

    Examples
    --------
    >>> topology_name((10, 5))
    '10x5'
    """
    return "x".join(str(n) for n in hidden_layers)


def expand(config: ScanConfig) -> list[Plan]:
    """All members of the grid: descriptors, then topologies, then seeds, in the order given.

    Only power spectra have a contraction to learn.
    """
    return [
        Plan(
            entry.name,
            tuple(hidden_layers),
            seed,
            TrainConfig(
                data=config.data,
                descriptor=entry.section(),
                network=config.network.model_copy(update={"hidden_layers": hidden_layers}),
                training=config.training.model_copy(
                    update={
                        "seed": seed,
                        "learn_contraction": config.training.learn_contraction
                        and entry.type == "powerspectrum",
                    }
                ),
            ),
        )
        for entry in _descriptors(config)
        for hidden_layers in _topologies(config)
        for seed in _seeds(config)
    ]


def grid_record(config: ScanConfig, data_hash: str) -> dict[str, Any]:
    """Record what a scan depends on, JSON-safe: the axes of the grid, the rest, the images."""
    settings = _settings(config)
    del settings["descriptor"], settings["scan"]
    del settings["network"]["hidden_layers"], settings["training"]["seed"]
    return {
        "data_hash": data_hash,
        "settings": settings,
        "descriptors": {
            entry.name: entry.section().model_dump(mode="json") for entry in _descriptors(config)
        },
        "hidden_layers": [list(layers) for layers in _topologies(config)],
        "seeds": list(_seeds(config)),
    }


def differences(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """Say what keeps two grid records from one folder; members that are added do not.

    Parameters
    ----------
    before, now : dict
        From :func:`grid_record`.
    """
    found = []
    if before["data_hash"] != now["data_hash"]:
        found.append("the images are not the same")
    found += _changes("", before["settings"], now["settings"])
    for name, keys in before["descriptors"].items():
        if name not in now["descriptors"]:
            found.append(f"descriptor '{name}' is missing")
        else:
            found += _changes(f"descriptor '{name}': ", {"": keys}, {"": now["descriptors"][name]})
    for key in ("hidden_layers", "seeds"):
        found += [
            f"[scan] {key}: {value} is missing" for value in before[key] if value not in now[key]
        ]
    return found


def _changes(where: str, before: dict[str, Any], now: dict[str, Any]) -> Iterator[str]:
    """Keys of sections that are not equal."""
    for section in {**before, **now}:
        old, new = before.get(section, {}), now.get(section, {})
        label = f"[{section}] " if section else ""
        for key in {**old, **new}:
            if old.get(key) != new.get(key):
                yield f"{where}{label}{key} was {old.get(key)!r} and is now {new.get(key)!r}"


def _settings(config: TrainConfig) -> dict[str, Any]:
    """Everything but the names of the files, which may move, and the memory, which changes nothing.

    The images themselves are compared by their hash.
    """
    settings: dict[str, Any] = config.model_dump(mode="json")
    del settings["data"]["images"], settings["training"]["max_memory_gb"]
    return settings


def _descriptors(config: ScanConfig) -> list[ScanDescriptor]:
    if config.scan.descriptors is not None:
        return config.scan.descriptors
    keys = config.descriptor.model_dump(exclude_unset=True)
    return [ScanDescriptor.model_validate({"name": DEFAULT_DESCRIPTOR, **keys})]


def _topologies(config: ScanConfig) -> list[list[int]]:
    return config.scan.hidden_layers or [config.network.hidden_layers]


def _seeds(config: ScanConfig) -> list[int]:
    return config.scan.seeds or [config.training.seed]
