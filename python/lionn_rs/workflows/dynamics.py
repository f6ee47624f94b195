"""Molecular dynamics as a command and as a stage of ``lionn run``."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lionn_rs.config_file import to_toml
from lionn_rs.errors import DataError, LionnError, SimulationError
from lionn_rs.files import prepare_folder, write_text
from lionn_rs.md.averages import mean_and_error
from lionn_rs.md.cell import MEAN_CELL_FILE, mean_cell, write_mean_cell
from lionn_rs.md.single_run import ns_per_day
from lionn_rs.progress import format_duration
from lionn_rs.units import PS_TO_FS
from lionn_rs.workflows.figures import save_figure
from lionn_rs.workflows.inputs import load_structure

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from ase import Atoms
    from numpy.typing import NDArray

    from lionn_rs.committee import Committee
    from lionn_rs.config import MdConfig, MdSection
    from lionn_rs.md import MdResult
    from lionn_rs.potential import BasePotential

__all__ = [
    "check_elements",
    "check_structure",
    "describe_run",
    "load_committee",
    "md_command",
    "md_stage",
    "run_record",
]

FEWEST_ROWS = 20
"""Rows of the thermo table below which no averages are given."""
PRODUCTION_KEYS = (
    "production_ps",
    "mean_temperature_K",
    "temperature_error_K",
    "conserved_drift_eV_per_atom_ps",
    "extrapolation_rate",
    "extrapolation_step_rate",
    "extrapolation_worst",
    "mean_force_std",
    "max_force_std",
    "max_grade",
    "uncertain_rate",
    "mean_cell",
)


def run_name(temperature_K: float, seed: int) -> str:
    """Name of the folder of one run: ``900K-seed1``."""
    return f"{temperature_K:g}K-seed{seed}"


def md_command(
    config: MdConfig,
    potential: Path,
    output: Path,
    *,
    resume: bool,
    force: bool,
    progress: bool,
) -> Iterator[str]:
    """Run dynamics as ``lionn md`` does; yields one line per run."""
    from lionn_rs.committee import load
    from lionn_rs.md.uncertainty import check_limits

    section = config.md
    assert section.structure is not None
    model = load(potential)
    atoms = load_structure(section.structure, section.supercell)
    check_structure(model, atoms, section.structure)
    committee = load_committee(section, atoms)
    check_limits(section, model, committee)
    folder = prepare_folder(output, force=force, resume=resume)
    resolved = folder / "config.resolved.toml"
    if not resolved.exists():
        write_text(resolved, to_toml(config))
    single = len(section.temperatures_K) * len(section.seeds) == 1
    started = time.monotonic()
    results = md_stage(
        section, model, atoms, folder, progress=progress, single=single, committee=committee
    )
    seconds = time.monotonic() - started
    write_text(resolved, to_toml(config))  # a resumed run may be longer
    for result in results:
        yield describe_run(run_record(result))
    if not single:
        yield describe_speed(results, seconds)
    failed = [result for result in results if result.status == "failed"]
    if failed:
        raise SimulationError(
            f"{len(failed)} of {len(results)} runs had to stop, the first: {failed[0].message}"
        )


def load_committee(section: MdSection, atoms: Atoms) -> Committee | None:
    """Load the committee that watches runs of another potential, if there is one.

    Raises
    ------
    ModelFileError, DataError
        It is not a committee, or does not know the structure.
    """
    from lionn_rs.committee import Committee

    if section.committee is None:
        return None
    committee = Committee.load(section.committee)
    check_watcher(committee, section.committee, atoms, str(section.structure))
    return committee


def check_watcher(committee: Committee | None, file: str | None, atoms: Atoms, source: str) -> None:
    """Refuse a committee, if there is one, that does not know the structure.

    Raises
    ------
    DataError
        Names the committee's file and what it lacks.
    """
    if committee is None:
        return
    try:
        check_structure(committee, atoms, source)
    except DataError as error:
        raise DataError(f"{file}: cannot watch this run: {error}") from error


def check_elements(elements: Collection[str], atoms: Atoms, source: str) -> None:
    """Refuse a structure with elements that the potential does not know.

    Raises
    ------
    DataError
        Names the elements of both.
    """
    unknown = sorted(set(atoms.get_chemical_symbols()) - set(elements))
    if unknown:
        raise DataError(
            f"{source}: element {', '.join(unknown)} is not in the model (model was trained on "
            f"{', '.join(sorted(elements))})"
        )


def check_structure(potential: BasePotential, atoms: Atoms, source: str) -> None:
    """Refuse a structure that the potential cannot evaluate; the message names its source.

    Raises
    ------
    DataError
        Unknown elements, atoms at the same position, positions that are not finite.
    """
    check_elements(potential.elements, atoms, source)
    try:
        potential.evaluate(atoms)
    except LionnError as error:
        raise DataError(f"{source}: {error}") from error


def md_stage(
    section: MdSection,
    potential: BasePotential,
    atoms: Atoms,
    folder: Path,
    *,
    progress: bool,
    single: bool = False,
    committee: Committee | None = None,
    stop_folders: Sequence[Path] = (),
) -> list[MdResult]:
    """Run all temperatures and seeds side by side, one subfolder per run unless ``single``.

    A file called ``stop`` in ``folder`` or one of ``stop_folders`` ends all of them. Runs found in
    ``folder`` are continued; those that are finished or had to stop are kept.
    """
    from lionn_rs.md import MdJob, run_many

    results: dict[Path, MdResult] = {}
    jobs: list[MdJob] = []
    folders: list[Path] = []
    for temperature in section.temperatures_K:
        for seed in section.seeds:
            target = folder if single else folder / run_name(temperature, seed)
            folders.append(target)
            protocol = section.protocol(temperature, seed)
            stopped = load_stopped(target)
            if stopped is not None:
                results[target] = stopped
            else:
                job = MdJob(potential, atoms, protocol, target, resume=True, committee=committee)
                jobs.append(job)
    done = run_many(
        jobs,
        section.n_workers,
        progress=progress,
        checkpoint_interval_s=section.checkpoint_interval_s,
        stop_folders=[folder, *stop_folders],
    )
    for job, result in zip(jobs, done, strict=True):
        results[Path(str(job.output))] = result
        if result.status == "finished" and result.trajectory.changes_cell:
            write_mean_cell(result.trajectory)
    return [results[target] for target in folders]


def load_stopped(folder: Path) -> MdResult | None:
    """Load a run that had to stop earlier, from its folder; ``None`` for any other.

    Such a run cannot be resumed, it would stop again. (Finished runs need no care: resuming them
    makes no step.)
    """
    from lionn_rs.md import MdResult, Trajectory
    from lionn_rs.md.trajectory import METADATA_FILE, read_state

    path = folder / METADATA_FILE
    if not path.is_file():
        return None
    metadata = read_state(path)
    if metadata.get("status") != "failed":
        return None
    return MdResult("failed", metadata["message"], metadata, Trajectory.open(folder), output=folder)


def run_record(result: MdResult) -> dict[str, Any]:
    """Return what the report says about one run; everything refers to the production stage."""
    thermo = result.thermo
    production = thermo["stage"] == "production"
    n_atoms = result.trajectory.n_atoms
    meta = result.metadata
    record: dict[str, Any] = {
        "temperature_K": result.temperature_K,
        "seed": meta["seed"],
        "folder": str(result.output) if result.output else None,
        "status": result.status,
        "stop_reason": result.message or result.status,
        "n_steps": int(meta["step"]),
        "seconds": float(meta["seconds"]),
        "us_per_atom_step": 1e6 * meta["seconds"] / max(meta["step"], 1) / n_atoms,
        "ns_per_day": meta.get("ns_per_day"),
    }
    if int(production.sum()) < FEWEST_ROWS:
        return record | dict.fromkeys(PRODUCTION_KEYS)
    columns = {name: values[production] for name, values in thermo.items()}
    time_ps = columns["time_fs"] / PS_TO_FS
    outside = columns["n_extrapolating"]
    mean, error = mean_and_error(columns["temperature_K"])
    drift = np.polyfit(time_ps - time_ps[0], columns["conserved"], 1)[0]
    return record | {
        "production_ps": float(time_ps[-1] - time_ps[0]),
        "mean_temperature_K": mean,
        "temperature_error_K": error,
        "conserved_drift_eV_per_atom_ps": float(drift) / n_atoms,
        "extrapolation_rate": float(outside.mean()) / n_atoms,
        "extrapolation_step_rate": float((outside > 0).mean()),
        "extrapolation_worst": float(columns["worst_excess"].max()),
        "mean_force_std": _over_assessments(columns, "mean_force_std", np.mean),
        "max_force_std": _over_assessments(columns, "max_force_std", np.max),
        "max_grade": _over_assessments(columns, "max_grade", np.max),
        "uncertain_rate": _uncertain_rate(meta),
        "mean_cell": _mean_cell(result),
    }


def _mean_cell(result: MdResult) -> dict[str, Any] | None:
    """Averages of a finished run at constant pressure; None for any other."""
    if result.status != "finished" or not result.trajectory.changes_cell:
        return None
    return mean_cell(result.trajectory).to_dict()


def _over_assessments(
    columns: dict[str, NDArray[Any]], name: str, reduce: Callable[..., Any]
) -> float | None:
    """Mean or maximum of a column over the rows that have it; None where there are none."""
    values = columns.get(name, np.zeros(0))
    values = values[np.isfinite(values)]
    return float(reduce(values)) if values.size else None


def _uncertain_rate(metadata: dict[str, Any]) -> float | None:
    """Part of the assessments of the whole run that were beyond a limit; None without limits."""
    protocol, found = metadata["protocol"], metadata.get("assessments", {})
    limited = protocol.get("max_force_std") is not None or protocol.get("max_grade") is not None
    if not limited or not found.get("n_assessed"):
        return None
    return float(found["n_uncertain"] / found["n_assessed"])


def describe_run(record: dict[str, Any]) -> str:
    """One line on a run for the terminal."""
    stopped = "" if record["status"] == record["stop_reason"] else f"{record['status']} at "
    head = f"{record['temperature_K']:g} K, seed {record['seed']}: {stopped}{record['stop_reason']}"
    if record["mean_temperature_K"] is None:
        return f"{head} after {record['n_steps']} steps, no production to speak of"
    return (
        f"{head}, {record['production_ps']:g} ps at {record['mean_temperature_K']:.0f} ± "
        f"{record['temperature_error_K']:.0f} K, {_describe_rate(record)}"
        f"{record['us_per_atom_step']:.1f} µs/atom/step, "
        f"{100 * record['extrapolation_rate']:.2g} % of environments outside the training range"
        + _describe_cell(record["mean_cell"])
        + _describe_trust(record)
        + (f" -> {record['folder']}" if record["folder"] else "")
    )


def _describe_rate(record: dict[str, Any]) -> str:
    """Part of a line on the simulated time per day; nothing for runs of earlier versions."""
    return "" if record["ns_per_day"] is None else f"{record['ns_per_day']:.3g} ns/day, "


def describe_speed(results: list[MdResult], seconds: float) -> str:
    """One line on the speed of all runs together, in so many seconds of wall time."""
    steps, atom_steps, simulated_fs = 0, 0, 0.0
    for result in results:
        session = result.metadata.get("last_session")
        if session is None or result.status == "failed":
            continue
        made = result.metadata["step"] - session["first_step"]
        steps += made
        atom_steps += made * result.trajectory.n_atoms
        simulated_fs += made * result.metadata["protocol"]["timestep_fs"]
    if steps == 0:
        return f"{len(results)} runs, no step was left to make"
    rate = ns_per_day(steps / seconds, simulated_fs / steps)
    return (
        f"{len(results)} runs together: {rate:.3g} ns/day, {atom_steps / seconds:.3g} atom-steps/s "
        f"in {format_duration(seconds)}"
    )


def _describe_cell(cell: dict[str, Any] | None) -> str:
    """Part of a line on the mean cell of a run at constant pressure."""
    if cell is None:
        return ""
    lengths = (
        f"{axis} = {length:.4f} ± {error:.4f} Å"
        for axis, length, error in zip("abc", cell["lengths"], cell["length_errors"], strict=True)
    )
    return (
        f", mean cell {', '.join(lengths)} at {cell['pressure_GPa']:.3f} ± "
        f"{cell['pressure_error_GPa']:.3f} GPa (start structure in it: {MEAN_CELL_FILE})"
    )


def _describe_trust(record: dict[str, Any]) -> str:
    """Part of a line on spread and grade, as far as the potential knows them."""
    text = ""
    if record["max_force_std"] is not None:
        text += (
            f", force spread {record['mean_force_std']:.3f} eV/Å on average, "
            f"{record['max_force_std']:.3f} at most"
        )
    if record["max_grade"] is not None:
        text += f", extrapolation grade at most {record['max_grade']:.2f}"
    if record["uncertain_rate"] is not None:
        text += f", beyond the limits in {100 * record['uncertain_rate']:.2g} % of the assessments"
    return text


def draw_dynamics(results: list[MdResult], folder: Path) -> None:
    """Write the figures of the report on dynamics: temperature, conserved quantity, trust."""
    from lionn_rs.plots.md import plot_conserved, plot_temperature
    from lionn_rs.plots.trust import plot_extrapolation

    trajectories = [result.trajectory for result in results]
    save_figure(plot_temperature(trajectories), folder, "temperature")
    save_figure(plot_conserved(trajectories), folder, "conserved")
    records = [run_record(result) for result in results]
    save_figure(plot_extrapolation(records), folder, "extrapolation")
