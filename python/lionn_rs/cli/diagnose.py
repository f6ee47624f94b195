"""``lionn diagnose``: where a potential errs, and which features are of use."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from lionn_rs.cli.common import Force, Quiet, say


def command(
    target: Annotated[
        Path, typer.Argument(help="Folder of 'lionn train' or 'lionn run', or a potential file.")
    ],
    images: Annotated[
        list[str] | None,
        typer.Argument(
            help="Files of labeled images, or dataset:NAME; needed with a potential file.",
            show_default=False,
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="Folder for everything that is written.",
            show_default="diagnosis, in the folder of the training",
        ),
    ] = None,
    history: Annotated[
        Path | None,
        typer.Option(
            help="With a potential file: folder of its training, for the learning curves.",
            show_default="none",
        ),
    ] = None,
    index: Annotated[
        str | None, typer.Option(help="Which images of each file, as in ASE.", show_default=":")
    ] = None,
    energy: Annotated[
        str | None, typer.Option(help="Energy label, eV.", show_default="free_energy, else energy")
    ] = None,
    seed: Annotated[
        int, typer.Option(min=0, help="Seed of permutations and of chosen images.")
    ] = 0,
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Learning curves, residuals and their patterns, features of no use, sensitivity.

    Writes a report (HTML and Markdown), tables, figures, and the images that form a pattern in the
    energy residuals. A folder of a training needs no other argument.
    """
    from lionn_rs.config import DataSection, TrainConfig
    from lionn_rs.config_file import parse_config
    from lionn_rs.errors import ConfigError
    from lionn_rs.files import check_folder
    from lionn_rs.workflows.diagnose.report import summary_lines
    from lionn_rs.workflows.diagnose.run import diagnose
    from lionn_rs.workflows.diagnose.subject import images_subject, training_subject

    if not target.exists():
        raise ConfigError(f"{target}: no such file or folder")
    if target.is_dir():
        if images or history or index or energy:
            raise ConfigError(
                f"{target}: a folder of a training has its own images and history; for other "
                f"images give the potential file, {target / 'best.json'}"
            )
        folder = output or target / "diagnosis"
        check_folder(folder, force=force, resumable=False)
        subject = training_subject(target)
    else:
        if not images:
            raise ConfigError(f"{target}: give labeled images after the potential file")
        if output is None:
            raise ConfigError("give --output, the folder for the results")
        folder = output
        check_folder(folder, force=force, resumable=False)
        content: dict[str, Any] = {
            "data": {"images": images, "index": index or ":", "energy": energy}
        }
        section: DataSection = parse_config(content, TrainConfig, source="options").data
        subject = images_subject(target, section, history)
    record = diagnose(subject, folder, force=force, seed=seed, progress=not quiet)
    for line in summary_lines(record):
        say(line)
    say(f"report: {folder / 'report.html'}")
