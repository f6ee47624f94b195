"""ASE calculator."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ase import Atoms
from ase.calculators.calculator import Calculator, all_changes
from ase.stress import full_3x3_to_voigt_6_stress

from lionn_rs.committee import CommitteeEvaluation, load
from lionn_rs.potential import BasePotential


class LionnCalculator(Calculator):
    """Energy, forces and stress of a lionn potential for ASE.

    Implements ``energy``, ``free_energy`` (the same number: forces belong to both), ``energies``
    (eV), ``forces`` (eV/Å) and, for cells periodic in three directions, ``stress`` (eV/Å³, Voigt
    order xx yy zz yz xz xy, positive = tension).

    ``results`` also holds ``n_extrapolating``, ``extrapolation_excess`` and, where the file knows
    it, ``extrapolation_grade`` of every atom (:class:`~lionn_rs.potential.Extrapolation`); for a
    committee ``energy_std`` (eV) and ``forces_std`` (n_atoms, 3) (eV/Å).

    Parameters
    ----------
    potential : Potential, Committee, str or Path
        The potential or its file.

    Raises
    ------
    ModelFileError
        If the file cannot be used.
    DataError
        In calculations, for elements the potential does not know.
    """

    implemented_properties = [  # noqa: RUF012 - declared by ASE as an instance attribute
        "energy",
        "free_energy",
        "energies",
        "forces",
        "stress",
    ]

    def __init__(self, potential: BasePotential | str | Path, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.potential = potential if isinstance(potential, BasePotential) else load(potential)

    def calculate(
        self,
        atoms: Atoms | None = None,
        properties: Sequence[str] = ("energy",),
        system_changes: Sequence[str] = all_changes,
    ) -> None:
        """Compute everything at once and keep it in ``results``."""
        super().calculate(atoms, properties, system_changes)
        structure: Any = self.atoms
        evaluation = self.potential.evaluate(structure)
        self.results = {
            "energy": evaluation.energy,
            "free_energy": evaluation.energy,
            "energies": evaluation.energies,
            "forces": evaluation.forces,
            "n_extrapolating": evaluation.n_extrapolating,
        }
        self.results["extrapolation_excess"] = evaluation.extrapolation.excess
        if evaluation.extrapolation.grade is not None:
            self.results["extrapolation_grade"] = evaluation.extrapolation.grade
        if isinstance(evaluation, CommitteeEvaluation):
            self.results["energy_std"] = evaluation.energy_std
            self.results["forces_std"] = evaluation.forces_std
        if evaluation.stress is not None:
            self.results["stress"] = full_3x3_to_voigt_6_stress(evaluation.stress)
