"""Long arrays that are made once, front to back, and then read again and again: on disk."""

from __future__ import annotations

import tempfile
from typing import IO

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["Column"]

Floats = NDArray[np.float64]

MEMORY_BYTES = 64 * 2**20
"""What is longer goes into a temporary file."""


class Column:
    """Arrays (n, ...) that follow each other: in memory while they are small, else on disk.

    What is on disk takes memory only as far as there is some to spare: the system drops its pages
    before it refuses memory to anybody. The temporary file has no name (on POSIX) and is gone with
    the last array that uses it. Where the folder of temporary files is itself in memory, TMPDIR
    names another.
    """

    def __init__(self) -> None:
        self._parts: list[Floats] = []
        self._shape: tuple[int, ...] = (0,)
        self._file: IO[bytes] | None = None

    def __len__(self) -> int:
        return self._shape[0]

    def add(self, part: ArrayLike) -> None:
        """Append frames."""
        rows = np.ascontiguousarray(part, dtype=np.float64)
        self._shape = (self._shape[0] + len(rows), *rows.shape[1:])
        self._parts.append(rows)
        if self._file is None and sum(p.nbytes for p in self._parts) > MEMORY_BYTES:
            self._file = tempfile.TemporaryFile(prefix="lionn-")  # noqa: SIM115 - outlives this
        if self._file is not None:
            for entry in self._parts:
                self._file.write(entry.data)
            self._parts.clear()

    def whole(self) -> Floats:
        """All frames as one array; that of a file is read where it is looked at."""
        if self._file is None:
            return np.concatenate(self._parts)
        self._file.flush()
        # Copy on write: nobody changes the file, and nobody is refused.
        return np.asarray(np.memmap(self._file, dtype=np.float64, mode="c", shape=self._shape))
