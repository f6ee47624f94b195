"""Arrays of NumPy files row by row, without ever holding or unpickling them whole."""

from __future__ import annotations

import math
from pathlib import Path
from typing import IO, Any, Final

import numpy as np
from numpy.lib import format as npy_format
from numpy.typing import NDArray

from lionn_rs.errors import DataError

__all__ = ["NpyAppender", "NpyRows"]

HEADER_BYTES: Final = 128
MAX_HEADER: Final = 10_000
MAX_ROW_BYTES: Final = 256_000_000
"""One row is one image or one atom; more bytes are a damaged header."""
_KINDS: Final = "fiubUS"


class NpyRows:
    """Rows of an array along its first axis, in order.

    Parameters
    ----------
    stream : binary file
        At the start of an ``.npy`` file.
    where : str
        What a message calls the array.
    n_bytes : int
        Length of the ``.npy`` file.

    Raises
    ------
    DataError
        This is no ``.npy`` file, it is cut off, or it holds Python objects.
    """

    def __init__(self, stream: IO[bytes], where: str, n_bytes: int) -> None:
        self.where = where
        self._stream = stream
        try:
            version = npy_format.read_magic(stream)
            if version not in ((1, 0), (2, 0)):
                raise ValueError(f"version {version}")
            read = (
                npy_format.read_array_header_1_0
                if version == (1, 0)
                else npy_format.read_array_header_2_0
            )
            shape, fortran, dtype = read(stream, max_header_size=MAX_HEADER)
        except Exception as error:
            # NumPy parses headers as Python literals, and lets through what its tokenizer raises.
            reason = (str(error).splitlines() or [type(error).__name__])[0][:120]
            raise DataError(f"{where}: not a NumPy array ({reason})") from error
        self.shape: tuple[int, ...] = shape
        self.dtype: np.dtype[Any] = dtype
        if dtype.hasobject or dtype.kind not in _KINDS:
            raise DataError(
                f"{where}: an array of {dtype}, which is refused (Python objects would run code)"
            )
        if fortran and sum(n > 1 for n in shape) > 1:
            raise DataError(
                f"{where}: columns before rows (Fortran order); save np.ascontiguousarray of it"
            )
        if any(n < 0 for n in shape):
            raise DataError(f"{where}: shape {shape}")
        size = math.prod(shape) * dtype.itemsize
        if stream.tell() + size > n_bytes:
            raise DataError(
                f"{where}: {n_bytes} bytes, but the array of shape {shape} needs "
                f"{stream.tell() + size}; the file is cut off or damaged"
            )
        self.row_bytes = math.prod(shape[1:]) * dtype.itemsize
        if self.row_bytes > MAX_ROW_BYTES:
            raise DataError(f"{where}: rows of {self.row_bytes} bytes (shape {shape})")

    @property
    def n_rows(self) -> int:
        """Length of the first axis."""
        return self.shape[0] if self.shape else 1

    def take(self, n: int) -> NDArray[Any]:
        """Return the next ``n`` rows.

        Raises
        ------
        DataError
            There are fewer, or so many that they cannot belong together.
        """
        size = n * self.row_bytes
        if size > MAX_ROW_BYTES:
            raise DataError(f"{self.where}: {n} rows at once")
        data = self._stream.read(size)
        if len(data) < size:
            raise DataError(f"{self.where}: ends too early, of {n} rows {len(data)} bytes are left")
        return np.frombuffer(data, dtype=self.dtype).reshape(n, *self.shape[1:])

    def row(self) -> NDArray[Any]:
        """Return the next row."""
        return np.asarray(self.take(1)[0])

    def all(self) -> NDArray[Any]:
        """Return the whole array, for small ones."""
        if not self.shape:
            return self.take(1).reshape(())
        return self.take(self.n_rows)

    def floats(self, shape: tuple[int, ...]) -> NDArray[np.float64]:
        """Return the next row as float64 of this shape.

        Raises
        ------
        ValueError
            It has another number of entries, or is no number.
        """
        if self.dtype.kind not in "fiu":
            raise ValueError(f"{self.where} holds {self.dtype}, expected numbers")
        return self.row().astype(np.float64).reshape(shape)


class NpyAppender:
    """Writes an ``.npy`` file whose number of rows is known only at the end.

    Parameters
    ----------
    path : Path
    row_shape : tuple of int
    dtype : str
    """

    def __init__(self, path: Path, row_shape: tuple[int, ...], dtype: str = "<f8") -> None:
        self.path = path
        self.row_shape = row_shape
        self.dtype = np.dtype(dtype)
        self.n_rows = 0
        self._pending: list[bytes] = []
        self._pending_bytes = 0
        path.write_bytes(b" " * HEADER_BYTES)

    def append(self, rows: Any, n_rows: int = 1) -> None:
        """Append rows."""
        data = np.ascontiguousarray(rows, dtype=self.dtype)
        if data.size != n_rows * math.prod(self.row_shape):
            raise ValueError(f"{self.path.name}: rows of {self.row_shape}, got {data.shape}")
        self.n_rows += n_rows
        self._pending.append(data.tobytes())
        self._pending_bytes += data.nbytes
        if self._pending_bytes > FLUSH_BYTES:
            self._flush()

    def _flush(self) -> None:
        # Opened each time: there may be more files than a process can hold open.
        with self.path.open("ab") as stream:
            stream.write(b"".join(self._pending))
        self._pending, self._pending_bytes = [], 0

    def close(self) -> None:
        """Write what is pending, and the header."""
        self._flush()
        shape = (self.n_rows, *self.row_shape)
        header = f"{{'descr': {self.dtype.str!r}, 'fortran_order': False, 'shape': {shape!r}, }}"
        length = HEADER_BYTES - 10
        text = header.ljust(length - 1).encode("latin1") + b"\n"
        assert len(text) == length
        with self.path.open("r+b") as stream:
            stream.write(b"\x93NUMPY\x01\x00" + length.to_bytes(2, "little") + text)


FLUSH_BYTES: Final = 1 << 18
