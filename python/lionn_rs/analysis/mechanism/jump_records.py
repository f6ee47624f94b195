"""Records of a jump analysis."""

from __future__ import annotations

from dataclasses import dataclass

from lionn_rs.analysis._records import Record
from lionn_rs.analysis.mechanism.residence import Residence
from lionn_rs.analysis.mechanism.sites import SiteSet
from lionn_rs.analysis.mechanism.visits import Integers, SiteRadius
from lionn_rs.analysis.transport.trajectory import Floats

SINGLE_JUMPS = ("jump_ion", "jump_time_ps", "jump_from", "jump_to", "jump_vector_A")
"""Fields with an entry for each jump: in the table of jumps, not in the JSON file."""


@dataclass(frozen=True, kw_only=True)
class JumpRate(Record):
    """Jumps from sites of one kind to sites of another."""

    from_label: str
    to_label: str
    n_jumps: int
    rate_per_ns: float
    """Jumps per ion in such a site and nanosecond."""
    interval_per_ns: tuple[float, float]
    """95 % interval of the rate for independent jumps (Poisson)."""
    mean_length_A: float


@dataclass(frozen=True, kw_only=True)
class Directions(Record):
    """Jumps along one axis and in the plane normal to it."""

    axis: str
    """Name of the axis in words."""
    unit: tuple[float, float, float]
    """Cartesian unit vector of the axis."""
    share_along: float | None
    """Part of the jumps within 45° of the axis; 0.293 for random directions."""
    share_along_se: float | None
    """Binomial standard error."""
    displacement_share: float | None
    """Part of the summed squared jump length along the axis; 1/3 for random directions."""
    displacement_share_se: float | None
    random_along_cm2_s: float
    """``sum (l·u)² / (2 N T)``: diffusivity along the axis if jumps had no memory."""
    random_along_se_cm2_s: float
    random_across_cm2_s: float
    """The same in the plane, ``sum (l² - (l·u)²) / (4 N T)``."""
    random_across_se_cm2_s: float
    angle_deg: Floats
    """(n_bins,) centers of the bins of the angle between jump and axis, 0 to 90°."""
    angle_counts: Integers
    """(n_bins,) jumps per bin."""
    angle_isotropic: Floats
    """(n_bins,) jumps expected for random directions."""


@dataclass(frozen=True, kw_only=True)
class JumpCorrelation(Record):
    """Memory of consecutive jumps of the same ion."""

    n_pairs: int
    """Pairs of consecutive jumps."""
    back_probability: float | None
    """Part of them in which the second jump undoes the first."""
    back_se: float | None
    """Standard error; pairs of one ion may be correlated."""
    mean_cosine: float | None
    """Mean cosine of the angle between consecutive jumps; 0 without memory."""
    mean_cosine_se: float | None
    factor_cosine: float | None
    """``(1 + <cos>) / (1 - <cos>)``: correlation factor if memory reaches one jump back and all
    jumps are equivalent."""
    factor_cosine_se: float | None
    random_cm2_s: float
    """``sum l² / (6 N T)``: diffusivity if jumps had no memory."""
    random_se_cm2_s: float
    factor: float | None
    """Correlation factor ``f = D_tracer / D_random``; ``None`` without a tracer diffusivity."""
    factor_interval: tuple[float, float] | None
    """95 % interval; errors of both diffusivities are added as if independent."""
    remark: str
    """Why there is no factor; empty otherwise."""


@dataclass(frozen=True, kw_only=True)
class Collective(Record):
    """Jumps of different ions close in time and space, against independent jumps."""

    window_fs: float
    distance_A: float
    n_pairs: int
    """Pairs of jumps of different ions within the window and the distance."""
    expected_pairs: float
    """For the same jumps at independent, evenly distributed times."""
    ratio: float | None
    """Found by expected; 1 for independent jumps."""
    ratio_interval: tuple[float, float] | None
    """95 % interval (Poisson)."""
    share: float | None
    """Part of the jumps that have such a partner."""


@dataclass(frozen=True, kw_only=True)
class Vibration(Record):
    """Vibration of ions around the site that they stay in."""

    amplitude_A: float
    """Root mean square displacement along one axis, Å."""
    amplitude_se_A: float | None
    """Standard error over the ions, Å."""
    axes_A: tuple[float, float, float]
    """The same along x, y, z, Å."""


@dataclass(frozen=True, kw_only=True)
class JumpResult(Record):
    """Sites, jumps and their statistics."""

    carrier: str
    n_ions: int
    n_frames: int
    frame_interval_fs: float
    run_ps: float
    sites: SiteSet
    site_occupancy: Floats
    """(n_sites,) ions in each site on average; an ion on its way still counts for the last one."""
    radius: SiteRadius
    min_residence_fs: float
    unassigned: float
    """Part of the time that ions spend outside of all spheres."""
    n_jumps: int
    rate_per_ns: float
    """Jumps per ion and nanosecond."""
    rate_interval_per_ns: tuple[float, float]
    length_mean_A: float | None
    length_sd_A: float | None
    counts: dict[str, dict[str, int]]
    """Jumps from kind (outer key) to kind (inner key) of sites."""
    rates: tuple[JumpRate, ...]
    directions: Directions
    residence: tuple[Residence, ...]
    """All sites first, then each kind."""
    correlation: JumpCorrelation
    collective: Collective
    vibration: Vibration | None
    jump_ion: Integers
    """(n_jumps,) number of the ion among the carriers."""
    jump_time_ps: Floats
    """(n_jumps,) time of arrival, ps after the first frame."""
    jump_from: Integers
    """(n_jumps,) site left."""
    jump_to: Integers
    """(n_jumps,) site reached."""
    jump_vector_A: Floats
    """(n_jumps, 3) from center to center of the sites, Å."""
    warnings: tuple[str, ...]
