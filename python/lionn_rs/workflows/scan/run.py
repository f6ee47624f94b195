"""``lionn scan``: a grid of descriptors, topologies and seeds, trained side by side."""

from __future__ import annotations

import io
import json
import logging
import uuid
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lionn_rs.config import ScanConfig
from lionn_rs.config_file import load_config, to_toml
from lionn_rs.data.images import data_hash, label_images
from lionn_rs.data.split import Split
from lionn_rs.errors import ConfigError, DataError, LionnError
from lionn_rs.files import prepare_folder, write_bytes, write_json, write_text
from lionn_rs.progress import ProgressDisplay
from lionn_rs.progress import progress as progress_display
from lionn_rs.training.memory import FREE_MEMORY_SHARE, GIGABYTE, free_memory
from lionn_rs.training.metrics import Metrics
from lionn_rs.training.session import HISTORY_NAME
from lionn_rs.workflows.describe import software
from lionn_rs.workflows.figures import save_figure
from lionn_rs.workflows.inputs import load_images, make_descriptor
from lionn_rs.workflows.jobs.executors import open_executor, share_processors
from lionn_rs.workflows.jobs.journal import log_file
from lionn_rs.workflows.jobs.stop_file import stops_at_file
from lionn_rs.workflows.scan.grid import Plan, differences, expand, grid_record
from lionn_rs.workflows.scan.results import ScanMember, ScanResult, loss_of
from lionn_rs.workflows.scan.tables import (
    csv_table,
    markdown,
    notes,
    outcome_line,
    recommendation,
    to_record,
)
from lionn_rs.workflows.scan.timing import time_members
from lionn_rs.workflows.scan.worker import (
    IMAGES_FILE,
    MEMBERS_FOLDER,
    SPLIT_FILE,
    TICKET_FILE,
    MemberOutcome,
    MemberTask,
    read_result,
    run_member,
)
from lionn_rs.workflows.training import split_images

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["scan"]

logger = logging.getLogger("lionn_rs.scan")

GRID_FILE = "scan.json"
LOG_FILE = "scan.log"
RESULTS_FILE = "results.json"
LINE_BYTES = 400
"""More than a line of the history."""
TICK_S = 1.0
"""Time between two looks at the progress of the members, s."""


