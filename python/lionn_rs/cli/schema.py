"""``lionn schema``: JSON Schemas of the result files."""

from __future__ import annotations

from typing import Annotated

import typer

from lionn_rs.cli.common import say


def command(
    name: Annotated[
        str | None,
        typer.Argument(
            help="diffusion, arrhenius, compare, rdf, density, jumps, vacf or vanhove: the command "
            "that writes the file.",
            show_default="list them",
        ),
    ] = None,
) -> None:
    """Print the JSON Schema (draft 2020-12) of a result file: its fields, their units and meaning.

    Without a name, all names and files are listed.
    """
    import json

    from lionn_rs.analysis.schema import RESULTS, result_schema

    if name is not None:
        say(json.dumps(result_schema(name), indent=1, ensure_ascii=False))
        return
    width = max(len(key) for key in RESULTS)
    for key, (file, _) in RESULTS.items():
        say(f"{key:{width}}  {file}")
