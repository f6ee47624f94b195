"""Reports of a diagnosis, from ``diagnosis.json``: the same content as HTML and Markdown."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any, Final

from lionn_rs.files import write_text
from lionn_rs.numbers import percent, significant
from lionn_rs.workflows.report import html
from lionn_rs.workflows.report.html import Column

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["summary_lines", "write_reports"]

MEV: Final = 1e3
MOST_ROWS: Final = 40
"""Rows of a table in the report; the files hold all."""
MOST_LABELS: Final = 10
N_ORDER_TESTS: Final = 4
"""Tests for order of one set."""

FLAG_TEXTS: Final = {
    "constant": "the same for all atoms: they tell the network nothing",
    "narrow": "vary less than the range to which training widens them: they have little say",
    "switch": "take two values, nearly: one feature does the work of one bit",
    "redundant": "follow from the others (correlation above 0.99 or R² above 0.999)",
}

IDLE: Final = {"constant", "redundant"}
"""Features with one of these flags can go."""


@dataclass(frozen=True)
class Text:
    """A paragraph."""

    text: str


@dataclass(frozen=True)
class Callout:
    """Lines in a box: ``good``, ``note`` or ``warn``."""

    kind: str
    lines: Sequence[str]


@dataclass(frozen=True)
class Table:
    """Plain text in columns."""

    columns: Sequence[Column]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Figure:
    """A figure of the folder ``figures``."""

    name: str
    caption: str


Block = Text | Callout | Table | Figure


def write_reports(folder: Path) -> None:
    """Write ``report.html`` and ``report.md`` of a folder of ``lionn diagnose``.

    Parameters
    ----------
    folder : Path
        Holds ``diagnosis.json`` and the figures.
    """
    record: dict[str, Any] = json.loads((folder / "diagnosis.json").read_text(encoding="utf-8"))
    sections = [
        ("summary", "Summary", _summary(record)),
        ("learning", "Learning", _learning(record)),
        ("energies", "Energy residuals", _energies(record)),
        ("forces", "Force residuals", _forces(record)),
        ("features", "Features", _features(record)),
        ("sensitivity", "Sensitivity", _sensitivity(record)),
    ]
    sections = [(key, title, blocks) for key, title, blocks in sections if blocks]
    title = f"Diagnosis of {record['source']}"
    footer = (
        f"lionn_rs {record['lionn_rs']} · potential {record['potential']['hash'][:12]} · "
        f"seed {record['seed']} · every number of this page is in diagnosis.json"
    )
    page = html.page(
        title,
        f"{record['potential']['text']} · "
        + ", ".join(f"{entry['n_images']} {name}" for name, entry in record["sets"].items()),
        [
            html.section(key, name, *(_html(block, folder / "figures") for block in blocks))
            for key, name, blocks in sections
        ],
        footer,
    )
    write_text(folder / "report.html", page)
    lines = [f"# {title}", "", record["potential"]["text"], ""]
    for _, name, blocks in sections:
        lines += [f"## {name}", ""]
        for block in blocks:
            lines += [_markdown(block, folder), ""]
    write_text(folder / "report.md", "\n".join([*lines, footer]) + "\n")


def _html(block: Block, figures: Path) -> str:
    match block:
        case Text(text):
            return html.paragraph(text)
        case Callout(kind, lines):
            return html.callout(kind, lines)
        case Table(columns, rows):
            return html.table(columns, [[escape(cell) for cell in row] for row in rows])
        case Figure(name, caption):
            return html.figure(figures, name, caption)


def _markdown(block: Block, folder: Path) -> str:
    match block:
        case Text(text):
            return text
        case Callout(_, lines):
            return "\n".join(f"> - {line}" for line in lines)
        case Table(columns, rows):
            heads = [f"{c.title} / {c.unit}" if c.unit else c.title for c in columns]
            content = [heads, ["---"] * len(heads), *rows]
            return "\n".join(
                f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |"
                for row in content
            )
        case Figure(name, caption):
            exists = (folder / "figures" / f"{name}.png").is_file()
            return f"![{caption}](figures/{name}.png)" if exists else ""


def summary_lines(record: dict[str, Any]) -> list[str]:
    """Return what the diagnosis found, in a few sentences.

    Parameters
    ----------
    record : dict
        Content of ``diagnosis.json``.
    """
    lines = []
    if record["learning"]:
        lines.append(record["learning"]["verdict"])
    patterns = {name: entry["pattern_texts"] for name, entry in record["sets"].items()}
    n_images = len(record["pattern_images"])
    if n_images:
        where = ", ".join(f"{name} ({len(texts)})" for name, texts in patterns.items() if texts)
        images = "1 image" if n_images == 1 else f"{n_images} images"
        lines.append(
            f"Patterns in the energy residuals: {where}; {images} in pattern_images.extxyz."
        )
    else:
        lines.append(
            "No pattern was found in the energy residuals, so no pattern_images.extxyz was "
            "written. That is no proof that there is none, least of all in small sets."
        )
    flags = record["features"]
    idle = sum(bool(IDLE & set(row["flags"])) for row in flags)
    lines.append(
        f"{idle} of {len(flags)} features, all elements together, are constant or redundant over "
        "the images."
    )
    return lines


def _summary(record: dict[str, Any]) -> list[Block]:
    return [Callout("warn" if record["pattern_images"] else "note", summary_lines(record))]


def _learning(record: dict[str, Any]) -> list[Block]:
    if not record["learning"]:
        return []
    return [
        Text(record["learning"]["verdict"]),
        Figure(
            "learning_curves",
            "Learning curves, logarithmic axes. Dashed line and dot: the iteration chosen.",
        ),
    ]


def _energies(record: dict[str, Any]) -> list[Block]:
    blocks: list[Block] = [
        Figure(
            "energy_residuals",
            "Energy residuals, network minus reference. Rings: images that form a pattern.",
        )
    ]
    rows = [
        (name, row["name"], str(row["n_images"]), *_mev(row, "bias", "rmse", "mae", "largest"))
        for name, entry in record["sets"].items()
        for row in entry["energy"]
    ]
    numbers = [Column(title, "meV/atom") for title in ("mean", "RMSE", "MAE", "largest")]
    blocks.append(Table([*_text_columns("set", "source group"), Column("images"), *numbers], rows))
    return blocks + _structure(record) + _patterns(record)


def _structure(record: dict[str, Any]) -> list[Block]:
    tested = {name: entry for name, entry in record["sets"].items() if entry["tested"]}
    untested = [name for name in record["sets"] if name not in tested]
    blocks: list[Block] = []
    if untested:
        blocks.append(
            Text(f"Not tested for structure, fewer than 20 images: {', '.join(untested)}.")
        )
    if not tested:
        return blocks
    rows: list[tuple[str, ...]] = []
    limit = record["alpha"] / (N_ORDER_TESTS * len(tested))
    for name, entry in tested.items():
        for title, result, p_value, note in _order_tests(entry["structure"]):
            verdict = "no structure seen"
            if p_value < limit:
                verdict = f"structure{note}"
            rows.append((name, title, result, significant(p_value, 2), verdict))
    columns = [*_text_columns("set", "test", "result"), Column("p-value"),
               Column("verdict", kind="text")]  # fmt: skip
    blocks += [
        Text(
            "Runs: signs of the residuals about their median (Wald and Wolfowitz 1940, exact). Few "
            "runs mean that neighbors err alike. Trend: rank correlation with the reference energy "
            "(Spearman). All p-values but the one that allows for correlation suppose that images "
            "are independent; images taken from a trajectory at short intervals are not, and then "
            "few runs in time say so and nothing about the network."
        ),
        Table(columns, rows),
        Text(
            f"With {len(rows)} tests in this table, a p-value below 0.05 somewhere is no surprise: "
            f"the verdict asks for {significant(limit, 2)}, which keeps the chance of any false "
            f"alarm in the table at {percent(record['alpha'])} (Bonferroni)."
        ),
    ]
    return blocks


def _order_tests(structure: dict[str, Any]) -> list[tuple[str, str, float, str]]:
    """Name, result, p-value and remark of the tests for order."""
    tests = []
    correlated = structure["runs_energy_correlated"]
    explained = ", as far as correlation in time does not explain it" if correlated > 0.05 else ""
    for key, title, note in (
        ("runs_energy", "runs in the order of energy", explained),
        ("runs_time", "runs in the order of the images", ""),
    ):
        runs = structure[key]
        text = f"{runs['n_runs']} runs, {runs['expected_runs']:.1f} expected"
        if key == "runs_time":
            alike = runs["n_runs"] < runs["expected_runs"]
            note = f": neighbors in time err {'alike' if alike else 'in opposite directions'}"
        else:
            text += f"; p = {significant(correlated, 2)} allowing for correlation in time"
        tests.append((title, text, float(runs["p_value"]), note))
    for key, title, note in (
        ("trend", "trend of the residuals", ": the bias follows the energy"),
        ("spread_trend", "trend of their size", ": the error follows the energy"),
    ):
        trend = structure[key]
        text = f"rank correlation {trend['correlation']:.2f}"
        tests.append((title, text, float(trend["p_value"]), note))
    return tests


def _patterns(record: dict[str, Any]) -> list[Block]:
    images = record["pattern_images"]
    share = percent(record["alpha"])
    caution = (
        f"Bands, spreads and outliers are looked for such that the chance of any false one in this "
        f"report is {share} if residuals are without order (outliers: normal); each of the five "
        "searches in each set has its part of that. Correlated images raise the chance."
    )
    if not images:
        return [Text(f"No pattern was found. {caution}")]
    texts = [
        f"({name}): {text}"
        for name, entry in record["sets"].items()
        for text in entry["pattern_texts"]
    ]
    found = [f"Pattern {number} {text}" for number, text in enumerate(texts, start=1)]
    rows = [
        (
            row["set"],
            str(row["index"]),
            row["group"],
            f"{row['reference_energy_per_atom']:.4f}",
            f"{MEV * row['energy_residual_per_atom']:+.1f}",
            significant(row["force_rmse"]),
            row["pattern_numbers"],
        )
        for row in images[:MOST_ROWS]
    ]
    columns = [Column("set", kind="text"), Column("image"), Column("source group", kind="text"),
               Column("reference", "eV/atom"), Column("residual", "meV/atom"),
               Column("force RMSE", "eV/Å"), Column("pattern", kind="text")]  # fmt: skip
    blocks: list[Block] = [Callout("warn", found), Text(caution), Table(columns, rows)]
    if len(images) > len(rows):
        blocks.append(Text(f"{len(images) - len(rows)} more are in residuals.csv."))
    blocks.append(
        Text(
            "The images are in pattern_images.extxyz with their labels: look at them, and label "
            "more structures like them. The number of an image counts from 0 over all images."
        )
    )
    return blocks


def _forces(record: dict[str, Any]) -> list[Block]:
    if not any(entry["forces"] for entry in record["sets"].values()):
        return []
    blocks: list[Block] = [
        Figure(
            "force_residuals",
            "Force RMSE by element, by source group, and by size of the reference force.",
        )
    ]
    for by, title in (("element", "element"), ("group", "source group"), ("size", "|F_ref|, eV/Å")):
        rows = [
            (
                name,
                row["name"],
                str(row["n_atoms"]),
                *_mev(row, "rmse", "mae", "largest"),
                percent(row["rmse"] / row["reference_rms"] if row["reference_rms"] else None),
                significant(row["slope"]),
            )
            for name, entry in record["sets"].items()
            for row in (entry["forces"] or {}).get(by, [])
        ]
        columns = [*_text_columns("set", title), Column("atoms")]
        columns += [Column(head, "meV/Å") for head in ("RMSE", "MAE", "largest")]
        columns += [Column("RMSE", "of reference"), Column("slope")]
        blocks.append(Table(columns, rows))
    blocks.append(
        Text(
            "RMSE of reference: over the root mean square of the reference forces. Slope: below 1 "
            "the network makes forces too small."
        )
    )
    return blocks


def _features(record: dict[str, Any]) -> list[Block]:
    features = record["features"]
    elements = list(dict.fromkeys(row["element"] for row in features))

    rows = []
    for element in elements:
        flags = [set(row["flags"]) for row in features if row["element"] == element]
        counts = [len(flags), *(sum(flag in found for found in flags) for flag in FLAG_TEXTS)]
        left = sum(not IDLE & found for found in flags)
        rows.append((element, *(str(n) for n in (*counts, left))))
    columns = [Column("element", kind="text"), Column("features")]
    columns += [Column(flag) for flag in FLAG_TEXTS] + [Column("left")]
    blocks: list[Block] = [
        Text(
            f"Over {record['feature_images']} images. Left: neither constant nor redundant. A flag "
            "is no error; but a descriptor with fewer idle features is faster, and other ones in "
            "their place could see more (lionn_rs.prune chooses from a pool)."
        ),
        Table(columns, rows),
        Figure(
            "fingerprints",
            "Distribution of every feature over its own range, one column each; marks are flags.",
        ),
    ]
    for flag, text in FLAG_TEXTS.items():
        names = [f"{row['element']}: {row['label']}" for row in features if flag in row["flags"]]
        if names:
            more = len(names) - MOST_LABELS
            end = f" and {more} more, see features.csv." if more > 0 else "."
            blocks.append(
                Text(f"{flag.capitalize()}, {text}: {'; '.join(names[:MOST_LABELS])}{end}")
            )
    return blocks


def _sensitivity(record: dict[str, Any]) -> list[Block]:
    return [
        Text(
            "Influence on the energy: mean of |dE/ds| times the standard deviation of the scaled "
            "feature s, over the atoms of one element. On the forces: root mean square change of "
            "the components when the feature is frozen at its mean. Features that resemble each "
            "other share their influence."
        ),
        Figure("sensitivity", "Influence of every feature; the strongest of each element by name."),
    ]


def _mev(row: dict[str, Any], *keys: str) -> list[str]:
    return [significant(MEV * row[key]) for key in keys]


def _text_columns(*titles: str) -> list[Column]:
    return [Column(title, kind="text") for title in titles]
