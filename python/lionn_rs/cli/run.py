"""``lionn run``: the whole workflow from one TOML file, or a campaign."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer

from lionn_rs.cli.common import Force, Output, Quiet, Resume, say
from lionn_rs.errors import ConfigError


def command(
    output: Output,
    config: Annotated[
        Path | None, typer.Argument(help="TOML file with all sections.", show_default=False)
    ] = None,
    demo: Annotated[
        bool, typer.Option("--demo", help="Use the bundled demo configuration and LGPS images.")
    ] = False,
    resume: Resume = False,
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Images to conductivity: train, run dynamics at all temperatures, analyze, report.

    A run that was interrupted goes on with --resume; finished stages are kept.

    A file with the section campaign and no data is that of 'lionn campaign', a study of several
    compositions: it runs what is not done yet and compares them.

    Ctrl-C, SIGTERM or a file called 'stop' in the output folder end it with a checkpoint.
    """
    if demo == (config is not None):
        raise ConfigError("give either a TOML file or --demo")

    from lionn_rs.config_study import is_campaign

    if config is not None and is_campaign(config):
        from lionn_rs.cli.campaign import run as run_campaign

        if force and resume:
            raise ConfigError("--force and --resume exclude each other")
        run_campaign(config, output, force=force, quiet=quiet)
        return

    from lionn_rs.workflows.run import demo_config, run_workflow

    with demo_config() if config is None else nullcontext(config) as path:
        report = run_workflow(path, output, resume=resume, force=force, progress=not quiet)
    say(f"report: {report}")
