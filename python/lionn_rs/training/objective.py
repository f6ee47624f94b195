"""Loss and gradient of training and validation images as optimizers and driver want them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lionn_rs import _core
from lionn_rs.data.images import ImageArrays, LabeledImage
from lionn_rs.descriptors import Descriptor
from lionn_rs.errors import ConfigError, SimulationError
from lionn_rs.training.contraction import ContractionParameters
from lionn_rs.training.line_search import Vector
from lionn_rs.training.memory import Precision

Report = dict[str, float]


@dataclass(frozen=True)
class LossWeights:
    """Weights of the terms of the loss.

    ``L = sum_images w [w_E ((E - E_ref)/N)² + w_F/(3N) sum |F - F_ref|² + w_S/9 sum (σ -
    σ_ref)²]``, the loss of AMP with an optional stress term over all nine components.

    Attributes
    ----------
    energy : float
        ``w_E``, 1/eV².
    force : float
        ``w_F``, Å²/eV².
    stress : float
        ``w_S``, Å⁶/eV².

    References
    ----------
    Khorshidi and Peterson, Comput. Phys. Commun. 207, 310 (2016), doi 10.1016/j.cpc.2016.05.010.
    """

    energy: float = 1.0
    force: float = 0.04
    stress: float = 0.0

    def __post_init__(self) -> None:
        for name in ("energy", "force", "stress"):
            value = getattr(self, name)
            if not (np.isfinite(value) and value >= 0.0):
                raise ConfigError(f"loss weight '{name}' must be zero or positive, got {value}")
        if self.energy + self.force + self.stress == 0.0:
            raise ConfigError(
                "at least one of the loss weights energy, force, stress must be positive"
            )


def prepare_images(
    images: Sequence[LabeledImage],
    descriptor: Descriptor,
    *,
    loss: LossWeights,
    precision: Precision = "float32",
    max_bytes: int | None = None,
    needs_stress: bool = True,
    progress: Callable[[int], object] | None = None,
) -> tuple[_core.TrainingSet, ImageArrays]:
    """Compute fingerprints and derivatives of images.

    Images may lack stresses; with ``needs_stress`` at least one must have one if the loss asks for
    it.

    Raises
    ------
    ConfigError
        If the loss asks for forces or stresses that no image has.
    DataError
        For unknown elements and values that are not finite.
    """
    arrays = ImageArrays.pack(images)
    if loss.force > 0.0 and arrays.forces is None:
        raise ConfigError(
            "the images have no forces; set the weight of the forces to 0 (force_weight = 0 in "
            "[training], LossWeights(force=0) in Python)"
        )
    if loss.stress > 0.0 and arrays.stresses is None and needs_stress:
        raise ConfigError(
            "no image has a stress; set the weight of the stress to 0 (stress_weight = 0 in "
            "[training], LossWeights(stress=0) in Python)"
        )
    prepared = _core.TrainingSet(
        descriptor.core,
        **arrays.structure_arguments(),
        energies=arrays.energies,
        forces=arrays.forces,
        stresses=arrays.stresses,
        weights=arrays.weights,
        precision=precision,
        use_forces=arrays.forces is not None and loss.force > 0.0,
        use_stress=loss.stress > 0.0,
        max_bytes=max_bytes,
        progress=progress,
    )
    return prepared, arrays


class Objective:
    """``parameters -> (loss, gradient)`` over prepared images; keeps the errors of recent points.

    Parameters
    ----------
    images : _core.TrainingSet
        Prepared images.
    potential : _core.NeuralPotential
        Descriptor, scalings and topologies.
    loss : LossWeights
        Weights of the terms.
    l2 : float
        Penalty on the sum of squared network weights (biases, slopes and intercepts are free).
    contraction : ContractionParameters, optional
        Makes the contraction of a power spectrum a part of the parameters.

    Attributes
    ----------
    failure : str
        Why the latest point had no finite loss; empty if it had one.
    """

    def __init__(
        self,
        images: _core.TrainingSet,
        potential: _core.NeuralPotential,
        loss: LossWeights,
        l2: float = 0.0,
        contraction: ContractionParameters | None = None,
    ) -> None:
        self.images = images
        self.potential = potential
        self.weights = (loss.energy, loss.force, loss.stress, l2)
        self.contraction = contraction
        self.failure = ""
        self._recent: dict[bytes, Report] = {}

    def __call__(self, parameters: Vector) -> tuple[float, Vector]:
        """Loss and gradient.

        Parameters that give no finite energies or forces count as infinite loss, from which a line
        search steps back; :attr:`failure` then says which image and atom it was.
        """
        try:
            report, gradient = self._evaluate(parameters, None)
        except (ConfigError, SimulationError) as error:
            self.failure = str(error)
            return np.inf, np.full_like(parameters, np.inf)
        self.failure = ""
        self._recent[parameters.tobytes()] = report
        return report["loss"], gradient

    def batch(self, parameters: Vector, images: NDArray[np.intp]) -> tuple[Report, Vector]:
        """Loss (infinite as above where there is none) and errors of some images, and gradient.

        The sums over the batches of a partition of the images are those of all images.
        """
        try:
            report, gradient = self._evaluate(parameters, images.tolist())
        except (ConfigError, SimulationError) as error:
            self.failure = str(error)
            return {"loss": np.inf}, np.full_like(parameters, np.inf)
        self.failure = ""
        return report, gradient

    def _evaluate(self, parameters: Vector, selection: list[int] | None) -> tuple[Report, Vector]:
        if self.contraction is None:
            return self.images.loss_and_gradient(
                self.potential, parameters, self.weights, selection
            )
        potential, networks = self.contraction.at(self.potential, parameters)
        report, raw = self.images.loss_and_gradient(
            potential, networks, self.weights, selection, learn=True
        )
        return report, self.contraction.gradient(raw, networks.size)

    @property
    def layers(self) -> list[tuple[int, int, int]]:
        """Start in the parameter vector, rows (inputs, then the bias) and columns of each layer."""
        layers = []
        start = 0
        networks = self.potential.document()["networks"]
        for element in self.potential.elements:
            for matrix in networks[element]["weights"]:
                rows, columns = np.shape(matrix)
                layers.append((start, rows, columns))
                start += rows * columns
        if self.contraction is not None:
            layers += self.contraction.layers(self.potential.parameters.size)
        return layers

    @property
    def n_images(self) -> int:
        """Number of images."""
        return self.images.n_images

    @property
    def n_residuals(self) -> int:
        """Number of squares in the loss if every image has all labels; penalty left out."""
        energy, force, stress, _ = self.weights
        per_image = (energy > 0.0) + 6 * (stress > 0.0)
        return per_image * self.images.n_images + 3 * (force > 0.0) * self.images.n_atoms

    def gauss_newton(self, parameters: Vector, images: NDArray[np.intp]) -> _core.GaussNewton:
        """``JᵀJ`` of the residuals whose squares are the loss, from some images.

        Parameters
        ----------
        parameters : (n_parameters,) float64
        images : (n,) int
            Numbers of the images; the sum over them is multiplied by ``n_images / n``.
        """
        matrix = _core.GaussNewton(parameters.size)
        factor = self.images.n_images / len(images)
        matrix.add(self.images, self.potential, parameters, self.weights, images.tolist(), factor)
        return matrix

    def report(self, parameters: Vector) -> Report:
        """Loss, its parts and the errors at a point; forgets the other points."""
        report = self._recent.get(parameters.tobytes())
        if report is None:
            at = (self.potential, parameters)
            if self.contraction is not None:
                at = self.contraction.at(*at)
            report = self.images.loss(*at, self.weights)
        self._recent = {parameters.tobytes(): report}
        return report
