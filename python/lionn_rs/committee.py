"""Committees: several potentials of one descriptor, their mean and their spread."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lionn_rs import _core
from lionn_rs.errors import ConfigError, ModelFileError
from lionn_rs.potential import BasePotential, Evaluation, Potential, evaluation_fields, read_core
from lionn_rs.structure_arrays import structure_arrays

if TYPE_CHECKING:
    from ase import Atoms
    from numpy.typing import NDArray

__all__ = ["Committee", "CommitteeEvaluation", "atom_force_std", "load"]


@dataclass(frozen=True)
class CommitteeEvaluation(Evaluation):
    """Mean of the members, as in :class:`~lionn_rs.potential.Evaluation`, and their spread.

    Attributes
    ----------
    energy_std : float
        Spread of the energy of the structure, eV.
    forces_std : (n_atoms, 3) float64
        Spread of every force component, eV/Å.
    member_energies : (n_members,) float64
        Energy of every member, eV.
    member_forces : (n_members, n_atoms, 3) float64
        Forces of every member, eV/Å.
    """

    energy_std: float
    forces_std: NDArray[np.float64]
    member_energies: NDArray[np.float64]
    member_forces: NDArray[np.float64]


class Committee(BasePotential):
    """Several potentials of one descriptor.

    Energy, forces and stress are the means of the members, so that forces are the derivative of the
    energy. The spread is the standard deviation over the n members,

    ``σ² = α² sum_m (x_m - mean)²/(n - 1)``,

    with one factor α for energies and one for forces (:attr:`spread_scale`), 1 until they are
    fitted to errors on images (:func:`lionn_rs.calibrate`). Without α and with n in place of n - 1
    this is the committee disagreement of Schran et al.

    Parameters
    ----------
    members : sequence of Potential, or _core.Committee
        At least two, with equal descriptors and repulsions; :func:`lionn_rs.train_committee` makes
        them.
    metadata : dict, optional
        Training provenance; any JSON-compatible mapping.

    Raises
    ------
    ConfigError
        For fewer than two members, or members that differ in descriptor or repulsion.

    References
    ----------
    C. Schran, K. Brezina, O. Marsalek, J. Chem. Phys. 153, 104105 (2020), doi 10.1063/5.0016004.
    F. Musil, M. J. Willatt, M. A. Langovoy, M. Ceriotti, J. Chem. Theory Comput. 15, 906 (2019),
    doi 10.1021/acs.jctc.8b00959 (the factor α).
    """

    core: _core.Committee

    def __init__(
        self,
        members: Sequence[Potential] | _core.Committee,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        if not isinstance(members, _core.Committee):
            if len(members) < 2:
                raise ConfigError(f"a committee needs at least 2 members, got {len(members)}")
            members = _core.Committee.assemble([member.core for member in members])
        self.core = members
        self.metadata = dict(metadata or {})

    @classmethod
    def load(cls, path: str | Path) -> Committee:
        """Read the file of a committee.

        Raises
        ------
        ModelFileError
            If the file is missing, damaged, of a version this lionn_rs does not read, or holds one
            potential.
        """
        core, metadata = read_core(path)
        if not isinstance(core, _core.Committee):
            raise ModelFileError(
                f"{path}: one potential, not a committee (train one with 'lionn train --committee "
                "4'; in Python, lionn_rs.load reads both)"
            )
        return cls(core, metadata)

    @property
    def members(self) -> list[Potential]:
        """The members, without metadata."""
        return [Potential(core) for core in self.core.members]

    @property
    def n_members(self) -> int:
        """Number of members."""
        return len(self.core.members)

    @property
    def spread_scale(self) -> tuple[float, float]:
        """Factors α of the energy and of the force spread."""
        return self.core.spread_scale

    def with_spread_scale(self, energy: float, force: float) -> Committee:
        """Return the same committee with other factors of the spread.

        Raises
        ------
        ConfigError
            For a factor that is not positive.
        """
        return Committee(self.core.with_spread_scale(energy, force), self.metadata)

    def evaluate(self, atoms: Atoms) -> CommitteeEvaluation:
        """Mean energy, forces and stress of a structure, their spread, and those of every member.

        The fingerprints are computed once for all members; forces cost one contraction with their
        derivatives per member.

        Parameters
        ----------
        atoms : ase.Atoms
            Any cell and periodicity; the cell may be smaller than the cutoff.

        Returns
        -------
        CommitteeEvaluation
            Spreads with the factors of :attr:`spread_scale`, members as they are.

        Raises
        ------
        DataError
            For an element the potential was not trained on, coinciding atoms or positions that are
            not finite.
        """
        result = self.core.assess(*structure_arrays(atoms))
        return CommitteeEvaluation(
            **evaluation_fields(result, atoms),
            energy_std=result["energy_std"],
            forces_std=result["force_std"],
            member_energies=result["member_energies"],
            member_forces=result["member_forces"],
        )

    def __repr__(self) -> str:
        elements = ", ".join(self.elements)
        return f"Committee({elements}; cutoff {self.cutoff:g} Å; {self.n_members} members)"


def load(path: str | Path) -> Potential | Committee:
    """Read a potential file, of one potential or of a committee.

    Raises
    ------
    ModelFileError
        If the file is missing, damaged, or of a version this lionn_rs does not read.
    """
    core, metadata = read_core(path)
    if isinstance(core, _core.Committee):
        return Committee(core, metadata)
    return Potential(core, metadata)


def atom_force_std(forces_std: NDArray[np.float64]) -> NDArray[np.float64]:
    """Force spread of every atom, (n_atoms,), eV/Å: root mean square over the three components.

    It compares with a force RMSE, which is over components too.
    """
    return np.asarray(np.sqrt(np.mean(np.square(forces_std), axis=-1)))
