"""HDF5 files that neither a killed process nor a full disk can spoil.

The HDF5 library writes when it likes: at the end of a file's life, from a destructor, where an
error of the disk is printed and forgotten. So it never writes to the disk here. It lays files out,
and changes their structure, in memory (:func:`laid_out`, :func:`changed`); the result is written to
a temporary file, flushed and renamed. Rows of data sets whose room was allocated then are written
to their places directly (:func:`write_rows`): no structure changes, and every error is seen.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

from lionn_rs.errors import DataError
from lionn_rs.files import naming, replacing

if TYPE_CHECKING:
    import h5py

__all__ = ["changed", "laid_out", "write_rows"]

PAGE: Final = 65_536
"""Bytes that are kept in memory together."""


class SparseImage(io.RawIOBase):
    """A file in memory, over one on disk that is only read.

    Only what is written takes memory, so that room for gigabytes of data can be laid out.

    Parameters
    ----------
    base : binary stream, optional
        What lies under the changes.
    """

    def __init__(self, base: BinaryIO | None = None) -> None:
        self._base = base
        self._base_size = 0 if base is None else os.fstat(base.fileno()).st_size
        self._size = self._base_size
        self._pages: dict[int, bytearray] = {}
        self._position = 0

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move to an offset."""
        origin = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}
        self._position = origin[whence] + offset
        return self._position

    def tell(self) -> int:
        """Offset of the next byte."""
        return self._position

    def truncate(self, size: int | None = None) -> int:
        """Set the size; what is beyond the end of before reads as zeros."""
        self._size = self._position if size is None else size
        return self._size

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer; returns the number of bytes."""
        view = memoryview(buffer).cast("B")
        n = max(0, min(len(view), self._size - self._position))
        for page, inside, part in _split(self._position, n):
            view[part] = self._read_page(page)[inside]
        self._position += n
        return n

    def write(self, data: Any) -> int:
        """Write at the present offset."""
        view = memoryview(data).cast("B")
        for page, inside, part in _split(self._position, len(view)):
            if page not in self._pages:
                self._pages[page] = self._read_page(page)
            self._pages[page][inside] = view[part]
        self._position += len(view)
        self._size = max(self._size, self._position)
        return len(view)

    def _read_page(self, page: int) -> bytearray:
        if page in self._pages:
            return self._pages[page]
        content = b""
        if self._base is not None and page * PAGE < self._base_size:
            self._base.seek(page * PAGE)
            content = self._base.read(PAGE)
        return bytearray(content.ljust(PAGE, b"\0"))

    def save(self, path: Path) -> None:
        """Put the file in its place, whole or not at all."""
        with replacing(path) as stream:
            if self._base is not None:
                _copy(self._base, stream)
            for page, content in sorted(self._pages.items()):
                stream.seek(page * PAGE)
                stream.write(content)
            stream.flush()
            stream.truncate(self._size)


def _split(start: int, n: int) -> Iterator[tuple[int, slice, slice]]:
    """Pages of a range of bytes: number, part of the page, part of the range."""
    done = 0
    while done < n:
        page, first = divmod(start + done, PAGE)
        length = min(PAGE - first, n - done)
        yield page, slice(first, first + length), slice(done, done + length)
        done += length


def _copy(source: BinaryIO, target: BinaryIO) -> None:
    """Copy a file; its holes, room that nothing was written to, stay holes where they are known."""
    extents = list(_extents(source.fileno()))
    # The descriptor has moved without the knowledge of the stream, which may have read ahead: only
    # a step to the end makes it ask again.
    source.seek(0, os.SEEK_END)
    for start, end in extents:
        source.seek(start)
        target.seek(start)
        for first in range(start, end, PAGE):
            target.write(source.read(min(PAGE, end - first)))


def _extents(descriptor: int) -> Iterator[tuple[int, int]]:
    """Ranges of a file that hold data, in bytes; moves the descriptor."""
    size = os.fstat(descriptor).st_size
    end = 0
    while end < size:
        try:
            start = os.lseek(descriptor, end, os.SEEK_DATA)
            end = os.lseek(descriptor, start, os.SEEK_HOLE)
        except AttributeError:  # no such system call
            start, end = 0, size
        except OSError:  # no data after the last hole
            return
        yield start, end


@contextmanager
def laid_out(path: Path) -> Iterator[h5py.File]:
    """Lay out a new file; it appears at the end, complete."""
    import h5py

    image = SparseImage()
    with h5py.File(image, "w") as file:
        yield file
    image.save(path)


@contextmanager
def changed(path: Path) -> Iterator[h5py.File]:
    """Change the structure of a file; the changed one takes its place at the end."""
    import h5py

    with path.open("rb") as stream:
        image = SparseImage(stream)
        with h5py.File(image, "r+") as file:
            yield file
        image.save(path)


def write_rows(path: Path, start: int, columns: Mapping[str, NDArray[Any]]) -> None:
    """Write rows of data sets in place, in the given order, and flush them to disk.

    Parameters
    ----------
    path : Path
        The file.
    start : int
        The first row.
    columns : mapping from names of data sets to arrays (n_rows, ...)
        Data sets whose chunks were allocated when the file was laid out.

    Raises
    ------
    DataError
        A data set has no allocated room for the rows, or is compressed.
    OSError
        Not everything could be written; the structure of the file is as it was.
    """
    import h5py

    with h5py.File(path, "r") as file:
        pieces = [
            piece
            for name, values in columns.items()
            for piece in _pieces(path, file[name], start, values)
        ]
    with naming(path), path.open("r+b") as stream:
        for offset, data in pieces:
            stream.seek(offset)
            stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())


def _pieces(
    path: Path, dataset: h5py.Dataset, start: int, values: NDArray[Any]
) -> Iterator[tuple[int, bytes]]:
    """Offsets in the file and the bytes that belong there, chunk by chunk."""
    if dataset.chunks is None or dataset.id.get_create_plist().get_nfilters() > 0:
        raise DataError(f"{path}: {dataset.name} was repacked, this file cannot be continued")
    data = np.ascontiguousarray(values, dtype=dataset.dtype)
    per_chunk, row = dataset.chunks[0], int(np.prod(dataset.shape[1:])) * dataset.dtype.itemsize
    end = start + len(data)
    for first in range(start - start % per_chunk, end, per_chunk):
        begin, stop = max(first, start), min(first + per_chunk, end)
        place = None
        if stop <= dataset.shape[0]:
            corner = (first, *[0] * (dataset.ndim - 1))
            place = dataset.id.get_chunk_info_by_coord(corner).byte_offset
        if place is None:
            raise DataError(f"{path}: {dataset.name} has no room for row {stop - 1}")
        yield place + (begin - first) * row, data[begin - start : stop - start].tobytes()
