"""Line search for the strong Wolfe conditions.

Bracketing and zoom of J. Nocedal and S. J. Wright, Numerical Optimization, 2nd ed. (2006), Algorithms 3.5 and 3.6,
with cubic interpolation (Eq. 3.59). One call of the objective gives value and gradient, so both conditions are checked
at the price of one evaluation; a step that satisfies them at once costs exactly one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]
ValueAndGradient = Callable[[Vector], tuple[float, Vector]]

SUFFICIENT_DECREASE: Final = 1e-4
"""c1 of the Wolfe conditions, the value of Nocedal and Wright and of scipy."""

CURVATURE: Final = 0.9
"""c2 of the Wolfe conditions for quasi-Newton directions."""

MAX_EVALUATIONS: Final = 30
"""ValueAndGradient calls before a line search gives up."""

EXPANSION: Final = 4.0
"""Factor by which a step that is too short is stretched."""

EDGE: Final = 0.1
"""Interpolated steps keep this fraction of the bracket away from its ends."""


@dataclass(frozen=True)
class LinePoint:
    """ValueAndGradient at one step length along a direction."""

    step: float
    value: float
    slope: float
    x: Vector
    gradient: Vector


class LineSearch:
    """ValueAndGradient along ``x + step * direction``, with the number of calls counted."""

    def __init__(self, objective: ValueAndGradient, x: Vector, direction: Vector) -> None:
        self.objective = objective
        self.x = x
        self.direction = direction
        self.n_evaluations = 0

    def at(self, step: float) -> LinePoint:
        """Evaluate the objective at one step length; values that are not finite count as infinite."""
        x = self.x + step * self.direction
        value, gradient = self.objective(x)
        self.n_evaluations += 1
        slope = float(gradient @ self.direction)
        if not (np.isfinite(value) and np.isfinite(slope)):
            value, slope = np.inf, np.inf
        return LinePoint(step, float(value), slope, x, gradient)


def strong_wolfe(
    search: LineSearch, value: float, gradient: Vector, *, first_step: float = 1.0
) -> LinePoint | None:
    """Find a step that satisfies the strong Wolfe conditions.

    Parameters
    ----------
    search : LineSearch
        ValueAndGradient along the direction.
    value, gradient : float, (n,) float64
        ValueAndGradient and gradient at step zero.
    first_step : float
        First step length that is tried.

    Returns
    -------
    LinePoint or None
        The accepted point; the best point with a sufficient decrease if the curvature condition cannot be met within
        the allowed evaluations; ``None`` if there is no decrease at all (rounding limit reached).
    """
    slope = float(gradient @ search.direction)
    origin = LinePoint(0.0, value, slope, search.x, gradient)
    if not slope < 0.0:
        return None
    previous = origin
    step = first_step
    while search.n_evaluations < MAX_EVALUATIONS:
        point = search.at(step)
        if not _decreases(point, origin) or (previous.step > 0 and point.value >= previous.value):
            return _zoom(search, origin, previous, point)
        if abs(point.slope) <= -CURVATURE * origin.slope:
            return point
        if point.slope >= 0.0:
            return _zoom(search, origin, point, previous)
        previous = point
        step *= EXPANSION
    return previous if previous.step > 0.0 else None


def _decreases(point: LinePoint, origin: LinePoint) -> bool:
    return point.value <= origin.value + SUFFICIENT_DECREASE * point.step * origin.slope


def _zoom(
    search: LineSearch, origin: LinePoint, low: LinePoint, high: LinePoint
) -> LinePoint | None:
    """Shrink a bracket; ``low`` has the lowest value so far and points into the bracket."""
    while search.n_evaluations < MAX_EVALUATIONS:
        point = search.at(_interpolate(low, high))
        if not _decreases(point, origin) or point.value >= low.value:
            high = point
        else:
            if abs(point.slope) <= -CURVATURE * origin.slope:
                return point
            if point.slope * (high.step - low.step) >= 0.0:
                high = low
            low = point
        if abs(high.step - low.step) <= 1e-12 * max(high.step, low.step):
            break
    return low if low.step > 0.0 else None


def _interpolate(low: LinePoint, high: LinePoint) -> float:
    """Minimum of the cubic through both ends, kept inside the bracket; bisection where there is none."""
    width = high.step - low.step
    inside = low.step + 0.5 * width
    if np.isfinite(high.value):
        d1 = low.slope + high.slope - 3.0 * (low.value - high.value) / (low.step - high.step)
        square = d1 * d1 - low.slope * high.slope
        if square >= 0.0:
            d2 = np.copysign(np.sqrt(square), width)
            denominator = high.slope - low.slope + 2.0 * d2
            if denominator != 0.0:
                inside = high.step - width * (high.slope + d2 - d1) / denominator
    fraction = (inside - low.step) / width
    if not np.isfinite(fraction):
        fraction = 0.5
    return float(low.step + width * min(max(fraction, EDGE), 1.0 - EDGE))
