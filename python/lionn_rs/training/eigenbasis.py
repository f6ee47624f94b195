r"""Adam's moments of one kind of layer in the eigenbasis of its gradients.

The gradient of a layer is a matrix ``G``, one row per input (the biases last) and one column per
node. Its rows are strongly correlated, because the inputs are: features are many views of the same
few distances. With the moving averages ``L`` of ``G Gᵀ`` and ``R`` of ``Gᵀ G``, the second moment
of the gradient is nearly diagonal in ``Q_Lᵀ G Q_R`` (``Q``: eigenvectors), and that is where Adam's
rule, which sees one number at a time, is applied:

.. math:: \Delta W = Q_L \, Λ_L^{-1/4} \left(\hat m / \sqrt{\hat v}\right) Q_R^T

(:math:`Λ_L`: eigenvalues of ``L`` over their mean). The factor gives combinations of inputs that
hardly vary the larger weights they need; the exponent is Shampoo's.

References
----------
N. Vyas, D. Morwani, R. Zhao, M. Kwun, I. Shapira, D. Brandfonbrener, L. Janson and S. Kakade, SOAP:
Improving and Stabilizing Shampoo using Adam, ICLR (2025), arXiv 2409.11321; V. Gupta, T. Koren
and Y. Singer, Shampoo: Preconditioned Stochastic Tensor Optimization, Proc. ICML (2018), arXiv
1802.09568; D. P. Kingma and J. Ba, Adam: A Method for Stochastic Optimization, ICLR (2015), arXiv
1412.6980.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

REFRESH: Final = 10
"""Fewest steps between two updates of the eigenvectors, one QR decomposition each."""

ROWS_PER_STEP: Final = 8
"""Rows for which another step passes between two updates: a decomposition costs as much as several
matrix products, the more the larger it is."""

EIGENVALUE_POWER: Final = 0.25
"""Exponent of the eigenvalues: measured in docs/explanations/optimizers.md."""

EIGENVALUE_FLOOR: Final = 1e-4
"""Added to the eigenvalues in units of their mean: limits the factor to ten."""

SECOND_FLOOR: Final = 1e-10
"""Added to second moments in units of the layer's mean: directions without a gradient, as linearly
dependent features have, must not follow its rounding errors (1e-7 in single precision)."""

TINY: Final = 1e-30
"""Keeps zero gradients from dividing zero by zero; far below any second moment in use."""


class LayerMoments:
    """Moments and eigenbasis of all layers of one shape, ``n`` of them.

    Parameters
    ----------
    starts : sequence of int
        Where each layer stands in the flat parameter vector, row by row.
    shape : (int, int)
        Rows (inputs and bias) and columns (nodes).
    """

    def __init__(self, starts: list[int], shape: tuple[int, int]) -> None:
        rows, columns = shape
        size = rows * columns
        self.index = np.array([np.arange(s, s + size).reshape(shape) for s in starts])
        n = len(starts)
        self.first = np.zeros((n, rows, columns))
        self.second = np.zeros((n, rows, columns))
        self.left = np.zeros((n, rows, rows))
        self.right = np.zeros((n, columns, columns))
        self.left_basis = np.zeros((n, rows, rows))
        self.right_basis = np.zeros((n, columns, columns))
        self.scale = np.ones((n, rows, 1))
        self.recent: list[Array] = []

    def update(
        self, gradient: Array, step: int, beta_first: float, beta_second: float, out: Array
    ) -> None:
        """Take up a gradient and write the direction of the next step, of order one, to ``out``.

        Parameters
        ----------
        gradient : (n_parameters,) float64
            Of the whole model; as ``out``.
        step : int
            Number of this update, from 1.
        beta_first, beta_second : float
            Decay of the averages of the gradient and of its square (and of ``L`` and ``R``).
        """
        g = gradient[self.index]
        self.recent.append(g)
        if step == 1:
            self._absorb(beta_second)
            self._turn(np.linalg.eigh(self.left)[1], np.linalg.eigh(self.right)[1])
        elif step % max(REFRESH, g.shape[1] // ROWS_PER_STEP) == 0:
            self._absorb(beta_second)
            self._turn(
                np.linalg.qr(self.left @ self.left_basis)[0],
                np.linalg.qr(self.right @ self.right_basis)[0],
            )
        turned = self.left_basis.swapaxes(1, 2) @ g @ self.right_basis
        self.first += (1.0 - beta_first) * (turned - self.first)
        self.second += (1.0 - beta_second) * (turned * turned - self.second)
        noise = SECOND_FLOOR * self.second.mean(axis=(1, 2), keepdims=True) + TINY
        direction = self.first / np.sqrt(self.second + noise)
        direction *= self.scale * (np.sqrt(1.0 - beta_second**step) / (1.0 - beta_first**step))
        out[self.index] = self.left_basis @ direction @ self.right_basis.swapaxes(1, 2)

    def _absorb(self, beta: float) -> None:
        """Take the gradients since the last time into ``L`` and ``R``, as if one by one."""
        count = len(self.recent)
        weights = np.sqrt((1.0 - beta) * beta ** np.arange(count - 1, -1, -1.0))
        self.left *= beta**count
        self.right *= beta**count
        for layer in range(len(self.left)):
            own = [w * g[layer] for w, g in zip(weights, self.recent, strict=True)]
            wide, tall = np.concatenate(own, axis=1), np.concatenate(own, axis=0)
            self.left[layer] += wide @ wide.T
            self.right[layer] += tall.T @ tall
        self.recent = []

    def _turn(self, left: Array, right: Array) -> None:
        """Replace the bases; the average gradient is a tensor and turns with them."""
        by_left = left.swapaxes(1, 2) @ self.left_basis
        by_right = self.right_basis.swapaxes(1, 2) @ right
        self.first = by_left @ self.first @ by_right
        self.left_basis, self.right_basis = left, right
        self._rescale()

    def _rescale(self) -> None:
        values = np.einsum("eij,eij->ej", self.left_basis, self.left @ self.left_basis)
        mean = np.maximum(values.mean(axis=1, keepdims=True), TINY)
        relative = np.maximum(values, 0.0) / mean
        self.scale = ((relative + EIGENVALUE_FLOOR) ** -EIGENVALUE_POWER)[:, :, None]

    NAMES: Final = ("first", "second", "left", "right", "left_basis", "right_basis", "scale")

    def memory(self, prefix: str) -> dict[str, NDArray[Any]]:
        """All arrays, by name."""
        arrays = {prefix + name: np.array(getattr(self, name)) for name in self.NAMES}
        return arrays | {prefix + "recent": np.array(self.recent)}

    def recall(self, prefix: str, memory: Mapping[str, NDArray[Any]]) -> None:
        """Inverse of :meth:`memory`."""
        for name in self.NAMES:
            setattr(self, name, np.array(memory[prefix + name], dtype=np.float64))
        self.recent = [np.array(g, dtype=np.float64) for g in memory[prefix + "recent"]]
