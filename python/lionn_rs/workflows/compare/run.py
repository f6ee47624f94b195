"""Two sets of trajectories compared: sides, pieces of runs, results."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lionn_rs.errors import ConfigError, DataError, LionnError
from lionn_rs.workflows.compare.pieces import at_one_temperature, temperature_of
from lionn_rs.workflows.foreign import find_sources, is_folder_of_run, with_temperature
from lionn_rs.workflows.mechanism.files import Run, open_run

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lionn_rs.analysis import ArrheniusResult, RdfResult
    from lionn_rs.analysis.comparison.result import (
        Comparison,
        TemperatureComparison,
    )
    from lionn_rs.analysis.comparison.tests import Diffusivity
    from lionn_rs.analysis.transport.sources import FrameSource
    from lionn_rs.config import TransportConfig

__all__ = ["Compared", "Side", "compare_sides", "open_side"]

CELL_TOLERANCE = 0.01
"""Runs of one side at one temperature have the same cell to this share of its largest entry."""


@dataclass(frozen=True)
class Side:
    """Runs of one source of dynamics, by temperature."""

    name: str
    groups: dict[float, list[Run]]

    @property
    def runs(self) -> list[Run]:
        """All runs, by temperature."""
        return [run for runs in self.groups.values() for run in runs]

    @property
    def folders(self) -> list[Path]:
        """Where its runs are from."""
        return [run.folder for run in self.runs]

    @property
    def species(self) -> list[str]:
        """Chemical symbols of its runs, sorted."""
        return sorted(set(next(iter(self.groups.values()))[0].symbols))

    @property
    def formula(self) -> str:
        """Reduced formula of its runs."""
        from ase.formula import Formula

        run = next(iter(self.groups.values()))[0]
        formula = Formula.from_list(sorted(run.symbols)).reduce()[0]
        return f"{formula:metal}"


@dataclass(frozen=True)
class Compared:
    """A comparison with the curves behind it."""

    result: Comparison
    curves: dict[float, list[tuple[RdfResult, RdfResult]]]
    """g(r) of both sides at every common temperature."""


def open_side(
    text: str, *, name: str | None, carrier: str, stage: str, reading: Mapping[str, Any]
) -> Side:
    """Read the runs of one side.

    Parameters
    ----------
    text : str
        Folders and files, separated by commas; ``FILE@600`` states the temperature of a file.
    name : str, optional
        For tables and figures; default: the name of the first folder or file.
    carrier, stage
        As in :func:`lionn_rs.workflows.mechanism.files.open_run`.
    reading : mapping
        Keywords of :func:`lionn_rs.read_trajectory` for files.

    Returns
    -------
    Side

    Raises
    ------
    ConfigError, DataError
        A path that leads nowhere, a file without temperature, runs that do not belong together.
    """
    from lionn_rs.analysis.arrhenius.points import SAME_TEMPERATURE_K

    entries = [with_temperature(part.strip(), reading) for part in text.split(",") if part.strip()]
    if not entries:
        raise ConfigError(f"a side of the comparison must be folders or files, got '{text}'")
    groups: dict[float, list[Run]] = {}
    for path, own in entries:
        for source in find_sources([path], {} if is_folder_of_run(path) else own):
            run = open_run(source, carrier=carrier, stage=stage, reading=own)
            temperature = temperature_of(run)
            known = [t for t in groups if abs(t - temperature) < SAME_TEMPERATURE_K]
            groups.setdefault(known[0] if known else temperature, []).append(run)
    for runs in groups.values():
        _check_alike(runs)
    first = entries[0][0]
    return Side(name or first.resolve().name, dict(sorted(groups.items())))


def _check_alike(runs: list[Run]) -> None:
    """Refuse runs that cannot be combined."""
    first = runs[0]
    for run in runs[1:]:
        if run.symbols != first.symbols:
            raise DataError(
                f"{run.folder}: other atoms (or another order) than {first.folder} at the same "
                "temperature; a side of a comparison is one material"
            )
        if np.abs(run.cell - first.cell).max() > CELL_TOLERANCE * np.abs(first.cell).max():
            raise DataError(
                f"{run.folder}: another cell than {first.folder} at the same temperature; a side "
                "of a comparison is one material at one volume"
            )


def compare_sides(
    a: Side,
    b: Side,
    settings: TransportConfig,
    *,
    pairs: Sequence[tuple[str, str]] | None = None,
    r_max: float = 8.0,
) -> Compared:
    """Compare two sets of runs.

    Parameters
    ----------
    a, b : Side
        From :func:`open_side`.
    settings : TransportConfig
        Settings of the diffusivities and of the Arrhenius fits.
    pairs : sequence of (center, neighbor), optional
        Pairs of species whose g(r) is compared; default: all that both sides have.
    r_max : float
        Largest distance of g(r), Å.

    Returns
    -------
    Compared

    Raises
    ------
    DataError
        No temperature in common and no line on both sides, or runs too short.
    """
    from lionn_rs.analysis.comparison.result import Comparison
    from lionn_rs.analysis.comparison.tests import compare_activation, compare_lines, pool_ratios

    results = [
        {t: _diffusivity(side, runs, settings) for t, runs in side.groups.items()}
        for side in (a, b)
    ]
    notes = [run.doubtful_time for side in (a, b) for run in side.runs if run.doubtful_time]
    if a.formula != b.formula:
        notes.append(f"{a.name} is {a.formula}, {b.name} is {b.formula}: not the same material")
    fits = []
    for side, found in zip((a, b), results, strict=True):
        fit, reason = _line(list(found.values()), settings)
        fits.append(fit)
        if reason:
            notes.append(f"{side.name}: no Arrhenius line ({reason})")
    activation = lines = None
    if fits[0] is not None and fits[1] is not None:
        activation = compare_activation(fits[0], fits[1])
        try:
            lines = compare_lines(fits[0], fits[1])
        except DataError as error:
            notes.append(str(error))
    common = _common(a, b)
    if not common and activation is None:
        raise DataError(
            f"{a.name} ({_listed(a)}) and {b.name} ({_listed(b)}) have no temperature in common, "
            "and not both have three for a line: nothing can be compared"
        )
    chosen = list(pairs) if pairs else _all_pairs(a, b)
    curves: dict[float, list[tuple[RdfResult, RdfResult]]] = {}
    rows = []
    for t_a, t_b in common:
        row, curves[t_a] = at_one_temperature(
            (a.groups[t_a], b.groups[t_b]), (results[0][t_a], results[1][t_b]), chosen, r_max
        )
        rows.append(row)
    notes += _notes_on_pieces(rows)
    result = Comparison(
        name_a=a.name,
        name_b=b.name,
        carrier=settings.diffusion.carrier,
        a=tuple(results[0].values()),
        b=tuple(results[1].values()),
        fit_a=fits[0],
        fit_b=fits[1],
        activation=activation,
        lines=lines,
        pooled=pool_ratios([row.ratio for row in rows]),
        temperatures=tuple(rows),
        notes=tuple(notes),
    )
    return Compared(result, curves)


def _common(a: Side, b: Side) -> list[tuple[float, float]]:
    """Temperatures of A and of B that are the same."""
    from lionn_rs.analysis.arrhenius.points import SAME_TEMPERATURE_K

    return [(x, y) for x in a.groups for y in b.groups if abs(x - y) < SAME_TEMPERATURE_K]


def _listed(side: Side) -> str:
    return ", ".join(f"{t:g}" for t in side.groups) + " K"


def _all_pairs(a: Side, b: Side) -> list[tuple[str, str]]:
    """Pairs of species that both sides have, the carrier first."""
    carrier = next(iter(a.groups.values()))[0].carrier
    species = [name for name in a.species if name in b.species]
    species.sort(key=lambda name: name != carrier)
    return [(x, y) for k, x in enumerate(species) for y in species[k:]]


def _diffusivity(side: Side, runs: list[Run], settings: TransportConfig) -> Diffusivity:
    """Diffusivity of all runs at one temperature together."""
    from lionn_rs.analysis import diffusivity, diffusivity_of_runs

    first = runs[0]
    options = settings.diffusion.model_dump() | {"compare_pymatgen": False}
    common: dict[str, Any] = {
        "cell": first.cell,
        "numbers": first.trajectory.numbers,
        "frame_interval_fs": first.interval_fs,
        "temperature_K": temperature_of(first),
        **options,
    }
    for run in runs[1:]:
        if abs(run.interval_fs - first.interval_fs) > 1e-6 * first.interval_fs:
            raise DataError(
                f"{side.name}: frames of {run.folder} are {run.interval_fs:g} fs apart, those of "
                f"{first.folder} {first.interval_fs:g} fs (lionn convert --every makes them equal)"
            )
    paths = [_unmoved(run) for run in runs]
    try:
        if len(paths) == 1:
            return diffusivity(paths[0], **common)
        return diffusivity_of_runs(paths, **common)
    except LionnError as error:
        raise type(error)(f"{side.name} at {temperature_of(first):g} K: {error}") from error


def _unmoved(run: Run) -> FrameSource:
    """Frames before the drift was removed: the analysis removes it by its own settings."""
    stage = None if run.stage == "all" else run.stage
    return run.trajectory.source(stage)  # type: ignore[arg-type]


def _line(
    results: list[Diffusivity], settings: TransportConfig
) -> tuple[ArrheniusResult | None, str]:
    """Arrhenius line of one side, or why there is none."""
    from lionn_rs.analysis import arrhenius_from_results

    known = [r for r in results if r.diffusive]
    if len(known) < 3:
        return None, f"{len(known)} of {len(results)} temperatures are diffusive, 3 are needed"
    section = settings.arrhenius
    return arrhenius_from_results(results, extrapolate_to_K=section.extrapolate_to_K), ""


def _notes_on_pieces(rows: list[TemperatureComparison]) -> list[str]:
    notes = []
    few = [f"{row.temperature_K:g} K" for row in rows if row.pieces is None]
    if few:
        notes.append(f"{', '.join(few)}: too few or too short runs to test structure and motion")
    parts = [row for row in rows if row.pieces is not None and row.pieces.per_run > 1]
    if parts:
        shortest = min(row.pieces.length_ps for row in parts if row.pieces is not None)
        notes.append(
            f"tests of g(r), MSD and vibration take consecutive pieces of one run (from "
            f"{shortest:.3g} ps) as independent: slower motion makes them find too much"
        )
    return notes
