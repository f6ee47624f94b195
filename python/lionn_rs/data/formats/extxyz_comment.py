"""Comment line of extended XYZ: ``key=value`` pairs, and the columns that ``Properties`` names.

ASE parses the line character by character, which takes most of the time of reading a file; here a
regular expression does it, and what it does not cover goes to ASE.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final, NamedTuple

import numpy as np

__all__ = ["Column", "columns_of", "parse_comment"]

_QUOTED = r'"[^"\\]*"|\'[^\'\\]*\'|\{[^{}\\"\']*\}|\[[^\[\]\\"\']*\]'
_PAIR = re.compile(rf"\s*([^\s=\"'{{}}\[\]\\]+)(?:=({_QUOTED}|[^\s\"'{{\[\\=]*)(?=\s|$)|(?=\s|$))")
_BOOLEANS: Final = {
    "T": True, "F": False, "true": True, "false": False,
    "True": True, "False": False, "TRUE": True, "FALSE": False,
}  # fmt: skip
_MATRICES: Final = ("Lattice", "virial", "stress")
_TEXTS: Final = ("uid",)
_DEFAULT = "species:S:1:pos:R:3"
_NAMES = {"pos": "positions", "Z": "numbers", "species": "symbols", "charge": "initial_charges"}
_KINDS = "RISL"


class Column(NamedTuple):
    """Columns ``start`` to ``start + n`` of the atoms' lines; ``kind`` is R, I, S or L."""

    name: str
    kind: str
    start: int
    n: int


def parse_comment(line: str) -> dict[str, Any]:
    """``key=value`` pairs as ASE understands them: numbers, arrays, booleans, JSON, text.

    Raises
    ------
    ValueError
        A cell or a stress is not nine numbers.
    """
    line = line.strip()
    found: dict[str, Any] = {}
    place = 0
    while place < len(line):
        pair = _PAIR.match(line, place)
        if pair is None:
            return _by_ase(line)
        key, text = pair[1], pair[2]
        if text and text[0] in "\"'{[":
            text = text[1:-1]
        found[key] = _value(key, "T" if text is None else text)
        place = pair.end()
    return found


def _by_ase(line: str) -> dict[str, Any]:
    from ase.io.extxyz import key_val_str_to_dict

    found: dict[str, Any] = key_val_str_to_dict(line)
    if "Lattice" in found:
        found["Lattice"] = found["Lattice"].T
    return found


def _value(key: str, text: str) -> Any:
    if key in _TEXTS or key == "Properties":
        return text
    parts = text.replace(",", " ").split()
    numbers = _numbers(parts)
    if key in _MATRICES and (key == "Lattice" or (numbers is not None and len(numbers) != 6)):
        if numbers is None or len(numbers) != 9:
            raise ValueError(f"{key} must be nine numbers, got '{text[:80]}'")
        return numbers.astype(np.float64).reshape(3, 3)
    if numbers is not None:
        return numbers[0] if len(numbers) == 1 else numbers
    try:
        booleans = [_BOOLEANS[part] for part in parts]
    except KeyError:
        return _json(text) if text.startswith("_JSON ") else text
    return text if not booleans else booleans[0] if len(booleans) == 1 else booleans


def _numbers(parts: list[str]) -> np.ndarray | None:
    for kind in (int, float):
        try:
            values = np.array([kind(part) for part in parts], dtype=kind)
        except (ValueError, OverflowError):
            continue
        return values if len(values) else None
    return None


def _json(text: str) -> Any:
    data = json.loads(text.removeprefix("_JSON "))
    array = np.array(data) if isinstance(data, list) and _is_regular(data) else None
    return array if array is not None and array.dtype.kind in "ifb" else data


def _is_regular(data: list[Any]) -> bool:
    try:
        np.array(data)
    except ValueError:
        return False
    return True


def columns_of(properties: str) -> list[Column]:
    """Columns that the entry ``Properties`` names; empty text means symbols and positions.

    Raises
    ------
    ValueError
        The entry is no list of ``name:kind:n``, or has no positions or species.
    """
    fields = (properties or _DEFAULT).split(":")
    if len(fields) % 3:
        raise ValueError(f"Properties must be name:kind:columns, ..., got '{properties[:80]}'")
    columns = []
    start = 0
    for name, kind, text in zip(fields[::3], fields[1::3], fields[2::3], strict=True):
        n = int(text)
        if kind not in _KINDS or not 1 <= n <= MAX_COLUMNS:
            raise ValueError(f"Properties: '{name}:{kind}:{text[:20]}' is no column")
        columns.append(Column(_NAMES.get(name, name), kind, start, n))
        start += n
    names = [column.name for column in columns]
    if len(set(names)) < len(names):
        raise ValueError("Properties names a column twice")
    shapes = {column.name: (column.kind, column.n) for column in columns}
    if shapes.get("positions") != ("R", 3):
        raise ValueError("Properties has no pos:R:3")
    if shapes.get("symbols") != ("S", 1) and shapes.get("numbers") != ("I", 1):
        raise ValueError("Properties has neither species:S:1 nor Z:I:1")
    return columns


MAX_COLUMNS = 10_000
"""Columns of one property: more is a damaged header."""
