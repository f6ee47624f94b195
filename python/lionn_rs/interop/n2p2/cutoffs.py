"""Cutoff functions of n2p2 and their counterparts in lionn_rs.

====  ===================================  ==================================
type  with ``x = (r - a rc)/(rc - a rc)``  in lionn_rs
====  ===================================  ==================================
0     1                                    ``hard``
1     ``(1 + cos πx)/2``                   ``cosine``, with a > 0 ``switch``
2     ``tanh³(1 - r/rc)``                  ``tanh``
3     the same, 1 at the origin            ``tanh``, normalized
4     ``exp(1 + 1/(x² - 1))``              ``switch``, exponential
5     ``(2x - 3)x² + 1``                   ``switch``, cubic
6     ``((15 - 6x)x - 10)x³ + 1``          ``switch``, quintic
7     degree 7, three derivatives          ``switch``, septic
8     degree 9, four derivatives           ``switch``, nonic
====  ===================================  ==================================

``a`` is n2p2's alpha: the function is 1 up to ``a rc``. It has no effect on types 0, 2 and 3.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from lionn_rs.errors import ModelFileError

__all__ = ["CUTOFF_TYPES", "cutoff_spec", "cutoff_type"]

CUTOFF_TYPES: Final = range(9)
_SHAPES: Final = {1: "cosine", 4: "exponential", 5: "cubic", 6: "quintic", 7: "septic", 8: "nonic"}


def cutoff_spec(kind: int, alpha: float, radius: float) -> dict[str, Any]:
    """Cutoff function of lionn_rs.

    Parameters
    ----------
    kind : int
        Type number of n2p2.
    alpha : float
        Inner radius in units of the cutoff radius.
    radius : float
        Cutoff radius, Å.
    """
    if kind == 0:
        return {"type": "hard", "radius": radius}
    if kind in (2, 3):
        return {"type": "tanh", "radius": radius, "normalized": kind == 3}
    if kind == 1 and alpha == 0.0:
        return {"type": "cosine", "radius": radius}
    spec: dict[str, Any] = {"type": "switch", "radius": radius, "shape": _SHAPES[kind]}
    return spec if alpha == 0.0 else {**spec, "inner": alpha * radius}


def cutoff_type(spec: Mapping[str, Any]) -> tuple[int, float, float]:
    """Type, alpha and radius (Å) of n2p2 for a cutoff function of lionn_rs.

    Raises
    ------
    ModelFileError
        For a function that n2p2 does not have.
    """
    radius = float(spec["radius"])
    if spec["type"] == "cosine":
        return 1, 0.0, radius
    if spec["type"] == "hard":
        return 0, 0.0, radius
    if spec["type"] == "tanh":
        return (3 if spec["normalized"] else 2), 0.0, radius
    if spec["type"] == "switch":
        kinds = {shape: kind for kind, shape in _SHAPES.items()}
        return kinds[spec["shape"]], float(spec.get("inner", 0.0)) / radius, radius
    if spec["gamma"] == 2.0:  # 1 - 3 x² + 2 x³
        return 5, 0.0, radius
    raise ModelFileError(
        f"n2p2 has no polynomial cutoff function with gamma {spec['gamma']:g}, only with gamma 2"
    )
