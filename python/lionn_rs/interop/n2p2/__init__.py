"""Potentials of n2p2 and RuNNer: folders with ``input.nn``, ``scaling.data``, ``weights.NNN.data``.

Read are short-range potentials (second generation) of symmetry function types 2, 3, 9, 12 and 13
with any cutoff function, scaling, activation function and normalization; written are potentials
with Gaussian symmetry functions. n2p2's files do not say their units.

References
----------
A. Singraber, J. Behler, C. Dellago, J. Chem. Theory Comput. 15, 1827 (2019),
doi 10.1021/acs.jctc.8b00770.
J. Behler, Int. J. Quantum Chem. 115, 1032 (2015), doi 10.1002/qua.24890.
"""

from __future__ import annotations

from pathlib import Path

from lionn_rs import _core
from lionn_rs.committee import Committee
from lionn_rs.errors import LionnError, ModelFileError
from lionn_rs.interop.n2p2.folder import write_folder
from lionn_rs.interop.n2p2.reading import UNITS, read_document
from lionn_rs.interop.n2p2.writing import potential_files
from lionn_rs.potential import Potential

__all__ = ["UNITS", "read", "write"]


def read(path: Path, *, units: str | None = None) -> Potential:
    """Potential of a folder.

    Parameters
    ----------
    path : Path
        Folder with ``input.nn``.
    units : str, optional
        ``ev-angstrom``, ``hartree-bohr``, or ``CFLENGTH,CFENERGY`` as in LAMMPS' ``pair_style
        hdnnp``; needed unless the folder was written by lionn_rs.

    Raises
    ------
    ModelFileError
        With file and line, for anything that cannot be read to the same energies.
    ConfigError
        For unknown units.
    """
    document = read_document(path, units)
    try:
        core, metadata = _core.read_model(document)
    except LionnError as error:
        raise ModelFileError(f"{path}: {error}") from None
    assert isinstance(core, _core.NeuralPotential)
    return Potential(core, metadata)


def write(potential: Potential | Committee, path: Path, *, force: bool) -> list[str]:
    """Write a folder in Å and eV.

    Raises
    ------
    ModelFileError
        If n2p2 cannot express the potential, with the reason, or the folder holds something and
        ``force`` is not set.
    """
    if isinstance(potential, Committee):
        raise ModelFileError(
            f"{path}: a committee of {potential.n_members}; n2p2 has one potential per folder, "
            "write its members (Committee.members) one by one"
        )
    try:
        files, notes = potential_files(potential._document())
    except ModelFileError as error:
        raise ModelFileError(f"{path}: {error}") from None
    write_folder(path, files, force=force)
    return notes
