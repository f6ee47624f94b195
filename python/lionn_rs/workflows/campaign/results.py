"""What a campaign gives: its runs, and what follows for each composition and size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lionn_rs.analysis import combine_replicas, nernst_einstein_factor
from lionn_rs.workflows.campaign.comparison import GroupComparison, compare_groups

if TYPE_CHECKING:
    from lionn_rs.analysis import ArrheniusPoint, ArrheniusResult, DiffusionResult
    from lionn_rs.workflows.campaign.status import StateName, TaskState
    from lionn_rs.workflows.campaign.tasks import CampaignTask

__all__ = ["CampaignGroup", "CampaignResult", "CampaignRun", "Conductivity"]


@dataclass(frozen=True)
class CampaignRun:
    """One run and its diffusivity.

    Attributes
    ----------
    progress : TaskState
        How far it is.
    diffusion : DiffusionResult or None
        Analysis of what there is; of a run that has not ended it is preliminary.
    reason : str
        Why there is none, or why the run failed.
    """

    progress: TaskState
    diffusion: DiffusionResult | None = None
    reason: str = ""

    @property
    def task(self) -> CampaignTask:
        """What it is."""
        return self.progress.task

    @property
    def state(self) -> StateName:
        """How far it is: "waiting", "running", "finished" or "failed"."""
        return self.progress.state


@dataclass(frozen=True)
class Conductivity:
    """Nernst-Einstein conductivity of a composition at one temperature.

    Attributes
    ----------
    temperature_K : float
    value_mS_cm : float
    interval_mS_cm : (float, float)
        95 % interval.
    n_runs : int
        Replicas that were combined; 0 for a value of the Arrhenius line.
    """

    temperature_K: float
    value_mS_cm: float
    interval_mS_cm: tuple[float, float]
    n_runs: int


@dataclass(frozen=True)
class CampaignGroup:
    """Runs of one potential, composition and size; arrangements and seeds are replicas.

    Attributes
    ----------
    potential, structure : str
    concentration : float or None
    supercell : (3,) int
    n_atoms : int
    runs : list of CampaignRun
        At all temperatures, in any state.
    fit : ArrheniusResult or None
        Over the finished runs.
    reason : str
        Why there is no fit.
    """

    potential: str
    structure: str
    concentration: float | None
    supercell: tuple[int, int, int]
    n_atoms: int
    runs: list[CampaignRun]
    fit: ArrheniusResult | None
    reason: str

    @property
    def size(self) -> str:
        """Supercell in one word."""
        return "x".join(str(n) for n in self.supercell)

    @property
    def finished(self) -> list[DiffusionResult]:
        """Diffusivities of the finished runs."""
        return [
            run.diffusion
            for run in self.runs
            if run.state == "finished" and run.diffusion is not None
        ]

    @property
    def replica_labels(self) -> list[str] | None:
        """Arrangement of each finished run, whose offset is the same at all temperatures.

        None with one arrangement: its runs, seeds, are replicas of their own.
        """
        found = [
            run.task.arrangement
            for run in self.runs
            if run.state == "finished" and run.diffusion is not None
        ]
        return found if len(set(found)) > 1 else None

    @property
    def points(self) -> tuple[ArrheniusPoint, ...]:
        """Diffusivities at the temperatures of the runs: replicas combined, nothing fitted."""
        return combine_replicas(self.finished, replica_labels=self.replica_labels)

    @property
    def conductivities(self) -> list[Conductivity]:
        """Conductivities at the temperatures of the runs: replicas combined, nothing fitted."""
        results = self.finished
        if not results:
            return []
        n_carriers = results[0].n_carriers
        volume = float(np.mean([r.volume_A3 / r.n_carriers for r in results])) * n_carriers
        found = []
        for point in self.points:
            factor = nernst_einstein_factor(
                n_carriers=n_carriers,
                charge=results[0].charge,
                volume_A3=volume,
                temperature_K=point.temperature_K,
            )
            value, (low, high) = point.diffusivity_cm2_s, point.interval_cm2_s
            found.append(
                Conductivity(
                    point.temperature_K,
                    value * factor,
                    (low * factor, high * factor),
                    point.n_replicas,
                )
            )
        return found

    @property
    def extrapolated(self) -> Conductivity | None:
        """Conductivity of the Arrhenius line where it was asked for; None if unsupported."""
        if self.fit is None or not self.fit.extrapolation.supported:
            return None
        at = self.fit.extrapolation
        if at.conductivity_mS_cm is None or at.conductivity_interval_mS_cm is None:
            return None
        return Conductivity(
            at.temperature_K, at.conductivity_mS_cm, at.conductivity_interval_mS_cm, 0
        )

    def to_dict(self) -> dict[str, Any]:
        """Everything but the runs; their names."""
        return {
            "potential": self.potential,
            "structure": self.structure,
            "concentration": self.concentration,
            "supercell": self.supercell,
            "n_atoms": self.n_atoms,
            "n_runs": len(self.runs),
            "n_finished": sum(run.state == "finished" for run in self.runs),
            "conductivities": self.conductivities,
            "arrhenius": None if self.fit is None else self.fit.to_dict(),
            "no_arrhenius": self.reason,
        }


@dataclass(frozen=True)
class CampaignResult:
    """Outcome of :func:`lionn_rs.campaign`, or its state while it runs.

    Attributes
    ----------
    name : str
    runs : list of CampaignRun
        In the order of the table, in any state.
    groups : list of CampaignGroup
        One for each potential, composition and size.
    errors : dict
        What kept runs from an end, by their names.
    folder : Path
        Where everything is.
    extrapolate_to_K : float
    concentration_label : str
    """

    name: str
    runs: list[CampaignRun]
    groups: list[CampaignGroup]
    errors: dict[str, str]
    folder: Path
    extrapolate_to_K: float
    concentration_label: str

    @cached_property
    def comparisons(self) -> list[GroupComparison]:
        """Compositions of each potential and size compared, where there are two or more."""
        return compare_groups(self.groups, at_K=self.extrapolate_to_K)

    @property
    def finished(self) -> list[CampaignRun]:
        """Runs that have reached their end."""
        return [run for run in self.runs if run.state == "finished"]

    @property
    def failed(self) -> list[CampaignRun]:
        """Runs that had to stop."""
        return [run for run in self.runs if run.state == "failed"]

    @property
    def states(self) -> Sequence[TaskState]:
        """How far all runs are."""
        return [run.progress for run in self.runs]

    def label(self, group: CampaignGroup) -> str:
        """Name of a group in figures: as short as it can be among the others."""
        rest = self.distinguish(potential=group.potential, size=group.size)
        return ", ".join([group.structure, *rest])

    def distinguish(self, *, potential: str, size: str) -> list[str]:
        """Size and potential, where there are several."""
        parts = []
        if len({other.size for other in self.groups}) > 1:
            parts.append(size)
        if len({other.potential for other in self.groups}) > 1:
            parts.append(potential)
        return parts
