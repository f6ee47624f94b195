"""What ``lionn jumps`` does with one run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lionn_rs.errors import DataError
from lionn_rs.files import write_table
from lionn_rs.numbers import interval, power_with_error, significant, with_error
from lionn_rs.workflows.figures import save_figure
from lionn_rs.workflows.mechanism.files import Run, claim, write_record

if TYPE_CHECKING:
    from pathlib import Path

    from lionn_rs.analysis import EffectiveBarrier, JumpResult, SiteSet
    from lionn_rs.analysis.transport.trajectory import Floats

__all__ = ["jump_files", "jump_lines", "read_sites"]


def read_sites(path: Path, run: Run, carrier: str) -> SiteSet:
    """Sites from a structure file: the positions of the carrier, or of all atoms without any.

    Raises
    ------
    DataError
        If the file cannot be read or its cell is not that of the run.
    """
    from lionn_rs.analysis import sites_from_coordinates
    from lionn_rs.data import read_structures

    (atoms,) = read_structures(path, index="0")
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


def _parameters(run: Run) -> Floats:
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
    from lionn_rs.analysis import find_sites, jumps, name_equivalent
    from lionn_rs.plots.jumps import plot_jump_network, plot_jump_statistics

    framework = run.framework()
    common: dict[str, Any] = {"cell": run.cell, "symbols": run.symbols, "carrier": run.carrier}
    if sites is not None:
        chosen = read_sites(sites, run, run.carrier)
    else:
        chosen = find_sites(run.frames, barrier_kT=barrier_kT, **common)
    if symmetry:
        chosen = name_equivalent(chosen, framework.numbers, framework.positions)
    tracer, ln_sd = _tracer(run)
    result = jumps(
        run.frames,
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
    barrier = _barrier(run, result)
    _write_jumps(run, result, barrier, folder)
    save_figure(
        plot_jump_network(result, framework=framework.positions, title=run.title),
        folder,
        "jump_network",
    )
    save_figure(plot_jump_statistics(result), folder, "jump_statistics")
    lines = jump_lines(result)
    if barrier is not None:
        frequency = with_error(barrier.frequency_THz, barrier.frequency_se_THz)
        lines.append(
            f"  attempt frequency {frequency} THz; effective barrier kT ln(nu/rate) "
            f"{barrier.barrier_eV:.3f} eV, 95 % {interval(*barrier.interval_eV, 3)}"
        )
    return [*lines, f"  written: {folder / 'jumps.json'}"]


def _tracer(run: Run) -> tuple[float | None, float | None]:
    """Self-diffusivity and the error of its logarithm; nothing where the run has none."""
    from lionn_rs.analysis import diffusivity

    if run.temperature_K is None:
        return None, None
    try:
        result = diffusivity(
            run.frames,
            cell=run.cell,
            symbols=run.symbols,
            carrier=run.carrier,
            frame_interval_fs=run.interval_fs,
            temperature_K=run.temperature_K,
            drift_reference="none",
            compare_pymatgen=False,
        )
    except DataError:
        return None, None
    return (result.diffusivity_cm2_s, result.ln_sd) if result.diffusive else (None, None)


def _barrier(run: Run, result: JumpResult) -> EffectiveBarrier | None:
    """Barrier from the rate and the mean vibration frequency, where the frames resolve it."""
    from lionn_rs.analysis import effective_barrier, vacf

    if run.temperature_K is None or result.n_jumps == 0:
        return None
    try:
        spectrum = vacf(
            positions=run.frames,
            symbols=run.symbols,
            species=run.carrier,
            frame_interval_fs=run.interval_fs,
        )
    except DataError:
        return None
    return effective_barrier(
        result.rate_per_ns,
        result.rate_interval_per_ns,
        frequency_THz=spectrum.mean_frequency_THz,
        frequency_se_THz=spectrum.mean_frequency_se_THz,
        temperature_K=run.temperature_K,
    )


def _write_jumps(
    run: Run, result: JumpResult, barrier: EffectiveBarrier | None, folder: Path
) -> None:
    from ase import Atoms
    from ase.io import write

    from lionn_rs.analysis.mechanism.jump_records import SINGLE_JUMPS

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
    for name in SINGLE_JUMPS:  # they are in the table
        content.pop(name)
    found = None if barrier is None else barrier.to_dict()
    write_record(folder / "jumps.json", run, {"jumps": content, "effective_barrier": found})


def jump_lines(result: JumpResult) -> list[str]:
    """Say the result of a jump analysis in lines for the terminal."""
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
        f"{100 * (found.share_along or 0.0):.0f} % within 45° of {found.axis} (random: 29 %), "
        f"share of the squared length along it {part} (random: 0.33)"
    )
