"""``lionn label``: energies, forces and stresses of frames from an electronic-structure code."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lionn_rs.config_file import load_config, parse_config
from lionn_rs.config_label import LabelConfig
from lionn_rs.errors import ConfigError
from lionn_rs.workflows.jobs.executors import open_executor, share_processors
from lionn_rs.workflows.jobs.journal import log_file
from lionn_rs.workflows.label.calculators import check_calculator
from lionn_rs.workflows.label.folder import LOG_FILE, prepare_label
from lionn_rs.workflows.label.frames import read_frames
from lionn_rs.workflows.label.result import LabelResult
from lionn_rs.workflows.label.work import Work

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["label"]

MAX_ORDERS = 256
"""Workers asked for on a cluster; those that find nothing to do end at once."""


def label(
    frames: str | Path | Sequence[str | Path] | Sequence[Atoms],
    output: str | Path,
    *,
    config: LabelConfig | str | Path | None = None,
    calculator: str | None = None,
    settings: dict[str, Any] | None = None,
    index: str = ":",
    workers: int | None = None,
    threads: int | None = None,
    dask: str | None = None,
    retry_failed: bool = False,
    force: bool = False,
    progress: bool = True,
) -> LabelResult:
    """Label frames with a calculator of ASE, several at a time; nothing is lost or done twice.

    Every frame is a folder in ``frames/`` of the output folder, named by the hash of its structure
    and of the level of theory. A frame that has a label, or has failed, is never done again, so
    that calling this once more is how an interrupted labelling goes on; frames that are new are
    added. Several processes, on several machines, may work in one folder. Frames that fail are
    dropped with the reason.

    Parameters
    ----------
    frames : str, Path, sequence of them, or sequence of ase.Atoms
        Files that ASE reads. Energies and forces that they hold are ignored.
    output : str or Path
        Folder for everything that is written; the labels are in ``labelled.extxyz``.
    config : LabelConfig, str or Path, optional
        Settings, or a TOML file with a section ``[label]``.
    calculator : str, optional
        Name of a calculator, over that of ``config``.
    settings : dict, optional
        Its arguments, without a ``config``.
    index : str
        Which frames of each file, as in ASE (``"::10"``).
    workers : int, optional
        Frames side by side; default: ``n_workers`` of ``[label]``, or as many as there are
        processors for ``threads`` each.
    threads : int, optional
        Threads of each worker; default: ``n_threads`` of ``[label]``, or 1 with enough frames.
    dask : str, optional
        Address of a Dask scheduler, whose workers label instead; they must see the output folder
        under the same name.
    retry_failed : bool
        Try frames again that have failed.
    force : bool
        Replace what the folder holds.
    progress : bool
        Show progress.

    Returns
    -------
    LabelResult
        Labels, and the frames that failed.

    Raises
    ------
    ConfigError
        Unknown calculator, a package that is not installed, settings that it does not take, a
        folder with labels of another level of theory.
    DataError
        Frames cannot be read.
    SimulationError
        The first frames all fail, or workers are killed before their first frame.
    KeyboardInterrupt
        On Ctrl-C or SIGTERM; the frames at work are lost, not more.

    Examples
    --------
    >>> import tempfile
    >>> import lionn_rs as lionn
    >>> frames = lionn.datasets.load("lgps_gpaw_pbe")[:2]
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     result = lionn.label(frames, folder, calculator="lj", progress=False)
    ...     images = lionn.read_images(result.file)
    >>> result.n_labelled, sorted(images[0].calc.results)
    (2, ['energy', 'forces', 'free_energy', 'stress'])
    """
    checked = _configuration(config, calculator, settings)
    section = checked.label
    if workers is None and dask is None:
        workers = section.n_workers
    threads = section.n_threads if threads is None else threads
    share_processors(workers, threads, n_members=1, on_cluster=dask is not None)
    check_calculator(section.calculator)
    queue = prepare_label(read_frames(frames, index=index), checked, output, force=force)
    with log_file(queue.folder / LOG_FILE):
        work = Work(queue, section.time_limit_s, retry_failed=retry_failed, progress=progress)
        on_cluster = dask is not None
        side_by_side, n_threads = share_processors(
            workers, threads, n_members=len(work.open), on_cluster=on_cluster
        )
        if work.open:
            with open_executor(side_by_side, dask) as (executor, _):
                n_orders = (workers or MAX_ORDERS) if on_cluster else side_by_side
                work.run(executor, min(n_orders, len(work.open)), n_threads)
        return work.finish()


def _configuration(
    config: LabelConfig | str | Path | None, calculator: str | None, settings: dict[str, Any] | None
) -> LabelConfig:
    overrides = {"label": {"calculator": calculator, "settings": settings}}
    if isinstance(config, LabelConfig):
        given = {key: value for key, value in overrides["label"].items() if value is not None}
        return config.model_copy(update={"label": config.label.model_copy(update=given)})
    if config is not None:
        return load_config(config, LabelConfig, overrides)
    if calculator is None:
        raise ConfigError("give a calculator ('gpaw', 'cp2k', 'vasp', ...) or a configuration")
    content: dict[str, Any] = {"label": {"calculator": calculator, "settings": settings or {}}}
    return parse_config(content, LabelConfig, source="options")
