"""``lionn data``: files of images looked at, converted, split, joined, thinned out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from lionn_rs.cli.common import Quiet, say
from lionn_rs.cli.data_options import (
    Energy,
    Forces,
    From,
    Images,
    Index,
    OutputFile,
    OutputFormat,
    OutputUnits,
    Replace,
    Stress,
    Types,
    Unconverged,
    UnitsOf,
    data_inputs,
    output_units,
    parse_range,
)

if TYPE_CHECKING:
    from lionn_rs.data import DataInputs
    from lionn_rs.data.split import SplitBy
    from lionn_rs.data.transfer import Written

app = typer.Typer(
    help="Files of images: what they hold, other formats, sets, joining, choosing. Reads extxyz, "
    "vasprun.xml, OUTCAR, XDATCAR, CP2K output, ASE .traj and .db, DeePMD, n2p2, aenet XSF, .npz.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.command()
def info(
    images: Images,
    index: Index = ":",
    energy: Energy = None,
    forces: Forces = "forces",
    stress: Stress = "stress",
    source_format: From = None,
    units: UnitsOf = None,
    types: Types = None,
    keep_unconverged: Unconverged = False,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="JSON file with all numbers.")
    ] = None,
    force: Replace = False,
    quiet: Quiet = False,
) -> None:
    """Say what files hold: labels, compositions, energies, forces, outliers, what looks wrong."""
    from lionn_rs.data import StatisticsGatherer
    from lionn_rs.data.formats.writing import check_output
    from lionn_rs.data.report import report_lines
    from lionn_rs.files import write_json

    inputs = data_inputs(
        images,
        index=index,
        energy=energy,
        forces=forces,
        stress=stress,
        source_format=source_format,
        units=units,
        types=types,
        keep_unconverged=keep_unconverged,
        show_progress=not quiet,
    )
    if output is not None:
        check_output(output, force=force)
    gatherer = StatisticsGatherer()
    for item in inputs.read("reading images"):
        gatherer.labels.add(item.image)
        gatherer.add(item.image, item.source, item.number)
    statistics = gatherer.result()
    for source in inputs.opened:
        say(f"{source.path}: {source.reader}")
    for line in [*inputs.remarks(), *gatherer.labels.lines(inputs.keys)]:
        say(line)
    for line in report_lines(statistics, inputs):
        say(line)
    if output is not None:
        record = {"sources": images, "index": index, "remarks": inputs.remarks()}
        write_json(output, record | statistics.to_dict())
        say(f"written: {output}")


@app.command()
def convert(
    images: Images,
    output: OutputFile,
    format: OutputFormat = None,
    output_units_: OutputUnits = "eV-A",
    index: Index = ":",
    energy: Energy = None,
    forces: Forces = "forces",
    stress: Stress = "stress",
    source_format: From = None,
    units: UnitsOf = None,
    types: Types = None,
    keep_unconverged: Unconverged = False,
    force: Replace = False,
    quiet: Quiet = False,
) -> None:
    """Write images in another format, and say what it cannot hold."""
    from lionn_rs.data import convert_images

    inputs = data_inputs(
        images,
        index=index,
        energy=energy,
        forces=forces,
        stress=stress,
        source_format=source_format,
        units=units,
        types=types,
        keep_unconverged=keep_unconverged,
        show_progress=not quiet,
    )
    written = convert_images(
        inputs, output, format=format, units=output_units(output_units_), force=force
    )
    _say_written(written)


def _say_written(written: Written) -> None:
    for line in written.lines():
        say(line)


@app.command()
def split(
    images: Images,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder for train, validation, test.")
    ],
    test: Annotated[float, typer.Option(help="Fraction kept for the test.")] = 0.2,
    validation: Annotated[
        float, typer.Option(help="Fraction of the rest kept for validation.")
    ] = 0.1,
    by: Annotated[
        str,
        typer.Option(
            help="random; group: whole sources; block: runs of consecutive images stay together."
        ),
    ] = "block",
    seed: Annotated[int, typer.Option(help="Seed of the choice.")] = 1,
    format: Annotated[
        str, typer.Option("--format", help="extxyz, traj, db, npz, deepmd, n2p2, xsf.")
    ] = "extxyz",
    output_units_: OutputUnits = "eV-A",
    index: Index = ":",
    energy: Energy = None,
    source_format: From = None,
    units: UnitsOf = None,
    types: Types = None,
    force: Replace = False,
    quiet: Quiet = False,
) -> None:
    """Write training, validation and test set, chosen as lionn train chooses them."""
    from lionn_rs.data import split_images

    inputs = data_inputs(
        images,
        index=index,
        energy=energy,
        source_format=source_format,
        units=units,
        types=types,
        show_progress=not quiet,
    )
    result = split_images(
        inputs,
        output,
        test=test,
        validation=validation,
        seed=seed,
        by=cast("SplitBy", by),
        format=format,
        units=output_units(output_units_),
        force=force,
    )
    for written in result.sets.values():
        for line in [*written.lost, written.lines()[-1]]:
            say(line)
    say(f"indices: {result.folder / 'split.json'}")


@app.command()
def merge(
    images: Images,
    output: OutputFile,
    allow_mixed: Annotated[
        bool,
        typer.Option("--allow-mixed", help="Join images of different levels of theory as well."),
    ] = False,
    keep_duplicates: Annotated[
        bool, typer.Option("--keep-duplicates", help="Keep structures that occur twice.")
    ] = False,
    format: OutputFormat = None,
    output_units_: OutputUnits = "eV-A",
    index: Index = ":",
    energy: Energy = None,
    source_format: From = None,
    units: UnitsOf = None,
    types: Types = None,
    force: Replace = False,
    quiet: Quiet = False,
) -> None:
    """Join files of images, unless their energies do not belong together.

    Refused are images that name different methods or calculators, structures with two energies,
    and energies of one composition with a gap between two files.
    """
    from lionn_rs.data import merge_images

    inputs = data_inputs(
        images,
        index=index,
        energy=energy,
        source_format=source_format,
        units=units,
        types=types,
        show_progress=not quiet,
    )
    result = merge_images(
        inputs,
        output,
        allow_mixed=allow_mixed,
        keep_duplicates=keep_duplicates,
        format=format,
        units=output_units(output_units_),
        force=force,
    )
    for text in result.conflicts:
        say(f"overruled: {text}")
    if result.n_duplicates:
        say(f"{result.n_duplicates} images left out: the same structure and energy as another")
    _say_written(result.written)


@app.command()
def select(
    images: Images,
    output: OutputFile,
    n: Annotated[
        int | None,
        typer.Option("-n", "--number", help="Images that farthest-point selection takes."),
    ] = None,
    min_radius: Annotated[
        float,
        typer.Option(help="Leave out what is closer to a chosen image (std. per feature)."),
    ] = 0.0,
    known: Annotated[
        list[str] | None,
        typer.Option(help="Images that are there already; what resembles them is not chosen."),
    ] = None,
    cutoff: Annotated[float, typer.Option(help="Cutoff radius of the fingerprints, Å.")] = 6.0,
    max_force: Annotated[float | None, typer.Option(help="Largest force on an atom, eV/Å.")] = None,
    energies: Annotated[str | None, typer.Option(help="Energy per atom, eV: -4.5:-4.")] = None,
    volumes: Annotated[str | None, typer.Option(help="Volume per atom, Å³: 15:25.")] = None,
    min_distance: Annotated[
        float | None, typer.Option(help="Shortest distance between two atoms, Å.")
    ] = None,
    outliers: Annotated[
        float | None,
        typer.Option(help="Leave out what is so many robust std. from the median.", min=1.0),
    ] = None,
    labeled: Annotated[
        bool, typer.Option("--labeled", help="Only images with energy and forces.")
    ] = False,
    keep_duplicates: Annotated[
        bool, typer.Option("--keep-duplicates", help="Keep structures that occur twice.")
    ] = False,
    record: Annotated[
        Path | None, typer.Option(help="JSON file with the order of the choice.")
    ] = None,
    format: OutputFormat = None,
    output_units_: OutputUnits = "eV-A",
    index: Index = ":",
    energy: Energy = None,
    source_format: From = None,
    units: UnitsOf = None,
    types: Types = None,
    force: Replace = False,
    quiet: Quiet = False,
) -> None:
    """Choose images: filters, duplicates, outliers, then the most different ones."""
    from lionn_rs.data import Filters, select_images
    from lionn_rs.data.formats.writing import check_output
    from lionn_rs.data.report import selection_lines
    from lionn_rs.files import write_json

    def inputs_of(sources: list[str]) -> DataInputs:
        return data_inputs(
            sources,
            index=index if sources is images else ":",
            energy=energy,
            source_format=source_format,
            units=units,
            types=types,
            show_progress=not quiet,
        )

    if record is not None:
        check_output(record, force=force)
    result = select_images(
        inputs_of(images),
        output,
        n=n,
        filters=Filters(
            max_force=max_force,
            energy_per_atom=parse_range(energies, "--energies"),
            volume_per_atom=parse_range(volumes, "--volumes"),
            min_distance=min_distance,
            labeled=labeled,
            duplicates=keep_duplicates,
            outliers=outliers,
        ),
        cutoff=cutoff,
        min_radius=min_radius,
        known=inputs_of(known) if known else None,
        format=format,
        units=output_units(output_units_),
        force=force,
    )
    for line in selection_lines(result):
        say(line)
    _say_written(result.written)
    if record is not None:
        write_json(record, result.to_dict())
        say(f"order of the choice: {record}")
