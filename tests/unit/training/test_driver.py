from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms

import lionn_rs as lionn
from lionn_rs import _core
from lionn_rs.data import split
from lionn_rs.errors import ConfigError, DataError
from lionn_rs.training import LossWeights, TrainingInterrupted, TrainingResult, train
from lionn_rs.training.history import COLUMNS, History

from .conftest import make_images


def run(images: list[Atoms], descriptor: lionn.Gaussian, **options: object) -> TrainingResult:
    settings: dict[str, object] = {
        "validation": images[10:12],
        "test": images[12:],
        "hidden_layers": (4, 3),
        "max_iterations": 25,
        "seed": 1,
        "progress": False,
    }
    settings.update(options)
    return train(images[:10], descriptor=descriptor, **settings)  # type: ignore[arg-type]


def test_training_lowers_the_errors(images: list[Atoms], descriptor: lionn.Gaussian) -> None:
    result = run(images, descriptor, max_iterations=150)
    loss = result.history.column("loss")
    assert loss[-1] < 0.05 * loss[0]
    assert np.all(np.diff(loss) <= 0)
    force = result.metrics["train"]
    assert force.force_rmse is not None
    assert force.force_reference_rms is not None
    assert force.force_rmse < 0.3 * force.force_reference_rms
    assert set(result.metrics) == {"train", "validation", "test"}
    assert "meV/atom" in str(result)


def test_best_is_the_lowest_validation(images: list[Atoms], descriptor: lionn.Gaussian) -> None:
    result = run(images, descriptor, max_iterations=60, validation_interval=3)
    validation = result.history.column("validation_loss")
    best = int(np.nanargmin(validation))
    assert result.best_iteration == best
    errors = lionn.evaluate(result.best, images[10:12])
    row = result.history.rows[best]
    assert errors.force_rmse == pytest.approx(row["validation_force_rmse"], rel=1e-5)
    last = lionn.evaluate(result.last, images[:10])
    assert last.force_rmse == pytest.approx(result.history.rows[-1]["force_rmse"], rel=1e-5)


@pytest.mark.parametrize("optimizer", ["bfgs", "l-bfgs", "lm", "adam"])
def test_an_interrupted_run_resumes_bit_for_bit(
    images: list[Atoms], descriptor: lionn.Gaussian, tmp_path: Path, optimizer: str
) -> None:
    options: dict[str, object] = {"optimizer": optimizer, "n_starts": 2, "validation_interval": 4}
    whole = run(images, descriptor, output=tmp_path / "whole", **options)

    def interrupt(row: dict[str, float], parameters: object) -> bool:
        if (row["start"], row["iteration"]) == (1, 6):
            os.kill(os.getpid(), signal.SIGINT)
        return False

    folder = tmp_path / "parts"
    with pytest.raises(TrainingInterrupted) as caught:
        run(images, descriptor, output=folder, callback=interrupt, **options)
    assert caught.value.result.stop_reason == "interrupted"
    assert (folder / "best.json").exists()
    resumed = run(images, descriptor, output=folder, resume=True, **options)
    np.testing.assert_array_equal(resumed.best.parameters, whole.best.parameters)
    np.testing.assert_array_equal(resumed.last.parameters, whole.last.parameters)
    assert (resumed.best_iteration, resumed.best_start) == (whole.best_iteration, whole.best_start)
    columns = [c for c in COLUMNS if c != "seconds"]
    for name in columns:
        np.testing.assert_array_equal(resumed.history.column(name), whole.history.column(name))


def test_a_finished_run_can_be_continued_further(
    images: list[Atoms], descriptor: lionn.Gaussian, tmp_path: Path
) -> None:
    whole = run(images, descriptor, max_iterations=31)
    run(images, descriptor, max_iterations=13, output=tmp_path)
    longer = run(images, descriptor, max_iterations=31, output=tmp_path, resume=True)
    np.testing.assert_array_equal(longer.last.parameters, whole.last.parameters)


