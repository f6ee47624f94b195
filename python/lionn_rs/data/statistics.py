"""What files of images hold and what looks wrong, gathered image by image."""

from __future__ import annotations

from array import array
from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any, Final

import numpy as np

from lionn_rs.data.consistency import ForceConsistency
from lionn_rs.data.formats import RawImage
from lionn_rs.data.labels import LabelCounts
from lionn_rs.data.measures import (
    energy_of,
    formula_of,
    group_name,
    largest_force,
    robust_scores,
    shortest_distance,
    structure_digest,
)

__all__ = ["DataStatistics", "Outlier", "StatisticsGatherer"]

OUTLIER_SCORE: Final = 6.0
"""Robust standard deviations from the median beyond which an image is an outlier."""
MIN_FOR_OUTLIERS: Final = 20
"""Images of a composition from which on outliers are looked for."""
GPA_PER_EV_A3: Final = 160.21766208


@dataclass(frozen=True)
class Outlier:
    """An image far from others of its composition.

    Attributes
    ----------
    source, number : int
        Which of the files, and which image in it, from 0.
    reason : str
    score : float
        Robust standard deviations.
    """

    source: int
    number: int
    reason: str
    score: float


@dataclass(frozen=True, kw_only=True)
class DataStatistics:
    """Counts, ranges, outliers of a set of images (units: Å, eV, eV/Å, GPa).

    Attributes
    ----------
    n_images, n_atoms, n_energy, n_forces, n_stress, n_duplicates : int
        ``n_duplicates``: images whose structure, to 1e-5 Å as written, occurred before.
    elements : dict of str to int
        Atoms of each element.
    compositions : dict
        For each formula ``n_images``, and ``min``, ``mean``, ``max``, ``std`` of the energy per
        atom, eV.
    groups : dict of str to int
    forces : dict or None
        ``rms`` and ``max`` of components, ``rms_of`` each element, ``largest`` of an atom.
    stress : dict or None
        ``pressure_min``, ``pressure_max``, GPa.
    volume_per_atom, shortest_distance : tuple of float or None
        Smallest and largest.
    consistency : dict or None
        Energy differences of neighboring images against their forces.
    outliers : list of Outlier
        The worst first.
    warnings : list of str
    """

    n_images: int
    n_atoms: int
    n_energy: int
    n_forces: int
    n_stress: int
    n_duplicates: int
    elements: dict[str, int]
    compositions: dict[str, dict[str, float]]
    groups: dict[str, int]
    forces: dict[str, Any] | None
    stress: dict[str, float] | None
    volume_per_atom: tuple[float, float] | None
    shortest_distance: tuple[float, float] | None
    consistency: dict[str, float] | None
    outliers: list[Outlier] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """All attributes, JSON-safe."""
        return asdict(self)


