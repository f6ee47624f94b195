from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms

import lionn_rs as lionn
from lionn_rs import _core
from lionn_rs.data import ImageArrays, label_images
from lionn_rs.errors import ConfigError, DataError
from lionn_rs.training import estimate_memory
from lionn_rs.training.initialize import fit_intercepts, match_data, random_parameters
from lionn_rs.training.objective import LossWeights, Objective, prepare_images

from .conftest import make_images

EVERYTHING = LossWeights(energy=1.0, force=0.3, stress=50.0)


def prepared(
    images: list[Atoms], descriptor: lionn.Gaussian, precision: str = "float64"
) -> tuple[_core.TrainingSet, ImageArrays, _core.NeuralPotential, np.ndarray]:
    core, arrays = prepare_images(
        label_images(images),
        descriptor,
        loss=EVERYTHING,
        precision=precision,  # type: ignore[arg-type]
    )
    minima, maxima = core.ranges()
    parameters = random_parameters([len(m) for m in minima], (4, 3), seed=2)
    template = _core.NeuralPotential.assemble(
        descriptor.core, minima, maxima, [4, 3], ["tanh", "tanh", "linear"], list(parameters)
    )
    return core, arrays, template, match_data(parameters, core, template, arrays)


def test_gradient_agrees_with_central_differences(
    images: list[Atoms], descriptor: lionn.Gaussian
) -> None:
    core, _, template, parameters = prepared(images, descriptor)
    objective = Objective(core, template, EVERYTHING, l2=0.01)
    value, gradient = objective(parameters)
    h = 1e-5
    for k in np.linspace(0, parameters.size - 1, 25).astype(int):
        shifted = [parameters.copy(), parameters.copy()]
        shifted[0][k] += h
        shifted[1][k] -= h
        numeric = (objective(shifted[0])[0] - objective(shifted[1])[0]) / (2 * h)
        # eps * value / h of rounding beside h² of truncation.
        assert numeric == pytest.approx(gradient[k], abs=1e-8 * max(value, np.abs(gradient).max()))


def test_loss_is_the_documented_formula(images: list[Atoms], descriptor: lionn.Gaussian) -> None:
    core, arrays, template, parameters = prepared(images, descriptor)
    report = core.loss(template, parameters, (1.0, 0.3, 50.0, 0.0))
    energies, forces, stresses = core.predict(template, parameters)
    assert forces is not None
    assert stresses is not None
    assert arrays.forces is not None
    assert arrays.stresses is not None
    energy = np.sum(((energies - arrays.energies) / arrays.n_atoms) ** 2)
    per_image = np.add.reduceat(np.sum((forces - arrays.forces) ** 2, axis=1), arrays.offsets[:-1])
    force = 0.3 * np.sum(per_image / (3 * arrays.n_atoms))
    stress = 50.0 * np.nansum(np.mean((stresses - arrays.stresses) ** 2, axis=(1, 2)))
    assert report["loss"] == pytest.approx(energy + force + stress, rel=1e-12)
    assert report["force_rmse"] == pytest.approx(np.sqrt(np.mean((forces - arrays.forces) ** 2)))


def test_image_weights_multiply_the_terms(images: list[Atoms], descriptor: lionn.Gaussian) -> None:
    loss = LossWeights()
    plain, _ = prepare_images(label_images(images), descriptor, loss=loss)
    for atoms in images[1:]:
        atoms.info["weight"] = 0.0
    images[0].info["weight"] = 3.0
    weighted, _ = prepare_images(label_images(images), descriptor, loss=loss)
    single, _ = prepare_images(label_images(images[:1]), descriptor, loss=loss)
    _, _, template, parameters = prepared(images, descriptor)
    weights = (1.0, 0.04, 0.0, 0.0)
    one = single.loss(template, parameters, weights)["loss"]
    assert weighted.loss(template, parameters, weights)["loss"] == pytest.approx(one)
    assert plain.loss(template, parameters, weights)["loss"] > one


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_memory_is_estimated_within_a_fifth(descriptor: lionn.Gaussian, precision: str) -> None:
    images = make_images(30, n_atoms=12)
    core, _ = prepare_images(
        label_images(images),
        descriptor,
        loss=LossWeights(),
        precision=precision,  # type: ignore[arg-type]
    )
    estimate = estimate_memory(images, descriptor, precision=precision)  # type: ignore[arg-type]
    assert estimate.total == pytest.approx(core.n_bytes, rel=0.2)


