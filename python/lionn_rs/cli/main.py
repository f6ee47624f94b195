"""Entry point of the command line: registers the commands, turns errors into one line."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from typing import Annotated

import typer

from lionn_rs.cli import (
    anderson_stuart,
    arrhenius,
    bench,
    campaign,
    check,
    compare,
    convert,
    data,
    density,
    diagnose,
    diffusion,
    dope,
    evaluate,
    info,
    jumps,
    label,
    lammps,
    md,
    rdf,
    run,
    scan,
    schema,
    train,
    vacf,
    vanhove,
)
from lionn_rs.cli.common import say
from lionn_rs.errors import ConfigError, LionnError, StoppedByFile
from lionn_rs.signals import last_signal

__all__ = ["app", "main"]

EXIT_ERROR = 1
"""The work could not be done: data, model file, simulation."""
EXIT_USAGE = 2
"""Wrong command line or configuration."""
EXIT_INTERRUPT = 130
"""Stopped by Ctrl-C, as shells report it (128 + SIGINT)."""
EXIT_TERMINATED = 143
"""Stopped by SIGTERM, which queue systems send before they kill (128 + SIGTERM)."""

app = typer.Typer(
    name="lionn",
    help="From DFT images of a solid electrolyte to an ionic conductivity with its interval.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

for module in (
    train,
    scan,
    evaluate,
    check,
    diagnose,
    dope,
    label,
    md,
    convert,
    diffusion,
    arrhenius,
    compare,
    rdf,
    density,
    jumps,
    vacf,
    vanhove,
    anderson_stuart,
    run,
    bench,
    info,
    schema,
):
    name = module.__name__.rpartition(".")[2].replace("_", "-")
    app.command(name=name)(module.command)
app.add_typer(campaign.app, name="campaign")
app.add_typer(data.app, name="data")
app.add_typer(lammps.app, name="lammps")


def _print_version(value: bool) -> None:
    if value:
        from lionn_rs import __version__

        typer.echo(f"lionn_rs {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Print the traceback of an error as well.")
    ] = False,
) -> None:
    """From DFT images of a solid electrolyte to an ionic conductivity with its interval."""


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit: 0 success, 1 error, 2 usage, 130 Ctrl-C, 143 SIGTERM."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    debug = "--debug" in arguments
    # Accepted at any place, not only before the command.
    arguments = [text for text in arguments if text != "--debug"]
    try:
        code = app(arguments, prog_name="lionn", standalone_mode=False)
    except KeyboardInterrupt:
        code = EXIT_INTERRUPT
    except StoppedByFile as stopped:
        say(str(stopped))
        code = 0
    except ConfigError as error:
        code = _fail(str(error), EXIT_USAGE, error, debug)
    except LionnError as error:
        code = _fail(str(error), EXIT_ERROR, error, debug)
    except BrokenPipeError:  # the reader of a pipe, such as `head`, has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = EXIT_ERROR
    except OSError as error:
        code = _fail(_os_error_text(error), EXIT_ERROR, error, debug)
    except Exception as error:
        # Typer's usage errors: their class differs between the versions we support.
        message = getattr(error, "format_message", None)
        if message is None:
            raise
        # Without arguments the help has been printed and the message is empty.
        text = message().strip()
        code = _fail(f"{text} (see 'lionn --help')", EXIT_USAGE, error, debug) if text else 2
    if code == EXIT_INTERRUPT:
        # Typer turns Ctrl-C inside a command into this code without a word.
        advice = ""
        if {"train", "md", "run", "scan"} & {*arguments[:1]}:
            advice = "; --resume goes on with it"
        elif arguments[:1] in (["campaign"], ["label"]):
            advice = "; the same command goes on with it"
        what = "interrupted"
        if last_signal() == signal.SIGTERM:
            what, code = "terminated", EXIT_TERMINATED
        typer.echo(f"lionn: {what}{advice}", err=True)
    sys.exit(code if isinstance(code, int) else 0)


def _fail(message: str, code: int, error: BaseException, debug: bool) -> int:
    if debug:
        traceback.print_exception(error)
    typer.echo(f"lionn: {message}", err=True)
    return code


def _os_error_text(error: OSError) -> str:
    reason = error.strerror or str(error)
    return f"{error.filename}: {reason}" if error.filename else reason


if __name__ == "__main__":
    main()