def scan(
    config: ScanConfig | str | Path,
    output: str | Path,
    *,
    workers: int | None = None,
    threads: int | None = None,
    dask: str | None = None,
    resume: bool = False,
    force: bool = False,
    progress: bool = True,
) -> ScanResult:
    """Train every descriptor with every topology and seed, and compare them.

    The images are split once; members differ in descriptor, topology and initial weights alone.
    Each is trained in a process of its own, as ``lionn train`` does, in
    ``members/DESCRIPTOR-TOPOLOGY-seedN`` of the output folder. A member that fails is part of the
    result, the others go on.

    Parameters
    ----------
    config : ScanConfig, str or Path
        The grid and the training, or a TOML file with them.
    output : str or Path
        Folder for everything that is written.
    workers : int, optional
        Members side by side; default: as many as there are processors for ``threads`` each.
    threads : int, optional
        Threads of each member; default: the processors shared among the workers, with Dask 1.
    dask : str, optional
        Address of a Dask scheduler, whose workers train instead; they must see the output folder
        under the same name. The threads of a worker say how many members it trains side by side.
    resume : bool
        Keep finished members, go on with interrupted ones from their checkpoints, try failed ones
        again. The grid may have grown; any other change is refused.
    force : bool
        Replace what the folder holds.
    progress : bool
        Show progress.

    Returns
    -------
    ScanResult
        Members, averages over the seeds, the best by validation error.

    Raises
    ------
    ConfigError
        Bad configuration, a folder of another scan, no Dask scheduler at the address.
    DataError
        The images cannot be used.
    StoppedByFile
        The user made a file called ``stop`` in the output folder.
    KeyboardInterrupt
        On Ctrl-C, after the members at work have written their checkpoints.

    Examples
    --------
    >>> import tempfile
    >>> import lionn_rs as lionn
    >>> from lionn_rs.config import ScanConfig
    >>> config = ScanConfig.model_validate(
    ...     {
    ...         "data": {"images": ["dataset:lgps_gpaw_pbe"], "index": "::10"},
    ...         "descriptor": {"cutoff": 3.0},
    ...         "training": {"max_iterations": 2},
    ...         "scan": {"hidden_layers": [[2]], "seeds": [1, 2]},
    ...     }
    ... )
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     result = lionn.scan(config, folder, progress=False)
    >>> [member.name for member in result.members]
    ['descriptor-2-seed1', 'descriptor-2-seed2']
    """
    if not isinstance(config, ScanConfig):
        config = load_config(config, ScanConfig)
    if dask is not None and workers is not None:
        raise ConfigError("--workers is for this machine; with --dask its workers are used")
    on_cluster = dask is not None
    share_processors(workers, threads, n_members=1, on_cluster=on_cluster)  # wrong ones end here
    images = load_images(config.data)
    _check_descriptors(config, images)
    parts = split_images(config.data, images)
    if not parts.validation:
        raise DataError(f"{len(images)} images are too few for a validation set")
    folder = prepare_folder(output, force=force, resume=resume).resolve()
    with stops_at_file(folder), log_file(folder / LOG_FILE):
        run = Scan(config, images, parts, folder, progress=progress)
        finished = run.finished()
        n_members = len(run.plans) - len(finished)
        workers, threads = share_processors(
            workers, threads, n_members=n_members, on_cluster=on_cluster
        )
        with open_executor(workers, dask) as (executor, side_by_side):
            trained = run.train(executor, finished, threads, side_by_side, on_cluster=on_cluster)
        return run.finish(finished | trained)


def _check_descriptors(config: ScanConfig, images: list[Atoms]) -> None:
    """Refuse descriptors that cannot be made, before anything is trained."""
    elements = sorted({symbol for atoms in images for symbol in atoms.get_chemical_symbols()})
    for name, plan in {plan.descriptor: plan for plan in expand(config)}.items():
        try:
            make_descriptor(plan.config.descriptor, elements, images)
        except LionnError as error:
            raise ConfigError(f"descriptor '{name}': {error}") from error


