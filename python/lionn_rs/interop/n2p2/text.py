"""Text files of n2p2: read with a limit, every mistake with file and line."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NoReturn

from lionn_rs.errors import ModelFileError

__all__ = ["MAX_BYTES", "Line", "TextFile"]

MAX_BYTES: Final = 64 * 2**20
"""Longest file that is read; a network of a million weights has about 70 MB, none is that large."""
_SHOWN: Final = 40


@dataclass(frozen=True)
class Line:
    """Words of one line of a file.

    Attributes
    ----------
    file : Path
    number : int
        Counted from 1.
    words : tuple of str
        Never empty.
    """

    file: Path
    number: int
    words: tuple[str, ...]

    def fail(self, message: str) -> NoReturn:
        """Raise a ModelFileError about this line."""
        raise ModelFileError(f"{self.file}: line {self.number}: {message}")

    def word(self, k: int, what: str) -> str:
        """Word ``k``, of which the message says what it would have been."""
        if k >= len(self.words):
            self.fail(f"{what} is missing after '{shortened(' '.join(self.words))}'")
        return self.words[k]

    def real(self, k: int, what: str) -> float:
        """Word ``k`` as a finite number."""
        word = self.word(k, what)
        try:
            value = float(word) if word.isascii() and "_" not in word else math.nan
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            self.fail(f"{what} must be a finite number, got '{shortened(word)}'")
        return value

    def integer(self, k: int, what: str, *, least: int = 0) -> int:
        """Word ``k`` as an integer."""
        word = self.word(k, what)
        digits = word[1:] if word[:1] in "+-" else word
        if not (digits.isascii() and digits.isdecimal()) or len(digits) > 9 or int(word) < least:
            self.fail(f"{what} must be an integer of at least {least}, got '{shortened(word)}'")
        return int(word)

    def expect(self, count: int, form: str) -> None:
        """Refuse another number of words; ``form`` is how the line should look."""
        if len(self.words) != count:
            self.fail(f"expected '{form}', got '{shortened(' '.join(self.words))}'")


class TextFile:
    """A text file with comments.

    Parameters
    ----------
    path : Path
        The file.
    comments : str
        Characters that start a comment anywhere in a line.

    Raises
    ------
    ModelFileError
        If it is missing, no file, or longer than :data:`MAX_BYTES`.
    """

    def __init__(self, path: Path, comments: str = "#") -> None:
        self.path = path
        self._comments = comments
        try:
            if path.exists() and not path.is_file():
                raise ModelFileError(f"{path}: is no file")
            with path.open("rb") as stream:
                self.content = stream.read(MAX_BYTES + 1)
        except FileNotFoundError:
            raise ModelFileError(f"{path}: no such file") from None
        except OSError as error:
            raise ModelFileError(f"{path}: cannot be read ({error.strerror})") from None
        if len(self.content) > MAX_BYTES:
            raise ModelFileError(f"{path}: longer than {MAX_BYTES // 2**20} MiB; no potential is")

    def raw_lines(self) -> Iterator[str]:
        """Lines with their comments."""
        start = 0
        while start < len(self.content):
            end = self.content.find(b"\n", start)
            end = len(self.content) if end < 0 else end
            # Comments may be in any encoding; what matters is ASCII.
            yield self.content[start:end].decode("utf-8", errors="replace")
            start = end + 1

    def lines(self) -> Iterator[Line]:
        """Lines that hold more than a comment."""
        for number, text in enumerate(self.raw_lines(), start=1):
            for character in self._comments:
                text = text.partition(character)[0]
            words = text.split()
            if words:
                yield Line(self.path, number, tuple(words))

    def fail(self, message: str) -> NoReturn:
        """Raise a ModelFileError about the file."""
        raise ModelFileError(f"{self.path}: {message}")


def shortened(text: str) -> str:
    """``text``, or its beginning."""
    text = "".join(c if c.isprintable() else "?" for c in text)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "..."
