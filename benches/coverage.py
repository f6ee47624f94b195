"""Do 95 % intervals of D contain the truth in 95 % of runs? Ours, pymatgen's, kinisi's, He's.

    python benches/coverage.py simulate --runs 400 --output coverage
    python benches/coverage.py peers --runs 200 --kinisi-python KINISI/bin/python --output coverage
    python benches/coverage.py report --output coverage --figure docs/figures/coverage.png

``simulate`` and ``peers`` write one JSON file per generator and number of hops, and skip what is
there. Every trajectory has 20 ions, 20 ps, a frame every 100 fs, and thirty vibrating framework
atoms. No analysis is told the hop length, the vibration or the kind of motion.

Generators marked ``new`` are not those with which the formulas of the error were found. A first
look at four of them (vacancy exchange, knock-on chains, channels, random mobilities) changed how
windows move and how spreads are combined; "trapped and free" and "Langevin" were run after that
only. kinisi lives in an interpreter of its own (``pip install kinisi==2.1.0``), pymatgen in ours;
what is absent is left out.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from lionn_rs.analysis import diffusivity, synthetic, synthetic_crowded
from lionn_rs.analysis._records import plain
from lionn_rs.analysis.transport.pymatgen_peer import pymatgen_values
from lionn_rs.files import write_json

N_IONS, N_FRAMES, FRAME_FS = 20, 201, 100.0
HOP_A = 3.25
CELL_A = 200.0
N_HOPS = (40, 87, 156, 351)
BARRIERS_EV = {40: 0.338, 87: 0.272, 156: 0.226, 351: 0.171}
"""Barriers that give about these numbers of hops; the reference simulation says how many."""
BATCH = 50
"""Runs that are simulated at once: ions of generators of a known D do not know of each other."""


@dataclass(frozen=True)
class Generator:
    """How to make runs, and whether they took part in making the error model."""

    make: Callable[..., Any]
    new: bool
    kind: str
    """``known``: takes the diffusivity; ``lattice``, ``fluid``: crowded, needs a reference."""


HOPS = synthetic.lattice_hops
LATTICE = synthetic_crowded.crowded_lattice
GENERATORS = {
    "lattice hops": Generator(HOPS, False, "known"),
    "Brownian in a potential": Generator(
        partial(synthetic.periodic_potential, step_fs=2.0), False, "known"
    ),
    "returning hops": Generator(synthetic.returning_hops, False, "known"),
    "pairs hop together": Generator(partial(HOPS, together=2), False, "known"),
    "fours hop together": Generator(partial(HOPS, together=4), False, "known"),
    "channels": Generator(partial(HOPS, axis_shares=(0.02, 0.02, 0.96)), True, "known"),
    "random mobilities": Generator(partial(HOPS, mobility_ln_sd=0.5), True, "known"),
    "vacancy exchange": Generator(partial(LATTICE, sites=(3, 3, 3)), True, "lattice"),
    "knock-on chains": Generator(
        partial(LATTICE, sites=(3, 3, 4), longest_chain=3), True, "lattice"
    ),
    "trapped and free": Generator(synthetic.intermittent_hops, True, "known"),
    "Langevin, repelling ions": Generator(synthetic_crowded.langevin_fluid, True, "fluid"),
}


def hops_to_diffusivity(n_hops: float) -> float:
    """D of which 20 ions make ``n_hops`` effective hops in 20 ps, cm²/s."""
    return n_hops * HOP_A**2 / (6.0 * N_IONS * (N_FRAMES - 1) * FRAME_FS) * 0.1


def true_diffusivity(name: str, n_hops: int, folder: Path) -> tuple[float, float, dict[str, float]]:
    """D, its standard error (cm²/s), and the parameter that gives it."""
    generator = GENERATORS[name]
    target = hops_to_diffusivity(n_hops)
    if generator.kind == "known":
        return target, 0.0, {"diffusivity_cm2_s": target}
    fluid = generator.kind == "fluid"
    parameter = {"barrier_eV": BARRIERS_EV[n_hops]} if fluid else {"attempts_per_fs": 1e-3}
    path = folder / f"reference-{slug(name)}-{n_hops if fluid else 'all'}.json"
    if not path.is_file():
        make = partial(generator.make, n_ions=N_IONS, **parameter)
        if not fluid:
            make = partial(make, vibration_A=0.0)
        value, error = synthetic_crowded.reference_diffusivity(
            make,
            np.random.default_rng([1, n_hops]),
            n_runs=150 if fluid else 4000,
            n_frames=161,
            frame_interval_fs=400.0,
        )
        write_json(path, {"value": value, "error": error})
    reference = json.loads(path.read_text())
    if fluid:
        return reference["value"], reference["error"], parameter
    scale = target / reference["value"]
    return target, reference["error"] * scale, {"attempts_per_fs": 1e-3 * scale}


def runs_of(
    name: str, n_hops: int, parameter: dict[str, float], runs: int
) -> Iterator[tuple[np.ndarray, list[str]]]:
    """Positions and symbols of independent runs, framework included."""
    generator = GENERATORS[name]
    number = list(GENERATORS).index(name)
    for first in range(0, runs, BATCH):
        rng = np.random.default_rng([17, number, n_hops, first])
        size = {"n_frames": N_FRAMES, "frame_interval_fs": FRAME_FS, **parameter}
        if generator.kind == "known":
            batch = np.split(generator.make(rng, n_ions=BATCH * N_IONS, **size), BATCH, axis=1)
        else:
            batch = generator.make(rng, n_runs=BATCH, n_ions=N_IONS, **size)
        for ions, _ in zip(batch, range(runs - first), strict=False):
            yield synthetic.with_framework(rng, ions)


def simulate(name: str, n_hops: int, runs: int, folder: Path) -> None:
    """Analyze many runs; keep all that an inquiry into the error bar needs."""
    truth, error, parameter = true_diffusivity(name, n_hops, folder)
    rows = []
    for positions, symbols in runs_of(name, n_hops, parameter, runs):
        result = diffusivity(
            positions,
            cell=CELL_A * np.eye(3),
            frame_interval_fs=FRAME_FS,
            temperature_K=800.0,
            symbols=symbols,
        )
        record = result.to_dict()
        keep = ("diffusivity_cm2_s", "interval_cm2_s", "ln_sd", "method", "gls_relative_sd")
        keep += ("spreads", "hop_length_A", "n_hops", "he_relative_sd", "upper_bound_cm2_s")
        keep += ("refusal", "window", "estimates")
        rows.append({key: record[key] for key in keep})
    write_json(
        folder / f"ours-{slug(name)}-{n_hops}.json",
        {"name": name, "n_hops": n_hops, "truth": truth, "truth_error": error, "rows": rows},
    )


def peers(name: str, n_hops: int, runs: int, folder: Path, kinisi_python: str | None) -> None:
    """The first runs again through pymatgen and kinisi."""
    truth, _, parameter = true_diffusivity(name, n_hops, folder)
    found: dict[str, list[list[float | None]]] = {}
    trajectories = list(runs_of(name, n_hops, parameter, runs))
    for positions, symbols in trajectories:
        for value in pymatgen_values(
            positions,
            np.array(symbols),
            CELL_A * np.eye(3),
            frame_interval_fs=FRAME_FS,
            temperature_K=800.0,
            carrier="Li",
        ):
            d, sd = value.diffusivity_cm2_s, value.reported_sd_cm2_s_known_too_small
            row = [None] * 3 if d is None or sd is None else [d, d - 1.96 * sd, d + 1.96 * sd]
            found.setdefault(f"pymatgen {value.smoothed}", []).append(row)
    if kinisi_python is not None:
        with tempfile.TemporaryDirectory() as temporary:
            given, answer = Path(temporary) / "runs.npz", Path(temporary) / "answer.npz"
            np.savez(
                given,
                positions=np.array([p for p, _ in trajectories], dtype=np.float32),
                cell_A=CELL_A,
                n_ions=N_IONS,
                frame_interval_fs=FRAME_FS,
            )
            worker = Path(__file__).with_name("coverage_kinisi.py")
            subprocess.run([kinisi_python, worker, given, answer], check=True)
            with np.load(answer) as data:
                found["kinisi"] = plain(data["values"])
    write_json(
        folder / f"peers-{slug(name)}-{n_hops}.json",
        {"name": name, "n_hops": n_hops, "truth": truth, "peers": found},
    )


@dataclass(frozen=True)
class Outcome:
    """One analysis of many runs of one kind."""

    coverage: float
    half_width: float
    """Median of the half width of the interval over D."""
    runs: int
    absent: int
    """Runs without a value."""

    def __str__(self) -> str:
        return f"{self.coverage:.3f}"


def outcome(truth: float, rows: list[Any]) -> Outcome:
    """Rows of D, low, high; None where there is no value."""
    kept = np.array([row for row in rows if row is not None and row[0] is not None], dtype=float)
    inside = (kept[:, 1] <= truth) & (truth <= kept[:, 2])
    half = 0.5 * (kept[:, 2] - kept[:, 1]) / np.abs(kept[:, 0])
    return Outcome(float(inside.mean()), float(np.median(half)), len(kept), len(rows) - len(kept))


def outcomes(folder: Path) -> dict[tuple[str, int], dict[str, Outcome]]:
    """All results in a folder, by generator and number of hops."""
    found: dict[tuple[str, int], dict[str, Outcome]] = {}
    for path in sorted(folder.glob("ours-*.json")):
        data = json.loads(path.read_text())
        truth = data["truth"]
        rows = [r if r["diffusivity_cm2_s"] is not None else None for r in data["rows"]]
        entry = found.setdefault((data["name"], data["n_hops"]), {})
        entry["ours"] = outcome(
            truth, [r and [r["diffusivity_cm2_s"], *r["interval_cm2_s"]] for r in rows]
        )
        by_method = [r and {e["method"]: e for e in r["estimates"]} for r in rows]
        for method in ("gls", "bootstrap", "ols"):
            entry[method] = outcome(
                truth,
                [
                    (
                        e
                        and method in e
                        and [e[method]["diffusivity_cm2_s"], *e[method]["interval_cm2_s"]]
                    )
                    or None
                    for e in by_method
                ],
            )
        # He et al. give their error with the unweighted line, symmetric in D.
        he = [e and (e["ols"]["diffusivity_cm2_s"], e["he2018"]["relative_sd"]) for e in by_method]
        entry["He 2018"] = outcome(
            truth, [h and [h[0], h[0] * (1 - 1.96 * h[1]), h[0] * (1 + 1.96 * h[1])] for h in he]
        )
        refused = [r for r in data["rows"] if r["diffusivity_cm2_s"] is None]
        if refused:
            held = np.mean([r["upper_bound_cm2_s"] >= truth for r in refused])
            entry["bound"] = Outcome(float(held), float("nan"), len(refused), 0)
    for path in sorted(folder.glob("peers-*.json")):
        data = json.loads(path.read_text())
        entry = found.setdefault((data["name"], data["n_hops"]), {})
        for peer, rows in data["peers"].items():
            entry[peer] = outcome(data["truth"], rows)
    return found


COLUMNS = ("ours", "gls", "bootstrap", "He 2018", "ols", "pymatgen max", "pymatgen False", "kinisi")
IN_RANGE = (0.92, 0.98)


def table(found: dict[tuple[str, int], dict[str, Outcome]]) -> str:
    """Markdown: coverage, and the median half width of ours and kinisi's in brackets."""
    lines = ["| motion | hops | runs | refused | " + " | ".join(COLUMNS) + " |", "|" + "---|" * 12]
    for name, generator in GENERATORS.items():
        for n_hops in sorted(h for n, h in found if n == name):
            entry = found[name, n_hops]
            ours = entry.get("ours")
            share = f"{ours.absent / (ours.runs + ours.absent):.2f}" if ours else ""
            runs = str(ours.runs + ours.absent) if ours else ""
            cells = [
                f"{e} ({e.half_width:.2f})" if (e := entry.get(column)) else ""
                for column in COLUMNS
            ]
            mark = f"{name} (new)" if generator.new else name
            lines.append(f"| {mark} | {n_hops} | {runs} | {share} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def figure(found: dict[tuple[str, int], dict[str, Outcome]], path: Path) -> None:
    """Coverage and width against the number of hops."""
    from lionn_rs.plots import style

    with style.new_figure(1, 2, width_in=style.DOUBLE_IN, height_in=3.3) as (drawn, axes):
        left, right = axes[0]
        left.axhspan(*IN_RANGE, color=style.LIGHT, alpha=0.35, linewidth=0)
        left.axhline(0.95, color=style.GRAY, linewidth=0.8)
        look = {
            "ours": ("o", style.COLORS[0]),
            "kinisi": ("s", style.COLORS[1]),
            "He 2018": ("^", style.COLORS[2]),
            "pymatgen max": ("x", "black"),
            "pymatgen False": ("+", "black"),
        }
        names = list(GENERATORS)
        for method, (marker, color) in look.items():
            shown = {key: entry[method] for key, entry in found.items() if method in entry}
            if not shown:
                continue
            shift = {name: 1.0 + 0.012 * (names.index(name) - len(names) / 2) for name, _ in shown}
            x = [h * shift[name] for name, h in shown]
            for ax, y in (
                (left, [o.coverage for o in shown.values()]),
                (right, [o.half_width for o in shown.values()]),
            ):
                ax.plot(
                    x, y, linestyle="", marker=marker, color=color, markersize=4, alpha=0.8,
                    label=method,
                )  # fmt: skip
        right.set_yscale("log")
        for ax, letter in ((left, "a"), (right, "b")):
            ax.set_xscale("log")
            ax.set_xlim(0.8 * N_HOPS[0], 1.25 * N_HOPS[-1])
            ax.set_xticks(N_HOPS, [str(h) for h in N_HOPS])
            ax.minorticks_off()
            ax.set_xlabel("effective hops in the run")
            style.panel_label(ax, letter)
        left.set_ylabel("share of 95 % intervals that hold")
        left.set_ylim(-0.03, 1.03)
        right.set_ylabel("median half width over D")
        left.legend(loc="center right")
    style.save(drawn, path)


def slug(name: str) -> str:
    """Name as part of a file name."""
    return name.lower().replace(",", "").replace(" ", "-")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("simulate", "peers", "report"))
    parser.add_argument("--output", type=Path, default=Path("coverage"))
    parser.add_argument("--runs", type=int, default=400)
    parser.add_argument("--only", nargs="*", default=list(GENERATORS))
    parser.add_argument("--hops", nargs="*", type=int, default=list(N_HOPS))
    parser.add_argument("--kinisi-python", help="interpreter that has kinisi")
    parser.add_argument("--figure", type=Path, help="where 'report' draws")
    options = parser.parse_args()
    if options.what == "report":
        found = outcomes(options.output)
        print(table(found))
        if options.figure is not None:
            figure(found, options.figure)
        return
    options.output.mkdir(parents=True, exist_ok=True)
    first = "ours" if options.what == "simulate" else "peers"
    for n_hops in options.hops:
        for name in options.only:
            if (options.output / f"{first}-{slug(name)}-{n_hops}.json").is_file():
                continue
            if options.what == "simulate":
                simulate(name, n_hops, options.runs, options.output)
            else:
                peers(name, n_hops, options.runs, options.output, options.kinisi_python)
            print(name, n_hops, flush=True)


if __name__ == "__main__":
    main()
