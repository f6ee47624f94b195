"""kinisi on trajectories of ``benches/coverage.py``; runs in an interpreter that has kinisi.

    python coverage_kinisi.py INPUT.npz OUTPUT.npz

INPUT holds ``positions`` (n_runs, n_frames, n_atoms, 3) in Å, unwrapped, ``cell_A`` (cubic),
``n_ions`` and ``frame_interval_fs``. kinisi gets fractional positions, 100 lags, all of them from
1 ps on in the fit, and its own defaults otherwise. OUTPUT: per run D and the ends of the 95 %
credible interval, cm²/s; NaN where kinisi stops with an error.
"""

from __future__ import annotations

import sys

import numpy as np

N_LAGS = 100
START_FS = 1000.0
A2_FS_TO_CM2_S = 0.1


def analyze(positions, cell_A, n_ions, frame_interval_fs, seed):
    import scipp as sc
    from kinisi.diffusion import Diffusion
    from kinisi.displacement import calculate_msd
    from kinisi.parser import Parser

    n_frames, n_atoms, _ = positions.shape
    scaled = (positions / cell_A) % 1.0
    lattice = np.broadcast_to(cell_A * np.eye(3), (n_frames, 3, 3)).copy()
    lags = np.unique(np.linspace(1, n_frames - 1, N_LAGS).astype(int))
    parser = Parser(
        sc.array(dims=["time", "particle", "dimension"], values=scaled),
        sc.array(dims=["time", "row", "column"], values=lattice, unit=sc.units.angstrom),
        frame_interval_fs * sc.Unit("fs"),
        1 * sc.Unit("dimensionless"),
        dt=sc.array(dims=["time interval"], values=lags * frame_interval_fs, unit="fs"),
        specie_indices=sc.array(dims=["particle"], values=np.arange(n_ions)),
        drift_indices=sc.array(dims=["particle"], values=np.arange(n_ions, n_atoms)),
    )
    np.random.seed(seed)  # noqa: NPY002 - what kinisi draws from
    fit = Diffusion(dg=calculate_msd(parser, progress=False))
    fit._diffusion(START_FS * sc.Unit("fs"), progress=False)
    samples = np.asarray(sc.to_unit(fit.D, "angstrom^2/fs").values) * A2_FS_TO_CM2_S
    return np.mean(samples), *np.quantile(samples, [0.025, 0.975])


def main() -> None:
    source, target = sys.argv[1:]
    with np.load(source) as data:
        rows = []
        for seed, positions in enumerate(data["positions"]):
            try:
                row = analyze(
                    positions.astype(float),
                    float(data["cell_A"]),
                    int(data["n_ions"]),
                    float(data["frame_interval_fs"]),
                    seed,
                )
            except (ValueError, np.linalg.LinAlgError) as error:
                print(f"run {seed}: {error}", file=sys.stderr)
                row = (np.nan, np.nan, np.nan)
            rows.append(row)
    np.savez(target, values=np.array(rows))


if __name__ == "__main__":
    main()