def test_predictions_equal_those_of_the_potential(
    images: list[Atoms], descriptor: lionn.Gaussian
) -> None:
    core, _, template, parameters = prepared(images, descriptor)
    potential = lionn.Potential(template).with_parameters(parameters)
    energies, forces, _ = core.predict(template, parameters)
    assert forces is not None
    direct = [potential.evaluate(atoms) for atoms in images]
    np.testing.assert_allclose(energies, [d.energy for d in direct], rtol=1e-12)
    np.testing.assert_allclose(forces, np.concatenate([d.forces for d in direct]), atol=1e-11)


def test_initial_parameters_match_energies_and_forces(
    images: list[Atoms], descriptor: lionn.Gaussian
) -> None:
    core, arrays, template, parameters = prepared(images, descriptor)
    energies, forces, _ = core.predict(template, parameters)
    assert forces is not None
    assert arrays.forces is not None
    assert np.mean(energies - arrays.energies) == pytest.approx(0.0, abs=1e-8)
    assert np.sqrt(np.mean(forces**2)) == pytest.approx(
        0.1 * np.sqrt(np.mean(arrays.forces**2)), rel=1e-6
    )


def test_intercepts_are_exact_for_several_compositions_and_tame_for_one() -> None:
    mixed = [Atoms("Li2S"), Atoms("LiS"), Atoms("S3"), Atoms("Li4S")]
    energies = np.array([a.symbols.count("Li") * -1.5 + a.symbols.count("S") * -4.0 for a in mixed])
    arrays = pack(mixed, energies)
    np.testing.assert_allclose(fit_intercepts(arrays, [3, 16], energies), [-1.5, -4.0], atol=1e-9)
    same = [Atoms("Li2S")] * 3
    energies = np.array([-6.0, -6.3, -5.7])
    np.testing.assert_allclose(
        fit_intercepts(pack(same, energies), [3, 16], energies), [-2.0, -2.0], atol=1e-9
    )


def pack(structures: list[Atoms], energies: np.ndarray) -> ImageArrays:
    from lionn_rs.data.images import LabeledImage

    images = [
        LabeledImage(
            numbers=a.numbers.astype(np.uint8),
            positions=a.positions,
            cell=a.cell.array,
            pbc=a.pbc,
            energy=e,
            forces=None,
            stress=None,
        )
        for a, e in zip(structures, energies, strict=True)
    ]
    return ImageArrays.pack(images)


def test_refusals(images: list[Atoms], descriptor: lionn.Gaussian) -> None:
    with pytest.raises(ConfigError, match="loss weight 'force' must be zero or positive, got -1"):
        LossWeights(force=-1.0)
    with pytest.raises(ConfigError, match="at least one of the loss weights"):
        LossWeights(energy=0.0, force=0.0)
    for atoms in images:
        atoms.calc.results.pop("forces")
        atoms.calc.results.pop("stress", None)
    with pytest.raises(ConfigError, match="the images have no forces"):
        prepare_images(label_images(images), descriptor, loss=LossWeights())
    loss = LossWeights(force=0.0, stress=1.0)
    with pytest.raises(ConfigError, match="no image has a stress"):
        prepare_images(label_images(images), descriptor, loss=loss)
    lithium = lionn.Gaussian.amp_default(["Li"], cutoff=lionn.Cosine(4.0))
    with pytest.raises(DataError, match="image 0: atom 1 is S, which is not among"):
        prepare_images(label_images(images), lithium, loss=LossWeights(force=0.0))
