"""Self-diffusivity of one species with an error that holds, or the reason why there is none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from lionn_rs.errors import ConfigError, DataError
from lionn_rs.units import PS_TO_FS

from .conductivity import collective, nernst_einstein_factor
from .estimates import side_by_side
from .framework import FrameworkSpecies, check_framework
from .gls import fit_line
from .msd import collective_msd, msd_by_species, thin
from .pymatgen_peer import pymatgen_values
from .resampling import SpreadError
from .results import DiffusionResult
from .trajectory import (
    Drift,
    DriftWeights,
    as_cell,
    as_positions,
    as_symbols,
    check_unwrapped,
    remove_drift,
    unwrap,
)
from .uncertainty import (
    HE_FLOOR,
    HE_SLOPE,
    Run,
    axis_diffusivities,
    estimate_hop,
    spread_errors,
    upper_bound,
    widest,
)
from .window import choose_window, describe

DEFAULT_SITE_DISTANCE_A = 3.0
"""Typical distance of Li sites (He et al. 2018)."""
FEWEST_FRAMES = 20


def diffusivity(
    positions: ArrayLike,
    *,
    cell: ArrayLike,
    frame_interval_fs: float,
    temperature_K: float,
    symbols: Sequence[str] | None = None,
    numbers: ArrayLike | None = None,
    carrier: str = "Li",
    charge: float = 1.0,
    drift_reference: str | Sequence[Any] = "framework",
    drift_weights: DriftWeights = "mass",
    wrapped: bool = False,
    hop_length_A: float | None = None,
    site_distance_A: float | None = None,
    window_ps: tuple[float, float] | None = None,
    compare_pymatgen: bool = False,
) -> DiffusionResult:
    """Diffusivity and Nernst-Einstein conductivity of one species from one trajectory.

    The window-averaged, drift-corrected MSD is fitted by a line with free intercept, ``MSD = c + 6
    D t``, by generalized least squares with its analytic covariance (see
    :mod:`lionn_rs.analysis.gls`). The reported interval is the widest of that error's and of its
    combinations with the spreads between ions, between time blocks, and of ions that hop in concert
    (:func:`lionn_rs.analysis.uncertainty.widest`). When the motion does not support a number (see
    :mod:`lionn_rs.analysis.window`), the result has ``diffusive=False``, a reason, and a 95 % upper
    bound.

    Parameters
    ----------
    positions : (n_frames, n_atoms, 3) array, Å
        Unwrapped Cartesian positions; wrapped ones with ``wrapped=True``.
    cell : (3, 3) array, Å
        Rows are the lattice vectors, constant during the run.
    frame_interval_fs : float
        Time between consecutive frames, fs.
    temperature_K : float
        Temperature of the run, K.
    symbols, numbers : (n_atoms,)
        Chemical symbols or atomic numbers, one of the two.
    carrier : str
        The mobile species.
    charge : float
        Its charge number.
    drift_reference, drift_weights
        See :func:`lionn_rs.analysis.remove_drift`.
    hop_length_A : float, optional
        Hop length of the error model, Å. Default: estimated from the fourth cumulant of the
        displacements, not below the site distance.
    site_distance_A : float, optional
        Distance between neighboring sites, Å, for window, refusal and number of hops. Default:
        ``hop_length_A``, else 3 Å.
    window_ps : (start, end), optional
        Fit window in ps instead of the automatic one.
    compare_pymatgen : bool
        Also run pymatgen's DiffusionAnalyzer on the same trajectory.

    Returns
    -------
    DiffusionResult

    Raises
    ------
    ConfigError, ShapeError, DataError
        For input that cannot be used: no carriers, too few frames, wrapped positions, ...

    References
    ----------
    X. He, Y. Zhu, A. Epstein, Y. Mo, npj Comput. Mater. 4, 18 (2018), doi
    10.1038/s41524-018-0074-y; A. R. McCluskey, S. W. Coles, B. J. Morgan, J. Chem. Theory Comput.
    21, 79 (2025), doi 10.1021/acs.jctc.4c01249.
    """
    matrix = as_cell(cell)
    if not frame_interval_fs > 0.0 or not temperature_K > 0.0:
        raise ConfigError(
            "frame_interval_fs and temperature_K must be positive, got "
            f"{frame_interval_fs} fs, {temperature_K} K"
        )
    site = site_distance_A or hop_length_A or DEFAULT_SITE_DISTANCE_A
    if site <= 0.0 or (hop_length_A is not None and hop_length_A <= 0.0):
        raise ConfigError(f"site distance and hop length must be positive, got {site} Å")
    path = as_positions(positions)
    names = as_symbols(path.shape[1], symbols=symbols, numbers=numbers)
    carriers = np.flatnonzero(names == carrier)
    if len(carriers) == 0:
        present = ", ".join(sorted(set(names.tolist())))
        raise ConfigError(f"carrier {carrier!r} does not occur (the trajectory has {present})")
    if len(path) < FEWEST_FRAMES:
        raise DataError(f"a diffusivity needs at least {FEWEST_FRAMES} frames, got {len(path)}")
    if wrapped:
        path = unwrap(path, matrix)
    else:
        check_unwrapped(path, matrix)
    relative, drift = remove_drift(
        path, names, carrier=carrier, reference=drift_reference, weights=drift_weights
    )
    run = Run(
        relative=relative,
        names=names,
        carriers=carriers,
        curves=msd_by_species(relative, names),
        interval_fs=frame_interval_fs,
        site=site,
        given_hop=hop_length_A,
        carrier=carrier,
    )
    factor = nernst_einstein_factor(
        n_carriers=len(carriers),
        charge=charge,
        volume_A3=abs(float(np.linalg.det(matrix))),
        temperature_K=temperature_K,
    )
    result = _analyze(
        run,
        window_ps=window_ps,
        factor=factor,
        drift=drift,
        charge=charge,
        temperature_K=temperature_K,
        volume_A3=abs(float(np.linalg.det(matrix))),
    )
    if compare_pymatgen:
        peer = pymatgen_values(
            path,
            names,
            matrix,
            frame_interval_fs=frame_interval_fs,
            temperature_K=temperature_K,
            carrier=carrier,
        )
        result = replace(result, pymatgen=peer)
    return result


def _analyze(
    run: Run,
    *,
    window_ps: tuple[float, float] | None,
    factor: float,
    drift: Drift,
    charge: float,
    temperature_K: float,
    volume_A3: float,
) -> DiffusionResult:
    curve = run.curves[run.carrier]
    n = len(run.carriers)
    framework = check_framework(
        run.curves,
        {name: int(np.sum(run.names == name)) for name in run.curves},
        carrier=run.carrier,
        site_distance_A=run.site,
    )
    choice = choose_window(
        curve, run.interval_fs, n_particles=n, site_distance_A=run.site, window_ps=window_ps
    )
    warnings = _framework_warnings(framework, drift)
    melted = [species.symbol for species in framework if species.verdict == "melted"]
    refusal = choice.refusal
    if melted:
        refusal = f"the framework is not solid: {', '.join(melted)} diffuses too"

    hop, source = run.given_hop or run.site, "given" if run.given_hop else "site distance"
    line = choice.line
    spreads: tuple[SpreadError, ...] = ()
    if line is not None:
        if run.given_hop is None:
            hop, source = estimate_hop(run, line)
        line = fit_line(curve, line.lags, n_particles=n, hop_length_A=hop)
        spreads = spread_errors(run, line, hop)
        if not choice.straight:
            warnings.append(
                "the MSD is curved in the window (quadratic term "
                f"{line.curvature_z:.1f} standard deviations, slope changing by "
                f"{100 * line.slope_change:.0f} %): half of that change is added to the error"
            )
    bound = upper_bound(curve, run, line)
    value = ln_sd = interval = n_hops = he = None
    method = "none"
    if line is not None and not refusal:
        value = line.slope * run.to_cm2_s
        method, ln_sd, half_width = widest(line, spreads, choice.straight)
        interval = (value * float(np.exp(-half_width)), value * float(np.exp(half_width)))
        n_hops = n * line.slope * (run.n_frames - 1) / run.site**2
        he = HE_SLOPE / float(np.sqrt(n_hops)) + HE_FLOOR
    lag_ps = run.interval_fs / PS_TO_FS
    return DiffusionResult(
        carrier=run.carrier,
        n_carriers=n,
        charge=charge,
        temperature_K=temperature_K,
        volume_A3=volume_A3,
        n_frames=run.n_frames,
        frame_interval_fs=run.interval_fs,
        run_ps=(run.n_frames - 1) * lag_ps,
        drift=drift,
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
        n_hops=n_hops,
        he_relative_sd=he,
        upper_bound_cm2_s=bound,
        axes=() if value is None or line is None else axis_diffusivities(run, line, hop, ln_sd),
        conductivity_mS_cm=None if value is None else value * factor,
        conductivity_interval_mS_cm=(
            None if interval is None else (interval[0] * factor, interval[1] * factor)
        ),
        conductivity_upper_bound_mS_cm=bound * factor,
        collective=(
            None
            if value is None or line is None or ln_sd is None
            else collective(
                collective_msd(run.relative[:, run.carriers], np.ones(n)),
                first_lag=int(line.lags[0]),
                to_cm2_s=run.to_cm2_s,
                factor=factor,
                lag_ps=lag_ps,
                hop_length_A=hop,
                n_carriers=n,
                tracer=(value, ln_sd),
            )
        ),
        window=(None if line is None else describe(line, curve, run.interval_fs, choice.chosen_by)),
        framework=framework,
        pymatgen=(),
        msd=thin(curve, run.interval_fs, run.carrier),
        framework_msd=tuple(
            thin(other, run.interval_fs, name)
            for name, other in sorted(run.curves.items())
            if name != run.carrier
        ),
        warnings=tuple(warnings),
        estimates=(
            () if value is None or line is None else side_by_side(run, line, spreads, curve, method)
        ),
    )


def _framework_warnings(framework: tuple[FrameworkSpecies, ...], drift: Drift) -> list[str]:
    warnings = [
        f"{species.symbol} moves too (MSD {species.msd_end_A2:.1f} Å² and growing): it takes part "
        "in the drift reference and in the charge transport"
        for species in framework
        if species.verdict == "moves"
    ]
    if not framework:
        warnings.append("no framework atoms: displacements are absolute, check that nothing drifts")
    elif drift.n_atoms == 0:
        warnings.append("drift was not removed")
    return warnings
