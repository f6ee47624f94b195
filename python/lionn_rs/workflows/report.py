"""The report: one HTML file with its figures inside, written from ``summary.json`` and ``figures/``."""

from __future__ import annotations

import json
from html import escape
from typing import TYPE_CHECKING, Any

from lionn_rs.files import write_text
from lionn_rs.progress import format_duration
from lionn_rs.workflows import html
from lionn_rs.workflows.html import Column
from lionn_rs.workflows.numbers import interval, power, significant

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["write_report"]

Summary = dict[str, Any]

EXTRAPOLATION_NOTICE = 1e-4
"""Fraction of atomic environments outside the training range from which the report says 'some'."""
EXTRAPOLATION_WARNING = 1e-2
"""Fraction from which the report says 'not supported'."""


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
    summary: Summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    figures = folder / "figures"
    sections = [
        _headline(summary, figures),
        _data(summary),
        _training(summary, figures),
        _trust(summary, figures),
        _dynamics(summary, figures),
        _transport(summary, figures),
        _arrhenius(summary, figures),
        _paths(summary, figures),
        _provenance(summary, folder),
    ]
    potential = summary["training"]
    text = html.page(
        summary["title"],
        f"{summary['structure']['formula']} · {summary['structure']['n_atoms']} atoms · "
        f"{len(summary['md'])} trajectories · potential trained on "
        f"{potential['n_images']['train']} images",
        [section for section in sections if section is not None],
        f"lionn_rs {summary['software']['lionn_rs']} · {summary['created']} · potential "
        f"{summary['hashes']['potential'][:12]} · every number of this page is in summary.json",
    )
    path = folder / "report.html"
    write_text(path, text)
    return path


Section = tuple[str, str, str]


def _headline(summary: Summary, figures: Path) -> Section:
    result = summary["headline"]
    target = f"{result['temperature_K']:g} K"
    parts: list[str] = []
    if result["refused"]:
        parts.append(f'<p class="big">No conductivity at {escape(target)}</p>')
        parts.append(f'<p class="interval">{escape(result["refused"])}</p>')
    else:
        value = significant(result["conductivity_mS_cm"], 2)
        span = interval(result["conductivity_low_mS_cm"], result["conductivity_high_mS_cm"])
        parts.append(f'<p class="big">{value} mS/cm at {escape(target)}</p>')
        parts.append(
            f'<p class="interval">{100 * result["confidence"]:g} % interval {span} mS/cm, '
            "extrapolated with the Arrhenius line</p>"
        )
    parts.append(html.tiles(_tiles(summary)))
    parts.append(html.callout("warn", summary["warnings"]))
    parts.append(html.figure(figures, "arrhenius", "Diffusivity over inverse temperature, with "
                             "the band of the fit.", narrow=True))
    style = "headline refused" if result["refused"] else "headline"
    return html.section("result", "Result", *parts, style=style)


