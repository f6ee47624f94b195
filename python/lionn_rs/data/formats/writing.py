"""Writes images of any format, tells what the format cannot hold, leaves nothing unfinished."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, Final

from lionn_rs.data.formats.image import RawImage
from lionn_rs.data.formats.source import UNITS, Units
from lionn_rs.data.formats.table import DataFormat, find_data_format
from lionn_rs.errors import ConfigError, DataError
from lionn_rs.files import naming, replacing

__all__ = ["ImageWriter", "check_output", "writing_images"]

NO_SPACE_FOR: Final = 5
"""Names of lost entries that a report lists."""


class ImageWriter:
    """Appends images to an output and counts what is lost.

    Attributes
    ----------
    format : DataFormat
    n_images : int
    lost : Counter
        Number of images that lost something, by what.
    """

    def __init__(self, format: DataFormat, path: Path, backend: Any) -> None:
        self.format = format
        self.path = path
        self.n_images = 0
        self.lost: Counter[str] = Counter()
        self._names: dict[str, set[str]] = {"info": set(), "arrays": set()}
        self._backend = backend

    def write(self, image: RawImage) -> None:
        """Append an image.

        Raises
        ------
        DataError
            The format cannot hold it.
        """
        try:
            image.check()
            self._count_losses(image)
            if self.format.energies == 1:
                image = _with_one_energy(image)
            self._backend.write(image)
        except (ValueError, KeyError, TypeError, DataError) as error:
            reason = "it has no energy" if isinstance(error, KeyError) else str(error)
            raise DataError(
                f"{self.path}: image {self.n_images} cannot be written as {self.format.name}: "
                f"{reason}"
            ) from error
        self.n_images += 1

    def _count_losses(self, image: RawImage) -> None:
        kept = self.format
        results = image.results
        energies = {results[key] for key in ("energy", "free_energy") if key in results}
        if kept.energies == 0 and energies:
            self.lost["energy"] += 1
        elif len(energies) > kept.energies:
            self.lost["energy, where it differs from free_energy, which is kept"] += 1
        for name, carried in (("forces", kept.forces), ("stress", kept.stress)):
            if name in results and not carried:
                self.lost[name] += 1
        if "group" in image.info and not kept.group:
            self.lost["group"] += 1
        others = {key for key in image.info if key not in ("group", "source")}
        if others and not kept.info:
            self._names["info"] |= others
            self.lost["info"] += 1
        if image.arrays and not kept.arrays:
            self._names["arrays"] |= set(image.arrays)
            self.lost["arrays"] += 1

    def report(self) -> list[str]:
        """Say what was lost, a line each."""
        lines = []
        for what, count in self.lost.items():
            text = what
            if what in self._names:
                names = sorted(self._names[what])
                shown = ", ".join(names[:NO_SPACE_FOR])
                more = f" and {len(names) - NO_SPACE_FOR} more" if len(names) > NO_SPACE_FOR else ""
                text = f"{'entries' if what == 'info' else 'columns'} {shown}{more}"
            lines.append(f"lost in {count} images: {text}")
        if self.format.decimals != "all":
            lines.append(f"digits: {self.format.decimals}")
        return lines


def _with_one_energy(image: RawImage) -> RawImage:
    """Take the free energy, which forces are derivatives of, where there is one."""
    free = image.results.get("free_energy")
    if free is None:
        return image
    return RawImage(
        numbers=image.numbers,
        positions=image.positions,
        cell=image.cell,
        pbc=image.pbc,
        results=image.results | {"energy": free},
        info=image.info,
        arrays=image.arrays,
    )


def check_output(path: Path, *, force: bool = False) -> None:
    """Refuse an output that exists.

    Raises
    ------
    ConfigError
        It exists and ``force`` is not given, or it is a folder that holds other things than images.
    """
    if not path.parent.is_dir():
        raise ConfigError(f"{path}: the folder {path.parent} does not exist")
    if not path.exists() and not path.is_symlink():
        return
    if not force:
        raise ConfigError(f"{path}: exists (--force to replace it)")
    if path.is_dir():
        foreign = [entry for entry in path.rglob("*") if not _is_data(entry)]
        if foreign:
            raise ConfigError(
                f"{path}: --force refused, the folder holds other things than images "
                f"({foreign[0].name}); remove it yourself if it may go"
            )


def _is_data(entry: Path) -> bool:
    if entry.is_dir() and not entry.is_symlink():
        return True
    return entry.suffix in (".npy", ".raw", ".xsf") or entry.name == "nopbc"


@contextmanager
def writing_images(
    path: str | Path,
    *,
    format: str | None = None,
    units: Units = "eV-A",
    force: bool = False,
) -> Iterator[ImageWriter]:
    """Write images under a temporary name, which becomes the final one when all are written.

    Parameters
    ----------
    path : str or Path
        File, or folder (DeePMD, XSF).
    format : str, optional
        Name of the format, where the path does not tell it.
    units : {"eV-A", "Ha-bohr"}
        Of an input.data of n2p2; other formats have units of their own.
    force : bool
        Replace what is there.

    Yields
    ------
    ImageWriter

    Raises
    ------
    ConfigError
        The output exists, or its format is unknown or not written.
    DataError
        Nothing was written.
    """
    path = Path(path)
    found = find_data_format(path, format, writing=True)
    if units not in UNITS:
        raise ConfigError(f"units must be one of {', '.join(UNITS)}, got '{units}'")
    check_output(path, force=force)
    if found.folder:
        with _new_folder(path) as folder:
            yield from _written(_folder_writer(found, path, folder))
    elif found.name == "db":
        with _new_folder(path, only="images.db") as folder:
            yield from _written(_file_writer(found, path, folder / "images.db", units))
    else:
        with replacing(path) as stream:
            yield from _written(_file_writer(found, path, stream, units))


def _written(writer: ImageWriter) -> Iterator[ImageWriter]:
    backend = writer._backend
    try:
        yield writer
        if writer.n_images == 0:
            raise DataError(f"{writer.path}: no images to write")
        for name in ("flush", "close"):
            if hasattr(backend, name):
                getattr(backend, name)()
    finally:
        if hasattr(backend, "abandon"):
            backend.abandon()


def _folder_writer(format: DataFormat, path: Path, folder: Path) -> ImageWriter:
    from lionn_rs.data.formats.deepmd_writer import DeepmdWriter

    backend = DeepmdWriter(folder) if format.name == "deepmd" else _XsfFolder(folder)
    return ImageWriter(format, path, backend)


def _file_writer(format: DataFormat, path: Path, target: Any, units: Units) -> ImageWriter:
    from lionn_rs.data.formats import ase_files, n2p2, npz, xdatcar

    backend: Any
    if format.name == "extxyz":
        backend = _ExtxyzFile(target)
    elif format.name == "traj":
        backend = ase_files.AseTrajWriter(target)
    elif format.name == "db":
        backend = ase_files.AseDbWriter(target)
    elif format.name == "xdatcar":
        backend = xdatcar.XdatcarWriter(target)
    elif format.name == "n2p2":
        backend = n2p2.N2p2Writer(target, units)
    else:
        backend = npz.NpzWriter(target, path.parent)
    return ImageWriter(format, path, backend)


class _ExtxyzFile:
    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream

    def write(self, image: RawImage) -> None:
        from lionn_rs.data.formats.extxyz import image_text

        self._stream.write(image_text(image).encode())


class _XsfFolder:
    """``image-000001.xsf`` and so on."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._n = 0

    def write(self, image: RawImage) -> None:
        from lionn_rs.data.formats.xsf import xsf_text

        text = xsf_text(image)
        self._n += 1
        (self._folder / f"image-{self._n:07d}.xsf").write_text(text, encoding="utf-8")


@contextmanager
def _new_folder(path: Path, only: str | None = None) -> Iterator[Path]:
    """Temporary folder that takes the place of ``path``, or whose file ``only`` does."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with naming(path):
        temporary.mkdir()
        try:
            yield temporary
            for entry in temporary.rglob("*"):
                if entry.is_file():
                    _sync(entry)
            if only is not None:
                (temporary / only).replace(path)
            else:
                _exchange(temporary, path)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
        _sync(path.parent)


def _exchange(new: Path, path: Path) -> None:
    """Replace a folder, which takes two steps: the old one steps aside, and goes last."""
    aside = path.with_name(f".{path.name}.{os.getpid()}.old.tmp")
    if path.exists():
        path.rename(aside)
    try:
        new.rename(path)
    except OSError:
        if aside.exists():
            aside.rename(path)
        raise
    if aside.is_dir():
        shutil.rmtree(aside)
    else:
        aside.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    with suppress(OSError):
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def same_place(first: Path, second: Path) -> bool:
    """Whether two paths mean the same file or folder."""
    return first.exists() and second.exists() and first.samefile(second)
