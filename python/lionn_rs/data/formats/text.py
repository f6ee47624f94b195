"""Text that is read line by line, whatever a hostile file holds: bounded lines, counted lines."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zlib
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import IO, Any, cast

from lionn_rs.data.formats.source import reason_of
from lionn_rs.errors import DataError

__all__ = ["COMPRESSED", "TextLines", "open_bytes", "symbols_to_numbers"]

COMPRESSED = {".gz": gzip.open, ".xz": lzma.open, ".bz2": bz2.open}
"""Endings of compressed files and what opens them."""

MAX_LINE_BYTES = 16_777_216
"""A text file of atoms has no line that long."""


def open_bytes(path: Path, *, forbidden: bytes = b"") -> IO[bytes]:
    """Bytes of a file, perhaps compressed, which refuse a line without end.

    Parameters
    ----------
    path : Path
    forbidden : bytes
        A text that stops the reading wherever it occurs.

    Raises
    ------
    DataError
        On reading, by what is forbidden.
    """
    opener = COMPRESSED.get(path.suffix.lower(), open)
    raw = cast("IO[bytes]", opener(path, "rb"))  # type: ignore[operator]
    return io.BufferedReader(cast("Any", _Guard(raw, path, forbidden)), 1 << 18)


class _Guard(io.RawIOBase):
    """Passes bytes on while no line grows beyond :data:`MAX_LINE_BYTES`."""

    def __init__(self, raw: IO[bytes], path: Path, forbidden: bytes) -> None:
        self._raw = raw
        self._path = path
        self._forbidden = forbidden
        self._tail = b""
        self._length = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            data = self._raw.read(len(buffer))
        except (EOFError, lzma.LZMAError, zlib.error, OSError) as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise
            raise DataError(
                f"{self._path}: damaged compressed file ({reason_of(error)})"
            ) from error
        end = data.rfind(b"\n")
        self._length = self._length + len(data) if end < 0 else len(data) - end
        if self._length > MAX_LINE_BYTES:
            raise DataError(
                f"{self._path}: a line of more than {MAX_LINE_BYTES >> 20} MB; this is no text "
                "file of images"
            )
        if self._forbidden:
            if self._forbidden in self._tail + data:
                raise DataError(f"{self._path}: '{self._forbidden.decode()}' is not allowed here")
            self._tail = data[-len(self._forbidden) :]
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._raw.close()
        super().close()


class TextLines:
    """Lines of a text file with their numbers.

    Parameters
    ----------
    path : Path
        Perhaps compressed.
    whole : bool
        Leave out a last line without end, whose last number may have lost digits.

    Attributes
    ----------
    number : int
        Number of the line that was read last, from 1.
    """

    def __init__(self, path: Path, *, whole: bool = False) -> None:
        self.path = path
        self.number = 0
        self._whole = whole
        self._stream = io.TextIOWrapper(
            cast("Any", open_bytes(path)), encoding="utf-8", errors="replace", newline=None
        )

    def __enter__(self) -> TextLines:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._stream.close()

    def __iter__(self) -> Iterator[str]:
        while line := self.next():
            yield line

    def next(self) -> str:
        """Return the next line with its end; empty at the end of the file."""
        line = self._stream.readline()
        if self._whole and not line.endswith("\n"):
            line = ""
        self.number += bool(line)
        return line

    def take(self, n: int) -> list[str]:
        """Return the next ``n`` lines, fewer at the end of the file."""
        lines = list(islice(self._stream, n))
        if self._whole and lines and not lines[-1].endswith("\n"):
            lines.pop()
        self.number += len(lines)
        return lines


def symbols_to_numbers(symbols: list[str]) -> list[int]:
    """Atomic numbers of chemical symbols.

    Raises
    ------
    ValueError
        Naming what is no symbol.
    """
    from ase.data import atomic_numbers

    try:
        return [atomic_numbers[symbol] for symbol in symbols]
    except KeyError as error:
        raise ValueError(f"{error.args[0]!r} is not a chemical symbol") from None