class Scan:
    """One output folder and what is trained in it.

    Parameters
    ----------
    config : ScanConfig
    images : list of Atoms
        Labeled images.
    parts : Split
        The same images in three sets.
    folder : Path
        The output folder, absolute.
    progress : bool
        Show progress.

    Raises
    ------
    ConfigError
        The folder holds something else, or a scan with other settings.
    """

    def __init__(
        self,
        config: ScanConfig,
        images: list[Atoms],
        parts: Split,
        folder: Path,
        *,
        progress: bool = True,
    ) -> None:
        self.config = config
        self.folder = folder
        self.progress = progress
        self.plans = expand(config)
        self.data_hash = data_hash(label_images(images))
        self.images = images
        record = grid_record(config, self.data_hash)
        self.parts = self._stored_split(record) or parts
        # The record comes last: what a folder with it says of its images and split is true.
        if not ((folder / GRID_FILE).exists() and (folder / IMAGES_FILE).exists()):
            _write_images(folder / IMAGES_FILE, images)
        write_json(folder / SPLIT_FILE, self.parts.to_dict())
        write_text(folder / "config.resolved.toml", to_toml(config))
        write_json(folder / GRID_FILE, record)
        text = json.dumps([self.data_hash, self.parts.indices])
        self.fingerprints = {plan.name: plan.fingerprint(text) for plan in self.plans}

    def member_folder(self, plan: Plan) -> Path:
        """Folder of one member."""
        return self.folder / MEMBERS_FOLDER / plan.name

    def finished(self) -> dict[str, MemberOutcome]:
        """Members that need no training any more, by name."""
        return {
            plan.name: MemberOutcome(result)
            for plan in self.plans
            if (result := read_result(self.member_folder(plan), self.fingerprints[plan.name]))
        }

    def train(
        self,
        executor: Executor,
        finished: Collection[str],
        n_threads: int,
        side_by_side: int,
        *,
        on_cluster: bool,
    ) -> dict[str, MemberOutcome]:
        """Train all members but the finished ones; returns how each ended, by name.

        Raises
        ------
        KeyboardInterrupt
            On Ctrl-C, after the members at work have stopped.
        """
        tasks = self._tasks(
            [plan for plan in self.plans if plan.name not in finished],
            n_threads,
            side_by_side,
            on_cluster=on_cluster,
        )
        n_members = len(self.plans)
        self._log(f"{len(finished)} of {n_members} members finished before")
        outcomes: dict[str, MemberOutcome] = {}
        with (
            self._ticket(tasks),
            progress_display("scan", n_members, "members", enabled=self.progress) as display,
        ):
            before = len(finished) + sum(self._share(task) for task in tasks)
            display.advance(before, skipped=True)
            if tasks:
                where = "on Dask" if on_cluster else f"{side_by_side} side by side"
                s = "s" if n_threads > 1 else ""
                text = f"training {len(tasks)} of {n_members} members, {where}, "
                text += f"{n_threads} thread{s} each"
                self._log(text, display)
            futures = {executor.submit(run_member, task): task for task in tasks}
            try:
                for task, outcome in self._outcomes(futures, display):
                    outcomes[task.name] = outcome
                    self._log(outcome_line(task.name, outcome), display)
            except KeyboardInterrupt:
                (self.folder / TICKET_FILE).unlink(missing_ok=True)
                self._log("interrupted: members at work write their checkpoints", display)
                wait(futures)
                raise
        if any(not (outcome.result or outcome.error) for outcome in outcomes.values()):
            raise ConfigError(f"{self.folder}: another scan has taken over this folder")
        return outcomes

    def finish(self, outcomes: dict[str, MemberOutcome]) -> ScanResult:
        """Time the members one after the other, write tables and figures."""
        members = [self._member(plan, outcomes[plan.name]) for plan in self.plans]
        finished = [member for member in members if not member.error]
        times = time_members(finished, self.parts.train[0], self.folder, progress=self.progress)
        members = [replace(member, us_per_atom=times.get(member.name)) for member in members]
        result = ScanResult(members, self.folder)
        write_text(self.folder / "table.csv", csv_table(result))
        write_text(self.folder / "table.md", markdown(result, notes(result, self.parts)))
        about = {"software": software(), "data_hash": self.data_hash}
        write_json(self.folder / RESULTS_FILE, to_record(result, **about))
        if result.finished:
            from lionn_rs.plots.scan import plot_pareto, plot_scan_errors

            save_figure(plot_scan_errors(result), self.folder, "errors")
            if times:
                save_figure(plot_pareto(result), self.folder, "pareto")
            for line in recommendation(result):
                logger.info(line)
        return result

    def _stored_split(self, record: dict[str, Any]) -> Split | None:
        """Split of the scan that the folder holds, after comparing its settings; None if none."""
        if not (self.folder / GRID_FILE).exists():
            if (self.folder / MEMBERS_FOLDER).exists() or (self.folder / "best.json").exists():
                raise ConfigError(f"{self.folder}: holds no scan that could be resumed")
            return None
        before = _read_json(self.folder / GRID_FILE)
        changes = differences(before, json.loads(json.dumps(record)))
        if changes:
            raise ConfigError(
                f"{self.folder}: holds a scan with other settings: {'; '.join(changes)} "
                "(members may be added; --force starts over)"
            )
        return Split.from_dict(self.images, _read_json(self.folder / SPLIT_FILE))

    def _tasks(
        self, plans: Sequence[Plan], n_threads: int, side_by_side: int, *, on_cluster: bool
    ) -> list[MemberTask]:
        memory = self.config.training.max_memory_gb
        if memory is None and not on_cluster and (free := free_memory()) is not None:
            memory = FREE_MEMORY_SHARE * free / GIGABYTE
        ticket = uuid.uuid4().hex
        return [
            MemberTask(
                scan=str(self.folder),
                name=plan.name,
                config=plan.config.model_dump(mode="json", exclude_unset=True),
                fingerprint=self.fingerprints[plan.name],
                data_hash=self.data_hash,
                ticket=ticket,
                n_threads=n_threads,
                max_memory_gb=None if memory is None else memory / side_by_side,
                side_by_side=side_by_side,
            )
            for plan in plans
        ]

    @contextmanager
    def _ticket(self, tasks: Sequence[MemberTask]) -> Iterator[None]:
        """While it lies in the folder the members are wanted."""
        path = self.folder / TICKET_FILE
        if tasks:
            write_text(path, tasks[0].ticket)
        try:
            yield
        finally:
            if tasks and tasks[0].wanted:
                path.unlink(missing_ok=True)

    def _outcomes(
        self, futures: dict[Future[MemberOutcome], MemberTask], display: ProgressDisplay
    ) -> Iterator[tuple[MemberTask, MemberOutcome]]:
        """Yield members as they end, and keep the display moving in between."""
        pending = set(futures)
        while pending:
            done, pending = wait(pending, TICK_S, return_when=FIRST_COMPLETED)
            for future in done:
                failure = future.exception()
                text = f"{type(failure).__name__}: {failure}"
                yield (
                    futures[future],
                    future.result() if failure is None else MemberOutcome(error=text),
                )
            under_way = sum(self._share(futures[future]) for future in pending)
            display.advance(len(self.plans) - len(pending) + under_way - display.done)

    def _share(self, task: MemberTask) -> float:
        """Share of its iterations that a member has made, from the history it has written."""
        options = self.config.training
        try:
            with (task.folder / HISTORY_NAME).open("rb") as stream:
                stream.seek(-min(LINE_BYTES, stream.seek(0, io.SEEK_END)), io.SEEK_END)
                start, iteration = (int(text) for text in stream.readlines()[-1].split(b",")[:2])
        except (OSError, ValueError, IndexError):  # not there yet, or only its header
            return 0.0
        done = start * options.max_iterations + iteration
        return min(done / (options.n_starts * options.max_iterations), 1.0)

    def _member(self, plan: Plan, outcome: MemberOutcome) -> ScanMember:
        head: dict[str, Any] = {
            "name": plan.name,
            "descriptor": plan.descriptor,
            "hidden_layers": plan.hidden_layers,
            "seed": plan.seed,
            "folder": self.member_folder(plan),
        }
        if outcome.result is None:
            return ScanMember(**head, error=outcome.error)
        result = outcome.result
        metrics = {name: Metrics(**entry) for name, entry in result["metrics"].items()}
        keys = ("n_parameters", "best_iteration", "iterations", "stop_reason")
        return ScanMember(
            **head,
            n_features=max(result["n_features"].values()),
            metrics=metrics,
            validation_loss=loss_of(metrics["validation"], self.config.training),
            **{key: result[key] for key in (*keys, "seconds", "n_threads")},
        )

    def _log(self, text: str, display: ProgressDisplay | None = None) -> None:
        logger.info(text)
        if display is not None:
            display.message(text)


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: damaged ({error}); start again with --force") from error
    return content


def _write_images(path: Path, images: list[Atoms]) -> None:
    """Write images in ASE's own format: exact numbers, and ``ase gui`` shows them."""
    from ase.io import write

    buffer = io.BytesIO()
    write(buffer, images, format="traj")
    write_bytes(path, buffer.getvalue())
