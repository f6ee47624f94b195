"""What a scan gives: its members, their averages over the seeds, the best by validation."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import mean, stdev
from typing import TYPE_CHECKING, Any, Literal

from lionn_rs.errors import SimulationError
from lionn_rs.training.metrics import Metrics

if TYPE_CHECKING:
    from lionn_rs.config import TrainingSection
    from lionn_rs.potential import Potential

__all__ = ["SETS", "Quantity", "ScanGroup", "ScanMember", "ScanResult", "Statistic", "loss_of"]

Quantity = Literal["energy_rmse_per_atom", "force_rmse"]
SETS = ("train", "validation", "test")


@dataclass(frozen=True)
class Statistic:
    """Mean over seeds and its spread.

    Attributes
    ----------
    mean : float
    spread : float or None
        Sample standard deviation; None for a single seed.
    """

    mean: float
    spread: float | None

    @classmethod
    def of(cls, values: Iterable[float | None]) -> Statistic | None:
        """Statistic of the values that are there; None if there are none."""
        found = [value for value in values if value is not None]
        if not found:
            return None
        return cls(mean(found), stdev(found) if len(found) > 1 else None)


def loss_of(metrics: Metrics, weights: TrainingSection) -> float:
    """One number for the errors on a set, by which potentials are compared.

    ``w_E (energy RMSE per atom)² + w_F (force RMSE)² + w_S (stress RMSE)²`` with the weights of
    the training. Unlike the loss that picks the iteration it is that of the potential as saved,
    with its short-range repulsion, and gives every force component the same weight in images of
    different size.
    """
    terms = (
        (weights.energy_weight, metrics.energy_rmse_per_atom),
        (weights.force_weight, metrics.force_rmse),
        (weights.stress_weight, metrics.stress_rmse),
    )
    return sum(weight * error**2 for weight, error in terms if error is not None)


@dataclass(frozen=True)
class ScanMember:
    """One training of a scan.

    Attributes
    ----------
    name : str
        Name of its folder.
    descriptor : str
        Name of its descriptor.
    hidden_layers : tuple of int
    seed : int
        Seed of the initial weights.
    folder : Path
        What ``lionn train`` writes, ``best.json`` above all.
    error : str
        One line if it failed; everything below is empty then.
    n_features : int
        Features of an atom (of the element that has most).
    n_parameters : int
        Weights, biases and scalings of all element networks.
    metrics : dict of str to Metrics
        Errors on ``train``, ``validation`` and, if there is one, ``test`` set.
    validation_loss : float
        :func:`loss_of` the validation errors.
    best_iteration, iterations : int
        Iteration of the lowest validation loss, and the last one.
    stop_reason : str
    seconds : float
        Wall time of the iterations, s.
    n_threads : int
        Threads of the training.
    us_per_atom : float or None
        Energy and forces on one core, µs per atom; None if not measured.
    """

    name: str
    descriptor: str
    hidden_layers: tuple[int, ...]
    seed: int
    folder: Path
    error: str = ""
    n_features: int = 0
    n_parameters: int = 0
    metrics: dict[str, Metrics] | None = None
    validation_loss: float = math.nan
    best_iteration: int = -1
    iterations: int = 0
    stop_reason: str = ""
    seconds: float = math.nan
    n_threads: int = 0
    us_per_atom: float | None = None

    @property
    def potential(self) -> Potential:
        """The potential of the lowest validation loss, read from its file."""
        from lionn_rs.potential import Potential

        return Potential.load(self.folder / "best.json")

    def error_of(self, name: str, quantity: Quantity) -> float | None:
        """RMSE on one of the sets; None without that set or label."""
        metrics = (self.metrics or {}).get(name)
        return None if metrics is None else getattr(metrics, quantity)

    def to_dict(self) -> dict[str, Any]:
        """All attributes; the folder by its name."""
        return asdict(self) | {"folder": f"{self.folder.parent.name}/{self.folder.name}"}


@dataclass(frozen=True)
class ScanGroup:
    """Members that differ in the seed alone, finished ones.

    Attributes
    ----------
    descriptor : str
    hidden_layers : tuple of int
    members : list of ScanMember
        At least one.
    """

    descriptor: str
    hidden_layers: tuple[int, ...]
    members: list[ScanMember]

    @property
    def n_features(self) -> int:
        """Features of an atom."""
        return self.members[0].n_features

    @property
    def n_parameters(self) -> int:
        """Parameters of the potential."""
        return self.members[0].n_parameters

    @property
    def us_per_atom(self) -> float | None:
        """Least time of the members: the work is the same, only disturbances differ, µs."""
        times = [m.us_per_atom for m in self.members if m.us_per_atom is not None]
        return min(times, default=None)

    @property
    def validation_loss(self) -> float:
        """Mean over the seeds."""
        return mean(member.validation_loss for member in self.members)

    def error_of(self, name: str, quantity: Quantity) -> Statistic | None:
        """RMSE on one of the sets over the seeds; None without that set or label."""
        return Statistic.of(member.error_of(name, quantity) for member in self.members)

    def to_dict(self) -> dict[str, Any]:
        """JSON-safe averages."""
        return {
            "descriptor": self.descriptor,
            "hidden_layers": self.hidden_layers,
            "n_seeds": len(self.members),
            "n_features": self.n_features,
            "n_parameters": self.n_parameters,
            "us_per_atom": self.us_per_atom,
            "validation_loss": self.validation_loss,
            "errors": {
                name: {
                    quantity: self.error_of(name, quantity)
                    for quantity in ("energy_rmse_per_atom", "force_rmse")
                }
                for name in SETS
            },
        }


@dataclass(frozen=True)
class ScanResult:
    """Outcome of :func:`lionn_rs.scan`.

    Attributes
    ----------
    members : list of ScanMember
        In the order of the grid, failed ones included.
    folder : Path
        Where tables, figures and members are.
    """

    members: list[ScanMember]
    folder: Path

    @property
    def finished(self) -> list[ScanMember]:
        """Members with a potential."""
        return [member for member in self.members if not member.error]

    @property
    def failed(self) -> list[ScanMember]:
        """Members with an error."""
        return [member for member in self.members if member.error]

    @property
    def groups(self) -> list[ScanGroup]:
        """Finished members by descriptor and topology."""
        found: dict[tuple[str, tuple[int, ...]], list[ScanMember]] = {}
        for member in self.finished:
            found.setdefault((member.descriptor, member.hidden_layers), []).append(member)
        return [ScanGroup(*key, members) for key, members in found.items()]

    @property
    def best(self) -> ScanMember:
        """Member of the lowest validation loss; the test set plays no part in the choice."""
        self._check()
        return min(self.finished, key=lambda member: member.validation_loss)

    @property
    def best_group(self) -> ScanGroup:
        """Descriptor and topology of the lowest validation loss on average over the seeds."""
        self._check()
        return min(self.groups, key=lambda group: group.validation_loss)

    def _check(self) -> None:
        if not self.finished:
            raise SimulationError(f"{self.folder}: no member of the scan has finished")
