"""Errors of a potential on labeled images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lionn_rs import _core
from lionn_rs.data.images import ImageArrays, LabeledImage, label_images

if TYPE_CHECKING:
    from ase import Atoms

    from lionn_rs.potential import BasePotential

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Predictions:
    """Energies, forces and stresses of a potential beside the reference.

    Attributes
    ----------
    n_atoms : (n_images,) int64
        Atoms of every image.
    groups : list of str
        Source of every image.
    symbols : (n_atoms_total,) str
        Element of every atom of all images in order.
    energies, reference_energies : (n_images,) float64
        eV.
    forces, reference_forces : (n_atoms_total, 3) float64 or None
        eV/Å; None if the images have none.
    stresses, reference_stresses : (n_images, 3, 3) float64 or None
        eV/Å³; NaN for images without one.
    n_extrapolating : (n_images,) int64
        Atoms of every image outside the training range.
    """

    n_atoms: NDArray[np.int64]
    groups: list[str]
    symbols: NDArray[np.str_]
    energies: Array
    reference_energies: Array
    forces: Array | None
    reference_forces: Array | None
    stresses: Array | None
    reference_stresses: Array | None
    n_extrapolating: NDArray[np.int64]

    @property
    def energy_errors_per_atom(self) -> Array:
        """Energy error per atom of every image, eV/atom."""
        return (self.energies - self.reference_energies) / self.n_atoms

    @property
    def force_errors(self) -> Array | None:
        """Force error of every atom, (n_atoms_total, 3), eV/Å."""
        if self.forces is None or self.reference_forces is None:
            return None
        return self.forces - self.reference_forces

    @property
    def image_of_atom(self) -> NDArray[np.int64]:
        """Image of every atom."""
        return np.repeat(np.arange(len(self.n_atoms)), self.n_atoms)


@dataclass(frozen=True)
class Metrics:
    """Errors over a set of images. Fields are None where the images have no such label.

    Attributes
    ----------
    n_images, n_atoms : int
        Images, and atoms of all images.
    energy_rmse_per_atom, energy_mae_per_atom, energy_max_per_atom : float
        Root mean square, mean and largest absolute energy error per atom, eV/atom.
    force_rmse, force_mae, force_max : float or None
        The same over force components, eV/Å.
    force_reference_rms : float or None
        Root mean square of the reference components, eV/Å: the force RMSE of a model that says
        zero.
    stress_rmse : float or None
        Over all nine components, eV/Å³.
    n_extrapolating : int
        Atoms with a fingerprint outside the range of the training images.
    per_element : dict
        Force RMSE of every element, eV/Å.
    per_group : dict
        ``n_images``, ``energy_rmse_per_atom`` and ``force_rmse`` of every source.
    """

    n_images: int
    n_atoms: int
    energy_rmse_per_atom: float
    energy_mae_per_atom: float
    energy_max_per_atom: float
    force_rmse: float | None
    force_mae: float | None
    force_max: float | None
    force_reference_rms: float | None
    stress_rmse: float | None
    n_extrapolating: int
    per_element: dict[str, float] = field(default_factory=dict)
    per_group: dict[str, dict[str, float | None]] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """All attributes, JSON-safe."""
        return asdict(self)

    @classmethod
    def of(cls, predictions: Predictions) -> Metrics:
        """Errors of predictions."""
        energy = predictions.energy_errors_per_atom
        force = predictions.force_errors
        reference = predictions.reference_forces
        return cls(
            n_images=len(energy),
            n_atoms=int(predictions.n_atoms.sum()),
            energy_rmse_per_atom=_rms(energy),
            energy_mae_per_atom=float(np.abs(energy).mean()),
            energy_max_per_atom=float(np.abs(energy).max()),
            force_rmse=None if force is None else _rms(force),
            force_mae=None if force is None else float(np.abs(force).mean()),
            force_max=None if force is None else float(np.abs(force).max()),
            force_reference_rms=None if reference is None else _rms(reference),
            stress_rmse=_stress_rmse(predictions),
            n_extrapolating=int(predictions.n_extrapolating.sum()),
            per_element=_per_element(predictions),
            per_group=_per_group(predictions),
        )

    def __str__(self) -> str:
        lines = [
            f"{self.n_images} images, {self.n_atoms} atoms, "
            f"{self.n_extrapolating} of them outside the training range",
            f"energy  RMSE {1e3 * self.energy_rmse_per_atom:8.2f} meV/atom   "
            f"MAE {1e3 * self.energy_mae_per_atom:8.2f}   "
            f"max {1e3 * self.energy_max_per_atom:8.2f}",
        ]
        if (
            self.force_rmse is not None
            and self.force_mae is not None
            and self.force_max is not None
        ):
            lines.append(
                f"force   RMSE {1e3 * self.force_rmse:8.1f} meV/Å      "
                f"MAE {1e3 * self.force_mae:8.1f}   max {1e3 * self.force_max:8.1f}"
            )
            elements = "   ".join(f"{e} {1e3 * rmse:.1f}" for e, rmse in self.per_element.items())
            lines.append(f"force RMSE by element, meV/Å: {elements}")
        if self.stress_rmse is not None:
            lines.append(f"stress  RMSE {1e3 * self.stress_rmse:8.3f} meV/Å³")
        if len(self.per_group) > 1:
            lines.append(f"{'group':<28} {'images':>6} {'meV/atom':>9} {'meV/Å':>8}")
            lines += [_group_line(name, row) for name, row in self.per_group.items()]
        return "\n".join(lines)


def predict(potential: BasePotential, images: Sequence[Atoms | LabeledImage]) -> Predictions:
    """Energies, forces and stresses of a potential for labeled images.

    Parameters
    ----------
    potential : Potential or Committee
        The potential; of a committee the mean.
    images : sequence of ase.Atoms or LabeledImage
        Images with reference energies, and forces and stresses where available.

    Returns
    -------
    Predictions
        Beside the reference values, as parity plots need them.

    Raises
    ------
    DataError
        For missing labels or elements the potential does not know.
    """
    from ase.data import chemical_symbols

    labeled = label_images(images)
    arrays = ImageArrays.pack(labeled)
    results = [_evaluate(potential.core, image) for image in labeled]
    stresses = None
    if arrays.stresses is not None:
        missing = np.full((3, 3), np.nan)
        stresses = np.array(
            [
                -r["virial"] / abs(np.linalg.det(image.cell))
                if image.stress is not None
                else missing
                for r, image in zip(results, labeled, strict=True)
            ]
        )
    has_forces = arrays.forces is not None
    return Predictions(
        n_atoms=arrays.n_atoms,
        groups=[image.group for image in labeled],
        symbols=np.array(chemical_symbols)[arrays.numbers],
        energies=np.array([r["energy"] for r in results]),
        reference_energies=arrays.energies,
        forces=np.concatenate([r["forces"] for r in results]) if has_forces else None,
        reference_forces=arrays.forces,
        stresses=stresses,
        reference_stresses=arrays.stresses,
        n_extrapolating=np.array([r["n_extrapolating"] for r in results], dtype=np.int64),
    )


def evaluate(potential: BasePotential, images: Sequence[Atoms | LabeledImage]) -> Metrics:
    """Errors of a potential on labeled images.

    Parameters and errors are those of :func:`predict`.

    Returns
    -------
    Metrics
        Energy errors per atom (eV/atom), force errors (eV/Å), stress errors (eV/Å³); ``str()``
        prints a table.
    """
    return Metrics.of(predict(potential, images))


def _evaluate(core: _core.NeuralPotential | _core.Committee, image: LabeledImage) -> dict[str, Any]:
    a, b, c = (bool(p) for p in image.pbc)
    return core.evaluate(image.cell, (a, b, c), image.numbers, image.positions)


def _rms(values: Array) -> float:
    return float(np.sqrt(np.mean(values**2)))


def _stress_rmse(predictions: Predictions) -> float | None:
    if predictions.stresses is None or predictions.reference_stresses is None:
        return None
    errors = predictions.stresses - predictions.reference_stresses
    return float(np.sqrt(np.nanmean(errors**2)))


def _per_element(predictions: Predictions) -> dict[str, float]:
    errors = predictions.force_errors
    if errors is None:
        return {}
    elements = sorted({str(symbol) for symbol in predictions.symbols})
    return {element: _rms(errors[predictions.symbols == element]) for element in elements}


def _per_group(predictions: Predictions) -> dict[str, dict[str, float | None]]:
    names = dict.fromkeys(predictions.groups)
    groups = np.array(predictions.groups)
    energy, force = predictions.energy_errors_per_atom, predictions.force_errors
    image_of_atom = predictions.image_of_atom
    result: dict[str, dict[str, float | None]] = {}
    for name in names:
        members = groups == name
        result[name] = {
            "n_images": int(members.sum()),
            "energy_rmse_per_atom": _rms(energy[members]),
            "force_rmse": None if force is None else _rms(force[members[image_of_atom]]),
        }
    return result


def _group_line(name: str, row: dict[str, float | None]) -> str:
    energy, force = row["energy_rmse_per_atom"], row["force_rmse"]
    columns = [f"{1e3 * x:.1f}" if x is not None else "-" for x in (energy, force)]
    return f"{name or 'unnamed':<28} {row['n_images']:>6} {columns[0]:>9} {columns[1]:>8}"
