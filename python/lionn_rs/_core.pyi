"""Types of the compiled core."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__version__: str

def msd(
    positions: NDArray[np.float64], groups: NDArray[np.uint64], n_groups: int
) -> NDArray[np.float64]: ...
def msd_per_atom(
    positions: NDArray[np.float64], atoms: NDArray[np.uint64], lags: NDArray[np.uint64]
) -> NDArray[np.float64]: ...
def displacement_moments(
    positions: NDArray[np.float64], atoms: NDArray[np.uint64], lags: NDArray[np.uint64]
) -> NDArray[np.float64]: ...
def window_products(
    structure: NDArray[np.float64], lags: NDArray[np.uint64], memory: int, power: int
) -> NDArray[np.float64]: ...
def pair_histogram(
    cell: Sequence[Sequence[float]],
    pbc: Sequence[bool],
    positions: NDArray[np.float64],
    first: NDArray[np.uint64],
    second: NDArray[np.uint64],
    r_max: float,
    n_bins: int,
) -> NDArray[np.uint64]: ...