def _tiles(summary: Summary) -> list[tuple[str, str, str]]:
    fit, metrics = summary["arrhenius"], summary["training"]["metrics"]["test"]
    tiles: list[tuple[str, str, str]] = []
    if fit["refused"] is None:
        energy = f"{significant(fit['activation_energy_eV'], 2)} eV"
        tiles.append(
            (
                "Activation energy",
                energy,
                interval(fit["activation_energy_low_eV"], fit["activation_energy_high_eV"]),
            )
        )
    used = sum(1 for row in summary["transport"] if row["refused"] is None)
    tiles += [
        ("Trajectories with a value", f"{used} of {len(summary['transport'])}", "the rest refused"),
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


def _data(summary: Summary) -> Section:
    data = summary["data"]
    counts = summary["training"]["n_images"]
    rows = [
        (escape(group["name"]), str(group["n_images"]), str(group["train"]),
         str(group["validation"]), str(group["test"]))
        for group in data["groups"]
    ]
    columns = [Column("source group", kind="text"), Column("images"), Column("training"),
               Column("validation"), Column("test")]
    entries = [
        ("images", f"{data['n_images']} of {data['n_atoms']} atoms ({data['formula']})"),
        ("sources", ", ".join(data["sources"])),
        ("level of theory", data["level_of_theory"] or "not stated"),
        ("energy label", data["energy"]),
        ("split", f"by {data['split_by']}, seed {data['split_seed']}: {counts['train']} training, "
                  f"{counts['validation']} validation, {counts['test']} test"),
    ]
    return html.section(
        "data", "Data", html.definitions(entries), html.table(columns, rows),
        html.callout("note", data.get("caveats", [])),
    )


def _training(summary: Summary, figures: Path) -> Section:
    training = summary["training"]
    names = {"train": "training", "validation": "validation", "test": "test"}
    rows = [
        (
            names[key],
            str(entry["n_images"]),
            significant(1000 * entry["energy_rmse_per_atom"]),
            significant(1000 * entry["energy_mae_per_atom"]),
            significant(entry["force_rmse"]),
            significant(entry["force_mae"]),
        )
        for key, entry in training["metrics"].items()
    ]
    columns = [
        Column("set", kind="text"), Column("images"),
        Column("energy RMSE", "meV/atom"), Column("energy MAE", "meV/atom"),
        Column("force RMSE", "eV/Å"), Column("force MAE", "eV/Å"),
    ]
    entries = [
        ("descriptor", training["descriptor"]),
        ("networks", training["networks"]),
        ("optimizer", f"{training['optimizer']}, {training['iterations']} iterations in "
                      f"{format_duration(training['seconds'])}; stopped: {training['stop_reason']}"),
        ("model used", f"iteration {training['best_iteration']}, the best on the validation set"),
    ]
    return html.section(
        "training", "Training", html.definitions(entries), html.table(columns, rows),
        html.figure(figures, "learning_curves", "Learning curves: errors on the training and "
                    "validation sets; the line marks the model that is used."),
        html.figure(figures, "parity", "Predicted against DFT: energies per atom and force "
                    "components, for the three sets."),
    )


def _trust(summary: Summary, figures: Path) -> Section:
    rows = []
    for run in summary["md"]:
        rate = run["extrapolation_rate"]
        rows.append(
            (
                significant(run["temperature_K"]),
                str(run["seed"]),
                f"{100 * rate:.3g} %",
                f"{100 * run['extrapolation_frame_rate']:.3g} %",
                significant(run["extrapolation_worst"], 2),
                _support(rate),
            )
        )
    columns = [
        Column("T", "K"), Column("seed"), Column("environments outside", "of all atoms and steps"),
        Column("steps with one outside"), Column("worst excess", "range widths"),
        Column("training set", kind="text"),
    ]
    return html.section(
        "trust", "How well the training set supports each temperature",
        html.paragraph(
            "A network interpolates. The table counts how often an atom was in an environment "
            "outside the range that the training images span, feature by feature. Inside the range "
            "is necessary, not sufficient; outside it, forces are extrapolated."
        ),
        html.table(columns, rows),
        html.figure(figures, "extrapolation", "Environments outside the training range.",
                    narrow=True),
    )


def _support(rate: float) -> str:
    if rate >= EXTRAPOLATION_WARNING:
        return html.badge("bad", "does not cover it")
    if rate >= EXTRAPOLATION_NOTICE:
        return html.badge("warn", "covers most of it")
    return html.badge("good", "covers it")


def _dynamics(summary: Summary, figures: Path) -> Section:
    rows = [
        (
            significant(run["temperature_K"]),
            str(run["seed"]),
            f"{run['mean_temperature_K']:.1f} ± {significant(run['mean_temperature_error_K'], 2)}",
            significant(run["production_ps"]),
            power(run["conserved_drift_eV_per_atom_ps"], 2),
            significant(run["speed_us_per_atom_step"], 3),
            escape(run["stop_reason"]),
        )
        for run in summary["md"]
    ]
    columns = [
        Column("T", "K"), Column("seed"), Column("mean T of production", "K"),
        Column("production", "ps"), Column("conserved quantity, drift", "eV/atom/ps"),
        Column("speed", "µs/atom/step"), Column("ended", kind="text"),
    ]
    protocol = summary["protocol"]
    entries = [
        ("cell", f"{summary['structure']['formula']}, {summary['structure']['n_atoms']} atoms, "
                 f"{significant(summary['structure']['volume_A3'], 5)} Å³"),
        ("protocol", protocol),
    ]
    return html.section(
        "dynamics", "Molecular dynamics", html.definitions(entries), html.table(columns, rows),
        html.figure(figures, "temperature", "Temperature of each run over time."),
        html.figure(figures, "conserved", "Conserved quantity of the extended system, relative "
                    "to its start."),
    )


def _transport(summary: Summary, figures: Path) -> Section:
    confidence = f"{100 * summary['headline']['confidence']:g} %"
    rows = []
    for row in summary["transport"]:
        refused = row["refused"] is not None
        bound = row["upper_bound_cm2_s"]
        value = f"below {power(bound, 2)}" if refused and bound else power(row["diffusivity_cm2_s"])
        notes = [row["refused"]] if refused else []
        rows.append(
            (
                significant(row["temperature_K"]),
                str(row["seed"]),
                value,
                "" if refused else _power_interval(row["diffusivity_low_cm2_s"],
                                                   row["diffusivity_high_cm2_s"]),
                "" if refused else significant(row["conductivity_mS_cm"]),
                "" if refused else interval(row["conductivity_low_mS_cm"],
                                            row["conductivity_high_mS_cm"], 3),
                significant(row["n_hops"], 2),
                power(row["pymatgen_diffusivity_cm2_s"]),
                escape("; ".join([*notes, *row["warnings"]])),
            )
        )
    columns = [
        Column("T", "K"), Column("seed"), Column("diffusivity D", "cm²/s"),
        Column(f"{confidence} interval", "cm²/s"), Column("conductivity", "mS/cm"),
        Column(f"{confidence} interval", "mS/cm"), Column("hops", "N_eff"),
        Column("pymatgen's D", "cm²/s"), Column("remarks", kind="wide"),
    ]
    carrier = summary["config"]["diffusion"]["carrier"]
    return html.section(
        "transport", "Diffusivity and conductivity",
        html.paragraph(
            f"Self-diffusivity of {carrier} from the mean squared displacement, corrected for the "
            "drift of the framework. The conductivity is that of Nernst and Einstein: ions that "
            "move independently. pymatgen's DiffusionAnalyzer ran on the same trajectories; its "
            "printed error is not shown because it treats correlated points as independent."
        ),
        html.table(columns, rows),
        html.figure(figures, "msd", "Mean squared displacement per temperature and axis."),
    )


def _power_interval(low: float | None, high: float | None) -> str:
    return f"[{power(low, 2)}, {power(high, 2)}]"


def _arrhenius(summary: Summary, figures: Path) -> Section:
    fit = summary["arrhenius"]
    if fit["refused"] is not None:
        return html.section("arrhenius", "Arrhenius fit", html.callout("warn", [fit["refused"]]))
    target = f"{fit['extrapolate_to_K']:g} K"
    entries = [
        ("activation energy", f"{significant(fit['activation_energy_eV'])} eV "
         f"{interval(fit['activation_energy_low_eV'], fit['activation_energy_high_eV'])}"),
        (f"D at {target}", f"{power(fit['diffusivity_cm2_s'], 2)} cm²/s "
         + _power_interval(fit["diffusivity_low_cm2_s"], fit["diffusivity_high_cm2_s"])),
        ("points", f"{fit['n_points']} trajectories, {significant(fit['lowest_K'])} to "
         f"{significant(fit['highest_K'])} K"),
        ("extrapolated over", f"{fit['lowest_K'] - fit['extrapolate_to_K']:.0f} K"),
    ]
    return html.section(
        "arrhenius", "Arrhenius fit", html.definitions(entries),
        html.callout("warn", fit["warnings"]),
        html.paragraph(
            "The figure is at the top of the page. The interval holds the scatter of the points and "
            "the covariance of slope and intercept; it does not hold the error of the potential, "
            "of DFT, of the small cell, or of a change of mechanism below the lowest temperature."
        ),
    )


def _paths(summary: Summary, figures: Path) -> Section | None:
    shown = html.figure(
        figures, "paths", "Cell with the paths of the mobile ions at the highest temperature."
    ) + html.figure(figures, "rdf", "Radial distribution functions.")
    carrier = summary["config"]["diffusion"]["carrier"]
    return html.section("paths", f"Paths of {carrier}", shown) if shown else None


def _provenance(summary: Summary, folder: Path) -> Section:
    hashes, software = summary["hashes"], summary["software"]
    entries = [(f"{name} (SHA-256)", value) for name, value in hashes.items()]
    entries += [(name, str(value)) for name, value in software.items()]
    times = [(name, format_duration(value)) for name, value in summary["seconds"].items()]
    resolved = folder / "config.resolved.toml"
    text = resolved.read_text(encoding="utf-8") if resolved.is_file() else ""
    return html.section(
        "provenance", "Provenance", html.definitions(entries),
        "<h3>Wall time</h3>", html.definitions(times),
        html.details("Resolved configuration", text) if text else "",
    )
