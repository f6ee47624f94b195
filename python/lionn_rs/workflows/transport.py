"""From folders of ``lionn md`` to diffusivities and the Arrhenius line."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from lionn_rs.config import TransportConfig
from lionn_rs.config_file import load_config, merge_overrides, parse_config
from lionn_rs.errors import DataError
from lionn_rs.files import write_json
from lionn_rs.workflows.figures import save_figure

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lionn_rs.analysis import ArrheniusResult, DiffusionResult
    from lionn_rs.config import ArrheniusSection, DiffusionSection

__all__ = [
    "analyze_folder",
    "arrhenius_figure",
    "find_trajectories",
    "fit_arrhenius",
    "read_settings",
]

TRAJECTORY = "trajectory.h5"


def read_settings(path: Path | None, overrides: Mapping[str, Mapping[str, Any]]) -> TransportConfig:
    """``[diffusion]`` and ``[arrhenius]`` from a TOML file and the command line."""
    if path is not None:
        return load_config(path, TransportConfig, overrides)
    content: dict[str, Any] = {}
    merge_overrides(content, overrides)
    return parse_config(content, TransportConfig, source="options")


def find_trajectories(paths: Sequence[Path]) -> list[Path]:
    """Folders that hold a trajectory: the given ones, or one level below them.

    Raises
    ------
    DataError
        A path leads to no trajectory.
    """
    found: list[Path] = []
    for path in paths:
        if path.name == TRAJECTORY and path.is_file():
            found.append(path.parent)
        elif (path / TRAJECTORY).is_file():
            found.append(path)
        else:
            inside = sorted(path.glob(f"*/{TRAJECTORY}"))
            if not inside:
                reason = "holds no trajectory.h5" if path.exists() else "no such folder"
                raise DataError(f"{path}: {reason} (expected a folder of 'lionn md')")
            found += [entry.parent for entry in inside]
    return list(dict.fromkeys(found))


def analyze_folder(folder: Path, section: DiffusionSection) -> DiffusionResult:
    """Diffusivity of one trajectory; writes ``diffusion.json`` and the MSD figure beside it."""
    from lionn_rs.analysis import diffusivity
    from lionn_rs.md import Trajectory
    from lionn_rs.plots.diffusion import msd as plot_msd

    with Trajectory.open(folder) as trajectory:
        production = trajectory.production()
        result = diffusivity(
            production.positions(),
            cell=production.cell,
            numbers=production.numbers,
            frame_interval_fs=production.frame_interval_fs,
            temperature_K=production.temperature_K,
            **section.model_dump(),
        )
    write_json(folder / "diffusion.json", result.to_dict())
    save_figure(plot_msd(result), folder, "msd")
    return result


def fit_arrhenius(results: Sequence[DiffusionResult], section: ArrheniusSection) -> ArrheniusResult:
    """Fit over all runs; see :func:`lionn_rs.analysis.arrhenius_from_results`."""
    from lionn_rs.analysis import arrhenius_from_results

    return arrhenius_from_results(results, extrapolate_to_K=section.extrapolate_to_K)


def arrhenius_figure(
    results: Sequence[DiffusionResult], fit: ArrheniusResult, folder: Path
) -> None:
    """Write the Arrhenius figure as ``arrhenius.png`` and ``.svg``."""
    from lionn_rs.plots.diffusion import arrhenius as plot_arrhenius

    save_figure(plot_arrhenius(fit), folder, "arrhenius")
