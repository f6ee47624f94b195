"""``lionn run``: images -> potential -> dynamics at all temperatures -> conductivity -> report."""

from __future__ import annotations

import hashlib
import json
import logging
import time
from contextlib import contextmanager
from datetime import datetime, timezone
from importlib.resources import as_file, files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lionn_rs.config import RunConfig
from lionn_rs.config_file import load_config, to_toml
from lionn_rs.errors import DataError
from lionn_rs.files import prepare_folder, write_json, write_text
from lionn_rs.workflows.describe import software
from lionn_rs.workflows.dynamics import check_elements, describe_run, md_stage, run_record
from lionn_rs.workflows.inputs import load_images, load_structure
from lionn_rs.workflows.journal import Journal
from lionn_rs.workflows.report import write_report
from lionn_rs.workflows.summary import data_record, protocol_text, structure_record, warnings_of
from lionn_rs.workflows.training import error_table, train_stage
from lionn_rs.workflows.transport import (
    analyze_folder,
    diffusion_row,
    draw_arrhenius,
    draw_msd,
    draw_paths,
    fit_arrhenius,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ase import Atoms

    from lionn_rs.md import MdResult
    from lionn_rs.potential import Potential

__all__ = ["demo_config", "run_workflow"]

logger = logging.getLogger("lionn_rs.run")

DEMO_FILE = "demo.toml"
LOG_FILE = "run.log"


@contextmanager
def demo_config() -> Iterator[Path]:
    """Path of the bundled demo configuration."""
    with as_file(files(__package__).joinpath(DEMO_FILE)) as path:
        yield path


def run_workflow(
    config_path: Path,
    output: Path,
    *,
    resume: bool = False,
    force: bool = False,
    progress: bool = True,
) -> Path:
    """Run the whole workflow of one TOML file.

    Parameters
    ----------
    config_path : Path
        The TOML file; see :class:`lionn_rs.config.RunConfig`.
    output : Path
        Folder for everything that is written.
    resume : bool
        Go on with what the folder holds: finished stages are kept, the one that was interrupted
        continues from its checkpoints.
    force : bool
        Replace what the folder holds.
    progress : bool
        Show progress.

    Returns
    -------
    Path
        The report.

    Raises
    ------
    ConfigError
        Bad configuration, or a folder that belongs to another run.
    DataError, SimulationError
        A stage could not be done.
    """
    config = load_config(config_path, RunConfig)
    images = load_images(config.data)
    assert config.md.structure is not None
    atoms = load_structure(config.md.structure, config.md.supercell)
    folder = prepare_folder(output, force=force, resume=resume)
    run = Workflow(config, images, atoms, folder, progress=progress)
    return run.execute()


class Workflow:
    """The stages of one run; each keeps its result in the output folder.

    Parameters
    ----------
    config : RunConfig
    images : list of Atoms
        Labeled images.
    atoms : Atoms
        Start structure of the dynamics, repeated to the supercell.
    folder : Path
        The output folder.
    progress : bool
        Show progress.
    """

    def __init__(
        self,
        config: RunConfig,
        images: list[Atoms],
        atoms: Atoms,
        folder: Path,
        *,
        progress: bool = True,
    ) -> None:
        from lionn_rs.data.images import data_hash, label_images
        from lionn_rs.md.checkpoint import hash_structure

        self.config = config
        self.images = images
        self.atoms = atoms
        self.folder = folder
        self.figures = folder / "figures"
        self.progress = progress
        self.hashes = {
            "images": data_hash(label_images(images)),
            "structure": hash_structure(atoms),
        }
        self.journal = Journal(folder, self._fingerprint())
        write_text(folder / "config.resolved.toml", to_toml(config))

    def execute(self) -> Path:
        """Run the stages that are not finished; returns the report."""
        started = time.monotonic()
        with _log_file(self.folder / LOG_FILE):
            potential = self._train()
            runs = self._dynamics(potential)
            self._transport(runs)
            with self.journal.stage("report"):
                write_json(self.folder / "summary.json", self._summary(potential, runs))
                report = write_report(self.folder)
            logger.info("done in %.0f s: %s", time.monotonic() - started, report)
        return report

    def _fingerprint(self) -> str:
        """Hash of settings and inputs; names of files and what does not change results left out."""
        settings = self.config.model_dump(mode="json")
        del settings["data"]["images"], settings["md"]["structure"], settings["md"]["n_workers"]
        del settings["report"]
        text = json.dumps([settings, self.hashes], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    def _train(self) -> Potential:
        from lionn_rs.potential import Potential

        target = self.folder / "training"
        if not self.journal.finished("training"):
            logger.info("training on %d images", len(self.images))
            with self.journal.stage("training"):
                target.mkdir(exist_ok=True)
                train_stage(
                    self.config,
                    self.images,
                    target,
                    figures=self.figures,
                    resume=True,
                    progress=self.progress,
                )
        logger.info("errors of the potential\n%s", error_table(self._training()["metrics"]))
        potential = Potential.load(target / "best.json")
        check_elements(potential, self.atoms, str(self.config.md.structure))
        return potential

    def _training(self) -> dict[str, Any]:
        text = (self.folder / "training" / "metrics.json").read_text(encoding="utf-8")
        record: dict[str, Any] = json.loads(text)
        return record

    def _dynamics(self, potential: Potential) -> list[MdResult]:
        section = self.config.md
        n_runs = len(section.temperatures_K) * len(section.seeds)
        if not self.journal.finished("dynamics"):
            logger.info("%d runs of %d atoms", n_runs, len(self.atoms))
            with self.journal.stage("dynamics"):
                runs = self._run_dynamics(potential, progress=self.progress)
        else:
            runs = self._run_dynamics(potential, progress=False)
        for run in runs:
            logger.info(describe_run(run_record(run)))
        return runs

    def _run_dynamics(self, potential: Potential, *, progress: bool) -> list[MdResult]:
        target = self.folder / "md"
        target.mkdir(exist_ok=True)
        return md_stage(self.config.md, potential, self.atoms, target, progress=progress)
