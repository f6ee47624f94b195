"""Structures with reference energies, forces and stresses as plain arrays."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lionn_rs.errors import DataError

if TYPE_CHECKING:
    from ase import Atoms

GROUP_KEYS = ("group", "source")
"""Entries of ``atoms.info`` that name the source of an image, the first one present counts."""

WEIGHT_KEY = "weight"
"""Entry of ``atoms.info`` with the weight of the image in the loss."""


@dataclass(frozen=True, eq=False)
class LabeledImage:
    """One structure with its reference values.

    Attributes
    ----------
    numbers : (n_atoms,) uint8
        Atomic numbers.
    positions : (n_atoms, 3) float64
        Cartesian positions, Å.
    cell : (3, 3) float64
        Lattice vectors as rows, Å.
    pbc : (3,) bool
        Periodicity along each lattice vector.
    energy : float
        Reference energy, eV.
    forces : (n_atoms, 3) float64 or None
        Reference forces, eV/Å.
    stress : (3, 3) float64 or None
        Reference stress, eV/Å³, positive = tension (ASE).
    group : str
        Name of the source (trajectory, temperature, ...); empty if unknown.
    weight : float
        Weight of the image in the loss.
    """

    numbers: NDArray[np.uint8]
    positions: NDArray[np.float64]
    cell: NDArray[np.float64]
    pbc: NDArray[np.bool_]
    energy: float
    forces: NDArray[np.float64] | None
    stress: NDArray[np.float64] | None
    group: str = ""
    weight: float = 1.0

    @property
    def n_atoms(self) -> int:
        """Number of atoms."""
        return len(self.numbers)

    @classmethod
    def from_atoms(cls, atoms: Atoms, *, name: str = "image") -> LabeledImage:
        """Take the labels from the calculator results of an ASE structure.

        The energy is ``free_energy`` where present, else ``energy``: the forces of an electronic-structure code
        with smearing are derivatives of the free energy.

        Raises
        ------
        DataError
            If there is no energy, or a label is not finite or has the wrong shape. ``name`` is used in the message.
        """
        results: dict[str, Any] = {} if atoms.calc is None else dict(atoms.calc.results)
        energy = results.get("free_energy", results.get("energy"))
        if energy is None:
            raise DataError(
                f"{name}: no reference energy (attach a calculator with results, "
                "or read the images with lionn_rs.data.read_images)"
            )
        n_atoms = len(atoms)
        forces = _forces(results.get("forces"), n_atoms, name)
        stress = _stress(results.get("stress"), name)
        image = cls(
            numbers=np.ascontiguousarray(atoms.numbers, dtype=np.uint8),
            positions=np.ascontiguousarray(atoms.positions, dtype=np.float64),
            cell=np.ascontiguousarray(atoms.cell.array, dtype=np.float64),
            pbc=np.array(atoms.pbc, dtype=np.bool_),
            energy=float(energy),
            forces=forces,
            stress=stress,
            group=group_of(atoms),
            weight=float(atoms.info.get(WEIGHT_KEY, 1.0)),
        )
        image._check_finite(name)
        return image

    def _check_finite(self, name: str) -> None:
        if not np.isfinite(self.energy):
            raise DataError(f"{name}: reference energy is {self.energy}")
        arrays = (("position", self.positions), ("reference force", self.forces))
        for what, array in arrays:
            if array is not None and not np.all(np.isfinite(array)):
                atom = int(np.argmin(np.isfinite(array).all(axis=1)))
                raise DataError(f"{name}: {what} of atom {atom} is not finite: {array[atom]}")

    @property
    def hash(self) -> str:
        """SHA-256 of structure and labels."""
        digest = hashlib.sha256()
        digest.update(self.numbers.tobytes())
        digest.update(np.packbits(self.pbc).tobytes())
        for array in (self.positions, self.cell, np.float64(self.energy), self.forces, self.stress):
            digest.update(b"-" if array is None else np.asarray(array, dtype="<f8").tobytes())
        return digest.hexdigest()

    @property
    def structure_hash(self) -> str:
        """SHA-256 of the structure alone."""
        digest = hashlib.sha256(self.numbers.tobytes())
        for array in (self.positions, self.cell):
            digest.update(np.asarray(array, dtype="<f8").tobytes())
        return digest.hexdigest()


def group_of(atoms: Atoms) -> str:
    """Name of the source of an image, from ``atoms.info``."""
    for key in GROUP_KEYS:
        if key in atoms.info:
            return str(atoms.info[key])
    return ""


def label_images(images: Iterable[Atoms | LabeledImage]) -> list[LabeledImage]:
    """Labels of all structures; labeled images pass through.

    Raises
    ------
    DataError
        Naming the image whose labels are missing, not finite or of the wrong shape.
    """
    return [
        image
        if isinstance(image, LabeledImage)
        else LabeledImage.from_atoms(image, name=f"image {index}")
        for index, image in enumerate(images)
    ]


def data_hash(images: Sequence[LabeledImage]) -> str:
    """SHA-256 over all images in order."""
    digest = hashlib.sha256()
    for image in images:
        digest.update(image.hash.encode())
    return digest.hexdigest()


@dataclass(frozen=True, eq=False)
class ImageArrays:
    """Images packed in one array per quantity, as the compiled core takes them.

    Atoms of image ``k`` are rows ``offsets[k]:offsets[k + 1]``.

    Attributes
    ----------
    offsets : (n_images + 1,) int64
    numbers : (n_atoms,) uint8
    positions : (n_atoms, 3) float64, Å
    cells : (n_images, 3, 3) float64, Å
    pbc : (n_images, 3) bool
    energies : (n_images,) float64, eV
    forces : (n_atoms, 3) float64 or None, eV/Å
        None if any image lacks them.
    stresses : (n_images, 3, 3) float64 or None, eV/Å³
        NaN for images without one; None if no image has one.
    weights : (n_images,) float64
    """

    offsets: NDArray[np.int64]
    numbers: NDArray[np.uint8]
    positions: NDArray[np.float64]
    cells: NDArray[np.float64]
    pbc: NDArray[np.bool_]
    energies: NDArray[np.float64]
    forces: NDArray[np.float64] | None
    stresses: NDArray[np.float64] | None
    weights: NDArray[np.float64]

    @classmethod
    def pack(cls, images: Sequence[LabeledImage]) -> ImageArrays:
        """Pack images.

        Raises
        ------
        DataError
            For an empty list, or if only some of the images have forces.
        """
        if not images:
            raise DataError("no images")
        without = [k for k, image in enumerate(images) if image.forces is None]
        if without and len(without) < len(images):
            raise DataError(
                f"image {without[0]} has no forces but others have; drop the images without forces "
                "or train on energies alone"
            )
        stresses = None
        if any(image.stress is not None for image in images):
            missing = np.full((3, 3), np.nan)
            stresses = np.array([missing if i.stress is None else i.stress for i in images])
        return cls(
            offsets=np.concatenate([[0], np.cumsum([image.n_atoms for image in images])]),
            numbers=np.concatenate([image.numbers for image in images]),
            positions=np.concatenate([image.positions for image in images]),
            cells=np.array([image.cell for image in images]),
            pbc=np.array([image.pbc for image in images]),
            energies=np.array([image.energy for image in images]),
            forces=None
            if without
            else np.concatenate([i.forces for i in images if i.forces is not None]),
            stresses=stresses,
            weights=np.array([image.weight for image in images]),
        )

    @property
    def n_atoms(self) -> NDArray[np.int64]:
        """Number of atoms of every image."""
        return np.diff(self.offsets)

    def structure_arguments(self) -> dict[str, Any]:
        """Keyword arguments of the core for the structures alone."""
        names = ("offsets", "numbers", "positions", "cells", "pbc")
        arguments = {name: getattr(self, name) for name in names}
        arguments["offsets"] = self.offsets.tolist()
        return arguments


def _forces(value: Any, n_atoms: int, name: str) -> NDArray[np.float64] | None:
    if value is None:
        return None
    forces = np.ascontiguousarray(value, dtype=np.float64)
    if forces.shape != (n_atoms, 3):
        raise DataError(
            f"{name}: forces must have shape ({n_atoms}, 3) to match positions, got {forces.shape}"
        )
    return forces


def _stress(value: Any, name: str) -> NDArray[np.float64] | None:
    """Symmetric (3, 3) stress from a 3x3 matrix, nine numbers, or six in Voigt order (xx yy zz yz xz xy)."""
    if value is None:
        return None
    stress = np.asarray(value, dtype=np.float64)
    if not np.all(np.isfinite(stress)):
        return None
    if stress.size == 9:
        full = stress.reshape(3, 3)
        return np.asarray(0.5 * (full + full.T))
    if stress.shape == (6,):
        xx, yy, zz, yz, xz, xy = stress
        return np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]])
    raise DataError(f"{name}: stress must have shape (6,) or (3, 3), got {stress.shape}")
