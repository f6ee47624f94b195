"""Errors against time for the optimizers, from the same start on the same images.

    python optimizers.py run lgps50_train.npz --max-volume 21 --seconds 150 --output runs/crystal
    python optimizers.py run dataset:lgps_gpaw_pbe --seconds 40 --output runs/gpaw
    python optimizers.py plot runs/crystal runs/gpaw --figure optimizers_lgps_pbe.png

Time is that of the calling thread's process (CPU seconds) with one thread, preparation left out: on
an idle core this is the wall time, on a busy machine it does not depend on the neighbors. Test
errors are computed afterwards from parameters noted on the way. See `lgps_pbe.py` for the images.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path

import numpy as np

OPTIMIZERS = ("bfgs", "l-bfgs", "lm")
SPACING = 1.15
"""Ratio of the times of two noted parameter vectors."""


def run(options: argparse.Namespace) -> None:
    """Train with every optimizer, evaluate the noted parameters, write one JSON file each."""
    os.environ["RAYON_NUM_THREADS"] = "1"  # before the core starts its threads

    from lgps_pbe import load

    import lionn_rs as lionn

    if options.images.startswith("dataset:"):
        images = lionn.datasets.load(options.images.removeprefix("dataset:"))
    else:
        images = load(options.images, options.max_volume)
    by = "block" if options.images.startswith("dataset:") else "random"
    split = lionn.split(images, test=0.2, validation=0.1, seed=1, by=by)
    descriptor = lionn.Gaussian.amp_default(["Ge", "Li", "P", "S"], cutoff=lionn.Cosine(6.5))
    options.output.mkdir(parents=True, exist_ok=True)
    for name in options.optimizers:
        noted: list[tuple[float, dict[str, float], np.ndarray]] = []
        clock = {"start": 0.0, "next": 0.0}

        def note(
            row: dict[str, float], parameters: np.ndarray, noted: list = noted, clock: dict = clock
        ) -> bool:
            now = time.process_time()
            if not noted:
                clock["start"] = now
            elapsed = now - clock["start"]
            over = elapsed > options.seconds
            if elapsed >= clock["next"] or over:
                noted.append((elapsed, dict(row), parameters.copy()))
                clock["next"] = max(SPACING * elapsed, 0.2)
            return over

        result = lionn.train(
            split.train,
            validation=split.validation,
            descriptor=descriptor,
            hidden_layers=(5, 5),
            min_feature_range=0.0,  # as AMP
            seed=options.seed,
            optimizer=name,
            max_iterations=1_000_000,
            validation_interval=20,
            callback=note,
            progress=False,
        )
        rows = []
        for elapsed, row, parameters in noted:
            test = lionn.evaluate(result.best.with_parameters(parameters), split.test)
            rows.append(
                {
                    "seconds": elapsed,
                    "iteration": row["iteration"],
                    "evaluations": row["evaluations"],
                    "loss": row["loss"],
                    "train_energy": row["energy_rmse_per_atom"],
                    "train_force": row["force_rmse"],
                    "test_energy": test.energy_rmse_per_atom,
                    "test_force": test.force_rmse,
                }
            )
        record = {
            "optimizer": name,
            "seed": options.seed,
            "n_images": [len(split.train), len(split.test)],
            "stop_reason": result.stop_reason,
            "rows": rows,
        }
        (options.output / f"{name}.json").write_text(json.dumps(record, indent=1) + "\n")
        print(name, json.dumps(rows[-1]), flush=True)


def plot(options: argparse.Namespace) -> None:
    """Force and energy errors against time, one row of panels per folder."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    folders = options.folders
    figure, axes = plt.subplots(
        len(folders), 2, figsize=(9, 3.6 * len(folders)), squeeze=False, layout="constrained"
    )
    for line, folder in zip(axes, folders, strict=True):
        for color, name in enumerate(OPTIMIZERS):
            record = json.loads((folder / f"{name}.json").read_text())
            rows = record["rows"][1:]
            seconds = [row["seconds"] for row in rows]
            for panel, quantity in zip(line, ("force", "energy"), strict=True):
                for part, style in (("train", "--"), ("test", "-")):
                    errors = [1000 * row[f"{part}_{quantity}"] for row in rows]
                    label = f"{name}, {part}"
                    panel.loglog(seconds, errors, style, color=f"C{color}", label=label)
        n_train, n_test = record["n_images"]
        for panel, unit in zip(line, ("force RMSE, meV/Å", "energy RMSE, meV/atom"), strict=True):
            panel.set(xlabel="CPU time on one core, s", ylabel=unit)
            panel.set_title(f"{n_train} training, {n_test} test images", fontsize=10)
            panel.grid(alpha=0.3, which="both")
        line[0].legend(fontsize=8)
    figure.savefig(options.figure, dpi=110)


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(required=True)
    train = commands.add_parser("run")
    train.add_argument("images", help="NumPy arrays as for lgps_pbe.py, or dataset:NAME")
    train.add_argument("--max-volume", type=float, default=np.inf, help="Å³ per atom")
    train.add_argument("--seconds", type=float, default=150.0, help="CPU time of every optimizer")
    train.add_argument("--seed", type=int, default=1)
    train.add_argument("--optimizers", nargs="+", choices=OPTIMIZERS, default=OPTIMIZERS)
    train.add_argument("--output", type=Path, required=True)
    train.set_defaults(action=run)
    draw = commands.add_parser("plot")
    draw.add_argument("folders", type=Path, nargs="+")
    draw.add_argument("--figure", type=Path, required=True)
    draw.set_defaults(action=plot)
    options = parser.parse_args()
    options.action(options)


if __name__ == "__main__":
    main()
