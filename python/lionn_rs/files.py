"""Output files: written completely or not at all, folders never overwritten by accident."""

from __future__ import annotations

import csv
import errno
import io
import json
import math
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from lionn_rs.errors import ConfigError
from lionn_rs.locking import refuse_if_at_work

__all__ = [
    "STOP_FILE",
    "check_folder",
    "json_safe",
    "naming",
    "prepare_folder",
    "remove_temporary_files",
    "replacing",
    "write_bytes",
    "write_json",
    "write_table",
    "write_text",
]

STOP_FILE = "stop"
"""A file of this name in the folder of a run asks it to end; going on with the run removes it."""


def write_bytes(path: str | Path, content: bytes) -> None:
    """Write a file under a temporary name, flush it to disk, then rename it into place."""
    with replacing(Path(path)) as stream:
        stream.write(content)


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Stream to a temporary file that takes the place of ``path`` when everything is on disk.

    A process that dies, a disk that is full and a power failure leave the old file or the new one:
    the content is flushed before the rename, the folder after it.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with naming(path):
        try:
            with temporary.open("wb") as stream:
                yield stream
                stream.flush()
                os.fsync(stream.fileno())
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
        _sync_folder(path.parent)


def _sync_folder(path: Path) -> None:
    """Flush the names in a folder to disk."""
    if os.name == "nt":  # folders cannot be opened there
        return
    folder = os.open(path, os.O_RDONLY)
    try:
        os.fsync(folder)
    except OSError as error:
        # Some network file systems have no such operation; a full disk or a broken one is reported.
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(folder)


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Errors of the operating system inside name this file, not a temporary one or none."""
    try:
        yield
    except OSError as error:
        if error.errno is None:
            raise
        raise OSError(error.errno, os.strerror(error.errno), str(path)) from error


def remove_temporary_files(folder: Path) -> None:
    """Remove what processes that were killed while they wrote a file have left in a folder."""
    for path in folder.glob(".*.tmp"):
        path.unlink(missing_ok=True)


def write_text(path: str | Path, text: str) -> None:
    """Write UTF-8 text (see :func:`write_bytes`)."""
    write_bytes(path, text.encode("utf-8"))


def write_json(path: str | Path, data: Any) -> None:
    """Write indented, valid JSON (see :func:`json_safe` and :func:`write_bytes`)."""
    text = json.dumps(json_safe(data), indent=1, ensure_ascii=False, allow_nan=False)
    write_text(path, text + "\n")


def write_table(path: Path, columns: Mapping[str, Iterable[Any]]) -> None:
    """CSV file with a header; missing values are empty fields."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    for row in zip(*columns.values(), strict=True):
        writer.writerow([_field(value) for value in row])
    write_text(path, text.getvalue())


def _field(value: Any) -> Any:
    if isinstance(value, (float, np.floating)):
        return f"{float(value):.9g}" if np.isfinite(value) else ""
    return "" if value is None else value


def json_safe(value: Any) -> Any:
    """``value`` made of JSON types only: arrays become lists, non-finite numbers ``None``."""
    if isinstance(value, dict):
        return {str(key): json_safe(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple, set)):
        return [json_safe(entry) for entry in value]
    if isinstance(value, np.ndarray):
        return json_safe(value.tolist())
    if isinstance(value, np.generic):
        return json_safe(value.item())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Path):
        return str(value)
    if is_dataclass(value) and not isinstance(value, type):
        return json_safe(asdict(value))
    return value


def check_folder(
    path: str | Path, *, force: bool = False, resume: bool = False, resumable: bool = True
) -> None:
    """Refuse an output folder as :func:`prepare_folder` does, and change nothing.

    Worth a call before work whose result the folder will hold. ``resumable`` says whether the
    message may advise to resume.

    Raises
    ------
    ConfigError
        See :func:`prepare_folder`.
    """
    path = Path(path)
    if force and resume:
        raise ConfigError("--force and --resume exclude each other")
    if path.exists() and not path.is_dir():
        raise ConfigError(f"{path}: is a file, expected a folder for the output")
    if resume or not _holds_results(path):
        return
    if not force:
        advice = "--resume to go on with it, " if resumable else ""
        raise ConfigError(f"{path}: output folder is not empty ({advice}--force to replace it)")
    _refuse_foreign(path)
    refuse_if_at_work(path)


def prepare_folder(path: str | Path, *, force: bool = False, resume: bool = False) -> Path:
    """Create an output folder, or refuse one that holds results already.

    Parameters
    ----------
    path : str or Path
        The folder.
    force : bool
        Remove what the folder holds.
    resume : bool
        Keep what the folder holds and go on with it; only a request to stop is removed.

    Returns
    -------
    Path

    Raises
    ------
    ConfigError
        The folder holds results or foreign files and neither ``force`` nor ``resume`` is given, it
        is a file, another process works in it, or nothing can be written there.
    """
    path = Path(path)
    try:
        check_folder(path, force=force, resume=resume)
        if path.is_dir() and not resume:
            if _holds_results(path):
                shutil.rmtree(path)
            for file in [entry for entry in path.rglob("*") if not entry.is_dir()]:
                file.unlink()
        path.mkdir(parents=True, exist_ok=True)
        (path / STOP_FILE).unlink(missing_ok=True)
        # Also says whether the file system is mounted read-only, which no owner can change.
        if not os.access(path, os.W_OK | os.X_OK):
            code = errno.EROFS if os.statvfs(path).f_flag & os.ST_RDONLY else errno.EACCES
            raise OSError(code, os.strerror(code), str(path))
    except OSError as error:
        raise ConfigError(
            f"{path}: cannot be written to ({error.strerror or error}); choose another output "
            "folder, or get permission for this one"
        ) from error
    return path


PREAMBLE = {"config.resolved.toml", "split.json", "train.log", "run.log", "stages.json"}
PREAMBLE |= {"images.traj", "scan.json", "scan.log", STOP_FILE}
"""Files written before there is any result; what failed with these alone may be tried again."""


def _holds_results(path: Path) -> bool:
    files = [entry for entry in path.rglob("*") if not entry.is_dir()]
    return any(file.name not in PREAMBLE for file in files)


def _refuse_foreign(path: Path) -> None:
    """``--force`` removes results, not a home folder given by mistake."""
    known = {"config.resolved.toml", "summary.json", "md.json", "history.csv", "best.json"}
    known |= {"checkpoint.npz", "trajectory.h5", "thermo.csv", "report.html", "runs.json"}
    known |= {"metrics.json", "diffusion.json", "arrhenius.json", "check.json", "diagnosis.json"}
    known |= {"structures.json", "anderson_stuart.json", "label.json", "compare.json"}
    if not known & {entry.name for entry in path.iterdir()}:
        raise ConfigError(
            f"{path}: --force refused, the folder holds no results of lionn; "
            "remove it yourself if it may go"
        )
