"""Energies and forces of ``.amp`` files against the formulas and against AMP 1.0.1 itself."""

from __future__ import annotations

import json
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from hypothesis import given
from hypothesis import strategies as st

import lionn_rs as lionn
from lionn_rs import ModelFileError
from lionn_rs.interop import read_potential
from tests.fuzzing import fuzz
from tests.unit.interop import amp_oracle as oracle
from tests.unit.interop.amp_texts import (
    call,
    cluster,
    crystal,
    example,
    gaussian_descriptor,
    model,
    text,
    zernike_descriptor,
)

REFERENCE = Path(__file__).parents[2] / "reference" / "amp"
FILES = sorted(path.name for path in [*REFERENCE.glob("*.amp"), *REFERENCE.glob("*.ensemble")])
# AMP's Zernike moments are differences of numbers a thousand times as large as the scaled range.
ENERGY_TOLERANCE, FORCE_TOLERANCE = 1e-9, 1e-7
NO_DERIVATIVES = {"zernike_weights.amp"}
"""Where coefficients differ from center to center, AMP's forces are not those of its energies."""


def written(tmp_path: Path, descriptor: dict, network: dict) -> Path:
    path = tmp_path / "model.amp"
    path.write_text(text(descriptor, network))
    return path


def check(tmp_path: Path, descriptor: dict, network: dict, atoms: Atoms) -> None:
    result = read_potential(written(tmp_path, descriptor, network)).evaluate(atoms)
    expected = oracle.energy(descriptor, network, atoms)
    # The sums differ in order only; scaled features reach 1e2.
    assert result.energy == pytest.approx(expected, rel=1e-11, abs=1e-10)


@pytest.mark.parametrize("name", FILES)
def test_amp_itself_has_the_same_energies_and_forces(name):
    stored = json.loads((REFERENCE / "predictions.json").read_text())
    potential = read_potential(REFERENCE / name)
    assert len(stored[name]) == len(stored["structures"]) >= 4
    for entry, expected in zip(stored["structures"], stored[name], strict=True):
        result = potential.evaluate(Atoms(**entry))
        assert result.energy == pytest.approx(expected["energy"], abs=ENERGY_TOLERANCE)
        if name in NO_DERIVATIVES:
            # Richardson differences of energies, which are AMP's, of forces up to 0.1 eV/Å.
            assert lionn.testing.check_derivatives(potential, Atoms(**entry)).force_error < 1e-8
        else:
            np.testing.assert_allclose(result.forces, expected["forces"], atol=FORCE_TOLERANCE)


def test_forces_of_the_reference_files_are_not_saturated():
    """A network whose nodes are all at their limits would agree with anything."""
    stored = json.loads((REFERENCE / "predictions.json").read_text())
    for name in FILES:
        largest = max(np.abs(entry["forces"]).max() for entry in stored[name])
        assert largest > 1e4 * FORCE_TOLERANCE, name


def test_reference_files_hold_every_kind_of_calculator():
    texts = {name: (REFERENCE / name).read_text() for name in FILES}
    for word in ("Polynomial", "G5", "Zernike", "sigmoid", "linear'", "'Pt'", "OrderedDict"):
        assert any(word in content for content in texts.values()), word
    bundle = read_potential(REFERENCE / "bundle.ensemble")
    assert isinstance(bundle, lionn.Committee)
    assert bundle.n_members == 3


