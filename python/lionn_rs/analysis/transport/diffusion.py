"""Self-diffusivity of one species with an error that holds, or the reason why there is none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from lionn_rs.analysis.transport.drift import Drift, DriftWeights
from lionn_rs.analysis.transport.estimates import side_by_side
from lionn_rs.analysis.transport.framework import FrameworkSpecies, check_framework
from lionn_rs.analysis.transport.msd import thin
from lionn_rs.analysis.transport.pymatgen_peer import (
    MOST_POSITIONS,
    PymatgenValue,
    pymatgen_values,
    skipped_values,
)
from lionn_rs.analysis.transport.resampling import ErrorEstimate
from lionn_rs.analysis.transport.results import AxisDiffusivity, DiffusionResult
from lionn_rs.analysis.transport.sources import FrameSource
from lionn_rs.analysis.transport.study import (
    Study,
    collective_conductivity,
    prepare,
    self_diffusion,
)
from lionn_rs.analysis.transport.tensor import DEFAULT_DIRECTIONS, diffusion_tensor
from lionn_rs.analysis.transport.trajectory import Convention
from lionn_rs.analysis.transport.uncertainty import HE_FLOOR, HE_SLOPE, axis_diffusivities
from lionn_rs.analysis.transport.window import describe
from lionn_rs.units import PS_TO_FS


def diffusivity(
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
    window_ps: tuple[float, float] | None = None,
    compare_pymatgen: bool = False,
) -> DiffusionResult:
    """Diffusivity of one species, and the conductivity of all charges, from one trajectory.

    The window-averaged, drift-corrected MSD is fitted by a line with free intercept, ``MSD = c + 6
    D t``, by generalized least squares with its analytic covariance (see
    :mod:`lionn_rs.analysis.transport.gls`). The reported interval widens that error as far as the
    spreads between ions, between time blocks, and of ions that hop in concert say that it is too
    small (:func:`lionn_rs.analysis.transport.uncertainty.reported_error`). When the motion does not
    support a number (see :mod:`lionn_rs.analysis.transport.window`), the result has
    ``diffusive=False``, a reason, and a 95 % upper bound.

    Parameters
    ----------
    positions : (n_frames, n_atoms, 3) array or FrameSource, Å
        Unwrapped Cartesian positions; wrapped ones with ``wrapped=True``. A source such as
        :meth:`lionn_rs.md.Trajectory.source` is read in blocks, never as a whole: memory grows with
        frames times carriers.
    cell : (3, 3) or (n_frames, 3, 3) array, Å
        Rows are the lattice vectors, of all frames or of each.
    frame_interval_fs : float
        Time between consecutive frames, fs.
    temperature_K : float
        Temperature of the run, K.
    symbols, numbers : (n_atoms,)
        Chemical symbols or atomic numbers, one of the two.
    carrier : str
        The species whose diffusivity is wanted.
    charge : float
        Its charge number.
    charges : mapping of str to float, optional
        Charge numbers of all species that carry current, e.g. ``{"Li": 1, "Cl": -1}``; the carrier
        must be among them, and ``charge`` is then not used. With the formal charges of all species
        the collective conductivity is the same in every frame of reference.
    mobile : sequence of str
        Species that move beside the carrier: not part of the framework.
    drift_reference, drift_weights
        See :func:`lionn_rs.analysis.remove_drift`.
    wrapped : bool
        Positions are folded into the cell.
    convention : {"fractional", "cartesian"}
        How paths are made in a cell that changes; see :func:`lionn_rs.analysis.unwrap`.
    directions : sequence of str
        Crystal directions and planes: ``a``, ``ab``, ``[110]``, ...
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
    study = prepare(
        positions,
        cell=cell,
        frame_interval_fs=frame_interval_fs,
        temperature_K=temperature_K,
        symbols=symbols,
        numbers=numbers,
        carrier=carrier,
        charge=charge,
        charges=charges,
        mobile=mobile,
        drift_reference=drift_reference,
        drift_weights=drift_weights,
        wrapped=wrapped,
        convention=convention,
        directions=directions,
        hop_length_A=hop_length_A,
        site_distance_A=site_distance_A,
    )
    return analyze(study, window_ps, compare_pymatgen=compare_pymatgen)