def test_files_of_a_run(images: list[Atoms], descriptor: lionn.Gaussian, tmp_path: Path) -> None:
    parts = split(images, seed=2)
    result = train(
        parts,
        descriptor=descriptor,
        max_iterations=5,
        seed=3,
        progress=False,
        output=tmp_path,
        level_of_theory="a random potential",
    )
    names = {path.name for path in tmp_path.iterdir()}
    files = {"best.json", "last.json", "history.csv", "checkpoint.npz", "split.json", "train.log"}
    assert names == files
    loaded = lionn.Potential.load(tmp_path / "best.json")
    assert loaded.hash == result.best.hash
    training = loaded.metadata["training"]
    assert training["split"]["indices"] == parts.indices
    assert (training["seed"], training["optimizer"], training["loss"]["force"]) == (3, "bfgs", 0.04)
    assert len(training["data_hash"]["test"]) == 64
    assert loaded.metadata["level_of_theory"] == "a random potential"
    errors = loaded.metadata["errors"]["test"]
    assert errors["force_rmse"] == pytest.approx(result.metrics["test"].force_rmse)
    assert json.loads((tmp_path / "split.json").read_text())["seed"] == 2
    history = History.read(tmp_path / "history.csv")
    np.testing.assert_allclose(history.to_array(), result.history.to_array(), rtol=1e-9)
    assert "memory for images in float32" in (tmp_path / "train.log").read_text()


def test_the_best_of_several_starts_is_kept(
    images: list[Atoms], descriptor: lionn.Gaussian
) -> None:
    single = [run(images, descriptor, seed=seed) for seed in (1, 2, 3)]
    together = run(images, descriptor, n_starts=3)
    scores = [np.nanmin(r.history.column("validation_loss")) for r in single]
    best = int(np.argmin(scores))
    assert together.best_start == best
    np.testing.assert_array_equal(together.best.parameters, single[best].best.parameters)
    np.testing.assert_array_equal(together.last.parameters, single[best].last.parameters)


def test_limits_stop_the_run(images: list[Atoms], descriptor: lionn.Gaussian) -> None:
    assert run(images, descriptor).stop_reason == "iteration limit of 25"
    timed = run(images, descriptor, wall_time_s=1e-6)
    assert timed.stop_reason == "wall-time limit of 1e-06 s"
    impatient = run(
        images, descriptor, max_iterations=2000, patience=3, validation_interval=1, l2=0.0
    )
    assert impatient.stop_reason == "no better validation in 3 in a row"
    stopped = run(images, descriptor, callback=lambda row, _: row["iteration"] == 4)
    assert stopped.stop_reason == "stopped by the callback"
    assert stopped.history.rows[-1]["iteration"] == 4


def test_little_memory_gives_the_same_result(
    images: list[Atoms], descriptor: lionn.Gaussian, tmp_path: Path
) -> None:
    usual = run(images, descriptor)
    limited = run(images, descriptor, max_memory_gb=1.1 * usual.memory.fixed / 1e9, output=tmp_path)
    np.testing.assert_array_equal(limited.best.parameters, usual.best.parameters)
    assert "are recomputed in every iteration" in (tmp_path / "train.log").read_text()
    with pytest.raises(ConfigError, match="structures and fingerprints alone take"):
        run(images, descriptor, max_memory_gb=1e-9)


def test_the_matrix_of_lm_counts_in_the_memory(
    images: list[Atoms], descriptor: lionn.Gaussian, tmp_path: Path
) -> None:
    usual = run(images, descriptor, optimizer="lm", max_iterations=5, output=tmp_path / "usual")
    log = (tmp_path / "usual" / "train.log").read_text()
    assert "memory for the matrix of the optimizer" in log
    # Enough for the images, not for the matrix.
    limit = 1.01 * usual.memory.total / 1e9
    with pytest.raises(ConfigError, match="and the matrix of the optimizer"):
        run(images, descriptor, optimizer="lm", max_memory_gb=limit)
    matrix = _core.GaussNewton.n_bytes(usual.best.parameters.size, 6)
    limit = (matrix + 1.1 * usual.memory.fixed) / 1e9
    limited = run(
        images,
        descriptor,
        optimizer="lm",
        max_iterations=5,
        max_memory_gb=limit,
        output=tmp_path / "limited",
    )
    np.testing.assert_array_equal(limited.last.parameters, usual.last.parameters)
    assert "are recomputed" in (tmp_path / "limited" / "train.log").read_text()


