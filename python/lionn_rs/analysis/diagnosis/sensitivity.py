"""How much every feature moves the energies and forces of a potential."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from lionn_rs.analysis._records import Record
from lionn_rs.analysis.diagnosis.fingerprint_statistics import feature_labels
from lionn_rs.errors import DataError
from lionn_rs.progress import progress as progress_display
from lionn_rs.scaling import min_max_scaling

if TYPE_CHECKING:
    from ase import Atoms
    from numpy.typing import NDArray

    from lionn_rs.potential import Potential

    Array = NDArray[np.float64]

__all__ = ["ElementNetwork", "FeatureSensitivity", "element_networks", "sensitivity"]

FORCE_IMAGES: Final = 8
"""Images on which forces are compared; every feature of every element costs one evaluation each."""


@dataclass(frozen=True)
class FeatureSensitivity(Record):
    """Influence of one feature on energies and forces.

    Attributes
    ----------
    element : str
        Center element.
    index : int
        Position in the fingerprint.
    label : str
        What the feature is, for people.
    gradient : float
        Mean of ``|dE_i/ds|`` over the atoms, eV; ``s`` is the scaled feature.
    spread : float
        Standard deviation of ``s`` over the atoms.
    energy : float
        ``gradient · spread``, eV: what the feature moves the atomic energy by, to first order.
    force : float or None
        Root mean square change of the force components when the feature is frozen at its mean for
        all atoms of the element, eV/Å.
    """

    element: str
    index: int
    label: str
    gradient: float
    spread: float
    energy: float
    force: float | None


@dataclass(frozen=True, eq=False)
class ElementNetwork:
    """Scaling and network of one element, evaluated in NumPy.

    Attributes
    ----------
    factor, offset : (n_features,) float64
        Scaling ``s = factor · G + offset``.
    weights : list of (n_in + 1, n_out) float64
        One matrix per layer, the last row holds the biases.
    activations : list of str
        One per layer.
    intercept, slope : float
        Atomic energy = slope times output plus intercept, eV.
    """

    factor: Array
    offset: Array
    weights: list[Array]
    activations: list[str]
    intercept: float
    slope: float

    @classmethod
    def from_document(cls, network: dict[str, Any]) -> ElementNetwork:
        """Take one entry of ``networks`` of a potential file."""
        factor, offset = min_max_scaling(network["min"], network["max"])
        return cls(
            factor=factor,
            offset=offset,
            weights=[np.array(layer) for layer in network["weights"]],
            activations=list(network["activations"]),
            intercept=float(network["intercept"]),
            slope=float(network["slope"]),
        )

    def scale(self, fingerprints: Array) -> Array:
        """Scaled features, (n_atoms, n_features)."""
        return np.asarray(self.factor * fingerprints + self.offset)

    def energies(self, fingerprints: Array) -> tuple[Array, Array]:
        """Atomic energies, and their derivatives by the scaled features.

        Parameters
        ----------
        fingerprints : (n_atoms, n_features) float64

        Returns
        -------
        energies : (n_atoms,) float64
            eV; without short-range repulsion.
        gradients : (n_atoms, n_features) float64
            ``dE_i/ds``, eV.
        """
        values = self.scale(fingerprints)
        nodes = []
        for weights, activation in zip(self.weights, self.activations, strict=True):
            values = _ACTIVATIONS[activation][0](values @ weights[:-1] + weights[-1])
            nodes.append(values)
        gradient = np.ones_like(values)
        for weights, activation, node in zip(
            reversed(self.weights), reversed(self.activations), reversed(nodes), strict=True
        ):
            gradient = (gradient * _ACTIVATIONS[activation][1](node)) @ weights[:-1].T
        return self.slope * values[:, 0] + self.intercept, self.slope * gradient


_ACTIVATIONS: Final[dict[str, tuple[Any, Any]]] = {
    "tanh": (np.tanh, lambda y: 1.0 - y**2),
    "sigmoid": (lambda x: 1.0 / (1.0 + np.exp(-x)), lambda y: y * (1.0 - y)),
    "linear": (lambda x: x, np.ones_like),
}
"""Value, and derivative as a function of the value."""


def element_networks(potential: Potential) -> dict[str, ElementNetwork]:
    """Networks of a potential by element."""
    document = potential.core.document()
    return {e: ElementNetwork.from_document(n) for e, n in document["networks"].items()}


def sensitivity(
    potential: Potential,
    fingerprints: dict[str, Array],
    images: Sequence[Atoms] = (),
    *,
    max_force_images: int = FORCE_IMAGES,
    seed: int = 0,
    progress: bool = False,
) -> list[FeatureSensitivity]:
    """Influence of every feature on atomic energies and on forces.

    On energies, to first order (the saliency times the spread of the feature) ::

        <|dE_i/ds_k|>_i · std_i(s_k)

    with averages over the atoms of one element. It does not change when a feature is scaled. On
    forces, by freezing: the root mean square of ``F - F_k`` over the components of some images,
    with ``F_k`` the forces of the potential whose network of that element sees the mean of
    ``s_k`` instead of ``s_k``. Features that resemble each other share their influence: a small
    value does not mean that a feature can go together with its like.

    Parameters
    ----------
    potential : Potential
    fingerprints : dict of str to (n_atoms, n_features) float64
        Of the training images, from
        :func:`~lionn_rs.analysis.diagnosis.fingerprint_statistics.collect_fingerprints`.
    images : sequence of ase.Atoms
        Images for the forces; without them ``force`` is None.
    max_force_images : int
        Take so many of them at random if there are more.
    seed : int
        Seed of that choice.
    progress : bool
        Show progress.

    Returns
    -------
    list of FeatureSensitivity
        Sorted by element and index.

    Raises
    ------
    DataError
        If fingerprints are of an element the potential does not know, or of another descriptor.

    References
    ----------
    Saliency: Simonyan, Vedaldi and Zisserman, arXiv:1312.6034 (2013), section 3.
    """
    networks = element_networks(potential)
    labels = feature_labels(potential.descriptor)
    _check(fingerprints, networks, labels)
    means = {e: networks[e].scale(values).mean(axis=0) for e, values in fingerprints.items()}
    forces = _frozen_forces(
        potential, networks, means, _choose(images, max_force_images, seed), progress=progress
    )
    rows = []
    for element in sorted(fingerprints):
        network, values = networks[element], fingerprints[element]
        gradient = np.abs(network.energies(values)[1]).mean(axis=0)
        spread = network.scale(values).std(axis=0)
        for k, label in enumerate(labels[element]):
            rows.append(
                FeatureSensitivity(
                    element=element,
                    index=k,
                    label=label,
                    gradient=float(gradient[k]),
                    spread=float(spread[k]),
                    energy=float(gradient[k] * spread[k]),
                    force=None if forces is None else float(forces[element][k]),
                )
            )
    return rows


def _check(
    fingerprints: dict[str, Array],
    networks: dict[str, ElementNetwork],
    labels: dict[str, list[str]],
) -> None:
    for element, values in fingerprints.items():
        if element not in networks:
            raise DataError(
                f"fingerprints of {element}, but the potential knows {', '.join(networks)}"
            )
        if values.shape[1] != len(labels[element]):
            raise DataError(
                f"fingerprints of {element} have {values.shape[1]} features, the potential has "
                f"{len(labels[element])}: they are of another descriptor"
            )


def _choose(images: Sequence[Atoms], n: int, seed: int) -> list[Atoms]:
    if len(images) <= n:
        return list(images)
    picks = np.random.default_rng(seed).choice(len(images), n, replace=False)
    return [images[k] for k in sorted(picks)]


def _frozen_forces(
    potential: Potential,
    networks: dict[str, ElementNetwork],
    means: dict[str, Array],
    images: Sequence[Atoms],
    *,
    progress: bool,
) -> dict[str, Array] | None:
    """Change of the forces when one feature is frozen at its mean, (n_features,) per element."""
    if not images:
        return None
    before = _forces(potential, images)
    flat = potential.parameters
    result: dict[str, Array] = {}
    start = 0
    total = sum(len(mean) for mean in means.values())
    with progress_display("frozen features", total, "features", enabled=progress) as display:
        for element, network in networks.items():
            shape = network.weights[0].shape
            n_parameters = sum(weights.size for weights in network.weights)
            for k in range(len(means.get(element, ()))):
                changed = flat.copy()
                first = changed[start : start + shape[0] * shape[1]].reshape(shape)
                if np.any(first[k] != 0.0):
                    first[-1] += means[element][k] * first[k]
                    first[k] = 0.0
                    difference = _forces(potential.with_parameters(changed), images) - before
                    rms = float(np.sqrt(np.mean(difference**2)))
                else:
                    rms = 0.0
                result.setdefault(element, np.zeros(shape[0] - 1))[k] = rms
                display.advance()
            start += n_parameters
    return result


def _forces(potential: Potential, images: Sequence[Atoms]) -> Array:
    return np.concatenate([potential.evaluate(atoms).forces for atoms in images])
