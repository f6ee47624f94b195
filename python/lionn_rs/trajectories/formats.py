"""The trajectory formats: their names, how a file name tells them, what each carries."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lionn_rs.errors import ConfigError, DataError

__all__ = ["FORMATS", "Format", "find_format", "readable", "writable"]


@dataclass(frozen=True, kw_only=True)
class Format:
    """One format of trajectories.

    Attributes
    ----------
    name : str
        What ``--format`` takes.
    title : str
        What people call it.
    suffixes : tuple of str
        Endings of file names, lower case.
    marks : tuple of str
        Parts of file names that mean this format, lower case.
    reads, writes : bool
        Which directions lionn_rs offers.
    unwrapped : bool
        Files can hold positions outside the cell.
    velocities : bool
        Files can hold velocities.
    restricted_cell : bool
        The cell is stored with its first vector along x and the second in the xy plane: positions
        are rotated when written.
    needs_cell : bool
        There is no way to write atoms without a cell.
    needs_topology : bool
        Files do not say what the atoms are.
    decimals : str
        Digits of positions in files that lionn_rs writes.
    """

    name: str
    title: str
    suffixes: tuple[str, ...] = ()
    marks: tuple[str, ...] = ()
    reads: bool = True
    writes: bool = True
    unwrapped: bool = True
    velocities: bool = False
    restricted_cell: bool = False
    needs_cell: bool = False
    needs_topology: bool = False
    decimals: str = ""


FORMATS: dict[str, Format] = {
    entry.name: entry
    for entry in (
        Format(
            name="h5md",
            title="H5MD",
            suffixes=(".h5", ".h5md", ".hdf5"),
            velocities=True,
            decimals="float32, or those of the run",
        ),
        Format(
            name="extxyz",
            title="extended XYZ",
            suffixes=(".extxyz", ".xyz"),
            velocities=True,
            decimals="8 decimals of Å",
        ),
        Format(
            name="traj",
            title="ASE .traj",
            suffixes=(".traj",),
            velocities=True,
            decimals="float64",
        ),
        Format(
            name="xdatcar",
            title="XDATCAR",
            suffixes=(".xdatcar",),
            marks=("xdatcar",),
            unwrapped=False,
            needs_cell=True,
            decimals="8 decimals of the cell, as VASP",
        ),
        Format(
            name="lammps-dump",
            title="LAMMPS dump",
            suffixes=(".lammpstrj", ".dump", ".lammpsdump"),
            marks=("dump.",),
            velocities=True,
            restricted_cell=True,
            needs_cell=True,
            decimals="8 decimals of Å",
        ),
        Format(
            name="vasprun",
            title="vasprun.xml",
            suffixes=(".xml",),
            marks=("vasprun",),
            writes=False,
            unwrapped=False,
        ),
        Format(
            name="dcd",
            title="DCD",
            suffixes=(".dcd",),
            restricted_cell=True,
            needs_topology=True,
            decimals="float32",
        ),
        Format(
            name="xtc",
            title="XTC",
            suffixes=(".xtc",),
            restricted_cell=True,
            needs_topology=True,
            decimals="4 decimals of Å",
        ),
        Format(
            name="trr",
            title="TRR",
            suffixes=(".trr",),
            velocities=True,
            writes=False,
            restricted_cell=True,
            needs_topology=True,
        ),
        Format(
            name="pdb",
            title="PDB",
            suffixes=(".pdb",),
            reads=False,
            restricted_cell=True,
            decimals="3 decimals of Å",
        ),
    )
}


def readable() -> list[str]:
    """Names of the formats that can be read."""
    return [entry.name for entry in FORMATS.values() if entry.reads]


def writable() -> list[str]:
    """Names of the formats that can be written."""
    return [entry.name for entry in FORMATS.values() if entry.writes]


def find_format(path: Path, name: str | None = None, *, writing: bool = False) -> Format:
    """Format of a file, by name or by the name of the file.

    Parameters
    ----------
    path : Path
        A file, or the output folder of a run (H5MD).
    name : str, optional
        Name of the format instead of what the file name says.
    writing : bool
        The file is to be written.

    Returns
    -------
    Format

    Raises
    ------
    ConfigError
        There is no such format, or not in this direction.
    DataError
        The file name of an input says nothing.

    Examples
    --------
    >>> find_format(Path("XDATCAR_500K")).name
    'xdatcar'
    >>> find_format(Path("run/vasprun.xml.gz")).name
    'vasprun'
    """
    option = "--format" if writing else "--from"
    known = writable() if writing else readable()
    if name is not None:
        if name not in known:
            verb = "write" if writing else "read"
            raise ConfigError(f"{option}: cannot {verb} '{name}' (known: {', '.join(known)})")
        return FORMATS[name]
    if path.is_dir() and not writing:
        return FORMATS["h5md"]
    text = path.name.lower().removesuffix(".gz")
    by_suffix = [f for f in FORMATS.values() if text.endswith(f.suffixes)]
    by_mark = [f for f in FORMATS.values() if any(mark in text for mark in f.marks)]
    found = next(iter(by_suffix or by_mark), None)
    if found is not None and found.name in known:
        return found
    what = f"{found.title} cannot be {'written' if writing else 'read'}" if found else ""
    message = f"{path}: {what or 'the name does not tell the format of this trajectory'}"
    choice = f"{option} takes {', '.join(known)}"
    raise (ConfigError if writing else DataError)(f"{message} ({choice})")
