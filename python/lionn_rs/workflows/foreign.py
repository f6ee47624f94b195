"""Trajectory files of any program among the runs of lionn; diffusivity of one of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from lionn_rs.errors import ConfigError
from lionn_rs.files import write_json
from lionn_rs.workflows.figures import save_figure
from lionn_rs.workflows.transport import analyze_trajectory, find_trajectories, write_msd_table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lionn_rs.analysis import DiffusionResult
    from lionn_rs.config import DiffusionSection
    from lionn_rs.md import Trajectory

__all__ = [
    "Analyzed",
    "analyze_file",
    "find_sources",
    "first_option",
    "is_folder_of_run",
    "open_source",
    "refuse_unused",
    "with_temperature",
]

OPTIONS = {"temperature_K": "temperature", "format": "from"}
"""Options of the command line, where they differ from the keyword of ``read_trajectory``."""


class Analyzed:
    """Result of one file: the numbers, the trajectory, and where they are written."""

    def __init__(self, result: DiffusionResult, trajectory: Trajectory, written: Path) -> None:
        self.result = result
        self.trajectory = trajectory
        self.written = written

    @property
    def origin(self) -> list[str]:
        """How the file was read, as lines for a person."""
        source = self.trajectory.metadata.get("source")
        if source is None:
            return []
        run = self.trajectory
        lines = [
            f"{source['file']}: {run.n_frames} frames, {run.frame_interval_fs:g} fs apart, "
            f"{run.temperature_K:g} K; positions: {source['positions']}"
        ]
        return lines + [f"  note: {note}" for note in source["notes"]]


def is_folder_of_run(path: Path) -> bool:
    """Whether a path is to be handled as output of ``lionn md``, not as a file of others."""
    from lionn_rs.md.trajectory import TRAJECTORY_FILE

    return path.is_dir() or path.name == TRAJECTORY_FILE or not path.exists()


def find_sources(paths: Sequence[Path], reading: Mapping[str, Any]) -> list[Path]:
    """Folders of runs, found as by ``find_trajectories``, and files of other programs as given.

    Raises
    ------
    ConfigError
        ``reading`` says how files are read, but there are none.
    DataError
        A path leads to no trajectory.
    """
    found: list[Path] = []
    for path in paths:
        found += find_trajectories([path]) if is_folder_of_run(path) else [path]
    found = list(dict.fromkeys(found))
    refuse_unused(reading, found)
    return found


def refuse_unused(reading: Mapping[str, Any], paths: Sequence[Path]) -> None:
    """Refuse options that say how files are read where there are only runs of lionn.

    Raises
    ------
    ConfigError
        Names the first of them.
    """
    if reading and all(is_folder_of_run(path) for path in paths):
        raise ConfigError(
            f"{first_option(reading)} is for files of other programs; {paths[0]} is a run of "
            "lionn, which knows"
        )


def first_option(reading: Mapping[str, Any]) -> str:
    """How the command line calls the first keyword of ``read_trajectory`` that is given."""
    name = next(iter(reading))
    return "--" + OPTIONS.get(name, name).replace("_", "-")


def with_temperature(text: str, reading: Mapping[str, Any]) -> tuple[Path, Mapping[str, Any]]:
    """Path and how it is read, from ``PATH`` or, for a file of another program, ``PATH@600``.

    Raises
    ------
    ConfigError
        A temperature for a run of lionn.
    """
    path = Path(text)
    head, at, tail = text.rpartition("@")
    if path.exists() or not at:
        return path, reading
    try:
        temperature = float(tail.removesuffix("K"))
    except ValueError:
        return path, reading
    if is_folder_of_run(Path(head)) and Path(head).exists():
        raise ConfigError(f"{text}: {head} is a run of lionn, which knows its temperature")
    return Path(head), {**reading, "temperature_K": temperature}


def open_source(path: Path, reading: Mapping[str, Any]) -> Trajectory:
    """Trajectory of a run, or of a file of another program, unwrapped.

    Raises
    ------
    DataError, ConfigError
        See :func:`lionn_rs.read_trajectory`.
    """
    from lionn_rs.md import Trajectory
    from lionn_rs.trajectories import read_trajectory

    return Trajectory.open(path) if is_folder_of_run(path) else read_trajectory(path, **reading)


def analyze_file(
    path: Path,
    section: DiffusionSection,
    *,
    output: Path | None = None,
    force: bool = False,
    **reading: Any,
) -> Analyzed:
    """Read a trajectory, analyze it, write ``NAME.diffusion.json``, the MSD as table and figures.

    Parameters
    ----------
    path : Path
    section : DiffusionSection
    output : Path, optional
        Folder for the results; default: that of the file.
    force : bool
        Replace results.
    **reading
        Passed to :func:`lionn_rs.read_trajectory`.

    Raises
    ------
    ConfigError
        Results exist already.
    DataError, ConfigError
        See :func:`lionn_rs.read_trajectory`.
    """
    from lionn_rs.plots.diffusion import plot_msd, plot_msd_axes
    from lionn_rs.trajectories import read_trajectory

    folder = path.parent if output is None else output
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"{folder}: is a file, expected a folder for the output")
    written = folder / f"{path.name}.diffusion.json"
    if written.exists() and not force:
        raise ConfigError(f"{written}: exists already (--force to replace it)")
    trajectory = read_trajectory(path, **reading)
    result = analyze_trajectory(trajectory, section, where=path)
    folder.mkdir(parents=True, exist_ok=True)
    write_json(written, result.to_dict() | {"source": trajectory.metadata.get("source")})
    write_msd_table(folder / f"{path.name}.msd.csv", result)
    save_figure(plot_msd([result]), folder, f"{path.name}.msd")
    save_figure(plot_msd_axes(result), folder, f"{path.name}.msd_axes")
    return Analyzed(result, trajectory, written)
