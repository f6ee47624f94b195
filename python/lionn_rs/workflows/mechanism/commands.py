"""What ``lionn rdf``, ``density``, ``vacf`` and ``vanhove`` do with one run."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from lionn_rs.errors import ConfigError, DataError
from lionn_rs.files import write_table
from lionn_rs.numbers import power_with_error, significant, with_error
from lionn_rs.workflows.figures import save_figure
from lionn_rs.workflows.mechanism.files import Run, claim, parse_pairs, write_record

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from lionn_rs.analysis import RdfResult

__all__ = ["density_files", "rdf_files", "vacf_files", "van_hove_files"]

N_PAIRS = 3
"""Pairs of the carrier that are drawn unless others are asked for."""


def rdf_files(
    run: Run, folder: Path, *, pairs: str | None, r_max: float, max_frames: int, force: bool
) -> list[RdfResult]:
    """Radial distribution functions; ``rdf.json``, ``rdf.csv`` and the figure ``rdf``."""
    from lionn_rs.analysis import rdf
    from lionn_rs.plots.rdf import plot_rdf

    chosen = parse_pairs(pairs, run.symbols) if pairs else _usual_pairs(run)
    # The figure may be that of 'lionn run'; it is drawn anew.
    claim(folder, ["rdf.json", "rdf.csv"], force=force)
    results = [
        rdf(
            run.frames,
            cell=run.cell,
            pair=pair,
            symbols=run.symbols,
            r_max=r_max,
            max_frames=max_frames,
        )
        for pair in chosen
    ]
    columns = {"r_A": results[0].r_A}
    for result in results:
        name = "-".join(result.pair)
        columns |= {
            f"g_{name}": result.g,
            f"g_se_{name}": result.g_se,
            f"coordination_{name}": result.coordination,
        }
    write_table(folder / "rdf.csv", columns)
    write_record(folder / "rdf.json", run, {"rdf": [result.to_dict() for result in results]})
    save_figure(plot_rdf(results), folder, "rdf")
    return results


def _usual_pairs(run: Run) -> list[tuple[str, str]]:
    """Return the carrier with itself and with the commonest framework species."""
    counts = Counter(run.symbols)
    counts.pop(run.carrier)
    others = [name for name, _ in counts.most_common(N_PAIRS - 1)]
    return [(run.carrier, name) for name in (run.carrier, *others)]


def density_files(
    run: Run, folder: Path, *, spacing_A: float, smearing_A: float, force: bool
) -> list[str]:
    """Density of the carriers; CHGCAR, cube, JSON and the figure ``density``."""
    from lionn_rs.analysis import ion_density
    from lionn_rs.plots.density import plot_density
    from lionn_rs.workflows.mechanism.volumetric import write_chgcar, write_cube

    grid, cube = f"CHGCAR_{run.carrier}", f"density_{run.carrier}.cube"
    density = ion_density(
        run.frames,
        cell=run.cell,
        species=run.carrier,
        symbols=run.symbols,
        spacing_A=spacing_A,
        smearing_A=smearing_A,
    )
    claim(folder, ["density.json", grid, cube, "density.png", "density.svg"], force=force)
    framework = run.framework()
    # Both formats want at least one atom.
    picture = framework if len(framework) else run.trajectory.atoms(0)
    write_chgcar(folder / grid, density, picture)
    write_cube(folder / cube, density, picture)
    write_record(folder / "density.json", run, {"density": density.to_dict()})
    symbols = framework.get_chemical_symbols()
    figure = plot_density(density, framework=framework.positions, symbols=symbols, title=run.title)
    save_figure(figure, folder, "density")
    shape = " x ".join(str(n) for n in density.values.shape)
    return [
        f"{run.carrier} density: {density.total:.6g} ions on {shape} points, up to "
        f"{significant(float(density.values.max()))} per Å³ "
        f"(mean {significant(float(density.values.mean()))})",
        f"  written: {folder / grid}, {folder / cube}",
    ]


def vacf_files(
    run: Run, folder: Path, *, species: Sequence[str], window_ps: float, force: bool
) -> list[str]:
    """Velocity autocorrelation; ``vacf.json``, CSV tables and the figure ``vacf``."""
    from lionn_rs.analysis import vacf
    from lionn_rs.plots.vacf import plot_vacf

    stage = None if run.stage == "all" else run.stage
    try:
        velocities = run.trajectory.velocity_source(stage)  # type: ignore[arg-type]
    except DataError:
        velocities = None
    unknown = [name for name in species if name not in run.symbols]
    if unknown:
        raise ConfigError(f"--species: no {', '.join(unknown)} atoms in {run.folder}")
    results = [
        vacf(
            frame_interval_fs=run.interval_fs,
            species=name,
            velocities=velocities,
            positions=run.frames if velocities is None else None,
            symbols=run.symbols,
            window_ps=window_ps,
            temperature_K=run.temperature_K,
        )
        for name in species
    ]
    names = ["vacf.json", "vacf.csv", "vdos.csv", "vacf.png", "vacf.svg"]
    claim(folder, names, force=force)
    correlation = {"lag_ps": results[0].lag_ps}
    spectrum = {"frequency_THz": results[0].frequency_THz}
    for result in results:
        correlation |= {
            result.species: result.correlation, f"se_{result.species}": result.correlation_se
        }  # fmt: skip
        spectrum |= {result.species: result.spectrum, f"se_{result.species}": result.spectrum_se}
    write_table(folder / "vacf.csv", correlation)
    write_table(folder / "vdos.csv", spectrum)
    write_record(folder / "vacf.json", run, {"vacf": [result.to_dict() for result in results]})
    save_figure(plot_vacf(results), folder, "vacf")
    lines = []
    for result in results:
        frequency = with_error(result.mean_frequency_THz, result.mean_frequency_se_THz)
        green_kubo = power_with_error(result.diffusivity_cm2_s, result.diffusivity_se_cm2_s)
        text = (
            f"{result.species}: mean frequency {frequency} THz; D (Green-Kubo) {green_kubo} cm²/s"
        )
        if result.kinetic_share is not None:
            text += f"; {100 * result.kinetic_share:.0f} % of the kinetic energy resolved"
        lines += [text, *(f"  warning: {warning}" for warning in result.warnings)]
    source = results[0].source
    return [*lines, f"  from {source}; written: {folder / 'vacf.json'}"]


def van_hove_files(run: Run, folder: Path, *, r_max: float, force: bool) -> list[str]:
    """Van Hove functions; ``van_hove.json``, CSV tables and the figure ``van_hove``."""
    from lionn_rs.analysis import van_hove_distinct, van_hove_self
    from lionn_rs.plots.van_hove import plot_van_hove

    self_part = van_hove_self(
        run.frames,
        frame_interval_fs=run.interval_fs,
        species=run.carrier,
        symbols=run.symbols,
        r_max=r_max,
    )
    distinct = van_hove_distinct(
        run.frames,
        cell=run.cell,
        frame_interval_fs=run.interval_fs,
        pair=(run.carrier, run.carrier),
        symbols=run.symbols,
        r_max=r_max,
    )
    names = ["van_hove.json", "van_hove_self.csv", "van_hove_distinct.csv"]
    claim(folder, [*names, "van_hove.png", "van_hove.svg"], force=force)
    for name, lags, r, values in (
        ("self", self_part.lag_ps, self_part.r_A, self_part.density),
        ("distinct", distinct.lag_ps, distinct.r_A, distinct.g),
    ):
        columns = {f"{lag:g} ps": row for lag, row in zip(lags, values, strict=True)}
        write_table(folder / f"van_hove_{name}.csv", {"r_A": r, **columns})
    content = {"self": self_part.to_dict(), "distinct": distinct.to_dict()}
    write_record(folder / "van_hove.json", run, content)
    save_figure(plot_van_hove(self_part, distinct), folder, "van_hove")
    peak = int(np.argmax(self_part.non_gaussian))
    near = distinct.r_A < 1.0
    center = np.average(distinct.g[-1, near], weights=distinct.r_A[near] ** 2)
    return [
        f"{run.carrier}: non-Gaussian parameter up to {self_part.non_gaussian[peak]:.2f} at "
        f"{significant(float(self_part.lag_ps[peak]), 2)} ps; density of others within 1 Å of the "
        f"place of an ion {significant(float(distinct.lag_ps[-1]), 2)} ps ago: {center:.2f} of the "
        "mean",
        f"  written: {folder / 'van_hove.json'}",
    ]
