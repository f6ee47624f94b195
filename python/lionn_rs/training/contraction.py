"""Learning the contraction of a power spectrum together with the networks.

The contraction ``W`` of :class:`~lionn_rs.density.PowerSpectrum` decides which combinations of
elements and radial functions the networks can see. Principal components keep what varies most; what
matters for energies and forces is learned here, as the radial functions of moment tensor potentials
(Shapeev, Multiscale Model. Simul. 14, 1153 (2016), doi 10.1137/15M1054183) and of neuroevolution
potentials (Fan et al., Phys. Rev. B 104, 104309 (2021), doi 10.1103/PhysRevB.104.104309) are.

``W = V P``, where the rows of ``P`` are all principal components of the coefficients and ``V`` is
learned. A row is divided by the square root of its standard deviation: half-way between components
of unit length, of which those that hardly vary would be learned too slowly, and of unit variance,
in which pairs of elements and distances that hardly occur count as much as all others, so that a
network makes much of them and errs far from the training images (docs/explanations/accuracy.md).
The numbers of ``V`` follow those of the networks in the parameter vector, center by center and
degree by degree, one row for each component and one column for each channel.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

from lionn_rs import _core
from lionn_rs.density import PowerSpectrum, density_samples, principal_components
from lionn_rs.errors import ConfigError
from lionn_rs.scaling import min_max_scaling
from lionn_rs.training.line_search import Vector
from lionn_rs.training.narrow import Ranges, widen
from lionn_rs.training.training_range import fingerprints_by_element

if TYPE_CHECKING:
    from lionn_rs.data.images import LabeledImage
    from lionn_rs.descriptors import Descriptor

Matrix = NDArray[np.float64]


WHITENING: Final = 0.5
"""Power of the standard deviation by which components are divided; 1: unit variance."""


class ContractionParameters:
    """The contraction as a part of the parameter vector.

    Parameters
    ----------
    descriptor : PowerSpectrum
        Where learning starts.
    images : sequence of LabeledImage
        Training images, for the principal components.
    seed : int
        Seed of the choice of environments, if there are more than needed.

    Raises
    ------
    ConfigError
        For another descriptor, or one without contraction.
    """

    def __init__(
        self, descriptor: Descriptor, images: Sequence[LabeledImage], *, seed: int = 0
    ) -> None:
        if not isinstance(descriptor, PowerSpectrum) or "contraction" not in descriptor.spec:
            raise ConfigError(
                "learn_contraction needs a power spectrum with a contraction "
                "(PowerSpectrum.fit makes one)"
            )
        self.spec = descriptor.spec
        structures = [
            Atoms(i.numbers, positions=i.positions, cell=i.cell, pbc=i.pbc) for i in images
        ]
        samples = density_samples(descriptor, structures, seed)
        # One for each center and degree, as the matrices V.
        self.components: list[Matrix] = []
        start: list[Matrix] = []
        for element in descriptor.elements:
            for a, w in zip(samples[element], self.spec["contraction"][element], strict=True):
                p = _scaled(principal_components(a, a.shape[1]))
                self.components.append(p)
                start.append((np.reshape(w, (len(w), p.shape[1])) @ np.linalg.pinv(p)).T)
        self.shapes = [v.shape for v in start]
        self.start: Vector = np.concatenate([v.ravel() for v in start])

    def layers(self, n_networks: int) -> list[tuple[int, int, int]]:
        """Start in the parameter vector, rows and columns of every matrix, behind the networks."""
        ends = n_networks + np.cumsum([rows * columns for rows, columns in self.shapes])
        starts = [n_networks, *ends[:-1]]
        return [
            (int(s), *shape) for s, shape in zip(starts, self.shapes, strict=True) if min(shape) > 0
        ]

    def descriptor(self, parameters: Vector) -> _core.Descriptor:
        """Power spectrum at a parameter vector whose end is the contraction."""
        flat = parameters[-self.start.size :]
        ends = np.cumsum([rows * columns for rows, columns in self.shapes])
        matrices = [
            (v.reshape(shape).T @ p).tolist()
            for v, shape, p in zip(
                np.split(flat, ends[:-1]), self.shapes, self.components, strict=True
            )
        ]
        n_degrees = self.spec["l_max"] + 1
        contraction = {
            element: matrices[e * n_degrees : (e + 1) * n_degrees]
            for e, element in enumerate(self.spec["elements"])
        }
        return _core.Descriptor({**self.spec, "contraction": contraction})

    def at(
        self, potential: _core.NeuralPotential, parameters: Vector
    ) -> tuple[_core.NeuralPotential, Vector]:
        """Potential with the descriptor of a parameter vector, and the part of the networks."""
        return potential.with_descriptor(self.descriptor(parameters)), self.networks(parameters)

    def potential(
        self,
        template: _core.NeuralPotential,
        parameters: Vector,
        images: Sequence[LabeledImage],
        min_feature_range: float,
    ) -> _core.NeuralPotential:
        """Potential at a parameter vector, with the ranges of its features over images."""
        descriptor = self.descriptor(parameters)
        minima, maxima = widen(*_ranges(PowerSpectrum._wrap(descriptor), images), min_feature_range)
        return with_ranges(template, descriptor, self.networks(parameters), minima, maxima)

    def networks(self, parameters: Vector) -> Vector:
        """Return the part of the networks."""
        return np.ascontiguousarray(parameters[: -self.start.size])

    def gradient(self, raw: Vector, n_networks: int) -> Vector:
        """From derivatives with respect to ``W`` to those with respect to ``V``."""
        sizes = [
            n_channels * p.shape[1]
            for (_, n_channels), p in zip(self.shapes, self.components, strict=True)
        ]
        networks, *of_w = np.split(raw, n_networks + np.cumsum([0, *sizes[:-1]]))
        of_v = [
            (p @ w.reshape(-1, p.shape[1]).T).ravel()
            for p, w in zip(self.components, of_w, strict=True)
        ]
        return np.concatenate([networks, *of_v])


def _scaled(components: Matrix) -> Matrix:
    """From components of unit variance to those that are learned; the first keeps its scale."""
    deviations: Vector = 1.0 / np.linalg.norm(components, axis=1)
    factors = (deviations / deviations.max(initial=0.0)) ** (1.0 - WHITENING)
    scaled: Matrix = components * factors[:, None]
    return scaled


def with_ranges(
    potential: _core.NeuralPotential,
    descriptor: _core.Descriptor,
    networks: Vector,
    minima: Sequence[Sequence[float]],
    maxima: Sequence[Sequence[float]],
) -> _core.NeuralPotential:
    """Potential of the same energies whose scaled inputs have other ranges.

    Parameters
    ----------
    potential : NeuralPotential
        Topology, repulsion, and the ranges that ``networks`` belongs to.
    descriptor : Descriptor
        Its descriptor from now on.
    networks : (n_parameters,) float64
        Parameters for the old ranges.
    minima, maxima : (n_elements,) lists of (n_features,) lists
        New ranges of the features, elements sorted by symbol.
    """
    document = potential.document()["networks"]
    flat = networks.copy()
    start = 0
    first = document[potential.elements[0]]
    for element, low, high in zip(potential.elements, minima, maxima, strict=True):
        network = document[element]
        old_factor, old_offset = min_max_scaling(network["min"], network["max"])
        factor, offset = min_max_scaling(low, high)
        rows, columns = np.shape(network["weights"][0])
        weights = flat[start : start + rows * columns].reshape(rows, columns)
        ratio = old_factor / factor
        weights[-1] += (old_offset - ratio * offset) @ weights[:-1]
        weights[:-1] *= ratio[:, None]
        start += sum(int(np.prod(np.shape(matrix))) for matrix in network["weights"])
    hidden = [len(matrix[0]) for matrix in first["weights"][:-1]]
    core = _core.NeuralPotential.assemble(
        descriptor, minima, maxima, hidden, first["activations"], flat.tolist()
    )
    return core.with_repulsion(potential.repulsion)


def _ranges(descriptor: Descriptor, images: Sequence[LabeledImage]) -> tuple[Ranges, Ranges]:
    """Smallest and largest value of every feature of every element over images."""
    low = {element: np.full(n, np.inf) for element, n in descriptor.n_features.items()}
    high = {element: np.full(n, -np.inf) for element, n in descriptor.n_features.items()}
    for element, values in fingerprints_by_element(descriptor, images):
        low[element] = np.minimum(low[element], values.min(axis=0))
        high[element] = np.maximum(high[element], values.max(axis=0))
    # An element without atoms keeps ranges of width zero.
    minima = [np.where(np.isfinite(low[e]), low[e], 0.0).tolist() for e in descriptor.elements]
    maxima = [np.where(np.isfinite(high[e]), high[e], 0.0).tolist() for e in descriptor.elements]
    return minima, maxima
