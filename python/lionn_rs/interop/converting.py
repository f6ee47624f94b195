"""Potentials from one program to another."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lionn_rs.committee import Committee
from lionn_rs.errors import ConfigError, ModelFileError
from lionn_rs.interop.formats import find_format
from lionn_rs.potential import Potential

if TYPE_CHECKING:
    from lionn_rs.interop.formats import ModelFormat

__all__ = ["ModelConversion", "convert_potential", "read_potential", "write_potential"]


@dataclass(frozen=True, kw_only=True)
class ModelConversion:
    """What was read and written.

    Attributes
    ----------
    output : Path
    source_format, format : str
        Titles of the formats.
    potential : Potential or Committee
        What was read.
    notes : tuple of str
        What the target does not say, or says otherwise.
    """

    output: Path
    source_format: str
    format: str
    potential: Potential | Committee
    notes: tuple[str, ...]

    def __str__(self) -> str:
        lines = [f"{self.output}: {self.potential!r}, {self.source_format} -> {self.format}"]
        return "\n".join(lines + [f"  note: {note}" for note in self.notes])


def read_potential(
    path: str | Path, *, format: str | None = None, units: str | None = None
) -> Potential | Committee:
    """Read a potential of any program that lionn_rs knows.

    Parameters
    ----------
    path : str or Path
        File or folder.
    format : str, optional
        Name of the format (a key of :data:`~lionn_rs.interop.FORMATS`), where the path is silent.
    units : str, optional
        Units of files that do not say them, see :func:`lionn_rs.interop.n2p2.read`.

    Returns
    -------
    Potential or Committee
        The same energies and forces as in the other program. ``metadata["source"]`` says where it
        is from and what was left out.

    Raises
    ------
    ModelFileError
        With file and line, if it is missing, damaged, or means something that lionn_rs does not
        evaluate.
    ConfigError
        If the path tells no format.
    """
    path = Path(path)
    if not path.exists():
        raise ModelFileError(f"{path}: no such file or folder")
    found = find_format(path, format)
    if units is None:
        return found.translator.read(path)
    if not found.unitless:
        raise ConfigError(
            f"{path}: units are not asked for, {found.title} potentials have their own"
        )
    return found.translator.read(path, units=units)


def write_potential(
    potential: Potential | Committee,
    path: str | Path,
    *,
    format: str | None = None,
    drop_repulsion: bool = False,
    force: bool = False,
) -> list[str]:
    """Write a potential for another program.

    Parameters
    ----------
    potential : Potential or Committee
        What to write.
    path : str or Path
        New file or folder; its name tells the format.
    format : str, optional
        Name of the format, where the path does not tell.
    drop_repulsion : bool
        Leave out the short-range repulsion, which is zero on the training images; without it
        programs that know no such thing refuse.
    force : bool
        Replace what is there.

    Returns
    -------
    list of str
        What the target does not say, or says otherwise.

    Raises
    ------
    ModelFileError
        If the format cannot express the potential (nothing is written), or the file exists and
        ``force`` is not set.
    ConfigError
        If the path tells no format.
    """
    path = Path(path)
    target = find_format(path, format, write=True)
    _refuse_existing(path, target, force)
    notes = []
    if drop_repulsion and potential.repulsion:
        potential = without_repulsion(potential)
        notes.append(
            "the short-range repulsion was left out: closer than in training, atoms feel "
            "only the networks"
        )
    return notes + target.translator.write(potential, path, force=force)


def convert_potential(
    source: str | Path,
    output: str | Path,
    *,
    source_format: str | None = None,
    format: str | None = None,
    units: str | None = None,
    drop_repulsion: bool = False,
    force: bool = False,
) -> ModelConversion:
    """Read a potential of one program and write it for another.

    Parameters and errors are those of :func:`read_potential` and :func:`write_potential`.
    """
    source, output = Path(source), Path(output)
    target = find_format(output, format, write=True)
    _refuse_existing(output, target, force)
    potential = read_potential(source, format=source_format, units=units)
    notes = write_potential(
        potential, output, format=target.name, drop_repulsion=drop_repulsion, force=force
    )
    return ModelConversion(
        output=output,
        source_format=find_format(source, source_format).title,
        format=target.title,
        potential=potential,
        notes=tuple(potential.metadata.get("source", {}).get("notes", [])) + tuple(notes),
    )


def without_repulsion(potential: Potential | Committee) -> Potential | Committee:
    """Return the same potential without its short-range repulsion."""
    if isinstance(potential, Potential):
        return Potential(potential.core.with_repulsion([]), potential.metadata)
    members = [Potential(member.core.with_repulsion([])) for member in potential.members]
    return Committee(members, potential.metadata).with_spread_scale(*potential.spread_scale)


def _refuse_existing(path: Path, target: ModelFormat, force: bool) -> None:
    if path.is_dir() and not target.folder:
        raise ConfigError(f"{path}: is a folder, {target.title} potentials are files")
    if path.exists() and not target.folder and not force:
        raise ModelFileError(f"{path} exists; --force (force=True) replaces it")
