"""Descriptors: fingerprints of atomic environments.

A fingerprint is a vector of numbers that describes the neighbors of one atom within a cutoff radius
and does not change when the structure is translated, rotated or renumbered.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from lionn_rs import _core
from lionn_rs.cutoffs import Cosine, Cutoff, Polynomial, cutoff_spec
from lionn_rs.errors import ConfigError
from lionn_rs.structure_arrays import structure_arrays

if TYPE_CHECKING:
    from ase import Atoms
    from numpy.typing import NDArray

__all__ = [
    "G2",
    "G4",
    "G5",
    "Cosine",
    "Cutoff",
    "Descriptor",
    "EtaUnit",
    "Gaussian",
    "Polynomial",
    "SymmetryFunction",
    "WeightedG2",
    "WeightedG4",
    "cutoff_spec",
]

EtaUnit = Literal["1/Rc^2", "1/A^2"]


@dataclass(frozen=True)
class G2:
    """Radial symmetry function over the neighbors of one element.

    ``G2 = sum_j exp(-eta (r_ij - Rs)²) fc(r_ij)`` with eta divided by Rc² unless the descriptor
    says otherwise.

    Parameters
    ----------
    neighbor : str
        Symbol of the neighbor element.
    eta : float
        Exponent.
    rs : float
        Center of the Gaussian, Å.
    cutoff : Cosine or Polynomial, optional
        Cutoff of this function where it differs from the descriptor's.

    References
    ----------
    Behler, J. Chem. Phys. 134, 074106 (2011), doi 10.1063/1.3553717, Eq. 6.
    """

    neighbor: str
    eta: float
    rs: float = 0.0
    cutoff: Cutoff | None = None


@dataclass(frozen=True)
class G4:
    """Angular symmetry function with all three distances of a triple.

    ``G4 = 2^(1-zeta) sum_{j<k} (1 + gamma cos t)^zeta R(r_ij) R(r_ik) R(r_jk)`` with
    ``R = exp(-eta (r - Rs)²) fc(r)``.

    Parameters
    ----------
    neighbors : (str, str)
        Symbols of the two neighbor elements, in any order.
    eta, zeta, gamma : float
        Exponent, angular power (at least 1) and sign of the cosine.
    rs : float
        Center of the Gaussians, Å.
    cutoff : Cosine or Polynomial, optional
        Cutoff of this function where it differs from the descriptor's.

    References
    ----------
    Behler, J. Chem. Phys. 134, 074106 (2011), doi 10.1063/1.3553717, Eq. 8.
    """

    neighbors: tuple[str, str]
    eta: float
    zeta: float
    gamma: float
    rs: float = 0.0
    cutoff: Cutoff | None = None


@dataclass(frozen=True)
class G5(G4):
    """Angular symmetry function without the distance between the two neighbors.

    As :class:`G4` without ``R(r_jk)``; Behler (2011), Eq. 9.
    """


@dataclass(frozen=True)
class WeightedG2:
    """:class:`G2` over all neighbors, each multiplied by its atomic number.

    Parameters
    ----------
    eta, rs, cutoff
        As in :class:`G2`.

    References
    ----------
    Gastegger, Schwiedrzik, Bittermann, Berzsenyi, Marquetand, J. Chem. Phys. 148, 241709 (2018),
    doi 10.1063/1.5019667, Eq. 6.
    """

    eta: float
    rs: float = 0.0
    cutoff: Cutoff | None = None


@dataclass(frozen=True)
class WeightedG4:
    """:class:`G4` over all pairs of neighbors, multiplied by the product of their atomic numbers.

    Parameters
    ----------
    eta, zeta, gamma, rs, cutoff
        As in :class:`G4`.

    References
    ----------
    As :class:`WeightedG2`, Eq. 7.
    """

    eta: float
    zeta: float
    gamma: float
    rs: float = 0.0
    cutoff: Cutoff | None = None


SymmetryFunction = G2 | G4 | G5 | WeightedG2 | WeightedG4


class Descriptor:
    """Base class of all descriptors; wraps the compiled one.

    Parameters
    ----------
    spec : mapping
        The ``descriptor`` section of a potential file.

    Raises
    ------
    ConfigError
        If a parameter is unknown or out of range.
    """

    def __init__(self, spec: Mapping[str, Any]) -> None:
        self.core: _core.Descriptor = _core.Descriptor(dict(spec))

    @classmethod
    def _wrap(cls, core: _core.Descriptor) -> Descriptor:
        from lionn_rs.density import PowerSpectrum, Zernike

        kinds = {"gaussian": Gaussian, "zernike": Zernike, "powerspectrum": PowerSpectrum}
        result: Descriptor = object.__new__(kinds[core.spec["type"]])
        result.core = core
        return result

    @property
    def spec(self) -> dict[str, Any]:
        """The descriptor as it stands in a potential file."""
        return self.core.spec

    @property
    def elements(self) -> list[str]:
        """Element symbols, sorted."""
        return self.core.elements

    @property
    def cutoff(self) -> float:
        """Largest cutoff radius, Å."""
        return self.core.cutoff

    @property
    def n_features(self) -> dict[str, int]:
        """Length of the fingerprint of every center element."""
        return dict(zip(self.elements, self.core.n_features, strict=True))

    def fingerprints(self, atoms: Atoms) -> list[NDArray[np.float64]]:
        """Fingerprint of every atom of a structure.

        Parameters
        ----------
        atoms : ase.Atoms
            The structure.

        Returns
        -------
        list of (n_features,) float64
            One array per atom; dimensionless. The length depends on the element of the atom.

        Raises
        ------
        DataError
            If the structure has an element the descriptor does not know, or coinciding atoms.
        """
        return self.core.fingerprints(*structure_arrays(atoms))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Descriptor) and self.spec == other.spec

    def __hash__(self) -> int:
        return hash(repr(self.spec))

    def __repr__(self) -> str:
        counts = ", ".join(f"{e}: {n}" for e, n in self.n_features.items())
        return f"{type(self).__name__}(cutoff {self.cutoff:g} Å; features {counts})"


class Gaussian(Descriptor):
    """Atom-centered Gaussian symmetry functions.

    Parameters
    ----------
    functions : mapping of str to sequence of G2, G4, G5, WeightedG2, WeightedG4
        Functions of each center element in the order of the fingerprint; the keys are the elements.
    cutoff : Cosine or Polynomial
        Cutoff of all functions that do not have their own.
    eta_unit : {"1/Rc^2", "1/A^2"}
        Whether exponents are divided by Rc² (as in AMP) or absolute (as in n2p2 and RuNNer).

    Raises
    ------
    ConfigError
        For parameters out of range or neighbor elements without functions of their own.

    Examples
    --------
    >>> import lionn_rs as lionn
    >>> gaussian_56 = lionn.Gaussian.amp_default(["Li", "Ge", "P", "S"], cutoff=lionn.Cosine(6.5))
    >>> gaussian_56.n_features["Li"]
    56

    References
    ----------
    Behler, J. Chem. Phys. 134, 074106 (2011), doi 10.1063/1.3553717.
    """

    def __init__(
        self,
        functions: Mapping[str, Sequence[SymmetryFunction]],
        *,
        cutoff: Cutoff,
        eta_unit: EtaUnit = "1/Rc^2",
    ) -> None:
        super().__init__(
            {
                "type": "gaussian",
                "elements": sorted(functions),
                "cutoff": cutoff_spec(cutoff),
                "eta_unit": eta_unit,
                "functions": {e: [_function_spec(f) for f in fs] for e, fs in functions.items()},
            }
        )

    @classmethod
    def amp_default(
        cls,
        elements: Sequence[str],
        *,
        cutoff: Cutoff,
        n_radial_exponents: int = 4,
        eta_unit: EtaUnit = "1/Rc^2",
    ) -> Gaussian:
        """AMP's default set for any list of elements.

        G2 with exponents from 0.05 to 5 (four in AMP), G4 with eta 0.005, zeta 1 and 4, gamma ±1,
        all divided by Rc². With four exponents: 20 functions for two elements, 56 for four, 80 for
        five.

        Parameters
        ----------
        elements : sequence of str
            Element symbols in any order.
        cutoff : Cosine or Polynomial
            Cutoff function.
        n_radial_exponents : int
            Number of radial exponents, evenly spaced in the logarithm.
        eta_unit : {"1/Rc^2", "1/A^2"}
            ``"1/A^2"`` takes the same numbers as absolute exponents. The functions are then much
            narrower and resolve bond lengths that AMP's, divided by Rc², blur.

        Returns
        -------
        Gaussian
            The descriptor.

        Raises
        ------
        ConfigError
            For an empty list, a text that is no element symbol, or fewer than one exponent.

        References
        ----------
        Khorshidi and Peterson, Comput. Phys. Commun. 207, 310 (2016),
        doi 10.1016/j.cpc.2016.05.010.
        """
        return cls._named("amp", elements, cutoff, n_radial_exponents, eta_unit)

    @classmethod
    def shifted(cls, elements: Sequence[str], *, cutoff: Cutoff, n_centers: int = 8) -> Gaussian:
        """Radial functions centered at evenly spaced distances, with AMP's angular functions.

        The centers Rs go from 1.5 Å to 0.5 Å below the cutoff, each Gaussian is 0.7 spacings wide.
        They resolve bond lengths that the broad functions of :meth:`amp_default` blur; with eight
        centers: 72 functions for four elements.

        Parameters
        ----------
        elements : sequence of str
            Element symbols in any order.
        cutoff : Cosine or Polynomial
            Cutoff function.
        n_centers : int
            Number of radial functions per neighbor element.

        Returns
        -------
        Gaussian
            The descriptor.

        Raises
        ------
        ConfigError
            As :meth:`amp_default`.

        References
        ----------
        Gastegger, Schwiedrzik, Bittermann, Berzsenyi, Marquetand, J. Chem. Phys. 148, 241709
        (2018), doi 10.1063/1.5019667.
        """
        return cls._named("shifted", elements, cutoff, n_centers)

    @classmethod
    def pool(
        cls,
        elements: Sequence[str],
        *,
        cutoff: Cutoff,
        n_radial: int = 5,
        n_angular: int = 2,
        zetas: Sequence[float] = (1.0, 4.0, 16.0),
        wide: bool = True,
    ) -> Gaussian:
        """Many functions on a systematic grid, to choose from with :func:`lionn_rs.prune`.

        G2 with ``eta Rc² = n^(2m/n)``, ``m = 0 ... n``, at the center, and with centers at
        ``Rs = Rc/n^(m/n)``, ``m = 1 ... n``, each as wide as the distance to the next one outward;
        G4 (and G5) with the same formula for eta, all zeta, and gamma ±1. For four elements 404.

        Parameters
        ----------
        elements : sequence of str
            Element symbols in any order.
        cutoff : Cosine or Polynomial
            Cutoff function.
        n_radial, n_angular : int
            Intervals ``n`` of the exponents of radial and angular functions, at least 2.
        zetas : sequence of float
            Angular powers, at least 1.
        wide : bool
            Also G5, which leave out the distance between the two neighbors.

        Returns
        -------
        Gaussian
            The descriptor; too large to train with.

        Raises
        ------
        ConfigError
            For parameters out of range.

        References
        ----------
        Imbalzano, Anelli, Giofré, Klees, Behler and Ceriotti, J. Chem. Phys. 148, 241730 (2018),
        doi 10.1063/1.5024611.
        """
        from lionn_rs.descriptor_selection import pool_functions

        functions = pool_functions(
            elements,
            cutoff.radius,
            n_radial=n_radial,
            n_angular=n_angular,
            zetas=zetas,
            wide=wide,
        )
        return cls(dict.fromkeys(elements, functions), cutoff=cutoff)

    @classmethod
    def _named(
        cls,
        name: str,
        elements: Sequence[str],
        cutoff: Cutoff,
        n_radial: int,
        eta_unit: EtaUnit = "1/Rc^2",
    ) -> Gaussian:
        if n_radial < 1:
            raise ConfigError(f"at least one radial function is needed, got {n_radial}")
        result = object.__new__(cls)
        spec = _core.named_set(name, list(elements), cutoff_spec(cutoff), n_radial)
        Descriptor.__init__(result, {**spec, "eta_unit": eta_unit})
        return result


def _function_spec(function: SymmetryFunction) -> dict[str, Any]:
    spec = {"type": type(function).__name__, **asdict(function)}
    spec["cutoff"] = None if function.cutoff is None else cutoff_spec(function.cutoff)
    return {key: value for key, value in spec.items() if value is not None}
