"""What is written for AMP: round trips, networks rewritten with one activation, refusals."""

from __future__ import annotations

import itertools
import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import lionn_rs as lionn
from lionn_rs import G2, G4, ConfigError, Cosine, ModelFileError, Polynomial, _core, datasets
from lionn_rs.interop import convert_potential, read_potential, write_potential
from lionn_rs.interop.amp.literals import Source, parse
from tests.conftest import random_crystal, random_potential
from tests.fuzzing import fuzz
from tests.unit.interop import amp_oracle as oracle
from tests.unit.interop.amp_texts import cluster, crystal, example

ELEMENTS = ["Au", "Cu"]


def potential_of(
    descriptor: lionn.descriptors.Descriptor,
    *,
    widths: dict[str, list[int]],
    activations: dict[str, list[str]],
    seed: int = 0,
    scale: float = 1.0,
) -> lionn.Potential:
    """Random networks of any shape, on AMP's or other descriptors."""
    rng = np.random.default_rng(seed)
    networks: dict[str, Any] = {}
    for element, n_features in descriptor.n_features.items():
        sizes = [n_features, *widths[element], 1]
        networks[element] = {
            "min": [0.0] * n_features,
            "max": [scale] * n_features,
            "activations": activations[element],
            "weights": [
                rng.uniform(-1, 1, (n_in + 1, n_out)).tolist()
                for n_in, n_out in itertools.pairwise(sizes)
            ],
            "intercept": -3.0,
            "slope": 2.0,
        }
    document = {
        "format": "lionn-potential",
        "version": 2,
        "units": {},
        "elements": descriptor.elements,
        "descriptor": descriptor.spec,
        "networks": networks,
        "metadata": {},
    }
    return lionn.Potential(_core.read_model(document)[0])


def plain(descriptor: lionn.descriptors.Descriptor, **options: Any) -> lionn.Potential:
    names = descriptor.elements
    return potential_of(
        descriptor,
        widths={name: [3, 2] for name in names},
        activations={name: ["tanh"] * 3 for name in names},
        **options,
    )


def gaussian(**changes: Any) -> lionn.Gaussian:
    return lionn.Gaussian.amp_default(ELEMENTS, cutoff=Cosine(4.5), **changes)


