"""Cutoff functions: from 1 at zero distance smoothly to 0 at the cutoff radius."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

__all__ = ["Cosine", "Cutoff", "Hard", "Polynomial", "Switch", "Tanh", "cutoff_spec"]


@dataclass(frozen=True)
class Cosine:
    """Cosine cutoff ``(1 + cos(π r/Rc))/2``.

    Parameters
    ----------
    radius : float
        Cutoff radius Rc, Å.

    References
    ----------
    Behler and Parrinello, Phys. Rev. Lett. 98, 146401 (2007), Eq. 5,
    doi 10.1103/PhysRevLett.98.146401.
    """

    radius: float


@dataclass(frozen=True)
class Polynomial:
    """Polynomial cutoff ``1 + γ (r/Rc)^(γ+1) - (γ+1) (r/Rc)^γ``.

    Parameters
    ----------
    radius : float
        Cutoff radius Rc, Å.
    gamma : float
        Exponent, at least 2.

    References
    ----------
    Khorshidi and Peterson, Comput. Phys. Commun. 207, 310 (2016), doi 10.1016/j.cpc.2016.05.010.
    """

    radius: float
    gamma: float = 4.0


@dataclass(frozen=True)
class Switch:
    """1 up to an inner radius, from there on a function of ``x = (r - inner)/(Rc - inner)``.

    Parameters
    ----------
    radius : float
        Cutoff radius Rc, Å.
    shape : {"cosine", "exponential", "cubic", "quintic", "septic", "nonic"}
        ``(1 + cos πx)/2``, ``exp(1 - 1/(1 - x²))``, or the polynomial of that degree with 1, 2, 3
        or 4 continuous derivatives (n2p2's cutoff types 1, 4 and 5 to 8).
    inner : float
        Inner radius, Å.

    References
    ----------
    Singraber, Behler, Dellago, J. Chem. Theory Comput. 15, 1827 (2019),
    doi 10.1021/acs.jctc.8b00770.
    """

    radius: float
    shape: Literal["cosine", "exponential", "cubic", "quintic", "septic", "nonic"]
    inner: float = 0.0


@dataclass(frozen=True)
class Tanh:
    """``tanh³(1 - r/Rc)``, which is 0.44 at zero distance; divided by that if ``normalized``.

    Parameters
    ----------
    radius : float
        Cutoff radius Rc, Å.
    normalized : bool
        Whether the function starts at 1.

    References
    ----------
    Behler, J. Chem. Phys. 134, 074106 (2011), doi 10.1063/1.3553717, Eq. 5.
    """

    radius: float
    normalized: bool = True


@dataclass(frozen=True)
class Hard:
    """1 up to the radius, 0 beyond: energies jump where an atom crosses it.

    Parameters
    ----------
    radius : float
        Cutoff radius Rc, Å.
    """

    radius: float


Cutoff = Cosine | Polynomial | Switch | Tanh | Hard


def cutoff_spec(cutoff: Cutoff) -> dict[str, Any]:
    """Cutoff function as it stands in a potential file."""
    return {"type": type(cutoff).__name__.lower(), **asdict(cutoff)}
