"""What every reader of images returns, and what turns the failures of readers into one error."""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from lionn_rs.data.formats.image import RawImage
from lionn_rs.errors import ConfigError, DataError, LionnError

__all__ = [
    "UNITS",
    "ImageSource",
    "ReadOptions",
    "Truncated",
    "Units",
    "checked_later",
    "guarded",
    "reason_of",
]

Units = Literal["eV-A", "Ha-bohr"]

UNITS: dict[str, str] = {"eV-A": "eV and Å", "Ha-bohr": "hartree and bohr"}
"""Systems of units that a file may be in without saying so."""


@dataclass(frozen=True, kw_only=True)
class ReadOptions:
    """What the user says about a file, because the file does not.

    Attributes
    ----------
    units : {"eV-A", "Ha-bohr"}, optional
        For n2p2 files, which name no units.
    types : tuple of str
        Chemical symbols of types 0, 1, ... of DeePMD folders without type_map.raw, and of
        an XDATCAR of VASP 4.
    keep_unconverged : bool
        Keep images whose self-consistency cycle did not converge.
    """

    units: Units | None = None
    types: tuple[str, ...] = ()
    keep_unconverged: bool = False

    def __post_init__(self) -> None:
        if self.units is not None and self.units not in UNITS:
            raise ConfigError(f"units must be one of {', '.join(UNITS)}, got '{self.units}'")


@dataclass(kw_only=True)
class ImageSource:
    """Images of one file or folder, read once, from front to back.

    Attributes
    ----------
    path : Path
    reader : str
        What reads it and how labels are taken, in words.
    images : iterator of RawImage
    n_images : int or None
        Number of images, perhaps an estimate; None if nothing is known.
    dropped : Counter
        Number of images left out, by reason; grows while images are read.
    notes : list of str
        What the reader noticed; grows while images are read.
    format : str
        Name of the format, which :func:`open_images` fills in.
    """

    path: Path
    reader: str
    images: Iterator[RawImage]
    n_images: int | None = None
    dropped: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)
    format: str = ""

    def note(self, text: str) -> None:
        """Add a note once."""
        if text not in self.notes:
            self.notes.append(text)


def checked_later() -> np.errstate:
    """Let numbers overflow without a warning: :meth:`RawImage.check` refuses what comes of them."""
    return np.errstate(over="ignore", invalid="ignore")


class Truncated(Exception):
    """The file ends within an image."""


PARSER_ERRORS = (
    ValueError,
    IndexError,
    KeyError,
    TypeError,
    AttributeError,
    EOFError,
    OverflowError,
    ArithmeticError,
    AssertionError,
    RecursionError,
    RuntimeError,
    struct.error,
)
"""What parsers raise when they meet text that is not what they expect."""


def guarded(
    images: Iterator[RawImage],
    path: Path,
    notes: list[str],
    *,
    line: Callable[[], int] | None = None,
    dropped: Counter[str] | None = None,
) -> Iterator[RawImage]:
    """Images of a parser, whose failures become a :class:`DataError` with file, image and line.

    A last image that is cut off is left out with a note, unless it is the only one.

    Parameters
    ----------
    images : iterator of RawImage
    path : Path
    notes : list of str
        Where the note about the end goes.
    line : callable, optional
        Tells the number of the line that the parser read last.
    dropped : Counter, optional
        Images that the parser has left out, named if nothing else is there.

    Raises
    ------
    DataError
        No image is complete, text is no number, shapes do not match.
    """
    n = 0

    def where() -> str:
        at = f", line {line()}" if line is not None and line() else ""
        return f"{path}, image {n}{at}"

    while True:
        try:
            with checked_later():
                image = next(images)
        except StopIteration:
            break
        except Truncated as error:
            if n == 0 and not dropped:
                raise DataError(f"{where()}: the file ends within this image") from error
            notes.append(f"the file ends within image {n}, which is left out")
            break
        except LionnError:
            raise
        except PARSER_ERRORS as error:
            raise DataError(f"{where()}: cannot be read ({reason_of(error)})") from error
        try:
            image.check()
        except (ValueError, DataError) as error:
            raise DataError(f"{where()}: {error}") from error
        yield image
        n += 1
    if n == 0:
        reasons = "; ".join(f"{count} {reason}" for reason, count in (dropped or {}).items())
        raise DataError(f"{path}: holds no images" + (f" ({reasons})" if reasons else ""))


def reason_of(error: BaseException) -> str:
    """One short line about an exception."""
    text: Any = f"no entry {error}" if isinstance(error, KeyError) else str(error)
    lines = str(text).strip().splitlines() or [type(error).__name__]
    # What stands in a file may be meant for the terminal that shows the message.
    return "".join(c if c.isprintable() else "?" for c in lines[0][:200])
