"""Folder of a campaign: made, refused, filled with what the runs need."""

from __future__ import annotations

import io
import logging
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lionn_rs.config_file import to_toml
from lionn_rs.config_study import StudyConfig
from lionn_rs.errors import ConfigError
from lionn_rs.files import (
    STOP_FILE,
    check_folder,
    prepare_folder,
    write_bytes,
    write_json,
    write_text,
)
from lionn_rs.md.protocol import Protocol
from lionn_rs.model_format import read_potential_text
from lionn_rs.workflows.campaign.ladder import write_ladder
from lionn_rs.workflows.campaign.status import (
    CAMPAIGN_FILE,
    SCHEMA,
    SCHEMA_VERSION,
    read_campaign,
    read_states,
    read_tasks,
)
from lionn_rs.workflows.campaign.tasks import SHORT_HASH, CampaignTask, Table, expand, spec_hash
from lionn_rs.workflows.campaign.worker import (
    INPUTS_FOLDER,
    TASK_FILE,
    TASKS_FOLDER,
    TICKETS_FOLDER,
    potential_file,
    read_outcome,
    read_spec,
    step_of,
    structure_file,
)
from lionn_rs.workflows.jobs.journal import log_file

if TYPE_CHECKING:
    from lionn_rs.config_campaign import CampaignConfig

__all__ = ["LOG_FILE", "prepare_campaign"]

logger = logging.getLogger("lionn_rs.campaign")

LOG_FILE = "campaign.log"
STRUCTURES_FOLDER = "structures"
"""What a doping rule has made, with its table."""
BEGIN_S = 10.0
"""Time for another process to write the first file of a campaign, s."""


def prepare_campaign(config: CampaignConfig, output: str | Path, *, force: bool = False) -> Path:
    """Write everything that the runs of a campaign need into its folder.

    Returns
    -------
    Path
        The folder, absolute.

    Raises
    ------
    ConfigError
        The folder holds something else or a campaign of another name.
    DataError
        A structure or potential cannot be used.
    """
    if "compare_pymatgen" not in config.diffusion.model_fields_set:
        # Of many runs, it takes longer than all the rest, and no table shows it.
        diffusion = config.diffusion.model_copy(update={"compare_pymatgen": False})
        config = config.model_copy(update={"diffusion": diffusion})
    table = expand(config)
    folder = _open_folder(Path(output), config.campaign.name, force=force).resolve()
    before = {task.id for task in read_tasks(folder)} if _is_campaign(folder) else set()
    (folder / STOP_FILE).unlink(missing_ok=True)  # of the time before
    tasks = _with_known_names(folder / TASKS_FOLDER, table.tasks)
    # First of all: another process that finds it knows that the folder is of this campaign.
    write_json(
        folder / CAMPAIGN_FILE,
        {
            "schema": SCHEMA,
            "version": SCHEMA_VERSION,
            "name": config.campaign.name,
            "concentration_label": config.campaign.concentration_label,
            "diffusion": config.diffusion.model_dump(mode="json"),
            "arrhenius": config.arrhenius.model_dump(mode="json"),
            "checkpoint_interval_s": config.md.checkpoint_interval_s,
            "tasks": [task.to_dict() for task in tasks],
        },
    )
    write_text(folder / "config.resolved.toml", to_toml(config))
    if isinstance(config, StudyConfig):
        write_ladder(config, folder / STRUCTURES_FOLDER)
    for name in (INPUTS_FOLDER, TASKS_FOLDER, TICKETS_FOLDER):
        (folder / name).mkdir(exist_ok=True)
    _write_inputs(folder / INPUTS_FOLDER, table)
    _write_tasks(folder / TASKS_FOLDER, {task.name: table.specs[task.id] for task in tasks})
    gone = before - {task.id for task in table.tasks}
    if gone:
        with log_file(folder / LOG_FILE):
            logger.info(f"{len(gone)} runs of earlier settings stay in {TASKS_FOLDER}/")
    return folder


def _is_campaign(folder: Path) -> bool:
    return (folder / CAMPAIGN_FILE).exists()


