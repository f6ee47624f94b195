"""Checkpoint of a training run: everything needed to continue with the same bits.

An uncompressed ``.npz`` of plain arrays (read without pickle): state of the optimizer, best and last parameters, history, counters, and
the settings that the run depends on as JSON text.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from lionn_rs.errors import ConfigError, DataError
from lionn_rs.files import write_bytes

VERSION: Final = 1
"""Layout of the checkpoint."""

Arrays = dict[str, NDArray[Any]]


def write_checkpoint(
    path: Path, arrays: Mapping[str, NDArray[Any]], settings: Mapping[str, Any]
) -> None:
    """Write a checkpoint, whole or not at all."""
    buffer = io.BytesIO()
    header = {"version": VERSION, "settings": settings}
    np.savez(buffer, header=np.array(json.dumps(header, sort_keys=True)), **dict(arrays))
    write_bytes(path, buffer.getvalue())


def read_checkpoint(path: Path, settings: Mapping[str, Any]) -> Arrays:
    """Read a checkpoint of a run with the same settings.

    Raises
    ------
    DataError
        If the file is damaged or of another version.
    ConfigError
        If it was written with other settings; the message names the first that differs.
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
        header = json.loads(str(arrays.pop("header")))
        version, found = header["version"], header["settings"]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(f"{path}: not a readable training checkpoint ({error})") from None
    if version != VERSION:
        raise DataError(
            f"{path}: checkpoint version {version}, this lionn_rs reads version {VERSION}"
        )
    wanted = json.loads(json.dumps(settings, sort_keys=True))
    for key in sorted({*wanted, *found}):
        if wanted.get(key) != found.get(key):
            raise ConfigError(
                f"{path}: cannot resume, '{key}' was {_short(found.get(key))} and is now "
                f"{_short(wanted.get(key))}; start again in another folder"
            )
    return arrays


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else text[:57] + "..."
