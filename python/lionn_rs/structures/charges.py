"""Formal charges of ions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

from lionn_rs.errors import ConfigError

__all__ = ["FORMAL_CHARGES", "VACANCY", "charges_of", "net_charge", "parse_ions"]

VACANCY: Final = "vacancy"
"""Stands for an empty site wherever a species is expected; its charge is 0."""

_BY_CHARGE: Final = {
    1: "H Li Na K Rb Cs Ag",
    2: "Mg Ca Sr Ba Zn",
    3: "B Al Ga In Sc Y La",
    4: "Si Ge Sn Ti Zr Hf",
    5: "P As Sb Nb Ta",
    -1: "F Cl Br I",
    -2: "O S Se Te",
    -3: "N",
}
FORMAL_CHARGES: Final[dict[str, int]] = {
    element: charge for charge, elements in _BY_CHARGE.items() for element in elements.split()
}
"""Charge numbers of ions in oxide, sulfide and halide electrolytes; one per element."""

_ION: Final = re.compile(r"([A-Z][a-z]?)(\d*)([+-])")


def parse_ions(ions: Iterable[str]) -> dict[str, int]:
    """Formal charges written as ions.

    Parameters
    ----------
    ions : iterable of str
        ``"Li+"``, ``"Fe3+"``, ``"S2-"``.

    Returns
    -------
    dict
        Charge number of each element.

    Raises
    ------
    ConfigError
        Anything that is not an ion, or an element given twice.

    Examples
    --------
    >>> parse_ions(["Fe3+", "Br-"])
    {'Fe': 3, 'Br': -1}
    """
    charges: dict[str, int] = {}
    for text in ions:
        match = _ION.fullmatch(text)
        if match is None:
            raise ConfigError(f"charges: '{text}' is not an ion like 'Li+' or 'S2-'")
        element, number, sign = match.groups()
        if element in charges:
            raise ConfigError(f"charges: {element} is given twice; one charge per element")
        charges[element] = int(number or 1) * (1 if sign == "+" else -1)
    return charges


def charges_of(
    species: Iterable[str], charges: Mapping[str, float] | None = None
) -> dict[str, float]:
    """Charge number of every species that occurs, :data:`FORMAL_CHARGES` unless given.

    Raises
    ------
    ConfigError
        An element has no formal charge.

    Examples
    --------
    >>> charges_of(["Cl", "S", "vacancy"])
    {'Cl': -1.0, 'S': -2.0, 'vacancy': 0.0}
    """
    known: dict[str, float] = {VACANCY: 0.0, **FORMAL_CHARGES, **(charges or {})}
    found: dict[str, float] = {}
    for name in species:
        if name not in known:
            raise ConfigError(
                f"{name} has no formal charge here: give it as an ion, for example "
                f"charges = ['{name}3+'] in [host]"
            )
        found[name] = float(known[name])
    return found


def net_charge(symbols: Iterable[str], charges: Mapping[str, float] | None = None) -> float:
    """Sum of the formal charges, in elementary charges.

    Examples
    --------
    >>> net_charge(["Li"] * 20 + ["Ge"] * 2 + ["P"] * 4 + ["S"] * 24)
    0.0
    """
    names = list(symbols)
    known = charges_of(set(names), charges)
    return sum(known[name] for name in names)
