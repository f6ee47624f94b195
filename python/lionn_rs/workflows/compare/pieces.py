"""Two sides at one temperature: pieces of the runs, motion, vibration and structure in them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from lionn_rs.errors import ConfigError, DataError
from lionn_rs.units import PS_TO_FS

if TYPE_CHECKING:
    from lionn_rs.analysis import RdfResult
    from lionn_rs.analysis.comparison.permutation import PermutationResult, RdfDifference
    from lionn_rs.analysis.comparison.result import AmplitudeRatio, Pieces, TemperatureComparison
    from lionn_rs.analysis.comparison.tests import Diffusivity
    from lionn_rs.analysis.transport.trajectory import Floats
    from lionn_rs.workflows.mechanism.files import Run

__all__ = ["at_one_temperature", "cut_runs", "temperature_of"]

MOST_PARTS = 5
"""A shortest run is cut into so many pieces at most."""
FEWEST_ARRANGEMENTS = 40
"""Exchanges that a test needs: the smallest p is then 0.025."""
MOST_PIECES = 40
"""Pieces of one side that are used."""
FRAMES = 4000
"""Frames of both sides that g(r) is averaged over, as far as pieces have them."""
MOST_FRAMES = 400
"""Frames of one piece that are used. All pieces have as many: one with fewer is noisier, and could
not be exchanged."""
FEWEST_FRAMES = 8
"""Frames of one piece, at least."""
RDF_BLOCKS = 5


def temperature_of(run: Run) -> float:
    """Temperature of the stage that is analyzed, K.

    Raises
    ------
    ConfigError
        The run comes from a file that does not say.
    DataError
        The temperature changes.
    """
    if run.temperature_K is not None:
        return run.temperature_K
    protocol = run.trajectory.metadata.get("protocol", {})
    if protocol.get("production_end_K") is not None and run.stage == "production":
        raise DataError(f"{run.folder}: the temperature of the production changes")
    if protocol.get("temperature_K") is None:
        raise ConfigError(
            f"{run.folder}: does not say the temperature: give {run.folder}@TEMPERATURE, "
            "or --temperature for all files"
        )
    return float(protocol["temperature_K"])


def at_one_temperature(
    runs: tuple[list[Run], list[Run]],
    results: tuple[Diffusivity, Diffusivity],
    pairs: list[tuple[str, str]],
    r_max: float,
) -> tuple[TemperatureComparison, list[tuple[RdfResult, RdfResult]]]:
    """Compare all there is at one temperature; also returns g(r) of both sides per pair."""
    from lionn_rs.analysis.comparison.result import TemperatureComparison
    from lionn_rs.analysis.comparison.tests import compare_diffusivities

    pieces, cut_a, cut_b = cut_runs(*runs)
    tested = pieces is not None
    lag_ps, msd = _motion(runs, cut_a, cut_b, tested=tested)
    differences, curves = _structure(runs, cut_a, cut_b, pairs, r_max, tested=tested)
    row = TemperatureComparison(
        temperature_K=temperature_of(runs[0][0]),
        ratio=compare_diffusivities(*results),
        pieces=pieces,
        lag_ps=lag_ps,
        msd=msd,
        vibrations=_vibrations(runs, cut_a, cut_b, tested=tested),
        rdf=differences,
    )
    return row, curves


def cut_runs(a: list[Run], b: list[Run]) -> tuple[Pieces | None, list[Floats], list[Floats]]:
    """Pieces of the same length: whole shortest runs if these are enough for a test, else parts.

    Returns
    -------
    pieces : Pieces or None
        None if even parts are too few; then the arrays are the whole runs, cut to one length.
    cut_a, cut_b : list of (n_frames, n_atoms, 3) float64, Å
    """
    from lionn_rs.analysis.comparison.result import Pieces

    shortest = min(_duration_fs(run) for run in (*a, *b))
    whole = (_cut(a, shortest), _cut(b, shortest))
    for parts in range(1, MOST_PARTS + 1):
        length = shortest / parts
        if length < FEWEST_FRAMES * max(run.interval_fs for run in (*a, *b)):
            break
        cut_a, cut_b = _cut(a, length), _cut(b, length)
        n_a, n_b = len(cut_a), len(cut_b)
        if math.comb(n_a + n_b, n_a) >= FEWEST_ARRANGEMENTS:
            found = Pieces(length_ps=length / PS_TO_FS, n_a=n_a, n_b=n_b, per_run=parts)
            return found, cut_a, cut_b
    return None, *whole


def _duration_fs(run: Run) -> float:
    return run.n_frames * run.interval_fs


def _cut(runs: list[Run], length_fs: float) -> list[Floats]:
    """Consecutive pieces of all runs, evenly picked if there are many."""
    pieces = []
    for run in runs:
        n = max(int(length_fs / run.interval_fs + 1e-6), 1)
        pieces += [(run, k * n, (k + 1) * n) for k in range(run.n_frames // n)]
    take = np.unique(np.linspace(0, len(pieces) - 1, min(MOST_PIECES, len(pieces))).astype(int))
    return [run.frames.read(start, stop) for run, start, stop in (pieces[k] for k in take)]


def _motion(
    runs: tuple[list[Run], list[Run]], cut_a: list[Floats], cut_b: list[Floats], *, tested: bool
) -> tuple[float, AmplitudeRatio]:
    """MSD of the carriers at half of the length of a piece."""
    first = runs[0][0]
    lag_fs = 0.5 * len(cut_a[0]) * first.interval_fs
    rows = []
    for side, cut in zip(runs, (cut_a, cut_b), strict=True):
        moving = np.array(side[0].symbols) == first.carrier
        lag = max(round(lag_fs / side[0].interval_fs), 1)
        rows.append(
            [float(np.mean(np.sum((p[lag:] - p[:-lag])[:, moving] ** 2, axis=2))) for p in cut]
        )
    return lag_fs / PS_TO_FS, _ratios([first.carrier], [rows[0]], [rows[1]], tested=tested)[0]


def _vibrations(
    runs: tuple[list[Run], list[Run]], cut_a: list[Floats], cut_b: list[Floats], *, tested: bool
) -> tuple[AmplitudeRatio, ...]:
    """Framework species around their mean positions within each piece."""
    from lionn_rs.analysis.comparison.permutation import vibration_amplitude2

    carrier = runs[0][0].carrier
    names = [np.array(side[0].symbols) for side in runs]
    species = sorted((set(names[0].tolist()) & set(names[1].tolist())) - {carrier})
    rows = [
        [[vibration_amplitude2(p[:, name == kind]) for p in cut] for kind in species]
        for name, cut in zip(names, (cut_a, cut_b), strict=True)
    ]
    return _ratios(species, rows[0], rows[1], tested=tested)


def _ratios(
    species: list[str], a: list[list[float]], b: list[list[float]], *, tested: bool
) -> tuple[AmplitudeRatio, ...]:
    from lionn_rs.analysis.comparison.permutation import log_ratio, permutation_test
    from lionn_rs.analysis.comparison.result import AmplitudeRatio

    if not species:
        return ()
    means = [(float(np.mean(x)), float(np.mean(y))) for x, y in zip(a, b, strict=True)]
    moving = tested and all(min(pair) > 0.0 for pair in means)
    tests: tuple[PermutationResult | None, ...] = (None,) * len(species)
    if moving:
        columns = [[np.array(x)[:, None] for x in side] for side in (a, b)]
        tests = permutation_test(columns[0], columns[1], distance=log_ratio)
    return tuple(
        AmplitudeRatio(
            species=name, a_A2=x, b_A2=y, ratio=x / y if y > 0.0 else float("nan"), test=test
        )
        for name, (x, y), test in zip(species, means, tests, strict=True)
    )


def _structure(
    runs: tuple[list[Run], list[Run]],
    cut_a: list[Floats],
    cut_b: list[Floats],
    pairs: list[tuple[str, str]],
    r_max: float,
    *,
    tested: bool,
) -> tuple[tuple[RdfDifference, ...], list[tuple[RdfResult, RdfResult]]]:
    """Radial distribution functions of both sides, their differences and curves."""
    from lionn_rs.analysis.comparison.permutation import permutation_test, rdf_difference

    most = min(max(FRAMES // (len(cut_a) + len(cut_b)), FEWEST_FRAMES), MOST_FRAMES)
    n_frames = min(most, *(len(piece) for piece in (*cut_a, *cut_b)))
    found = [
        [_rdf(side, cut, pair, r_max, n_frames) for pair in pairs]
        for side, cut in zip(runs, (cut_a, cut_b), strict=True)
    ]
    tests: tuple[PermutationResult | None, ...] = (None,) * len(pairs)
    if tested:
        tests = permutation_test([rows for _, rows in found[0]], [rows for _, rows in found[1]])
    curves = [(x[0], y[0]) for x, y in zip(*found, strict=True)]
    differences = tuple(
        rdf_difference(x, y, test=test) for (x, y), test in zip(curves, tests, strict=True)
    )
    return differences, curves


def _rdf(
    runs: list[Run], cut: list[Floats], pair: tuple[str, str], r_max: float, n_frames: int
) -> tuple[RdfResult, Floats]:
    """g(r) of all pieces together, and of each (n_pieces, n_bins)."""
    from lionn_rs.analysis import rdf

    thin = [p[np.linspace(0, len(p) - 1, n_frames).astype(int)] for p in cut]
    every = np.concatenate(thin)
    common: dict[str, Any] = {
        "cell": runs[0].cell,
        "pair": pair,
        "symbols": runs[0].symbols,
        "r_max": r_max,
        "max_frames": len(every),
    }
    blocks = len(cut) if len(cut) >= RDF_BLOCKS else RDF_BLOCKS
    whole = rdf(every, n_blocks=blocks, **common)
    return whole, np.array([rdf(part, n_blocks=1, **common).g for part in thin])
