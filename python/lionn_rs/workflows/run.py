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
from lionn_rs.errors import DataError, StoppedByFile
from lionn_rs.files import STOP_FILE, prepare_folder, write_json, write_text
from lionn_rs.md.stopping import BY_FILE
from lionn_rs.workflows.describe import software
from lionn_rs.workflows.dynamics import (
    check_elements,
    check_structure,
    describe_run,
    draw_dynamics,
    load_committee,
    md_stage,
    run_record,
)
from lionn_rs.workflows.inputs import load_images, load_structure
from lionn_rs.workflows.jobs.journal import Journal, log_file
from lionn_rs.workflows.jobs.stop_file import stops_at_file
from lionn_rs.workflows.report.page import write_report
from lionn_rs.workflows.summary import data_record, protocol_text, structure_record, warnings_of
from lionn_rs.workflows.training import error_table, model_file, train_stage
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
    from lionn_rs.potential import BasePotential

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
    StoppedByFile
        The user made a file called ``stop`` in the output folder.
    """
    config = load_config(config_path, RunConfig)
    images = load_images(config.data)
    assert config.md.structure is not None
    atoms = load_structure(config.md.structure, config.md.supercell)
    elements = {symbol for image in images for symbol in image.get_chemical_symbols()}
    check_elements(config.descriptor.elements or elements, atoms, config.md.structure)
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
        self.committee = load_committee(config.md, atoms)
        self.hashes = {
            "images": data_hash(label_images(images)),
            "structure": hash_structure(atoms),
        }
        if self.committee is not None:
            self.hashes["committee"] = self.committee.hash
        self.journal = Journal(folder, self._fingerprint())
        write_text(folder / "config.resolved.toml", to_toml(config))

    def execute(self) -> Path:
        """Run the stages that are not finished; returns the report."""
        started = time.monotonic()
        with log_file(self.folder / LOG_FILE, logger):
            potential = self._train()
            runs = self._dynamics(potential)
            transport = self._transport(runs)
            with self.journal.stage("report"):
                summary = self._summary(potential, runs, transport)
                write_json(self.folder / "summary.json", summary)
                report = write_report(self.folder)
            logger.info("done in %.0f s: %s", time.monotonic() - started, report)
        return report

    def _fingerprint(self) -> str:
        """Hash of settings and inputs; names of files and what does not change results left out."""
        settings = self.config.model_dump(mode="json")
        del settings["data"]["images"], settings["report"]
        for key in ("structure", "committee", "n_workers", "checkpoint_interval_s"):
            del settings["md"][key]
        text = json.dumps([settings, self.hashes], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    def _train(self) -> BasePotential:
        from lionn_rs.committee import load

        target = self.folder / "training"
        if not self.journal.finished("training"):
            logger.info("training on %d images", len(self.images))
            with self.journal.stage("training"), stops_at_file(self.folder):
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
        potential = load(target / model_file(self.config))
        check_structure(potential, self.atoms, str(self.config.md.structure))
        return potential

    def _training(self) -> dict[str, Any]:
        path = self.folder / "training" / "metrics.json"
        try:
            record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise DataError(f"{path}: damaged ({error}); start again with --force") from error
        return record

    def _dynamics(self, potential: BasePotential) -> list[MdResult]:
        section = self.config.md
        n_runs = len(section.temperatures_K) * len(section.seeds)
        logger.info("molecular dynamics: %d runs of %d atoms", n_runs, len(self.atoms))
        target = self.folder / "md"
        target.mkdir(exist_ok=True)
        (target / STOP_FILE).unlink(missing_ok=True)  # of the time before --resume
        with self.journal.stage("dynamics"):
            runs = md_stage(
                section,
                potential,
                self.atoms,
                target,
                progress=self.progress,
                committee=self.committee,
                stop_folders=[self.folder],
            )
            stopped = [run for run in runs if run.metadata.get("stopped_by") == BY_FILE]
            if stopped:
                raise StoppedByFile(f"molecular dynamics: {stopped[0].message}")
        for run in runs:
            logger.info(describe_run(run_record(run)))
        return runs

    def _transport(self, runs: list[MdResult]) -> dict[str, Any]:
        """Diffusivities, Arrhenius fit and their figures; the records for the summary."""
        section = self.config.diffusion
        done = [run for run in runs if run.status == "finished" and run.output is not None]
        logger.info("diffusion of %s in %d runs", section.carrier, len(done))
        with self.journal.stage("transport"):
            results = [analyze_folder(run.output, section) for run in done if run.output]
            rows = [
                diffusion_row(result, run.trajectory)
                for result, run in zip(results, done, strict=True)
            ]
            for result in results:
                logger.info(str(result))
            record: dict[str, Any] = {"runs": rows}
            try:
                fit = fit_arrhenius(results, self.config.arrhenius)
            except DataError as error:
                record["arrhenius"] = {"refused": str(error)}
            else:
                record["arrhenius"] = {"refused": "", **fit.to_dict()}
                draw_arrhenius(fit, self.figures)
                logger.info(str(fit))
            if results:
                draw_msd(results, self.figures)
                hottest = max(done, key=lambda run: run.temperature_K)
                draw_paths(hottest.trajectory, section, self.figures)
            draw_dynamics(runs, self.figures)
            write_json(self.folder / "transport.json", record)
        return record

    def _summary(
        self, potential: BasePotential, runs: list[MdResult], transport: dict[str, Any]
    ) -> dict[str, Any]:
        config = self.config
        records = [run_record(run) for run in runs]
        training = self._training()
        return {
            "schema": "lionn-summary",
            "schema_version": 1,
            "title": config.report.title,
            "created": datetime.now(timezone.utc).isoformat(timespec="seconds"),
            "warnings": warnings_of(
                training, records, transport["arrhenius"], self.atoms, cutoff=potential.cutoff
            ),
            "hashes": {**self.hashes, "potential": potential.hash},
            "software": software(),
            "config": config.model_dump(mode="json"),
            "structure": structure_record(self.atoms, str(config.md.structure)),
            "data": data_record(config.data, self.images, training["groups"]),
            "training": training,
            "protocol": protocol_text(config.md),
            "md": records,
            "transport": transport["runs"],
            "arrhenius": transport["arrhenius"],
            "seconds": {**self.journal.seconds, "total": sum(self.journal.seconds.values())},
        }
