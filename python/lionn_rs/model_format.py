"""The potential file: one JSON document, readable by eye, written whole or not at all."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from lionn_rs.datasets import DATASET_PREFIX, potential_text
from lionn_rs.errors import DataError, ModelFileError
from lionn_rs.files import write_text

FORMAT = "lionn-potential"
VERSIONS = (1, 2, 3)
"""Versions whose hash is known; the core says what it thinks of others."""


def content_hash(document: dict[str, Any]) -> str:
    """SHA-256 of everything that determines energies and forces.

    Left out are metadata and units, and what only judges the result: training ranges and the
    factors of a committee's spread. One potential has the hash of its version 1 file whatever else
    is known about it; the hash of a committee covers all members.
    """
    keys = ("format", "version", "elements", "descriptor", "networks", "repulsion")
    core = {key: document[key] for key in keys if key in document}
    if isinstance(document["networks"], dict):
        core["version"] = 1
    text = json.dumps(core, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def read_document(path: Path) -> dict[str, Any]:
    """Contents of a potential file, checked against its own hash.

    Raises
    ------
    ModelFileError
        If the file is missing, is not a potential file, or has been damaged.
    """
    from lionn_rs.interop.formats import identify

    other = identify(path)
    if path.exists() and other is not None and other.name != "lionn":
        raise ModelFileError(
            f"{path}: a potential of {other.title}; 'lionn convert {path.name} model.json' makes "
            "one of lionn_rs from it"
        )
    try:
        document = json.loads(read_potential_text(path))
    except FileNotFoundError:
        raise ModelFileError(f"{path}: no such potential file") from None
    except IsADirectoryError:
        raise ModelFileError(f"{path}: is a folder, not a potential file") from None
    except OSError as error:
        raise ModelFileError(f"{path}: cannot be read ({error.strerror})") from None
    except (ValueError, RecursionError) as error:
        raise ModelFileError(f"{path}: not a potential file, or damaged ({error})") from None
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise ModelFileError(f"{path}: not a lionn potential file (no 'format': '{FORMAT}')")
    stated = document.pop("sha256", None)
    missing = {"version", "elements", "descriptor", "networks"} - document.keys()
    if missing:
        raise ModelFileError(f"{path}: damaged potential file, no {', '.join(sorted(missing))}")
    known = document["version"] in VERSIONS
    if known and stated is not None and stated != content_hash(document):
        raise ModelFileError(
            f"{path}: contents do not match the stored sha256; the file was changed"
        )
    return document


def read_potential_text(path: Path) -> str:
    """Text of a potential file, or of a bundled potential, ``dataset:NAME``."""
    if not str(path).startswith(DATASET_PREFIX):
        return path.read_text(encoding="utf-8")
    try:
        return potential_text(str(path).removeprefix(DATASET_PREFIX))
    except DataError as error:
        raise ModelFileError(f"{path}: {error}") from None


def write_document(path: Path, document: dict[str, Any], *, force: bool) -> None:
    """Write a potential file atomically, with its hash.

    Raises
    ------
    ModelFileError
        If the file exists and ``force`` is not set.
    """
    if path.exists() and not force:
        raise ModelFileError(f"{path} exists; pass force=True to overwrite it")
    stamped = {"format": document["format"], "version": document["version"]}
    stamped["sha256"] = content_hash(document)
    stamped |= {key: value for key, value in document.items() if key not in stamped}
    write_text(path, dumps(stamped))


def dumps(value: Any, indent: int = 0) -> str:
    """JSON with short lists and mappings on one line each."""
    flat = json.dumps(value, ensure_ascii=False, allow_nan=False)
    if len(flat) + indent <= 110 or not isinstance(value, list | dict):
        return flat
    pad = " " * (indent + 1)
    if isinstance(value, dict):
        items = [f"{pad}{json.dumps(k)}: {dumps(v, indent + 1)}" for k, v in value.items()]
        return "{\n" + ",\n".join(items) + "\n" + " " * indent + "}"
    items = [f"{pad}{dumps(v, indent + 1)}" for v in value]
    return "[\n" + ",\n".join(items) + "\n" + " " * indent + "]"
