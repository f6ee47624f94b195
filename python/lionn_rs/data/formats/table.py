"""The formats of image files: names, how a path tells them, what each carries."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from lionn_rs.data.formats.text import COMPRESSED
from lionn_rs.errors import ConfigError, DataError

__all__ = ["DATA_FORMATS", "DataFormat", "find_data_format"]


@dataclass(frozen=True, kw_only=True)
class DataFormat:
    """One format of images.

    Attributes
    ----------
    name : str
        What ``--format`` takes.
    title : str
    suffixes, marks : tuple of str
        Endings of names, and beginnings of names, lower case.
    reads, writes : bool
    folder : bool
        Written as a folder.
    energies : int
        How many energies an image can have: 2 where ``energy`` and ``free_energy`` are kept.
    forces, stress, info, group, arrays, mixed : bool
        What is carried: of an image, entries of any name, the name of its source, further arrays
        per atom; images of different atoms.
    decimals : str
        Digits of files that lionn writes.
    """

    name: str
    title: str
    suffixes: tuple[str, ...] = ()
    marks: tuple[str, ...] = ()
    reads: bool = True
    writes: bool = True
    folder: bool = False
    energies: int = 1
    forces: bool = True
    stress: bool = True
    info: bool = False
    group: bool = False
    arrays: bool = False
    mixed: bool = True
    decimals: str = "all"


DATA_FORMATS: Final[dict[str, DataFormat]] = {
    entry.name: entry
    for entry in (
        DataFormat(
            name="extxyz",
            title="extended XYZ",
            suffixes=(".extxyz", ".xyz"),
            energies=2,
            info=True,
            group=True,
            arrays=True,
        ),
        DataFormat(
            name="vasprun",
            title="vasprun.xml",
            suffixes=(".xml",),
            marks=("vasprun",),
            writes=False,
        ),
        DataFormat(name="outcar", title="OUTCAR", marks=("outcar",), writes=False),
        DataFormat(
            name="xdatcar",
            title="XDATCAR",
            suffixes=(".xdatcar",),
            marks=("xdatcar",),
            energies=0,
            forces=False,
            stress=False,
            mixed=False,
            decimals="12 decimals of fractional coordinates, folded",
        ),
        DataFormat(name="cp2k", title="CP2K output", writes=False),
        DataFormat(
            name="traj",
            title="ASE .traj",
            suffixes=(".traj",),
            energies=2,
            info=True,
            group=True,
            arrays=True,
        ),
        DataFormat(
            name="db",
            title="ASE .db",
            suffixes=(".db",),
            energies=2,
            info=True,
            group=True,
        ),
        DataFormat(name="deepmd", title="DeePMD npy", folder=True),
        DataFormat(
            name="n2p2",
            title="n2p2 input.data",
            suffixes=(".n2p2",),
            marks=("input.data",),
            stress=False,
            group=True,
        ),
        DataFormat(name="xsf", title="aenet XSF", suffixes=(".xsf",), folder=True, stress=False),
        DataFormat(name="npz", title=".npz of lionn", suffixes=(".npz",), energies=2, group=True),
        DataFormat(
            name="ase", title="any other that ASE reads", writes=False, energies=2, info=True
        ),
    )
}


def find_data_format(path: Path, name: str | None = None, *, writing: bool = False) -> DataFormat:
    """Format of a file or folder of images.

    Parameters
    ----------
    path : Path
    name : str, optional
        Name of the format instead of what path and content say.
    writing : bool
        The file is to be written.

    Raises
    ------
    ConfigError
        There is no such format, or not in this direction; an output whose name says nothing.
    DataError
        A folder that holds no images.
    """
    known = [f.name for f in DATA_FORMATS.values() if (f.writes if writing else f.reads)]
    if name is not None:
        if name not in known:
            verb = "write" if writing else "read"
            raise ConfigError(f"--format: cannot {verb} '{name}' (known: {', '.join(known)})")
        return DATA_FORMATS[name]
    found = _by_name(path)
    if writing:
        if found is None or not found.writes:
            what = "its name does not tell the format" if found is None else "is not written"
            raise ConfigError(f"{path}: {what}; --format takes {', '.join(known)}")
        return found
    if path.is_dir():
        return _of_folder(path)
    if _is_xyz_of_cp2k(path):
        return DATA_FORMATS["cp2k"]
    return found or _by_content(path)


def _is_xyz_of_cp2k(path: Path) -> bool:
    """``PROJECT-pos-1.xyz`` whose comment lines are those of CP2K."""
    if "-pos-" not in path.name or path.suffix != ".xyz" or not path.is_file():
        return False
    with path.open("rb") as stream:
        return b" i = " in stream.read(1000)


def _by_name(path: Path) -> DataFormat | None:
    text = path.name.lower()
    for suffix in COMPRESSED:
        text = text.removesuffix(suffix)
    for entry in DATA_FORMATS.values():
        if (entry.suffixes and text.endswith(entry.suffixes)) or (
            entry.marks and text.startswith(entry.marks)
        ):
            return entry
    return None


def _of_folder(path: Path) -> DataFormat:
    from lionn_rs.data.formats.deepmd import is_deepmd

    if is_deepmd(path):
        return DATA_FORMATS["deepmd"]
    if any(entry.name.lower().endswith(".xsf") for entry in path.iterdir()):
        return DATA_FORMATS["xsf"]
    raise DataError(
        f"{path}: is a folder, not a file, and holds neither DeePMD data (type.raw) nor *.xsf"
    )


def _by_content(path: Path) -> DataFormat:
    """OUTCAR and output of CP2K under any name; the rest is for ASE to find out."""
    from lionn_rs.data.formats.cp2k import is_cp2k_output

    with path.open("rb") as stream:
        head = stream.read(64)
    if head.lstrip().startswith(b"vasp."):
        return DATA_FORMATS["outcar"]
    if head.lstrip().startswith((b"DBCSR|", b"****", b"CP2K|")) and is_cp2k_output(path):
        return DATA_FORMATS["cp2k"]
    return DATA_FORMATS["ase"]
