from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms

import lionn_rs as lionn

# AMP 1.0.1, atom 0 of the cluster below; twelve digits are printed.
AMP_FIRST_20 = [
    0.465335166894, 0, 0.753424524743, 0.671854853786, 0.44314072438, 0, 0.738826699946,
    0.653971911283, 0.353205615765, 0, 0.674686790288, 0.577000982272, 0.123244010943, 0,
    0.442625270418, 0.322667443924, 0, 0, 0.383079944275, 0.471442562792,
]  # fmt: skip


def test_amp_default_reproduces_amp() -> None:
    cluster = Atoms(
        "LiPSGe", positions=[[0, 0, 0], [2.1, 0.3, 0.2], [0.4, 2.3, 0.9], [1.7, 1.9, 2.2]]
    )
    descriptor = lionn.Gaussian.amp_default(["Li", "Ge", "P", "S"], cutoff=lionn.Cosine(6.5))
    assert descriptor.n_features == {"Ge": 56, "Li": 56, "P": 56, "S": 56}
    np.testing.assert_allclose(descriptor.fingerprints(cluster)[0][:20], AMP_FIRST_20, atol=6e-13)


def test_gaussian_by_hand() -> None:
    dimer = Atoms("Li2", positions=[[0, 0, 0], [0, 0, 3.0]])
    descriptor = lionn.Gaussian(
        {"Li": [lionn.G2("Li", eta=0.2, rs=1.0), lionn.G4(("Li", "Li"), eta=0.1, zeta=1, gamma=1)]},
        cutoff=lionn.Cosine(6.0),
        eta_unit="1/A^2",
    )
    expected = np.exp(-0.2 * 4.0) * 0.5 * (1 + np.cos(np.pi * 0.5))
    for fingerprint in descriptor.fingerprints(dimer):
        np.testing.assert_allclose(fingerprint, [expected, 0.0], rtol=1e-14)


def test_eta_units_agree() -> None:
    atoms = Atoms("LiS", positions=[[0, 0, 0], [0, 1.0, 2.0]])
    reduced = lionn.Gaussian(
        {"Li": [lionn.G2("S", 4.0)], "S": [lionn.G2("Li", 4.0)]}, cutoff=lionn.Cosine(5.0)
    )
    absolute = lionn.Gaussian(
        {"Li": [lionn.G2("S", 4.0 / 25.0)], "S": [lionn.G2("Li", 4.0 / 25.0)]},
        cutoff=lionn.Cosine(5.0),
        eta_unit="1/A^2",
    )
    np.testing.assert_allclose(
        reduced.fingerprints(atoms), absolute.fingerprints(atoms), rtol=1e-14
    )


def test_per_function_cutoff_and_polynomial() -> None:
    atoms = Atoms("Li2", positions=[[0, 0, 0], [0, 0, 3.0]])
    descriptor = lionn.Gaussian(
        {
            "Li": [
                lionn.G2("Li", 0.0, cutoff=lionn.Cosine(2.0)),
                lionn.G2("Li", 0.0, cutoff=lionn.Polynomial(6.0)),
            ]
        },
        cutoff=lionn.Cosine(4.0),
    )
    x = 0.5
    assert descriptor.cutoff == 6.0
    np.testing.assert_allclose(
        descriptor.fingerprints(atoms)[0], [0.0, 1 + 4 * x**5 - 5 * x**4], rtol=1e-14
    )


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: lionn.Gaussian.amp_default(["Xx"], cutoff=lionn.Cosine(6.5)),
            "unknown element symbol 'Xx'",
        ),
        (
            lambda: lionn.Gaussian.amp_default([], cutoff=lionn.Cosine(6.5)),
            "must be distinct and not empty",
        ),
        (
            lambda: lionn.Gaussian.amp_default(["Li"], cutoff=lionn.Cosine(-1.0)),
            "must be positive, got -1",
        ),
        (
            lambda: lionn.Gaussian({"Li": [lionn.G2("S", 1.0)]}, cutoff=lionn.Cosine(5.0)),
            "neighbor element S",
        ),
        (
            lambda: lionn.Gaussian(
                {"Li": [lionn.G4(("Li", "Li"), 1.0, -1.0, 1.0)]}, cutoff=lionn.Cosine(5.0)
            ),
            "zeta must be at least 1, got -1",
        ),
    ],
)
def test_bad_parameters_are_refused(make, message) -> None:
    with pytest.raises(lionn.ConfigError, match=message):
        make()


def test_unknown_element_in_structure() -> None:
    descriptor = lionn.Gaussian.amp_default(["Li"], cutoff=lionn.Cosine(5.0))
    with pytest.raises(lionn.DataError, match="element S of atom 1 is not in the model"):
        descriptor.fingerprints(Atoms("LiS", positions=[[0, 0, 0], [0, 0, 2]]))


def test_shifted_set_resolves_distances() -> None:
    descriptor = lionn.Gaussian.shifted(["Ge", "Li", "P", "S"], cutoff=lionn.Cosine(6.0))
    assert descriptor.n_features["S"] == 72
    dimer = Atoms("S2", positions=[[0, 0, 0], [0, 0, 2.0]])
    sulfur = descriptor.fingerprints(dimer)[0][3:32:4]
    assert np.argmax(sulfur) == 1  # centers at 1.5, 2.07, ... Å
    assert sulfur[-1] < 1e-10
