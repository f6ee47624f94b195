"""What a set of labeled images holds, and what looks wrong with it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from lionn_rs.data.images import LabeledImage, data_hash, label_images

if TYPE_CHECKING:
    from ase import Atoms

SHORTEST_BOND_A: Final = 0.5
"""No two nuclei of a solid come closer than this, Å (H2: 0.74 Å); shorter distances point to nm or fractional units."""

LARGEST_FORCE: Final = 100.0
"""Force component, eV/Å, beyond which an image is hardly meant for training."""

LARGEST_ENERGY_SPREAD: Final = 5.0
"""Range of energies per atom at fixed composition, eV/atom, beyond which energy units or references are suspect."""

LARGEST_NET_FORCE: Final = 0.1
"""Mean force per atom, eV/Å, beyond which the forces do not sum to zero well enough."""


@dataclass(frozen=True)
class DataSummary:
    """Counts, ranges and warnings of a set of images.

    Attributes
    ----------
    n_images, n_atoms : int
        Number of images, and of atoms in all of them.
    elements : list of str
        Element symbols, sorted.
    compositions, groups : dict of str to int
        Number of images of each composition and source.
    energy_per_atom : dict
        ``mean``, ``std``, ``min``, ``max``, eV/atom.
    force : dict or None
        ``rms`` over components and largest component ``max``, eV/Å.
    volume_per_atom : dict or None
        ``min``, ``max``, Å³/atom; None without periodic images.
    n_forces, n_stress : int
        Images with forces, with stress.
    n_duplicates : int
        Images whose structure occurred before.
    hash : str
        SHA-256 of structures and labels in order.
    warnings : list of str
        What looks wrong.
    """

    n_images: int
    n_atoms: int
    elements: list[str]
    compositions: dict[str, int]
    groups: dict[str, int]
    energy_per_atom: dict[str, float]
    force: dict[str, float] | None
    volume_per_atom: dict[str, float] | None
    n_forces: int
    n_stress: int
    n_duplicates: int
    hash: str
    warnings: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """All attributes, JSON-safe."""
        return asdict(self)

    def __str__(self) -> str:
        energy = self.energy_per_atom
        lines = [
            f"{self.n_images} images, {self.n_atoms} atoms; {self.n_forces} with forces, "
            f"{self.n_stress} with stress",
            "composition: " + _counts(self.compositions),
            "groups: " + _counts(self.groups),
            f"energy {energy['mean']:.4f} eV/atom, standard deviation {1e3 * energy['std']:.1f} meV/atom",
        ]
        if self.force:
            lines.append(
                f"forces: rms {self.force['rms']:.3f} eV/Å, largest component {self.force['max']:.2f} eV/Å"
            )
        if self.volume_per_atom:
            volume = self.volume_per_atom
            lines.append(f"volume {volume['min']:.2f} to {volume['max']:.2f} Å³/atom")
        return "\n".join([*lines, *(f"warning: {text}" for text in self.warnings)])


def summary(images: Sequence[Atoms | LabeledImage]) -> DataSummary:
    """Describe and check a set of labeled images.

    Parameters
    ----------
    images : sequence of ase.Atoms or LabeledImage
        The images.

    Returns
    -------
    DataSummary
        ``str()`` of it prints a few lines.

    Raises
    ------
    DataError
        If labels are missing, not finite or of the wrong shape.
    """
    from ase.data import chemical_symbols
    from ase.formula import Formula

    labeled = label_images(images)
    per_atom = np.array([image.energy / image.n_atoms for image in labeled])
    formulas = [
        Formula.from_list([chemical_symbols[z] for z in image.numbers]).format("metal")
        for image in labeled
    ]
    components = [image.forces.ravel() for image in labeled if image.forces is not None]
    forces = np.concatenate(components) if components else np.zeros(0)
    volumes = [
        abs(float(np.linalg.det(image.cell))) / image.n_atoms
        for image in labeled
        if image.pbc.all()
    ]
    seen = Counter(image.structure_hash for image in labeled)
    n_duplicates = sum(count - 1 for count in seen.values())
    numbers = sorted({int(z) for image in labeled for z in image.numbers})
    return DataSummary(
        n_images=len(labeled),
        n_atoms=sum(image.n_atoms for image in labeled),
        elements=sorted(chemical_symbols[z] for z in numbers),
        compositions=dict(Counter(formulas)),
        groups=dict(Counter(image.group for image in labeled)),
        energy_per_atom={
            "mean": float(per_atom.mean()),
            "std": float(per_atom.std()),
            "min": float(per_atom.min()),
            "max": float(per_atom.max()),
        },
        force={"rms": float(np.sqrt(np.mean(forces**2))), "max": float(np.abs(forces).max())}
        if forces.size
        else None,
        volume_per_atom={"min": min(volumes), "max": max(volumes)} if volumes else None,
        n_forces=len(components),
        n_stress=sum(image.stress is not None for image in labeled),
        n_duplicates=n_duplicates,
        hash=data_hash(labeled),
        warnings=_warnings(labeled, formulas, n_duplicates),
    )


def _warnings(images: list[LabeledImage], formulas: list[str], n_duplicates: int) -> list[str]:
    found = []
    if n_duplicates:
        found.append(f"{n_duplicates} images repeat the structure of an earlier one")
    for index, image in enumerate(images):
        distance = _shortest_distance(image)
        if distance < SHORTEST_BOND_A:
            found.append(
                f"image {index}: two atoms are {distance:.2f} Å apart; are positions in Å?"
            )
            break
    for index, image in enumerate(images):
        if image.forces is not None and np.abs(image.forces).max() > LARGEST_FORCE:
            largest = float(np.abs(image.forces).max())
            found.append(
                f"image {index}: force component of {largest:.0f} eV/Å; are forces in eV/Å?"
            )
            break
    for index, image in enumerate(images):
        if image.forces is None:
            continue
        net = float(np.abs(image.forces.mean(axis=0)).max())
        if net > LARGEST_NET_FORCE:
            found.append(
                f"image {index}: forces do not sum to zero, mean force {net:.2f} eV/Å per atom"
            )
            break
    energies: dict[str, list[float]] = {}
    for formula, image in zip(formulas, images, strict=True):
        energies.setdefault(formula, []).append(image.energy / image.n_atoms)
    for formula, values in energies.items():
        spread = max(values) - min(values)
        if spread > LARGEST_ENERGY_SPREAD:
            found.append(
                f"{formula}: energies spread over {spread:.1f} eV/atom; "
                "are all images from one method and in eV?"
            )
    return found


def _shortest_distance(image: LabeledImage) -> float:
    """Shortest distance between two atoms, nearest images only, Å."""
    if image.n_atoms < 2:
        return np.inf
    delta = image.positions[:, None, :] - image.positions[None, :, :]
    if image.pbc.any():
        from ase.cell import Cell

        cell = Cell(image.cell).complete().array
        fractional = delta @ np.linalg.inv(cell)
        delta = (fractional - np.round(fractional) * image.pbc) @ cell
    distance = np.sqrt((delta**2).sum(axis=-1))
    np.fill_diagonal(distance, np.inf)
    return float(distance.min())


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{name or 'unnamed'} ({count})" for name, count in counts.items())
