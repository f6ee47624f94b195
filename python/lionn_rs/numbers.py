"""Numbers as text for people: significant digits, powers of ten, intervals."""

from __future__ import annotations

import math

__all__ = [
    "interval",
    "percent",
    "power",
    "power_interval",
    "power_with_error",
    "significant",
    "with_error",
]

_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
MISSING = "–"


def significant(value: float | None, digits: int = 3) -> str:
    """``value`` with a number of significant digits, without an exponent where it reads well.

    Examples
    --------
    >>> significant(0.0123456), significant(1234.5), significant(None)
    ('0.0123', '1230', '–')
    """
    if value is None or not math.isfinite(value):
        return MISSING
    if value == 0:
        return "0"
    exponent = math.floor(math.log10(abs(value)))
    if not -4 <= exponent < 6:
        return power(value, digits)
    rounded = round(value, digits - 1 - exponent)
    return f"{rounded:.{max(digits - 1 - exponent, 0)}f}"


def power(value: float | None, digits: int = 3) -> str:
    """``value`` as mantissa and power of ten.

    Examples
    --------
    >>> power(1.234e-5)
    '1.23 × 10⁻⁵'
    """
    if value is None or not math.isfinite(value):
        return MISSING
    if value == 0:
        return "0"
    mantissa, exponent = f"{abs(value):.{digits - 1}e}".split("e")
    sign = "−" if value < 0 else ""
    return f"{sign}{mantissa} × 10{str(int(exponent)).translate(_SUPERSCRIPTS)}"


def interval(low: float | None, high: float | None, digits: int = 2) -> str:
    """Format an interval as ``[low, high]``.

    Examples
    --------
    >>> interval(1.23, 45.6)
    '[1.2, 46]'
    """
    return f"[{significant(low, digits)}, {significant(high, digits)}]"


def power_interval(low: float | None, high: float | None, digits: int = 2) -> str:
    """Format an interval of numbers with powers of ten.

    Examples
    --------
    >>> power_interval(1.2e-6, 3.4e-6)
    '[1.2 × 10⁻⁶, 3.4 × 10⁻⁶]'
    """
    return f"[{power(low, digits)}, {power(high, digits)}]"


def power_with_error(value: float | None, error: float | None) -> str:
    """Format a value with its error and a common power of ten; the error has two digits at most.

    Examples
    --------
    >>> power_with_error(4.93e-6, 1.72e-6), power_with_error(6.9e-5, 7.0e-6)
    ('(4.9 ± 1.7) × 10⁻⁶', '(6.9 ± 0.7) × 10⁻⁵')
    """
    if value is None or error is None or not math.isfinite(value) or not error > 0:
        return power(value)
    exponent = math.floor(math.log10(max(abs(value), error)))
    scaled, spread = value / 10.0**exponent, error / 10.0**exponent
    decimals = 2 if spread < 0.1 else 1
    text = f"({scaled:.{decimals}f} ± {spread:.{decimals}f})"
    return f"{text} × 10{str(exponent).translate(_SUPERSCRIPTS)}"


def percent(fraction: float | None) -> str:
    """Format a fraction in percent.

    Examples
    --------
    >>> percent(0.0183), percent(None)
    ('1.83 %', '–')
    """
    return MISSING if fraction is None else f"{100 * fraction:.3g} %"


def with_error(value: float | None, error: float | None) -> str:
    """Format a value with its error; the error has two digits and sets those of the value.

    Examples
    --------
    >>> with_error(501.34, 2.13), with_error(0.2512, 0.0107), with_error(None, None)
    ('501.3 ± 2.1', '0.251 ± 0.011', '–')
    """
    if value is None or error is None or not math.isfinite(value) or not error > 0:
        return significant(value)
    decimals = max(1 - math.floor(math.log10(error)), 0)
    return f"{value:.{decimals}f} ± {error:.{decimals}f}"
