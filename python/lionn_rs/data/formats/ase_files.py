"""ASE's own files, and through ASE whatever else it reads."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from lionn_rs.data.formats.image import RawImage
from lionn_rs.data.formats.source import ImageSource, ReadOptions, Truncated, guarded, reason_of
from lionn_rs.errors import DataError

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["AseDbWriter", "AseTrajWriter", "read_db", "read_other", "read_traj"]

PICKLED = b"PickleTrajectory"
SQLITE = b"SQLite format 3\x00"


def read_traj(path: Path, options: ReadOptions) -> ImageSource:
    """ASE's binary trajectory; the format before 2014 is refused, since reading it runs code."""
    from ase.io import Trajectory

    with path.open("rb") as stream:
        head = stream.read(len(PICKLED))
    if head.startswith((PICKLED, b"\x80")):
        raise DataError(
            f"{path}: pickled by an ASE of before 2014, which can run code when it is read; "
            "convert it where you trust it: python -m ase.io.trajectory FILE"
        )
    try:
        file = cast("Any", Trajectory(path))
        n_images = len(file)
    except Exception as error:
        raise DataError(f"{path}: not an ASE trajectory ({reason_of(error)})") from error
    if n_images > path.stat().st_size:
        raise DataError(f"{path}: claims to hold {n_images} images; it is damaged")
    notes: list[str] = []
    return ImageSource(
        path=path,
        reader="ASE (.traj)",
        images=guarded(_traj_images(file, n_images), path, notes),
        n_images=n_images,
        notes=notes,
    )


def _traj_images(file: Any, n_images: int) -> Iterator[RawImage]:
    with file:
        for k in range(n_images):
            try:
                atoms = file[k]
            except Exception as error:
                try:
                    file[n_images - 1]
                except Exception:  # whatever ASE meets in an image that is not there
                    raise Truncated from error
                raise ValueError(f"{type(error).__name__}: {error}") from error
            yield RawImage.from_atoms(atoms)


def read_db(path: Path, options: ReadOptions) -> ImageSource:
    """Database of ASE (SQLite), in the order of the ids; key-value pairs become info."""
    from ase.db import connect

    with path.open("rb") as stream:
        if not stream.read(len(SQLITE)) == SQLITE:
            raise DataError(f"{path}: not an SQLite database of ASE")
    try:
        database = connect(path, type="db", append=True, serial=True)
        n_images = database.count()
    except Exception as error:
        raise DataError(f"{path}: not an SQLite database of ASE ({reason_of(error)})") from error
    notes: list[str] = []
    return ImageSource(
        path=path,
        reader="ASE (.db)",
        images=guarded(_db_images(database, path), path, notes),
        n_images=n_images,
        notes=notes,
    )


def _db_images(database: Any, path: Path) -> Iterator[RawImage]:
    last = 0
    while True:
        # In portions by id: one long query would keep the database locked.
        try:
            rows = list(database.select(f"id>{last}", limit=PORTION, sort="id"))
            images = [RawImage.from_atoms(_row_atoms(row)) for row in rows]
        except Exception as error:
            raise DataError(
                f"{path}, after id {last}: cannot be read ({reason_of(error)})"
            ) from error
        if not rows:
            return
        yield from images
        last = rows[-1].id


PORTION = 500


def _row_atoms(row: Any) -> Atoms:
    atoms = cast("Atoms", row.toatoms())
    atoms.info.update(row.key_value_pairs)
    data = row.data.get("info") if row.data else None
    if isinstance(data, dict):
        atoms.info.update(data)
    return atoms


def read_other(path: Path, options: ReadOptions) -> ImageSource:
    """Whatever else ASE reads (POSCAR, CIF, outputs of other codes), all images at once."""
    from ase.io import read
    from ase.io.formats import filetype

    notes: list[str] = []
    try:
        name = str(filetype(str(path)))
        if name in REFUSED:
            raise DataError(f"{path}: format '{name}' of ASE is refused, since it can run code")
        found = read(str(path), index=slice(None), format=name, do_not_split_by_at_sign=True)
    except DataError:
        raise
    except Exception as error:
        # ASE's readers raise whatever their parser meets: IndexError, KeyError, StopIteration...
        reason = (str(error).splitlines() or [""])[0][:200] or type(error).__name__
        raise DataError(f"{path}: cannot be read as images ({reason})") from error
    images = found if isinstance(found, list) else [found]
    return ImageSource(
        path=path,
        reader=f"ASE ({name})",
        images=guarded(map(RawImage.from_atoms, images), path, notes),
        n_images=len(images),
        notes=notes,
    )


REFUSED = ("bundletrajectory", "mysql", "postgresql", "py")
"""Formats of ASE that unpickle, ask a server or write Python code."""


class AseTrajWriter:
    """Writes ASE's binary trajectory.

    Parameters
    ----------
    stream : binary file
    """

    def __init__(self, stream: Any) -> None:
        from ase.io import Trajectory

        self._file = Trajectory(stream, "w")

    def write(self, image: RawImage) -> None:
        """Append an image."""
        self._file.write(image.to_atoms())


class AseDbWriter:
    """Writes a database of ASE; info goes into the data of a row.

    Parameters
    ----------
    path : Path
        Does not exist.
    """

    def __init__(self, path: Path) -> None:
        from ase.db import connect

        self._database = connect(path, type="db", append=False, serial=True)
        self._pending: list[RawImage] = []

    def write(self, image: RawImage) -> None:
        """Append an image."""
        self._pending.append(image)
        if len(self._pending) >= PORTION:
            self.flush()

    def flush(self) -> None:
        """Write what is pending in one transaction."""
        if not self._pending:
            return
        with self._database:
            for image in self._pending:
                info = {key: _plain(value) for key, value in image.info.items()}
                self._database.write(image.to_atoms(), data={"info": info})
        self._pending = []


def _plain(value: Any) -> Any:
    """Scalars of NumPy have no form in a database."""
    return value.item() if isinstance(value, np.generic) else value
