"""Spread of a committee against its error, and the factor that makes one say the other.

Spread and error of held-out images are compared, energies per image and forces per atom. The error
of a prediction is taken as normal with the variance ``α² σ²``, ``σ²`` the sample variance over the
n members. The best factor is then (Musil et al.)

``α² = mean(error²/σ²)``,

an average that is too large for small committees because ``1/σ²`` is: for ``ν`` degrees of
freedom of ``σ²`` by ``ν/(ν - 2)``, the mean of the inverse chi-square. With ``ν = n - 1`` the
inverse is the factor ``(n - 3)/(n - 1)`` of Imbalzano et al.; the force spread of an atom is pooled
over its three components, ``ν = 3 (n - 1)``. Their term ``-1/n`` is left out: it belongs to the
spread of the members about the truth, here the error of the mean is wanted. Where ``ν`` is at most
:data:`FEWEST_DOF` that average hangs on the few smallest spreads, and the ratio of the means is
taken: ``α² = mean(error²)/mean(σ²)``.

References
----------
F. Musil, M. J. Willatt, M. A. Langovoy, M. Ceriotti, J. Chem. Theory Comput. 15, 906 (2019),
doi 10.1021/acs.jctc.8b00959.
G. Imbalzano, Y. Zhuang, V. Kapil, K. Rossi, E. A. Engel, F. Grasselli, M. Ceriotti, J. Chem. Phys.
154, 074102 (2021), doi 10.1063/5.0036522.
D. Levi, L. Gispan, N. Giladi, E. Fetaya, Sensors 22, 5540 (2022), doi 10.3390/s22155540 (ENCE).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from lionn_rs.committee import Committee, atom_force_std
from lionn_rs.data.images import LabeledImage, label_images
from lionn_rs.errors import DataError

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["Agreement", "Calibration", "SpreadErrors", "calibrate", "fit_scale", "spread_errors"]

Array = NDArray[np.float64]

FEWEST_DOF: Final = 4
"""Degrees of freedom of a sample variance up to which error²/σ² has no finite variance."""
N_BINS: Final = 10
"""Bins of equal population of the reliability diagram."""
FEWEST_PER_BIN: Final = 5


@dataclass(frozen=True, eq=False)
class SpreadErrors:
    """Spreads beside errors of one quantity.

    Attributes
    ----------
    spread : (n,) float64
        Spread of every prediction.
    error : (n, n_components) float64
        Errors that belong to it: one for an energy, three for a force.
    dof : int
        Degrees of freedom of the squared spread.
    """

    spread: Array
    error: Array
    dof: int

    @property
    def rms_error(self) -> Array:
        """Error of every prediction, root mean square over components."""
        return np.asarray(np.sqrt(np.mean(np.square(self.error), axis=1)))

    def scaled(self, factor: float) -> SpreadErrors:
        """Return the same errors with spreads times ``factor``."""
        return replace(self, spread=factor * self.spread)

    def bins(self, n_bins: int = N_BINS) -> tuple[Array, Array]:
        """RMS spread and RMS error in bins of equal population along the spread."""
        n_bins = max(1, min(n_bins, len(self.spread) // FEWEST_PER_BIN))
        parts = np.array_split(np.argsort(self.spread, kind="stable"), n_bins)
        spread = [np.sqrt(np.mean(np.square(self.spread[part]))) for part in parts]
        error = [np.sqrt(np.mean(np.square(self.error[part]))) for part in parts]
        return np.array(spread), np.array(error)


@dataclass(frozen=True)
class Agreement:
    """How well a spread says how large the error is.

    Attributes
    ----------
    n : int
        Predictions.
    rmse, rms_spread : float
        Root mean squares of errors and spreads; equal if the spread is right on average.
    ence : float
        Expected normalized calibration error: mean over bins along the spread of
        ``|RMSE - RMS spread|/RMS spread`` (Levi et al.); 0 is perfect.
    within_1, within_2 : float
        Part of the errors (of components) smaller than one and two spreads; normal: 0.683, 0.954.
    rank_correlation : float
        Spearman's coefficient of spread and absolute error; no factor changes it.
    """

    n: int
    rmse: float
    rms_spread: float
    ence: float
    within_1: float
    within_2: float
    rank_correlation: float

    @classmethod
    def of(cls, pairs: SpreadErrors) -> Agreement:
        """Compare spreads with errors."""
        from scipy.stats import spearmanr

        spread, error = pairs.bins()
        size = np.abs(pairs.error)
        with np.errstate(divide="ignore", invalid="ignore"):
            ence = float(np.mean(np.abs(error - spread) / spread))
        constant = np.ptp(pairs.spread) == 0.0 or np.ptp(pairs.rms_error) == 0.0
        return cls(
            n=len(pairs.spread),
            rmse=float(np.sqrt(np.mean(np.square(pairs.error)))),
            rms_spread=float(np.sqrt(np.mean(np.square(pairs.spread)))),
            ence=ence,
            within_1=float(np.mean(size <= pairs.spread[:, None])),
            within_2=float(np.mean(size <= 2.0 * pairs.spread[:, None])),
            rank_correlation=float("nan")
            if constant
            else float(spearmanr(pairs.spread, pairs.rms_error).statistic),
        )

    def describe(self, unit: str, factor: float = 1.0) -> str:
        """One line; ``factor`` turns eV into ``unit``."""
        return (
            f"RMSE {factor * self.rmse:.3g} {unit}, spread {factor * self.rms_spread:.3g} {unit}, "
            f"ENCE {self.ence:.2f}, within 1σ {100 * self.within_1:.0f} %, "
            f"2σ {100 * self.within_2:.0f} %, rank correlation {self.rank_correlation:.2f}"
        )


@dataclass(frozen=True)
class Calibration:
    """Factors of the spread, and what they rest on.

    Attributes
    ----------
    energy, force : float
        Factors α.
    n_images, n_atoms : int
        Images and atoms of the fit.
    n_members : int
        Members of the committee.
    """

    energy: float
    force: float
    n_images: int
    n_atoms: int
    n_members: int


def spread_errors(
    committee: Committee, images: Sequence[Atoms | LabeledImage]
) -> dict[str, SpreadErrors]:
    """Spreads and errors of a committee on labeled images, with the factors the committee has.

    Parameters
    ----------
    committee : Committee
    images : sequence of ase.Atoms or LabeledImage

    Returns
    -------
    dict
        ``"energy"``: per atom of each image, eV/atom; ``"force"``: per atom, eV/Å, if the images
        have forces.

    Raises
    ------
    DataError
        Without images, for missing labels or elements the potential does not know.
    """
    labeled = label_images(images)
    if not labeled:
        raise DataError("spread_errors: no images")
    energy_spread, energy_error, force_spread, force_error = [], [], [], []
    for image in labeled:
        a, b, c = (bool(p) for p in image.pbc)
        result = committee.core.assess(image.cell, (a, b, c), image.numbers, image.positions)
        energy_spread.append(result["energy_std"] / image.n_atoms)
        energy_error.append((result["energy"] - image.energy) / image.n_atoms)
        if image.forces is not None:
            force_spread.append(atom_force_std(result["force_std"]))
            force_error.append(result["forces"] - image.forces)
    dof = committee.n_members - 1
    pairs = {"energy": SpreadErrors(np.array(energy_spread), np.array(energy_error)[:, None], dof)}
    if force_spread:
        pairs["force"] = SpreadErrors(
            np.concatenate(force_spread), np.concatenate(force_error), 3 * dof
        )
    return pairs


def fit_scale(pairs: SpreadErrors) -> float:
    """Factor α of the spread (see the module).

    Raises
    ------
    DataError
        If the spreads or the errors are all zero, or not finite.
    """
    squares, variance = np.mean(np.square(pairs.error), axis=1), np.square(pairs.spread)
    if pairs.dof > FEWEST_DOF and bool(np.all(variance > 0.0)):
        factor = np.mean(squares / variance) * (pairs.dof - 2) / pairs.dof
    else:
        factor = np.mean(squares) / np.mean(variance) if np.any(variance > 0.0) else np.nan
    if not (np.isfinite(factor) and factor > 0.0):
        raise DataError(
            "calibration: spreads or errors are zero or not finite on all images; "
            "are the members different?"
        )
    return float(np.sqrt(factor))


def calibrate(
    committee: Committee, images: Sequence[Atoms | LabeledImage]
) -> tuple[Committee, Calibration]:
    """Fit the factors of the spread to the errors on images that were not trained on.

    Parameters
    ----------
    committee : Committee
        Factors it has already are set aside.
    images : sequence of ase.Atoms or LabeledImage
        Validation images; not the test images, on which the result is to be judged.

    Returns
    -------
    Committee
        The same members with the new factors, also in its metadata.
    Calibration

    Raises
    ------
    DataError
        Without images, or if spreads or errors are all zero.
    """
    labeled = label_images(images)
    pairs = spread_errors(committee.with_spread_scale(1.0, 1.0), labeled)
    energy = fit_scale(pairs["energy"])
    force = fit_scale(pairs["force"]) if "force" in pairs else 1.0
    n_atoms = sum(image.n_atoms for image in labeled)
    found = Calibration(energy, force, len(labeled), n_atoms, committee.n_members)
    result = committee.with_spread_scale(energy, force)
    result.metadata = {**committee.metadata, "calibration": record(found)}
    return result, found


def record(calibration: Calibration) -> dict[str, Any]:
    """Calibration as metadata of a potential file."""
    return {
        "energy_factor": calibration.energy,
        "force_factor": calibration.force,
        "n_images": calibration.n_images,
        "n_atoms": calibration.n_atoms,
    }
