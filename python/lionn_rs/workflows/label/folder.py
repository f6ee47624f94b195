"""Folder of ``lionn label``: the queue of frames, how each ended, and the collected labels."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from lionn_rs.config_file import to_toml
from lionn_rs.errors import ConfigError, DataError
from lionn_rs.files import (
    STOP_FILE,
    check_folder,
    prepare_folder,
    write_bytes,
    write_json,
    write_text,
)
from lionn_rs.locking import locked
from lionn_rs.workflows.jobs import claim
from lionn_rs.workflows.label.calculators import resolve, settings_hash
from lionn_rs.workflows.label.frames import (
    SHORT_HASH,
    Entry,
    RawFrame,
    encode_frames,
    frame_hash,
)

if TYPE_CHECKING:
    from lionn_rs.config_label import LabelConfig

__all__ = [
    "FRAMES_FOLDER",
    "LABELLED_FILE",
    "Ending",
    "Queue",
    "collect",
    "forget_failure",
    "prepare_label",
    "read_ending",
    "write_ending",
]

LABEL_FILE = "label.json"
LABELLED_FILE = "labelled.extxyz"
LOG_FILE = "label.log"
INPUTS_FOLDER = "inputs"
FRAMES_FOLDER = "frames"
WORKERS_FOLDER = "workers"
TICKETS_FOLDER = "tickets"
RESULT_FILE = "result.json"
FRAME_FILE = "frame.extxyz"
DEATHS_FILE = "deaths.log"
SCHEMA = "lionn-label"
SCHEMA_VERSION = 1
LOCK_S = 20.0
"""Time to wait for another process that prepares the folder, s."""


@dataclass(frozen=True)
class Ending:
    """How a frame ended.

    Attributes
    ----------
    status : str
        "labelled" or "failed".
    message : str
        Why it failed.
    seconds : float
        Wall time.
    code : str
        Name and version of the code.
    """

    status: Literal["labelled", "failed"]
    message: str = ""
    seconds: float = 0.0
    code: str = ""


@dataclass(frozen=True)
class Queue:
    """Content of ``label.json``.

    Attributes
    ----------
    folder : Path
        Absolute.
    calculator : str
    settings : dict
        Level of theory.
    running : dict
        How the code is run.
    keep_state : bool
    hash : str
        SHA-256 of calculator and settings.
    entries : list of Entry
        All frames in the order in which they were given.
    """

    folder: Path
    calculator: str
    settings: dict[str, Any]
    running: dict[str, Any]
    keep_state: bool
    hash: str
    entries: list[Entry]

    @classmethod
    def open(cls, folder: Path) -> Queue:
        """Read the queue of a folder.

        Raises
        ------
        DataError
            The folder holds none, or of another version.
        """
        path = folder / LABEL_FILE
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise DataError(f"{folder}: holds no {LABEL_FILE} of 'lionn label'") from None
        except (OSError, ValueError) as error:
            raise DataError(f"{path}: damaged ({error})") from error
        if content.get("schema") != SCHEMA or content.get("version") != SCHEMA_VERSION:
            raise DataError(f"{path}: not of this version of lionn_rs")
        return cls(
            folder,
            content["calculator"],
            content["settings"],
            content["running"],
            content["keep_state"],
            content["settings_hash"],
            [Entry(**record) for record in content["frames"]],
        )

    def write(self) -> None:
        """Write the file."""
        write_json(
            self.folder / LABEL_FILE,
            {
                "schema": SCHEMA,
                "version": SCHEMA_VERSION,
                "calculator": self.calculator,
                "settings": self.settings,
                "settings_hash": self.hash,
                "running": self.running,
                "keep_state": self.keep_state,
                "frames": [entry.to_dict() for entry in self.entries],
            },
        )

    def place(self, entry: Entry) -> Path:
        """Folder of a frame."""
        return self.folder / FRAMES_FOLDER / entry.name

    @property
    def stop_requested(self) -> bool:
        """Whether a user has made the file that ends the work."""
        return (self.folder / STOP_FILE).exists()


def read_ending(place: Path) -> Ending | None:
    """How the frame of a folder ended; None if it has not."""
    try:
        return Ending(**json.loads((place / RESULT_FILE).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def write_ending(place: Path, ending: Ending, text: str = "") -> None:
    """Write the label, if there is one, and then the result, the last file of a frame."""
    if ending.status == "labelled":
        write_text(place / FRAME_FILE, text)
    write_json(place / RESULT_FILE, ending)


def forget_failure(place: Path) -> None:
    """Let a frame that has failed be tried again."""
    (place / DEATHS_FILE).unlink(missing_ok=True)
    (place / RESULT_FILE).unlink(missing_ok=True)


def prepare_label(
    frames: Sequence[RawFrame], config: LabelConfig, output: str | Path, *, force: bool = False
) -> Queue:
    """Write everything that workers need into the folder; frames that are there already stay.

    Frames are the same if structure and level of theory are. New ones are added at the end.

    Raises
    ------
    ConfigError
        The folder holds something else, or labels of another level of theory.
    """
    folder = Path(output)
    settings, running = resolve(config.label)
    hashed = settings_hash(config.label.calculator, settings)
    if force and (folder / LABEL_FILE).exists():
        _refuse_force_at_work(Queue.open(folder))
    if force or not (folder / LABEL_FILE).exists():
        check_folder(folder, force=force, resumable=False)
        prepare_folder(folder, force=force)
    folder = folder.resolve()
    with _alone(folder):
        before: list[Entry] = []
        if (folder / LABEL_FILE).exists():
            before = _earlier(folder, config.label.calculator, hashed)
        queue = Queue(
            folder,
            config.label.calculator,
            settings,
            running,
            config.label.keep_state,
            hashed,
            before,
        )
        added = _new_entries(frames, queue, config.label.stress_every)
        queue = replace(queue, entries=before + added)
        (folder / STOP_FILE).unlink(missing_ok=True)
        queue.write()
        section = config.label.model_copy(update={"settings": settings, "running": running})
        resolved = config.model_copy(update={"label": section})
        write_text(folder / "config.resolved.toml", to_toml(resolved))
        for name in (FRAMES_FOLDER, TICKETS_FOLDER, WORKERS_FOLDER):
            (folder / name).mkdir(exist_ok=True)
    return queue


def _refuse_force_at_work(queue: Queue) -> None:
    for entry in queue.entries:
        holder = claim.holder(queue.place(entry)) if queue.place(entry).is_dir() else None
        if holder is not None:
            host = str(holder.get("host", "")).partition("/")[0]
            raise ConfigError(f"{queue.folder}: --force refused, {host} is at work in it")


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the lock of the folder, which other processes hold for a moment only."""
    deadline = time.monotonic() + LOCK_S
    while True:
        lock = locked(folder)
        try:
            lock.__enter__()
            break
        except ConfigError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
    try:
        yield
    finally:
        lock.__exit__(None, None, None)


