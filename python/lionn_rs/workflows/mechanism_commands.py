"""What ``lionn rdf``, ``density``, ``jumps``, ``vacf`` and ``vanhove`` do with one run."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from lionn_rs.errors import ConfigError, DataError
from lionn_rs.numbers import interval, power_with_error, significant, with_error
from lionn_rs.workflows.figures import save_figure
from lionn_rs.workflows.mechanism import Run, claim, parse_pairs, write_record, write_table

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from lionn_rs.analysis import JumpResult, RdfResult, SiteSet

__all__ = ["density_files", "jump_files", "rdf_files", "read_sites", "vacf_files", "van_hove_files"]

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
            run.positions,
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
    """The carrier with itself and with the commonest framework species."""
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
    from lionn_rs.workflows.volumetric import write_chgcar, write_cube

    grid, cube = f"CHGCAR_{run.carrier}", f"density_{run.carrier}.cube"
    density = ion_density(
        run.positions,
        cell=run.cell,
        species=run.carrier,
        symbols=run.symbols,
        spacing_A=spacing_A,
        smearing_A=smearing_A,
    )
    claim(folder, ["density.json", grid, cube, "density.png", "density.svg"], force=force)
    framework = run.framework()
    write_chgcar(folder / grid, density, framework)
    write_cube(folder / cube, density, framework)
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


def read_sites(path: Path, run: Run, carrier: str) -> SiteSet:
    """Sites from a structure file: the positions of the carrier, or of all atoms without any.

    Raises
    ------
    DataError
        If the file cannot be read or its cell is not that of the run.
    """
    from ase.io import read

    from lionn_rs.analysis import sites_from_coordinates

    if not path.is_file():
        raise DataError(f"{path}: no such file")
    try:
        atoms = read(path, index=0)
    except Exception as error:  # the readers of ASE raise anything
        raise DataError(f"{path}: cannot be read as a structure ({error})") from error
    if np.abs(atoms.cell.cellpar() - _parameters(run)).max() > 0.05 * _parameters(run).max():
        raise DataError(
            f"{path}: the cell {np.round(atoms.cell.cellpar(), 2).tolist()} is not that of the run "
            f"{np.round(_parameters(run), 2).tolist()}"
        )
    chosen = [k for k, s in enumerate(atoms.symbols) if s == carrier] or list(range(len(atoms)))
    labels = None
    if "spacegroup_kinds" in atoms.arrays:
        labels = [f"{carrier}{int(atoms.arrays['spacegroup_kinds'][k]) + 1}" for k in chosen]
    return sites_from_coordinates(
        atoms.get_scaled_positions()[chosen], cell=run.cell, labels=labels, source=str(path)
    )


def _parameters(run: Run) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    from ase.geometry import cell_to_cellpar

    return np.asarray(cell_to_cellpar(run.cell))


def jump_files(
    run: Run,
    folder: Path,
    *,
    sites: Path | None,
    radius_A: float | None,
    min_residence_fs: float,
    barrier_kT: float,
    axis: str,
    window_fs: float,
    symmetry: bool,
    force: bool,
) -> list[str]:
    """Sites and jumps; ``jumps.json``, ``jumps.csv``, ``sites.csv``, ``sites.extxyz``, figures."""
    from lionn_rs.analysis import diffusivity, find_sites, jumps, name_equivalent
    from lionn_rs.plots.jumps import plot_jump_network, plot_jump_statistics

    framework = run.framework()
    common = {"cell": run.cell, "symbols": run.symbols, "carrier": run.carrier}
    if sites is not None:
        chosen = read_sites(sites, run, run.carrier)
    else:
        chosen = find_sites(run.positions, barrier_kT=barrier_kT, **common)
    if symmetry:
        chosen = name_equivalent(chosen, framework.numbers, framework.positions)
    tracer = ln_sd = None
    if run.temperature_K is not None:
        diffusion = diffusivity(
            run.positions,
            frame_interval_fs=run.interval_fs,
            temperature_K=run.temperature_K,
            drift_reference="none",
            compare_pymatgen=False,
            **common,
        )
        if diffusion.diffusive:
            tracer, ln_sd = diffusion.diffusivity_cm2_s, diffusion.ln_sd
    result = jumps(
        run.positions,
        frame_interval_fs=run.interval_fs,
        sites=chosen,
        radius_A=radius_A,
        min_residence_fs=min_residence_fs,
        axis=axis,
        collective_window_fs=window_fs,
        tracer_cm2_s=tracer,
        tracer_ln_sd=ln_sd,
        **common,
    )
    names = ["jumps.json", "jumps.csv", "sites.csv", "sites.extxyz"]
    figures = [
        f"{n}.{kind}" for n in ("jump_network", "jump_statistics") for kind in ("png", "svg")
    ]
    claim(folder, names + figures, force=force)
    _write_jumps(run, result, folder)
    save_figure(
        plot_jump_network(result, framework=framework.positions, title=run.title),
        folder,
        "jump_network",
    )
    save_figure(plot_jump_statistics(result), folder, "jump_statistics")
    return [*jump_lines(result), f"  written: {folder / 'jumps.json'}"]


def _write_jumps(run: Run, result: JumpResult, folder: Path) -> None:
    from ase import Atoms
    from ase.io import write

    sites = result.sites
    labels = np.array(sites.labels)
    write_table(
        folder / "jumps.csv",
        {
            "ion": result.jump_ion,
            "time_ps": result.jump_time_ps,
            "from_site": result.jump_from + 1,
            "to_site": result.jump_to + 1,
            "from_kind": labels[result.jump_from],
            "to_kind": labels[result.jump_to],
            "dx_A": result.jump_vector_A[:, 0],
            "dy_A": result.jump_vector_A[:, 1],
            "dz_A": result.jump_vector_A[:, 2],
        },
    )
    write_table(
        folder / "sites.csv",
        {
            "site": np.arange(sites.n_sites) + 1,
            "kind": labels,
            "a": sites.fractional[:, 0],
            "b": sites.fractional[:, 1],
            "c": sites.fractional[:, 2],
            "occupancy": result.site_occupancy,
        },
    )
    picture = Atoms(
        [run.carrier] * sites.n_sites, scaled_positions=sites.fractional, cell=run.cell, pbc=True
    )
    picture.set_array("occupancy", result.site_occupancy)
    temporary = folder / ".sites.extxyz.tmp"
    write(temporary, picture, format="extxyz")
    temporary.replace(folder / "sites.extxyz")
    content = result.to_dict()
    # The single jumps are in the table.
    for name in ("jump_ion", "jump_time_ps", "jump_from", "jump_to", "jump_vector_A"):
        content.pop(name)
    write_record(folder / "jumps.json", run, {"jumps": content})


def jump_lines(result: JumpResult) -> list[str]:
    """Result of a jump analysis for the terminal."""
    low, high = result.rate_interval_per_ns
    lines = [
        f"{result.carrier}: {result.sites.n_sites} sites, radius {result.radius.radius_A:.2f} Å "
        f"({result.radius.source}); {result.n_jumps} jumps of {result.n_ions} ions in "
        f"{result.run_ps:g} ps: {significant(result.rate_per_ns)} per ion and ns, "
        f"95 % {interval(low, high)}"
    ]
    if result.length_mean_A is not None:
        lines.append(
            f"  length {result.length_mean_A:.2f} Å on average (spread "
            f"{result.length_sd_A or 0.0:.2f}); " + _direction_text(result)
        )
    stay = result.residence[0]
    if stay.mean_ps is not None:
        lines.append(
            f"  residence {significant(stay.mean_ps)} ps, 95 % {interval(*stay.mean_interval_ps)}; "
            f"median {significant(stay.median_ps)} ps (exponential: "
            f"{significant(np.log(2.0) * stay.mean_ps)})"
        )
    memory = result.correlation
    if memory.back_probability is not None:
        text = f"  back jumps {with_error(memory.back_probability, memory.back_se)}"
        text += (
            f"; <cos> of consecutive jumps {with_error(memory.mean_cosine, memory.mean_cosine_se)}"
        )
        lines.append(text)
    text = (
        f"  D without memory {power_with_error(memory.random_cm2_s, memory.random_se_cm2_s)} cm²/s"
    )
    if memory.factor is not None and memory.factor_interval is not None:
        text += (
            f"; correlation factor {memory.factor:.2f}, 95 % {interval(*memory.factor_interval)}"
        )
    else:
        text += f"; no correlation factor ({memory.remark})"
    lines.append(text)
    pairs = result.collective
    if pairs.ratio is not None and pairs.ratio_interval is not None:
        lines.append(
            f"  pairs of jumps within {pairs.window_fs:g} fs and {pairs.distance_A:g} Å: "
            f"{pairs.n_pairs}, independent jumps would make {significant(pairs.expected_pairs)} "
            f"(ratio {pairs.ratio:.2f}, 95 % {interval(*pairs.ratio_interval)})"
        )
    if result.vibration is not None:
        size = with_error(result.vibration.amplitude_A, result.vibration.amplitude_se_A)
        lines.append(f"  vibration {size} Å along one axis (root mean square)")
    return lines + [f"  warning: {text}" for text in result.warnings]


def _direction_text(result: JumpResult) -> str:
    found = result.directions
    part = with_error(found.displacement_share, found.displacement_share_se)
    return (
        f"{100 * (found.share_along or 0.0):.0f} % within 45° of {found.axis} (random: 29 %), share "
        f"of the squared length along it {part} (random: 0.33)"
    )


def vacf_files(
    run: Run, folder: Path, *, species: Sequence[str], window_ps: float, force: bool
) -> list[str]:
    """Velocity autocorrelation; ``vacf.json``, CSV tables and the figure ``vacf``."""
    from lionn_rs.analysis import vacf
    from lionn_rs.plots.vacf import plot_vacf

    stage = None if run.stage == "all" else run.stage
    try:
        velocities = run.trajectory.velocities(stage)  # type: ignore[arg-type]
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
            positions=run.positions if velocities is None else None,
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
        run.positions,
        frame_interval_fs=run.interval_fs,
        species=run.carrier,
        symbols=run.symbols,
        r_max=r_max,
    )
    distinct = van_hove_distinct(
        run.positions,
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
    center = distinct.g[:, distinct.r_A < 1.0].mean(axis=1)
    return [
        f"{run.carrier}: non-Gaussian parameter up to {self_part.non_gaussian[peak]:.2f} at "
        f"{significant(float(self_part.lag_ps[peak]), 2)} ps; others within 1 Å of a place left "
        f"{significant(float(distinct.lag_ps[-1]), 2)} ps ago: {center[-1]:.2f} of the mean density",
        f"  written: {folder / 'van_hove.json'}",
    ]
