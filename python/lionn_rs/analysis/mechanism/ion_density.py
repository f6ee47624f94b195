"""Density of the mobile ions on a grid that fills the cell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from lionn_rs import _core
from lionn_rs.analysis._records import Record
from lionn_rs.analysis.transport.sources import FrameSource, as_source, frame_blocks
from lionn_rs.analysis.transport.trajectory import Floats, as_cell, as_symbols, members
from lionn_rs.errors import ConfigError

MAX_POINTS = 50_000_000
"""A larger grid is a mistake: 400 MB."""


@dataclass(frozen=True, kw_only=True)
class DensitySummary(Record):
    """A density without its values."""

    species: str
    n_ions: int
    n_frames: int
    cell: Floats
    """(3, 3) lattice vectors as rows, Å."""
    shape: tuple[int, int, int]
    """Grid points along each lattice vector."""
    spacing_A: tuple[float, float, float]
    """Distance between grid points along each lattice vector."""
    smearing_A: float
    """Standard deviation of the Gaussian that each position was smeared with."""
    total: float
    """Integral over the cell: the number of ions."""
    mean_per_A3: float
    largest_per_A3: float
    accessible_fraction: float
    """Part of the cell that is denser than the mean."""


@dataclass(frozen=True, kw_only=True)
class IonDensity(Record):
    """Time-averaged number density of one species."""

    species: str
    n_ions: int
    n_frames: int
    cell: Floats
    """(3, 3) lattice vectors as rows, Å."""
    values: Floats
    """(n_a, n_b, n_c) density, Å⁻³; point ``(i, j, k)`` lies at ``(i/n_a, j/n_b, k/n_c)``."""
    smearing_A: float
    """Standard deviation of the Gaussian that each position was smeared with, Å."""

    @property
    def volume_A3(self) -> float:
        """Volume of the cell, Å³."""
        return abs(float(np.linalg.det(self.cell)))

    @property
    def spacing_A(self) -> tuple[float, float, float]:
        """Distance between grid points along each lattice vector, Å."""
        lengths = np.linalg.norm(self.cell, axis=1) / self.values.shape
        return float(lengths[0]), float(lengths[1]), float(lengths[2])

    @property
    def total(self) -> float:
        """Integral over the cell: the number of ions."""
        return float(self.values.mean()) * self.volume_A3

    @property
    def summary(self) -> DensitySummary:
        """Everything but the values, which belong into a CHGCAR or cube file."""
        n_a, n_b, n_c = self.values.shape
        return DensitySummary(
            species=self.species,
            n_ions=self.n_ions,
            n_frames=self.n_frames,
            cell=self.cell,
            shape=(n_a, n_b, n_c),
            spacing_A=self.spacing_A,
            smearing_A=self.smearing_A,
            total=self.total,
            mean_per_A3=float(self.values.mean()),
            largest_per_A3=float(self.values.max()),
            accessible_fraction=float(np.mean(self.values > self.values.mean())),
        )

    def to_dict(self) -> dict[str, Any]:
        """JSON-safe dict of the summary."""
        return self.summary.to_dict()


def ion_density(
    positions: ArrayLike | FrameSource,
    *,
    cell: ArrayLike,
    species: str,
    symbols: Sequence[str] | None = None,
    numbers: ArrayLike | None = None,
    spacing_A: float = 0.2,
    smearing_A: float = 0.0,
) -> IonDensity:
    """Density of a species on a grid, optionally smeared with a Gaussian.

    Each position counts for the grid point nearest to it in fractional coordinates. The smearing
    is exact for the periodic triclinic cell (a product with ``exp(-sigma² k²/2)`` over the
    reciprocal lattice) and keeps the number of ions.

    Parameters
    ----------
    positions : (n_frames, n_atoms, 3) array or FrameSource, Å
        Positions, wrapped or not; the drift of the framework should have been removed. A source is
        read in blocks.
    cell : (3, 3) array, Å
        Rows are the lattice vectors, all periodic.
    species : str
        Chemical symbol.
    symbols, numbers : (n_atoms,)
        Chemical symbols or atomic numbers, one of the two.
    spacing_A : float
        Largest distance between grid points along a lattice vector, Å.
    smearing_A : float
        Standard deviation of the Gaussian, Å; 0 for none.

    Returns
    -------
    IonDensity

    Raises
    ------
    ConfigError
        For a species that does not occur, a spacing or smearing out of range.

    Examples
    --------
    >>> import numpy as np
    >>> path = np.random.default_rng(1).uniform(0.0, 6.0, (50, 4, 3))
    >>> density = ion_density(path, cell=6.0 * np.eye(3), species="Li", symbols=["Li"] * 4,
    ...                       spacing_A=0.5, smearing_A=0.4)
    >>> density.values.shape, round(density.total, 9)
    ((12, 12, 12), 4.0)
    """
    matrix = as_cell(cell)
    source = as_source(positions)
    n_frames, n_atoms = source.shape[:2]
    atoms = members(as_symbols(n_atoms, symbols=symbols, numbers=numbers), species)
    if not spacing_A > 0.0 or not smearing_A >= 0.0:
        raise ConfigError(
            f"density: spacing must be positive and smearing not negative, got {spacing_A} Å and "
            f"{smearing_A} Å"
        )
    if n_frames == 0:
        raise ConfigError("density: the trajectory has no frames")
    lengths = np.linalg.norm(matrix, axis=1)
    shape = np.maximum(np.ceil(lengths / spacing_A - 1e-9), 1.0)
    if np.prod(shape) > MAX_POINTS:
        raise ConfigError(
            f"density: a spacing of {spacing_A} Å makes {np.prod(shape):.1e} grid points, at most "
            f"{MAX_POINTS:.0e}; choose a larger one"
        )
    n_a, n_b, n_c = (int(n) for n in shape)
    counts = np.zeros((n_a, n_b, n_c), dtype=np.uint64)
    every = np.arange(len(atoms), dtype=np.uint64)
    for _, block in frame_blocks(source, atoms.astype(np.intp)):
        counts += _core.density_counts(matrix.tolist(), block, every, (n_a, n_b, n_c))
    point = abs(float(np.linalg.det(matrix))) / counts.size
    values = counts / (n_frames * point)
    if smearing_A > 0.0:
        values = _smeared(values, matrix, smearing_A)
    return IonDensity(
        species=species,
        n_ions=len(atoms),
        n_frames=n_frames,
        cell=matrix,
        values=np.ascontiguousarray(values),
        smearing_A=float(smearing_A),
    )


def _smeared(values: Floats, cell: Floats, sigma: float) -> Floats:
    """Convolution with a Gaussian that is round in space whatever the angles of the cell."""
    from scipy.fft import irfftn, rfftn

    n_a, n_b, n_c = values.shape
    reciprocal = 2.0 * np.pi * np.linalg.inv(cell).T
    orders = (np.fft.fftfreq(n_a, 1 / n_a), np.fft.fftfreq(n_b, 1 / n_b), np.arange(n_c // 2 + 1))
    h, k, m = np.meshgrid(*orders, indexing="ij", sparse=True)
    metric = reciprocal @ reciprocal.T
    square = h * h * metric[0, 0] + k * k * metric[1, 1] + m * m * metric[2, 2]
    square = square + 2.0 * (h * k * metric[0, 1] + h * m * metric[0, 2] + k * m * metric[1, 2])
    spectrum = rfftn(values) * np.exp(-0.5 * sigma**2 * square)
    # A Gaussian cut off in reciprocal space rings by rounding errors only; no negative densities.
    result = np.maximum(np.asarray(irfftn(spectrum, values.shape)), 0.0)
    return np.asarray(result * (values.sum() / result.sum()))
