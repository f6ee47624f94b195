"""Compositions of a campaign compared, and the comparison as text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lionn_rs.analysis.compositions.compare import Composition, compare_compositions
from lionn_rs.errors import LionnError
from lionn_rs.numbers import interval, power, power_interval, significant

if TYPE_CHECKING:
    from lionn_rs.analysis.compositions.result import (
        CompositionComparison,
        CompositionMean,
        CompositionPair,
    )
    from lionn_rs.workflows.campaign.results import CampaignGroup

__all__ = ["GroupComparison", "compare_groups", "comparison_text", "composition_rows", "flat_rows"]


@dataclass(frozen=True)
class GroupComparison:
    """Compositions of one potential and size.

    Attributes
    ----------
    potential : str
    size : str
        Supercell in one word; empty where the compositions differ in it.
    result : CompositionComparison or None
    reason : str
        Why there is none.
    """

    potential: str
    size: str
    result: CompositionComparison | None
    reason: str

    def to_dict(self) -> dict[str, Any]:
        """JSON-safe dict."""
        return {
            "potential": self.potential,
            "size": self.size,
            "comparison": None if self.result is None else self.result.to_dict(),
            "statement": "" if self.result is None else self.result.statement(),
            "reason": self.reason,
        }


def compare_groups(groups: Sequence[CampaignGroup], *, at_K: float) -> list[GroupComparison]:
    """Compare the compositions of every potential and size that has two or more.

    Parameters
    ----------
    groups : sequence of CampaignGroup
        Their finished runs are used.
    at_K : float
        Temperature of the conductivities.

    Returns
    -------
    list of GroupComparison
    """
    found: dict[tuple[str, str], list[CampaignGroup]] = {}
    for group in groups:
        found.setdefault((group.potential, group.size), []).append(group)
    made = []
    for (potential, size), members in found.items():
        if len(members) < 2:
            continue
        try:
            compositions = [_composition(group) for group in members]
            result, reason = compare_compositions(compositions, at_K=at_K), ""
        except LionnError as error:
            result, reason = None, str(error)
        made.append(GroupComparison(potential, size, result, reason))
    return made


def _composition(group: CampaignGroup) -> Composition:
    finished = [
        (run.task, run.diffusion)
        for run in group.runs
        if run.state == "finished" and run.diffusion is not None
    ]
    used = [
        (task, found, found.diffusivity_cm2_s, found.ln_sd)
        for task, found in finished
        if found.diffusivity_cm2_s is not None and found.ln_sd is not None
    ]
    n_carriers = finished[0][1].n_carriers if finished else 1
    volumes = [found.volume_A3 / found.n_carriers for _, found in finished]
    return Composition(
        name=group.structure,
        temperatures_K=[found.temperature_K for _, found, _, _ in used],
        diffusivities_cm2_s=[value for *_, value, _ in used],
        ln_sd=[sd for *_, sd in used],
        arrangements=[task.arrangement for task, *_ in used],
        seeds=[str(task.seed) for task, *_ in used],
        n_carriers=n_carriers,
        charge=finished[0][1].charge if finished else 1.0,
        volume_A3=float(np.mean(volumes)) * n_carriers if volumes else 1.0,
        concentration=group.concentration,
        n_refused=len(finished) - len(used),
    )


def composition_rows(
    result: CompositionComparison, *, label: str
) -> tuple[list[str], list[list[str]]]:
    """Header and one row of text for each composition, as Table 2 of Rao, Yao and Grabow."""
    at, between = f"{result.temperature_K:g} K", f"{result.between_K:.0f} K"
    header = ["structure", label, result.units, "runs", "E_a / eV", "95 %"]
    header += [f"σ({at}) / mS/cm", "95 %", f"D({at}) / cm²/s", "95 %", "best"]
    header += [f"σ({between}) / mS/cm", "95 %", "best"]
    rows = []
    for mean in result.means:
        rows.append(
            [
                mean.name,
                significant(mean.concentration),
                str(mean.n_units),
                str(mean.n_runs),
                significant(mean.activation_energy_eV),
                interval(*mean.activation_energy_interval_eV),
                significant(mean.conductivity_mS_cm, 2),
                interval(*mean.conductivity_interval_mS_cm),
                power(mean.diffusivity_cm2_s, 2),
                power_interval(*mean.diffusivity_interval_cm2_s),
                f"{100 * mean.chance_of_highest_conductivity:.0f} %",
                significant(mean.conductivity_between_mS_cm, 3),
                interval(*mean.conductivity_between_interval_mS_cm, 3),
                f"{100 * mean.chance_of_highest_between:.0f} %",
            ]
        )
    return header, rows


def pair_rows(result: CompositionComparison) -> tuple[list[str], list[list[str]]]:
    """Header and one row of text for each pair of compositions."""
    header = ["pair", f"ratio of σ, {result.temperature_K:g} K", "95 %", "p"]
    header += [f"ratio of σ, {result.between_K:.0f} K", "95 %", "p", "ΔE_a / eV", "95 %", "p"]
    columns = [
        result.quantity("conductivity").pairs,
        result.quantity("conductivity_between").pairs,
        result.quantity("activation_energy").pairs,
    ]
    rows = []
    for at, between, energy in zip(*columns, strict=True):
        row = [f"{at.first} / {at.second}"]
        for pair in (at, between):
            low, high = (float(np.exp(x)) for x in pair.interval)
            row += [significant(float(np.exp(pair.difference)), 2), interval(low, high), _p(pair)]
        row += [f"{energy.difference:+.3f}", interval(*energy.interval), _p(energy)]
        rows.append(row)
    return header, rows


def _p(pair: CompositionPair) -> str:
    return significant(pair.adjusted_p, 2)


def comparison_text(result: CompositionComparison) -> list[str]:
    """Sentences: is the best significant, what the spread is made of, what it takes to decide."""
    quantity = result.quantity("conductivity")
    lines = [result.statement()]
    middle = result.quantity("conductivity_between")
    equal = [
        significant(entry.p_equal, 2)
        for entry in (quantity, middle, result.quantity("activation_energy"))
    ]
    lines.append(
        f"All compositions equal: p = {equal[0]} for the conductivity at "
        f"{result.temperature_K:g} K, {equal[1]} at {result.between_K:.0f} K, {equal[2]} for the "
        "activation energy."
    )
    lines.append(
        f"ln σ({result.temperature_K:g} K) of {result.units} of one composition scatters by "
        f"{significant(quantity.between_sd, 2)} beyond the errors of their runs, which are "
        f"{significant(quantity.within_sd, 2)} (standard deviations; at {result.between_K:.0f} K "
        f"{significant(middle.between_sd, 2)} and {significant(middle.within_sd, 2)}); only the "
        "latter become smaller in longer runs."
    )
    for plan in result.plans:
        which = f"{'the observed ratio' if plan.observed else 'a ratio'} of {plan.ratio:.3g}"
        if plan.length_factor is None:
            by_length = f"no length of the runs is enough with as many {result.units}"
        else:
            by_length = f"runs {significant(plan.length_factor, 2)} times as long"
        n = f"{plan.n_units}" if plan.n_units is not None else "more than 1000"
        lines.append(
            f"To tell {which} from none (80 % power, all pairs tested at 5 %): {by_length}, or "
            f"{n} {result.units} of each composition."
        )
    return [*lines, *result.warnings]


def flat_rows(comparisons: Sequence[GroupComparison]) -> Iterator[dict[str, Any]]:
    """One line for each composition, full numbers."""
    for entry in comparisons:
        for mean in entry.result.means if entry.result is not None else ():
            yield {"potential": entry.potential, "supercell": entry.size, **_flat(mean)}


def _flat(mean: CompositionMean) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for key, value in mean.to_dict().items():
        if isinstance(value, list):
            row[f"{key}_low"], row[f"{key}_high"] = value
        else:
            row[key] = value
    return row
