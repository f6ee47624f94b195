"""The formats of potentials: their names, how a path tells them, which module reads and writes."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

from lionn_rs.errors import ConfigError

if TYPE_CHECKING:
    from lionn_rs.committee import Committee
    from lionn_rs.potential import Potential

__all__ = ["FORMATS", "ModelFormat", "Translator", "find_format", "identify"]


class Translator(Protocol):
    """What the module of a format offers."""

    def read(self, path: Path, **options: str) -> Potential | Committee:
        """Potential of a file or folder; ``units`` is an option of formats that are ``unitless``.

        Raises
        ------
        ModelFileError
            With file and line, for anything that cannot be read to the same energies.
        """

    def write(self, potential: Potential | Committee, path: Path, *, force: bool) -> list[str]:
        """Write a file or folder; whether a file may be replaced has been asked before.

        Returns
        -------
        list of str
            What a user should know about the result, one sentence each.

        Raises
        ------
        ModelFileError
            If the format cannot express the potential, with the reason; nothing is written.
        """


@dataclass(frozen=True, kw_only=True)
class ModelFormat:
    """One format of potentials.

    Attributes
    ----------
    name : str
        What ``--from`` and ``--format`` take.
    title : str
        What people call it.
    module : str
        Module with the functions of :class:`Translator`; imported on first use.
    suffixes : tuple of str
        Endings of file names, lower case.
    marks : tuple of str
        Glob patterns; a folder in which one of them finds something is of this format.
    folder : bool
        Potentials are written as a folder.
    unitless : bool
        Files do not say their units; ``read`` takes them as ``units``.
    """

    name: str
    title: str
    module: str
    suffixes: tuple[str, ...] = ()
    marks: tuple[str, ...] = ()
    folder: bool = False
    unitless: bool = False

    @property
    def translator(self) -> Translator:
        """The module that reads and writes."""
        return cast("Translator", importlib.import_module(self.module))


FORMATS: dict[str, ModelFormat] = {
    entry.name: entry
    for entry in (
        ModelFormat(
            name="lionn",
            title="lionn_rs",
            module="lionn_rs.interop.own",
            suffixes=(".json",),
        ),
        ModelFormat(
            name="amp",
            title="AMP",
            module="lionn_rs.interop.amp",
            suffixes=(".amp", ".ensemble"),
            marks=("*.amp", "*/amp.amp"),
        ),
        ModelFormat(
            name="n2p2",
            title="n2p2",
            module="lionn_rs.interop.n2p2",
            marks=("input.nn",),
            folder=True,
            unitless=True,
        ),
    )
}


def identify(path: Path) -> ModelFormat | None:
    """Format of an existing file or folder by its name or its contents; None: no potential."""
    for entry in FORMATS.values():
        if path.suffix.lower() in entry.suffixes and not path.is_dir():
            return entry
        if path.is_dir() and any(next(path.glob(mark), None) for mark in entry.marks):
            return entry
    return None


def find_format(path: str | Path, name: str | None = None, *, write: bool = False) -> ModelFormat:
    """Format of a potential.

    Parameters
    ----------
    path : str or Path
        File or folder.
    name : str, optional
        Name of the format, where the path does not tell.
    write : bool
        The path is a target: a name without an ending is a folder.

    Raises
    ------
    ConfigError
        For a name or a path that tells no format.
    """
    path = Path(path)
    if name is not None:
        if name not in FORMATS:
            raise ConfigError(f"unknown model format '{name}' (known: {', '.join(FORMATS)})")
        return FORMATS[name]
    if not write:
        found = identify(path)
    elif path.suffix:
        found = next((f for f in FORMATS.values() if path.suffix.lower() in f.suffixes), None)
    else:
        folders = [entry for entry in FORMATS.values() if entry.folder]
        found = folders[0] if len(folders) == 1 else None
    if found is None:
        endings = ", ".join(ending for f in FORMATS.values() for ending in f.suffixes)
        option = "--format" if write else "--from"
        raise ConfigError(
            f"{path}: the name tells no model format ({endings}); "
            f"name it with {option}: {', '.join(FORMATS)}"
        )
    return found
