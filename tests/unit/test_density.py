"""Zernike descriptors and power spectra from Python."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms

import lionn_rs as lionn
from lionn_rs.density import principal_components
from lionn_rs.errors import ConfigError, DataError

CUTOFF = lionn.Cosine(5.0)


@pytest.fixture(scope="module")
def images() -> list[Atoms]:
    rng = np.random.default_rng(3)
    found = []
    for _ in range(6):
        positions = np.argwhere(np.ones((3, 3, 2))) * 2.3 + rng.uniform(-0.3, 0.3, (18, 3))
        numbers = rng.permutation([3] * 10 + [15] * 3 + [16] * 5)
        found.append(Atoms(numbers, positions=positions, cell=[6.9, 6.9, 4.6], pbc=True))
    return found


def test_zernike_of_amp():
    """Printed by AMP 1.0.1 (Gs = atomic number)."""
    cluster = Atoms(
        "LiPSGe", positions=[[0, 0, 0], [2.1, 0.3, 0.2], [0.4, 2.3, 0.9], [1.7, 1.9, 2.2]]
    )
    zernike = lionn.Zernike(["Ge", "Li", "P", "S"], cutoff=lionn.Cosine(6.5))
    values = zernike.fingerprints(cluster)[0]
    assert values[:3] == pytest.approx([331.857012998559, 231.462528681463, 835.79105389389], 1e-12)


def test_weights_change_the_density(images):
    elements = ["Li", "P", "S"]
    plain = lionn.Zernike(elements, cutoff=CUTOFF).fingerprints(images[0])[0]
    numbers = lionn.Zernike(elements, cutoff=CUTOFF, weights={"Li": 3, "P": 15, "S": 16})
    ones = lionn.Zernike(elements, cutoff=CUTOFF, weights=dict.fromkeys(elements, 1.0))
    assert numbers.fingerprints(images[0])[0] == pytest.approx(plain)
    assert not np.allclose(ones.fingerprints(images[0])[0], plain)


def test_classes_survive_a_potential_file(images):
    for descriptor in (
        lionn.Zernike(["Li", "P", "S"], cutoff=CUTOFF, n_max=3, resolved=True),
        lionn.PowerSpectrum.fit(images, cutoff=CUTOFF, n_radial=3, l_max=2, n_channels=4),
        lionn.PowerSpectrum.fit(
            images, cutoff=CUTOFF, n_radial=3, l_max=3, n_channels=4, bispectrum_l_max=2
        ),
    ):
        again = type(descriptor)._wrap(descriptor.core)
        assert type(again) is type(descriptor)
        assert again == descriptor


def test_fit_makes_channels_of_unit_variance(images):
    spectrum = lionn.PowerSpectrum.fit(
        images, cutoff=CUTOFF, n_radial=4, l_max=2, n_channels=[2, 3, 3]
    )
    assert spectrum.n_features == dict.fromkeys(["Li", "P", "S"], 12 + 3 + 6 + 6)
    values = [
        f
        for image in images
        for symbol, f in zip(image.symbols, spectrum.fingerprints(image), strict=True)
        if symbol == "Li"
    ]
    # For l = 1 the features p_kk' average to (2l + 1) times the unit matrix.
    mean = np.mean(values, axis=0)[15:21]
    assert mean == pytest.approx(3.0 * np.array([1, 0, 0, 1, 0, 1]), abs=1e-9)


def test_without_contraction_all_products_are_features():
    spectrum = lionn.PowerSpectrum(["Li", "S"], cutoff=CUTOFF, n_radial=2, l_max=1)
    assert spectrum.n_features["Li"] == 4 + 2 * 10


def test_bispectrum_tells_apart_what_a_power_spectrum_does_not():
    # Homometric sets on a circle (Patterson, Phys. Rev. 65, 195 (1944)): all six angles between
    # the four neighbors are the same, the angles of their triangles are not.
    def fingerprint(eighths: list[int], bispectrum_l_max: int) -> np.ndarray:
        angles = np.array(eighths) * np.pi / 4
        ring = 2.0 * np.stack([np.cos(angles), np.sin(angles), np.zeros(4)], axis=1)
        spectrum = lionn.PowerSpectrum(
            ["Li", "S"], cutoff=CUTOFF, n_radial=2, l_max=4, bispectrum_l_max=bispectrum_l_max
        )
        return spectrum.fingerprints(Atoms("LiS4", [[0.0, 0.0, 0.0], *ring]))[0]

    for l_max, different in ((0, False), (2, True), (4, True)):
        a, b = (fingerprint(eighths, l_max) for eighths in ([0, 1, 2, 5], [0, 1, 3, 4]))
        assert (np.abs(a - b).max() > 1e-3 * np.abs(a).max()) == different
        if not different:
            assert a == pytest.approx(b, rel=1e-12)


def test_components_are_those_of_the_covariance():
    rng = np.random.default_rng(0)
    mixing = np.array([[3.0, 0.0, 0.0], [0.0, 0.5, 0.0]])
    samples = np.einsum("ck,nkm->ncm", mixing.T, rng.normal(size=(4000, 2, 3)))
    components = principal_components(samples, 3)
    # The third direction has no variance.
    assert components.shape == (2, 3)
    assert np.abs(components) == pytest.approx(np.array([[1 / 3, 0, 0], [0, 2, 0]]), abs=0.05)


def test_bad_input(images):
    with pytest.raises(ConfigError, match="n_max must be at most 20, got 99"):
        lionn.Zernike(["Li"], cutoff=CUTOFF, n_max=99)
    with pytest.raises(DataError, match="no atom of Ge in 6 images"):
        lionn.PowerSpectrum.fit(images, cutoff=CUTOFF, elements=["Ge", "Li", "P", "S"])
    with pytest.raises(DataError, match="at least one image"):
        lionn.PowerSpectrum.fit([], cutoff=CUTOFF)
    with pytest.raises(ConfigError, match=r"must give 3 numbers \(one for each l\), got 2"):
        lionn.PowerSpectrum.fit(images, cutoff=CUTOFF, l_max=2, n_channels=[3, 3])
    with pytest.raises(ConfigError, match="between 0 and 6, got 7"):
        lionn.PowerSpectrum.fit(images, cutoff=CUTOFF, n_radial=2, l_max=2, n_channels=7)
    gaussian = lionn.Gaussian.amp_default(["Li"], cutoff=CUTOFF)
    with pytest.raises(ConfigError, match="not made of density coefficients"):
        gaussian.core.density_coefficients(
            np.eye(3) * 9, (True,) * 3, np.array([3], dtype=np.uint8), np.zeros((1, 3))
        )
