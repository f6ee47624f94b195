"""Images from files to files: conversion and the three sets of a training."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from lionn_rs.data.formats import find_data_format, writing_images
from lionn_rs.data.formats.source import Units
from lionn_rs.data.formats.writing import check_output, same_place
from lionn_rs.data.inputs import DataInputs, Item
from lionn_rs.data.labels import LabelCounts
from lionn_rs.data.measures import group_name
from lionn_rs.data.split import SplitBy, split_indices
from lionn_rs.errors import ConfigError
from lionn_rs.files import write_json

__all__ = [
    "SetsWritten",
    "Written",
    "convert_images",
    "refuse_inputs",
    "split_images",
    "write_items",
]


@dataclass(kw_only=True)
class Written:
    """An output and what became of the images on the way.

    Attributes
    ----------
    path : Path
    format : str
    n_images : int
    labels : list of str
        Which labels were found in the inputs and used.
    lost : list of str
        What the format could not hold.
    remarks : list of str
        Images left out by the readers, other notes.
    """

    path: Path
    format: str
    n_images: int
    labels: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    def lines(self) -> list[str]:
        """Say what a user should know, a line each."""
        return [
            *self.labels,
            *self.remarks,
            *self.lost,
            f"written: {self.path} ({self.format}, {self.n_images} images)",
        ]


def refuse_inputs(inputs: DataInputs, output: Path) -> None:
    """Refuse to write an output over an input, which ``--force`` does not change.

    Raises
    ------
    ConfigError
        They are the same file.
    """
    for path in inputs.paths():
        if same_place(path, output):
            raise ConfigError(f"{output}: is an input; give another output")


def convert_images(
    inputs: DataInputs,
    output: str | Path,
    *,
    format: str | None = None,
    units: Units = "eV-A",
    force: bool = False,
) -> Written:
    """Write the images of files into one file of another format, one by one.

    Parameters
    ----------
    inputs : DataInputs
    output : str or Path
        Its name tells the format: ``.extxyz``, ``.traj``, ``.db``, ``.npz``, ``XDATCAR``,
        ``input.data``; a folder with ``format="deepmd"`` or ``"xsf"``.
    format : str, optional
        Format of the output.
    units : {"eV-A", "Ha-bohr"}
        Of an input.data.
    force : bool
        Replace the output.

    Returns
    -------
    Written
        ``lost`` says what the format cannot hold.

    Raises
    ------
    ConfigError
        The output exists or its format is unknown.
    DataError
        An input is damaged, or an image cannot be stored in this format.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from lionn_rs.data import DataInputs, convert_images
    >>> folder = Path(tempfile.mkdtemp())
    >>> inputs = DataInputs(sources=["dataset:lgps_gpaw_pbe"], index="::40")
    >>> convert_images(inputs, folder / "lgps.npz").n_images
    3
    """
    return write_items(
        inputs, Path(output), lambda _: True, format=format, units=units, force=force
    )


def write_items(
    inputs: DataInputs,
    output: Path,
    wanted: Callable[[Item], bool],
    *,
    format: str | None = None,
    units: Units = "eV-A",
    force: bool = False,
    what: str = "writing images",
) -> Written:
    """Write those images of the inputs that are wanted, in order."""
    refuse_inputs(inputs, output)
    labels = LabelCounts()
    with writing_images(output, format=format, units=units, force=force) as writer:
        for item in inputs.read(what):
            labels.add(item.image)
            if wanted(item):
                writer.write(item.image)
        n_images, name, lost = writer.n_images, writer.format.name, writer.report()
    return Written(
        path=output,
        format=name,
        n_images=n_images,
        labels=labels.lines(inputs.keys),
        lost=lost,
        remarks=inputs.remarks(),
    )


@dataclass(kw_only=True)
class SetsWritten:
    """Files of the three sets.

    Attributes
    ----------
    folder : Path
    sets : dict of str to Written
        ``train``, ``validation``, ``test``; empty sets are left out.
    """

    folder: Path
    sets: dict[str, Written]


_NAMES: Final = ("train", "validation", "test")
_ENDINGS: Final = {"deepmd": "", "xsf": "", "n2p2": ".n2p2"}


def split_images(
    inputs: DataInputs,
    output: str | Path,
    *,
    test: float = 0.2,
    validation: float = 0.1,
    seed: int = 1,
    by: SplitBy = "block",
    format: str = "extxyz",
    units: Units = "eV-A",
    force: bool = False,
) -> SetsWritten:
    """Write training, validation and test set into ``train``, ``validation`` and ``test`` files.

    Parameters
    ----------
    inputs : DataInputs
    output : str or Path
        Folder for the three files and ``split.json`` (indices, seed, method).
    test, validation, seed, by
        See :func:`lionn_rs.data.split`.
    format : str
        Of the three files.
    units : {"eV-A", "Ha-bohr"}
        Of input.data files.
    force : bool
        Replace files of these names.

    Raises
    ------
    ConfigError
        A file exists, or the fractions leave no training set.
    DataError
        An input is damaged.
    """
    folder = Path(output)
    ending = _ENDINGS.get(format, f".{format}")
    paths = {name: folder / f"{name}{ending}" for name in _NAMES}
    find_data_format(folder, format, writing=True)
    for path in (*paths.values(), folder / "split.json"):
        refuse_inputs(inputs, path)
        if path.exists():
            check_output(path, force=force)
    groups = [group_name(item.image) for item in inputs.read("reading groups")]
    indices = split_indices(len(groups), groups, test=test, validation=validation, seed=seed, by=by)
    folder.mkdir(parents=True, exist_ok=True)
    owner = {k: name for name, numbers in indices.items() for k in numbers}
    labels = LabelCounts()
    with ExitStack() as stack:
        writers = {
            name: stack.enter_context(
                writing_images(paths[name], format=format, units=units, force=force)
            )
            for name in _NAMES
            if indices[name]
        }
        for k, item in enumerate(inputs.read("writing sets")):
            labels.add(item.image)
            writers[owner[k]].write(item.image)
    settings: dict[str, Any] = {"test": test, "validation": validation, "seed": seed, "by": by}
    sources = [str(source) for source in inputs.sources]
    write_json(
        folder / "split.json",
        {**settings, "sources": sources, "index": inputs.index, "indices": indices},
    )
    return SetsWritten(
        folder=folder,
        sets={
            name: Written(
                path=paths[name],
                format=format,
                n_images=writer.n_images,
                labels=labels.lines(inputs.keys),
                lost=writer.report(),
                remarks=inputs.remarks(),
            )
            for name, writer in writers.items()
        },
    )
