"""Figures on disk: every one as PNG (for slides) and SVG (for the report and for papers)."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from lionn_rs.files import write_bytes

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.figure import Figure

__all__ = ["save_figure"]

PNG_DPI = 160


def save_figure(figure: Figure, folder: Path, name: str) -> None:
    """Write ``NAME.png`` and ``NAME.svg`` into ``folder``.

    The SVG carries no date and fixed identifiers, so that the same result gives the same file.
    """
    import matplotlib as mpl

    from lionn_rs.plots.style import style

    folder.mkdir(parents=True, exist_ok=True)
    with style(), mpl.rc_context({"svg.hashsalt": name, "svg.fonttype": "path"}):
        for kind, metadata in (("png", {"Software": None}), ("svg", {"Date": None})):
            buffer = io.BytesIO()
            figure.savefig(buffer, format=kind, dpi=PNG_DPI, bbox_inches="tight", metadata=metadata)
            write_bytes(folder / f"{name}.{kind}", buffer.getvalue())