def analyze(
    study: Study, window_ps: tuple[float, float] | None, *, compare_pymatgen: bool = False
) -> DiffusionResult:
    """Diffusivity, conductivity and their errors of a run that has been read."""
    motion, carrier = study.motion, study.carrier
    curves = {
        name: study.tensor_curve[:3] if name == carrier else motion.msd(name, tensor=False)
        for name in motion.sums
    }
    framework = check_framework(
        {name: curve for name, curve in curves.items() if name not in study.mobile},
        {name: study.count(name) for name in curves},
        carrier=carrier,
        site_distance_A=study.site,
    )
    warnings = [*motion.unwrapping.warnings, *_framework_warnings(framework, motion.drift)]
    clock = motion.timer.check(
        frame_interval_fs=study.interval_fs, temperature_K=study.temperature_K
    )
    if clock is not None and not clock.consistent:
        warnings.append(clock.warning)
    melted = ", ".join(species.symbol for species in framework if species.verdict == "melted")
    melted = f"the framework is not solid: {melted} diffuses too" if melted else ""
    tracer = self_diffusion(study, carrier, curves, window_ps, melted)
    run, line, factor = tracer.run, tracer.line, study.factor(carrier)
    n, curve = len(run.carriers), curves[carrier]
    if line is not None and not tracer.choice.straight:
        warnings.append(
            "the MSD is curved in the window (quadratic term "
            f"{line.curvature_z:.1f} standard deviations, slope changing by "
            f"{100 * line.slope_change:.0f} %): half of that change is added to the error"
        )
    interval = n_hops = he = tensor = charge = None
    estimates: tuple[ErrorEstimate, ...] = ()
    axes: tuple[AxisDiffusivity, ...] = ()
    if tracer.value is not None and line is not None and tracer.half_width is not None:
        spread = float(np.exp(tracer.half_width))
        interval = (tracer.value / spread, tracer.value * spread)
        n_hops = n * line.slope * (run.n_frames - 1) / run.site**2
        he = HE_SLOPE / float(np.sqrt(n_hops)) + HE_FLOOR
        axes = axis_diffusivities(run, line, tracer.hop, tracer.ln_sd)
        tensor = diffusion_tensor(
            study.tensor_curve,
            line,
            n_particles=n,
            hop_length_A=tracer.hop,
            inflation=(tracer.ln_sd or 0.0) * abs(line.slope) / line.slope_sd,
            to_cm2_s=run.to_cm2_s,
            factor=factor,
            cell=study.cell,
            directions=study.directions,
        )
        charge = collective_conductivity(study, tracer, curves)
        estimates = side_by_side(run, line, tracer.spreads, curve, tracer.method)
    lag_ps = run.interval_fs / PS_TO_FS
    return DiffusionResult(
        carrier=carrier,
        n_carriers=n,
        charge=study.charges[carrier],
        charges=study.charges,
        mobile=study.mobile,
        temperature_K=study.temperature_K,
        volume_A3=study.volume_A3,
        cell_A=study.cell,
        n_frames=run.n_frames,
        frame_interval_fs=run.interval_fs,
        run_ps=(run.n_frames - 1) * lag_ps,
        unwrapping=motion.unwrapping,
        drift=motion.drift,
        site_distance_A=run.site,
        hop_length_A=tracer.hop,
        hop_length_source=tracer.hop_source,
        diffusive=tracer.value is not None,
        refusal=tracer.refusal,
        diffusivity_cm2_s=tracer.value,
        interval_cm2_s=interval,
        ln_sd=tracer.ln_sd,
        method=tracer.method,
        gls_relative_sd=None if line is None else line.slope_sd / abs(line.slope),
        spreads=tracer.spreads,
        n_hops=n_hops,
        he_relative_sd=he,
        upper_bound_cm2_s=tracer.bound,
        axes=axes,
        tensor=tensor,
        conductivity_mS_cm=None if tracer.value is None else tracer.value * factor,
        conductivity_interval_mS_cm=(
            None if interval is None else (interval[0] * factor, interval[1] * factor)
        ),
        conductivity_upper_bound_mS_cm=tracer.bound * factor,
        collective=charge,
        window=(
            None
            if line is None
            else describe(line, curve, run.interval_fs, tracer.choice.chosen_by)
        ),
        framework=framework,
        pymatgen=_pymatgen(study) if compare_pymatgen else (),
        msd=thin(curve, run.interval_fs, carrier),
        framework_msd=tuple(
            thin(other, run.interval_fs, name)
            for name, other in sorted(curves.items())
            if name != carrier
        ),
        warnings=tuple(warnings),
        estimates=estimates,
        clock=clock,
    )


def _pymatgen(study: Study) -> tuple[PymatgenValue, ...]:
    """DiffusionAnalyzer on the same paths; it needs all of them in memory."""
    paths = study.motion.paths
    if paths.n_frames * paths.n_atoms > MOST_POSITIONS:
        return skipped_values(paths.n_frames, paths.n_atoms)
    positions = np.concatenate([block for _, block in paths.blocks()])
    return pymatgen_values(
        positions,
        study.motion.symbols,
        study.cell,
        frame_interval_fs=study.interval_fs,
        temperature_K=study.temperature_K,
        carrier=study.carrier,
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
