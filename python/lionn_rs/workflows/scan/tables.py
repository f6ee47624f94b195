"""Tables of a scan: for people (Markdown, terminal) and for programs (CSV, JSON)."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lionn_rs.numbers import MISSING, significant
from lionn_rs.progress import format_duration
from lionn_rs.workflows.describe import software
from lionn_rs.workflows.scan.grid import topology_name
from lionn_rs.workflows.scan.results import SETS, Quantity, ScanGroup, ScanMember, ScanResult

if TYPE_CHECKING:
    from lionn_rs.data import Split
    from lionn_rs.workflows.scan.results import Statistic
    from lionn_rs.workflows.scan.worker import MemberOutcome

__all__ = [
    "average_rows",
    "csv_table",
    "failure_lines",
    "markdown",
    "notes",
    "outcome_line",
    "recommendation",
    "to_record",
    "topology_text",
    "unfinished",
]

MEV = 1e3
ENERGY: Quantity = "energy_rmse_per_atom"
FORCE: Quantity = "force_rmse"
AVERAGE_HEADER = (
    "descriptor",
    "features",
    "topology",
    "parameters",
    "seeds",
    *(f"energy RMSE {name}, meV/atom" for name in SETS),
    *(f"force RMSE {name}, eV/Å" for name in SETS),
    "energy + forces, µs per atom",
)
MEMBER_HEADER = (
    "member",
    *AVERAGE_HEADER[5:],
    "training, s",
    "threads",
    "best iteration",
    "stopped",
)


def csv_table(result: ScanResult) -> str:
    """One line per member, every number in full; units are in the names of the columns."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    errors = [
        f"{name}_{quantity}_{unit}"
        for name in SETS
        for quantity, unit in (("energy_rmse", "eV_per_atom"), ("force_rmse", "eV_per_A"))
    ]
    plain = ("n_parameters", "us_per_atom", "seconds", "n_threads", "best_iteration", "iterations")
    names = ["name", "descriptor", "n_features", "hidden_layers", "seed", *errors]
    writer.writerow([*names, "validation_loss", *plain, "stop_reason", "error"])
    for member in result.members:
        head = [member.name, member.descriptor, member.n_features]
        head += [topology_name(member.hidden_layers), member.seed]
        if member.error:
            writer.writerow([*head, *[""] * (len(errors) + len(plain) + 2), member.error])
            continue
        values = [member.error_of(name, kind) for name in SETS for kind in (ENERGY, FORCE)]
        values += [member.validation_loss, *(getattr(member, name) for name in plain)]
        writer.writerow([*head, *values, member.stop_reason, ""])
    return stream.getvalue()


def average_rows(result: ScanResult) -> list[list[str]]:
    """Averages over the seeds as text, in the columns of :data:`AVERAGE_HEADER`."""
    return [
        [
            group.descriptor,
            str(group.n_features),
            topology_text(group.hidden_layers),
            str(group.n_parameters),
            str(len(group.members)),
            *(_text(group.error_of(name, ENERGY), MEV) for name in SETS),
            *(_text(group.error_of(name, FORCE)) for name in SETS),
            significant(group.us_per_atom),
        ]
        for group in result.groups
    ]


def markdown(result: ScanResult, remarks: Sequence[str]) -> str:
    """Text of ``table.md``: remarks, recommendation, averages, members, failures."""
    lines = ["# Scan", "", *(f"{text}\n" for text in remarks)]
    if result.groups:
        lines += [f"{line}\n" for line in recommendation(result)]
        rows = [_member_row(member) for member in result.finished]
        lines += ["## Averages over the seeds", ""]
        lines += _markdown_table(AVERAGE_HEADER, average_rows(result))
        lines += ["", "## Members", "", *_markdown_table(MEMBER_HEADER, rows)]
    if result.failed:
        rows = [[member.name, member.error.replace("|", "\\|")] for member in result.failed]
        lines += ["", "## Failed", "", *_markdown_table(("member", "error"), rows)]
    return "\n".join(lines) + "\n"


def notes(result: ScanResult, parts: Split) -> list[str]:
    """How the numbers were taken, and what keeps them from being final."""
    sizes = ", ".join(
        f"{len(part)} {name}"
        for name, part in zip(("training", "validation", "test"), parts, strict=True)
    )
    lines = [
        f"Images: {sizes}; one split for all members. Errors are those of the iteration with the "
        "lowest validation loss; the test set is reported and used for nothing else. ± is the "
        "standard deviation over the seeds of the initial weights.",
        "Energy and forces: processor time on one core of this machine, one member after the other "
        f"({software()['cpu']}), neighbor list included.",
    ]
    return lines + unfinished(result)