@pytest.mark.parametrize("activation", ["tanh", "sigmoid", "linear"])
@pytest.mark.parametrize("cutoff", ["Cosine", "Polynomial"])
def test_gaussian_calculators_follow_the_formulas(tmp_path, activation, cutoff):
    kwargs = {"Rc": 4.2} if cutoff == "Cosine" else {"Rc": 4.2, "gamma": 3.0}
    descriptor = gaussian_descriptor(["Au", "Cu"], cutoff={"name": cutoff, "kwargs": kwargs})
    network = model(descriptor, activation=activation, hidden={"Au": (4, 3, 2), "Cu": (2,)})
    for atoms in (cluster(), crystal()):
        check(tmp_path, descriptor, network, atoms)
    result = read_potential(tmp_path / "model.amp").evaluate(cluster())
    expected = oracle.forces(descriptor, network, cluster())
    np.testing.assert_allclose(result.forces, expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(
    "weights",
    [None, {"Au": {"Au": 1.0, "Cu": 2.0}, "Cu": {"Au": 1.0, "Cu": 2.0}}],
    ids=["numbers", "same"],
)
def test_zernike_calculators_follow_the_formulas(tmp_path, weights):
    changes = {} if weights is None else {"Gs": weights}
    descriptor = zernike_descriptor(["Au", "Cu"], **changes)
    network = model(descriptor, scale=1e4 if weights is None else 5.0)
    for atoms in (cluster(), crystal()):
        check(tmp_path, descriptor, network, atoms)


def test_every_center_may_have_its_own_density(tmp_path):
    own = {"Au": {"Au": 3.0, "Cu": -1.0}, "Cu": {"Au": 0.0, "Cu": 2.0}}
    descriptor = zernike_descriptor(["Au", "Cu"], Gs=own, nmax=4)
    network = model(descriptor, scale=5.0)
    for atoms in (cluster(), crystal()):
        check(tmp_path, descriptor, network, atoms)
    result = read_potential(tmp_path / "model.amp").evaluate(cluster())
    expected = oracle.forces(descriptor, network, cluster())
    np.testing.assert_allclose(result.forces, expected, rtol=1e-6, atol=1e-6)


def test_functions_of_elements_without_a_network_go_into_the_bias(tmp_path):
    """Gs of three elements, images of two: the third one's functions are zero for ever."""
    descriptor = gaussian_descriptor(["Au", "Cu", "Pt"])
    network = model(descriptor, elements=["Au", "Cu"])
    potential = read_potential(written(tmp_path, descriptor, network))
    assert potential.elements == ["Au", "Cu"]
    assert potential.descriptor.n_features == {"Au": 10, "Cu": 10}
    for atoms in (cluster(), crystal()):
        check(tmp_path, descriptor, network, atoms)


layers = st.lists(st.integers(1, 4), min_size=1, max_size=3).map(tuple)


@fuzz(25)
@given(
    seed=st.integers(0, 2**31),
    hidden=st.fixed_dictionaries({"Au": layers, "Cu": layers}),
    activation=st.sampled_from(["tanh", "sigmoid", "linear"]),
    radius=st.floats(2.5, 6.0),
    gamma=st.none() | st.floats(2.0, 7.0),
    is_zernike=st.booleans(),
)
def test_any_calculator_follows_the_formulas(
    tmp_path_factory, seed, hidden, activation, radius, gamma, is_zernike
):
    cutoff = {"name": "Cosine", "kwargs": {"Rc": radius}}
    if gamma is not None:
        cutoff = {"name": "Polynomial", "kwargs": {"Rc": radius, "gamma": gamma}}
    make = zernike_descriptor if is_zernike else gaussian_descriptor
    descriptor = make(["Au", "Cu"], cutoff=cutoff)
    scale = 1e4 if is_zernike else 1.0
    network = model(descriptor, seed=seed, hidden=hidden, activation=activation, scale=scale)
    if activation == "linear":  # the range of a constant feature of size 1e4 is no scale
        network["fprange"] = {
            e: [[a, max(b, a + 0.1 * scale)] for a, b in rows]
            for e, rows in network["fprange"].items()
        }
    check(tmp_path_factory.mktemp("amp"), descriptor, network, cluster(seed=seed % 1000))


def test_spellings_of_other_versions_mean_the_same(tmp_path):
    """Arrays of untrained networks, NumPy 2, ``OrderedDict`` of Python 3.12, texts of Python 2."""
    path = example(tmp_path)
    expected = read_potential(path).evaluate(cluster()).energy
    descriptor = gaussian_descriptor(["Au", "Cu"])
    network = model(descriptor)
    arrays = {
        element: {layer: np.array(rows) for layer, rows in weights.items()}
        for element, weights in network["weights"].items()
    }
    with np.printoptions(precision=30, threshold=10**9):
        spellings = [
            call({**network, "weights": arrays}),
            call({**network, "weights": arrays}).replace("array(", "np.matrix("),
            call(network).replace(
                "OrderedDict([('intercept', -1.5), ('slope', 0.7)])",
                "OrderedDict({'intercept': np.float64(-1.5), 'slope': 0.7})",
            ),
            call(network).replace("'tanh'", "u'tanh'"),
            call({**network, "weights": OrderedDict(sorted(network["weights"].items()))}),
        ]
    assert len(set(spellings)) >= 4
    for spelling in spellings:
        path.write_text(call({"descriptor": call(descriptor), "model": spelling}))
        assert read_potential(path).evaluate(cluster()).energy == pytest.approx(expected, abs=1e-12)
    descriptor["cutoff"] = 4.0  # a number is a Cosine cutoff
    path.write_text(text(descriptor, network))
    assert read_potential(path).evaluate(cluster()).energy == pytest.approx(expected, abs=1e-12)


def test_potential_says_where_it_is_from(tmp_path):
    potential = read_potential(example(tmp_path))
    assert potential.metadata["source"] == {"program": "AMP", "file": "model.amp", "notes": []}


def test_several_files_are_a_committee(tmp_path):
    """A list of texts, a folder of files, and the folder of a bootstrap training in its order."""
    folder = tmp_path / "boot-training"
    texts = []
    for seed in range(11):
        (folder / str(seed)).mkdir(parents=True)
        path = example(folder / str(seed), "amp.amp", seed=seed)
        path.with_name("amp-checkpoint.amp").write_text("not read")
        texts.append(path.read_text())
    bundle = tmp_path / "boot.ensemble"
    bundle.write_text(json.dumps(texts))
    flat = tmp_path / "flat"
    flat.mkdir()
    (flat / "a-initial-parameters.amp").write_text("not read")
    for number, content in enumerate(texts):
        (flat / f"a{number}.amp").write_text(content)
    singles = [read_potential(folder / str(s) / "amp.amp").evaluate(crystal()) for s in range(11)]
    for path in (bundle, folder, flat):
        committee = read_potential(path)
        assert isinstance(committee, lionn.Committee)
        result = committee.evaluate(crystal())
        np.testing.assert_allclose(result.member_energies, [s.energy for s in singles], atol=1e-12)
        assert result.energy == pytest.approx(np.mean([s.energy for s in singles]), abs=1e-12)
    bundle.write_text(json.dumps(texts[:1]))
    assert isinstance(read_potential(bundle), lionn.Potential)


def test_members_must_share_the_descriptor(tmp_path):
    folder = tmp_path / "two"
    folder.mkdir()
    example(folder, "a.amp")
    descriptor = gaussian_descriptor(["Au", "Cu"], cutoff=5.0)
    (folder / "b.amp").write_text(text(descriptor, model(descriptor)))
    with pytest.raises(ModelFileError, match="calculator 2 has another descriptor"):
        read_potential(folder)
    steps = tmp_path / "amp-checkpoints"
    folder.rename(steps)
    with pytest.raises(ModelFileError, match="steps of one training"):
        read_potential(steps)
