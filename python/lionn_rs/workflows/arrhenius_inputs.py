"""What ``lionn arrhenius`` fits: runs of lionn, files of other programs, results of before."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lionn_rs.errors import ConfigError, DataError
from lionn_rs.workflows.foreign import (
    first_option,
    is_folder_of_run,
    open_source,
    refuse_unused,
    with_temperature,
)
from lionn_rs.workflows.transport import (
    analyze_folder,
    analyze_trajectory,
    find_trajectories,
    unfinished,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from lionn_rs.analysis import DiffusionResult
    from lionn_rs.config import DiffusionSection

__all__ = ["Input", "find_inputs", "read_result"]


@dataclass(frozen=True)
class Input:
    """One trajectory or result; nothing is read before it is asked for."""

    path: Path
    load: Callable[[], DiffusionResult]
    note: str = ""
    """What has to be said of the run."""
    failed: bool = False
    """The run had to stop and is left out."""


def find_inputs(
    paths: Sequence[Path], section: DiffusionSection, reading: Mapping[str, Any]
) -> list[Input]:
    """Look what is behind the paths of a command line.

    Parameters
    ----------
    paths : sequence of Path
        Folders of ``lionn md`` (or folders that hold such), files of other programs, of which
        ``FILE@600`` states the temperature, and ``diffusion.json`` of ``lionn diffusion``.
    section : DiffusionSection
        Settings of the analysis.
    reading : mapping
        Keywords of :func:`lionn_rs.read_trajectory` for files.

    Returns
    -------
    list of Input
        In the order of the paths, each once.

    Raises
    ------
    ConfigError
        Options or temperatures for what knows them.
    DataError
        A path leads to nothing.
    """
    given = [with_temperature(str(path), reading) for path in paths]
    for path, own in given:
        if _is_result(path) and own is not reading:
            raise ConfigError(f"{path}: is a result, which knows its temperature")
    trajectories = [path for path, _ in given if not _is_result(path)]
    if trajectories:
        refuse_unused(reading, trajectories)
    elif reading:
        raise ConfigError(
            f"{first_option(reading)} is for files of other programs; {paths[0]} is a result"
        )
    found: dict[Path, Input] = {}
    for path, own in given:
        for entry in _inputs(path, section, own):
            found.setdefault(entry.path.resolve(), entry)
    return list(found.values())


def _is_result(path: Path) -> bool:
    return path.suffix == ".json"


def _inputs(path: Path, section: DiffusionSection, reading: Mapping[str, Any]) -> Iterator[Input]:
    if _is_result(path):
        yield Input(path, lambda: read_result(path))
    elif is_folder_of_run(path):
        for folder in find_trajectories([path]):
            note = unfinished(folder)

            def load(folder: Path = folder) -> DiffusionResult:
                return analyze_folder(folder, section)

            if note is None:
                yield Input(folder, load)
            else:
                yield Input(folder, load, note=note.text, failed=note.failed)
    else:
        yield Input(
            path, lambda: analyze_trajectory(open_source(path, reading), section, where=path)
        )


def read_result(path: Path) -> DiffusionResult:
    """Read the ``diffusion.json`` of ``lionn diffusion``.

    Raises
    ------
    DataError
        The file is missing, damaged, or holds something else.
    """
    from lionn_rs.analysis import DiffusionResult

    if not path.is_file():
        raise DataError(f"{path}: no such file")
    try:
        content = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise DataError(f"{path}: not a JSON file ({error})") from None
    if not isinstance(content, dict) or "diffusivity_cm2_s" not in content:
        raise DataError(f"{path}: not a result of 'lionn diffusion' (diffusion.json)")
    try:
        return DiffusionResult.from_dict(content)
    except DataError as error:
        raise DataError(
            f"{path}: {error}: written by another version? run 'lionn diffusion' again"
        ) from None
