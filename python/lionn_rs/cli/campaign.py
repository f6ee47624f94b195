"""``lionn campaign``: many runs of dynamics on this machine, on Dask or with Slurm."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from lionn_rs.cli.common import Force, Output, Quiet, print_table, say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lionn_rs.workflows.campaign.results import CampaignResult

DEFAULT = "run"


class _RunsByDefault(TyperGroup):
    """``lionn campaign FILE`` is ``lionn campaign run FILE``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        first = next(iter(args), "")
        other = first in self.commands or first in ("", "-h", "--help")
        if not other and (first.startswith("-") or Path(first).suffix or Path(first).exists()):
            args = [DEFAULT, *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=_RunsByDefault,
    help="Dynamics at every temperature, composition, arrangement, size and seed: "
    "'lionn campaign sweep.toml --output runs/sweep'. The same command again goes on with it.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Folder = Annotated[Path, typer.Argument(help="Output folder of a campaign.")]


@app.command()
def run(
    config: Annotated[
        Path, typer.Argument(help="TOML file with the sections campaign, md and diffusion.")
    ],
    output: Output,
    workers: Annotated[
        int | None,
        typer.Option(
            help="Runs side by side; with --slurm, at most.", show_default="processors / threads"
        ),
    ] = None,
    threads: Annotated[
        int | None,
        typer.Option(help="Threads of each run.", show_default="1 if there are enough runs"),
    ] = None,
    dask: Annotated[
        str | None,
        typer.Option(
            help="Address of a Dask scheduler whose workers run, as tcp://host:8786; they must "
            "see the output folder.",
            show_default="this machine",
        ),
    ] = None,
    slurm: Annotated[
        Path | None,
        typer.Option(
            help="Run nothing, write a Slurm array script to this file.", show_default="none"
        ),
    ] = None,
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Do all runs that are not finished, then analyze. The word 'run' may be left out.

    Runs that are finished are never repeated, interrupted ones go on with the same bits. With
    other settings there are other runs, in the same folder. A run that has to stop is reported
    and the others go on.
    """
    from lionn_rs.errors import ConfigError, SimulationError
    from lionn_rs.workflows.campaign.run import campaign

    if slurm is not None:
        if dask is not None:
            raise ConfigError("--slurm and --dask exclude each other")
        _write_script(config, output, slurm, workers=workers, threads=threads, force=force)
        return
    result = campaign(
        config,
        output,
        workers=workers,
        threads=threads,
        dask=dask,
        force=force,
        progress=not quiet,
    )
    _show(result)
    n_bad = len(result.failed) + len(result.errors)
    if n_bad:
        from lionn_rs.workflows.campaign.tables import failure_lines

        text = f"{n_bad} of {len(result.runs)} runs have no result, the first: "
        raise SimulationError(text + failure_lines(result)[0])


@app.command()
def status(folder: Folder) -> None:
    """Say how far the runs are, how fast, and how long they will take; also while they run."""
    from lionn_rs.workflows.campaign.status import (
        HEADER,
        read_states,
        read_tasks,
        status_line,
        status_rows,
    )

    states = read_states(folder, read_tasks(folder))
    _print(HEADER, status_rows(states))
    say(status_line(states))
    for state in states:
        if state.state == "failed":
            say(f"{state.task.name} failed: {state.message}")


@app.command()
def analyze(folder: Folder, quiet: Quiet = False) -> None:
    """Diffusivities, Arrhenius lines, tables and figures of what there is; also while it runs."""
    from lionn_rs.workflows.campaign.analysis import analyze_campaign

    _show(analyze_campaign(folder, progress=not quiet))


@app.command("run-task")
def run_task(
    folder: Folder,
    task: Annotated[
        str, typer.Argument(help="Name of a run, or the first digits of its hash (8 or more).")
    ],
    threads: Annotated[
        int | None, typer.Option(help="Threads of the run.", show_default="processors")
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Do one run in this process, or go on with it: what a Slurm script calls.

    SIGTERM and Ctrl-C write a checkpoint.
    """
    import signal

    from lionn_rs.errors import ConfigError, SimulationError
    from lionn_rs.workflows.campaign.worker import TASKS_FOLDER
    from lionn_rs.workflows.campaign.worker import run_task as do_run

    name = _find(folder, task)
    # A shell that runs a script starts what it puts into the background deaf to Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    outcome = do_run(folder.resolve() / TASKS_FOLDER / name, n_threads=threads, progress=not quiet)
    if outcome.state == "busy":
        raise ConfigError(f"{name}: {outcome.message}; wait for it, or for two minutes if it died")
    if outcome.state == "failed":
        raise SimulationError(f"{name}: {outcome.message}")
    say(f"{name}: {outcome.message or outcome.state}")


def _find(folder: Path, text: str) -> str:
    """Name of the run that a text means."""
    from lionn_rs.errors import ConfigError
    from lionn_rs.workflows.campaign.status import read_tasks
    from lionn_rs.workflows.campaign.tasks import SHORT_HASH

    tasks = read_tasks(folder)
    for entry in tasks:
        if text == entry.name or (len(text) >= SHORT_HASH and entry.id.startswith(text)):
            return entry.name
    raise ConfigError(
        f"{folder}: no run '{text}' (there are {len(tasks)}, the first: {tasks[0].name})"
    )


def _write_script(
    config: Path,
    output: Path,
    file: Path,
    *,
    workers: int | None,
    threads: int | None,
    force: bool,
) -> None:
    """Prepare the folder and write the script of an array job."""
    from lionn_rs.config_study import load_campaign_config
    from lionn_rs.errors import ConfigError
    from lionn_rs.files import write_text
    from lionn_rs.workflows.campaign.folder import prepare_campaign
    from lionn_rs.workflows.campaign.slurm import array_script
    from lionn_rs.workflows.campaign.status import read_states, read_tasks
    from lionn_rs.workflows.jobs.executors import share_processors

    share_processors(workers, threads, n_members=1, on_cluster=True)
    checked = load_campaign_config(config)
    if not file.parent.is_dir():
        raise ConfigError(f"--slurm {file}: no such folder as {file.parent}")
    folder = prepare_campaign(checked, output, force=force)
    states = read_states(folder, read_tasks(folder))
    left = [state.task.name for state in states if not state.ended]
    script = array_script(
        folder, left, job=checked.campaign.name, n_threads=threads or 1, at_a_time=workers
    )
    write_text(file, script)
    say(f"{len(left)} runs; look at {file}, then: sbatch {file}")


def _show(result: CampaignResult) -> None:
    from lionn_rs.workflows.campaign.analysis import ANALYSIS_FOLDER
    from lionn_rs.workflows.campaign.status import status_line
    from lionn_rs.workflows.campaign.tables import failure_lines, group_rows

    _print(*group_rows(result))
    say(status_line(result.states))
    for group in result.groups:
        if group.reason and group.finished:
            say(f"{result.label(group)}: {group.reason}")
    for entry in result.comparisons:
        say(entry.reason if entry.result is None else entry.result.statement())
    for line in failure_lines(result):
        say(line)
    say(f"tables and figures: {result.folder / ANALYSIS_FOLDER}")


def _print(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich.table import Table

    table = Table()
    for k, name in enumerate(header):
        table.add_column(name, justify="left" if k == 0 else "right")
    for row in rows:
        table.add_row(*row)
    print_table(table)
