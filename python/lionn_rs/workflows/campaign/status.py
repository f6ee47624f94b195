"""How far a campaign is: state and speed of every run, and the table of ``campaign status``."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from lionn_rs.errors import DataError
from lionn_rs.md.single_run import ns_per_day
from lionn_rs.progress import format_duration
from lionn_rs.units import PS_TO_FS
from lionn_rs.workflows.campaign.tasks import CampaignTask
from lionn_rs.workflows.campaign.worker import CAMPAIGN_FILE, TASKS_FOLDER, read_outcome
from lionn_rs.workflows.jobs import claim

__all__ = [
    "CAMPAIGN_FILE",
    "TaskState",
    "read_campaign",
    "read_states",
    "read_tasks",
    "status_line",
    "status_rows",
]

SCHEMA = "lionn-campaign"
SCHEMA_VERSION = 1

StateName = Literal["waiting", "running", "finished", "failed"]
STATES: tuple[StateName, ...] = ("waiting", "running", "finished", "failed")
HEADER = (
    "structure",
    "size",
    "atoms",
    "T / K",
    "waiting",
    "running",
    "finished",
    "failed",
    "ps done",
    "of",
    "ns/day",
    "time left",
)


@dataclass(frozen=True)
class TaskState:
    """How far one run is.

    Attributes
    ----------
    task : CampaignTask
    state : str
        "waiting" (also: interrupted), "running", "finished" or "failed".
    step : int
        Steps made, as of the last checkpoint.
    seconds : float
        Wall time spent.
    message : str
        Why it failed.
    holder : str
        Machine that is at work on it.
    """

    task: CampaignTask
    state: StateName
    step: int = 0
    seconds: float = 0.0
    message: str = ""
    holder: str = ""

    @property
    def done_ps(self) -> float:
        """Simulated time, ps."""
        return self.step * self.task.timestep_fs / PS_TO_FS

    @property
    def steps_per_second(self) -> float | None:
        """Mean rate so far."""
        return self.step / self.seconds if self.step and self.seconds > 0 else None

    @property
    def ended(self) -> bool:
        """Whether there is nothing more to do."""
        return self.state in ("finished", "failed")

    @property
    def left(self) -> int:
        """Atom-steps to be made."""
        return 0 if self.ended else (self.task.n_steps - self.step) * self.task.n_atoms


def read_campaign(folder: Path) -> dict[str, Any]:
    """Content of ``campaign.json``.

    Raises
    ------
    DataError
        The folder holds no campaign, or of another version.
    """
    path = folder / CAMPAIGN_FILE
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        reason = f"holds no {CAMPAIGN_FILE}" if folder.is_dir() else "no such folder"
        raise DataError(f"{folder}: {reason} (expected a folder of 'lionn campaign')") from None
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: damaged ({error})") from error
    if content.get("schema") != SCHEMA or content.get("version") != SCHEMA_VERSION:
        raise DataError(f"{path}: not a campaign of this version of lionn_rs")
    return dict(content)


def read_tasks(folder: Path) -> list[CampaignTask]:
    """All runs of the table of a campaign, in its order."""
    return [CampaignTask.from_dict(record) for record in read_campaign(folder)["tasks"]]


def read_state(folder: Path, task: CampaignTask) -> TaskState:
    """State of one run, from its files.

    Parameters
    ----------
    folder : Path
        Folder of the campaign.
    task : CampaignTask
    """
    place = folder / TASKS_FOLDER / task.name
    if not place.is_dir():
        return TaskState(task, "waiting")
    step, seconds = _progress(place)
    outcome = read_outcome(place)
    if outcome is not None:
        state: StateName = "finished" if outcome.state == "finished" else "failed"
        return TaskState(task, state, step, seconds, outcome.message)
    at_work = claim.holder(place)
    if at_work is not None:
        host = str(at_work.get("host", "")).partition("/")[0]
        return TaskState(task, "running", step, seconds, holder=host)
    return TaskState(task, "waiting", step, seconds)


def read_states(folder: Path, tasks: Iterable[CampaignTask]) -> list[TaskState]:
    """States of runs, in order."""
    return [read_state(folder, task) for task in tasks]


def _progress(place: Path) -> tuple[int, float]:
    from lionn_rs.md.trajectory import METADATA_FILE

    try:
        metadata = json.loads((place / METADATA_FILE).read_text(encoding="utf-8"))
        return int(metadata["step"]), float(metadata["seconds"])
    except (OSError, ValueError, KeyError):
        return 0, 0.0


def status_rows(states: Sequence[TaskState]) -> list[list[str]]:
    """One row of text for each structure, size and temperature, as :data:`HEADER`, and a sum."""
    groups: dict[tuple[Any, ...], list[TaskState]] = {}
    for state in states:
        key = (*state.task.group, state.task.temperature_K)
        groups.setdefault(key, []).append(state)
    several = len({state.task.potential for state in states}) > 1
    rows = []
    for members in groups.values():
        task = members[0].task
        name = f"{task.potential}: {task.structure}" if several else task.structure
        head = [name, task.size, str(task.n_atoms), f"{task.temperature_K:g}"]
        rows.append([*head, *_numbers(members)])
    return [*rows, ["all", "", "", "", *_numbers(states)]]


def _numbers(states: Sequence[TaskState]) -> list[str]:
    count = Counter(state.state for state in states)
    timestep = states[0].task.timestep_fs
    rates = [state.steps_per_second for state in states]
    known = [rate for rate in rates if rate is not None]
    one_size = len({state.task.n_atoms for state in states}) == 1
    speed = ns_per_day(sum(known) / len(known), timestep) if known else None
    return [
        *(str(count[name]) for name in STATES),
        f"{sum(state.done_ps for state in states):.4g}",
        f"{sum(state.task.total_ps for state in states):.4g}",
        f"{speed:.3g}" if speed is not None and one_size else "–",
        _time_left(states),
    ]


def _time_left(states: Sequence[TaskState]) -> str:
    """Work left over the present rate of the runs at work."""
    if not any(state.left for state in states):
        return "–"
    rates = [
        state.steps_per_second * state.task.n_atoms
        for state in states
        if state.state == "running" and state.steps_per_second is not None
    ]
    return format_duration(sum(state.left for state in states) / sum(rates)) if rates else "–"


def status_line(states: Sequence[TaskState]) -> str:
    """One line: ``7 of 12 runs finished, 2 running, 3 waiting``."""
    count = Counter(state.state for state in states)
    text = f"{count['finished']} of {len(states)} runs finished"
    for name in ("running", "waiting", "failed"):
        if count[name]:
            text += f", {count[name]} {name}"
    return text
