"""``lionn campaign``: a table of independent runs of dynamics, on this machine or on many."""

from __future__ import annotations

import logging
import time
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from contextlib import contextmanager
from pathlib import Path

from lionn_rs.config_campaign import CampaignConfig
from lionn_rs.config_study import load_campaign_config
from lionn_rs.errors import ConfigError
from lionn_rs.files import write_text
from lionn_rs.md.single_run import ns_per_day
from lionn_rs.progress import ProgressDisplay
from lionn_rs.progress import progress as progress_display
from lionn_rs.workflows.campaign.analysis import analyze_campaign
from lionn_rs.workflows.campaign.folder import LOG_FILE, prepare_campaign
from lionn_rs.workflows.campaign.results import CampaignResult
from lionn_rs.workflows.campaign.status import (
    TaskState,
    read_state,
    read_tasks,
    status_line,
)
from lionn_rs.workflows.campaign.tasks import CampaignTask
from lionn_rs.workflows.campaign.worker import (
    TASKS_FOLDER,
    TICKETS_FOLDER,
    Order,
    Outcome,
    read_outcome,
    run_order,
)
from lionn_rs.workflows.jobs import claim
from lionn_rs.workflows.jobs.executors import open_executor, share_processors
from lionn_rs.workflows.jobs.journal import log_file
from lionn_rs.workflows.jobs.stop_file import stops_at_file

__all__ = ["campaign", "run_campaign"]

logger = logging.getLogger("lionn_rs.campaign")

TICK_S = 0.5
"""Time between two looks at the runs, s."""
LOOK_S = 2.0
"""Time between two looks at the checkpoints of runs at work, s, and as much for every 500 runs."""
MAX_DEATHS = 3
"""A run whose process was killed so often is given up until the campaign is started again."""


def campaign(
    config: CampaignConfig | str | Path,
    output: str | Path,
    *,
    workers: int | None = None,
    threads: int | None = None,
    dask: str | None = None,
    force: bool = False,
    progress: bool = True,
) -> CampaignResult:
    """Run dynamics at every temperature, structure, arrangement, size and seed, and compare.

    Every run is a folder of its own in ``tasks/`` of the output folder, named by what it is and the
    hash of everything that it depends on. A run that is finished is never repeated and one that was
    interrupted goes on, so that calling this again is how a campaign is resumed. With other
    settings there are other runs; those that are there stay. Several campaigns, on several
    machines, may work in one folder: no run is done twice.

    Parameters
    ----------
    config : CampaignConfig, str or Path
        The table, or a TOML file with it.
    output : str or Path
        Folder for everything that is written.
    workers : int, optional
        Runs side by side; default: ``n_workers`` of ``[md]``, or as many as there are processors
        for ``threads`` each.
    threads : int, optional
        Threads of each run; default: 1 where there are enough runs, with Dask 1.
    dask : str, optional
        Address of a Dask scheduler, whose workers run instead; they must see the output folder
        under the same name.
    force : bool
        Replace what the folder holds.
    progress : bool
        Show progress.

    Returns
    -------
    CampaignResult
        Runs, with those that failed, diffusivities and Arrhenius fits.

    Raises
    ------
    ConfigError
        Bad configuration, a folder of something else, no Dask scheduler at the address.
    DataError
        A structure or potential cannot be used.
    KeyboardInterrupt
        On Ctrl-C, after the runs at work have written their checkpoints.
    StoppedByFile
        The same, after somebody has made a file called ``stop`` in the folder.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import lionn_rs as lionn
    >>> from lionn_rs.config_campaign import CampaignConfig
    >>> images = lionn.read_images(lionn.datasets.load("lgps_gpaw_pbe")[::10])
    >>> descriptor = lionn.Gaussian.amp_default(["Ge", "Li", "P", "S"], cutoff=lionn.Cosine(3.5))
    >>> trained = lionn.train(
    ...     images, descriptor=descriptor, hidden_layers=(2,), max_iterations=5, progress=False
    ... )
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     trained.best.save(Path(folder) / "lgps.json")
    ...     config = CampaignConfig.model_validate(
    ...         {
    ...             "campaign": {"name": "demo", "potentials": [f"{folder}/lgps.json"]},
    ...             "md": {
    ...                 "structure": "dataset:lgps",
    ...                 "temperatures_K": [300],
    ...                 "heating_ps": 0.1,
    ...                 "equilibration_ps": 0.1,
    ...                 "production_ps": 0.2,
    ...             },
    ...         }
    ...     )
    ...     result = lionn.campaign(config, f"{folder}/out", progress=False)
    >>> [(run.task.structure, run.state) for run in result.runs]
    [('lgps', 'finished')]
    """
    if dask is not None and workers is not None:
        raise ConfigError("--workers is for this machine; with --dask its workers are used")
    share_processors(workers, threads, n_members=1, on_cluster=dask is not None)
    if not isinstance(config, CampaignConfig):
        config = load_campaign_config(config)
    folder = prepare_campaign(config, output, force=force)
    workers = workers or (config.md.n_workers if dask is None else None)
    errors = run_campaign(folder, workers=workers, threads=threads, dask=dask, progress=progress)
    return analyze_campaign(folder, errors=errors, progress=progress)


