"""JSON Schemas (draft 2020-12) of the result files, made from the records that are written."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import re
import textwrap
from collections.abc import Callable
from typing import Any, Literal, get_args, get_origin

import numpy as np

from lionn_rs.analysis._records import Record, hints_of, is_union
from lionn_rs.analysis.arrhenius.result import ArrheniusResult
from lionn_rs.analysis.comparison.result import CURVES, Comparison
from lionn_rs.analysis.mechanism.attempt import EffectiveBarrier
from lionn_rs.analysis.mechanism.ion_density import DensitySummary
from lionn_rs.analysis.mechanism.jump_records import SINGLE_JUMPS, JumpResult
from lionn_rs.analysis.mechanism.rdf import RdfResult
from lionn_rs.analysis.mechanism.vacf import VacfResult
from lionn_rs.analysis.mechanism.van_hove import VanHoveDistinct, VanHoveSelf
from lionn_rs.analysis.run_record import RunRecord
from lionn_rs.analysis.transport.results import DiffusionResult
from lionn_rs.errors import ConfigError

__all__ = ["RESULTS", "result_schema"]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
Json = dict[str, Any]

UNITS = {
    "A": "Å", "A2": "Å²", "A3": "Å³", "per_A3": "Å⁻³", "A2_fs2": "Å²/fs²", "fs": "fs", "ps": "ps",
    "K": "K", "eV": "eV", "THz": "THz", "cm2_s": "cm²/s", "mS_cm": "mS/cm", "per_ns": "1/ns",
    "deg": "°", "degrees": "°",
}  # fmt: skip
"""Ends of the names of fields, longest first, and what they say."""
_UNIT = re.compile("_(" + "|".join(sorted(UNITS, key=len, reverse=True)) + ")$")
_NONE = re.compile(r"\bNone\b")
_SHAPE = re.compile(r"\((\w+(?:, ?\w+)*),?\)")


def result_schema(name: str) -> Json:
    """JSON Schema of a result file.

    Every field has the description of its docstring and, as ``unit``, the unit that its name ends
    with. Numbers that are not finite are ``null`` in arrays; elsewhere ``null`` means that there is
    no such number.

    Parameters
    ----------
    name : str
        A key of :data:`RESULTS`.

    Returns
    -------
    dict
        Draft 2020-12; ``json.dumps`` makes a file of it.

    Raises
    ------
    ConfigError
        For another name.

    Examples
    --------
    >>> schema = result_schema("diffusion")
    >>> schema["properties"]["diffusivity_cm2_s"]["type"]
    ['number', 'null']
    """
    if name not in RESULTS:
        raise ConfigError(f"no result file is called '{name}' (there are {', '.join(RESULTS)})")
    file, build = RESULTS[name]
    definitions: Json = {}
    content = build(definitions)
    return {
        "$schema": DIALECT,
        "title": file,
        **content,
        "$defs": dict(sorted(definitions.items())),
    }


def _diffusion(definitions: Json) -> Json:
    schema = _properties(DiffusionResult, definitions)
    text = "How a file of another program was read; absent for runs of lionn."
    schema["properties"]["source"] = {"type": ["object", "null"], "description": text}
    return schema


def _compare(definitions: Json) -> Json:
    schema = _properties(Comparison, definitions)
    # Curves of the runs are in the results of the runs.
    for record in ("DiffusionResult", "CombinedDiffusion"):
        _leave_out(definitions[record], CURVES)
    runs = {"type": "array", "items": _of(RunRecord, definitions)}
    extra = {
        "lionn_version": {"type": "string"},
        "runs": _object({"a": runs, "b": runs}, "The runs of both sides."),
        "verdict": {"type": "string", "description": "What differs and what does not, in words."},
    }
    schema["properties"] |= extra
    schema["required"] += list(extra)
    return schema


def _of_a_run(**parts: Any) -> Callable[[Json], Json]:
    """File with the record of the run and others; a list stands for a list of records."""

    def build(definitions: Json) -> Json:
        content = {"run": _of(RunRecord, definitions)}
        for key, part in parts.items():
            if isinstance(part, list):
                content[key] = {"type": "array", "items": _of(part[0], definitions)}
            else:
                content[key] = _of(part, definitions)
        return _object(content, "")

    return build


def _jumps(definitions: Json) -> Json:
    schema = _of_a_run(jumps=JumpResult, effective_barrier=EffectiveBarrier | None)(definitions)
    _leave_out(definitions["JumpResult"], SINGLE_JUMPS)
    return schema


RESULTS: dict[str, tuple[str, Callable[[Json], Json]]] = {
    "diffusion": ("diffusion.json", _diffusion),
    "arrhenius": ("arrhenius.json", lambda known: _properties(ArrheniusResult, known)),
    "compare": ("compare.json", _compare),
    "rdf": ("rdf.json", _of_a_run(rdf=[RdfResult])),
    "density": ("density.json", _of_a_run(density=DensitySummary)),
    "jumps": ("jumps.json", _jumps),
    "vacf": ("vacf.json", _of_a_run(vacf=[VacfResult])),
    "vanhove": ("van_hove.json", _of_a_run(self=VanHoveSelf, distinct=VanHoveDistinct)),
}
"""Result files by the command that writes them."""


def _object(properties: Json, description: str) -> Json:
    return {
        "type": "object",
        **({"description": description} if description else {}),
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _leave_out(schema: Json, names: tuple[str, ...]) -> None:
    for name in names:
        schema["properties"].pop(name, None)
    schema["required"] = [name for name in schema["required"] if name not in names]


def _properties(record: type[Any], definitions: Json) -> Json:
    """Make the schema of a record; those of the records in it join the definitions."""
    texts = _field_texts(record)
    defaults = {field.name: field.default for field in dataclasses.fields(record)}
    properties = {}
    for name, hint in hints_of(record).items():
        entry: Json = {}
        if name == "schema_version":
            entry["const"] = defaults[name]
        else:
            entry |= _of(hint, definitions, shape=texts.get(name, ""))
        if name in texts:
            entry["description"] = texts[name]
        unit = _UNIT.search(name)
        if unit:
            entry["unit"] = UNITS[unit.group(1)]
        properties[name] = entry
    return _object(properties, _one_line(inspect.getdoc(record) or ""))


_SIMPLE = {float: "number", int: "integer", str: "string", bool: "boolean", type(None): "null"}


def _of(hint: Any, definitions: Json, *, shape: str = "") -> Json:
    """Make the schema of a type; ``shape`` begins with the shape of an array."""
    origin, arguments = get_origin(hint), get_args(hint)
    if hint in _SIMPLE:
        return {"type": _SIMPLE[hint]}
    if isinstance(hint, type) and issubclass(hint, Record):
        name = hint.__name__
        if name not in definitions:
            definitions[name] = {}  # a record may hold others of its kind
            definitions[name] = _properties(hint, definitions)
        return {"$ref": f"#/$defs/{name}"}
    if is_union(hint):
        parts = [_of(part, definitions, shape=shape) for part in arguments]
        if all(part.keys() == {"type"} and isinstance(part["type"], str) for part in parts):
            return {"type": [part["type"] for part in parts]}
        return {"anyOf": parts}
    if origin is Literal:
        return {"enum": list(arguments)}
    if origin is np.ndarray:
        return _array(get_args(arguments[1])[0], shape)
    if origin is tuple:
        if arguments[-1] is Ellipsis:
            return {"type": "array", "items": _of(arguments[0], definitions)}
        n = len(arguments)
        items = [_of(part, definitions) for part in arguments]
        return {"type": "array", "prefixItems": items, "minItems": n, "maxItems": n}
    if origin is dict:
        value = arguments[1]
        inner = {} if value is Any else {"additionalProperties": _of(value, definitions)}
        return {"type": "object", **inner}
    raise TypeError(f"no JSON schema for {hint}")


def _array(dtype: type, text: str) -> Json:
    """Nested lists, as deep as the shape at the beginning of the text says, fixed where it is."""
    found = _SHAPE.match(text)
    if found is None:
        raise TypeError(f"the docstring of an array must begin with its shape, got '{text}'")
    number = ["integer"] if issubclass(dtype, np.integer) else ["number", "null"]
    schema: Json = {"type": number[0] if len(number) == 1 else number}
    for length in reversed(found.group(1).split(",")):
        schema = {"type": "array", "items": schema}
        if length.strip().isdigit():
            schema |= {"minItems": int(length), "maxItems": int(length)}
    return schema


def _field_texts(record: type) -> dict[str, str]:
    """Docstrings below the fields of a record, each as one line."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(record))).body[0]
    assert isinstance(tree, ast.ClassDef)
    texts = {}
    for field, below in zip(tree.body, tree.body[1:], strict=False):
        if (
            isinstance(field, ast.AnnAssign)
            and isinstance(field.target, ast.Name)
            and isinstance(below, ast.Expr)
            and isinstance(below.value, ast.Constant)
            and isinstance(below.value.value, str)
        ):
            texts[field.target.id] = _one_line(below.value.value)
    return texts


def _one_line(text: str) -> str:
    return _NONE.sub("null", " ".join(text.replace("``", "").split()))
