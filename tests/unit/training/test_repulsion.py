from __future__ import annotations

import numpy as np
import pytest

import lionn_rs as lionn
from lionn_rs.testing import check_derivatives


@pytest.fixture(scope="module")
def images():
    return lionn.datasets.load("lgps_gpaw_pbe")[:6]


@pytest.fixture(scope="module")
def trained(images) -> lionn.Potential:
    descriptor = lionn.Gaussian.amp_default(["Ge", "Li", "P", "S"], cutoff=lionn.Cosine(4.0))
    return lionn.train(
        images, descriptor=descriptor, hidden_layers=(3,), max_iterations=3, progress=False
    ).best


def _without(potential: lionn.Potential) -> lionn.Potential:
    return lionn.Potential(potential.core.with_repulsion([]))


def test_repulsion_is_zero_on_the_training_images(images, trained) -> None:
    assert ("P", "S") in {pair[:2] for pair in trained.repulsion}
    for image in images:
        assert trained.evaluate(image).energy == _without(trained).evaluate(image).energy


def test_atoms_pushed_together_feel_it_exactly(images, trained, tmp_path) -> None:
    squeezed = images[0].copy()
    squeezed.set_cell(0.8 * squeezed.cell.array, scale_atoms=True)
    extra = trained.evaluate(squeezed).energy - _without(trained).evaluate(squeezed).energy
    assert extra > 0.1
    assert check_derivatives(trained, squeezed, n_atoms=4).passed(1e-6)
    trained.save(tmp_path / "model.json")
    loaded = lionn.Potential.load(tmp_path / "model.json")
    assert loaded.repulsion == trained.repulsion
    assert loaded.hash == trained.hash != _without(trained).hash


def test_predictions_of_a_set_contain_it(images, trained) -> None:
    squeezed = images[0].copy()
    squeezed.set_cell(0.8 * squeezed.cell.array, scale_atoms=True)
    squeezed.calc = lionn.LionnCalculator(trained)
    squeezed.get_forces()
    metrics = lionn.evaluate(trained, [squeezed])
    assert metrics.energy_rmse_per_atom == pytest.approx(0.0, abs=1e-9)
    assert metrics.force_rmse == pytest.approx(0.0, abs=1e-4)  # derivatives in float32


def test_can_be_left_out(images) -> None:
    result = lionn.train(
        images[:2],
        descriptor=lionn.Gaussian.amp_default(["Ge", "Li", "P", "S"], cutoff=lionn.Cosine(3.5)),
        hidden_layers=(2,),
        max_iterations=1,
        repulsion=False,
        progress=False,
    )
    assert result.best.repulsion == []
    assert np.isfinite(result.metrics["train"].force_rmse)
