"""From folders of ``lionn md`` to diffusivities, the Arrhenius line and their figures."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lionn_rs.config import TransportConfig
from lionn_rs.config_file import load_config, merge_overrides, parse_config
from lionn_rs.errors import DataError
from lionn_rs.files import write_json, write_table
from lionn_rs.units import PS_TO_FS
from lionn_rs.workflows.figures import save_figure

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from lionn_rs.analysis import ArrheniusResult, DiffusionResult
    from lionn_rs.config import ArrheniusSection, DiffusionSection
    from lionn_rs.md import Trajectory

__all__ = [
    "analyze_folder",
    "analyze_trajectory",
    "diffusion_row",
    "draw_arrhenius",
    "draw_msd",
    "draw_paths",
    "find_trajectories",
    "fit_arrhenius",
    "read_settings",
    "unfinished",
    "write_arrhenius_table",
    "write_msd_table",
]

N_RDF_PAIRS = 3
"""Radial distribution functions that are drawn."""


def read_settings(path: Path | None, overrides: Mapping[str, Mapping[str, Any]]) -> TransportConfig:
    """``[diffusion]`` and ``[arrhenius]`` from a TOML file and the command line."""
    if path is not None:
        return load_config(path, TransportConfig, overrides)
    content: dict[str, Any] = {}
    merge_overrides(content, overrides)
    return parse_config(content, TransportConfig, source="options")


def find_trajectories(paths: Sequence[Path]) -> list[Path]:
    """Folders that hold a trajectory: the given ones, or those one or two levels below them.

    Raises
    ------
    DataError
        A path leads to no trajectory.
    """
    from lionn_rs.md.trajectory import TRAJECTORY_FILE

    found: list[Path] = []
    for path in paths:
        if path.name == TRAJECTORY_FILE and path.is_file():
            found.append(path.parent)
            continue
        levels = (TRAJECTORY_FILE, f"*/{TRAJECTORY_FILE}", f"*/*/{TRAJECTORY_FILE}")
        inside = next((hits for level in levels if (hits := list(path.glob(level)))), [])
        if not inside:
            reason = f"holds no {TRAJECTORY_FILE}" if path.exists() else "no such file or folder"
            raise DataError(f"{path}: {reason} (expected a folder of 'lionn md')")
        found += sorted((entry.parent for entry in inside), key=_natural)
    return list(dict.fromkeys(found))


def _natural(path: Path) -> list[tuple[int, float, str]]:
    """Sort key that puts ``700K`` before ``1000K``."""
    parts = re.split(r"(\d+(?:\.\d+)?)", str(path))
    return [(0, float(part), "") if k % 2 else (1, 0.0, part) for k, part in enumerate(parts)]


@dataclass(frozen=True)
class Unfinished:
    """What is known about a run that did not reach its end."""

    text: str
    failed: bool
    """The run had to stop (collision, temperature); resuming does not help."""


def unfinished(folder: Path) -> Unfinished | None:
    """Say why a run did not reach its end; ``None`` if it did, or if nothing is known."""
    from lionn_rs.md import Trajectory

    trajectory = Trajectory.open(folder)
    status = trajectory.metadata.get("status", "finished")
    if status == "finished" or not trajectory.n_frames:
        return None
    time_ps = trajectory.time_fs[-1] / PS_TO_FS
    if status == "failed":
        return Unfinished(f"the run had to stop: {trajectory.metadata['message']}", failed=True)
    return Unfinished(f"the run is not finished, it ends at {time_ps:g} ps", failed=False)


def analyze_folder(folder: Path, section: DiffusionSection) -> DiffusionResult:
    """Diffusivity of one trajectory; writes ``diffusion.json`` and ``msd.csv`` into its folder.

    Raises
    ------
    DataError
        No trajectory, or a run without enough frames of production.
    """
    from lionn_rs.md import Trajectory

    result = analyze_trajectory(Trajectory.open(folder), section, where=folder)
    write_json(folder / "diffusion.json", result.to_dict())
    write_msd_table(folder / "msd.csv", result)
    return result


def analyze_trajectory(
    trajectory: Trajectory, section: DiffusionSection, *, where: Path
) -> DiffusionResult:
    """Diffusivity of the production of one trajectory; ``where`` is named in errors.

    Raises
    ------
    DataError
        The temperature changes, or there are not enough frames.
    """
    from lionn_rs.analysis import diffusivity

    _check_ensemble(where, trajectory)
    frames = trajectory.source("production")
    try:
        return diffusivity(
            frames,
            cell=frames.cells,
            numbers=trajectory.numbers,
            frame_interval_fs=trajectory.frame_interval_fs,
            temperature_K=trajectory.temperature_K,
            **section.model_dump(),
        )
    except DataError as error:
        raise DataError(f"{where}: {error}") from error


def _check_ensemble(folder: Path, trajectory: Trajectory) -> None:
    """Refuse what has no single temperature."""
    if trajectory.metadata["protocol"].get("production_end_K") is not None:
        raise DataError(f"{folder}: the temperature of the production changes (production_end_K)")


def write_msd_table(path: Path, result: DiffusionResult) -> None:
    """Write the MSD of all species over the lag time as CSV: total and along x, y, z, Å²."""
    columns: dict[str, Any] = {"lag_ps": result.msd.lag_ps}
    for curve in (result.msd, *result.framework_msd):
        columns[f"msd_{curve.label}_A2"] = curve.total_A2
        for axis, values in zip("xyz", curve.axes_A2, strict=True):
            columns[f"msd_{curve.label}_{axis}_A2"] = values
    write_table(path, columns)


def write_arrhenius_table(path: Path, fit: ArrheniusResult) -> None:
    """Write points, upper bounds, direct runs and extrapolation with the line at each as CSV."""
    rows: list[tuple[str, float, float | None, float | None, float | None, int | None]] = [
        ("point", p.temperature_K, p.diffusivity_cm2_s, p.ln_sd, None, p.n_replicas)
        for p in fit.points
    ]
    rows += [
        ("upper bound", bound.temperature_K, None, None, bound.upper_bound_cm2_s, None)
        for bound in fit.upper_bounds
    ]
    rows += [
        ("direct", run.temperature_K, run.diffusivity_cm2_s, run.ln_sd, None, None)
        for run in fit.direct
    ]
    rows.append(("extrapolation", fit.extrapolation.temperature_K, None, None, None, None))
    lines = [fit.predict(row[1]) for row in rows]
    names = ("kind", "temperature_K", "diffusivity_cm2_s", "ln_sd", "upper_bound_cm2_s", "n_runs")
    columns: dict[str, Any] = dict(zip(names, zip(*rows, strict=True), strict=True))
    columns |= {
        "line_cm2_s": [at.diffusivity_cm2_s for at in lines],
        "line_low_cm2_s": [at.interval_cm2_s[0] for at in lines],
        "line_high_cm2_s": [at.interval_cm2_s[1] for at in lines],
    }
    write_table(path, columns)


def diffusion_row(result: DiffusionResult, trajectory: Trajectory) -> dict[str, Any]:
    """Record of one run for ``summary.json``: everything but the curves, and the seed."""
    row = result.to_dict()
    for name in ("msd", "framework_msd"):
        row.pop(name)
    folder = None if trajectory.path is None else str(trajectory.path.parent)
    return row | {"seed": trajectory.metadata["seed"], "folder": folder}


def fit_arrhenius(
    results: Sequence[DiffusionResult],
    section: ArrheniusSection,
    *,
    direct: Sequence[DiffusionResult] = (),
    replica_labels: Sequence[str] | None = None,
) -> ArrheniusResult:
    """Fit over all runs; see :func:`lionn_rs.analysis.arrhenius_from_results`."""
    from lionn_rs.analysis import arrhenius_from_results

    return arrhenius_from_results(
        results,
        extrapolate_to_K=section.extrapolate_to_K,
        direct=direct,
        replica_labels=replica_labels,
        with_vtf=section.vtf,
    )


def draw_msd(results: Sequence[DiffusionResult], folder: Path) -> None:
    """Write the MSD of all runs, and along the axes for the hottest, as figures."""
    from lionn_rs.plots.diffusion import plot_msd, plot_msd_axes

    save_figure(plot_msd(results), folder, "msd")
    hottest = max(results, key=lambda result: result.temperature_K)
    save_figure(plot_msd_axes(hottest), folder, "msd_axes")


def draw_arrhenius(fit: ArrheniusResult, folder: Path) -> None:
    """Write the Arrhenius figure."""
    from lionn_rs.plots.diffusion import plot_arrhenius

    save_figure(plot_arrhenius(fit), folder, "arrhenius")


def draw_paths(trajectory: Trajectory, section: DiffusionSection, folder: Path) -> None:
    """Write the picture of the cell with the carriers' paths, and radial distribution functions."""
    from ase.data import chemical_symbols

    from lionn_rs.analysis import rdf, remove_drift
    from lionn_rs.plots.rdf import plot_rdf
    from lionn_rs.plots.structure import plot_paths

    cell, paths = _in_mean_cell(trajectory, section)
    symbols = np.array([chemical_symbols[number] for number in trajectory.numbers])
    positions, _ = remove_drift(
        paths,
        symbols,
        carrier=section.carrier,
        reference=section.drift_reference,
        weights=section.drift_weights,
        mobile=section.mobile,
    )
    title = f"{trajectory.temperature_K:g} K"
    figure = plot_paths(
        positions,
        cell=cell,
        numbers=trajectory.numbers,
        carrier=section.carrier,
        title=title,
    )
    save_figure(figure, folder, "paths")
    # The carrier itself, then the most frequent framework species.
    counts = Counter(symbols.tolist())
    counts.pop(section.carrier)
    neighbors = [section.carrier, *(name for name, _ in counts.most_common(N_RDF_PAIRS - 1))]
    pairs = [
        rdf(
            positions,
            cell=cell,
            pair=(section.carrier, neighbor),
            numbers=trajectory.numbers,
            pbc=[bool(axis) for axis in trajectory.pbc],
        )
        for neighbor in neighbors
    ]
    save_figure(plot_rdf(pairs), folder, "rdf")


def _in_mean_cell(
    trajectory: Trajectory, section: DiffusionSection
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean cell and continuous paths in it; of a run with a fixed cell, what it has."""
    if not trajectory.changes_cell:
        return trajectory.cell, trajectory.positions("production")
    from lionn_rs.analysis.transport.sources import Paths

    frames = trajectory.source("production")
    paths = Paths(frames, frames.cells, wrapped=False, convention=section.convention)
    cell: NDArray[np.float64] = frames.cells.mean(axis=0)
    return cell, np.concatenate([block for _, block in paths.blocks()])
