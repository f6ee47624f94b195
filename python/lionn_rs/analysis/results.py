"""The record of a diffusion analysis."""

from __future__ import annotations

from dataclasses import dataclass

from lionn_rs.numbers import interval, significant

from ._records import Record
from .conductivity import CollectiveResult
from .framework import FrameworkSpecies
from .msd import MsdCurve
from .pymatgen_peer import PymatgenValue
from .resampling import ErrorEstimate, SpreadError
from .trajectory import Drift
from .window import FitWindow


@dataclass(frozen=True, kw_only=True)
class AxisDiffusivity(Record):
    """Diffusivity along one Cartesian axis, ``1/2 d<x^2>/dt``."""

    axis: str
    diffusivity_cm2_s: float
    sd_cm2_s: float


@dataclass(frozen=True, kw_only=True)
class DiffusionResult(Record):
    """Everything about the diffusion of one species in one run."""

    carrier: str
    n_carriers: int
    charge: float
    temperature_K: float
    volume_A3: float
    n_frames: int
    frame_interval_fs: float
    run_ps: float
    drift: Drift
    site_distance_A: float
    hop_length_A: float
    hop_length_source: str
    diffusive: bool
    """Whether the run supports a diffusivity."""
    refusal: str
    """Why it does not; empty otherwise."""
    diffusivity_cm2_s: float | None
    interval_cm2_s: tuple[float, float] | None
    """95 % interval, symmetric in ln D."""
    ln_sd: float | None
    """Standard deviation of ln D: the relative error, of the method named below."""
    method: str
    """``gls``, ``ions``, ``blocks``, ``concerted`` or ``runs``: the most conservative justified
    error. ``+curvature`` when the MSD is bent in the window; half of the change of slope is then
    added in quadrature. ``none`` when not diffusive."""
    gls_relative_sd: float | None
    spreads: tuple[SpreadError, ...]
    n_hops: float | None
    """Effective number of hops in the run, ``6 D N T / site_distance²``."""
    he_relative_sd: float | None
    """Empirical relative error of He et al. 2018 for this number of hops."""
    upper_bound_cm2_s: float
    """One-sided 95 % upper bound of D; the only statement when not diffusive."""
    axes: tuple[AxisDiffusivity, ...]
    conductivity_mS_cm: float | None
    """Nernst-Einstein."""
    conductivity_interval_mS_cm: tuple[float, float] | None
    conductivity_upper_bound_mS_cm: float
    collective: CollectiveResult | None
    window: FitWindow | None
    framework: tuple[FrameworkSpecies, ...]
    pymatgen: tuple[PymatgenValue, ...]
    msd: MsdCurve
    framework_msd: tuple[MsdCurve, ...]
    warnings: tuple[str, ...]
    estimates: tuple[ErrorEstimate, ...] = ()
    """Errors by all methods side by side, those of others included; empty when not diffusive."""

    def __str__(self) -> str:
        """One line for the terminal."""
        head = f"{self.carrier} at {self.temperature_K:g} K ({self.run_ps:.1f} ps)"
        if not self.diffusive or self.interval_cm2_s is None:
            return (
                f"{head}: not diffusive in this run: D < {self.upper_bound_cm2_s:.2e} cm²/s "
                f"(95 %); {self.refusal}"
            )
        low, high = self.interval_cm2_s
        text = (
            f"{head}: D = {self.diffusivity_cm2_s:.2e} cm²/s, 95 % [{low:.1e}, {high:.1e}] "
            f"({self.n_hops:.0f} hops, error: {self.method})"
        )
        if self.conductivity_interval_mS_cm is not None:
            text += (
                f"; sigma = {significant(self.conductivity_mS_cm)} mS/cm, "
                f"95 % {interval(*self.conductivity_interval_mS_cm)}"
            )
        return text
