"""A campaign as text: tables for people, CSV and JSON for programs."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any

from lionn_rs.numbers import MISSING, interval, power, power_interval, significant
from lionn_rs.workflows.campaign.comparison import (
    GroupComparison,
    comparison_text,
    composition_rows,
    flat_rows,
    pair_rows,
)
from lionn_rs.workflows.campaign.results import (
    CampaignGroup,
    CampaignResult,
    CampaignRun,
    Conductivity,
)
from lionn_rs.workflows.campaign.status import status_line
from lionn_rs.workflows.campaign.worker import TASKS_FOLDER
from lionn_rs.workflows.describe import software

__all__ = [
    "compositions_csv",
    "failure_lines",
    "group_rows",
    "groups_csv",
    "markdown",
    "runs_csv",
    "to_record",
]

GROUP_HEADER = ("structure", "size", "atoms", "finished", "E_a / eV")
RUN_HEADER = ("run", "state", "ps", "D / cm²/s", "95 %", "σ / mS/cm", "95 %", "note")


def group_rows(result: CampaignResult) -> tuple[list[str], list[list[str]]]:
    """Header and one row of text for each potential, composition and size."""
    target = f"{result.extrapolate_to_K:g} K"
    lowest = min((c.temperature_K for g in result.groups for c in g.conductivities), default=None)
    header = [*GROUP_HEADER, "95 %", f"σ({target}) / mS/cm", "95 %"]
    if lowest is not None:
        header += [f"σ({lowest:g} K) / mS/cm", "95 %"]
    several = len({group.potential for group in result.groups}) > 1
    rows = []
    for group in result.groups:
        n_finished = sum(run.state == "finished" for run in group.runs)
        name = f"{group.potential}: {group.structure}" if several else group.structure
        row = [name, group.size, str(group.n_atoms)]
        row.append(f"{n_finished}/{len(group.runs)}")
        row += [MISSING, MISSING]
        if group.fit is not None:
            row[-2:] = [
                significant(group.fit.activation_energy_eV),
                interval(*group.fit.activation_energy_interval_eV),
            ]
        row += _conductivity(group.extrapolated)
        if lowest is not None:
            found = (c for c in group.conductivities if c.temperature_K == lowest)
            row += _conductivity(next(found, None))
        rows.append(row)
    return header, rows


def _conductivity(value: Conductivity | None) -> list[str]:
    if value is None:
        return [MISSING, MISSING]
    return [significant(value.value_mS_cm, 2), interval(*value.interval_mS_cm)]


def run_row(run: CampaignRun) -> list[str]:
    """One run as text, see :data:`RUN_HEADER`."""
    row = [run.task.name, run.state, f"{run.progress.done_ps:.4g}"]
    found = run.diffusion
    if found is None:
        return [*row, *[MISSING] * 4, run.reason]
    note = "preliminary" if run.state != "finished" else ""
    if found.interval_cm2_s is None or found.conductivity_interval_mS_cm is None:
        row += [f"< {power(found.upper_bound_cm2_s, 2)}", MISSING]
        row += [f"< {significant(found.conductivity_upper_bound_mS_cm, 2)}", MISSING]
        return [*row, "; ".join(text for text in (note, "not diffusive") if text)]
    row += [power(found.diffusivity_cm2_s, 2), power_interval(*found.interval_cm2_s)]
    row += [
        significant(found.conductivity_mS_cm, 2),
        interval(*found.conductivity_interval_mS_cm),
    ]
    return [*row, note]


def failure_lines(result: CampaignResult) -> list[str]:
    """Say which runs have no end, or a bad one, and why."""
    lines = [f"{run.task.name} failed: {run.reason}" for run in result.failed]
    return lines + [f"{name}: {text}" for name, text in result.errors.items()]


def markdown(result: CampaignResult) -> str:
    """Everything as a page."""
    lines = [f"# Campaign {result.name}", "", f"{status_line(result.states)}.", ""]
    lines += _table(*group_rows(result))
    lines += [
        "",
        "Arrangements and seeds are replicas; the spread between them is part of the intervals. "
        "σ at a temperature of the runs is combined from them, elsewhere it follows from the "
        "Arrhenius line. Only finished runs enter.",
    ]
    for group in result.groups:
        notes = [group.reason] if group.reason else list(group.fit.warnings if group.fit else ())
        lines += [f"- {result.label(group)}: {text}" for text in notes]
    for entry in result.comparisons:
        lines += _comparison(entry, result)
    lines += ["", "## Runs", "", *_table(RUN_HEADER, [run_row(run) for run in result.runs])]
    failures = failure_lines(result)
    if failures:
        lines += ["", "## Failures", "", *(f"- {line}" for line in failures)]
    return "\n".join(lines) + "\n"


def _comparison(entry: GroupComparison, result: CampaignResult) -> list[str]:
    """Which composition conducts best."""
    where = " · ".join(result.distinguish(potential=entry.potential, size=entry.size))
    lines = ["", f"## Which composition conducts best{f' ({where})' if where else ''}", ""]
    if entry.result is None:
        return [*lines, f"Not compared: {entry.reason}"]
    lines += _table(*composition_rows(entry.result, label=result.concentration_label))
    lines += ["", *_table(*pair_rows(entry.result)), ""]
    lines += [f"- {text}" for text in comparison_text(entry.result)]
    return [
        *lines,
        "",
        f"Means of the Arrhenius lines of {entry.result.units}, which are the replicas; intervals "
        'hold for another choice of them. "best": chance of the highest conductivity. p and '
        "intervals of pairs: of all pairs together (Tukey-Kramer).",
    ]


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    return [
        f"| {' | '.join(header)} |",
        f"|{'---|' * len(header)}",
        *(f"| {' | '.join(cell.replace('|', '/') for cell in row)} |" for row in rows),
    ]


def runs_csv(result: CampaignResult) -> str:
    """One line for each run, full numbers."""
    rows = []
    for run in result.runs:
        found = run.diffusion
        row: dict[str, Any] = {
            **{k: v for k, v in run.task.to_dict().items() if k not in ("supercell",)},
            "supercell": run.task.size,
            "state": run.state,
            "done_ps": run.progress.done_ps,
            "diffusive": None if found is None else found.diffusive,
            "diffusivity_cm2_s": None if found is None else found.diffusivity_cm2_s,
            **_ends("diffusivity", "cm2_s", None if found is None else found.interval_cm2_s),
            "upper_bound_cm2_s": None if found is None else found.upper_bound_cm2_s,
            "ln_sd": None if found is None else found.ln_sd,
            "conductivity_mS_cm": None if found is None else found.conductivity_mS_cm,
            **_ends(
                "conductivity",
                "mS_cm",
                None if found is None else found.conductivity_interval_mS_cm,
            ),
            "reason": run.reason or ("" if found is None else found.refusal),
        }
        rows.append(row)
    return _csv(rows)


def groups_csv(result: CampaignResult) -> str:
    """One line for each potential, composition, size and temperature, full numbers.

    The last of each is that of the Arrhenius line, with 0 runs.
    """
    rows = []
    for group in result.groups:
        values = [*group.conductivities, *([group.extrapolated] if group.extrapolated else [])]
        rows += [_group_line(group, value) for value in values]
    return _csv(rows)


def compositions_csv(result: CampaignResult) -> str:
    """One line for each composition that was compared, full numbers; empty without any."""
    return _csv(list(flat_rows(result.comparisons)))


def _group_line(group: CampaignGroup, value: Conductivity) -> dict[str, Any]:
    fit = group.fit
    energy = None if fit is None else fit.activation_energy_interval_eV
    return {
        "potential": group.potential,
        "structure": group.structure,
        "concentration": group.concentration,
        "supercell": group.size,
        "n_atoms": group.n_atoms,
        "temperature_K": value.temperature_K,
        "n_runs": value.n_runs,
        "conductivity_mS_cm": value.value_mS_cm,
        **_ends("conductivity", "mS_cm", value.interval_mS_cm),
        "activation_energy_eV": None if fit is None else fit.activation_energy_eV,
        **_ends("activation_energy", "eV", energy),
    }


def _ends(name: str, unit: str, pair: tuple[float, float] | None) -> dict[str, float | None]:
    low, high = pair or (None, None)
    return {f"{name}_low_{unit}": low, f"{name}_high_{unit}": high}


def _csv(rows: Sequence[dict[str, Any]]) -> str:
    stream = io.StringIO()
    if rows:
        writer = csv.DictWriter(stream, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return stream.getvalue()


def to_record(result: CampaignResult) -> dict[str, Any]:
    """Everything for ``results.json``; the curves are in the folders of the runs."""
    return {
        "name": result.name,
        "software": software(),
        "status": status_line(result.states),
        "groups": [group.to_dict() for group in result.groups],
        "comparisons": [entry.to_dict() for entry in result.comparisons],
        "runs": [_run_record(run) for run in result.runs],
        "errors": result.errors,
    }


def _run_record(run: CampaignRun) -> dict[str, Any]:
    record: dict[str, Any] = {
        "task": run.task.to_dict(),
        "folder": f"{TASKS_FOLDER}/{run.task.name}",
        "state": run.state,
        "done_ps": run.progress.done_ps,
        "seconds": run.progress.seconds,
        "reason": run.reason,
        "diffusion": None,
    }
    if run.diffusion is not None:
        curves = ("msd", "framework_msd")
        record["diffusion"] = {
            key: value for key, value in run.diffusion.to_dict().items() if key not in curves
        }
    return record
