"""Folders for n2p2: the slow evaluation of what was written gives our own energies."""

from __future__ import annotations

import numpy as np
import pytest

import lionn_rs as lionn
from lionn_rs import _core
from lionn_rs.errors import ModelFileError
from lionn_rs.interop import read_potential, write_potential
from tests.conftest import random_crystal, random_potential
from tests.unit.interop.n2p2_folders import crystal, write_example
from tests.unit.interop.n2p2_oracle import Oracle

ELEMENTS = ["Li", "S"]


def gaussian_potential(functions, *, cutoff, change=None, **keywords) -> lionn.Potential:
    """Random potential; ``change`` edits its document."""
    descriptor = lionn.Gaussian(dict.fromkeys(ELEMENTS, functions), cutoff=cutoff, **keywords)
    rng = np.random.default_rng(3)
    n = len(functions)
    parameters = rng.uniform(-0.5, 0.5, 2 * ((n + 1) * 4 + 5 * 3 + 4) + 4)
    core = _core.NeuralPotential.assemble(
        descriptor.core,
        [[0.0] * n] * 2,
        [[2.0] * n] * 2,
        [4, 3],
        ["tanh", "softplus", "linear"],
        list(parameters),
    )
    document = core.document()
    if change is not None:
        change(document)
    return lionn.Potential(_core.read_model({**document, "version": 3, "metadata": {}})[0])


def functions() -> list[lionn.G2 | lionn.G4 | lionn.WeightedG2 | lionn.WeightedG4]:
    return [
        lionn.G5(("S", "Li"), 0.3, 3.0, -1.0, rs=0.4),
        lionn.G2("S", 4.0, rs=1.5),
        lionn.G4(("S", "Li"), 0.5, 2.0, 1.0),
        lionn.WeightedG4(0.4, 4.0, 0.5, rs=0.2),
        lionn.G2("Li", 0.5),
        lionn.G4(("Li", "Li"), 0.1, 1.5, -1.0, rs=0.3),
        lionn.WeightedG2(1.0),
    ]


def round_trip(potential: lionn.Potential, folder, atoms=None) -> lionn.Potential:
    """Slow evaluation and our reader of the written folder agree with the potential."""
    write_potential(potential, folder)
    again = read_potential(folder)
    for frame in atoms or [crystal(1), crystal(2)]:
        energy = potential.evaluate(frame).energy
        # Rounding of a few hundred terms of order one.
        assert again.evaluate(frame).energy == pytest.approx(energy, abs=1e-11)
        assert Oracle(folder).energy(frame) == pytest.approx(energy, abs=1e-11)
    return again


@pytest.mark.parametrize("eta_unit", ["1/Rc^2", "1/A^2"])
@pytest.mark.parametrize(
    "cutoff",
    [
        lionn.Cosine(4.2),
        lionn.Polynomial(4.2, gamma=2.0),
        lionn.Switch(4.2, "nonic", inner=0.9),
        lionn.Tanh(4.2),
        lionn.Tanh(4.2, normalized=False),
        lionn.Hard(4.2),
    ],
)
def test_every_function_and_cutoff(tmp_path, cutoff, eta_unit) -> None:
    round_trip(gaussian_potential(functions(), cutoff=cutoff, eta_unit=eta_unit), tmp_path / "nnp")


def test_functions_of_several_radii(tmp_path) -> None:
    own = [*functions(), lionn.G2("Li", 0.5, cutoff=lionn.Cosine(3.1))]
    round_trip(gaussian_potential(own, cutoff=lionn.Cosine(4.2)), tmp_path / "nnp")


@pytest.mark.parametrize("output", ["linear", "tanh", "sigmoid"])
def test_gaussian_56_with_activated_output(tmp_path, output) -> None:
    potential = random_potential(2, cutoff=4.0, output_activation=output)
    round_trip(potential, tmp_path / "nnp", [random_crystal(3, 6)])
    text = (tmp_path / "nnp" / "input.nn").read_text()
    nodes = "5 5" if output == "linear" else "5 5 1"
    assert f"global_nodes_short {nodes}\n" in text


