"""Typed access to parsed dictionaries; every refusal names the line."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, NoReturn, TypeVar

from lionn_rs.interop.amp.literals import Entries, Items, Source, parse

__all__ = ["Section"]

T = TypeVar("T")
_NAMES = {Entries: "a dictionary", Items: "a list", str: "a text", int: "an integer"}


class Section:
    """One dictionary of a text.

    Parameters
    ----------
    source : Source
        The text.
    entries : Entries
        The dictionary.
    name : str
        What it is, for messages.
    """

    def __init__(self, source: Source, entries: Entries, name: str) -> None:
        self.source, self.entries, self.name = source, entries, name

    @classmethod
    def whole(cls, source: Source, name: str) -> Section:
        """Read a text that is one dictionary."""
        value = parse(source)
        if not isinstance(value, Entries):
            raise source.error(0, f"{name} is no dictionary (dict(...))")
        return cls(source, value, name)

    def fail(self, problem: str, key: str | int | None = None) -> NoReturn:
        """Raise an error at the value of a key, or at the dictionary."""
        where = self.entries.start if key is None else self.entries.where[key]
        raise self.source.error(where, problem)

    def only(self, keys: Collection[str]) -> None:
        """Refuse keys that AMP does not know in this place."""
        for key in self.entries:
            if key not in keys:
                self.fail(f"{self.name} has a key {key!r:.40} that AMP does not know", key)

    def get(self, key: str | int, kind: type[T]) -> T:
        """Value of a key, of a given type."""
        if key not in self.entries:
            self.fail(f"{self.name} has no {key!r}")
        value = self.entries[key]
        if not isinstance(value, kind) or isinstance(value, bool):
            wanted = _NAMES.get(kind, "a value")
            self.fail(f"{self.name}: {key!r} must be {wanted}, got {_show(value)}", key)
        return value

    def number(self, key: str | int, default: float | None = None) -> float:
        """Value of a key, a number."""
        if default is not None and key not in self.entries:
            return default
        value = self.get(key, object)
        if not isinstance(value, int | float):
            self.fail(f"{self.name}: {key!r} must be a number, got {_show(value)}", key)
        return float(value)

    def section(self, key: str | int, name: str) -> Section:
        """Value of a key, a dictionary."""
        return Section(self.source, self.get(key, Entries), name)

    def text(self, key: str) -> Section:
        """Value of a key, a text that is a dictionary."""
        text = self.get(key, str)
        name = f"the {key}"
        return Section.whole(self.source.inner(text, self.entries.where[key], name), name)

    def matrix(self, key: str | int, n_columns: int | None = None) -> list[list[float]]:
        """Value of a key, a list of rows of numbers of one length."""
        rows = self.get(key, Items)
        for row in rows:
            width = len(rows[0]) if isinstance(rows[0], Items) else 0
            if not isinstance(row, Items) or len(row) != (n_columns or width) or not row:
                wanted = f"rows of {n_columns}" if n_columns else "rows of equal length"
                where = row.start if isinstance(row, Items) else rows.start
                raise self.source.error(
                    where, f"{self.name}: {key!r} must have {wanted} numbers, got {_show(row)}"
                )
            for number in row:
                if not isinstance(number, int | float) or isinstance(number, bool):
                    raise self.source.error(
                        row.start, f"{self.name}: {key!r} must have numbers, got {_show(number)}"
                    )
        return [[float(number) for number in row] for row in rows]


def _show(value: Any) -> str:
    """Show a value in a message, with few characters."""
    if isinstance(value, Items | Entries):
        return f"{_NAMES[type(value)]} of {len(value)}"
    return f"{value!r:.40}"
