"""The neural-network potential as a user sees it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lionn_rs import _core
from lionn_rs.descriptors import Descriptor
from lionn_rs.errors import ModelFileError, SimulationError
from lionn_rs.model_format import content_hash, read_document, write_document
from lionn_rs.structure_arrays import structure_arrays

if TYPE_CHECKING:
    from ase import Atoms
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Evaluation:
    """Energy, forces and stress of one structure.

    Attributes
    ----------
    energy : float
        Potential energy, eV.
    energies : (n_atoms,) float64
        Atomic energies, eV; their sum is the energy.
    forces : (n_atoms, 3) float64
        Forces, eV/Å.
    stress : (3, 3) float64 or None
        Stress, eV/Å³, positive = tension as in ASE; None unless the cell is periodic in three
        directions.
    virial : (3, 3) float64
        ``W = -V·stress``, eV.
    n_extrapolating : int
        Atoms whose fingerprint leaves the range of the training set.
    worst_extrapolation : float
        Largest excess beyond a range in units of its width.
    worst_atom : int or None
        The atom with that excess.
    extrapolation : Extrapolation
        The same for every atom, and the distance to the training environments.
    """

    energy: float
    energies: NDArray[np.float64]
    forces: NDArray[np.float64]
    stress: NDArray[np.float64] | None
    virial: NDArray[np.float64]
    n_extrapolating: int
    worst_extrapolation: float
    worst_atom: int | None
    extrapolation: Extrapolation


@dataclass(frozen=True)
class Extrapolation:
    """How far the environment of every atom lies from those of the training set.

    Attributes
    ----------
    excess : (n_atoms,) float64
        Largest excess of a feature beyond its training range, in units of the width of the range; 0
        inside.
    feature : (n_atoms,) int64
        The feature with that excess, counted as in the fingerprint of the element; -1 inside.
    grade : (n_atoms,) float64 or None
        Distance from the training environments of the element in the metric of their covariance, in
        units of the farthest of them: above 1 an environment is farther out than anything in
        training (see :mod:`lionn_rs.training.training_range`). None for files without this
        information.
    """

    excess: NDArray[np.float64]
    feature: NDArray[np.int64]
    grade: NDArray[np.float64] | None


class BasePotential:
    """What one potential and a committee have in common.

    Attributes
    ----------
    core : _core.NeuralPotential or _core.Committee
        The compiled potential.
    metadata : dict
        Training provenance; any JSON-compatible mapping.
    """

    core: _core.NeuralPotential | _core.Committee
    metadata: dict[str, Any]

    def save(self, path: str | Path, *, force: bool = False) -> None:
        """Write the potential file, whole or not at all.

        Raises
        ------
        ModelFileError
            If the file exists and ``force`` is not set.
        """
        write_document(Path(path), {**self._document(), "metadata": self.metadata}, force=force)

    def _document(self) -> dict[str, Any]:
        return self.core.document()

    @property
    def elements(self) -> list[str]:
        """Element symbols, sorted."""
        return self.core.elements

    @property
    def cutoff(self) -> float:
        """Cutoff radius, Å."""
        return self.core.cutoff

    @property
    def descriptor(self) -> Descriptor:
        """The descriptor."""
        return Descriptor._wrap(self.core.descriptor)

    @property
    def repulsion(self) -> list[tuple[str, str, float, float]]:
        """Pairs with short-range repulsion: ``(element, element, inner, outer)``, Å.

        Below ``outer``, which lies under the shortest distance of the training images, the screened
        nuclear repulsion of Ziegler, Biersack and Littmark (The Stopping and Range of Ions in
        Matter, Pergamon 1985) is switched on smoothly; from ``inner`` down it acts in full. For
        pairs that never meet in the images ``outer`` is 0.7 of the sum of the covalent radii.
        """
        return self.core.repulsion

    @property
    def hash(self) -> str:
        """SHA-256 of everything that determines energies and forces."""
        return content_hash(self._document())

    @property
    def training_range(self) -> dict[str, Any] | None:
        """Training environments of every element (:mod:`lionn_rs.training.training_range`)."""
        return self.core.training_range

    def evaluate(self, atoms: Atoms) -> Evaluation:
        """Energy, forces and stress of a structure."""
        raise NotImplementedError

    def extrapolation(self, atoms: Atoms) -> Extrapolation:
        """How far the environment of every atom lies from those of the training set.

        Parameters and errors are those of :meth:`evaluate`.
        """
        return extrapolation_of(self.core.assess(*structure_arrays(atoms)))


class Potential(BasePotential):
    """A Behler-Parrinello neural-network potential.

    ``E = sum_i [slope_e · net_e(s(G_i)) + intercept_e]`` with one network per element e. Made by
    :func:`lionn_rs.train` or :meth:`load`; immutable apart from ``metadata``.

    Parameters
    ----------
    core : _core.NeuralPotential
        The compiled potential.
    metadata : dict, optional
        Training provenance; any JSON-compatible mapping.

    References
    ----------
    Behler and Parrinello, Phys. Rev. Lett. 98, 146401 (2007), doi 10.1103/PhysRevLett.98.146401.
    """

    core: _core.NeuralPotential

    def __init__(self, core: _core.NeuralPotential, metadata: dict[str, Any] | None = None) -> None:
        self.core = core
        self.metadata = dict(metadata or {})

    @classmethod
    def load(cls, path: str | Path) -> Potential:
        """Read a potential file; :func:`lionn_rs.load` reads committees too.

        Raises
        ------
        ModelFileError
            If the file is missing, damaged, of a version this lionn_rs does not read, or holds a
            committee.
        """
        core, metadata = read_core(path)
        if not isinstance(core, _core.NeuralPotential):
            raise ModelFileError(
                f"{path}: a committee of {len(core.members)} potentials, not one; "
                "read it with lionn_rs.load"
            )
        return cls(core, metadata)

    @property
    def parameters(self) -> NDArray[np.float64]:
        """The flat parameter vector ``(n_parameters,)``, a copy.

        Order as in AMP: elements sorted by symbol, layers ascending, each weight matrix row by row
        with the bias row last; then intercept and slope of each element.
        """
        return self.core.parameters

    def with_parameters(self, parameters: NDArray[np.float64]) -> Potential:
        """Return the same potential with other parameters ``(n_parameters,)``.

        Raises
        ------
        ShapeError
            For a wrong length.
        ConfigError
            For a value that is not finite.
        """
        flat = [float(p) for p in parameters]
        return Potential(self.core.with_parameters(flat), self.metadata)

    def evaluate(self, atoms: Atoms) -> Evaluation:
        """Energy, forces and stress of a structure.

        Parameters
        ----------
        atoms : ase.Atoms
            Any cell and periodicity; the cell may be smaller than the cutoff.

        Returns
        -------
        Evaluation
            Energy (eV), atomic energies (eV), forces (eV/Å), stress (eV/Å³).

        Raises
        ------
        DataError
            For an element the potential was not trained on, coinciding atoms or positions that are
            not finite.
        SimulationError
            Energy or forces are not finite.
        """
        result = self.core.assess(*structure_arrays(atoms))
        return Evaluation(**evaluation_fields(result, atoms))

    def __repr__(self) -> str:
        elements = ", ".join(self.elements)
        return f"Potential({elements}; cutoff {self.cutoff:g} Å; {len(self.parameters)} parameters)"


def read_core(path: str | Path) -> tuple[_core.NeuralPotential | _core.Committee, dict[str, Any]]:
    """Compiled potential or committee of a file, and its metadata.

    Raises
    ------
    ModelFileError
        If the file is missing, damaged, or of a version this lionn_rs does not read.
    """
    path = Path(path)
    document = read_document(path)
    try:
        core, metadata = _core.read_model(document)
    except ModelFileError as error:
        raise ModelFileError(f"{path}: {error}") from None
    if isinstance(core, _core.Committee) and len(core.members) < 2:
        raise ModelFileError(f"{path}: a committee has two members or more, this one has 1")
    if not isinstance(metadata, dict):
        raise ModelFileError(f"{path}: metadata must be an object, got {metadata!r:.40}")
    return core, metadata


def evaluation_fields(result: dict[str, Any], atoms: Atoms) -> dict[str, Any]:
    """Fields of an :class:`Evaluation` from what the core returns.

    Raises
    ------
    SimulationError
        Energy or forces are not finite.
    """
    if not (np.isfinite(result["energy"]) and np.isfinite(result["forces"]).all()):
        raise SimulationError(
            "energy or forces are not finite: atoms nearly at one place, or a damaged potential"
        )
    virial: NDArray[np.float64] = result["virial"]
    stress = -0.5 * (virial + virial.T) / atoms.get_volume() if bool(np.all(atoms.pbc)) else None
    names = ("energy", "energies", "forces", "n_extrapolating", "worst_extrapolation", "worst_atom")
    return {name: result[name] for name in names} | {
        "stress": stress,
        "virial": virial,
        "extrapolation": extrapolation_of(result),
    }


def extrapolation_of(result: dict[str, Any]) -> Extrapolation:
    """Take what the core says about the range of every atom."""
    return Extrapolation(result["excess"], result["feature"], result.get("grade"))
