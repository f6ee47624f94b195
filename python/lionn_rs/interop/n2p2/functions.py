"""Symmetry functions of n2p2: the lines ``symfunction_short`` and the order of the functions.

Types (Behler, J. Chem. Phys. 134, 074106 (2011); weighted ones: Gastegger et al., J. Chem. Phys.
148, 241709 (2018)), ``C`` the center element, ``N`` neighbor elements, ``eta`` absolute::

    C 2  N      eta rs rc                    G2
    C 3  N1 N2  eta lambda zeta rc [rs]      G4
    C 9  N1 N2  eta lambda zeta rc [rs]      G5
    C 12        eta rs rc                    G2 over all neighbors, weighted by atomic number
    C 13        eta rs lambda zeta rc        G4 over all pairs, weighted by both atomic numbers

Rows of ``scaling.data`` and inputs of the networks follow an order of their own: by type, cutoff
radius, eta, rs, zeta, lambda and atomic numbers of the neighbors, whatever the order of the lines.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from lionn_rs.interop.n2p2.text import Line

__all__ = ["ANGULAR", "KINDS", "WEIGHTED", "SymFunction", "parse_function"]

KINDS: Final = {2: "G2", 3: "G4", 9: "G5", 12: "WeightedG2", 13: "WeightedG4"}
ANGULAR: Final = (3, 9, 13)
WEIGHTED: Final = (12, 13)
_FORMS: Final = {
    2: "CENTER 2 NEIGHBOR eta rs rc",
    3: "CENTER 3 NEIGHBOR NEIGHBOR eta lambda zeta rc [rs]",
    9: "CENTER 9 NEIGHBOR NEIGHBOR eta lambda zeta rc [rs]",
    12: "CENTER 12 eta rs rc",
    13: "CENTER 13 eta rs lambda zeta rc",
}
_COMPACT: Final = (20, 21, 22, 23, 24, 25)


@dataclass(frozen=True)
class SymFunction:
    """One function, numbers in the units of the file.

    Attributes
    ----------
    center : str
    kind : int
        Type number of n2p2.
    neighbors : tuple of str
        One, two or (for weighted functions) no elements, ascending in atomic number.
    eta, rs, rc : float
    zeta, gamma : float
        0 for radial functions; gamma is n2p2's lambda.
    """

    center: str
    kind: int
    neighbors: tuple[str, ...]
    eta: float
    rs: float
    rc: float
    zeta: float = 0.0
    gamma: float = 0.0

    def sort_key(self, numbers: Mapping[str, int], conv_length: float = 1.0) -> tuple[float, ...]:
        """Place in n2p2's order, which compares numbers in normalized units."""
        neighbors = [numbers[element] for element in self.neighbors]
        eta = self.eta / (conv_length * conv_length)
        rc, rs = self.rc * conv_length, self.rs * conv_length
        return (self.kind, rc, eta, rs, self.zeta, self.gamma, *neighbors)

    def spec(self, cutoff: Mapping[str, Any], cflength: float) -> dict[str, Any]:
        """Return the function as it stands in a potential file of lionn_rs.

        Parameters
        ----------
        cutoff : mapping
            Cutoff function with its radius in Å.
        cflength : float
            Unit of length per Å.
        """
        result: dict[str, Any] = {"type": KINDS[self.kind], "eta": self.eta * cflength * cflength}
        if self.kind == 2:
            result["neighbor"] = self.neighbors[0]
        elif self.kind not in WEIGHTED:
            result["neighbors"] = list(self.neighbors)
        if self.kind in ANGULAR:
            result |= {"zeta": self.zeta, "gamma": self.gamma}
        if self.rs != 0.0:
            result["rs"] = self.rs / cflength
        return {**result, "cutoff": dict(cutoff)}


def parse_function(line: Line, numbers: Mapping[str, int]) -> SymFunction:
    """Read a line ``symfunction_short``.

    Parameters
    ----------
    line : Line
        With the keyword.
    numbers : mapping
        Atomic numbers of the elements of the potential.

    Raises
    ------
    ModelFileError
        For anything that lionn_rs does not evaluate.
    """
    center = _element(line, 1, numbers)
    kind = line.integer(2, "the type of the symmetry function", least=1)
    if kind in _COMPACT:
        line.fail(
            f"type {kind} is a polynomial function with compact support, which lionn_rs does not "
            f"evaluate; it reads types {', '.join(map(str, KINDS))}"
        )
    if kind not in KINDS:
        line.fail(f"type {kind} is unknown; lionn_rs reads types {', '.join(map(str, KINDS))}")
    n_neighbors = {2: 1, 3: 2, 9: 2}.get(kind, 0)
    neighbors = [_element(line, 3 + k, numbers) for k in range(n_neighbors)]
    first = 3 + n_neighbors
    names = {2: "eta rs rc", 12: "eta rs rc", 13: "eta rs lambda zeta rc"}.get(
        kind, "eta lambda zeta rc rs"
    )
    labels = names.split()
    optional = kind in (3, 9) and len(line.words) == first + 4
    if optional:
        labels.pop()
    if len(line.words) != first + len(labels):
        line.fail(f"expected 'symfunction_short {_FORMS[kind]}', got {len(line.words)} words")
    values = {label: line.real(first + k, label) for k, label in enumerate(labels)}
    function = SymFunction(
        center=center,
        kind=kind,
        neighbors=tuple(sorted(neighbors, key=lambda element: numbers[element])),
        eta=values["eta"],
        rs=values.get("rs", 0.0),
        rc=values["rc"],
        zeta=values.get("zeta", 0.0),
        gamma=values.get("lambda", 0.0),
    )
    _check(line, function)
    return function


def in_order(
    functions: Sequence[SymFunction], numbers: Mapping[str, int], conv_length: float = 1.0
) -> list[SymFunction]:
    """Functions of one center in n2p2's order."""
    return sorted(functions, key=lambda function: function.sort_key(numbers, conv_length))


def _element(line: Line, k: int, numbers: Mapping[str, int]) -> str:
    element = line.word(k, "an element")
    if element not in numbers:
        line.fail(f"element '{element[:10]}' is not among {', '.join(numbers)}")
    return element


def _check(line: Line, function: SymFunction) -> None:
    if function.rc <= 0.0:
        line.fail(f"the cutoff radius must be positive, got {function.rc:g}")
    if function.eta < 0.0:
        line.fail(f"eta must be zero or positive, got {function.eta:g}")
    if function.kind not in ANGULAR:
        return
    if function.zeta < 1.0:
        line.fail(
            f"zeta must be at least 1, got {function.zeta:g}: below, forces diverge where two "
            "neighbors lie opposite to each other"
        )
    if abs(function.gamma) > 1.0:
        line.fail(f"lambda must lie between -1 and 1, got {function.gamma:g}")
