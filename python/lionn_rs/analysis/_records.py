"""What every result record of :mod:`lionn_rs.analysis` can do: become plain JSON data, and back."""

from __future__ import annotations

import dataclasses
import math
import types
from collections.abc import Mapping
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import numpy as np
from typing_extensions import Self

from lionn_rs.errors import DataError


class Record:
    """Base of the frozen result dataclasses."""

    def to_dict(self) -> dict[str, Any]:
        """JSON-safe dict: arrays become lists, non-finite numbers become ``None``."""
        if not dataclasses.is_dataclass(self):
            raise TypeError(f"{type(self).__name__} is not a dataclass")
        return {field.name: plain(getattr(self, field.name)) for field in dataclasses.fields(self)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Record that :meth:`to_dict` made this of; fields with a default may be missing.

        Raises
        ------
        DataError
            A field is missing, or its value is not of its type.
        """
        values: dict[str, Any] = {}
        for name, hint in hints_of(cls).items():
            if name in data:
                values[name] = _typed(data[name], hint, f"{cls.__name__}.{name}")
        try:
            return cls(**values)
        except TypeError as error:
            text = str(error).removeprefix(f"{cls.__name__}.__init__() ")
            raise DataError(f"not a {cls.__name__}: {text}") from None


def hints_of(record: type) -> dict[str, Any]:
    """Return the resolved annotations of the fields of a record, in their order."""
    hints = get_type_hints(record)
    return {field.name: hints[field.name] for field in dataclasses.fields(record)}


def is_union(hint: Any) -> bool:
    """Whether a type is ``X | Y``."""
    return get_origin(hint) in (types.UnionType, Union)


def plain(value: Any) -> Any:
    """JSON-safe copy of a value."""
    if isinstance(value, Record):
        return value.to_dict()
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _typed(value: Any, hint: Any, where: str) -> Any:
    """Value of a type, from JSON data; the inverse of :func:`plain`."""
    origin, arguments = get_origin(hint), get_args(hint)
    if is_union(hint):
        if value is None:
            return None
        hint = next(part for part in arguments if part is not type(None))
        return _typed(value, hint, where)
    try:
        if isinstance(hint, type) and issubclass(hint, Record):
            return hint.from_dict(value)
        if origin is np.ndarray:  # what was not finite is not a number
            return np.array(value, dtype=get_args(arguments[1])[0])
        if origin is tuple:
            repeated = arguments[-1] is Ellipsis
            parts = (arguments[0],) * len(value) if repeated else arguments
            pairs = zip(value, parts, strict=True)
            return tuple(_typed(item, part, where) for item, part in pairs)
        if origin is dict:
            return {key: _typed(item, arguments[1], where) for key, item in value.items()}
        if hint is float:
            return math.nan if value is None else float(value)
    except (TypeError, ValueError, AttributeError) as error:
        raise DataError(f"{where}: {value!r:.60} is not what belongs there ({error})") from None
    expected = type(arguments[0]) if origin is Literal else hint
    if isinstance(expected, type) and not isinstance(value, expected):
        raise DataError(f"{where}: expected {expected.__name__}, got {value!r:.60}")
    return value
