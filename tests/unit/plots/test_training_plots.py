from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lionn_rs.errors import DataError
from lionn_rs.plots.training import learning_curves, parity, residuals
from lionn_rs.training.history import History
from lionn_rs.training.metrics import Predictions


def history(*, validation: bool = True, n_starts: int = 2) -> History:
    result = History()
    for start in range(n_starts):
        for k in range(30):
            row = {"start": start, "iteration": k, "loss": 3.0 / (1 + k + start)}
            row |= {"energy_rmse_per_atom": 0.1 / (1 + k), "force_rmse": 1.0 / (2 + k)}
            if validation and k % 5 == 0:
                row |= {"validation_loss": 1.0 + (k - 15) ** 2 + start}
                row |= {"validation_energy_rmse_per_atom": 0.1, "validation_force_rmse": 0.3}
            result.append(row)
    return result


def predictions(n_images: int, seed: int, *, forces: bool = True) -> Predictions:
    rng = np.random.default_rng(seed)
    reference = rng.normal(size=(2 * n_images, 3))
    energies = rng.normal(-8.0, 0.1, n_images)
    return Predictions(
        n_atoms=np.full(n_images, 2),
        groups=["a"] * n_images,
        symbols=np.array(["Li", "S"] * n_images),
        energies=energies + rng.normal(scale=0.01, size=n_images),
        reference_energies=energies,
        forces=reference + rng.normal(scale=0.1, size=reference.shape) if forces else None,
        reference_forces=reference if forces else None,
        stresses=None,
        reference_stresses=None,
        n_extrapolating=np.zeros(n_images, dtype=np.int64),
    )


def labels(figure: object) -> list[str]:
    axes = figure.axes  # type: ignore[attr-defined]
    return [t.get_text() for ax in axes if ax.get_legend() for t in ax.get_legend().get_texts()]


def test_learning_curves_mark_the_best_iteration(tmp_path: Path) -> None:
    figure = learning_curves(history())
    figure.savefig(tmp_path / "curves.png")
    assert len(figure.axes) == 3
    assert labels(figure) == ["training", "validation", "best, iteration 15"]
    assert labels(learning_curves(history(validation=False))) == ["training", "best, iteration 29"]
    with pytest.raises(DataError, match="the history is empty"):
        learning_curves(History())


def test_parity_states_the_errors(tmp_path: Path) -> None:
    sets = {"train": predictions(50, 1), "test": predictions(20, 2)}
    figure = parity(sets)
    figure.savefig(tmp_path / "parity.png")
    texts = labels(figure)
    assert len(texts) == 4
    rmse = 1e3 * np.sqrt(np.mean(sets["test"].force_errors ** 2))  # type: ignore[operator]
    assert f"test: RMSE {rmse:.0f} meV/Å" in texts
    assert len(parity({"images": predictions(5, 1, forces=False)}).axes) == 1
    with pytest.raises(DataError, match="no predictions"):
        parity({})


def test_residuals_by_set_and_element(tmp_path: Path) -> None:
    sets = {"train": predictions(200, 1), "test": predictions(100, 2)}
    figure = residuals(sets)
    figure.savefig(tmp_path / "residuals.png")
    texts = labels(figure)
    assert [text.split(",")[0] for text in texts] == ["train", "test", "Li", "S"]
    with pytest.raises(DataError, match="no set 'other' with forces"):
        residuals(sets, elements_of="other")
