"""What ``lionn diagnose`` looks at: a folder of a training, or a potential and images."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lionn_rs.config_file import parse_config, read_toml
from lionn_rs.datasets import DATASET_PREFIX
from lionn_rs.errors import ConfigError, DataError
from lionn_rs.workflows.inputs import load_images

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ase import Atoms

    from lionn_rs.config import DataSection
    from lionn_rs.potential import Potential
    from lionn_rs.training.history import History

__all__ = ["Subject", "images_subject", "training_subject"]


@dataclass(frozen=True)
class Subject:
    """What is diagnosed.

    Attributes
    ----------
    potential : Potential
        The potential.
    source : str
        Where it comes from.
    sets : dict of str to list of Atoms
        Labeled images of every set that is not empty, in the order of time.
    indices : dict of str to list of int
        Position of these images in the list of all images.
    history : History or None
        Of the training.
    """

    potential: Potential
    source: str
    sets: dict[str, list[Atoms]]
    indices: dict[str, list[int]]
    history: History | None

    @property
    def feature_images(self) -> list[Atoms]:
        """Training images; without sets all images."""
        return self.sets.get("train") or [atoms for part in self.sets.values() for atoms in part]


def training_subject(folder: Path) -> Subject:
    """Potential, images and history of a folder of ``lionn train`` or ``lionn run``.

    Parameters
    ----------
    folder : Path
        Holds ``best.json``, ``split.json``, ``history.csv`` and ``config.resolved.toml``.

    Raises
    ------
    ConfigError
        If a file is missing.
    DataError
        If the images cannot be read, or are not those of the training.
    """
    from lionn_rs.config import TrainConfig
    from lionn_rs.data import Split
    from lionn_rs.potential import Potential
    from lionn_rs.training.history import History

    training = folder / "training" if (folder / "training" / "best.json").is_file() else folder
    config = folder / "config.resolved.toml"
    for path in (training / "best.json", training / "split.json", config):
        if not path.is_file():
            raise ConfigError(f"{path}: no such file; {folder} is no folder of 'lionn train'")
    potential = Potential.load(training / "best.json")
    content = read_toml(config)
    content = {key: content[key] for key in TrainConfig.model_fields if key in content}
    section = parse_config(content, TrainConfig, source=str(config)).data
    for name in section.images:
        if not name.startswith(DATASET_PREFIX) and not Path(name).is_file():
            raise DataError(
                f"{name}: no such file (named in {config}, relative to the folder where the "
                "training was started); go there, or name the images after the potential file"
            )
    images = load_images(section)
    split = Split.from_dict(images, json.loads((training / "split.json").read_text("utf-8")))
    sets = {"train": split.train, "validation": split.validation, "test": split.test}
    _check_hashes(potential, sets, config)
    history = training / "history.csv"
    return Subject(
        potential=potential,
        source=str(folder),
        sets={name: part for name, part in sets.items() if part},
        indices=split.indices,
        history=History.read(history) if history.is_file() else None,
    )


def images_subject(potential: Path, section: DataSection, history: Path | None = None) -> Subject:
    """Potential file with images of any origin.

    Parameters
    ----------
    potential : Path
        Potential file.
    section : DataSection
        Which images.
    history : Path, optional
        Folder of the training, or its ``history.csv``.

    Raises
    ------
    ConfigError
        If there is no history at the place given.
    DataError
        If the images cannot be read.
    ModelFileError
        If the potential cannot be read.
    """
    from lionn_rs.potential import Potential
    from lionn_rs.training.history import History

    found = None
    if history is not None:
        file = history / "history.csv" if history.is_dir() else history
        if not file.is_file():
            raise ConfigError(f"{file}: no such learning history")
        found = History.read(file)
    model = Potential.load(potential)
    images = load_images(section)
    return Subject(
        potential=model,
        source=str(potential),
        sets={"images": images},
        indices={"images": list(range(len(images)))},
        history=found,
    )


def _check_hashes(potential: Potential, sets: Mapping[str, list[Atoms]], config: Path) -> None:
    from lionn_rs.data.images import data_hash, label_images

    stored = potential.metadata.get("training", {}).get("data_hash", {})
    for name, part in sets.items():
        if name in stored and stored[name] != data_hash(label_images(part)):
            raise DataError(
                f"the {name} images named in {config} are not those of the training: the files or "
                "the bundled set have changed since"
            )
