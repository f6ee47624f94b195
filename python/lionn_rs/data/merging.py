"""Files of images joined into one, unless their energies cannot belong together."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np

from lionn_rs.data.formats import RawImage
from lionn_rs.data.formats.source import Units
from lionn_rs.data.formats.writing import check_output
from lionn_rs.data.inputs import DataInputs
from lionn_rs.data.measures import energy_of, formula_of, structure_digest
from lionn_rs.data.transfer import Written, refuse_inputs, write_items
from lionn_rs.errors import DataError

__all__ = ["LEVEL_KEYS", "LevelCheck", "Merged", "check_levels", "merge_images"]

LEVEL_KEYS: Final = ("level_of_theory", "method", "functional", "xc", "calculator", "settings_hash")
"""Entries of ``info`` that name a level of theory."""

SAME_ENERGY: Final = 1e-4
"""eV/atom; a structure whose two energies differ by more was computed at two levels."""
GAP: Final = 0.02
"""eV/atom between the energies of one composition in two files that no dynamics explains."""
MIN_IMAGES: Final = 5


@dataclass
class LevelCheck:
    """What speaks against one level of theory.

    Attributes
    ----------
    conflicts : list of str
        Reasons, a sentence each.
    duplicates : set of (int, int)
        Images (file, number) whose structure occurred before with the same energy.
    """

    conflicts: list[str] = field(default_factory=list)
    duplicates: set[tuple[int, int]] = field(default_factory=set)


@dataclass(kw_only=True)
class Merged:
    """Result of :func:`merge_images`.

    Attributes
    ----------
    written : Written
    n_duplicates : int
        Images left out because their structure was there already.
    conflicts : list of str
        What was overruled.
    """

    written: Written
    n_duplicates: int
    conflicts: list[str]


def check_levels(inputs: DataInputs) -> LevelCheck:
    """Look for two levels of theory among images.

    Three signs: entries of ``info`` that name a level (:data:`LEVEL_KEYS`) differ; one structure
    has two energies; energies of one composition in two files are separated by a gap.
    """
    gatherer = _LevelGatherer(inputs)
    for item in inputs.read("comparing levels of theory"):
        gatherer.add(item.image, item.source, item.number)
    return gatherer.result()


class _LevelGatherer:
    def __init__(self, inputs: DataInputs) -> None:
        self.inputs = inputs
        self.check = LevelCheck()
        self._levels: dict[str, dict[str, int]] = defaultdict(dict)
        self._seen: dict[bytes, tuple[int, int, float]] = {}
        self._offsets: dict[tuple[int, int], list[float]] = defaultdict(list)
        self._ranges: dict[str, dict[int, list[float]]] = defaultdict(dict)

    def add(self, image: RawImage, source: int, number: int) -> None:
        for key in LEVEL_KEYS:
            if key in image.info:
                self._levels[key].setdefault(str(image.info[key]), source)
        energy = energy_of(image)
        if energy is None:
            return
        per_atom = energy / image.n_atoms
        entry = self._ranges[formula_of(image)].setdefault(source, [np.inf, -np.inf, 0.0])
        entry[0], entry[1] = min(entry[0], per_atom), max(entry[1], per_atom)
        entry[2] += 1.0
        digest = structure_digest(image)
        if digest not in self._seen:
            self._seen[digest] = (source, number, per_atom)
            return
        first_source, _, before = self._seen[digest]
        if abs(per_atom - before) > SAME_ENERGY:
            self._offsets[first_source, source].append(per_atom - before)
        else:
            self.check.duplicates.add((source, number))

    def result(self) -> LevelCheck:
        name = self.inputs.name
        for key, values in self._levels.items():
            if len(values) > 1:
                shown = [f"'{value}' ({name(k)})" for value, k in list(values.items())[:3]]
                self.check.conflicts.append(f"{key} differs: {', '.join(shown)}")
        for (first, second), offsets in self._offsets.items():
            mean, spread = float(np.mean(offsets)), float(np.std(offsets))
            where = f"in {name(first)}" if first == second else f"{name(first)} and {name(second)}"
            self.check.conflicts.append(
                f"{where}: {len(offsets)} equal structures have energies {1e3 * mean:+.2f} "
                f"meV/atom apart (standard deviation {1e3 * spread:.2f})"
            )
        for formula, ranges in self._ranges.items():
            self._compare_ranges(formula, ranges)
        return self.check

    def _compare_ranges(self, formula: str, ranges: dict[int, list[float]]) -> None:
        known = [(k, low, high) for k, (low, high, n) in ranges.items() if n >= MIN_IMAGES]
        known.sort(key=lambda entry: entry[1])
        for (k, _, high), (m, low, _) in pairwise(known):
            if low - high > GAP:
                self.check.conflicts.append(
                    f"{formula}: energies end at {high:.4f} eV/atom in {self.inputs.name(k)} and "
                    f"begin at {low:.4f} in {self.inputs.name(m)}"
                )


def merge_images(
    inputs: DataInputs,
    output: str | Path,
    *,
    allow_mixed: bool = False,
    keep_duplicates: bool = False,
    format: str | None = None,
    units: Units = "eV-A",
    force: bool = False,
) -> Merged:
    """Join files of images, if nothing says that they are of different levels of theory.

    Parameters
    ----------
    inputs : DataInputs
        Several files, in the order of the output.
    output : str or Path
    allow_mixed : bool
        Join them whatever :func:`check_levels` finds.
    keep_duplicates : bool
        Keep images whose structure occurred before with the same energy.
    format, units, force
        As for :func:`convert_images`.

    Raises
    ------
    DataError
        There are signs of different levels of theory; the message names the first.
    ConfigError
        As for :func:`convert_images`.
    """
    output = Path(output)
    refuse_inputs(inputs, output)
    check_output(output, force=force)
    check = check_levels(inputs)
    if check.conflicts and not allow_mixed:
        more = len(check.conflicts) - 1
        others = f" (and {more} more signs)" if more else ""
        raise DataError(
            f"these images are not of one level of theory: {check.conflicts[0]}{others}; keep them "
            "apart, or join them all the same with --allow-mixed (allow_mixed)"
        )
    left_out = set() if keep_duplicates else check.duplicates
    written = write_items(
        inputs,
        output,
        lambda item: (item.source, item.number) not in left_out,
        format=format,
        units=units,
        force=force,
        what="joining images",
    )
    return Merged(written=written, n_duplicates=len(left_out), conflicts=check.conflicts)
