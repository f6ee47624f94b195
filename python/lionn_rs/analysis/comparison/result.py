"""Everything that was compared between two sources of dynamics, and one line about it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from lionn_rs.analysis._records import Record
from lionn_rs.analysis.arrhenius.fit import SIGNIFICANCE
from lionn_rs.analysis.arrhenius.result import ArrheniusResult
from lionn_rs.analysis.comparison.permutation import PermutationResult, RdfDifference
from lionn_rs.analysis.comparison.tests import (
    ActivationDifference,
    Diffusivity,
    DiffusivityRatio,
    PooledRatio,
)
from lionn_rs.numbers import interval, power, significant

__all__ = ["AmplitudeRatio", "Comparison", "Pieces", "TemperatureComparison"]

SCHEMA_VERSION = 1
CURVES = ("msd", "framework_msd", "runs")
"""Left out of the record: the curves are in the results of the runs."""


@dataclass(frozen=True, kw_only=True)
class Pieces(Record):
    """Pieces of the runs that the permutation tests exchange."""

    length_ps: float
    n_a: int
    n_b: int
    per_run: int
    """Pieces of the shortest run; above 1 consecutive pieces count as independent."""


@dataclass(frozen=True, kw_only=True)
class AmplitudeRatio(Record):
    """Mean squared displacement of one species in pieces of the same length, A over B."""

    species: str
    a_A2: float
    b_A2: float
    ratio: float
    test: PermutationResult | None


@dataclass(frozen=True, kw_only=True)
class TemperatureComparison(Record):
    """Both sides at one temperature."""

    temperature_K: float
    ratio: DiffusivityRatio
    pieces: Pieces | None
    """None where the runs are too few to judge."""
    lag_ps: float
    """Of the MSD below."""
    msd: AmplitudeRatio
    """MSD of the carriers at that lag: also where a run is not diffusive."""
    vibrations: tuple[AmplitudeRatio, ...]
    """Framework species around their mean positions within a piece."""
    rdf: tuple[RdfDifference, ...]

    @property
    def different_pairs(self) -> tuple[RdfDifference, ...]:
        """Pairs whose g(r) differs, all pairs judged together."""
        return tuple(d for d in self.rdf if d.test is not None and d.test.adjusted_p < SIGNIFICANCE)


@dataclass(frozen=True, kw_only=True)
class Comparison(Record):
    """Two sources of dynamics, A and B."""

    schema_version: int = SCHEMA_VERSION
    name_a: str
    name_b: str
    carrier: str
    a: tuple[Diffusivity, ...]
    """One result per temperature, runs at one temperature combined."""
    b: tuple[Diffusivity, ...]
    fit_a: ArrheniusResult | None
    fit_b: ArrheniusResult | None
    activation: ActivationDifference | None
    lines: DiffusivityRatio | None
    """Ratio of the two lines in the middle of the range that both have data in."""
    pooled: PooledRatio | None
    temperatures: tuple[TemperatureComparison, ...]
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """JSON-safe dict, curves of the runs left out, with the verdict."""
        content = super().to_dict()
        for side in ("a", "b"):
            content[side] = [
                {key: value for key, value in entry.items() if key not in CURVES}
                for entry in content[side]
            ]
        return content | {"verdict": self.verdict}

    @property
    def verdict(self) -> str:
        """One line: what differs, what does not, and what could have been seen."""
        parts = [self._diffusion(), self._motion(), self._activation(), self._structure()]
        return "; ".join(part for part in parts if part)

    def _diffusion(self) -> str:
        if self.pooled is None:
            return self._bounds() or "no diffusivity of both sides at a common temperature"
        pooled = self.pooled
        where = (
            f"at {pooled.n_temperatures} common temperatures"
            if pooled.n_temperatures > 1
            else f"at {self._known[0].temperature_K:g} K"
        )
        head = (
            f"D({self.name_a})/D({self.name_b}) = {significant(pooled.ratio, 2)}, 95 % "
            f"{interval(*pooled.interval)}, {where}"
        )
        if pooled.p_value < SIGNIFICANCE:
            text = f"D differs: {head} (p = {pooled.p_value:.2g})"
        else:
            seen = pooled.detectable_ratio
            text = (
                f"D equal within errors: {head} (p = {pooled.p_value:.2g}; with 80 % power a "
                f"ratio above {significant(seen, 2)} or below {significant(1.0 / seen, 2)} would "
                "have been seen)"
            )
        if pooled.heterogeneity_p is not None and pooled.heterogeneity_p < SIGNIFICANCE:
            text += f", not the same at all temperatures (p = {pooled.heterogeneity_p:.2g})"
        bounds = self._bounds()
        return f"{text}; {bounds}" if bounds else text

    @property
    def _known(self) -> list[DiffusivityRatio]:
        return [t.ratio for t in self.temperatures if t.ratio.ratio is not None]

    def _bounds(self) -> str:
        """Say what upper bounds allow at temperatures where not both sides have a value."""
        texts = []
        for ratio in (t.ratio for t in self.temperatures if t.ratio.ratio is None):
            head, at = f"D({self.name_a})/D({self.name_b})", f"at {ratio.temperature_K:g} K"
            sure = f"{100 * ratio.confidence:g} %"
            allowed = "" if ratio.differs else ", which allows equal D"
            if ratio.high is not None:
                texts.append(
                    f"{self.name_a} not diffusive {at}, D < {_power(ratio.a_upper_bound_cm2_s)}: "
                    f"{head} < {significant(ratio.high, 2)} (at least {sure}){allowed}"
                )
            elif ratio.low is not None:
                texts.append(
                    f"{self.name_b} not diffusive {at}, D < {_power(ratio.b_upper_bound_cm2_s)}: "
                    f"{head} > {significant(ratio.low, 2)} (at least {sure}){allowed}"
                )
            else:
                texts.append(
                    f"neither is diffusive {at} (D < {_power(ratio.a_upper_bound_cm2_s)} and < "
                    f"{_power(ratio.b_upper_bound_cm2_s)}): no ratio"
                )
        return "; ".join(texts)

    def _motion(self) -> str:
        """Describe the MSD at equal lag, where a side is not diffusive."""
        texts = []
        for entry in self.temperatures:
            if entry.ratio.ratio is not None or entry.msd.test is None:
                continue
            p = entry.msd.test.p_value
            word = "differs" if p < SIGNIFICANCE else "not significantly different"
            texts.append(
                f"MSD after {entry.lag_ps:.3g} ps at {entry.temperature_K:g} K {word} "
                f"({significant(entry.msd.a_A2)} and {significant(entry.msd.b_A2)} Å², "
                f"p = {p:.2g})"
            )
        return "; ".join(texts)

    def _activation(self) -> str:
        if self.activation is None:
            return ""
        a = self.activation
        head = (
            f"E_a differs by {a.difference_eV:.3f} eV, 95 % [{a.interval_eV[0]:.3f}, "
            f"{a.interval_eV[1]:.3f}], p = {a.p_value:.2g}"
        )
        if a.p_value < SIGNIFICANCE:
            return head
        return f"{head}: not significant (detectable: {a.detectable_eV:.3f} eV)"

    def _structure(self) -> str:
        tested = [t for t in self.temperatures if any(d.test is not None for d in t.rdf)]
        if not tested:
            return ""
        different = [(t, d) for t in tested for d in t.different_pairs]
        total = sum(len(t.rdf) for t in tested)
        if not different:
            return f"no difference in g(r) of {total} pairs beyond the scatter of the runs"
        cut = [t.pieces for t, _ in different if t.pieces is not None and t.pieces.per_run > 1]
        caution = ", if pieces of one run are independent" if cut else ""
        at, worst = max(different, key=lambda entry: entry[1].relative)
        return (
            f"g(r) differs for {len(different)} of {total} pairs, most for {'-'.join(worst.pair)} "
            f"at {at.temperature_K:g} K (by {100 * worst.relative:.2g} % of the area){caution}"
        )


def _power(value: float | None) -> str:
    known = value is not None and math.isfinite(value)
    return f"{power(value, 2)} cm²/s" if known else "unknown"
