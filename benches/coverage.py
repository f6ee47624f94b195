"""Do 95 % intervals of D contain the truth in 95 % of runs? Ours, pymatgen's, kinisi's, He's.

    python benches/coverage.py simulate --runs 400 --output coverage
    python benches/coverage.py peers --runs 200 --kinisi-python KINISI/bin/python --output coverage
    python benches/coverage.py report --output coverage --figure docs/figures/coverage.png

``simulate`` and ``peers`` write one JSON file per generator and number of hops, and skip what is
there. Every trajectory has 20 ions, 20 ps, a frame every 20 fs, and thirty vibrating framework
atoms. No analysis is told the hop length, the vibration or the kind of motion.

Generators marked ``new`` were written after the error model was fixed and took no part in its
making. kinisi lives in an interpreter of its own (``pip install kinisi==2.1.0``), pymatgen in ours;
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
from lionn_rs.files import write_json

N_IONS, N_FRAMES, FRAME_FS = 20, 1001, 20.0
HOP_A = 3.25
CELL_A = 200.0
N_HOPS = (40, 87, 156, 351)
BARRIERS_EV = {40: 0.338, 87: 0.272, 156: 0.226, 351: 0.171}
"""Barriers that give about these numbers of hops; the reference simulation says how many."""
BATCH = 50
"""Runs of crowded generators that are simulated at once."""


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
            n_runs=400 if fluid else 4000,
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
        rng = np.random.default_rng([7, number, n_hops, first])
        size = {"n_ions": N_IONS, "n_frames": N_FRAMES, "frame_interval_fs": FRAME_FS}
        if generator.kind == "known":
            batch = (generator.make(rng, **size, **parameter) for _ in range(BATCH))
        else:
            batch = generator.make(rng, n_runs=BATCH, **size, **parameter)
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
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    for name in options.only:
        for n_hops in options.hops:
            if options.what == "simulate":
                if not (options.output / f"ours-{slug(name)}-{n_hops}.json").is_file():
                    simulate(name, n_hops, options.runs, options.output)
                    print(name, n_hops, flush=True)


if __name__ == "__main__":
    main()
