"""The folder from which LAMMPS loads a potential."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from lionn_rs.errors import ConfigError, DataError, LionnError
from lionn_rs.files import write_bytes, write_text

if TYPE_CHECKING:
    from ase import Atoms

    from lionn_rs.potential import BasePotential

__all__ = ["ExportedModel", "export", "model_name", "system_lines", "write_model"]

OBJECT = "libkim-api-portable-model.so"
"""The name that libkim-api looks for in the folder of a model."""
POTENTIAL = "potential.json"
"""The name that the object looks for beside itself."""
SCRIPT, STRUCTURE = "in.lammps", "structure.data"
VARIABLE = "KIM_API_PORTABLE_MODELS_DIR"
"""Folders in which libkim-api looks for models, separated by colons."""


@dataclass(frozen=True)
class ExportedModel:
    """What :func:`export` has written.

    Attributes
    ----------
    name : str
        Name of the model in LAMMPS.
    folder : Path
        The folder that holds the folder of the model.
    files : list of Path
        Everything that was written.
    """

    name: str
    folder: Path
    files: list[Path]

    @property
    def environment(self) -> str:
        """The variable that tells LAMMPS where the model is."""
        return f"{VARIABLE}={self.folder.resolve()}"


def export(
    potential: BasePotential,
    folder: str | Path,
    *,
    name: str | None = None,
    structure: Atoms | None = None,
    force: bool = False,
) -> ExportedModel:
    """Write a potential for LAMMPS: a KIM portable model, an input script, a data file.

    The folder of the model holds a copy of the object that comes with lionn_rs and the potential
    file; it can be moved to any machine of the same kind, with LAMMPS but without Python.

    Parameters
    ----------
    potential : Potential or Committee
        Of a committee, LAMMPS computes the mean.
    folder : str or Path
        Written into: ``NAME/`` (the model), ``in.lammps`` and ``structure.data``.
    name : str, optional
        Name of the model; made of elements and hash by default (:func:`model_name`).
    structure : ase.Atoms, optional
        Structure for ``structure.data``, in the orientation that LAMMPS wants.
    force : bool
        Replace files that exist.

    Returns
    -------
    ExportedModel

    Raises
    ------
    ConfigError
        A file exists, or the name is none.
    DataError
        The structure has no cell, or elements that the potential does not know.
    LionnError
        This installation has no KIM object.

    References
    ----------
    E. B. Tadmor, R. S. Elliott, J. P. Sethna, R. E. Miller, C. A. Becker, JOM 63, 17 (2011),
    doi 10.1007/s11837-011-0102-6.
    """
    folder = Path(folder)
    name = model_name(potential) if name is None else name
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
        raise ConfigError(f"name of a model must be letters, digits and _, got '{name}'")
    targets = [folder / name / OBJECT, folder / name / POTENTIAL, folder / SCRIPT]
    texts = {folder / SCRIPT: example_script(potential, name, structure)}
    if structure is not None:
        targets.append(folder / STRUCTURE)
        texts[folder / STRUCTURE] = data_file(potential, structure)
    for path in targets:
        if path.exists() and not force:
            raise ConfigError(f"{path} exists (--force to replace it)")
    write_model(potential, folder / name)
    for path, text in texts.items():
        write_text(path, text)
    return ExportedModel(name, folder, targets)


def model_name(potential: BasePotential) -> str:
    """Name that identifies a potential: its elements and the first digits of its hash."""
    return f"lionn_{''.join(potential.elements)}_{potential.hash[:8]}"


def write_model(potential: BasePotential, folder: Path) -> None:
    """Write the folder of a model.

    The object is copied: libkim-api takes two links to one file for the same model.
    """
    source = files("lionn_rs.lammps").joinpath(OBJECT)
    try:
        content = source.read_bytes()
    except FileNotFoundError:
        raise LionnError(
            f"this installation of lionn_rs has no {OBJECT}, the object that LAMMPS loads "
            "('pip install .' builds it; in a source tree: cargo build --release -p lionn-kim, "
            f"then copy target/release/liblionn_kim.so to python/lionn_rs/lammps/{OBJECT})"
        ) from None
    folder.mkdir(parents=True, exist_ok=True)
    potential.save(folder / POTENTIAL, force=True)
    write_bytes(folder / OBJECT, content)


def data_file(potential: BasePotential, structure: Atoms) -> str:
    """LAMMPS data file of a structure; types are the elements of the potential in order.

    Raises
    ------
    DataError
        No cell, or elements that the potential does not know.
    """
    from ase.io.lammpsdata import write_lammps_data

    from lionn_rs.workflows.dynamics import check_structure

    if structure.cell.rank < 3:
        raise DataError("LAMMPS needs a box: give the structure a cell with three vectors")
    check_structure(potential, structure, "structure")
    text = io.StringIO()
    write_lammps_data(text, structure, specorder=potential.elements, reduce_cell=True)
    return text.getvalue()


def system_lines(potential: BasePotential, name: str, structure: Atoms | None) -> list[str]:
    """Lines of an input script up to the potential; a boundary that is not periodic shrinks."""
    from ase.data import atomic_masses, atomic_numbers

    periodic = (True,) * 3 if structure is None else structure.pbc
    masses = [float(atomic_masses[atomic_numbers[symbol]]) for symbol in potential.elements]
    return [
        "units         metal",
        "atom_style    atomic",
        f"boundary      {' '.join('p' if axis else 's' for axis in periodic)}",
        f"read_data     {STRUCTURE}",
        *(
            f"mass          {number} {mass}  # {symbol}"
            for number, (symbol, mass) in enumerate(
                zip(potential.elements, masses, strict=True), start=1
            )
        ),
        f"pair_style    kim {name}",
        f"pair_coeff    * * {' '.join(potential.elements)}",
    ]


def example_script(potential: BasePotential, name: str, structure: Atoms | None) -> str:
    """Input script of a short run."""
    missing = "" if structure is not None else " (lionn lammps export --structure writes one)"
    elements = " ".join(potential.elements)
    lines = [
        "# Molecular dynamics with a potential of lionn_rs. In this folder:",
        f"#   {VARIABLE}=$PWD mpirun -np 4 lmp -in {SCRIPT}",
        f"# Atom types in {STRUCTURE}{missing}: 1 to {len(potential.elements)} are {elements}.",
        *system_lines(potential, name, structure),
        "",
        "timestep      0.002  # ps",
        "velocity      all create 600.0 1 mom yes rot no dist gaussian",
        "fix           thermostat all nvt temp 600.0 600.0 0.1",
        "thermo        100",
        "dump          trajectory all custom 100 trajectory.dump id element xu yu zu",
        f"dump_modify   trajectory sort id element {elements}",
        "run           1000",
    ]
    return "\n".join(lines) + "\n"
