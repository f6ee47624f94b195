"""The report: one self-contained HTML file, written from ``summary.json`` and ``figures/``."""

from __future__ import annotations

import json
from html import escape
from typing import TYPE_CHECKING, Any

from lionn_rs.files import write_text
from lionn_rs.numbers import interval, significant
from lionn_rs.progress import format_duration
from lionn_rs.workflows.report import html
from lionn_rs.workflows.report.potential import data_section, training_section, trust_section
from lionn_rs.workflows.report.transport import (
    arrhenius_section,
    dynamics_section,
    paths_section,
    transport_section,
)

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["write_report"]


def write_report(folder: Path) -> Path:
    """Write ``report.html`` of an output folder of ``lionn run``.

    Parameters
    ----------
    folder : Path
        Holds ``summary.json`` and the figures as ``figures/NAME.svg`` and ``.png``.

    Returns
    -------
    Path
        The report.
    """
    summary: dict[str, Any] = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    figures = folder / "figures"
    sections = [
        _headline(summary, figures),
        data_section(summary),
        training_section(summary, figures),
        trust_section(summary, figures),
        dynamics_section(summary, figures),
        transport_section(summary, figures),
        arrhenius_section(summary),
        paths_section(summary, figures),
        _provenance(summary, folder),
    ]
    text = html.page(
        summary["title"],
        f"{summary['structure']['formula']} · {summary['structure']['n_atoms']} atoms · "
        f"{len(summary['md'])} trajectories · potential trained on "
        f"{summary['training']['metrics']['train']['n_images']} images",
        [section for section in sections if section is not None],
        f"lionn_rs {summary['software']['lionn_rs']} · {summary['created']} · potential "
        f"{summary['hashes']['potential'][:12]} · every number of this page is in summary.json",
    )
    path = folder / "report.html"
    write_text(path, text)
    return path


def _headline(summary: dict[str, Any], figures: Path) -> html.Section:
    fit, config = summary["arrhenius"], summary["config"]
    target = f"{config['arrhenius']['extrapolate_to_K']:g} K"
    parts: list[str] = []
    if fit["refused"]:
        parts.append(f'<p class="big">No conductivity at {escape(target)}</p>')
        parts.append(f'<p class="interval">{escape(fit["refused"])}</p>')
    else:
        at = fit["extrapolation"]
        value = significant(at["conductivity_mS_cm"], 2)
        span = interval(*at["conductivity_interval_mS_cm"])
        known = f"{value} mS/cm at" if at["supported"] else "No conductivity at"
        parts.append(f'<p class="big">{known} {escape(target)}</p>')
        parts.append(
            f'<p class="interval">95 % interval {span} mS/cm, '
            "extrapolated with the Arrhenius line</p>"
        )
    parts.append(html.tiles(_tiles(summary)))
    parts.append(html.callout("warn", summary["warnings"]))
    parts.append(
        html.figure(
            figures,
            "arrhenius",
            "Diffusivity over inverse temperature, with the 95 % band of the fit.",
        )
    )
    style = "headline refused" if fit["refused"] else "headline"
    return html.section("result", "Result", *parts, style=style)


def _tiles(summary: dict[str, Any]) -> list[tuple[str, str, str]]:
    fit, metrics = summary["arrhenius"], summary["training"]["metrics"]["test"]
    tiles: list[tuple[str, str, str]] = []
    if not fit["refused"]:
        energy = f"{significant(fit['activation_energy_eV'], 2)} eV"
        span = interval(*fit["activation_energy_interval_eV"])
        tiles.append(("Activation energy", energy, f"95 % {span}"))
    n_used = sum(1 for row in summary["transport"] if row["diffusive"])
    n_all = len(summary["transport"])
    tiles += [
        (
            "Diffusive trajectories",
            f"{n_used} of {n_all}",
            "the others give upper bounds" if n_used < n_all else "none refused",
        ),
        (
            "Force RMSE, test set",
            f"{significant(metrics['force_rmse'], 2)} eV/Å",
            f"{metrics['n_images']} images not used in training",
        ),
        (
            "Energy RMSE, test set",
            f"{significant(1000 * metrics['energy_rmse_per_atom'], 2)} meV/atom",
            "per atom",
        ),
        ("Wall time", format_duration(summary["seconds"]["total"]), summary["software"]["threads"]),
    ]
    return tiles


def _provenance(summary: dict[str, Any], folder: Path) -> html.Section:
    entries = [(f"{name} (SHA-256)", value) for name, value in summary["hashes"].items()]
    entries += [(name, str(value)) for name, value in summary["software"].items()]
    times = [(name, format_duration(value)) for name, value in summary["seconds"].items()]
    resolved = folder / "config.resolved.toml"
    text = resolved.read_text(encoding="utf-8") if resolved.is_file() else ""
    return html.section(
        "provenance",
        "Provenance",
        html.definitions(entries),
        "<h3>Wall time</h3>",
        html.definitions(times),
        html.details("Resolved configuration", text) if text else "",
    )
