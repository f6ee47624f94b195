"""``lionn compare``: two sets of trajectories, such as DFT-MD and ANN-MD."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from lionn_rs.cli.common import Force, Output, print_table, say
from lionn_rs.cli.diffusion import Charge, Config, Species
from lionn_rs.cli.trajectory_options import with_reading_options
from lionn_rs.errors import ConfigError

if TYPE_CHECKING:
    from rich.table import Table

    from lionn_rs.analysis.comparison.result import Comparison, TemperatureComparison
    from lionn_rs.analysis.comparison.tests import Diffusivity

SIDE = (
    "Folders of 'lionn md' (or folders that hold such folders) or files of other programs, "
    "separated by commas; FILE@600 says that the temperature of a file is 600 K."
)


def _interval(side: str) -> Any:
    return typer.Option(
        f"--frame-interval-fs-{side.lower()}",
        help=f"As --frame-interval-fs, for files of {side} only.",
        show_default="what the file says",
    )


@with_reading_options
def command(
    a: Annotated[str, typer.Argument(metavar="A", help=SIDE)],
    b: Annotated[str, typer.Argument(metavar="B", help="The same for the other side.")],
    output: Output,
    name_a: Annotated[
        str | None, typer.Option(help="Name of A in tables and figures.", show_default="its path")
    ] = None,
    name_b: Annotated[
        str | None, typer.Option(help="Name of B in tables and figures.", show_default="its path")
    ] = None,
    species: Species = None,
    charge: Charge = None,
    pairs: Annotated[
        str | None,
        typer.Option(help="Pairs whose g(r) is compared, such as Li-Li,Li-S.", show_default="all"),
    ] = None,
    stage: Annotated[
        str, typer.Option(help="equilibration or production: frames that are used.")
    ] = "production",
    r_max: Annotated[float, typer.Option(help="Largest distance of g(r), Å.", min=0.5)] = 8.0,
    config: Config = None,
    frame_interval_fs_a: Annotated[float | None, _interval("A")] = None,
    frame_interval_fs_b: Annotated[float | None, _interval("B")] = None,
    force: Force = False,
    *,
    reading: dict[str, Any],
) -> None:
    """Compare two sets of trajectories: diffusivity, activation energy, structure, vibration.

    At each common temperature: the ratio of D with its interval, the test of equal D and the ratio
    that would have been seen; upper bounds where a side is not diffusive, and the MSD at equal
    lag. With three diffusive temperatures each, both Arrhenius lines. Differences of g(r), MSD and
    framework vibration are judged by exchanging pieces of runs between the sides. The options from
    --temperature on are for files of other programs. Writes compare.json, tables and figures.
    """
    from lionn_rs.files import check_folder, prepare_folder
    from lionn_rs.workflows.compare.files import write_comparison
    from lionn_rs.workflows.compare.run import compare_sides, open_side
    from lionn_rs.workflows.foreign import refuse_unused
    from lionn_rs.workflows.mechanism.files import parse_pairs
    from lionn_rs.workflows.transport import read_settings

    if stage not in ("equilibration", "production"):
        raise ConfigError(f"--stage must be equilibration or production, got '{stage}'")
    settings = read_settings(config, {"diffusion": {"carrier": species, "charge": charge}})
    check_folder(output, force=force, resumable=False)
    carrier = settings.diffusion.carrier
    own = ({"frame_interval_fs": frame_interval_fs_a}, {"frame_interval_fs": frame_interval_fs_b})
    side_a, side_b = (
        open_side(
            text,
            name=name,
            carrier=carrier,
            stage=stage,
            reading=reading | {key: value for key, value in more.items() if value is not None},
        )
        for text, name, more in ((a, name_a, own[0]), (b, name_b, own[1]))
    )
    refuse_unused(reading, side_a.folders + side_b.folders)
    chosen = None
    if pairs is not None:
        both = [name for name in side_a.species if name in side_b.species]
        chosen = parse_pairs(pairs, both)
    compared = compare_sides(side_a, side_b, settings, pairs=chosen, r_max=r_max)
    folder = prepare_folder(output, force=force)
    write_comparison(folder, compared, (side_a, side_b))
    _say_result(compared.result)
    say(f"written: {folder / 'compare.json'}")


def _say_result(result: Comparison) -> None:
    print_table(_diffusion_table(result))
    for fit, name in ((result.fit_a, result.name_a), (result.fit_b, result.name_b)):
        if fit is not None:
            low, high = fit.activation_energy_interval_eV
            say(f"{name}: E_a = {fit.activation_energy_eV:.3f} eV, 95 % [{low:.3f}, {high:.3f}]")
    for row in result.temperatures:
        print_table(_structure_table(row, result))
    for note in result.notes:
        say(f"  note: {note}")
    say(result.verdict)


def _diffusion_table(result: Comparison) -> Table:
    from rich.table import Table

    from lionn_rs.numbers import significant

    table = Table(title=f"D({result.carrier}) / cm² s⁻¹, 95 %", title_justify="left", box=None)
    for name in ("T / K", result.name_a, result.name_b, "ratio", "95 %", "p", "detectable"):
        table.add_column(name, justify="right")
    sides = [{round(r.temperature_K): r for r in found} for found in (result.a, result.b)]
    ratios = {round(t.temperature_K): t.ratio for t in result.temperatures}
    for temperature in sorted({*sides[0], *sides[1]}):
        ratio = ratios.get(temperature)
        cells = ["–"] * 4
        if ratio is not None:
            cells = [
                significant(ratio.ratio, 2),
                _span(ratio.low, ratio.high),
                "–" if ratio.p_value is None else f"{ratio.p_value:.2g}",
                significant(ratio.detectable_ratio, 2),
            ]
        table.add_row(f"{temperature}", *(_value(side.get(temperature)) for side in sides), *cells)
    return table


def _span(low: float | None, high: float | None) -> str:
    from lionn_rs.numbers import interval, significant

    if low is None and high is None:
        return "–"
    if low is None:
        return f"< {significant(high, 2)}"
    return f"> {significant(low, 2)}" if high is None else interval(low, high)


def _value(result: Diffusivity | None) -> str:
    from lionn_rs.numbers import power

    if result is None:
        return "–"
    if result.diffusivity_cm2_s is None or result.interval_cm2_s is None:
        return f"< {power(result.upper_bound_cm2_s, 2)}"
    low, high = result.interval_cm2_s
    return f"{power(result.diffusivity_cm2_s, 2)} [{low:.1e}, {high:.1e}]"


def _structure_table(row: TemperatureComparison, result: Comparison) -> Table:
    from rich.table import Table

    from lionn_rs.numbers import significant, with_error

    pieces = row.pieces
    title = f"{row.temperature_K:g} K"
    if pieces is not None:
        title += f": {pieces.n_a} and {pieces.n_b} pieces of {pieces.length_ps:.3g} ps exchanged"
    table = Table(title=title, title_justify="left", box=None)
    for name in ("", result.name_a, result.name_b, "difference", "first peak shift / Å", "p"):
        table.add_column(name, justify="right" if name else "left")
    for amplitude, text in (
        (row.msd, f"MSD {row.msd.species}, {row.lag_ps:.3g} ps / Å²"),
        *((v, f"vibration {v.species} / Å²") for v in row.vibrations),
    ):
        p = "–" if amplitude.test is None else f"{amplitude.test.adjusted_p:.2g}"
        values = (significant(amplitude.a_A2), significant(amplitude.b_A2))
        table.add_row(text, *values, f"x {significant(amplitude.ratio)}", "", p)
    for d in row.rdf:
        shift = "–" if d.peak_shift_A is None else with_error(d.peak_shift_A, d.peak_shift_se_A)
        p = "–" if d.test is None else f"{d.test.adjusted_p:.2g}"
        largest = f"{100 * d.relative:.2g} %, up to {d.largest:.2f} at {d.largest_at_A:.2f} Å"
        table.add_row(f"g(r) {'-'.join(d.pair)}", "", "", largest, shift, p)
    return table