class StatisticsGatherer:
    """Collects :class:`DataStatistics`; keeps some 70 bytes of every image."""

    def __init__(self) -> None:
        self.labels = LabelCounts()
        self.n_atoms = 0
        self.elements: Counter[int] = Counter()
        self.groups: Counter[str] = Counter()
        self.n_duplicates = 0
        self.n_stress = 0
        self._seen: set[bytes] = set()
        self._formulas: dict[str, int] = {}
        self._columns = {name: array("d") for name in _COLUMNS}
        self._squares: dict[int, list[float]] = {}
        self._consistency = ForceConsistency()
        self.largest_component = 0.0
        self.net_force = 0.0

    def add(self, image: RawImage, source: int, number: int) -> None:
        """Take one image into account."""
        self.n_atoms += image.n_atoms
        kinds, counts = np.unique(image.numbers, return_counts=True)
        for z, n in zip(kinds.tolist(), counts.tolist(), strict=True):
            self.elements[z] += n
        self.groups[group_name(image)] += 1
        digest = structure_digest(image)
        self.n_duplicates += digest in self._seen
        self._seen.add(digest)
        energy = energy_of(image)
        stress = image.results.get("stress")
        self.n_stress += stress is not None
        periodic = bool(image.pbc.all())
        pressure = np.nan if stress is None else -GPA_PER_EV_A3 * float(np.trace(stress)) / 3.0
        self._add_forces(image)
        largest = largest_force(image)
        row = (
            source,
            number,
            self._formulas.setdefault(formula_of(image), len(self._formulas)),
            np.nan if energy is None else energy / image.n_atoms,
            np.nan if largest is None else largest,
            image.volume / image.n_atoms if periodic else np.nan,
            shortest_distance(image),
            pressure,
        )
        for name, value in zip(_COLUMNS, row, strict=True):
            self._columns[name].append(float(value))
        self._consistency.add(image)

    def _add_forces(self, image: RawImage) -> None:
        forces = image.results.get("forces")
        if forces is None:
            return
        table = np.asarray(forces)
        self.largest_component = max(self.largest_component, float(np.abs(table).max()))
        self.net_force = max(self.net_force, float(np.abs(table.mean(axis=0)).max()))
        squares = (table**2).sum(axis=1)
        for z in np.unique(image.numbers).tolist():
            chosen = squares[image.numbers == z]
            entry = self._squares.setdefault(z, [0.0, 0.0])
            entry[0] += float(chosen.sum())
            entry[1] += 3.0 * len(chosen)

    def result(self) -> DataStatistics:
        """Everything that was gathered."""
        from ase.data import chemical_symbols

        from lionn_rs.data.suspicion import suspicions

        columns = {name: np.frombuffer(data) for name, data in self._columns.items()}
        names = list(self._formulas)
        kinds = columns["formula"].astype(int)
        compositions: dict[str, dict[str, float]] = {}
        for k, name in enumerate(names):
            energies = columns["energy"][kinds == k]
            compositions[name] = {"n_images": float(len(energies)), **_range(energies)}
        volumes = columns["volume"][~np.isnan(columns["volume"])]
        distances = columns["distance"]
        pressures = columns["pressure"][~np.isnan(columns["pressure"])]
        statistics = DataStatistics(
            n_images=len(kinds),
            n_atoms=self.n_atoms,
            n_energy=int((~np.isnan(columns["energy"])).sum()),
            n_forces=int((~np.isnan(columns["force"])).sum()),
            n_stress=self.n_stress,
            n_duplicates=self.n_duplicates,
            elements={chemical_symbols[z]: n for z, n in sorted(self.elements.items())},
            compositions=compositions,
            groups=dict(self.groups),
            forces=self._force_summary(columns["force"]),
            stress={"pressure_min": float(pressures.min()), "pressure_max": float(pressures.max())}
            if len(pressures)
            else None,
            volume_per_atom=_ends(volumes),
            shortest_distance=_ends(distances),
            consistency=self._consistency.result(),
            outliers=find_outliers(columns),
        )
        statistics.warnings.extend(suspicions(statistics, self.net_force))
        return statistics

    def _force_summary(self, largest: np.ndarray) -> dict[str, Any] | None:
        from ase.data import chemical_symbols

        if not self._squares:
            return None
        total = np.array(list(self._squares.values())).sum(axis=0)
        return {
            "rms": float(np.sqrt(total[0] / total[1])),
            "max": self.largest_component,
            "largest": float(np.nanmax(largest)),
            "rms_of": {
                chemical_symbols[z]: float(np.sqrt(square / n))
                for z, (square, n) in sorted(self._squares.items())
            },
        }


_COLUMNS: Final = (
    "source", "number", "formula", "energy", "force", "volume", "distance", "pressure",
)  # fmt: skip


def find_outliers(
    columns: dict[str, np.ndarray], threshold: float = OUTLIER_SCORE
) -> list[Outlier]:
    """Images whose energy per atom or largest force is far from the others of a composition.

    Parameters
    ----------
    columns : dict of (n_images,) float64
        ``source``, ``number``, ``formula``, ``energy`` (eV/atom), ``force`` (eV/Å).
    threshold : float
        Robust standard deviations.
    """
    found: list[Outlier] = []
    kinds = columns["formula"].astype(int)
    for kind in np.unique(kinds):
        rows = np.flatnonzero(kinds == kind)
        for name, unit in (("energy", "eV/atom"), ("force", "eV/Å")):
            values = columns[name][rows]
            usable = ~np.isnan(values)
            if usable.sum() < MIN_FOR_OUTLIERS:
                continue
            # Forces spread over orders of magnitude: their logarithm is judged.
            scale = np.log(np.maximum(values[usable], 1e-6)) if name == "force" else values[usable]
            scores = robust_scores(scale)
            if name == "force":
                scores = np.maximum(scores, 0.0)  # a relaxed structure is no outlier
            for row, score in zip(rows[usable], scores, strict=True):
                if abs(score) > threshold:
                    what = "energy" if name == "energy" else "largest force"
                    reason = f"{what} {columns[name][row]:.4g} {unit}"
                    source, number = int(columns["source"][row]), int(columns["number"][row])
                    found.append(Outlier(source, number, reason, float(score)))
    return sorted(found, key=lambda outlier: -abs(outlier.score))


def _range(values: np.ndarray) -> dict[str, float]:
    values = values[~np.isnan(values)]
    if not len(values):
        return {}
    return {
        "min": float(values.min()),
        "mean": float(values.mean()),
        "max": float(values.max()),
        "std": float(values.std()),
    }


def _ends(values: np.ndarray) -> tuple[float, float] | None:
    return (float(values.min()), float(values.max())) if len(values) else None
