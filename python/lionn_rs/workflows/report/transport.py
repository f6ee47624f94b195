"""Sections of the report on dynamics and transport."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

from lionn_rs.numbers import (
    interval,
    power,
    power_interval,
    power_with_error,
    significant,
    with_error,
)
from lionn_rs.workflows.report import html
from lionn_rs.workflows.report.html import Column

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["arrhenius_section", "dynamics_section", "paths_section", "transport_section"]

INTERVAL_BASIS = {
    "errors": "the errors of the points, with their scatter around the line (Student's t)",
    "scatter": "the scatter of the points around the line (Student's t)",
}

PYMATGEN_MODE = "max"
"""DiffusionAnalyzer's default smoothing: all time origins, as in the MSD here."""


def dynamics_section(summary: dict[str, Any], figures: Path) -> html.Section:
    """Cell, protocol, temperature and conserved quantity of each run."""
    rows = [
        (
            significant(run["temperature_K"]),
            str(run["seed"]),
            with_error(run["mean_temperature_K"], run["temperature_error_K"]),
            significant(run["production_ps"]),
            power(run["conserved_drift_eV_per_atom_ps"], 2),
            significant(run["us_per_atom_step"], 3),
            escape(run["stop_reason"]),
        )
        for run in summary["md"]
    ]
    columns = [
        Column("T", "K"),
        Column("seed"),
        Column("mean T of production", "K"),
        Column("production", "ps"),
        Column("drift of the conserved quantity", "eV/atom/ps"),
        Column("speed", "µs/atom/step"),
        Column("ended", kind="wide"),
    ]
    structure = summary["structure"]
    entries = [
        (
            "cell",
            f"{structure['formula']}, {structure['n_atoms']} atoms, "
            f"{significant(structure['volume_A3'], 5)} Å³, from {structure['source']}",
        ),
        ("protocol", summary["protocol"]),
    ]
    return html.section(
        "dynamics",
        "Molecular dynamics",
        html.definitions(entries),
        html.table(columns, rows),
        html.figures(
            html.figure(figures, "temperature", "Temperature of each run over time."),
            html.figure(
                figures,
                "conserved",
                "Conserved quantity of the extended system, relative to its start.",
            ),
        ),
        nav="Dynamics",
    )


def transport_section(summary: dict[str, Any], figures: Path) -> html.Section:
    """Table of diffusivities and conductivities, or bounds, with remarks and pymatgen's value."""
    columns = [
        Column("T", "K"),
        Column("seed"),
        Column("diffusivity D", "cm²/s"),
        Column("95 % interval", "cm²/s"),
        Column("conductivity", "mS/cm"),
        Column("95 % interval", "mS/cm"),
        Column("hops", "N_eff"),
        Column("pymatgen's D", "cm²/s"),
        Column("remarks", kind="wide"),
    ]
    carrier = summary["config"]["diffusion"]["carrier"]
    return html.section(
        "transport",
        "Diffusivity and conductivity",
        html.paragraph(
            f"Self-diffusivity of {carrier} from the mean squared displacement, relative to the "
            "framework. The conductivity is that of Nernst and Einstein: ions that move "
            "independently. pymatgen's DiffusionAnalyzer ran on the same trajectories; its printed "
            "error is left out because it takes correlated points for independent ones."
        ),
        html.table(columns, [_transport_row(row) for row in summary["transport"]]),
        html.figure(
            figures,
            "msd",
            "Mean squared displacement of each run; the fit window is thick, the line dashed.",
        ),
        "<h3>Along the axes</h3>",
        _axes_table(summary),
        html.figure(figures, "msd_axes", "Along the axes, at the highest temperature."),
        nav="Transport",
    )


