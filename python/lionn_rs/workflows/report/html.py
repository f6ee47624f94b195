"""Small HTML pieces of the report: everything that comes from data is escaped here."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

__all__ = [
    "Column",
    "Section",
    "badge",
    "callout",
    "definitions",
    "details",
    "figure",
    "figures",
    "page",
    "paragraph",
    "section",
    "table",
    "tiles",
]

Section = tuple[str, str, str]
"""Identifier, name in the navigation, HTML."""

SVG_WIDTH = re.compile(r'<svg[^>]* width="([0-9.]+)pt"')
PX_PER_PT = 1.95
"""Scale of figures: text of 8 pt becomes as large as that of the page."""

SVG_LIMIT_BYTES = 400_000
"""Larger SVG files (dense scatter plots) are embedded as PNG instead."""


@dataclass(frozen=True)
class Column:
    """Head of a table column: title, unit below it, and how cells are set."""

    title: str
    unit: str = ""
    kind: str = ""
    """Empty for numbers, ``text`` for left-aligned text, ``wide`` for small long text."""


def page(title: str, subtitle: str, sections: Sequence[Section], footer: str) -> str:
    """Return a complete page.

    Parameters
    ----------
    title, subtitle : str
        Plain text.
    sections : sequence of Section
        As :func:`section` makes them.
    footer : str
        Plain text.
    """
    style = files(__package__).joinpath("report.css").read_text(encoding="utf-8")
    links = "".join(f'<a href="#{key}">{escape(name)}</a>' for key, name, _ in sections)
    body = "\n".join(html for _, _, html in sections)
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<style>
{style}</style>
</head>
<body>
<header class="page"><div>
<h1>{escape(title)}</h1>
<p>{escape(subtitle)}</p>
<nav>{links}</nav>
</div></header>
<main>
{body}
</main>
<footer>{escape(footer)}</footer>
</body>
</html>
"""


def section(key: str, title: str, *content: str, style: str = "", nav: str = "") -> Section:
    """One card of the page as ``(id, name in the navigation, html)``."""
    inner = "\n".join(part for part in content if part)
    html = f'<section id="{key}" class="{style}">\n<h2>{escape(title)}</h2>\n{inner}\n</section>'
    return key, nav or title, html


def paragraph(text: str, style: str = "") -> str:
    """Return a paragraph of plain text."""
    return f'<p class="{style}">{escape(text)}</p>' if style else f"<p>{escape(text)}</p>"


def table(columns: Sequence[Column], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; cells are HTML (escape plain text, or pass :func:`badge`)."""
    heads = "".join(
        f'<th class="{column.kind and "text"}">{escape(column.title)}'
        f'<span class="unit">{escape(column.unit)}</span></th>'
        for column in columns
    )
    body = "\n".join(
        "<tr>"
        + "".join(
            f'<td class="{column.kind}">{cell}</td>'
            for column, cell in zip(columns, row, strict=True)
        )
        + "</tr>"
        for row in rows
    )
    return (
        f'<div class="table-wrap"><table><thead><tr>{heads}</tr></thead>'
        f"<tbody>\n{body}\n</tbody></table></div>"
    )


def tiles(entries: Iterable[tuple[str, str, str]]) -> str:
    """Return a row of numbers: ``(label, value, note)`` in plain text."""
    cells = "".join(
        f'<div class="tile"><div class="label">{escape(label)}</div>'
        f'<div class="value">{escape(value)}</div><div class="note">{escape(note)}</div></div>'
        for label, value, note in entries
    )
    return f'<div class="tiles">{cells}</div>'


def callout(kind: str, lines: Sequence[str]) -> str:
    """Return a colored box (``good``, ``note``, ``warn``, ``bad``) with lines of text."""
    if not lines:
        return ""
    if len(lines) == 1:
        inner = escape(lines[0])
    else:
        inner = "<ul>" + "".join(f"<li>{escape(line)}</li>" for line in lines) + "</ul>"
    return f'<div class="callout {kind}">{inner}</div>'


def badge(kind: str, text: str) -> str:
    """Return a colored word (``good``, ``warn``, ``bad``)."""
    return f'<span class="badge {kind}">{escape(text)}</span>'


def definitions(entries: Iterable[tuple[str, str]]) -> str:
    """Names and values in two columns, plain text."""
    cells = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in entries)
    return f"<dl>{cells}</dl>"


def details(summary: str, text: str) -> str:
    """Preformatted text that is folded away."""
    return f"<details><summary>{escape(summary)}</summary><pre>{escape(text)}</pre></details>"


def figures(*entries: str) -> str:
    """Figures side by side where the page is wide enough; empty ones are left out."""
    return f'<div class="figures">{"".join(entries)}</div>' if any(entries) else ""


def figure(folder: Path, name: str, caption: str) -> str:
    """Return the figure ``name`` of ``folder``, embedded; empty when it was not drawn.

    SVG as a base64 image rather than inline: identifiers of several inline figures would clash.
    All figures are shown at the same scale, so that their text has the same size.
    """
    vector, raster = folder / f"{name}.svg", folder / f"{name}.png"
    if vector.is_file() and vector.stat().st_size <= SVG_LIMIT_BYTES:
        source, kind = vector, "image/svg+xml"
    elif raster.is_file():
        source, kind = raster, "image/png"
    else:
        return ""
    data = base64.b64encode(source.read_bytes()).decode("ascii")
    width = _width_px(vector)
    style = f' style="max-width:{width}px"' if width else ""
    return (
        f'<figure{style}><img alt="{escape(caption)}" src="data:{kind};base64,{data}">'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )


def _width_px(svg: Path) -> int | None:
    """Width at which a figure is shown, from the size that its SVG states in points."""
    if not svg.is_file():
        return None
    with svg.open(encoding="utf-8") as stream:
        found = SVG_WIDTH.search(stream.read(2000))
    return round(PX_PER_PT * float(found[1])) if found else None
