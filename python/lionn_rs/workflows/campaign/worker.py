"""One run of a campaign: a pure function of the JSON record in its folder.

:func:`run_task` does it in this process, :func:`run_order` in a process of its own, which is what
a pool of threads on this machine or a Dask worker calls (see
:mod:`lionn_rs.workflows.jobs.processes`). A run that is finished is never repeated, one that was
interrupted goes on from its checkpoint with the same bits, and no two processes work on one run
(see :mod:`lionn_rs.workflows.jobs.claim`).
"""

from __future__ import annotations

import json
import shutil
import sys
import time
import traceback
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from lionn_rs.errors import DataError, SimulationError
from lionn_rs.files import write_bytes, write_json
from lionn_rs.workflows.campaign.tasks import SHORT_HASH, spec_hash
from lionn_rs.workflows.jobs import claim
from lionn_rs.workflows.jobs.processes import module_process, serve, supervise

if TYPE_CHECKING:
    from ase import Atoms

    from lionn_rs.committee import Committee
    from lionn_rs.md import MdJob, MdResult
    from lionn_rs.potential import BasePotential

__all__ = [
    "BUSY",
    "Order",
    "Outcome",
    "read_outcome",
    "read_spec",
    "run_order",
    "run_task",
    "step_of",
]

CAMPAIGN_FILE = "campaign.json"
TASKS_FOLDER = "tasks"
INPUTS_FOLDER = "inputs"
TICKETS_FOLDER = "tickets"
TASK_FILE = "task.json"
RESULT_FILE = "result.json"
LOG_FILE = "errors.log"
DIFFUSION_FILE = "diffusion.json"
BUSY = 75
"""Exit code when another process is at work on the run (EX_TEMPFAIL)."""

State = Literal["finished", "failed", "busy", "died", "error", "stopped"]


@dataclass(frozen=True)
class Outcome:
    """How an attempt at a run ended.

    Attributes
    ----------
    state : str
        "finished"; "failed": the dynamics had to stop, and would again; "busy": another process is
        at work on it; "died": its process was killed; "error": anything else that went wrong;
        "stopped": it was told to.
    message : str
        One line if it went wrong.
    """

    state: State
    message: str = ""

    @property
    def final(self) -> bool:
        """Whether the run is not to be attempted again."""
        return self.state in ("finished", "failed")


@dataclass(frozen=True)
class Order:
    """What an executor passes on.

    Attributes
    ----------
    campaign : str
        Folder of the campaign, absolute.
    name : str
        Name of the run.
    ticket : str
        Name of the file that lies in the campaign while whoever gave the order wants it.
    n_threads : int
    attempt : int
        Number of the order; makes two orders for one run different.
    """

    campaign: str
    name: str
    ticket: str
    n_threads: int
    attempt: int

    @property
    def folder(self) -> Path:
        """Folder of the run."""
        return Path(self.campaign) / TASKS_FOLDER / self.name

    @property
    def wanted(self) -> bool:
        """Whether whoever gave the order is still at work."""
        return (Path(self.campaign) / TICKETS_FOLDER / self.ticket).exists()


def potential_file(hash_of_potential: str) -> str:
    """Name of a potential among the inputs."""
    return f"potential-{hash_of_potential[:SHORT_HASH]}.json"


def structure_file(hash_of_structure: str) -> str:
    """Name of a start structure among the inputs."""
    return f"structure-{hash_of_structure[:SHORT_HASH]}.traj"


def read_spec(folder: Path) -> dict[str, Any]:
    """Record of a run, checked against its hash.

    Raises
    ------
    DataError
        It is missing or has been changed.
    """
    return _read_task(folder)[0]


def _read_task(folder: Path) -> tuple[dict[str, Any], str | None]:
    """Record of a run, and the name of a shorter run that it continues."""
    path = folder / TASK_FILE
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        spec, id, shorter = content["spec"], content["id"], content["continues"]
    except FileNotFoundError:
        raise DataError(f"{path}: no such file, this is not a run of a campaign") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path}: damaged ({error})") from error
    if spec_hash(spec) != id:
        raise DataError(f"{path}: has been changed, its hash is not {id[:SHORT_HASH]} any more")
    return spec, shorter


