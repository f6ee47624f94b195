"""Choice of images: filters, duplicates, outliers, farthest points."""

from __future__ import annotations

from array import array
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from lionn_rs.data.farthest import ImageFeatures, farthest_points
from lionn_rs.data.formats import RawImage
from lionn_rs.data.formats.source import Units
from lionn_rs.data.formats.writing import check_output
from lionn_rs.data.inputs import DataInputs, Item
from lionn_rs.data.measures import (
    energy_of,
    formula_of,
    largest_force,
    shortest_distance,
    structure_digest,
)
from lionn_rs.data.statistics import find_outliers
from lionn_rs.data.transfer import Written, refuse_inputs, write_items
from lionn_rs.errors import ConfigError, DataError

__all__ = ["Filters", "Selected", "select_images"]

SAMPLE: Final = 1000
"""Images on which scales and principal components of fingerprints are learned."""
SAMPLE_ATOMS: Final = 200_000
SAMPLE_SEED: Final = 0


@dataclass(frozen=True, kw_only=True)
class Filters:
    """Which images may be chosen at all.

    Attributes
    ----------
    max_force : float, optional
        Largest force on an atom, eV/Å.
    energy_per_atom, volume_per_atom : (float, float), optional
        Smallest and largest, eV, Å³.
    min_distance : float, optional
        Between two atoms, Å.
    labeled : bool
        Only images with energy and forces.
    duplicates : bool
        Keep images whose structure occurred before.
    outliers : float, optional
        Leave out images whose energy per atom or largest force is so many robust standard
        deviations from the median of their composition.
    """

    max_force: float | None = None
    energy_per_atom: tuple[float, float] | None = None
    volume_per_atom: tuple[float, float] | None = None
    min_distance: float | None = None
    labeled: bool = False
    duplicates: bool = False
    outliers: float | None = None

    def refuses(self, image: RawImage) -> str:
        """Why an image may not be chosen; empty if it may."""
        energy, force = energy_of(image), largest_force(image)
        if self.labeled and (energy is None or force is None):
            return "without energy or forces"
        if self.max_force is not None and (force is None or force > self.max_force):
            return f"a force above {self.max_force:g} eV/Å, or none"
        if self.energy_per_atom is not None:
            low, high = self.energy_per_atom
            if energy is None or not low <= energy / image.n_atoms <= high:
                return f"energy outside {low:g} to {high:g} eV/atom, or none"
        if self.volume_per_atom is not None:
            low, high = self.volume_per_atom
            volume = image.volume / image.n_atoms
            if not image.pbc.all() or not low <= volume <= high:
                return f"volume outside {low:g} to {high:g} Å³/atom, or not periodic"
        if self.min_distance is not None and shortest_distance(image) < self.min_distance:
            return f"atoms closer than {self.min_distance:g} Å"
        return ""


@dataclass(kw_only=True)
class Selected:
    """Result of :func:`select_images`.

    Attributes
    ----------
    written : Written
    n_read : int
    refused : Counter
        Images left out, by reason.
    order : list of (int, int)
        File and number of the images that farthest-point selection chose, in its order.
    radius : list of float
        Distance of each from those chosen before it, in standard deviations per feature.
    kept_variance : float or None
        Of the fingerprints, in the components that were compared.
    """

    written: Written
    n_read: int
    refused: Counter[str]
    order: list[tuple[int, int]] = field(default_factory=list)
    radius: list[float] = field(default_factory=list)
    kept_variance: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """JSON-safe record."""
        return {
            "output": str(self.written.path),
            "n_read": self.n_read,
            "n_written": self.written.n_images,
            "refused": dict(self.refused),
            "order": [list(entry) for entry in self.order],
            "radius": self.radius,
            "kept_variance": self.kept_variance,
        }


def select_images(
    inputs: DataInputs,
    output: str | Path,
    *,
    n: int | None = None,
    filters: Filters | None = None,
    cutoff: float = 6.0,
    min_radius: float = 0.0,
    known: DataInputs | None = None,
    format: str | None = None,
    units: Units = "eV-A",
    force: bool = False,
) -> Selected:
    """Choose images and write them in the order of the inputs.

    Reads the inputs once for the filters, once for fingerprints if ``n`` or ``min_radius`` is
    given, and once to write; known images twice. Of every image some 400 bytes are kept.

    Parameters
    ----------
    inputs : DataInputs
    output : str or Path
    n : int, optional
        Number of images that farthest-point selection takes of those that pass the filters.
    filters : Filters, optional
        Default: duplicates are left out.
    cutoff : float
        Of the fingerprints, Å.
    min_radius : float
        Farthest-point selection ends when the next image is closer to a chosen one (standard
        deviations per feature): removes near copies.
    known : DataInputs, optional
        Images that are there already: what resembles them is not chosen.
    format, units, force
        As for :func:`convert_images`.

    Raises
    ------
    ConfigError
        The output exists, or ``n`` is not positive.
    DataError
        No image passes the filters, or an input is damaged.
    """
    output, chosen_filters = Path(output), filters or Filters()
    if n is not None and n < 1:
        raise ConfigError(f"n must be positive, got {n}")
    refuse_inputs(inputs, output)
    check_output(output, force=force)
    survey = _Survey(chosen_filters)
    for item in inputs.read("filtering images"):
        survey.add(item)
    keep = survey.finish()
    order: list[int] = []
    radius: NDArray[np.float64] = np.zeros(0)
    kept_variance = None
    if n is not None or min_radius > 0.0 or known is not None:
        order, radius, kept_variance = _farthest(inputs, survey, keep, n, cutoff, min_radius, known)
        survey.refused["not chosen by farthest-point selection"] += int(keep.sum()) - len(order)
        keep = np.zeros(len(keep), dtype=bool)
        keep[order] = True
    counter = iter(range(len(keep)))
    written = write_items(
        inputs,
        output,
        lambda _: bool(keep[next(counter)]),
        format=format,
        units=units,
        force=force,
        what="writing selection",
    )
    return Selected(
        written=written,
        n_read=len(keep),
        refused=+survey.refused,
        order=[survey.places(k) for k in order],
        radius=radius.tolist(),
        kept_variance=kept_variance,
    )


