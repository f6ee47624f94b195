"""Sections of the report on the potential: data, training, and what it may be trusted with."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

from lionn_rs.numbers import percent, significant
from lionn_rs.progress import format_duration
from lionn_rs.workflows.report import html
from lionn_rs.workflows.report.html import Column

if TYPE_CHECKING:
    from pathlib import Path

__all__ = [
    "EXTRAPOLATION_NOTICE",
    "EXTRAPOLATION_WARNING",
    "data_section",
    "training_section",
    "trust_section",
]

EXTRAPOLATION_NOTICE = 1e-4
"""Fraction of atomic environments outside the training range: more is worth a remark."""
EXTRAPOLATION_WARNING = 1e-2
"""More is not supported by the training set. Both levels are rules of thumb (docs: trust)."""

ASSESSED = {
    "mean_force_std": Column("mean force spread", "eV/Å"),
    "max_force_std": Column("largest", "eV/Å"),
    "max_grade": Column("largest grade"),
}
"""What potentials that can assess themselves say about a run."""

SET_NAMES = {"train": "training", "validation": "validation", "test": "test"}


def data_section(summary: dict[str, Any]) -> html.Section:
    """Which images, from where, and how they were split."""
    data = summary["data"]
    rows = [
        (
            escape(group["name"]),
            str(group["n_images"]),
            *(str(group[name]) for name in SET_NAMES),
        )
        for group in data["groups"]
    ]
    columns = [Column("source group", kind="text"), Column("images")]
    columns += [Column(name) for name in SET_NAMES.values()]
    entries = [
        ("images", f"{data['n_images']} images of {data['formulas']}"),
        ("sources", ", ".join(data["sources"])),
        ("level of theory", data["level_of_theory"] or "not stated"),
        ("energy label", data["energy"]),
        ("split", f"by {data['split_by']}, seed {data['split_seed']}"),
    ]
    return html.section(
        "data",
        "Data",
        html.definitions(entries),
        html.table(columns, rows),
        html.callout("note", data["caveats"]),
    )


def training_section(summary: dict[str, Any], figures: Path) -> html.Section:
    """Errors on the three sets, learning curves, parity."""
    training = summary["training"]
    rows = [
        (
            SET_NAMES[key],
            str(entry["n_images"]),
            significant(1000 * entry["energy_rmse_per_atom"]),
            significant(1000 * entry["energy_mae_per_atom"]),
            significant(entry["force_rmse"]),
            significant(entry["force_mae"]),
        )
        for key, entry in training["metrics"].items()
    ]
    columns = [
        Column("set", kind="text"),
        Column("images"),
        Column("energy RMSE", "meV/atom"),
        Column("energy MAE", "meV/atom"),
        Column("force RMSE", "eV/Å"),
        Column("force MAE", "eV/Å"),
    ]
    entries = [
        ("descriptor", training["descriptor"]),
        ("networks", training["networks"]),
        (
            "optimizer",
            f"{training['optimizer']}, {training['iterations']} iterations in "
            f"{format_duration(training['seconds'])}; {training['stop_reason']}",
        ),
        ("model used", _model_used(training)),
    ]
    return html.section(
        "training",
        "Training",
        html.definitions(entries),
        html.table(columns, rows),
        html.figure(
            figures,
            "learning_curves",
            "Learning curves: errors on the training and validation sets over the iterations.",
        ),
        html.figure(
            figures,
            "parity",
            "Predicted against DFT: energies per atom and force components, for the three sets.",
        ),
        html.figure(
            figures,
            "calibration",
            "Error against spread of the committee: on the diagonal, the spread is the error.",
        ),
    )


def _model_used(training: dict[str, Any]) -> str:
    n_members = training.get("n_members", 1)
    if n_members > 1:
        return f"mean of a committee of {n_members}, each the best on the validation set"
    return f"iteration {training['best_iteration']}, the best on the validation set"


def trust_section(summary: dict[str, Any], figures: Path) -> html.Section:
    """How often the dynamics left the range of the training set, per temperature."""
    rows = []
    known = [
        (name, column)
        for name, column in ASSESSED.items()
        if any(run.get(name) is not None for run in summary["md"])
    ]
    for run in summary["md"]:
        rate = run["extrapolation_rate"]
        rows.append(
            (
                significant(run["temperature_K"]),
                str(run["seed"]),
                percent(rate),
                percent(run["extrapolation_step_rate"]),
                significant(run["extrapolation_worst"], 2),
                *(significant(run.get(name), 2) for name, _ in known),
                support_badge(rate if run["status"] == "finished" else None),
            )
        )
    columns = [
        Column("T", "K"),
        Column("seed"),
        Column("environments outside", "of all atoms and steps"),
        Column("steps with one outside"),
        Column("worst excess", "range widths"),
        *(column for _, column in known),
        Column("training set", kind="text"),
    ]
    return html.section(
        "trust",
        "How well the training set supports each temperature",
        html.paragraph(
            "A network interpolates. The table counts how often an atom was in an environment "
            "outside the range that the training images span, feature by feature. Inside the range "
            "is necessary, not sufficient; outside it, forces are extrapolated."
        ),
        html.table(columns, rows),
        html.figure(figures, "extrapolation", "Environments outside the training range."),
        nav="Trust",
    )


def support_badge(rate: float | None) -> str:
    """Verdict on a fraction of environments outside the training range."""
    if rate is None:
        return html.badge("bad", "run had to stop")
    if rate >= EXTRAPOLATION_WARNING:
        return html.badge("bad", "does not cover it")
    if rate >= EXTRAPOLATION_NOTICE:
        return html.badge("warn", "covers most of it")
    return html.badge("good", "covers it")
