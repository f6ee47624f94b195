"""One member of a scan, trained in a process of its own.

:func:`run_member` starts the process and waits; it is what a pool of threads on this machine or a
Dask worker calls. ``python -m lionn_rs.workflows.scan.worker`` is the process, whose task is a
:class:`MemberTask` (see :mod:`lionn_rs.workflows.jobs.processes`).
"""

from __future__ import annotations

import json
import sys
import traceback
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lionn_rs.errors import DataError
from lionn_rs.files import write_json, write_text
from lionn_rs.workflows.jobs.processes import module_process, serve, supervise

__all__ = [
    "IMAGES_FILE",
    "MEMBERS_FOLDER",
    "RESULT_FILE",
    "SPLIT_FILE",
    "MemberOutcome",
    "MemberTask",
    "read_result",
    "run_member",
    "train_member",
]

IMAGES_FILE = "images.traj"
SPLIT_FILE = "split.json"
MEMBERS_FOLDER = "members"
RESULT_FILE = "result.json"
TICKET_FILE = "ticket"
"""Holds the name of the scan that is at work; without it, or with another, its members stop."""


@dataclass(frozen=True)
class MemberTask:
    """What one process trains.

    Attributes
    ----------
    scan : str
        Folder of the scan, absolute, with images and split.
    name : str
        Name of the member and its folder.
    config : dict
        A :class:`lionn_rs.config.TrainConfig`.
    fingerprint : str
        Written into the result, see :meth:`lionn_rs.workflows.scan.grid.Plan.fingerprint`.
    data_hash : str
        Hash of all images in order.
    ticket : str
        Name of the scan at work.
    n_threads : int
    max_memory_gb : float or None
        Memory for this process alone; None: what is free when it starts, divided by
        ``side_by_side``.
    side_by_side : int
        Members on one machine at a time.
    """

    scan: str
    name: str
    config: dict[str, Any]
    fingerprint: str
    data_hash: str
    ticket: str
    n_threads: int
    max_memory_gb: float | None
    side_by_side: int

    @property
    def folder(self) -> Path:
        """Folder of the member."""
        return Path(self.scan) / MEMBERS_FOLDER / self.name

    @property
    def wanted(self) -> bool:
        """Whether the scan is still at work."""
        try:
            return (Path(self.scan) / TICKET_FILE).read_text(encoding="utf-8") == self.ticket
        except FileNotFoundError:
            return False


@dataclass(frozen=True)
class MemberOutcome:
    """How the process of a member ended.

    Attributes
    ----------
    result : dict or None
        Content of its ``result.json``; None if it failed or was stopped.
    error : str
        One line if it failed.
    """

    result: dict[str, Any] | None = None
    error: str = ""


def read_result(folder: Path, fingerprint: str) -> dict[str, Any] | None:
    """Read the result of a finished member; None if there is none with these settings."""
    try:
        result: dict[str, Any] = json.loads((folder / RESULT_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return result if result.get("fingerprint") == fingerprint else None


def run_member(task: MemberTask) -> MemberOutcome:
    """Train a member in a process of its own and wait for it; a failure is an outcome."""
    if not Path(task.scan).is_dir():
        return MemberOutcome(error=f"{task.scan}: no such folder on the machine of the worker")
    if not task.wanted:
        return MemberOutcome()
    ended = supervise(
        module_process("lionn_rs.workflows.scan.worker", task.n_threads),
        asdict(task),
        lambda: task.wanted,
    )
    if ended.code == 0:
        result = read_result(task.folder, task.fingerprint)
        error = "" if result else f"{task.folder / RESULT_FILE}: missing or damaged"
        return MemberOutcome(result, error)
    if not task.wanted:
        return MemberOutcome()
    return MemberOutcome(error=ended.reason)


def train_member(task: MemberTask) -> dict[str, Any]:
    """Train one member, or go on with it; returns what its ``result.json`` holds.

    Its folder gets what ``lionn train`` writes.

    Raises
    ------
    DataError
        The images in the folder of the scan are not those that it was started with.
    LionnError
        The training failed.
    """
    from lionn_rs.config import TrainConfig
    from lionn_rs.config_file import to_toml
    from lionn_rs.data import Split, label_images, read_images
    from lionn_rs.data.images import data_hash
    from lionn_rs.potential import Potential
    from lionn_rs.training.memory import FREE_MEMORY_SHARE, GIGABYTE, free_memory
    from lionn_rs.workflows.training import train_stage

    scan = Path(task.scan)
    images = read_images(scan / IMAGES_FILE)
    if data_hash(label_images(images)) != task.data_hash:
        raise DataError(f"{scan / IMAGES_FILE}: has changed since the scan was started")
    parts = Split.from_dict(images, json.loads((scan / SPLIT_FILE).read_text(encoding="utf-8")))
    config = TrainConfig.model_validate(task.config)
    task.folder.mkdir(parents=True, exist_ok=True)
    write_text(task.folder / "config.resolved.toml", to_toml(config))
    memory = task.max_memory_gb
    if memory is None and (free := free_memory()) is not None:
        memory = FREE_MEMORY_SHARE * free / GIGABYTE / task.side_by_side
    limited = config.training.model_copy(update={"max_memory_gb": memory})
    record = train_stage(
        config.model_copy(update={"training": limited}),
        images,
        task.folder,
        figures=task.folder,
        resume=True,
        progress=False,
        parts=parts,
    )
    potential = Potential.load(task.folder / "best.json")
    result = {
        "fingerprint": task.fingerprint,
        "potential_hash": potential.hash,
        "n_features": potential.descriptor.n_features,
        "n_parameters": len(potential.parameters),
        "n_threads": task.n_threads,
        **{
            key: record[key]
            for key in ("metrics", "best_iteration", "iterations", "stop_reason", "seconds")
        },
    }
    write_json(task.folder / RESULT_FILE, result)
    return result


def _log_failure(task: dict[str, Any]) -> None:
    """Add the traceback of the present error to the log of the member."""
    folder = MemberTask(**task).folder
    if folder.is_dir():
        with (folder / "train.log").open("a", encoding="utf-8") as stream:
            stream.write(traceback.format_exc())


def _work(task: dict[str, Any]) -> None:
    train_member(MemberTask(**task))


if __name__ == "__main__":
    sys.exit(serve(_work, _log_failure))
