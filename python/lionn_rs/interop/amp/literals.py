"""Texts of Python values, read without running them.

A ``.amp`` file is the text of a Python expression that AMP hands to ``eval``. This parser knows
values only: dictionaries, lists, tuples, sets, numbers, texts, ``True``, ``False``, ``None``, and
calls of a fixed list of constructors (``dict``, ``OrderedDict``, ``array``, ``matrix``, NumPy's
scalar types) that it carries out itself. Everything else is an error that names its line. Time and
memory are bounded by the length of the text, whose size, nesting and number of values are limited.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final, NoReturn

from lionn_rs.errors import ModelFileError

__all__ = ["MAX_BYTES", "Entries", "Items", "Source", "parse"]

MAX_BYTES: Final = 32 * 2**20
"""Longest file that is read. A bundle of 50 networks of 10,000 weights takes a third of it."""
MAX_VALUES: Final = 1_000_000
"""Most numbers, texts and containers in one text."""
MAX_DEPTH: Final = 24
"""Deepest nesting; AMP's own files reach 6."""
MAX_DIGITS: Final = 64
"""Longest number; AMP prints at most 30 digits."""

_SPACE = re.compile(r"[ \t\r\n\f]*")
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_NAME = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*", re.ASCII)
_ESCAPE = re.compile(r"\\(?:x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|.)", re.ASCII)
_ESCAPES = {r"\n": "\n", r"\t": "\t", r"\r": "\r", r"\/": "/"} | {"\\" + c: c for c in "\\'\""}
_QUOTES = ("'", '"')
_CONSTANTS = {"True": True, "False": False, "None": None}
_PLAIN_TYPE = re.compile(r"(?:np\.|numpy\.)?(?:float|int|uint|longdouble|str_|bool_?)\d*", re.ASCII)
_MAPPINGS = {"dict", "OrderedDict", "collections.OrderedDict"}
_ARRAYS = {f"{prefix}{name}" for prefix in ("", "np.", "numpy.") for name in ("array", "matrix")}


@dataclass(frozen=True)
class Source:
    """A text and where it is from, to name places in it.

    Attributes
    ----------
    text : str
        What is parsed.
    path : str
        The file.
    name : str
        What the text is within the file; empty for the file itself.
    parent : (Source, int) or None
        The text that holds this one as a quoted text, and where.
    """

    text: str = field(repr=False)
    path: str
    name: str = ""
    parent: tuple[Source, int] | None = field(default=None, repr=False)

    def place(self, position: int) -> str:
        """``"line 2"``, or ``"line 2, in line 14 of the model"`` within a quoted text."""
        line = self.text.count("\n", 0, position) + 1
        if self.parent is None:
            return f"line {line}"
        source, start = self.parent
        return f"{source.place(start)}, in line {line} of {self.name}"

    def error(self, position: int, problem: str) -> ModelFileError:
        """Error at a place of the text."""
        return ModelFileError(f"{self.path}: {self.place(position)}: {problem}")

    def inner(self, text: str, position: int, name: str) -> Source:
        """Name a quoted text within this one."""
        return Source(text, self.path, name, (self, position))


class Entries(dict[str | int, Any]):
    """A dictionary that knows where it and its values stand in the text."""

    def __init__(self, start: int) -> None:
        super().__init__()
        self.start = start
        self.where: dict[str | int, int] = {}


class Items(list[Any]):
    """A list that knows where it stands in the text."""

    def __init__(self, start: int) -> None:
        super().__init__()
        self.start = start


def parse(source: Source) -> Any:
    """Value that a text describes.

    Returns
    -------
    Entries, Items, str, int, float, bool or None

    Raises
    ------
    ModelFileError
        With the line, for anything but values.
    """
    parser = _Parser(source)
    value = parser.value(0)
    if parser.peek():
        parser.fail(f"expected the end of the text, got {parser.excerpt()}")
    return value


