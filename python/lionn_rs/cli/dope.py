"""``lionn dope``: charge-neutral doping ladders of a crystal."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lionn_rs.cli.common import Force, Output, parse_supercell, print_table, say
from lionn_rs.errors import ConfigError

if TYPE_CHECKING:
    from rich.table import Table

    from lionn_rs.structures.doping import Doping
    from lionn_rs.structures.rule import DopeConfig


def command(
    output: Output,
    rule: Annotated[
        Path | None,
        typer.Argument(help="TOML file with the sections host, ladder, arrangements."),
    ] = None,
    host: Annotated[
        str | None, typer.Option(help="Without a file: prototype, dataset:NAME or structure file.")
    ] = None,
    supercell: Annotated[str, typer.Option(help="Copies along a, b, c.")] = "1x1x1",
    exchange: Annotated[
        list[str] | None,
        typer.Option(help="'Cl -> S', 'Li -> vacancy' or 'vacancy -> Li'; may be repeated."),
    ] = None,
    element: Annotated[str | None, typer.Option(help="Element whose concentration is set.")] = None,
    counts: Annotated[
        str | None, typer.Option(help="Atoms of the element in the supercell, as 3,2,1.")
    ] = None,
    at_percent: Annotated[
        str | None, typer.Option(help="Instead of --counts: atoms per 100 atoms, as 2.0,1.33.")
    ] = None,
    compensate: Annotated[
        str | None, typer.Option(help="none or lithium: Li removed or added until neutral.")
    ] = None,
    select: Annotated[
        str | None, typer.Option(help="lowest (Ewald energy), random or all.")
    ] = None,
    keep: Annotated[int | None, typer.Option(help="Arrangements per concentration.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of samples and selection.")] = None,
    file_format: Annotated[str, typer.Option("--format", help="extxyz or cif.")] = "extxyz",
    force: Force = False,
) -> None:
    """Make charge-neutral doped supercells, ranked by their electrostatic energy.

    Arrangements that symmetry makes the same are written once, with their number.

    The result is a starting point: relax the cells with a potential before comparing energies.
    """
    from lionn_rs.files import check_folder
    from lionn_rs.workflows.dope import dope, write_doping

    if file_format not in ("extxyz", "cif"):
        raise ConfigError(f"--format must be extxyz or cif, got '{file_format}'")
    arrangements = {"select": select, "keep": keep, "seed": seed}
    ladder = {
        "element": element,
        "counts": _numbers(counts, "--counts", whole=True),
        "at_percent": _numbers(at_percent, "--at-percent", whole=False),
        "compensate": compensate,
    }
    config = (
        _from_file(rule, host, exchange, ladder, arrangements)
        if rule is not None
        else _from_options(host, supercell, exchange, ladder, arrangements)
    )
    check_folder(output, force=force, resumable=False)
    try:
        doping = dope(config)
    except ConfigError as error:
        raise ConfigError(str(error) if rule is None else f"{rule}: {error}") from error
    table = write_doping(
        doping,
        config,
        output,
        file_format="cif" if file_format == "cif" else "extxyz",
        force=force,
    )
    print_table(_table(doping))
    say(f"written: {len(doping.structures)} structures and {table}")


def _from_file(
    rule: Path,
    host: str | None,
    exchange: list[str] | None,
    ladder: dict[str, Any],
    arrangements: dict[str, Any],
) -> DopeConfig:
    from lionn_rs.workflows.dope import read_rule

    given = [f"--{k.replace('_', '-')}" for k, value in ladder.items() if value is not None]
    given += ["--host"] if host else []
    given += ["--exchange"] if exchange else []
    if given:
        raise ConfigError(f"{given[0]} and a rule file exclude each other: set it in {rule}")
    config = read_rule(rule)
    changed = {key: value for key, value in arrangements.items() if value is not None}
    return _checked(
        config.model_dump() | {"arrangements": config.arrangements.model_dump() | changed}
    )


def _from_options(
    host: str | None,
    supercell: str,
    exchange: list[str] | None,
    ladder: dict[str, Any],
    arrangements: dict[str, Any],
) -> DopeConfig:
    from lionn_rs.workflows.dope import parse_exchange

    for option, value in (
        ("--host", host),
        ("--exchange", exchange),
        ("--element", ladder["element"]),
        ("--counts or --at-percent", ladder["counts"] or ladder["at_percent"]),
    ):
        if not value:
            raise ConfigError(f"give a rule file, or {option} (see 'lionn dope --help')")
    return _checked(
        {
            "host": {"structure": host, "supercell": parse_supercell(supercell)},
            "ladder": _given(ladder) | {"exchanges": [parse_exchange(x) for x in exchange or []]},
            "arrangements": _given(arrangements),
        }
    )


def _given(options: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in options.items() if value is not None}


def _checked(content: dict[str, Any]) -> DopeConfig:
    from lionn_rs.config_file import parse_config
    from lionn_rs.structures.rule import DopeConfig

    return parse_config(content, DopeConfig, source="options")


def _numbers(text: str | None, option: str, *, whole: bool) -> list[int] | list[float] | None:
    if text is None:
        return None
    try:
        return (
            [int(part) for part in text.split(",")]
            if whole
            else [float(part) for part in text.split(",")]
        )
    except ValueError:
        example = "3,2,1" if whole else "2.0,1.33,0.67"
        raise ConfigError(f"{option} must look like {example}, got '{text}'") from None


def _table(doping: Doping) -> Table:
    from rich.table import Table

    table = Table()
    for k, name in enumerate(
        (
            "structure",
            "formula",
            "at%",
            "arrangements\ndistinct / all",
            "degeneracy",
            "Ewald energy\neV above lowest",
            "space group",
        )
    ):
        table.add_column(name, justify="left" if k < 2 else "right")
    found = {entry["n_dopant"]: entry for entry in doping.summary}
    lowest: dict[int, float] = {}
    for entry in doping.structures:
        summary = found[entry.step.n_dopant]
        lowest.setdefault(entry.step.n_dopant, entry.energy_eV)
        distinct = (
            summary["distinct"]
            if summary["enumerated"]
            else (f"sampled {summary['sampled_distinct']}")
        )
        table.add_row(
            entry.label,
            entry.atoms.get_chemical_formula(),
            f"{entry.step.at_percent:.3f}",
            f"{distinct} / {summary['arrangements']}",
            str(entry.degeneracy),
            f"{entry.energy_eV - lowest[entry.step.n_dopant]:.3f}",
            entry.space_group,
        )
    return table
