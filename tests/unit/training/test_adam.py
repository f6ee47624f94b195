"""Adam: its rule, its eigenbasis, its schedule, and runs with it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from numpy.typing import NDArray

import lionn_rs as lionn
from lionn_rs.errors import ConfigError
from lionn_rs.training import TrainingResult, train
from lionn_rs.training.adam import BETA_FIRST, BETA_SECOND, Adam, combine, schedule
from lionn_rs.training.eigenbasis import LayerMoments
from lionn_rs.training.objective import LossWeights, Objective, Report, prepare_images

from .conftest import make_images, small_descriptor

Vector = NDArray[np.float64]


class LinearModel:
    """Least squares ``|X W - Y|²`` with strongly correlated inputs, one image per row."""

    def __init__(self, shape: tuple[int, int] = (6, 2), n_extra: int = 2) -> None:
        rng = np.random.default_rng(3)
        self.shape, self.n_images = shape, 40
        common = rng.normal(size=(self.n_images, 1))
        self.inputs = common + 0.05 * rng.normal(size=(self.n_images, shape[0]))
        self.solution = rng.normal(size=shape[0] * shape[1] + n_extra)
        self.layers = [(0, *shape)]

    def residuals(self, x: Vector) -> Vector:
        n = self.shape[0] * self.shape[1]
        return self.inputs @ (x - self.solution)[:n].reshape(self.shape)

    def batch(self, x: Vector, images: NDArray[np.intp]) -> tuple[Report, Vector]:
        n = self.shape[0] * self.shape[1]
        residual = self.residuals(x)[images]
        rest = (x - self.solution)[n:]
        share = len(images) / self.n_images
        gradient = np.concatenate(
            [(2.0 * self.inputs[images].T @ residual).ravel(), 2.0 * share * rest]
        )
        return {"loss": float(np.sum(residual**2) + share * np.sum(rest**2))}, gradient

    def __call__(self, x: Vector) -> tuple[float, Vector]:
        report, gradient = self.batch(x, np.arange(self.n_images))
        return report["loss"], gradient


def passes(method: Adam, n: int, total: int) -> Adam:
    for _ in range(n):
        method.progress = (method.iteration / total, (method.iteration + 1) / total)
        assert method.step()
    return method


def test_parameters_outside_of_layers_follow_kingma_and_ba() -> None:
    model = LinearModel()
    model.layers = []
    rate = 0.03
    method = Adam(model, np.zeros(14), batch_size=model.n_images, learning_rate=rate, seed=4)
    method.start()
    x, m, v = np.zeros(14), np.zeros(14), np.zeros(14)
    for t in range(1, 31):
        gradient = model(x)[1] / model.n_images
        m = BETA_FIRST * m + (1 - BETA_FIRST) * gradient
        v = BETA_SECOND * v + (1 - BETA_SECOND) * gradient**2
        step = (m / (1 - BETA_FIRST**t)) / np.sqrt(v / (1 - BETA_SECOND**t))
        x = x - rate * schedule((t - 1) / 30) * step
    np.testing.assert_allclose(passes(method, 30, 30).weights, x, rtol=1e-10)


def test_the_first_direction_is_a_rotation_of_that_of_adam() -> None:
    """In the eigenbasis of its own gradient a first step has components of ±1, or nothing."""
    gradient = np.random.default_rng(1).normal(size=(2, 5, 3))
    layers = LayerMoments([0, 15], (5, 3))
    out = np.zeros(30)
    layers.update(gradient.ravel(), 1, BETA_FIRST, BETA_SECOND, out)
    for k in range(2):
        left, sizes, right = np.linalg.svd(gradient[k], full_matrices=False)
        turned = left.T @ out[15 * k : 15 * k + 15].reshape(5, 3) @ right.T
        scale = (5 * sizes**2 / np.sum(sizes**2) + 1e-4) ** -0.25
        # The floor of the second moments is 1e-10 of their mean.
        np.testing.assert_allclose(turned, np.diag(scale), atol=1e-8)


def test_correlated_inputs_are_learned_faster_in_the_eigenbasis() -> None:
    model = LinearModel()
    plain = LinearModel()
    plain.layers = []
    losses = []
    for objective in (plain, model):
        method = Adam(objective, np.zeros(14), batch_size=8, learning_rate=0.05)
        method.start()
        passes(method, 60, 60)
        losses.append(model(method.x)[0])
    assert losses[1] < 0.1 * losses[0]


def test_a_restored_optimizer_takes_the_same_steps_bit_for_bit() -> None:
    model = LinearModel()

    def fresh() -> Adam:
        return Adam(model, np.zeros(14), batch_size=7, learning_rate=0.02, seed=9)

    whole = fresh()
    whole.start()
    passes(whole, 12, 12)
    first = fresh()
    first.start()
    passes(first, 5, 12)
    second = fresh()
    second.restore(first.state())
    passes(second, 7, 12)
    for name, value in whole.state().items():
        np.testing.assert_array_equal(second.state()[name], value, err_msg=name)


def test_every_image_is_seen_once_per_pass_in_a_new_order() -> None:
    seen: list[list[int]] = []

    class Watched(LinearModel):
        def batch(self, x: Vector, images: NDArray[np.intp]) -> tuple[Report, Vector]:
            if len(images) < self.n_images:
                seen.append(images.tolist())
            return super().batch(x, images)

    passes(Adam(Watched(), np.zeros(14), batch_size=9), 2, 2)
    assert sorted(len(part) for part in seen) == [8] * 10
    one, two = ([k for part in half for k in part] for half in (seen[:5], seen[5:]))
    assert sorted(one) == sorted(two) == list(range(40))
    assert one != two


def test_a_batch_far_longer_than_the_others_is_shortened() -> None:
    model = LinearModel()
    method = Adam(model, np.zeros(14))
    method.n_steps = 1
    assert method._shortening(np.full(14, 1.0)) == 1.0
    method.n_steps = 2
    assert method._shortening(np.full(14, 100.0)) == pytest.approx(0.05)


def test_schedule_rises_and_falls_to_zero() -> None:
    points = [schedule(p) for p in (0.0, 0.025, 0.05, 0.525, 1.0)]
    np.testing.assert_allclose(points, [0.0, 0.5, 1.0, 0.5, 0.0], atol=1e-15)


def test_errors_of_batches_are_combined() -> None:
    reports = [
        {"loss": 1.0, "force_rmse": 3.0, "stress_rmse": np.nan},
        {"loss": 2.0, "force_rmse": 6.0, "stress_rmse": np.nan},
    ]
    combined = combine(reports, [1, 2])
    assert combined["loss"] == 3.0
    assert combined["force_rmse"] == pytest.approx(np.sqrt((9.0 + 2 * 36.0) / 3))
    assert np.isnan(combined["stress_rmse"])


def test_a_loss_that_is_not_finite_ends_the_run() -> None:
    class Broken(LinearModel):
        def batch(self, x: Vector, images: NDArray[np.intp]) -> tuple[Report, Vector]:
            if np.any(x != 0.0):
                return {"loss": np.inf}, np.full_like(x, np.inf)
            return super().batch(x, images)

    method = Adam(Broken(), np.zeros(14), learning_rate=7.0)
    method.progress = (0.5, 0.5)
    assert not method.step()
    np.testing.assert_array_equal(method.x, 0.0)
    assert method.n_steps > 0
    assert method.stop_reason == "the loss is not finite at a learning rate of 7"


def test_batches_of_images_add_up_to_the_loss() -> None:
    descriptor = small_descriptor()
    loss = LossWeights(stress=100.0)
    images, _ = prepare_images(
        lionn.data.label_images(make_images(9)), descriptor, loss=loss, precision="float64"
    )
    result = run(make_images(14), max_iterations=1)
    objective = Objective(images, result.best.core, loss, l2=0.1)
    x = result.best.parameters
    parts = [objective.batch(x, part) for part in np.array_split(np.arange(9)[::-1], 4)]
    value, gradient = objective(x)
    assert sum(report["loss"] for report, _ in parts) == pytest.approx(value, rel=1e-12)
    summed = sum(part for _, part in parts)
    np.testing.assert_allclose(summed, gradient, rtol=1e-9, atol=1e-12 * np.abs(gradient).max())
    for selection, text in (
        ([], "a selection needs at least one image"),
        ([9], "image 9 does not"),
    ):
        with pytest.raises(ConfigError, match=text):
            images.loss_and_gradient(result.best.core, x, objective.weights, selection)


def test_layers_are_the_weight_matrices_of_the_potential() -> None:
    result = run(make_images(14), max_iterations=1)
    images, _ = prepare_images(
        lionn.data.label_images(make_images(2)), small_descriptor(), loss=LossWeights()
    )
    layers = Objective(images, result.best.core, LossWeights()).layers
    assert [layer[2] for layer in layers] == [4, 3, 1] * 2
    end = 0
    for start, rows, columns in layers:
        assert start == end
        end = start + rows * columns
    assert end == result.best.parameters.size - 4


def run(images: list[Atoms], **options: object) -> TrainingResult:
    settings: dict[str, object] = {
        "validation": images[10:12],
        "hidden_layers": (4, 3),
        "optimizer": "adam",
        "batch_size": 3,
        "max_iterations": 20,
        "seed": 1,
        "progress": False,
    }
    settings.update(options)
    return train(images[:10], descriptor=small_descriptor(), **settings)  # type: ignore[arg-type]


def test_adam_lowers_the_errors(images: list[Atoms]) -> None:
    result = run(images, max_iterations=150, learning_rate=0.02)
    loss = result.history.column("loss")
    assert loss[-1] < 0.03 * loss[0]
    assert result.metrics["train"].force_rmse == pytest.approx(
        result.history.column("force_rmse")[-1], rel=0.05
    )
    assert list(result.history.column("evaluations")[:3]) == [1, 2, 3]


def test_a_run_limited_by_time_ends_with_a_small_learning_rate(images: list[Atoms]) -> None:
    changes: list[Vector] = []
    result = run(
        images,
        max_iterations=10**6,
        wall_time_s=1.5,
        callback=lambda row, x: changes.append(x),
    )
    assert result.stop_reason == "wall-time limit of 1.5 s"
    steps = np.linalg.norm(np.diff(np.array(changes), axis=0), axis=1)
    assert np.mean(steps[-3:]) < 0.1 * np.max(steps)


def test_without_validation_the_loss_of_all_images_decides(images: list[Atoms]) -> None:
    result = run(images, validation=None, validation_interval=5)
    losses = [lionn.evaluate(p, images[:10]).force_rmse for p in (result.best, result.last)]
    assert losses[0] is not None
    assert losses[1] is not None
    assert result.best_iteration % 5 == 0
    assert losses[0] <= 1.05 * losses[1]


def test_options_of_adam_are_checked(images: list[Atoms], tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="batch_size must be at least 1, got 0"):
        run(images, batch_size=0)
    with pytest.raises(ConfigError, match=r"learning_rate must be positive, got -0\.1"):
        run(images, learning_rate=-0.1)
    with pytest.raises(ConfigError, match="batch_size belongs to optimizer 'adam'"):
        run(images, optimizer="lm")
    run(images, output=tmp_path)
    assert (tmp_path / "train.log").read_text().count("those of the batches of a pass") == 1
    with pytest.raises(ConfigError, match="learning_rate"):
        run(images, output=tmp_path, learning_rate=0.5, resume=True)
