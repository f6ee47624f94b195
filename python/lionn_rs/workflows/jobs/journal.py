"""What a run has done so far, so that a killed run can go on."""

from __future__ import annotations

import json
import logging
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from lionn_rs.errors import ConfigError, DataError
from lionn_rs.files import write_json

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["Journal", "log_file"]

FILE_NAME = "stages.json"


class Journal:
    """Record of the stages of one output folder, kept in ``stages.json``.

    Parameters
    ----------
    folder : Path
        The output folder.
    fingerprint : str
        Identifies configuration and inputs. A journal with another fingerprint is refused, so
        that results of different settings are never mixed.

    Raises
    ------
    ConfigError
        The folder belongs to a run with other settings or inputs.
    DataError
        The journal is damaged.
    """

    def __init__(self, folder: Path, fingerprint: str) -> None:
        self.path = folder / FILE_NAME
        self._stages: dict[str, dict[str, Any]] = {}
        if self.path.exists():
            try:
                content = json.loads(self.path.read_text(encoding="utf-8"))
                found, self._stages = content["fingerprint"], content["stages"]
            except (json.JSONDecodeError, KeyError, TypeError) as error:
                raise DataError(
                    f"{self.path}: damaged ({error}); start again with --force"
                ) from error
            if found != fingerprint:
                raise ConfigError(
                    f"{folder}: was started with another configuration or other inputs "
                    "(compare config.resolved.toml; --force starts over)"
                )
        self.fingerprint = fingerprint

    def finished(self, stage: str) -> bool:
        """Whether the stage has been completed."""
        return bool(self._stages.get(stage, {}).get("finished", False))

    @property
    def seconds(self) -> dict[str, float]:
        """Wall-clock seconds of each stage, in order."""
        return {name: entry["seconds"] for name, entry in self._stages.items()}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time a stage and note it as finished when its body ends without an error.

        Seconds of interrupted attempts and of repetitions are added up.
        """
        started = time.monotonic()
        entry = self._stages.setdefault(name, {"seconds": 0.0, "finished": False})
        before = entry["seconds"]
        try:
            yield
            entry["finished"] = True
        finally:
            entry["seconds"] = round(before + time.monotonic() - started, 2)
            write_json(self.path, {"fingerprint": self.fingerprint, "stages": self._stages})


@contextmanager
def log_file(path: Path, terminal: logging.Logger | None = None) -> Iterator[None]:
    """Everything that lionn_rs logs to a file, what ``terminal`` says to the terminal as well."""
    package = logging.getLogger("lionn_rs")
    to_file = logging.FileHandler(path, encoding="utf-8")
    to_file.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%Y-%m-%d %H:%M:%S"))
    to_terminal = logging.StreamHandler()
    before = package.level
    package.setLevel(logging.INFO)
    package.addHandler(to_file)
    if terminal is not None:
        terminal.addHandler(to_terminal)
    try:
        yield
    finally:
        package.setLevel(before)
        package.removeHandler(to_file)
        if terminal is not None:
            terminal.removeHandler(to_terminal)
        to_file.close()
