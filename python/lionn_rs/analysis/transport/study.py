"""A run with the questions asked of it, and the self-diffusion of each of its species."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from lionn_rs.analysis.transport.conductivity import (
    ChargedMotion,
    CollectiveResult,
    SpeciesConductivity,
    collective,
    nernst_einstein_factor,
)
from lionn_rs.analysis.transport.drift import DriftWeights
from lionn_rs.analysis.transport.drift import drift_reference as find_reference
from lionn_rs.analysis.transport.gls import LineFit, fit_line
from lionn_rs.analysis.transport.motion import Motion
from lionn_rs.analysis.transport.resampling import SpreadError
from lionn_rs.analysis.transport.sources import FrameSource, Paths, as_source
from lionn_rs.analysis.transport.tensor import DEFAULT_DIRECTIONS, crystal_direction
from lionn_rs.analysis.transport.trajectory import Convention, Floats, as_cells, as_symbols
from lionn_rs.analysis.transport.uncertainty import (
    Run,
    estimate_hop,
    reported_error,
    spread_errors,
    upper_bound,
)
from lionn_rs.analysis.transport.window import WindowChoice, choose_window
from lionn_rs.errors import ConfigError, DataError
from lionn_rs.units import PS_TO_FS

DEFAULT_SITE_DISTANCE_A = 3.0
"""Typical distance of Li sites (He et al. 2018)."""
FEWEST_FRAMES = 20


@dataclass(frozen=True, kw_only=True)
class Study:
    """A run and the questions asked of it."""

    motion: Motion
    tensor_curve: Floats
    carrier: str
    charges: dict[str, float]
    mobile: tuple[str, ...]
    cell: Floats
    volume_A3: float
    interval_fs: float
    temperature_K: float
    site: float
    given_hop: float | None
    directions: tuple[str, ...]

    def count(self, symbol: str) -> int:
        """Atoms of a species."""
        return int(np.sum(self.motion.symbols == symbol))

    def factor(self, symbol: str) -> float:
        """Nernst-Einstein conductivity per diffusivity of a species."""
        return nernst_einstein_factor(
            n_carriers=self.count(symbol),
            charge=self.charges[symbol],
            volume_A3=self.volume_A3,
            temperature_K=self.temperature_K,
        )


@dataclass(frozen=True, kw_only=True)
class Tracer:
    """Self-diffusion of one species: the fit and its error, or the refusal."""

    run: Run
    choice: WindowChoice
    line: LineFit | None
    refusal: str
    hop: float
    hop_source: str
    spreads: tuple[SpreadError, ...]
    bound: float
    value: float | None
    ln_sd: float | None
    half_width: float | None
    method: str


def prepare(
    positions: ArrayLike | FrameSource,
    *,
    cell: ArrayLike,
    frame_interval_fs: float,
    temperature_K: float,
    symbols: Sequence[str] | None = None,
    numbers: ArrayLike | None = None,
    carrier: str = "Li",
    charge: float = 1.0,
    charges: Mapping[str, float] | None = None,
    mobile: Sequence[str] = (),
    drift_reference: str | Sequence[Any] = "framework",
    drift_weights: DriftWeights = "mass",
    wrapped: bool = False,
    convention: Convention = "fractional",
    directions: Sequence[str] = DEFAULT_DIRECTIONS,
    hop_length_A: float | None = None,
    site_distance_A: float | None = None,
) -> Study:
    """Check the input of :func:`lionn_rs.analysis.diffusivity` and read the frames once.

    Parameters and errors are those of that function.

    Returns
    -------
    Study
    """
    if not frame_interval_fs > 0.0 or not temperature_K > 0.0:
        raise ConfigError(
            "frame_interval_fs and temperature_K must be positive, got "
            f"{frame_interval_fs} fs, {temperature_K} K"
        )
    site = site_distance_A or hop_length_A or DEFAULT_SITE_DISTANCE_A
    if site <= 0.0 or (hop_length_A is not None and hop_length_A <= 0.0):
        raise ConfigError(f"site distance and hop length must be positive, got {site} Å")
    source = as_source(positions)
    n_frames, n_atoms = source.shape[:2]
    cells = as_cells(cell, n_frames)
    names = as_symbols(n_atoms, symbols=symbols, numbers=numbers)
    numbers_of = charge_numbers(names.tolist(), carrier, charge, charges, mobile)
    for direction in directions:
        crystal_direction(direction, cells[0])
    if n_frames < FEWEST_FRAMES:
        raise DataError(f"a diffusivity needs at least {FEWEST_FRAMES} frames, got {n_frames}")
    reference = find_reference(
        names, carrier=carrier, reference=drift_reference, weights=drift_weights, mobile=mobile
    )
    paths = Paths(source, cells, wrapped=wrapped, convention=convention)
    motion = Motion(paths, names, reference, np.flatnonzero(names == carrier))
    return Study(
        motion=motion,
        tensor_curve=motion.msd(carrier, tensor=True),
        carrier=carrier,
        charges=numbers_of,
        mobile=tuple(mobile),
        cell=cells.mean(axis=0),
        volume_A3=float(np.abs(np.linalg.det(cells)).mean()),
        interval_fs=frame_interval_fs,
        temperature_K=temperature_K,
        site=site,
        given_hop=hop_length_A,
        directions=tuple(directions),
    )


def charge_numbers(
    names: list[str],
    carrier: str,
    charge: float,
    charges: Mapping[str, float] | None,
    mobile: Sequence[str],
) -> dict[str, float]:
    """Charge number of every species that carries current, the carrier first."""
    present = ", ".join(sorted(set(names)))
    if carrier not in names:
        raise ConfigError(f"carrier {carrier!r} does not occur (the trajectory has {present})")
    given = {carrier: charge} if charges is None else {k: float(z) for k, z in charges.items()}
    unknown = sorted(({*given} | {*mobile}) - {*names})
    if unknown:
        raise ConfigError(
            f"charges or mobile: {', '.join(unknown)} does not occur (the trajectory has {present})"
        )
    if not given.get(carrier):
        raise ConfigError(f"charges must hold a charge of the carrier {carrier}, got {given}")
    rest = {name: z for name, z in given.items() if z and name != carrier}
    return {carrier: given[carrier], **rest}


def self_diffusion(
    study: Study,
    symbol: str,
    curves: dict[str, Floats],
    window_ps: tuple[float, float] | None,
    melted: str = "",
) -> Tracer:
    """Fit one species; ``melted`` is a reason to refuse that was found before."""
    n = study.count(symbol)
    curve = curves[symbol]
    choice = choose_window(
        curve, study.interval_fs, n_particles=n, site_distance_A=study.site, window_ps=window_ps
    )
    refusal, line = melted or choice.refusal, choice.line
    # The paths of a species that stays on its sites are not needed.
    load = symbol == study.carrier or (line is not None and not refusal)
    run = Run(
        relative=study.motion.ions(symbol) if load else np.empty((curve.shape[1], 0, 3)),
        names=np.full(n, symbol),
        carriers=np.arange(n),
        curves=curves,
        interval_fs=study.interval_fs,
        site=study.site,
        given_hop=study.given_hop,
        carrier=symbol,
    )
    hop, source = run.given_hop or run.site, "given" if run.given_hop else "site distance"
    spreads: tuple[SpreadError, ...] = ()
    if line is not None and load:
        if run.given_hop is None:
            hop, source = estimate_hop(run, line)
        line = fit_line(curve, line.lags, n_particles=n, hop_length_A=hop)
        spreads = spread_errors(run, line, hop)
    value = ln_sd = half_width = None
    method = "none"
    if line is not None and not refusal:
        value = line.slope * run.to_cm2_s
        method, ln_sd, half_width = reported_error(line, spreads, choice.straight)
    return Tracer(
        run=run,
        choice=choice,
        line=line,
        refusal=refusal,
        hop=hop,
        hop_source=source,
        spreads=spreads,
        bound=upper_bound(curve, run, line),
        value=value,
        ln_sd=ln_sd,
        half_width=half_width,
        method=method,
    )


def collective_conductivity(
    study: Study, tracer: Tracer, curves: dict[str, Floats]
) -> CollectiveResult | None:
    """Conductivity of all charges together, with the contribution of each species beside."""
    if tracer.line is None:
        return None
    others = [
        self_diffusion(study, name, curves, None) for name in study.charges if name != study.carrier
    ]
    drift = study.motion.drift
    motion = ChargedMotion(
        sums=study.motion.sums,
        counts={name: study.count(name) for name in study.charges},
        charges=study.charges,
        curves=curves,
        cell=study.cell,
        volume_A3=study.volume_A3,
        temperature_K=study.temperature_K,
        frame=f"{drift.reference}, weights: {drift.weights}",
    )
    return collective(
        motion,
        [_contribution(study, entry) for entry in (tracer, *others)],
        first_lag=int(tracer.line.lags[0]),
        to_cm2_s=tracer.run.to_cm2_s,
        lag_ps=study.interval_fs / PS_TO_FS,
        directions=study.directions,
    )


def _contribution(study: Study, tracer: Tracer) -> SpeciesConductivity:
    symbol = tracer.run.carrier
    value = 0.0 if tracer.value is None else tracer.value * study.factor(symbol)
    return SpeciesConductivity(
        symbol=symbol,
        n_ions=study.count(symbol),
        charge=study.charges[symbol],
        diffusivity_cm2_s=tracer.value,
        ln_sd=tracer.ln_sd,
        upper_bound_cm2_s=tracer.bound,
        refusal=tracer.refusal,
        hop_length_A=tracer.hop,
        conductivity_mS_cm=value,
        sd_mS_cm=value * (tracer.ln_sd or 0.0),
    )
