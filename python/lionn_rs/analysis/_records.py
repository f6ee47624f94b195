"""What every result record of :mod:`lionn_rs.analysis` can do: become plain JSON data."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np


class Record:
    """Base of the frozen result dataclasses."""

    def to_dict(self) -> dict[str, Any]:
        """JSON-safe dict: arrays become lists, non-finite numbers become ``None``."""
        if not dataclasses.is_dataclass(self):
            raise TypeError(f"{type(self).__name__} is not a dataclass")
        return {field.name: plain(getattr(self, field.name)) for field in dataclasses.fields(self)}


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
