"""Diffusivity as a tensor: components, principal axes, crystal directions, each with its error.

All components are the same linear combination of MSD values, with the weights of the generalized
least squares line through the trace: the tensor turns with the axes, and a third of its trace is
the diffusivity that is reported.

*Errors.* For ``N`` independent Gaussian particles with slopes ``S_ab`` of the displacement tensor,
the combination ``tr(A S)`` has variance ``2 tr(A S A S) v``, with ``v`` that of the slope of one
coordinate in its units; rare hops of length ``a`` add at most ``a^2 max|eigenvalue of A| tr(|A| S)
h``. Both ``v`` and ``h`` come from the window products of :mod:`lionn_rs.analysis.transport.gls`.
Principal axes follow by first-order perturbation; where two eigenvalues are closer than their
errors, the axes between them are not determined, and the result says so.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lionn_rs import _core
from lionn_rs.analysis._records import Record
from lionn_rs.analysis.transport.gls import LineFit
from lionn_rs.analysis.transport.msd import COMPONENTS
from lionn_rs.analysis.transport.trajectory import Floats
from lionn_rs.errors import ConfigError

DEFAULT_DIRECTIONS = ("a", "b", "c", "ab")
RESOLVED = 2.0
"""Difference of two eigenvalues, in its standard deviations, from which their axes are distinct."""
SMALLEST = 1e-300
"""Keeps a quotient finite when nothing moves."""
SMALLEST_SHARE = 1e-3
"""Slopes below this share of the mean keep that share in the variance, as in the fit itself."""


@dataclass(frozen=True, kw_only=True)
class Direction(Record):
    """Diffusivity and conductivity along one direction, or averaged over a plane."""

    name: str
    """``a``, ``ab``, ``[110]``, ...: lattice vectors of the cell."""
    kind: str
    """``direction`` or ``plane``."""
    vector: tuple[float, float, float]
    """Unit vector along the direction; normal of the plane."""
    diffusivity_cm2_s: float
    sd_cm2_s: float
    conductivity_mS_cm: float
    sd_mS_cm: float


@dataclass(frozen=True, kw_only=True)
class PrincipalAxis(Record):
    """An eigenvalue of the tensor with its eigenvector."""

    diffusivity_cm2_s: float
    sd_cm2_s: float
    vector: tuple[float, float, float]
    """Unit vector, Cartesian."""
    angle_sd_degrees: float | None
    """Standard deviation of its direction; None when the eigenvalue is not distinct."""
    distinct: bool
    """The eigenvalue differs significantly from the others: its axis is determined."""


@dataclass(frozen=True, kw_only=True)
class DiffusionTensor(Record):
    """Tensor ``1/2 d<x_a x_b>/dt`` in the Cartesian frame of the positions."""

    diffusivity_cm2_s: Floats
    """(3, 3)."""
    sd_cm2_s: Floats
    """(3, 3) standard deviations."""
    conductivity_mS_cm: Floats
    """(3, 3)."""
    sd_mS_cm: Floats
    """(3, 3) standard deviations."""
    principal_axes: tuple[PrincipalAxis, ...]
    """Fastest first."""
    directions: tuple[Direction, ...]

    def along(self, name: str) -> Direction:
        """Direction of a given name.

        Raises
        ------
        ConfigError
            It was not asked for.
        """
        for direction in self.directions:
            if direction.name == name:
                return direction
        names = ", ".join(direction.name for direction in self.directions)
        raise ConfigError(f"the tensor holds no direction {name!r} (it has {names})")


def crystal_direction(name: str, cell: Floats) -> tuple[str, Floats]:
    """Kind and unit vector of a direction (along it) or plane (its normal).

    Parameters
    ----------
    name : str
        ``"a"``, ``"b"``, ``"c"``; planes ``"ab"``, ``"bc"``, ``"ac"``; ``"[uvw]"`` with digits and
        minus signs, or numbers separated by spaces or commas, in lattice vectors.
    cell : (3, 3) float64, Å
        Rows are the lattice vectors.

    Returns
    -------
    ``"direction"`` or ``"plane"``, (3,) float64

    Raises
    ------
    ConfigError
        The name means nothing.

    Examples
    --------
    >>> kind, vector = crystal_direction("[1-10]", np.diag([3.0, 4.0, 5.0]))
    >>> kind, np.round(vector, 3).tolist()
    ('direction', [0.6, -0.8, 0.0])
    """
    letters = "abc"
    if name in ("ab", "bc", "ac"):
        normal = np.cross(cell[letters.index(name[0])], cell[letters.index(name[1])])
        return "plane", normal / np.linalg.norm(normal)
    if name in ("a", "b", "c"):
        steps = [float(letter == name) for letter in letters]
    else:
        inside = re.fullmatch(r"\s*\[(.*)\]\s*", name)
        text = inside.group(1).strip() if inside else ""
        loose = re.search(r"[ ,]", text) is not None
        parts = re.split(r"[ ,]+", text) if loose else re.findall(r"-?\d", text)
        whole = all(re.fullmatch(r"-?\d+", part) for part in parts)
        complete = loose or "".join(parts) == text
        if len(parts) != 3 or not whole or not complete or not any(int(part) for part in parts):
            raise ConfigError(
                "direction must be a, b, c, a plane ab, bc, ac, or [uvw] such as [110], got "
                f"{name!r}"
            )
        steps = [float(part) for part in parts]
    vector = np.asarray(steps) @ cell
    return "direction", vector / np.linalg.norm(vector)


@dataclass(frozen=True)
class TensorErrors:
    """Variances of linear combinations of the tensor of slopes."""

    slopes: Floats
    """(3, 3) positive definite, Å² per frame."""
    gaussian: float
    hops: float
    hop_length_A: float
    inflation: float

    @classmethod
    def of(
        cls,
        curves: Floats,
        line: LineFit,
        *,
        n_particles: int,
        hop_length_A: float,
        inflation: float,
    ) -> TensorErrors:
        """From the curves (6, n_frames) and the line through their trace."""
        first = int(line.lags[0])
        trace = curves[:3].sum(axis=0)
        slope = max(line.slope, line.slope_sd)
        n_frames = len(trace)
        structure = np.empty(n_frames)
        structure[: first + 1] = trace[: first + 1] / slope
        structure[first:] = structure[first] + np.arange(n_frames - first)
        lags = line.lags.astype(np.uint64)
        products = _core.window_products(structure, lags, first, 2)
        overlaps = _core.window_products(np.arange(n_frames, dtype=np.float64), lags, 0, 1)
        return cls(
            slopes=_positive(slope_tensor(curves, line)),
            gaussian=float(line.weights @ products @ line.weights) / n_particles,
            hops=float(line.weights @ overlaps @ line.weights) / n_particles,
            hop_length_A=hop_length_A,
            inflation=inflation,
        )

    def sd(self, combination: Floats) -> float:
        """Return the standard deviation of ``tr(A S)``, A symmetric, Å² per frame."""
        product = combination @ self.slopes
        values, vectors = np.linalg.eigh(combination)
        absolute = (vectors * np.abs(values)) @ vectors.T
        hops = self.hop_length_A**2 * float(np.abs(values).max() * np.trace(absolute @ self.slopes))
        variance = 2.0 * float(np.trace(product @ product)) * self.gaussian + hops * self.hops
        return float(np.sqrt(variance)) * self.inflation


def slope_tensor(curves: Floats, line: LineFit) -> Floats:
    """Slopes (3, 3) of the displacement tensor, Å² per frame, with the weights of the line."""
    slopes = curves[:, line.lags] @ line.weights
    tensor = np.empty((3, 3))
    for name, slope in zip(COMPONENTS, slopes, strict=True):
        i, j = ("xyz".index(axis) for axis in name)
        tensor[i, j] = tensor[j, i] = slope
    return tensor


def diffusion_tensor(
    curves: Floats,
    line: LineFit,
    *,
    n_particles: int,
    hop_length_A: float,
    inflation: float,
    to_cm2_s: float,
    factor: float,
    cell: Floats,
    directions: Sequence[str] = DEFAULT_DIRECTIONS,
) -> DiffusionTensor:
    """Tensor of diffusivity and conductivity from the displacement tensor.

    Parameters
    ----------
    curves : (6, n_frames) float64, Å²
        From :func:`lionn_rs.analysis.msd_tensor`.
    line : LineFit
        Line through the trace.
    n_particles : int
        Ions averaged over; 1 for a collective displacement.
    hop_length_A : float
        Hop length of the discreteness term, Å.
    inflation : float
        Reported error of the trace over that of the line.
    to_cm2_s : float
        Factor from a slope of the trace in Å²/frame to a diffusivity in cm²/s.
    factor : float
        Conductivity per diffusivity, (mS/cm)/(cm²/s).
    cell : (3, 3) float64, Å
        Lattice vectors.
    directions : sequence of str
        See :func:`crystal_direction`.

    Returns
    -------
    DiffusionTensor
    """
    errors = TensorErrors.of(
        curves, line, n_particles=n_particles, hop_length_A=hop_length_A, inflation=inflation
    )
    # to_cm2_s is for a third of the trace; a component has no such share.
    unit = 3.0 * to_cm2_s
    tensor = unit * slope_tensor(curves, line)
    identity = np.eye(3)
    sd = np.array([[errors.sd(_pair(p, q)) for q in identity] for p in identity]) * unit
    return DiffusionTensor(
        diffusivity_cm2_s=tensor,
        sd_cm2_s=sd,
        conductivity_mS_cm=tensor * factor,
        sd_mS_cm=sd * factor,
        principal_axes=_principal_axes(tensor, errors, unit),
        directions=tuple(
            _direction(name, tensor, errors, unit=unit, factor=factor, cell=cell)
            for name in directions
        ),
    )


def _direction(
    name: str, tensor: Floats, errors: TensorErrors, *, unit: float, factor: float, cell: Floats
) -> Direction:
    kind, vector = crystal_direction(name, cell)
    along = np.outer(vector, vector)
    combination = along if kind == "direction" else 0.5 * (np.eye(3) - along)
    value, sd = float(np.trace(combination @ tensor)), errors.sd(combination) * unit
    return Direction(
        name=name,
        kind=kind,
        vector=_triple(vector),
        diffusivity_cm2_s=value,
        sd_cm2_s=sd,
        conductivity_mS_cm=value * factor,
        sd_mS_cm=sd * factor,
    )


def _principal_axes(tensor: Floats, errors: TensorErrors, unit: float) -> tuple[PrincipalAxis, ...]:
    values, vectors = np.linalg.eigh(tensor)
    axes = []
    for k in (2, 1, 0):
        others = [m for m in range(3) if m != k]
        vector = vectors[:, k] * (1.0 if vectors[np.argmax(np.abs(vectors[:, k])), k] > 0 else -1.0)
        gaps = [abs(values[k] - values[m]) for m in others]
        gap_errors = [
            errors.sd(_pair(vectors[:, k], vectors[:, k]) - _pair(vectors[:, m], vectors[:, m]))
            for m in others
        ]
        distinct = all(gap > RESOLVED * sd * unit for gap, sd in zip(gaps, gap_errors, strict=True))
        turns = [
            errors.sd(_pair(vectors[:, k], vectors[:, m])) * unit / max(gap, SMALLEST)
            for m, gap in zip(others, gaps, strict=True)
        ]
        angle = float(np.hypot(*turns))
        axes.append(
            PrincipalAxis(
                diffusivity_cm2_s=float(values[k]),
                sd_cm2_s=errors.sd(_pair(vector, vector)) * unit,
                vector=_triple(vector),
                angle_sd_degrees=float(np.degrees(angle)) if distinct else None,
                distinct=distinct,
            )
        )
    return tuple(axes)


def _pair(p: Floats, q: Floats) -> Floats:
    """Symmetric matrix A with ``tr(A S) = p S q``."""
    return 0.5 * (np.outer(p, q) + np.outer(q, p))


def _positive(tensor: Floats) -> Floats:
    values, vectors = np.linalg.eigh(tensor)
    floor = SMALLEST_SHARE * max(float(np.abs(values).mean()), SMALLEST)
    return np.asarray((vectors * np.maximum(values, floor)) @ vectors.T)


def _triple(vector: Floats) -> tuple[float, float, float]:
    x, y, z = (float(component) for component in vector)
    return x, y, z