def _becomes_campaign(folder: Path) -> bool:
    """Whether another process has just begun a campaign here; wait while it writes the file."""
    deadline = time.monotonic() + BEGIN_S
    while any(folder.glob(f".{CAMPAIGN_FILE}.*.tmp")) and time.monotonic() < deadline:
        time.sleep(0.05)
    return _is_campaign(folder)


def _open_folder(folder: Path, name: str, *, force: bool) -> Path:
    """Make the folder of a campaign, or refuse it.

    A folder that another process has just begun is no foreign one.
    """
    if _is_campaign(folder) and force:
        running = [s for s in read_states(folder, read_tasks(folder)) if s.state == "running"]
        if running:
            raise ConfigError(
                f"{folder}: --force refused, {len(running)} runs are at work in it, the first "
                f"on {running[0].holder}"
            )
    if force:
        return prepare_folder(folder, force=True)
    if not _is_campaign(folder):
        try:
            check_folder(folder, resumable=False)
        except ConfigError:
            if not _becomes_campaign(folder):
                raise
    if _is_campaign(folder):
        found = read_campaign(folder)["name"]
        if found != name:
            raise ConfigError(
                f"{folder}: holds the campaign '{found}', not '{name}' (another --output, or "
                "--force to replace it)"
            )
    else:
        folder.mkdir(parents=True, exist_ok=True)
    return folder


def _write_inputs(folder: Path, table: Table) -> None:
    """Copy potentials and start structures, named by their hashes; those that are there stay."""
    from ase.io import write

    for hash_of_potential, source in table.potentials.items():
        target = folder / potential_file(hash_of_potential)
        if not target.exists():
            write_text(target, read_potential_text(source))
    for hash_of_structure, atoms in table.structures.items():
        target = folder / structure_file(hash_of_structure)
        if not target.exists():
            buffer = io.BytesIO()
            write(buffer, atoms, format="traj")  # ASE's own format: exact numbers
            write_bytes(target, buffer.getvalue())


def _with_known_names(folder: Path, tasks: list[CampaignTask]) -> list[CampaignTask]:
    """Give runs the names of the folders that they have from a time when they were called so."""
    places = {place.name[-SHORT_HASH:]: place for place in folder.glob(f"*-{'?' * SHORT_HASH}")}
    known = []
    for task in tasks:
        place = places.get(task.id[:SHORT_HASH])
        if place is None or place.name == task.name or spec_hash(read_spec(place)) != task.id:
            known.append(task)
        else:
            known.append(replace(task, name=place.name))
    return known


def _write_tasks(folder: Path, specs: dict[str, dict[str, Any]]) -> None:
    """Write the records of runs into their folders, by name; those that are there stay.

    A run that differs from one that is there in a longer production alone continues that, the one
    that has come farthest.
    """
    new = {name: spec for name, spec in specs.items() if not (folder / name / TASK_FILE).exists()}
    there: dict[str, list[tuple[int, float, str]]] = {}
    for place in folder.iterdir() if new else ():
        step, outcome = step_of(place), read_outcome(place)
        if step > 0 and (outcome is None or outcome.state == "finished"):
            trunk, length_ps = _trunk(read_spec(place))
            there.setdefault(trunk, []).append((step, length_ps, place.name))
    for name, spec in new.items():
        trunk, length_ps = _trunk(spec)
        shorter = [entry for entry in there.get(trunk, []) if 0 < entry[1] < length_ps]
        (folder / name).mkdir(exist_ok=True)
        record = {
            "id": spec_hash(spec),
            "spec": spec,
            "continues": max(shorter)[2] if shorter else None,
        }
        write_json(folder / name / TASK_FILE, record)


def _trunk(spec: dict[str, Any]) -> tuple[str, float]:
    """Hash of a record without the length of the production, and that length, ps."""
    protocol = Protocol(**spec["protocol"])
    rest = {key: value for key, value in spec["protocol"].items() if key != "production_ps"}
    return spec_hash(spec | {"protocol": rest}), protocol.production_ps