def _transport_row(row: dict[str, Any]) -> tuple[str, ...]:
    peers = {peer["smoothed"]: peer["diffusivity_cm2_s"] for peer in row["pymatgen"]}
    ends = (power(peers.get(PYMATGEN_MODE), 2), escape("; ".join(_remarks(row))))
    start = (significant(row["temperature_K"]), str(row["seed"]))
    if not row["diffusive"]:
        bound = f"below {power(row['upper_bound_cm2_s'], 2)}"
        sigma = f"below {significant(row['conductivity_upper_bound_mS_cm'], 2)}"
        return (*start, bound, "", sigma, "", significant(row["n_hops"], 2), *ends)
    return (
        *start,
        power(row["diffusivity_cm2_s"]),
        power_interval(*row["interval_cm2_s"]),
        significant(row["conductivity_mS_cm"]),
        interval(*row["conductivity_interval_mS_cm"]),
        significant(row["n_hops"], 2),
        *ends,
    )


def _remarks(row: dict[str, Any]) -> list[str]:
    remarks = [f"not diffusive: {row['refusal']}"] if row["refusal"] else []
    collective = row["collective"]
    if collective is not None and collective["meaningful"]:
        value = with_error(collective["conductivity_mS_cm"], collective["conductivity_sd_mS_cm"])
        remarks.append(f"collective conductivity {value} mS/cm (± one sd)")
    return [*remarks, *row["warnings"]]


def _axes_table(summary: dict[str, Any]) -> str:
    rows = [
        (
            significant(row["temperature_K"]),
            str(row["seed"]),
            *(
                power_with_error(axis["diffusivity_cm2_s"], axis["sd_cm2_s"])
                for axis in row["axes"]
            ),
        )
        for row in summary["transport"]
        if row["diffusive"]
    ]
    columns = [Column("T", "K"), Column("seed")]
    columns += [Column(f"D along {axis}", "cm²/s, ± one sd") for axis in "xyz"]
    return html.table(columns, rows) if rows else html.paragraph("No diffusive trajectory.")


def arrhenius_section(summary: dict[str, Any]) -> html.Section:
    """Activation energy and extrapolation, or why there is none."""
    fit = summary["arrhenius"]
    if fit["refused"]:
        return html.section(
            "arrhenius", "Arrhenius fit", html.callout("warn", [fit["refused"]]), nav="Arrhenius"
        )
    at = fit["extrapolation"]
    target = f"{at['temperature_K']:g} K"
    temperatures = [point["temperature_K"] for point in fit["points"]]
    n_runs = sum(point["n_replicas"] for point in fit["points"])
    entries = [
        (
            "activation energy",
            f"{significant(fit['activation_energy_eV'])} eV, 95 % "
            f"{interval(*fit['activation_energy_interval_eV'])}",
        ),
        (
            f"diffusivity at {target}",
            f"{power(at['diffusivity_cm2_s'], 2)} cm²/s, 95 % "
            f"{power_interval(*at['interval_cm2_s'])}",
        ),
        (
            f"conductivity at {target}",
            f"{significant(at['conductivity_mS_cm'], 2)} mS/cm, 95 % "
            f"{interval(*at['conductivity_interval_mS_cm'])}",
        ),
        (
            "points",
            f"{len(temperatures)} temperatures from {min(temperatures):g} to "
            f"{max(temperatures):g} K, {n_runs} runs",
        ),
        ("chi²/dof", f"{significant(fit['chi2_per_dof'], 2)}"),
        ("intervals from", INTERVAL_BASIS[fit["interval_basis"]]),
    ]
    return html.section(
        "arrhenius",
        "Arrhenius fit",
        html.definitions(entries),
        html.callout("warn", fit["warnings"]),
        html.paragraph(
            "The figure is at the top of the page. Intervals hold the errors of the points, "
            "their scatter around the line, and the covariance of slope and intercept, not "
            "the error of the potential, of DFT, of the small cell, or a change of "
            "mechanism below the lowest temperature."
        ),
        nav="Arrhenius",
    )


def paths_section(summary: dict[str, Any], figures: Path) -> html.Section | None:
    """Picture of the cell with the carriers' paths, and radial distribution functions."""
    carrier = summary["config"]["diffusion"]["carrier"]
    shown = html.figure(
        figures, "paths", f"The cell with the paths of {carrier} at the highest temperature."
    )
    shown += html.figure(
        figures, "rdf", "Radial distribution functions at the highest temperature."
    )
    return html.section("paths", f"Paths of {carrier}", shown, nav="Paths") if shown else None
