"""Writes the reference pages that follow from the code: configuration keys and command line.

python docs/generate.py            write
python docs/generate.py --check    exit with 1 if a page is not up to date
"""

from __future__ import annotations

import io
import os
import sys
from contextlib import redirect_stdout, suppress
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

REFERENCE = Path(__file__).parent / "reference"


def configuration_page() -> str:
    """Every section and key of ``lionn_rs.config`` with default and description."""
    from lionn_rs.config import RunConfig, ScanConfig, ScanDescriptor
    from lionn_rs.config_campaign import CampaignConfig, CampaignStructure
    from lionn_rs.config_label import LabelConfig

    lines = [
        "# Configuration keys",
        "",
        "Written by `docs/generate.py` from `lionn_rs.config`; change it there.",
        "",
        "`lionn run` reads all sections but `[scan]`, `lionn train` those from `[data]` to",
        "`[training]`, `lionn scan` these and `[scan]`,",
        "`lionn md` the section `[md]`, `lionn diffusion` and `lionn arrhenius` those two, and",
        "`lionn campaign` these three and `[campaign]`, `lionn label` the section `[label]`.",
        "Unknown keys are refused. File names are relative to the TOML file.",
    ]
    sections = RunConfig.model_fields | ScanConfig.model_fields | CampaignConfig.model_fields
    sections |= LabelConfig.model_fields
    for name, field in sections.items():
        model = field.annotation
        assert isinstance(model, type)
        assert issubclass(model, BaseModel)
        lines += ["", f"## [{name}]", "", f"{field.description}.", ""]
        lines += ["| key | default | meaning |", "|---|---|---|"]
        for key, entry in model.model_fields.items():
            meaning = f"{entry.description}{_choices(entry.annotation)}"
            lines.append(f"| `{key}` | {_default(entry.default)} | {meaning} |")
    name = ScanDescriptor.model_fields["name"]
    lines += ["", "## [[scan.descriptors]]", "", "The keys of `[descriptor]`, and one more:", ""]
    lines += ["| key | default | meaning |", "|---|---|---|"]
    lines.append(f"| `name` | {_default(name.default)} | {name.description} |")
    lines += ["", "## [[campaign.structures]]", "", "Compositions.", ""]
    lines += ["| key | default | meaning |", "|---|---|---|"]
    for key, entry in CampaignStructure.model_fields.items():
        lines.append(f"| `{key}` | {_default(entry.default)} | {entry.description} |")
    return "\n".join(lines) + "\n"


def _default(value: Any) -> str:
    if value is PydanticUndefined:
        return "required"
    if value is None:
        return "none"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, tuple):
        value = list(value)
    return f"`{value!r}`".replace("'", '"')


def _choices(annotation: Any) -> str:
    values = [item for item in get_args(annotation) if isinstance(item, str)]
    return " (" + ", ".join(f'`"{value}"`' for value in values) + ")" if values else ""


def command_line_page() -> str:
    """The ``--help`` of every command, as it is printed."""
    lines = ["# Command line", "", "Written by `docs/generate.py`: what `--help` prints.", ""]
    lines += [
        "Exit codes: 0 success, 1 the work could not be done (data, potential file, simulation),",
        "2 wrong command line or configuration, 130 Ctrl-C. An error is one line on standard",
        "error; `--debug` adds the traceback.",
    ]
    for command in (
        "",
        "train",
        "scan",
        "evaluate",
        "check",
        "diagnose",
        "dope",
        "label",
        "md",
        "diffusion",
        "arrhenius",
        "compare",
        "campaign",
        "campaign run",
        "campaign status",
        "campaign analyze",
        "campaign run-task",
        "anderson-stuart",
        "rdf",
        "density",
        "jumps",
        "vacf",
        "vanhove",
        "run",
        "bench",
        "info",
        "schema",
        "lammps export",
        "lammps check",
    ):
        title = f"lionn {command}".strip()
        lines += ["", f"## {title}", "", "```text", _help(command), "```"]
    return "\n".join(lines) + "\n"


def _help(command: str) -> str:
    from lionn_rs.cli.main import main

    stream = io.StringIO()
    with redirect_stdout(stream), suppress(SystemExit):
        main([*command.split(), "--help"])
    return "\n".join(line.rstrip() for line in stream.getvalue().strip().splitlines())


def results_page() -> str:
    """Fields of the result files, as their JSON Schemas have them."""
    from lionn_rs.analysis.schema import RESULTS, result_schema

    lines = [
        "# Result files",
        "",
        "Written by `docs/generate.py` from the records in `lionn_rs.analysis`; change it there.",
        "",
        "`lionn schema NAME` prints the JSON Schema (draft 2020-12) of a file, as does",
        "`lionn_rs.analysis.result_schema(name)`. A number that is not finite is `null` in an",
        "array; elsewhere `null` says that there is no such number. `DiffusionResult.from_dict`",
        "and the `from_dict` of every other record make objects of the dicts again.",
    ]
    records: dict[str, Any] = {}
    for name, (file, _) in RESULTS.items():
        schema = result_schema(name)
        lines += ["", f"## {file}", "", f"Of `lionn {name}`. {schema.get('description', '')}", ""]
        lines += _fields(schema)
        for record, content in schema["$defs"].items():
            # 'compare' leaves curves out of records that others have whole.
            if len(content["properties"]) > len(records.get(record, {}).get("properties", {})):
                records[record] = content
    lines += ["", "# Records within them"]
    for record, content in sorted(records.items()):
        lines += ["", f"## {record}", "", content["description"], "", *_fields(content)]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _fields(schema: dict[str, Any]) -> list[str]:
    lines = ["| field | type | unit | meaning |", "|---|---|---|---|"]
    for key, entry in schema["properties"].items():
        kind = _type(entry).replace("|", "\\|")
        meaning = entry.get("description", "").replace("|", "\\|")
        lines.append(f"| `{key}` | {kind} | {entry.get('unit', '')} | {meaning} |")
    return lines


def _type(entry: dict[str, Any]) -> str:
    """Type of a field in words."""
    if "const" in entry:
        return f"always {entry['const']}"
    if "enum" in entry:
        return " or ".join(f"`{value}`" for value in entry["enum"])
    if "$ref" in entry:
        record = entry["$ref"].rpartition("/")[2]
        return f"[{record}](#{record.lower()})"
    if "anyOf" in entry:
        return " or ".join(_type(part) for part in entry["anyOf"])
    if "prefixItems" in entry:
        return f"{entry['minItems']} of {_type(entry['prefixItems'][0])}"
    kind = entry.get("type", "anything")
    if kind == "array":
        return f"list of {_type(entry['items'])}"
    return kind if isinstance(kind, str) else " or ".join(kind)


PAGES = {
    "configuration.md": configuration_page,
    "command-line.md": command_line_page,
    "results.md": results_page,
}
UNCHECKED = {"command-line.md"}
"""Its layout depends on the installed version of typer."""


def main() -> None:
    os.environ["COLUMNS"] = "100"
    os.environ["TERMINAL_WIDTH"] = "100"
    os.environ["NO_COLOR"] = "1"
    os.environ.pop("FORCE_COLOR", None)
    stale = []
    for name, page in PAGES.items():
        path = REFERENCE / name
        if "--check" in sys.argv:
            if name in UNCHECKED:
                continue
            text = page()
            if not path.exists() or path.read_text(encoding="utf-8") != text:
                stale.append(name)
        else:
            path.write_text(page(), encoding="utf-8")
    if stale:
        sys.exit(f"not up to date: {', '.join(stale)} (run docs/generate.py)")


if __name__ == "__main__":
    main()
