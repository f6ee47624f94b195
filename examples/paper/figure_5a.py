"""Figure 5a's question with public data: does dynamics with the network agree with ab initio?

    python figure_5a.py --lgps analyzer.json --argyrodite frames.npz --output runs/aimd

Reads, and skips what is not given:

--lgps        LGPS at 600 K, 1000 frames of ab initio dynamics: the JSON file of a pymatgen
              DiffusionAnalyzer in the tests of pymatgen-analysis-diffusion
--argyrodite  Li6PS5Cl at 500 K, 70 ps, positions only: NPZ with frac_coords, species, lattice,
              from the data of B. J. Morgan, Chem. Mater. 33, 2004 (2021)
--potential   potential of LGPS, by default the one of the tests

For LGPS it runs 20 ps with the potential from many seeds, and 100 ps at 600 to 1000 K, and
compares. `docs/explanations/aimd.md` says what came out.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.io import write

POTENTIAL = Path(__file__).parents[2] / "tests/reference/potentials/lgps_powerspectrum.json"
AIMD_K, SHORT_PS = 600, 20
STORED_EVERY = 1
"""The file says that every 10th step was kept. Its atoms move as they do at 600 K only if it is
every step: the frames are 2 fs apart (see `docs/explanations/aimd.md`)."""
TEMPERATURES_K = (600, 700, 800, 900, 1000)
LONG_PS = 100
LAG_PS = 1.0
STRUCTURE_COMMANDS = ("diffusion", "rdf", "density", "jumps", "vanhove")


def lionn(*arguments: object) -> None:
    """Run a command of lionn, which prints what it finds."""
    print("\n$ lionn", *arguments, flush=True)
    subprocess.run([sys.executable, "-m", "lionn_rs.cli.main", *map(str, arguments)], check=True)


def lgps_frames(path: Path) -> tuple[list[Atoms], float]:
    """Frames and the time between them, fs, from a DiffusionAnalyzer of pymatgen."""
    content = json.loads(path.read_text(encoding="utf-8"))
    cell = np.array(content["structure"]["lattice"]["matrix"])
    sites = content["structure"]["sites"]
    symbols = [site["species"][0]["element"] for site in sites]
    start = np.array([site["xyz"] for site in sites])
    displacements = np.array(content["displacements"]).transpose(1, 0, 2)
    frames = [Atoms(symbols, start + d, cell=cell, pbc=True) for d in displacements]
    return frames, float(content["time_step"] * STORED_EVERY)


def argyrodite_frames(path: Path) -> tuple[list[Atoms], float]:
    """Frames and the time between them, fs, from an NPZ file of fractional coordinates."""
    content = np.load(path)
    symbols = [str(symbol) for symbol in content["species"]]
    frames = [
        Atoms(symbols, scaled_positions=fractional, cell=content["lattice"], pbc=True)
        for fractional in content["frac_coords"]
    ]
    return frames, float(content["time_between_frames_fs"])


def compare_lgps(source: Path, potential: Path, output: Path, n_seeds: int) -> None:
    """Compare ab initio dynamics of LGPS with that of the potential: same cell, same start."""
    frames, interval_fs = lgps_frames(source)
    file, start = output / "lgps_aimd.extxyz", output / "lgps_start.extxyz"
    write(file, frames)
    write(start, frames[0])
    short, long = output / "ann_20ps", output / "ann_100ps"
    seeds = [word for k in range(n_seeds) for word in ("--seed", k + 1)]
    if not short.exists():
        lionn("md", potential, start, "--temperature", AIMD_K, "--time-ps", SHORT_PS, *seeds,
              "--quiet", "--output", short)  # fmt: skip
    if not long.exists():
        temperatures = [word for t in TEMPERATURES_K for word in ("--temperature", t)]
        lionn("md", potential, start, *temperatures, "--time-ps", LONG_PS, *seeds[:6],
              "--quiet", "--output", long)  # fmt: skip
    names = ("--name-a", "DFT-MD", "--name-b", "ANN-MD", "--frame-interval-fs", interval_fs)
    aimd = f"{file}@{AIMD_K}"
    lionn("compare", aimd, short, *names, "--force", "--output", output / "same_length")
    lionn("compare", aimd, long, *names, "--force", "--output", output / "arrhenius")
    draw(file, interval_fs, short, long, output)


def draw(file: Path, interval_fs: float, short: Path, long: Path, output: Path) -> None:
    """MSD of the ab initio run among those of the potential; Arrhenius line with its bound."""
    from lionn_rs.config import TransportConfig
    from lionn_rs.plots.compare import plot_comparison
    from lionn_rs.plots.style import COLORS, DOUBLE_IN, new_figure, panel_label
    from lionn_rs.workflows.compare.run import compare_sides, open_side
    from lionn_rs.workflows.figures import save_figure

    reading = {"frame_interval_fs": interval_fs}
    common = {"carrier": "Li", "stage": "production"}
    aimd = open_side(f"{file}@{AIMD_K}", name="DFT-MD, 2 ps", reading=reading, **common)
    runs = open_side(str(short), name="ANN-MD", reading={}, **common)
    ladder = open_side(str(long), name="ANN-MD, 3 × 100 ps", reading={}, **common)
    compared = compare_sides(aimd, ladder, TransportConfig(), pairs=[("Li", "Li")])
    with new_figure(1, 2, width_in=DOUBLE_IN, height_in=3.0) as (figure, axes):
        left, right = axes[0]
        (reference,) = next(iter(aimd.groups.values()))
        curves = [msd(run, LAG_PS) for run in next(iter(runs.groups.values()))]
        for lags, curve in curves:
            left.plot(lags, curve, color=COLORS[1], linewidth=0.6, alpha=0.4)
        left.lines[0].set_label(f"ANN-MD, {len(curves)} runs, 2 ps of each")
        left.plot(*msd(reference, LAG_PS), color=COLORS[0], linewidth=2.0, label="DFT-MD, 2 ps")
        left.set_xlim(0.0, LAG_PS)
        left.set_ylim(bottom=0.0)
        left.set_xlabel("lag time / ps")
        left.set_ylabel("MSD of Li at 600 K / Å²")
        left.legend(loc="upper left")
        plot_comparison(compared.result, right)
        panel_label(left, "a")
        panel_label(right, "b")
    save_figure(figure, output, "figure_5a")
    low, middle, high = np.percentile([curve[-1] for _, curve in curves], [0, 50, 100])
    print(f"MSD after {LAG_PS:g} ps of ANN-MD: {low:.2f} to {high:.2f} Å², median {middle:.2f}")


def msd(run: object, longest_ps: float) -> tuple[np.ndarray, np.ndarray]:
    """MSD of lithium relative to the framework, in a piece twice as long as the longest lag."""
    from lionn_rs.analysis import msd as mean_squared

    moving = np.array(run.symbols) == run.carrier
    n = round(longest_ps * 1000.0 / run.interval_fs) + 1
    used = np.ascontiguousarray(run.positions[: 2 * n - 1, moving])
    curve = mean_squared(used)[0].sum(axis=0)[:n]
    return np.arange(len(curve)) * run.interval_fs / 1000.0, curve


def analyze_argyrodite(source: Path, output: Path) -> None:
    """Run every analysis on the argyrodite; there are no forces to train a potential on."""
    frames, interval_fs = argyrodite_frames(source)
    file = output / "argyrodite.extxyz"
    write(file, frames)
    for command in STRUCTURE_COMMANDS:
        lionn(command, file, "--temperature", 500, "--frame-interval-fs", interval_fs, "--force",
              "--output", output / "argyrodite")  # fmt: skip


def main() -> None:
    """Read the options and do what there are files for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lgps", type=Path)
    parser.add_argument("--argyrodite", type=Path)
    parser.add_argument("--potential", type=Path, default=POTENTIAL)
    parser.add_argument("--seeds", type=int, default=40, help="runs of 20 ps at 600 K, 3 or more")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--force", action="store_true", help="replace the figure")
    options = parser.parse_args()
    if (options.output / "figure_5a.png").exists() and not options.force:
        raise SystemExit(
            f"error: {options.output / 'figure_5a.png'} exists (--force to replace it)"
        )
    options.output.mkdir(parents=True, exist_ok=True)
    for path, work in (
        (options.lgps, lambda p: compare_lgps(p, options.potential, options.output, options.seeds)),
        (options.argyrodite, lambda p: analyze_argyrodite(p, options.output)),
    ):
        if path is None or not path.exists():
            print(f"skipped: {path or 'a file that was not given'}")
        else:
            work(path)


if __name__ == "__main__":
    main()
