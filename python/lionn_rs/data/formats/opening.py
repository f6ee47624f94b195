"""Opens images of any format."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from lionn_rs.data.formats.source import ImageSource, ReadOptions, checked_later
from lionn_rs.data.formats.table import find_data_format
from lionn_rs.errors import DataError

__all__ = ["open_images"]


def open_images(
    path: str | Path, *, format: str | None = None, options: ReadOptions | None = None
) -> ImageSource:
    """Open a file or folder of images, which are then read one by one.

    Parameters
    ----------
    path : str or Path
        extxyz, vasprun.xml, OUTCAR, XDATCAR, CP2K output, ASE .traj or .db, DeePMD folder, n2p2
        input.data, aenet XSF (a file or a folder of them), .npz, or whatever else ASE reads. Text
        may be compressed (.gz, .xz, .bz2).
    format : str, optional
        Name of the format, where the path does not tell it.
    options : ReadOptions, optional
        What the file does not say.

    Returns
    -------
    ImageSource

    Raises
    ------
    DataError
        There is no such file, or it is not what it seems to be; while images are read, with file,
        image and line: the file is damaged.
    ConfigError
        The format is unknown, or something has to be given (units).
    """
    path = Path(path)
    if not path.exists():
        raise DataError(f"{path}: no such file")
    if not path.is_file() and not path.is_dir():
        raise DataError(f"{path}: is neither a file nor a folder")
    found = find_data_format(path, format)
    if path.is_dir() and not found.folder:
        raise DataError(f"{path}: is a folder, not a file of format {found.name}")
    if path.is_file() and found.name == "deepmd":
        raise DataError(f"{path}: is a file; DeePMD data is a folder with type.raw")
    with checked_later():
        source = _reader(found.name)(path, options or ReadOptions())
    source.format = found.name
    return source


def _reader(name: str) -> Callable[[Path, ReadOptions], ImageSource]:
    from lionn_rs.data.formats import ase_files, cp2k, deepmd, extxyz, n2p2, npz, outcar, vasprun
    from lionn_rs.data.formats import xdatcar as xdatcar_file
    from lionn_rs.data.formats import xsf as xsf_file

    return {
        "extxyz": extxyz.read_extxyz,
        "vasprun": vasprun.read_vasprun,
        "outcar": outcar.read_outcar,
        "xdatcar": xdatcar_file.read_xdatcar,
        "cp2k": cp2k.read_cp2k,
        "traj": ase_files.read_traj,
        "db": ase_files.read_db,
        "deepmd": deepmd.read_deepmd,
        "n2p2": n2p2.read_n2p2,
        "xsf": xsf_file.read_xsf,
        "npz": npz.read_npz,
        "ase": ase_files.read_other,
    }[name]