def unfinished(result: ScanResult) -> list[str]:
    """Say how many members were still getting better when a limit ended them."""
    cut = [m for m in result.finished if "limit" in m.stop_reason]
    better = [m for m in cut if m.best_iteration == m.iterations]
    if not better:
        return []
    return [
        f"{len(better)} of {len(result.finished)} members were at their best when a limit of "
        "iterations or time ended them: with more, the errors would be lower and the order may "
        "change."
    ]


def recommendation(result: ScanResult) -> list[str]:
    """Say which potential to use, and that the test set had no part in the choice."""
    best, group = result.best, result.best_group
    line = (
        f"Lowest validation loss: {best.descriptor}, {topology_text(best.hidden_layers)}, seed "
        f"{best.seed}: validation {_errors(best, 'validation')}"
    )
    if best.metrics and "test" in best.metrics:
        line += f"; test {_errors(best, 'test')} (had no part in the choice)"
    lines = [f"{line}. Potential: {best.folder.parent.name}/{best.folder.name}/best.json"]
    if len(result.finished) > len(result.groups):
        lines.append(
            "Lowest on average over the seeds: "
            f"{group.descriptor}, {topology_text(group.hidden_layers)}: validation "
            f"{_group_errors(group)}."
        )
    return lines


def failure_lines(result: ScanResult) -> list[str]:
    """One line per failed member."""
    return [f"{member.name} failed: {member.error}" for member in result.failed]


def to_record(result: ScanResult, **about: Any) -> dict[str, Any]:
    """Content of ``results.json``."""
    record: dict[str, Any] = {"format": "lionn_rs scan", "version": 1, **about}
    if result.groups:
        group = result.best_group
        record["best_by_validation"] = {
            "member": result.best.name,
            "group": {"descriptor": group.descriptor, "hidden_layers": group.hidden_layers},
        }
    record["groups"] = [group.to_dict() for group in result.groups]
    record["members"] = [member.to_dict() for member in result.members]
    return record


def topology_text(hidden_layers: Sequence[int]) -> str:
    """``(5, 5)``, as a person writes it."""
    return f"({', '.join(str(n) for n in hidden_layers)})"


def outcome_line(name: str, outcome: MemberOutcome) -> str:
    """One line on a member that has ended."""
    if outcome.result is None:
        return f"{name} failed: {outcome.error}" if outcome.error else f"{name} stopped"
    found = outcome.result["metrics"]["validation"]
    force = "" if found["force_rmse"] is None else f", {found['force_rmse']:.4f} eV/Å"
    return (
        f"{name}: validation {1e3 * found['energy_rmse_per_atom']:.2f} meV/atom{force}; "
        f"{outcome.result['stop_reason']}, {format_duration(outcome.result['seconds'])}"
    )


def _member_row(member: ScanMember) -> list[str]:
    return [
        member.name,
        *(_scaled(member.error_of(name, ENERGY), MEV) for name in SETS),
        *(_scaled(member.error_of(name, FORCE)) for name in SETS),
        significant(member.us_per_atom),
        f"{member.seconds:.1f}",
        str(member.n_threads),
        f"{member.best_iteration} of {member.iterations}",
        member.stop_reason,
    ]


def _markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    lines = [f"| {' | '.join(header)} |", "|" + "---|" * len(header)]
    return lines + [f"| {' | '.join(row)} |" for row in rows]


def _text(statistic: Statistic | None, factor: float = 1.0) -> str:
    """Mean ± spread; the digits of the mean go one beyond those of the spread's first."""
    if statistic is None:
        return MISSING
    text = significant(factor * statistic.mean)
    if statistic.spread is None:
        return text
    decimals = len(text.partition(".")[2])
    return f"{text} ± {factor * statistic.spread:.{decimals}f}"


def _scaled(value: float | None, factor: float = 1.0) -> str:
    return significant(None if value is None else factor * value)


def _errors(member: ScanMember, name: str) -> str:
    force = member.error_of(name, FORCE)
    text = f"{_scaled(member.error_of(name, ENERGY), MEV)} meV/atom"
    return text if force is None else f"{text}, {significant(force)} eV/Å"


def _group_errors(group: ScanGroup) -> str:
    force = group.error_of("validation", FORCE)
    text = f"{_text(group.error_of('validation', ENERGY), MEV)} meV/atom"
    return text if force is None else f"{text}, {_text(force)} eV/Å"
