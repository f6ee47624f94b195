"""Residuals of a potential on labeled images: energies by group, forces by element, group, size."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from lionn_rs.analysis._records import Record
from lionn_rs.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lionn_rs.training.metrics import Predictions

    Array = NDArray[np.float64]

__all__ = [
    "EnergyResiduals",
    "ForceResiduals",
    "energy_residuals",
    "force_residuals",
    "force_sizes",
]

SIZE_QUANTILES: Final = (0.0, 0.2, 0.4, 0.6, 0.8, 0.9, 0.97, 1.0)
"""Quantiles of the size of the reference force between the bins: finer at the large forces."""


@dataclass(frozen=True)
class EnergyResiduals(Record):
    """Energy residuals (predicted minus reference) of some images, eV/atom.

    Attributes
    ----------
    name : str
        ``all``, or the source group.
    n_images : int
        Number of images.
    bias, rmse, mae, largest : float
        Mean, root mean square, mean absolute and largest absolute residual.
    """

    name: str
    n_images: int
    bias: float
    rmse: float
    mae: float
    largest: float


@dataclass(frozen=True)
class ForceResiduals(Record):
    """Residuals of the force components of some atoms, eV/Å.

    Attributes
    ----------
    name : str
        Element, source group, or range of ``|F_ref|``.
    n_atoms : int
        Number of atoms.
    rmse, mae, largest : float
        Root mean square, mean absolute and largest absolute residual of a component.
    reference_rms : float
        Root mean square of the reference components: the error of a model that says zero.
    slope : float
        ``sum F·F_ref / sum F_ref²``: 1 where sizes are right, below 1 where forces are too small.
    """

    name: str
    n_atoms: int
    rmse: float
    mae: float
    largest: float
    reference_rms: float
    slope: float

    @property
    def relative(self) -> float:
        """RMSE over the root mean square of the reference."""
        return self.rmse / self.reference_rms if self.reference_rms > 0.0 else float("nan")


def energy_residuals(predictions: Predictions) -> list[EnergyResiduals]:
    """Energy residuals of all images, then of every source group if there are several.

    Parameters
    ----------
    predictions : Predictions
        From :func:`lionn_rs.predict`.

    Returns
    -------
    list of EnergyResiduals
    """
    values = predictions.energy_errors_per_atom
    groups = np.array([group or "unnamed" for group in predictions.groups])
    rows = [_energy_row("all", values)]
    names = dict.fromkeys(groups.tolist())
    if len(names) > 1:
        rows += [_energy_row(name, values[groups == name]) for name in names]
    return rows


def force_residuals(predictions: Predictions) -> dict[str, list[ForceResiduals]]:
    """Force residuals by element, by source group and by size of the reference force.

    Parameters
    ----------
    predictions : Predictions
        From :func:`lionn_rs.predict`.

    Returns
    -------
    dict of str to list of ForceResiduals
        Under ``all`` (one row), ``element``, ``group`` and ``size``.

    Raises
    ------
    DataError
        If the images have no forces.
    """
    forces, reference = predictions.forces, predictions.reference_forces
    if forces is None or reference is None:
        raise DataError("force residuals: the images have no forces")
    image = predictions.image_of_atom
    groups = np.array([group or "unnamed" for group in predictions.groups])[image]
    masks: dict[str, Iterator[tuple[str, NDArray[np.bool_]]]] = {
        "all": iter([("all", np.ones(len(forces), dtype=bool))]),
        "element": ((e, predictions.symbols == e) for e in np.unique(predictions.symbols)),
        "group": ((g, groups == g) for g in dict.fromkeys(groups.tolist())),
        "size": _size_masks(np.linalg.norm(reference, axis=1)),
    }
    return {
        by: [_force_row(str(name), forces[mask], reference[mask]) for name, mask in found]
        for by, found in masks.items()
    }


def force_sizes(sizes: Array) -> Array:
    """Limits of the bins of ``|F_ref|``, eV/Å.

    Quantiles of the sizes, denser at large forces, which are few and matter for reactions and
    close contacts.

    Parameters
    ----------
    sizes : (n_atoms,) float64
        Norms of the reference forces, eV/Å.

    Returns
    -------
    (n_bins + 1,) float64
        Ascending; fewer bins where sizes coincide.
    """
    return np.unique(np.quantile(sizes, SIZE_QUANTILES))


def _size_masks(sizes: Array) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    limits = force_sizes(sizes)
    if len(limits) < 2:
        yield f"{limits[0]:.2f}", np.ones(len(sizes), dtype=bool)
        return
    bins = np.clip(np.searchsorted(limits, sizes, side="right") - 1, 0, len(limits) - 2)
    for k in range(len(limits) - 1):
        if np.any(bins == k):
            yield f"{limits[k]:.2f} to {limits[k + 1]:.2f}", bins == k


def _energy_row(name: str, values: Array) -> EnergyResiduals:
    return EnergyResiduals(
        name=name,
        n_images=len(values),
        bias=float(values.mean()),
        rmse=float(np.sqrt(np.mean(values**2))),
        mae=float(np.abs(values).mean()),
        largest=float(np.abs(values).max()),
    )


def _force_row(name: str, forces: Array, reference: Array) -> ForceResiduals:
    errors = forces - reference
    norm = float(np.sum(reference**2))
    return ForceResiduals(
        name=name,
        n_atoms=len(forces),
        rmse=float(np.sqrt(np.mean(errors**2))),
        mae=float(np.abs(errors).mean()),
        largest=float(np.abs(errors).max()),
        reference_rms=float(np.sqrt(np.mean(reference**2))),
        slope=float(np.sum(forces * reference)) / norm if norm > 0.0 else float("nan"),
    )
