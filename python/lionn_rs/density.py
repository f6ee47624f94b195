"""Descriptors made of the density of the neighbors: Zernike moments and power spectra.

Both cost a time linear in the number of neighbors, while the angular symmetry functions of
:mod:`lionn_rs.descriptors` need every pair of neighbors.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from lionn_rs.descriptors import Cutoff, Descriptor, cutoff_spec
from lionn_rs.errors import ConfigError, DataError
from lionn_rs.structure_arrays import structure_arrays

if TYPE_CHECKING:
    from ase import Atoms
    from numpy.typing import NDArray

ENVIRONMENTS_PER_ELEMENT: Final = 2000
"""Environments of each element from which a contraction is made."""

NEGLIGIBLE_VARIANCE: Final = 1e-10
"""Mixed channels with less than this share of the variance carry rounding errors only."""


class Zernike(Descriptor):
    """Zernike descriptor: rotationally invariant norms of the Zernike moments of the density.

    ``p_nl = sum_m |c_nlm|²`` with ``c_nlm = sum_j w_j fc(r_ij) R_nl(r_ij/Rc) Y_lm(r_ij)``, n up to
    ``n_max``, n - l even, n outer. Equal to AMP's for the default weights; but AMP's forces lack a
    part where two atoms meet only through an image that is displaced along all three lattice
    vectors.

    Parameters
    ----------
    elements : sequence of str
        Element symbols.
    cutoff : Cosine or Polynomial
        Cutoff function.
    n_max : int
        Highest order; 5, 7 and 12 give 12, 20 and 49 features.
    resolved : bool
        Tell neighbors of different elements apart: ``p_nl^ab = sum_m c^a_nlm c^b_nlm`` for every
        pair of elements a <= b instead of one weighted density.
    weights : mapping of str to float, or of str to such mappings, optional
        Weight ``w_j`` of each neighbor element; default: its atomic number (as in AMP), and one if
        elements are resolved. Given as ``{center: {neighbor: weight}}``, every center element has
        its own.

    Raises
    ------
    ConfigError
        For parameters out of range, unknown elements, missing weights.

    Examples
    --------
    >>> import lionn_rs as lionn
    >>> zernike = lionn.Zernike(["Li", "P", "S"], cutoff=lionn.Cosine(6.5), n_max=7)
    >>> zernike.n_features["Li"]
    20

    References
    ----------
    Khorshidi and Peterson, Comput. Phys. Commun. 207, 310 (2016), doi 10.1016/j.cpc.2016.05.010.
    Novotni and Klein, Comput.-Aided Des. 36, 1047 (2004), doi 10.1016/j.cad.2004.01.005.
    """

    def __init__(
        self,
        elements: Sequence[str],
        *,
        cutoff: Cutoff,
        n_max: int = 5,
        resolved: bool = False,
        weights: Mapping[str, float] | Mapping[str, Mapping[str, float]] | None = None,
    ) -> None:
        spec: dict[str, Any] = {
            "type": "zernike",
            "elements": sorted(elements),
            "cutoff": cutoff_spec(cutoff),
            "n_max": n_max,
            "resolved": resolved,
        }
        if weights is not None:
            spec["weights"] = {
                element: dict(weight) if isinstance(weight, Mapping) else weight
                for element, weight in weights.items()
            }
        super().__init__(spec)


class PowerSpectrum(Descriptor):
    """Power spectrum of the density of the neighbors, with one channel per element.

    ``p_kk'l = sum_m C_klm C_k'lm`` with ``C_klm = sum_an W^l_k,an A_anlm`` and
    ``A_anlm = sum_j T_n(x_ij) fc(r_ij) Y_lm(r_ij)`` over the neighbors j of element a, where
    ``x = 2 (1 - r/Rc)² - 1`` and T_n are Chebyshev polynomials. The features are first all
    ``A_an00``, then ``p_kk'l`` for every l and k <= k'. The contraction W mixes elements and radial
    functions to few channels; :meth:`fit` finds it for a set of images.

    With ``bispectrum_l_max`` products of three follow, which see four atoms at once:
    ``b_kl1l2l3 = sum_m1m2m3 G_m1m2m3 C_kl1m1 C_kl2m2 C_kl3m3`` for 0 < l1 <= l2 <= l3 <= l1 + l2
    with an even sum of the degrees, where G are the integrals of three harmonics (Gaunt
    coefficients).

    Parameters
    ----------
    elements : sequence of str
        Element symbols.
    cutoff : Cosine or Polynomial
        Cutoff function.
    n_radial : int
        Number of radial functions.
    l_max : int
        Highest degree of the spherical harmonics.
    bispectrum_l_max : int
        Highest degree in products of three, at most ``l_max``; 0: none.
    contraction : mapping of str to sequence of (n_channels, n_elements n_radial) arrays, optional
        W of every center element, one matrix for each l; columns are elements (sorted, outer) and
        radial functions. Without it nothing is mixed.

    Raises
    ------
    ConfigError
        For parameters out of range and matrices of the wrong shape.

    References
    ----------
    Bartók, Kondor and Csányi, Phys. Rev. B 87, 184115 (2013), doi 10.1103/PhysRevB.87.184115
    (power spectrum and bispectrum); Darby et al., Phys. Rev. Lett. 131, 028001 (2023), doi
    10.1103/PhysRevLett.131.028001 (products within a channel); Goscinski, Musil, Pozdnyakov, Nigam
    and Ceriotti, J. Chem. Phys. 155, 104106 (2021), doi 10.1063/5.0057229 (contraction); Fan et
    al., J. Chem. Phys. 157, 114801 (2022), doi 10.1063/5.0106617 (radial functions).
    """

    def __init__(
        self,
        elements: Sequence[str],
        *,
        cutoff: Cutoff,
        n_radial: int = 8,
        l_max: int = 4,
        bispectrum_l_max: int = 0,
        contraction: Mapping[str, Sequence[NDArray[np.float64]]] | None = None,
    ) -> None:
        spec: dict[str, Any] = {
            "type": "powerspectrum",
            "elements": sorted(elements),
            "cutoff": cutoff_spec(cutoff),
            "n_radial": n_radial,
            "l_max": l_max,
            "bispectrum_l_max": bispectrum_l_max,
        }
        if contraction is not None:
            spec["contraction"] = {
                element: [np.asarray(w, dtype=np.float64).tolist() for w in matrices]
                for element, matrices in contraction.items()
            }
        super().__init__(spec)

    @classmethod
    def fit(
        cls,
        images: Sequence[Atoms],
        *,
        cutoff: Cutoff,
        elements: Sequence[str] | None = None,
        n_radial: int = 8,
        l_max: int = 4,
        bispectrum_l_max: int = 0,
        n_channels: int | Sequence[int] = 12,
        seed: int = 0,
    ) -> PowerSpectrum:
        """Power spectrum whose contraction keeps most of the variation of the density in images.

        For every center element and degree l the channels are the leading principal components of
        the coefficients ``A_anlm`` over atoms and m, in units of their standard deviation.

        Parameters
        ----------
        images : sequence of ase.Atoms
            Training images; all elements must occur.
        cutoff : Cosine or Polynomial
            Cutoff function.
        elements : sequence of str, optional
            Element symbols; default: those of the images.
        n_radial, l_max, bispectrum_l_max : int
            As for the class.
        n_channels : int or sequence of int
            Number of channels; one number for each l, or one for all.
        seed : int
            Seed of the choice of environments, if there are more than needed.

        Returns
        -------
        PowerSpectrum
            The descriptor.

        Raises
        ------
        ConfigError
            For numbers of channels that do not fit.
        DataError
            Without images, or if an element does not occur in them.

        References
        ----------
        Goscinski, Musil, Pozdnyakov, Nigam and Ceriotti, J. Chem. Phys. 155, 104106 (2021),
        doi 10.1063/5.0057229.
        """
        if len(images) == 0:
            raise DataError("a contraction needs at least one image")
        found = {str(symbol) for image in images for symbol in image.symbols}
        elements = sorted(found if elements is None else elements)
        if missing := [element for element in elements if element not in found]:
            raise DataError(f"no atom of {', '.join(missing)} in {len(images)} images")
        n_columns = len(elements) * n_radial
        counts = [n_channels] * (l_max + 1) if isinstance(n_channels, int) else list(n_channels)
        if len(counts) != l_max + 1:
            raise ConfigError(
                f"n_channels must give {l_max + 1} numbers (one for each l), got {len(counts)}"
            )
        if not all(0 <= n <= n_columns for n in counts):
            raise ConfigError(f"n_channels must lie between 0 and {n_columns}, got {n_channels}")
        plain = cls(elements, cutoff=cutoff, n_radial=n_radial, l_max=l_max)
        contraction = {
            element: [principal_components(a, n) for a, n in zip(coefficients, counts, strict=True)]
            for element, coefficients in density_samples(plain, images, seed).items()
        }
        return cls(
            elements,
            cutoff=cutoff,
            n_radial=n_radial,
            l_max=l_max,
            bispectrum_l_max=bispectrum_l_max,
            contraction=contraction,
        )


def principal_components(coefficients: NDArray[np.float64], n_channels: int) -> NDArray[np.float64]:
    """Leading principal components, scaled to unit variance.

    Parameters
    ----------
    coefficients : (n_samples, n_columns, n_m) float64
        Coefficients of the density; the components m count as samples of their own.
    n_channels : int
        How many are wanted; directions without variance are left out.

    Returns
    -------
    (n_channels, n_columns) float64
        One component in each row.
    """
    rows = np.moveaxis(coefficients, 1, 2).reshape(-1, coefficients.shape[1])
    if coefficients.shape[2] == 1:
        rows = rows - rows.mean(axis=0)
    values, vectors = np.linalg.eigh(rows.T @ rows / len(rows))
    values, vectors = values[::-1][:n_channels], vectors[:, ::-1][:, :n_channels]
    keep = values > NEGLIGIBLE_VARIANCE * values.max(initial=0.0)
    scaled = vectors[:, keep] / np.sqrt(values[keep])
    signs = np.sign(scaled[np.abs(scaled).argmax(axis=0), np.arange(scaled.shape[1])])
    return np.ascontiguousarray((scaled * signs).T)


def density_samples(
    descriptor: PowerSpectrum, images: Sequence[Atoms], seed: int
) -> dict[str, list[NDArray[np.float64]]]:
    """Coefficients ``(n_samples, n_columns, 2 l + 1)`` of every center element and degree.

    From :data:`ENVIRONMENTS_PER_ELEMENT` environments or a few more, of images in random order.
    """
    rng = np.random.default_rng(seed)
    samples: dict[str, list[list[NDArray[np.float64]]]] = {e: [] for e in descriptor.elements}
    for number in rng.permutation(len(images)):
        image = images[number]
        wanted = [len(samples[s]) < ENVIRONMENTS_PER_ELEMENT for s in image.symbols]
        if not any(wanted):
            continue
        atoms = descriptor.core.density_coefficients(*structure_arrays(image))
        for symbol, shells in zip(image.symbols, atoms, strict=True):
            samples[symbol].append(shells)
    return {
        element: [np.array(of_degree) for of_degree in zip(*shells, strict=True)]
        for element, shells in samples.items()
    }