def test_lm_reaches_a_loss_in_fewer_evaluations(
    images: list[Atoms], descriptor: lionn.Gaussian
) -> None:
    slow = run(images, descriptor, max_iterations=200)
    fast = run(images, descriptor, optimizer="lm", max_iterations=100)
    loss = fast.history.column("loss")
    assert np.all(np.diff(loss) <= 0)
    assert loss[-1] < slow.history.column("loss")[-1]


def test_energies_alone_can_be_trained(images: list[Atoms], descriptor: lionn.Gaussian) -> None:
    for atoms in images:
        atoms.calc.results.pop("forces")
        atoms.calc.results.pop("stress", None)
    result = run(images, descriptor, loss=LossWeights(force=0.0))
    assert np.isnan(result.history.column("force_rmse")).all()
    assert result.metrics["train"].force_rmse is None


def test_stress_can_be_trained(images: list[Atoms], descriptor: lionn.Gaussian) -> None:
    plain = run(images, descriptor)
    stressed = run(images, descriptor, loss=LossWeights(stress=100.0))
    before, after = plain.metrics["train"].stress_rmse, stressed.metrics["train"].stress_rmse
    assert before is not None
    assert after is not None
    assert after < before


def test_warm_start_continues_from_a_potential(
    images: list[Atoms], descriptor: lionn.Gaussian
) -> None:
    first = run(images, descriptor)
    second = run(images, descriptor, initial=first.last, max_iterations=10)
    assert second.history.rows[0]["loss"] == pytest.approx(first.history.rows[-1]["loss"], rel=1e-9)
    assert second.history.rows[-1]["loss"] < first.history.rows[-1]["loss"]
    with pytest.raises(ConfigError, match="n_starts must be 1 with an initial potential"):
        run(images, descriptor, initial=first.last, n_starts=2)


def test_scaling_comes_from_training_images_alone(
    images: list[Atoms], descriptor: lionn.Gaussian
) -> None:
    result = run(images, descriptor)
    other = run([*images[:10], *make_images(20)[14:]], descriptor)
    first, second = (r.best.core.document()["networks"]["Li"] for r in (result, other))
    assert first["min"] == second["min"]
    assert first["max"] == second["max"]


def test_refusals(images: list[Atoms], descriptor: lionn.Gaussian, tmp_path: Path) -> None:
    run(images, descriptor, max_iterations=2, output=tmp_path)
    with pytest.raises(ConfigError, match="holds a training checkpoint; pass resume=True"):
        run(images, descriptor, output=tmp_path)
    with pytest.raises(ConfigError, match="cannot resume, 'seed' was 1 and is now 2"):
        run(images, descriptor, output=tmp_path, resume=True, seed=2)
    with pytest.raises(ConfigError, match="cannot resume, 'data_hash'"):
        run(images[::-1], descriptor, output=tmp_path, resume=True)
    (tmp_path / "checkpoint.npz").write_bytes(b"damaged")
    with pytest.raises(DataError, match="not a readable training checkpoint"):
        run(images, descriptor, output=tmp_path, resume=True)
    with pytest.raises(ConfigError, match="resume=True needs the output folder"):
        run(images, descriptor, resume=True)
    with pytest.raises(ConfigError, match="n_starts must be at least 1, got 0"):
        run(images, descriptor, n_starts=0)
    with pytest.raises(ConfigError, match="no training images"):
        train([], descriptor=descriptor)
    with pytest.raises(ConfigError, match="unknown optimizer 'sgd'"):
        run(images, descriptor, optimizer="sgd")