def test_a_single_layer(tmp_path) -> None:
    only = [lionn.G2("S", 1.0)]
    descriptor = lionn.Gaussian(dict.fromkeys(ELEMENTS, only), cutoff=lionn.Cosine(4.0))
    core = _core.NeuralPotential.assemble(
        descriptor.core,
        [[0.0]] * 2,
        [[2.0]] * 2,
        [],
        ["linear"],
        [0.3, -0.2, 0.1, 0.5, -4.0, 2.0, -3.0, 1.0],
    )
    round_trip(lionn.Potential(core), tmp_path / "nnp")


def test_constant_features_and_narrow_networks(tmp_path) -> None:
    def change(document) -> None:
        entry = document["networks"]["S"]
        entry["min"][1] = entry["max"][1] = 0.7
        first, second, last = entry["weights"]
        entry["weights"] = [[row[:2] for row in first], [*second[:2], second[-1]], last]

    potential = gaussian_potential(functions(), cutoff=lionn.Cosine(4.2), change=change)
    again = round_trip(potential, tmp_path / "nnp")
    widths = [len(again._document()["networks"][e]["weights"][1]) for e in ELEMENTS]
    assert widths == [5, 5]


def test_what_was_read_is_written_alike(tmp_path) -> None:
    folder = write_example(tmp_path / "nnp", scaling=("scale_symmetry_functions_sigma",))
    potential = read_potential(folder, units="ev-angstrom")
    again = round_trip(potential, tmp_path / "again")
    assert again.descriptor == potential.descriptor


def refusal(potential, tmp_path, **options) -> str:
    with pytest.raises(ModelFileError) as error:
        write_potential(potential, tmp_path / "nnp", **options)
    assert not (tmp_path / "nnp").exists()
    return str(error.value)


def test_what_n2p2_cannot_express_is_refused(tmp_path) -> None:
    polynomial = gaussian_potential(functions(), cutoff=lionn.Polynomial(4.2, gamma=4.0))
    assert "no polynomial cutoff function with gamma 4" in refusal(polynomial, tmp_path)
    mixed = [*functions(), lionn.G2("Li", 0.5, cutoff=lionn.Tanh(3.1))]
    mixed = gaussian_potential(mixed, cutoff=lionn.Cosine(4.2))
    assert "one kind of cutoff function" in refusal(mixed, tmp_path)

    def change(document) -> None:
        document["networks"]["S"]["activations"] = ["tanh", "tanh", "linear"]

    different = gaussian_potential(functions(), cutoff=lionn.Cosine(4.2), change=change)
    message = refusal(different, tmp_path)
    assert "Li tanh, softplus, linear and S tanh, tanh, linear" in message.replace("has ", "")
    repulsive = random_potential()
    core = repulsive.core.with_repulsion([("Li", "Li", 1.0, 1.5)])
    assert "--drop-repulsion" in refusal(lionn.Potential(core), tmp_path)
    committee = lionn.Committee([random_potential(1), random_potential(2)])
    assert "committee of 2" in refusal(committee, tmp_path)


def test_folders_are_not_replaced_unasked(tmp_path) -> None:
    potential = gaussian_potential(functions(), cutoff=lionn.Cosine(4.2))
    folder = tmp_path / "nnp"
    write_potential(potential, folder)
    with pytest.raises(ModelFileError, match="is not empty; --force"):
        write_potential(potential, folder)
    (folder / "notes.txt").write_text("mine")
    (folder / "weights.099.data").write_text("old")
    write_potential(potential, folder, force=True)
    assert sorted(path.name for path in folder.iterdir()) == [
        "input.nn",
        "notes.txt",
        "scaling.data",
        "weights.003.data",
        "weights.016.data",
    ]
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "notes.txt").write_text("mine")
    with pytest.raises(ModelFileError, match="holds no potential of n2p2"):
        write_potential(potential, tmp_path / "home", force=True)