class _Survey:
    """First pass: filters, and a sample of what passes them."""

    def __init__(self, filters: Filters) -> None:
        self.filters = filters
        self.refused: Counter[str] = Counter()
        self.sample: list[RawImage] = []
        self.elements: set[int] = set()
        self._sample_atoms = 0
        self._columns = {k: array("d") for k in ("source", "number", "formula", "energy", "force")}
        self._passed = array("b")
        self._formulas: dict[str, int] = {}
        self._seen: set[bytes] = set()
        self._random = np.random.default_rng(SAMPLE_SEED)
        self._n_passed = 0

    def add(self, item: Item) -> None:
        image = item.image
        reason = self.filters.refuses(image)
        if not reason and not self.filters.duplicates:
            digest = structure_digest(image)
            reason = "the same structure as an earlier image" if digest in self._seen else ""
            self._seen.add(digest)
        energy, force = energy_of(image), largest_force(image)
        row = {
            "source": item.source,
            "number": item.number,
            "formula": self._formulas.setdefault(formula_of(image), len(self._formulas)),
            "energy": np.nan if energy is None or reason else energy / image.n_atoms,
            "force": np.nan if force is None or reason else force,
        }
        for name, value in row.items():
            self._columns[name].append(float(value))
        self._passed.append(not reason)
        if reason:
            self.refused[reason] += 1
        else:
            self._take_sample(image)

    def _take_sample(self, image: RawImage) -> None:
        """Keep every image with the same chance, whatever their number (reservoir)."""
        self.elements.update(np.unique(image.numbers).tolist())
        self._n_passed += 1
        if len(self.sample) < SAMPLE and self._sample_atoms < SAMPLE_ATOMS:
            self.sample.append(image)
            self._sample_atoms += image.n_atoms
        else:
            place = int(self._random.integers(self._n_passed))
            if place < len(self.sample):
                self.sample[place] = image

    def finish(self) -> NDArray[np.bool_]:
        """Which images passed, outliers left out."""
        keep = np.frombuffer(self._passed, dtype=np.int8).astype(bool)
        if self.filters.outliers is not None:
            columns = {name: np.frombuffer(data) for name, data in self._columns.items()}
            worst = find_outliers(columns, self.filters.outliers)
            places = {(outlier.source, outlier.number) for outlier in worst}
            for k in np.flatnonzero(keep):
                if self.places(int(k)) in places:
                    keep[k] = False
                    self.refused["outliers of their composition"] += 1
        if not keep.any():
            reasons = ", ".join(f"{count} {reason}" for reason, count in self.refused.items())
            raise DataError(f"no image passes the filters: {reasons}")
        return keep

    def places(self, k: int) -> tuple[int, int]:
        """File and number of an image."""
        return int(self._columns["source"][k]), int(self._columns["number"][k])


def _farthest(
    inputs: DataInputs,
    survey: _Survey,
    keep: NDArray[np.bool_],
    n: int | None,
    cutoff: float,
    min_radius: float,
    known: DataInputs | None,
) -> tuple[list[int], NDArray[np.float64], float]:
    from ase.data import chemical_symbols

    elements = set(survey.elements)
    if known is not None:
        for item in known.read("reading known images"):
            elements.update(item.image.numbers.tolist())
    features = ImageFeatures([chemical_symbols[z] for z in elements], cutoff=cutoff)
    features.fit(survey.sample)
    survey.sample = []
    numbers = np.flatnonzero(keep)
    table = np.empty((len(numbers), features.n_components), dtype=np.float32)
    row = 0
    for k, item in enumerate(inputs.read("fingerprints")):
        if keep[k]:
            table[row] = features(item.image)
            row += 1
    old = None
    if known is not None:
        rows = [features(item.image) for item in known.read("fingerprints of known images")]
        old = np.array(rows) if rows else None
    chosen, radius = farthest_points(table, len(table) if n is None else n, known=old)
    if min_radius > 0.0:
        first = 0 if old is not None else 1
        beyond = [k for k in range(first, len(chosen)) if radius[k] < min_radius]
        chosen = chosen[: beyond[0]] if beyond else chosen
    return [int(numbers[k]) for k in chosen], radius[: len(chosen)], features.kept_variance