def run_campaign(
    folder: Path,
    *,
    workers: int | None = None,
    threads: int | None = None,
    dask: str | None = None,
    progress: bool = True,
) -> dict[str, str]:
    """Do all runs of a prepared campaign that have not ended; parameters as :func:`campaign`.

    Returns
    -------
    dict
        What kept runs from an end, by their names; they are attempted again when this is called
        again. (Runs that had to stop have an end.)

    Raises
    ------
    KeyboardInterrupt
        On Ctrl-C, after the runs at work have written their checkpoints.
    StoppedByFile
        The same, after somebody has made a file called ``stop`` in the folder.
    """
    stopping = stops_at_file(folder, "campaign", "the same command goes on")
    with stopping, log_file(folder / LOG_FILE):
        work = Work(folder, progress=progress)
        on_cluster = dask is not None
        workers, threads = share_processors(
            workers, threads, n_members=len(work.todo), on_cluster=on_cluster
        )
        if work.todo:
            with open_executor(workers, dask) as (executor, side_by_side):
                where = "on Dask" if on_cluster else f"{side_by_side} side by side"
                work.run(executor, threads, where)
        return work.errors


class Work:
    """The runs of a campaign that are to be done, and those that have ended.

    Parameters
    ----------
    folder : Path
        Folder of the campaign, absolute.
    progress : bool
        Show progress.
    """

    def __init__(self, folder: Path, *, progress: bool) -> None:
        self.folder = folder
        self.progress = progress
        self.states = {task.name: read_state(folder, task) for task in read_tasks(folder)}
        open_states = [state for state in self.states.values() if not state.ended]
        # The longest first, so that none of them is left over at the end.
        self.todo = [state.task for state in sorted(open_states, key=lambda state: -state.left)]
        self.errors: dict[str, str] = {}
        self._orders: Counter[str] = Counter()
        self._deaths: Counter[str] = Counter()
        self._futures: dict[Future[Outcome], CampaignTask] = {}
        self._elsewhere: dict[str, CampaignTask] = {}
        self._next_look = 0.0

    def run(self, executor: Executor, n_threads: int, where: str) -> None:
        """Do the runs; those that another process is at work on are waited for."""
        n_steps = sum(state.task.n_steps for state in self.states.values())
        with (
            self._ticket() as ticket,
            progress_display("campaign", n_steps, "steps", enabled=self.progress) as display,
        ):
            display.advance(self._share() * n_steps, skipped=True)
            text = f"{len(self.todo)} of {len(self.states)} runs to do, {where}"
            self._log(f"{text}, {n_threads} thread{'s' if n_threads > 1 else ''} each", display)
            for task in self.todo:
                self._submit(executor, task, ticket, n_threads)
            try:
                while self._futures or self._elsewhere:
                    done, _ = wait(self._futures, TICK_S, return_when=FIRST_COMPLETED)
                    if not self._futures:
                        time.sleep(TICK_S)
                    again = [self._take(future, display) for future in done]
                    for task in [*filter(None, again), *self._free()]:
                        self._submit(executor, task, ticket, n_threads)
                    self._look(display)
            except KeyboardInterrupt:
                (self.folder / TICKETS_FOLDER / ticket).unlink(missing_ok=True)
                self._log("interrupted: runs at work write their checkpoints", display)
                wait(self._futures)
                raise
            self._look(display, now=True)
            self._log(status_line(list(self.states.values())), display)

    @contextmanager
    def _ticket(self) -> Iterator[str]:
        """While the file lies in the folder, the runs are wanted by this process."""
        name = uuid.uuid4().hex
        path = self.folder / TICKETS_FOLDER / name
        write_text(path, "")
        try:
            yield name
        finally:
            path.unlink(missing_ok=True)

    def _submit(self, executor: Executor, task: CampaignTask, ticket: str, n_threads: int) -> None:
        self._orders[task.name] += 1
        order = Order(str(self.folder), task.name, ticket, n_threads, self._orders[task.name])
        self._futures[executor.submit(run_order, order)] = task

    def _take(self, future: Future[Outcome], display: ProgressDisplay) -> CampaignTask | None:
        """Note how an attempt ended; returns the run if it is to be attempted again at once."""
        task = self._futures.pop(future)
        failure = future.exception()
        if failure is None:
            outcome = future.result()
        else:  # of Dask: its workers died too often, or the scheduler has gone
            outcome = Outcome("error", f"{type(failure).__name__}: {failure}")
        if outcome.state == "busy":
            self._elsewhere[task.name] = task
            return None
        if outcome.state == "died":
            self._deaths[task.name] += 1
            if self._deaths[task.name] < MAX_DEATHS:
                self._log(f"{task.name}: {outcome.message}, goes on from its checkpoint", display)
                return task
        self._note(task, outcome, display)
        return None

    def _free(self) -> list[CampaignTask]:
        """Find runs that other processes were at work on and have left without an end."""
        free = []
        for name, task in list(self._elsewhere.items()):
            place = self.folder / TASKS_FOLDER / name
            outcome = read_outcome(place)
            if outcome is not None:
                del self._elsewhere[name]
                self._note(task, outcome)
            elif claim.holder(place) is None:
                del self._elsewhere[name]
                free.append(task)
        return free

    def _note(
        self, task: CampaignTask, outcome: Outcome, display: ProgressDisplay | None = None
    ) -> None:
        self.states[task.name] = read_state(self.folder, task)
        if not outcome.final:
            self.errors[task.name] = outcome.message
        text = f"{task.name}: {outcome.state}"
        self._log(f"{text} ({outcome.message})" if outcome.message else text, display)

    def _look(self, display: ProgressDisplay, *, now: bool = False) -> None:
        """Read how far the runs at work are, and move the display."""
        if not now and time.monotonic() < self._next_look:
            return
        self._next_look = time.monotonic() + LOOK_S * (1 + len(self.states) // 500)
        for name, state in self.states.items():
            if not state.ended:
                self.states[name] = read_state(self.folder, state.task)
        states = list(self.states.values())
        display.advance(
            self._share() * display.total - display.done,
            runs=f"{sum(state.ended for state in states)}/{len(states)}",
            speed=_speed(states),
        )

    def _share(self) -> float:
        """Share of the work that is done, by atom-steps: a large cell takes longer."""
        states = self.states.values()
        return 1.0 - sum(state.left for state in states) / sum(s.task.work for s in states)

    def _log(self, text: str, display: ProgressDisplay | None = None) -> None:
        logger.info(text)
        if display is not None:
            display.message(text)


def _speed(states: Sequence[TaskState]) -> str:
    """All runs at work together, ns/day."""
    rates = [
        ns_per_day(state.steps_per_second, state.task.timestep_fs)
        for state in states
        if state.state == "running" and state.steps_per_second is not None
    ]
    return f"{sum(rates):.3g} ns/day" if rates else "–"
