"""Learning the contraction of a power spectrum together with the networks.

The contraction ``W`` of :class:`~lionn_rs.density.PowerSpectrum` decides which combinations of
elements and radial functions the networks can see. Principal components keep what varies most; what
matters for energies and forces is learned here, as the radial functions of moment tensor potentials
(Shapeev, Multiscale Model. Simul. 14, 1153 (2016), doi 10.1137/15M1054183) and of neuroevolution
potentials (Fan et al., Phys. Rev. B 104, 104309 (2021), doi 10.1103/PhysRevB.104.104309) are.

``W = V P``, where the rows of ``P`` are all principal components of the coefficients in units of
their standard deviation and ``V`` is learned: in these coordinates all directions are alike. The
numbers of ``V`` follow those of the networks in the parameter vector, center by center and degree
by degree, one row for each component and one column for each channel.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers
from numpy.typing import NDArray

from lionn_rs import _core
from lionn_rs.density import PowerSpectrum, density_samples, principal_components
from lionn_rs.errors import ConfigError
from lionn_rs.training.line_search import Vector
from lionn_rs.training.narrow import Ranges, widen

if TYPE_CHECKING:
    from lionn_rs.data.images import LabeledImage
    from lionn_rs.descriptors import Descriptor

Matrix = NDArray[np.float64]


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
        self.components: list[list[Matrix]] = []
        start: list[Matrix] = []
        structures = [
            Atoms(i.numbers, positions=i.positions, cell=i.cell, pbc=i.pbc) for i in images
        ]
        samples = density_samples(descriptor, structures, seed)
        for element in descriptor.elements:
            own = [principal_components(a, a.shape[1]) for a in samples[element]]
            self.components.append(own)
            for w, p in zip(self.spec["contraction"][element], own, strict=True):
                matrix = np.reshape(w, (len(w), p.shape[1]))
                start.append((matrix @ np.linalg.pinv(p)).T)
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
        values = self._matrices(parameters[-self.start.size :])
        contraction = {}
        for element, own in zip(self.spec["elements"], self.components, strict=True):
            contraction[element] = [(next(values).T @ p).tolist() for p in own]
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
        minima, maxima = widen(*_ranges(descriptor, images), min_feature_range)
        return with_ranges(template, descriptor, self.networks(parameters), minima, maxima)

    def networks(self, parameters: Vector) -> Vector:
        """Return the part of the networks."""
        return np.ascontiguousarray(parameters[: -self.start.size])

    def gradient(self, raw: Vector, n_networks: int) -> Vector:
        """From derivatives with respect to ``W`` to those with respect to ``V``."""
        parts = [raw[:n_networks]]
        position = n_networks
        shapes = iter(self.shapes)
        for own in self.components:
            for p in own:
                _, n_channels = next(shapes)
                size = n_channels * p.shape[1]
                of_w = raw[position : position + size].reshape(n_channels, p.shape[1])
                parts.append((p @ of_w.T).ravel())
                position += size
        return np.concatenate(parts)

    def _matrices(self, flat: Vector) -> _Matrices:
        return _Matrices(flat, self.shapes)


class _Matrices:
    """Matrices cut one after the other from a flat vector."""

    def __init__(self, flat: Vector, shapes: Sequence[tuple[int, ...]]) -> None:
        self.flat = flat
        self.shapes = iter(shapes)
        self.position = 0

    def __next__(self) -> Matrix:
        shape = next(self.shapes)
        size = int(np.prod(shape))
        self.position += size
        return self.flat[self.position - size : self.position].reshape(shape)


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
        old_factor, old_offset = _scaling(network["min"], network["max"])
        factor, offset = _scaling(low, high)
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


CONSTANT_RANGE = 1e-8
"""Narrower ranges are left unscaled (the core does so, and AMP)."""


def _scaling(
    low: Sequence[float], high: Sequence[float]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Factor and offset of ``s = factor G + offset``, -1 to 1 over the range."""
    minimum, width = np.asarray(low), np.asarray(high) - np.asarray(low)
    scaled = width > CONSTANT_RANGE
    safe = np.where(scaled, width, 1.0)
    return np.where(scaled, 2.0 / safe, 1.0), np.where(scaled, -1.0 - 2.0 * minimum / safe, 0.0)


def _ranges(descriptor: _core.Descriptor, images: Sequence[LabeledImage]) -> tuple[Ranges, Ranges]:
    """Smallest and largest value of every feature of every element over images."""
    numbers = [atomic_numbers[element] for element in descriptor.elements]
    minima = [np.full(n, np.inf) for n in descriptor.n_features]
    maxima = [np.full(n, -np.inf) for n in descriptor.n_features]
    for image in images:
        a, b, c = (bool(p) for p in image.pbc)
        rows = descriptor.fingerprints(image.cell, (a, b, c), image.numbers, image.positions)
        for number, row in zip(image.numbers, rows, strict=True):
            e = numbers.index(number)
            np.minimum(minima[e], row, out=minima[e])
            np.maximum(maxima[e], row, out=maxima[e])
    for low, high in zip(minima, maxima, strict=True):
        if not np.isfinite(low).all():
            low[:], high[:] = 0.0, 0.0
    return [low.tolist() for low in minima], [high.tolist() for high in maxima]
