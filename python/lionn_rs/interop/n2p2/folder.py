"""Folders of n2p2: written so that a half-written one is not mistaken for a potential."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from lionn_rs.errors import ModelFileError
from lionn_rs.files import write_text

__all__ = ["write_folder"]

_MAIN = "input.nn"


def write_folder(folder: Path, files: Mapping[str, str], *, force: bool) -> None:
    """Write the files of a potential, ``input.nn`` last.

    Parameters
    ----------
    folder : Path
        New or empty folder, or one with a potential that ``force`` allows to replace.
    files : mapping of str to str
        Contents by name.
    force : bool
        Replace a potential; other files in the folder stay.

    Raises
    ------
    ModelFileError
        If the folder holds something and may not be written to.
    """
    if folder.exists() and not folder.is_dir():
        raise ModelFileError(f"{folder}: is a file; a potential of n2p2 is a folder")
    held = sorted(entry.name for entry in folder.iterdir()) if folder.is_dir() else []
    if held and not force:
        raise ModelFileError(
            f"{folder} is not empty; --force (force=True) replaces a potential in it"
        )
    if held and _MAIN not in held:
        raise ModelFileError(f"{folder}: holds no potential of n2p2 ({held[0]}); name a new folder")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / _MAIN).unlink(missing_ok=True)
    for old in folder.glob("weights.[0-9][0-9][0-9].data"):
        old.unlink()
    for name, text in files.items():
        if name != _MAIN:
            write_text(folder / name, text)
    write_text(folder / _MAIN, files[_MAIN])