def read_outcome(folder: Path) -> Outcome | None:
    """How a run ended, None if it has not."""
    try:
        content = json.loads((folder / RESULT_FILE).read_text(encoding="utf-8"))
        return Outcome(content["status"], content["message"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def run_task(folder: Path, *, n_threads: int | None = None, progress: bool = False) -> Outcome:
    """Do one run of a campaign in this process, or go on with it.

    Parameters
    ----------
    folder : Path
        ``tasks/NAME`` of the campaign, with its record.
    n_threads : int, optional
        Threads of the force call; default: all cores. The result has the same bits for any.
    progress : bool
        Show progress.

    Returns
    -------
    Outcome
        "finished", "failed", "busy", or "stopped" by a file. A run that has ended is not touched.

    Raises
    ------
    DataError
        The record, the potential or the structure is missing or has changed.
    KeyboardInterrupt
        After Ctrl-C, once a checkpoint is written.
    """
    from lionn_rs.md import MdJob, Protocol

    outcome = read_outcome(folder)
    if outcome is not None:
        return outcome
    spec, shorter = _read_task(folder)
    taken = claim.take(folder, n_threads=n_threads)
    if taken is None:
        return Outcome("busy", "another process is at work on it")
    ended: str = "interrupted"
    before_s = time.process_time()
    try:
        outcome = read_outcome(folder)  # it may have ended while this process looked elsewhere
        if outcome is None:
            potential, atoms, committee = _inputs(folder.parents[1], spec)
            job = MdJob(
                potential,
                atoms,
                Protocol(**spec["protocol"]),
                folder,
                resume=True,
                committee=committee,
            )
            if shorter is not None:
                _inherit(folder, folder.with_name(shorter))
            taken.note(first_step=step_of(folder))
            outcome = _dynamics(folder, taken, job, n_threads, progress)
        ended = outcome.state
    except Exception:
        ended = "error"
        raise
    finally:
        # On a shared machine the time of the clock says little about the cost.
        processor_s = round(time.process_time() - before_s, 3)
        taken.release(last_step=step_of(folder), outcome=ended, processor_s=processor_s)
    return outcome


def _dynamics(
    folder: Path, taken: claim.Claim, job: MdJob, n_threads: int | None, progress: bool
) -> Outcome:
    """Run, and write the result: the last file of a run."""
    from lionn_rs.md import run_md
    from lionn_rs.md.checkpoint import CHECKPOINT_FILE
    from lionn_rs.md.stopping import BY_FILE
    from lionn_rs.workflows.dynamics import load_stopped, run_record

    message = ""
    result: MdResult | None = load_stopped(folder)
    if result is None:
        try:
            result = run_md(
                job.potential,
                job.atoms,
                job.protocol,
                output=folder,
                resume=job.resume,
                committee=job.committee,
                progress=progress,
                n_threads=n_threads,
                checkpoint_interval_s=_checkpoint_interval(folder.parents[1]),
            )
        except SimulationError as error:
            message, result = str(error), load_stopped(folder)
            if result is None and (folder / CHECKPOINT_FILE).exists():
                raise  # nothing that the dynamics would meet again
    if result is not None and result.metadata.get("stopped_by") == BY_FILE:
        return Outcome("stopped", result.message)
    record = None
    if result is not None:  # else it had to stop before its first step
        message, record = result.message, run_record(result)
        del record["folder"]
    ended = result is not None and result.status == "finished"
    outcome = Outcome("finished" if ended else "failed", message)
    write_json(
        folder / RESULT_FILE,
        {
            "status": outcome.state,
            "message": outcome.message,
            "attempts": taken.number,
            "ended": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
            "run": record,
        },
    )
    return outcome


def _inherit(folder: Path, shorter: Path) -> None:
    """Start a run from where one is that differs in a shorter production alone.

    That one may be finished or interrupted, but nobody may be at work on it. The checkpoint comes
    last and at once: without it the run starts from its beginning, with the same bits.
    """
    from lionn_rs.md.checkpoint import CHECKPOINT_FILE

    checkpoint = shorter / CHECKPOINT_FILE
    outcome = read_outcome(shorter)
    failed = outcome is not None and outcome.state == "failed"
    if failed or (folder / CHECKPOINT_FILE).exists() or not checkpoint.exists():
        return
    taken = claim.take(shorter)
    if taken is None:
        return
    try:
        own = (TASK_FILE, RESULT_FILE, DIFFUSION_FILE, LOG_FILE, CHECKPOINT_FILE)
        for path in shorter.iterdir():
            if path.name not in own and not path.name.startswith(("attempt-", ".")):
                shutil.copyfile(path, folder / path.name)
        write_bytes(folder / CHECKPOINT_FILE, checkpoint.read_bytes())
    finally:
        taken.release(last_step=step_of(shorter), outcome=f"copied to {folder.name}")


def _checkpoint_interval(campaign: Path) -> float:
    """Wall time between checkpoints, s, as the campaign was last started with.

    It changes no bit of a run, so a campaign that does not say has the default.
    """
    from lionn_rs.md.single_run import CHECKPOINT_INTERVAL_S

    try:
        content = json.loads((campaign / CAMPAIGN_FILE).read_text(encoding="utf-8"))
        return float(content["checkpoint_interval_s"])
    except (OSError, ValueError, KeyError, TypeError):
        return CHECKPOINT_INTERVAL_S


def _inputs(campaign: Path, spec: dict[str, Any]) -> tuple[BasePotential, Atoms, Committee | None]:
    """Potential, start structure and the committee that watches, checked against their hashes."""
    from ase.io import read

    from lionn_rs.committee import Committee, load
    from lionn_rs.md.checkpoint import hash_structure

    inputs = campaign / INPUTS_FOLDER

    def loaded(hash_of_potential: str) -> BasePotential:
        path = inputs / potential_file(hash_of_potential)
        found = load(path)
        if found.hash != hash_of_potential:
            raise DataError(f"{path}: has changed since the campaign was started")
        return found

    potential = loaded(spec["potential"])
    committee = loaded(spec["committee"]) if "committee" in spec else None
    assert committee is None or isinstance(committee, Committee)
    path = inputs / structure_file(spec["structure"])
    try:
        atoms = cast("Atoms", read(path))
    except Exception as error:
        # ASE's readers raise whatever their parser meets.
        raise DataError(f"{path}: cannot be read ({error})") from error
    if hash_structure(atoms) != spec["structure"]:
        raise DataError(f"{path}: has changed since the campaign was started")
    return potential, atoms, committee


def step_of(folder: Path) -> int:
    """Count the steps of a run up to its last checkpoint; 0 if it has none."""
    from lionn_rs.md.trajectory import METADATA_FILE

    try:
        return int(json.loads((folder / METADATA_FILE).read_text(encoding="utf-8"))["step"])
    except (OSError, ValueError, KeyError):
        return 0


def run_order(order: Order) -> Outcome:
    """Do a run in a process of its own and wait for it; a failure is an outcome."""
    if not Path(order.campaign).is_dir():
        return Outcome("error", f"{order.campaign}: no such folder on the machine of the worker")
    if not order.wanted:
        return Outcome("stopped")
    ended = supervise(
        module_process("lionn_rs.workflows.campaign.worker", order.n_threads),
        asdict(order),
        lambda: order.wanted,
    )
    outcome = read_outcome(order.folder)
    if outcome is not None:
        return outcome
    if not order.wanted:
        return Outcome("stopped")
    if ended.code == BUSY:
        return Outcome("busy", "another process is at work on it")
    return Outcome("died" if ended.code < 0 else "error", ended.reason)


def _work(task: dict[str, Any]) -> int:
    order = Order(**task)
    outcome = run_task(order.folder, n_threads=order.n_threads)
    if outcome.state == "stopped":
        sys.stdout.write(outcome.message + "\n")
        return 1
    return BUSY if outcome.state == "busy" else 0


def _log_failure(task: dict[str, Any]) -> None:
    """Add the traceback of the present error to the folder of the run."""
    folder = Order(**task).folder
    if folder.is_dir():
        with (folder / LOG_FILE).open("a", encoding="utf-8") as stream:
            stream.write(traceback.format_exc())


if __name__ == "__main__":
    sys.exit(serve(_work, _log_failure))