class _Parser:
    """Recursive descent; ``position`` is the next character."""

    def __init__(self, source: Source) -> None:
        self.source, self.text = source, source.text
        self.position = 0
        self.n_values = 0

    def fail(self, problem: str, position: int | None = None) -> NoReturn:
        raise self.source.error(self.position if position is None else position, problem)

    def excerpt(self) -> str:
        """Show the next characters, for messages."""
        rest = self.text[self.position : self.position + 24].split("\n")[0]
        return repr(rest) if rest else "the end of the text"

    def peek(self) -> str:
        """Look at the next character that is not blank; empty at the end."""
        match = _SPACE.match(self.text, self.position)
        self.position = match.end() if match else self.position
        return self.text[self.position : self.position + 1]

    def take(self, mark: str) -> bool:
        """Step over a mark if it comes next."""
        if self.peek() != mark:
            return False
        self.position += 1
        return True

    def expect(self, mark: str) -> None:
        if not self.take(mark):
            self.fail(f"expected '{mark}', got {self.excerpt()}")

    def value(self, depth: int) -> Any:
        character = self.peek()
        start = self.position
        self.n_values += 1
        if self.n_values > MAX_VALUES:
            self.fail(f"more than {MAX_VALUES:,} values; this is no potential")
        if depth > MAX_DEPTH:
            self.fail(f"nested deeper than {MAX_DEPTH} levels; this is no potential")
        if character == "[":
            self.position += 1
            return self.items("]", start, depth)[0]
        if character == "(":
            self.position += 1
            items, comma = self.items(")", start, depth)
            return items if comma or not items else items[0]
        if character == "{":
            self.position += 1
            return self.braces(start, depth)
        if character in _QUOTES:
            return self.quoted()
        if (match := _NUMBER.match(self.text, self.position)) is not None:
            return self.number(match)
        if (match := _NAME.match(self.text, self.position)) is not None:
            self.position = match.end()
            return self.named(match[0], start, depth)
        self.fail(f"expected a value, got {self.excerpt()}")

    def number(self, match: re.Match[str]) -> int | float:
        text, start = match[0], self.position
        self.position = match.end()
        after = self.text[self.position : self.position + 1]
        if after.isalnum() or after in ("_", "."):
            self.fail(f"{text[:20]}{after}... is not a number", start)
        if len(text) > MAX_DIGITS:
            self.fail(f"a number of {len(text)} characters", start)
        if text.lstrip("+-").isdigit():
            return int(text)
        number = float(text)
        if not math.isfinite(number):
            self.fail(f"{text} is too large for a number", start)
        return number

    def quoted(self) -> str:
        """Read a quoted text; escapes are those of ``repr`` and of JSON."""
        start, quote = self.position, self.text[self.position]
        end = start
        while True:
            end = self.text.find(quote, end + 1)
            if end < 0:
                self.fail("a text that does not end", start)
            first = end
            while self.text[first - 1] == "\\":
                first -= 1
            if (end - first) % 2 == 0:
                break
        text = self.text[start + 1 : end]
        if "\n" in text:
            self.fail("a text that does not end on its line", start)
        self.position = end + 1
        return _ESCAPE.sub(self.escape, text) if "\\" in text else text

    def escape(self, match: re.Match[str]) -> str:
        plain = _ESCAPES.get(match[0])
        if plain is not None:
            return plain
        if len(match[0]) < 4:
            self.fail(f"unknown escape {match[0]} in a text")
        return chr(int(match[0][2:], 16))

    def items(self, end: str, start: int, depth: int) -> tuple[Items, bool]:
        """Values up to a bracket, and whether there was a comma."""
        items, comma = Items(start), False
        while not self.take(end):
            items.append(self.value(depth + 1))
            if not self.take(","):
                self.close(end)
                break
            comma = True
        return items, comma

    def close(self, end: str) -> None:
        if not self.take(end):
            self.fail(f"expected ',' or '{end}', got {self.excerpt()}")

    def braces(self, start: int, depth: int) -> Entries | Items:
        """Read a dictionary, or a set as a list of its members."""
        entries = Entries(start)
        if self.take("}"):
            return entries
        key = self.value(depth + 1)
        if self.peek() != ":":
            members = Items(start)
            members.append(key)
            if self.take(","):
                members += self.items("}", start, depth)[0]
            else:
                self.close("}")
            return members
        while True:
            self.expect(":")
            self.enter(entries, key, depth)
            if not self.take(","):
                self.close("}")
                return entries
            if self.take("}"):
                return entries
            key = self.value(depth + 1)

    def enter(self, entries: Entries, key: Any, depth: int) -> None:
        """Read the value of a key."""
        self.peek()
        where = self.position
        add(self.source, entries, key, self.value(depth + 1), where)

    def named(self, name: str, start: int, depth: int) -> Any:
        """Read a constant, or a call of a known constructor."""
        if name in _CONSTANTS:
            return _CONSTANTS[name]
        if name == "u" and self.text[self.position : self.position + 1] in _QUOTES:
            return self.quoted()
        if self.peek() != "(":
            self.fail(f"'{name}' is not a value", start)
        self.position += 1
        if name in _MAPPINGS:
            return self.mapping(start, depth)
        if name not in _ARRAYS and not _PLAIN_TYPE.fullmatch(name):
            self.fail(f"a call of '{name}': nothing is executed, only values are read", start)
        value = self.value(depth + 1)
        if name in _ARRAYS and self.take(","):
            self.dtype()
        self.expect(")")
        if name in _ARRAYS and not isinstance(value, Items):
            self.fail(f"{name} of something that is not a list", start)
        if name not in _ARRAYS and isinstance(value, Items | Entries):
            self.fail(f"{name} of something that is not a number", start)
        return value

    def dtype(self) -> None:
        """``dtype=float64`` after the numbers of an array."""
        if self.peek() == ")":
            return
        for pattern in (re.compile(r"dtype\s*=\s*"), re.compile(r"'[\w<>=|]{1,16}'|[\w.]{1,24}")):
            match = pattern.match(self.text, self.position)
            if match is None:
                self.fail(f"expected dtype=..., got {self.excerpt()}")
            self.position = match.end()

    def mapping(self, start: int, depth: int) -> Entries:
        """Arguments of ``dict`` and ``OrderedDict``: keywords, a dictionary, or a list of pairs."""
        entries = Entries(start)
        self.peek()
        match = _NAME.match(self.text, self.position)
        is_keyword = match is not None and _after_blanks(self.text, match.end()) == "="
        if self.peek() != ")" and not is_keyword:
            value = self.value(depth + 1)
            self.take(",")
            self.expect(")")
            for key, entry, where in self.pairs(value, start):
                add(self.source, entries, key, entry, where)
            return entries
        while not self.take(")"):
            match = _NAME.match(self.text, self.position)
            if match is None:
                self.fail(f"expected a keyword, got {self.excerpt()}")
            self.position = match.end()
            self.expect("=")
            self.enter(entries, match[0], depth)
            if not self.take(","):
                self.close(")")
                break
            self.peek()
        return entries

    def pairs(self, value: Any, start: int) -> Iterator[tuple[Any, Any, int]]:
        if isinstance(value, Entries):
            yield from ((key, entry, value.where[key]) for key, entry in value.items())
            return
        if not isinstance(value, Items):
            self.fail("a dictionary of something that is no list of pairs", start)
        for pair in value:
            if not isinstance(pair, Items) or len(pair) != 2:
                self.fail("a dictionary of something that is no list of pairs", start)
            yield pair[0], pair[1], pair.start


def add(source: Source, entries: Entries, key: Any, value: Any, where: int) -> None:
    """Enter a value under a key that is new.

    Raises
    ------
    ModelFileError
        If the key is neither a text nor an integer, or comes twice.
    """
    if not isinstance(key, str | int) or isinstance(key, bool):
        raise source.error(where, f"a key of a dictionary is a text or an integer, got {key!r:.40}")
    if key in entries:
        raise source.error(where, f"the key {key!r:.40} comes twice")
    entries[key] = value
    entries.where[key] = where


def _after_blanks(text: str, position: int) -> str:
    match = _SPACE.match(text, position)
    return text[match.end() : match.end() + 1] if match else ""
