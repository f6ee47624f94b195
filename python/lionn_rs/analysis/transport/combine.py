"""One diffusivity from several independent runs of one system at one temperature."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from lionn_rs.analysis._records import Record
from lionn_rs.analysis.transport.conductivity import nernst_einstein_factor
from lionn_rs.analysis.transport.diffusion import analyze
from lionn_rs.analysis.transport.estimates import side_by_side
from lionn_rs.analysis.transport.gls import fit_line
from lionn_rs.analysis.transport.msd import msd
from lionn_rs.analysis.transport.resampling import ErrorEstimate, SpreadError
from lionn_rs.analysis.transport.results import DiffusionResult
from lionn_rs.analysis.transport.sources import FrameSource, as_source
from lionn_rs.analysis.transport.study import prepare
from lionn_rs.analysis.transport.trajectory import Floats
from lionn_rs.analysis.transport.uncertainty import (
    Run,
    estimate_hop,
    reported_error,
    spread_errors,
    upper_bound,
)
from lionn_rs.analysis.transport.window import FitWindow, choose_window, describe
from lionn_rs.errors import ConfigError, DataError
from lionn_rs.units import PS_TO_FS

LENGTH_TOLERANCE = 0.1
"""Runs may differ by this share in length; the excess of the longer ones is not used."""


@dataclass(frozen=True, kw_only=True)
class CombinedDiffusion(Record):
    """Diffusivity of several runs together; names as in :class:`DiffusionResult`."""

    carrier: str
    n_carriers: int
    """Of one run."""
    charge: float
    temperature_K: float
    volume_A3: float
    """Mean over the runs."""
    n_runs: int
    run_ps: float
    """Length of each run that was used."""
    site_distance_A: float
    hop_length_A: float
    hop_length_source: str
    diffusive: bool
    refusal: str
    diffusivity_cm2_s: float | None
    interval_cm2_s: tuple[float, float] | None
    ln_sd: float | None
    method: str
    gls_relative_sd: float | None
    spreads: tuple[SpreadError, ...]
    estimates: tuple[ErrorEstimate, ...]
    n_hops: float | None
    """Effective number of hops in all runs."""
    upper_bound_cm2_s: float
    conductivity_mS_cm: float | None
    conductivity_interval_mS_cm: tuple[float, float] | None
    window: FitWindow | None
    run_diffusivities_cm2_s: tuple[float, ...]
    """Slope of each run by the common estimator; their mean is the diffusivity."""
    runs: tuple[DiffusionResult, ...]
    """Each run on its own."""
    warnings: tuple[str, ...]

    def __str__(self) -> str:
        """One line for the terminal."""
        head = f"{self.carrier} at {self.temperature_K:g} K ({self.n_runs} x {self.run_ps:.1f} ps)"
        if self.interval_cm2_s is None:
            return (
                f"{head}: not diffusive in these runs: D < {self.upper_bound_cm2_s:.2e} cm²/s "
                f"(95 %); {self.refusal}"
            )
        low, high = self.interval_cm2_s
        return (
            f"{head}: D = {self.diffusivity_cm2_s:.2e} cm²/s, 95 % [{low:.1e}, {high:.1e}] "
            f"({self.n_hops:.0f} hops, error: {self.method})"
        )


def diffusivity_of_runs(
    runs: Sequence[ArrayLike | FrameSource],
    *,
    cell: ArrayLike | Sequence[ArrayLike],
    frame_interval_fs: float,
    temperature_K: float,
    window_ps: tuple[float, float] | None = None,
    compare_pymatgen: bool = False,
    **options: Any,
) -> CombinedDiffusion:
    """Diffusivity of independent runs (seeds, arrangements) of one temperature.

    The MSD is averaged over all runs and fitted once, so that a run that moved less does not drop
    out or change the weights; the spread between runs becomes a further source of error beside
    those of :func:`lionn_rs.analysis.diffusivity`.

    Parameters
    ----------
    runs : sequence of (n_frames, n_atoms, 3) arrays, Å, or FrameSource
        Trajectories with the same number of carriers and, within 10 %, the same length.
    cell : (3, 3) array, or a sequence with one cell for each run, Å
        Rows are the lattice vectors. That of a run is (3, 3), or (n_frames, 3, 3) if it changes.
    frame_interval_fs, temperature_K, window_ps, compare_pymatgen
        As in :func:`lionn_rs.analysis.diffusivity`.
    **options
        Its other parameters, the same for all runs.

    Returns
    -------
    CombinedDiffusion

    Raises
    ------
    ConfigError
        For no runs, or not one cell for each.
    DataError
        For runs that differ in length by more than 10 %, or in the number of carriers.
    """
    sources = [as_source(run) for run in runs]
    if not sources:
        raise ConfigError("diffusivity_of_runs needs at least one run")
    lengths = [source.shape[0] for source in sources]
    if min(lengths) < (1.0 - LENGTH_TOLERANCE) * max(lengths):
        raise DataError(
            f"runs of {min(lengths)} to {max(lengths)} frames differ in length by more than "
            f"{100 * LENGTH_TOLERANCE:.0f} %: cut the longer ones, or analyze them singly and "
            "combine them in an Arrhenius fit"
        )
    alone, ions = [], []
    for source, own_cell in zip(sources, _cells(cell, len(sources)), strict=True):
        study = prepare(
            source,
            cell=own_cell,
            frame_interval_fs=frame_interval_fs,
            temperature_K=temperature_K,
            **options,
        )
        alone.append(analyze(study, window_ps, compare_pymatgen=compare_pymatgen))
        ions.append(study.motion.ions(study.carrier)[: min(lengths)])
    if len({result.n_carriers for result in alone}) > 1:
        raise DataError(
            f"runs with {', '.join(str(result.n_carriers) for result in alone)} carriers are not "
            "of one system: combine them in an Arrhenius fit"
        )
    first = alone[0]
    every = np.ascontiguousarray(np.concatenate(ions, axis=1))
    run = Run(
        relative=every,
        names=np.full(every.shape[1], first.carrier),
        carriers=np.arange(every.shape[1]),
        curves={first.carrier: msd(every)[0]},
        interval_fs=frame_interval_fs,
        site=first.site_distance_A,
        given_hop=options.get("hop_length_A"),
        carrier=first.carrier,
        n_runs=len(sources),
    )
    return _analyze(run, tuple(alone), window_ps)


def _cells(cell: Any, n_runs: int) -> list[Any]:
    """Cell of each run, from one for all or a sequence."""
    given = list(cell) if np.iterable(cell) else []
    if given and np.ndim(given[0]) == 1:
        return [cell] * n_runs
    if len(given) != n_runs:
        raise ConfigError(
            f"cell must have shape (3, 3), or be a sequence of one cell for each of {n_runs} runs, "
            f"got {len(given)} cells"
        )
    return given


def _analyze(
    run: Run, alone: tuple[DiffusionResult, ...], window_ps: tuple[float, float] | None
) -> CombinedDiffusion:
    first, curve, n = alone[0], run.curves[run.carrier], len(run.carriers)
    choice = choose_window(
        curve, run.interval_fs, n_particles=n, site_distance_A=run.site, window_ps=window_ps
    )
    refusal, line = choice.refusal, choice.line
    melted = [r.refusal for r in alone if r.refusal.startswith("the framework")]
    if melted:
        refusal = melted[0]
    hop, source = run.given_hop or run.site, "given" if run.given_hop else "site distance"
    spreads: tuple[SpreadError, ...] = ()
    doubts = [r.clock.warning for r in alone if r.clock is not None and r.clock.warning]
    warnings = list(dict.fromkeys(doubts))
    value = ln_sd = interval = n_hops = None
    method = "none"
    estimates: tuple[ErrorEstimate, ...] = ()
    each: tuple[float, ...] = ()
    if line is not None:
        if run.given_hop is None:
            hop, source = estimate_hop(run, line)
        line = fit_line(curve, line.lags, n_particles=n, hop_length_A=hop)
        spreads = spread_errors(run, line, hop)
    if line is not None and not refusal:
        value = line.slope * run.to_cm2_s
        method, ln_sd, half = reported_error(line, spreads, choice.straight)
        interval = (value * float(np.exp(-half)), value * float(np.exp(half)))
        n_hops = n * line.slope * (run.n_frames - 1) / run.site**2
        estimates = side_by_side(run, line, spreads, curve, method)
        each = tuple(_slopes(run, line.lags, line.weights).tolist())
    if len(alone) == 1:
        warnings.append("one run: nothing is known of the spread between runs")
    apart = next((s for s in spreads if s.kind == "runs" and s.significant), None)
    if apart is not None:
        warnings.append(
            f"the runs differ by {apart.inflation:.1f} times what their errors allow: they are "
            "not samples of one equilibrium (short runs, or different arrangements)"
        )
    volume = float(np.mean([result.volume_A3 for result in alone]))
    factor = nernst_einstein_factor(
        n_carriers=first.n_carriers,
        charge=first.charge,
        volume_A3=volume,
        temperature_K=first.temperature_K,
    )
    return CombinedDiffusion(
        carrier=run.carrier,
        n_carriers=first.n_carriers,
        charge=first.charge,
        temperature_K=first.temperature_K,
        volume_A3=volume,
        n_runs=run.n_runs,
        run_ps=(run.n_frames - 1) * run.interval_fs / PS_TO_FS,
        site_distance_A=run.site,
        hop_length_A=hop,
        hop_length_source=source,
        diffusive=value is not None,
        refusal=refusal,
        diffusivity_cm2_s=value,
        interval_cm2_s=interval,
        ln_sd=ln_sd,
        method=method,
        gls_relative_sd=None if line is None else line.slope_sd / abs(line.slope),
        spreads=spreads,
        estimates=estimates,
        n_hops=n_hops,
        upper_bound_cm2_s=upper_bound(curve, run, line),
        conductivity_mS_cm=None if value is None else value * factor,
        conductivity_interval_mS_cm=(
            None if interval is None else (interval[0] * factor, interval[1] * factor)
        ),
        window=(None if line is None else describe(line, curve, run.interval_fs, choice.chosen_by)),
        run_diffusivities_cm2_s=each,
        runs=alone,
        warnings=tuple(warnings),
    )


def _slopes(run: Run, lags: Any, weights: Floats) -> Floats:
    """Diffusivity of each run by the common weights, cm²/s."""
    curves = [
        msd(np.ascontiguousarray(part))[0][:, lags].sum(axis=0)
        for part in np.split(run.relative, run.n_runs, axis=1)
    ]
    return np.array([weights @ curve for curve in curves]) * run.to_cm2_s
