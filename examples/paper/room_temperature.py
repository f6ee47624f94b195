"""LGPS near room temperature, directly, beside the extrapolation from high temperatures.

    python room_temperature.py --output runs/room-temperature

does everything, and the same command goes on where it was interrupted: it trains a potential on the
bundled images and a committee with the same descriptor, runs 400 atoms at 600 to 1000 K
(`room_temperature/high.toml`) and at 300 and 400 K (`room_temperature/direct.toml`), and compares.
A call with a longer `--production-ps` prolongs the runs at 300 and 400 K; `--analyze` only looks at
what there is, also from another terminal while it runs.

Written: room_temperature.json, room_temperature.md and the figure. What came out is in
`docs/explanations/room-temperature.md`.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import lionn_rs as lionn
from lionn_rs.analysis import (
    arrhenius_from_results,
    diffusivity_of_runs,
    nernst_einstein_factor,
)
from lionn_rs.config import TrainConfig, TransportConfig
from lionn_rs.config_file import load_config
from lionn_rs.files import write_json, write_text
from lionn_rs.md import Trajectory
from lionn_rs.numbers import significant
from lionn_rs.units import PS_TO_FS
from lionn_rs.workflows.figures import save_figure
from lionn_rs.workflows.inputs import load_images
from lionn_rs.workflows.training import split_images
from lionn_rs.workflows.transport import analyze_trajectory, find_trajectories

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from lionn_rs.analysis import ArrheniusResult, CombinedDiffusion, DiffusionResult

SETTINGS = Path(__file__).parent / "room_temperature"
N_MEMBERS = 4
MEMBER_PASSES = 200
COMMITTEE_SEED = 2
N_JUDGED = 20
"""Frames of each run that the committee judges."""
EXPERIMENT_K, EXPERIMENT_MS_CM = 300.15, 12.0
"""N. Kamaya et al., Nat. Mater. 10, 682 (2011), doi 10.1038/nmat3066, at 27 °C."""


def lionn_command(*arguments: object) -> None:
    """Run a command of lionn, which prints what it finds."""
    print("\n$ lionn", *arguments, flush=True)
    subprocess.run([sys.executable, "-m", "lionn_rs.cli.main", *map(str, arguments)], check=True)


def potential(output: Path) -> None:
    """Train what is missing: the potential, and a committee that shares its descriptor."""
    folder = output / "potential"
    if not (folder / "best.json").exists():
        lionn_command("train", SETTINGS / "potential.toml", "--output", folder, "--resume")
    committee = output / "committee"
    if (committee / "committee.json").exists():
        return
    config = load_config(SETTINGS / "potential.toml", TrainConfig)
    best = lionn.load(folder / "best.json")
    assert isinstance(best, lionn.Potential)
    # Members share one descriptor, so its contraction is not learned again.
    lionn.train_committee(
        split_images(config.data, load_images(config.data)),
        descriptor=best.descriptor,
        n_members=N_MEMBERS,
        hidden_layers=tuple(config.network.hidden_layers),
        optimizer=config.training.optimizer,
        batch_size=config.training.batch_size,
        learning_rate=config.training.learning_rate,
        l2=config.training.l2,
        min_feature_range=config.training.min_feature_range,
        max_iterations=MEMBER_PASSES,
        validation_interval=20,
        seed=COMMITTEE_SEED,
        output=committee,
        resume=True,
    )


def campaign_text(name: str, production_ps: float | None = None) -> str:
    """TOML text of a campaign; the one near room temperature with another length, if given."""
    text = (SETTINGS / f"{name}.toml").read_text(encoding="utf-8")
    if name == "direct" and production_ps is not None:
        text = re.sub(r"(?m)^production_ps = .*$", f"production_ps = {production_ps:g}", text)
    return text


def dynamics(output: Path, production_ps: float | None, workers: int | None) -> None:
    """Do the runs of both campaigns that are not done."""
    options = [] if workers is None else ["--workers", workers]
    for name in ("high", "direct"):
        # Beside the potential, whose path in the file is relative.
        write_text(output / f"{name}.toml", campaign_text(name, production_ps))
        lionn_command("campaign", output / f"{name}.toml", "--output", output / name, *options)


def runs(output: Path, name: str) -> list[Path]:
    """Folders of the runs of a campaign; of those that differ in length alone, the longest."""
    longest: dict[tuple[float, int], tuple[float, Path]] = {}
    for folder in find_trajectories([output / name / "tasks"]):
        run = Trajectory.open(folder)
        key = (run.temperature_K, run.metadata["seed"])
        time_ps = production_length_ps(run)
        if time_ps > longest.get(key, (0.0, folder))[0]:
            longest[key] = (time_ps, folder)
    return [longest[key][1] for key in sorted(longest)]


def production_length_ps(run: Trajectory) -> float:
    """Production that is stored, ps."""
    return float(run.source("production").shape[0] * run.frame_interval_fs / PS_TO_FS)


def guard(folders: list[Path], committee: Path) -> dict[str, float]:
    """How far the potential is used beyond its images, over the production of some runs.

    Returns
    -------
    dict
        Share of environments with a feature outside its training range, share of assessments with
        an atom beyond grade 1 and the largest grade; force spread of the committee (root mean
        square over atoms, largest of an atom) in eV/Å; largest drift of the conserved quantity, eV
        per atom and ps.
    """
    judge = lionn.Committee.load(committee)
    outside, grades, spread, most, drift = [], [], [], [], []
    for folder in folders:
        run = Trajectory.open(folder)
        rows = run.thermo["stage"] == "production"
        outside += list(run.thermo["n_extrapolating"][rows] / run.n_atoms)
        grade = run.thermo["max_grade"][rows]
        grades += list(grade[np.isfinite(grade)])
        time_ps = run.thermo["time_fs"][rows] / PS_TO_FS
        drift.append(np.polyfit(time_ps, run.thermo["conserved"][rows], 1)[0] / run.n_atoms)
        frames = run.positions("production")
        for k in np.linspace(0, len(frames) - 1, N_JUDGED).astype(int):
            atoms = run.atoms(0)
            atoms.set_positions(frames[k])
            std = np.asarray(judge.evaluate(atoms).forces_std)
            of_atom = np.sqrt((std**2).mean(axis=1))
            spread.append(float((std**2).mean()))
            most.append(float(of_atom.max()))
    return {
        "environments_outside": float(np.mean(outside)),
        "steps_beyond_grade_1": float(np.mean(np.array(grades) > 1.0)),
        "max_grade": float(np.max(grades)),
        "force_spread": float(np.sqrt(np.mean(spread))),
        "max_force_spread": float(np.max(most)),
        "conserved_drift": float(np.max(np.abs(drift))),
    }


def combined(folders: list[Path], config: TransportConfig) -> CombinedDiffusion:
    """Replicas at one temperature as one result; the longer ones are cut to the shortest."""
    trajectories = [Trajectory.open(folder) for folder in folders]
    frames = [run.positions("production") for run in trajectories]
    shortest = min(len(entry) for entry in frames)
    first = trajectories[0]
    return diffusivity_of_runs(
        [entry[:shortest] for entry in frames],
        cell=first.cell,
        numbers=first.numbers,
        frame_interval_fs=first.frame_interval_fs,
        temperature_K=first.temperature_K,
        **config.diffusion.model_dump(exclude={"compare_pymatgen"}),
    )


def cost(folders: list[Path]) -> dict[str, float]:
    """Simulated time and wall time of the runs, stages before the production included."""
    records = [Trajectory.open(folder).metadata for folder in folders]
    steps = sum(entry["step"] for entry in records)
    seconds = sum(entry["seconds"] for entry in records)
    timestep_fs = records[0]["protocol"]["timestep_fs"]
    return {
        "simulated_ns": steps * timestep_fs / 1e6,
        "wall_hours_of_one_thread": seconds / 3600.0,
        "ns_per_day": steps * timestep_fs / 1e6 / (seconds / 86400.0),
        "n_atoms": records[0]["n_atoms"],
    }


def analyze(output: Path) -> None:
    """Compare, and write the record, the table and the figure."""
    config = load_config(SETTINGS / "high.toml", TransportConfig)
    hot = runs(output, "high")
    cold: dict[float, list[Path]] = {}
    for folder in runs(output, "direct"):
        cold.setdefault(Trajectory.open(folder).temperature_K, []).append(folder)
    results = {
        folder.name: analyze_trajectory(Trajectory.open(folder), config.diffusion, where=folder)
        for folder in (*hot, *(folder for group in cold.values() for folder in group))
    }
    together = {t: combined(folders, config) for t, folders in cold.items()}
    line = arrhenius_from_results(
        [results[folder.name] for folder in hot],
        direct=list(together.values()),
        extrapolate_to_K=config.arrhenius.extrapolate_to_K,
        with_vtf=True,
    )
    everything = arrhenius_from_results(
        [results[folder.name] for folder in hot] + list(together.values()),
        extrapolate_to_K=config.arrhenius.extrapolate_to_K,
        with_vtf=True,
    )
    for text in (line, *line.direct, everything, *everything.warnings):
        print(text)
    committee = output / "committee/committee.json"
    judged = {"600 to 1000 K": hot, **{f"{t:g} K": folders for t, folders in cold.items()}}
    record = {
        "runs": {name: result.to_dict() for name, result in results.items()},
        "direct": {f"{t:g} K": result.to_dict() for t, result in together.items()},
        "extrapolation": line.to_dict(),
        "all_temperatures": everything.to_dict(),
        "guard": {name: guard(folders, committee) for name, folders in judged.items()},
        "cost": {name: cost(folders) for name, folders in judged.items()},
    }
    write_json(output / "room_temperature.json", record)
    write_text(output / "room_temperature.md", table(results, together, line, record))
    save_figure(figure(line, together), output, "room_temperature")
    print(f"written: {output / 'room_temperature.md'}")


def table(
    results: dict[str, DiffusionResult],
    together: dict[float, CombinedDiffusion],
    line: ArrheniusResult,
    record: dict[str, Any],
) -> str:
    """Results in Markdown."""
    lines = ["| T, K | run, ps | hops | D, cm²/s | 95 % | line | D over line |", "|" + "---|" * 7]
    entries: list[DiffusionResult | CombinedDiffusion] = [*results.values(), *together.values()]
    for entry in sorted(entries, key=lambda e: (e.temperature_K, e.run_ps)):
        runs_of = getattr(entry, "n_runs", 1)
        at = line.predict(entry.temperature_K)
        length = f"{runs_of} × {entry.run_ps:.0f}" if runs_of > 1 else f"{entry.run_ps:.0f}"
        if entry.diffusivity_cm2_s is None or entry.interval_cm2_s is None:
            value, span, ratio = f"< {entry.upper_bound_cm2_s:.1e}", "not diffusive", "–"
        else:
            low, high = entry.interval_cm2_s
            value, span = f"{entry.diffusivity_cm2_s:.2e}", f"{low:.1e} to {high:.1e}"
            ratio = significant(entry.diffusivity_cm2_s / at.diffusivity_cm2_s, 2)
        hops = "–" if entry.n_hops is None else f"{entry.n_hops:.0f}"
        low, high = at.interval_cm2_s
        lines.append(
            f"| {entry.temperature_K:g} | {length} | {hops} | {value} | {span} | "
            f"{at.diffusivity_cm2_s:.2e} ({low:.1e} to {high:.1e}) | {ratio} |"
        )
    lines += ["", str(line), "", *(f"- {text}" for text in line.warnings), ""]
    lines += [f"| | {' | '.join(record['guard'])} |", "|" + "---|" * (1 + len(record["guard"]))]
    for part in ("guard", "cost"):
        for name in next(iter(record[part].values())):
            row = (significant(entry[name], 3) for entry in record[part].values())
            lines.append(f"| {name} | {' | '.join(row)} |")
    return "\n".join(lines) + "\n"


def figure(line: ArrheniusResult, together: dict[float, CombinedDiffusion]) -> Figure:
    """The line with the direct runs and the experiment, and the MSD of the direct runs."""
    from lionn_rs.plots.diffusion import plot_arrhenius
    from lionn_rs.plots.style import COLORS, GRAY, new_figure

    with new_figure(1, 2, width_in=8.4, height_in=3.7) as (drawn, grid):
        left, right = grid[0]
        plot_arrhenius(line, left)
        assert line.n_carriers is not None
        assert line.volume_A3 is not None
        factor = nernst_einstein_factor(
            n_carriers=line.n_carriers,
            charge=line.charge,
            volume_A3=line.volume_A3,
            temperature_K=EXPERIMENT_K,
        )
        left.plot(
            1000.0 / EXPERIMENT_K, EXPERIMENT_MS_CM / factor, "x", color="black",
            label=f"experiment, from σ = {EXPERIMENT_MS_CM:g} mS/cm",
        )  # fmt: skip
        left.legend(loc="lower left", fontsize="small")
        for k, (temperature, result) in enumerate(together.items()):
            for n, run in enumerate(result.runs):
                right.loglog(
                    run.msd.lag_ps, run.msd.total_A2, color=COLORS[k], linewidth=0.9,
                    label=f"{temperature:g} K" if n == 0 else None,
                )  # fmt: skip
            if result.window is not None:
                right.axvspan(
                    result.window.start_ps, result.window.end_ps, color=COLORS[k], alpha=0.1
                )
        lag = np.array([1.0, max(r.run_ps for r in together.values())])
        right.plot(lag, 0.5 * lag / lag[0], color=GRAY, linestyle=":", label="slope 1")
        right.set_xlabel("lag time / ps")
        right.set_ylabel("MSD of Li / Å²")
        right.legend(loc="upper left")
    return drawn


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--production-ps", type=float, help="of the runs at 300 and 400 K")
    parser.add_argument("--workers", type=int, help="runs side by side")
    parser.add_argument("--analyze", action="store_true", help="only look at what there is")
    given = parser.parse_args()
    given.output.mkdir(parents=True, exist_ok=True)
    if not given.analyze:
        potential(given.output)
        dynamics(given.output, given.production_ps, given.workers)
        for folder in runs(given.output, "direct"):
            lionn_command("jumps", folder, "--symmetry", "--force")
    analyze(given.output)


if __name__ == "__main__":
    main()