def _earlier(folder: Path, calculator: str, hashed: str) -> list[Entry]:
    """Frames that the folder has, of the same level of theory."""
    found = Queue.open(folder)
    if found.hash == hashed:
        return found.entries
    if any(read_ending(found.place(entry)) is not None for entry in found.entries):
        raise ConfigError(
            f"{folder}: holds labels of other settings ({found.calculator}, compare "
            "config.resolved.toml); levels of theory must not be mixed: another --output, or "
            "--force to replace them"
        )
    # Settings that never gave a result, because something was wrong with them.
    shutil.rmtree(folder / FRAMES_FOLDER, ignore_errors=True)
    return []


def _new_entries(frames: Sequence[RawFrame], queue: Queue, stress_every: int) -> list[Entry]:
    """Entries of the frames that the queue does not have; their structures are written."""
    known = {entry.name for entry in queue.entries}
    new: dict[str, RawFrame] = {}
    for frame in frames:
        name = frame_hash(frame.atoms, queue.hash)[:SHORT_HASH]
        if name not in known and name not in new:
            new[name] = frame
    if not new:
        return []
    inputs = queue.folder / INPUTS_FOLDER
    inputs.mkdir(exist_ok=True)
    file = f"{next(iter(new))}-{len(new)}.json"
    write_text(inputs / file, encode_frames(list(new.values())))
    return [
        Entry(
            name=name,
            file=file,
            index=index,
            source=frame.source,
            source_frame=frame.number,
            formula=frame.atoms.get_chemical_formula(),
            n_atoms=len(frame.atoms),
            stress=bool(
                stress_every
                and (len(queue.entries) + index) % stress_every == 0
                and frame.atoms.pbc.all()
            ),
        )
        for index, (name, frame) in enumerate(new.items())
    ]


def collect(queue: Queue, labelled: Sequence[Entry]) -> None:
    """Write the labelled frames, in the order of the queue, into one file.

    Parameters
    ----------
    queue : Queue
    labelled : sequence of Entry
        Those that have a label.
    """
    parts = [(queue.place(entry) / FRAME_FILE).read_bytes() for entry in labelled]
    if parts:
        write_bytes(queue.folder / LABELLED_FILE, b"".join(parts))