def stated(path: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """The two dictionaries of a file, for the oracle."""
    whole = parse(Source(path.read_text(), str(path)))
    return tuple(parse(Source(whole[key], key)) for key in ("descriptor", "model"))


activation = st.sampled_from(["tanh", "sigmoid", "linear"])
network = st.lists(st.integers(1, 4), max_size=3).flatmap(
    lambda widths: st.tuples(
        st.just(widths), st.lists(activation, min_size=len(widths) + 1, max_size=len(widths) + 1)
    )
)


@fuzz(20)
@given(networks=st.fixed_dictionaries({"Au": network, "Cu": network}), seed=st.integers(0, 1000))
def test_networks_of_any_kind_keep_their_energies(tmp_path_factory, networks, seed):
    """Mixed activations, linear outputs, no hidden layer: AMP has none of it, the file says it."""
    potential = potential_of(
        gaussian(),
        widths={e: widths for e, (widths, _) in networks.items()},
        activations={e: kinds for e, (_, kinds) in networks.items()},
        seed=seed,
    )
    path = tmp_path_factory.mktemp("amp") / "model.amp"
    write_potential(potential, path)
    again = read_potential(path)
    for atoms in (cluster(), crystal()):
        expected, result = potential.evaluate(atoms), again.evaluate(atoms)
        # Rounding of weights that were multiplied, in units of the largest sum.
        scale = 1.0 + abs(expected.energy)
        assert result.energy == pytest.approx(expected.energy, abs=1e-12 * scale)
        np.testing.assert_allclose(result.forces, expected.forces, atol=1e-11 * scale)
    # What AMP computes from the file as it stands, with the activation on the output.
    descriptor, model = stated(path)
    assert all(len(sizes) >= 1 for sizes in model["hiddenlayers"].values())
    expected = potential.evaluate(cluster()).energy
    assert oracle.energy(descriptor, model, cluster()) == pytest.approx(
        expected, abs=1e-12 * (1.0 + abs(expected))
    )


def test_default_potential_comes_back_bit_for_bit(tmp_path):
    """tanh hidden layers and a linear output: only powers of two are multiplied."""
    potential = random_potential()
    notes = write_potential(potential, tmp_path / "model.amp")
    assert len(notes) == 1
    assert "activation to the output" in notes[0]
    again = read_potential(tmp_path / "model.amp")
    assert again.hash == potential.hash
    assert "linear to all digits" in again.metadata["source"]["notes"][0]


def test_file_of_amp_comes_back_bit_for_bit(tmp_path):
    for kind in ("tanh", "sigmoid", "linear"):
        path = example(tmp_path, activation=kind, hidden={"Au": (4,), "Cu": (2, 3)})
        potential = read_potential(path)
        assert write_potential(potential, tmp_path / "again.amp", force=True) == []
        assert read_potential(tmp_path / "again.amp").hash == potential.hash


@pytest.mark.parametrize(
    "descriptor",
    [
        lionn.Gaussian(
            {
                "Au": [G2("Cu", 3.0, rs=1.4), lionn.G5(("Cu", "Au"), 0.2, 2.5, -1.0)],
                "Cu": [G4(("Cu", "Cu"), 0.1, 4.0, 1.0)],
            },
            cutoff=Polynomial(4.4, gamma=3.0),
        ),
        gaussian(eta_unit="1/A^2"),
        lionn.Gaussian(
            {
                e: [G2("Au", 1.0, cutoff=Cosine(5.0)), G2("Cu", 2.0, cutoff=Cosine(5.0))]
                for e in ELEMENTS
            },
            cutoff=Cosine(6.0),
        ),
        lionn.Zernike(ELEMENTS, cutoff=Cosine(4.2), n_max=4),
        lionn.Zernike(ELEMENTS, cutoff=Cosine(4.2), n_max=3, weights={"Au": 1.0, "Cu": -2.5}),
        lionn.Zernike(["Cu"], cutoff=Cosine(4.2), n_max=3, resolved=True),
    ],
    ids=["G5", "absolute", "own cutoff", "zernike", "weights", "one element"],
)
def test_descriptors_keep_their_energies(tmp_path, descriptor):
    potential = plain(descriptor, scale=50.0)
    write_potential(potential, tmp_path / "model.amp")
    atoms = crystal()
    if descriptor.elements == ["Cu"]:
        atoms.symbols[:] = "Cu"
    expected = potential.evaluate(atoms).energy
    assert read_potential(tmp_path / "model.amp").evaluate(atoms).energy == pytest.approx(
        expected, abs=1e-12
    )
    assert oracle.energy(*stated(tmp_path / "model.amp"), atoms) == pytest.approx(
        expected, abs=1e-10
    )


@pytest.mark.parametrize(
    ("descriptor", "reason"),
    [
        (
            lionn.PowerSpectrum(ELEMENTS, cutoff=Cosine(4.0), n_radial=2, l_max=1),
            "no powerspectrum",
        ),
        (
            lionn.Zernike(ELEMENTS, cutoff=Cosine(4.0), n_max=2, resolved=True),
            "one density for all",
        ),
        (lionn.Zernike(ELEMENTS, cutoff=Polynomial(4.0), n_max=2), "polynomial cutoff"),
        (
            lionn.Gaussian(
                {e: [G2("Au", 1.0), G2("Cu", 1.0, cutoff=Cosine(3.0))] for e in ELEMENTS},
                cutoff=Cosine(4.0),
            ),
            "one cutoff for all functions, this potential has cosine 4 Å, cosine 3 Å",
        ),
        (
            lionn.Gaussian(
                {e: [G4(("Au", "Cu"), 1.0, 1.0, 1.0, rs=2.0)] for e in ELEMENTS}, cutoff=Cosine(4.0)
            ),
            "shifted center; a G4 of this potential has Rs = 2 Å",
        ),
    ],
    ids=["power spectrum", "resolved", "polynomial", "cutoffs", "shifted"],
)
def test_what_amp_cannot_say_is_refused(tmp_path, descriptor, reason):
    with pytest.raises(ModelFileError, match=reason):
        write_potential(plain(descriptor), tmp_path / "model.amp")
    assert list(tmp_path.iterdir()) == []


def test_repulsion_is_refused_or_left_out(tmp_path):
    potential = random_potential()
    repelling = lionn.Potential(potential.core.with_repulsion([("Li", "S", 0.5, 1.0)]))
    with pytest.raises(ModelFileError, match=r"no short-range repulsion.*--drop-repulsion"):
        write_potential(repelling, tmp_path / "model.amp")
    notes = write_potential(repelling, tmp_path / "model.amp", drop_repulsion=True)
    assert "repulsion was left out" in notes[0]
    assert read_potential(tmp_path / "model.amp").hash == potential.hash


def test_committees_are_ensembles(tmp_path):
    committee = lionn.Committee([random_potential(seed) for seed in range(3)])
    committee = committee.with_spread_scale(1.5, 2.0)
    with pytest.raises(ModelFileError, match=r"a committee of 3; .* model\.ensemble"):
        write_potential(committee, tmp_path / "model.amp")
    notes = write_potential(committee, tmp_path / "model.ensemble")
    assert any("factors of the spread" in note for note in notes)
    assert len(json.loads((tmp_path / "model.ensemble").read_text())) == 3
    again = read_potential(tmp_path / "model.ensemble")
    atoms = random_crystal(1, 12)
    expected, result = committee.evaluate(atoms), again.evaluate(atoms)
    np.testing.assert_array_equal(result.member_energies, expected.member_energies)
    assert result.energy == expected.energy


def test_trained_potential_survives_the_way_to_amp_and_back(tmp_path):
    """AMP's defaults, 56 functions and (5, 5): energies of the training images to 1e-12."""
    images = datasets.load("lgps_gpaw_pbe")[:6]
    descriptor = lionn.Gaussian.amp_default(["Ge", "Li", "P", "S"], cutoff=Cosine(6.5))
    trained = lionn.train(
        images, descriptor=descriptor, hidden_layers=(5, 5), seed=1, max_iterations=3
    ).best
    trained.save(tmp_path / "model.json")
    result = convert_potential(tmp_path / "model.json", tmp_path / "model.amp", drop_repulsion=True)
    assert "AMP applies its activation" in str(result)
    convert_potential(tmp_path / "model.amp", tmp_path / "back.json")
    again = lionn.load(tmp_path / "back.json")
    for image in images:
        expected, other = trained.evaluate(image), again.evaluate(image)
        assert other.energy == pytest.approx(expected.energy, abs=1e-12)
        np.testing.assert_allclose(other.forces, expected.forces, atol=1e-12)


def test_nothing_is_overwritten_unasked(tmp_path):
    path = example(tmp_path)
    before = path.read_text()
    with pytest.raises(ModelFileError, match=r"exists; --force"):
        write_potential(random_potential(), path)
    assert path.read_text() == before
    write_potential(random_potential(), path, force=True)
    assert path.read_text() != before
    with pytest.raises(ConfigError, match="tells no model format"):
        write_potential(random_potential(), tmp_path / "model.pkl")
    assert [p.name for p in tmp_path.iterdir()] == ["model.amp"]
