"""The record of a diffusion analysis."""

from __future__ import annotations

from dataclasses import dataclass

from lionn_rs.analysis._records import Record
from lionn_rs.analysis.transport.conductivity import CollectiveResult
from lionn_rs.analysis.transport.drift import Drift
from lionn_rs.analysis.transport.framework import FrameworkSpecies
from lionn_rs.analysis.transport.motion import Unwrapping
from lionn_rs.analysis.transport.msd import MsdCurve
from lionn_rs.analysis.transport.pymatgen_peer import PymatgenValue
from lionn_rs.analysis.transport.resampling import ErrorEstimate, SpreadError
from lionn_rs.analysis.transport.tensor import DiffusionTensor
from lionn_rs.analysis.transport.timing import ClockCheck
from lionn_rs.analysis.transport.trajectory import Floats
from lionn_rs.analysis.transport.window import FitWindow
from lionn_rs.numbers import interval, power_with_error, significant

SCHEMA_VERSION = 3
"""Of the record below. 2: tensor, unwrapping, charges, species and Onsager coefficients.
3: clock."""


@dataclass(frozen=True, kw_only=True)
class AxisDiffusivity(Record):
    """Diffusivity along one Cartesian axis, ``1/2 d<x^2>/dt``."""

    axis: str
    diffusivity_cm2_s: float
    sd_cm2_s: float


@dataclass(frozen=True, kw_only=True)
class DiffusionResult(Record):
    """Everything about the diffusion of one species in one run."""

    schema_version: int = SCHEMA_VERSION
    carrier: str
    n_carriers: int
    charge: float
    charges: dict[str, float]
    """Charge numbers of all species in the collective conductivity."""
    mobile: tuple[str, ...]
    """Mobile species beside the carrier."""
    temperature_K: float
    volume_A3: float
    """Mean volume of the cell."""
    cell_A: Floats
    """(3, 3) mean cell, rows are the lattice vectors."""
    n_frames: int
    frame_interval_fs: float
    run_ps: float
    unwrapping: Unwrapping
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
    """Standard deviation of ln D: the relative error."""
    method: str
    """``ions``, ``blocks``, ``concerted`` or ``runs``: the spread with the largest excess over the
    analytic error, of those that show one more likely than not; ``gls`` if none does.
    ``+curvature`` when the MSD is bent in the window; half of the change of slope is then added in
    quadrature. ``none`` when not diffusive."""
    gls_relative_sd: float | None
    spreads: tuple[SpreadError, ...]
    n_hops: float | None
    """Effective number of hops in the run, ``6 D N T / site_distance²``."""
    he_relative_sd: float | None
    """Empirical relative error of He et al. 2018 for this number of hops."""
    upper_bound_cm2_s: float
    """One-sided 95 % upper bound of D; the only statement when not diffusive."""
    axes: tuple[AxisDiffusivity, ...]
    tensor: DiffusionTensor | None
    """Tensor of the self-diffusivity: components, principal axes, crystal directions."""
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
    clock: ClockCheck | None = None
    """Stated frame interval against stated temperature; ``None`` where atoms do not fly freely from
    frame to frame, and the interval cannot be judged."""

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

    def details(self) -> tuple[str, ...]:
        """Short lines beside the first: crystal directions, principal axes, all charges."""
        lines = []
        if self.tensor is not None:
            parts = [
                f"{entry.name} {power_with_error(entry.diffusivity_cm2_s, entry.sd_cm2_s)}"
                for entry in self.tensor.directions
            ]
            if parts:
                lines.append(f"D along {', '.join(parts)} cm²/s (± one sd)")
            axes = []
            for axis in self.tensor.principal_axes:
                text = power_with_error(axis.diffusivity_cm2_s, axis.sd_cm2_s)
                if axis.distinct:
                    vector = " ".join(f"{x:.2f}" for x in axis.vector)
                    text += f" along ({vector}) ± {axis.angle_sd_degrees:.0f}°"
                axes.append(text)
            lines.append(f"principal axes: {', '.join(axes)} cm²/s")
        if self.collective is not None:
            lines += self.collective.details()
        return tuple(lines)
