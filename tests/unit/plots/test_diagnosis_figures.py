from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lionn_rs.analysis.diagnosis.fingerprint_statistics import feature_statistics
from lionn_rs.analysis.diagnosis.patterns import energy_structure
from lionn_rs.analysis.diagnosis.residuals import force_residuals as residual_tables
from lionn_rs.analysis.diagnosis.sensitivity import FeatureSensitivity
from lionn_rs.errors import DataError
from lionn_rs.plots.diagnosis import energy_residuals, force_residuals
from lionn_rs.plots.diagnosis_features import feature_sensitivity, fingerprint_distributions
from lionn_rs.plots.training import learning_curves

from .test_training_plots import history, predictions


def legend(figure) -> list[str]:
    return [text.get_text() for text in figure.legends[0].get_texts()]


def test_energy_residuals_ring_the_patterns(tmp_path: Path) -> None:
    sets = {"train": predictions(60, 1), "test": predictions(30, 2)}
    sets["train"].energies[20:35] += 0.1
    structures = {
        name: energy_structure(p.reference_energies / p.n_atoms, p.energy_errors_per_atom)
        for name, p in sets.items()
    }
    members = structures["train"].members
    assert members
    figure = energy_residuals(sets, structures)
    figure.savefig(tmp_path / "energy.png")
    errors = np.concatenate([p.energy_errors_per_atom for p in sets.values()])
    rmse = 1e3 * np.sqrt(np.mean(errors**2))
    assert legend(figure) == ["train", "test", f"± RMSE, {rmse:.1f} meV/atom", "part of a pattern"]
    rings = figure.axes[0].collections[1].get_offsets()
    np.testing.assert_allclose(rings[:, 1], 1e3 * sets["train"].energy_errors_per_atom[[*members]])
    assert "part of a pattern" not in legend(energy_residuals({"test": sets["test"]}, {}))
    with pytest.raises(DataError, match="no predictions"):
        energy_residuals({}, {})


def test_force_residuals_have_three_panels(tmp_path: Path) -> None:
    sets = {"train": predictions(60, 1), "test": predictions(30, 2)}
    figure = force_residuals({name: residual_tables(p) for name, p in sets.items()})
    figure.savefig(tmp_path / "force.png")
    assert [ax.get_title() for ax in figure.axes] == [
        "element",
        "source group",
        "size of the force",
    ]
    shown = figure.axes[0].lines[0].get_xdata()
    expected = [1e3 * row.rmse for row in residual_tables(sets["train"])["element"]]
    np.testing.assert_allclose(shown, expected)
    assert legend(figure) == ["train", "test", "a model that says zero"]
    with pytest.raises(DataError, match="no sets with forces"):
        force_residuals({})


def test_fingerprints_and_sensitivity(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    values = {"Li": rng.normal(size=(300, 6)), "S": rng.normal(size=(200, 4))}
    values["S"][:, 2] = 1.0
    values["S"][:, 3] = values["S"][:, 0]
    labels = {"Li": [f"feature {k}" for k in range(6)], "S": list("abcd")}
    statistics = feature_statistics(values, labels)
    figure = fingerprint_distributions(values, statistics)
    figure.savefig(tmp_path / "fingerprints.png")
    assert legend(figure) == ["constant", "redundant"]
    columns = figure.axes[1].images[0].get_array()
    assert columns.shape[1] == 4
    assert np.ma.getmaskarray(columns)[:, 2].all()
    assert columns[:, 0].max() == 1.0
    rows = [
        FeatureSensitivity(e, k, labels[e][k], 1.0, 0.5, 0.1 * k, 0.2 if k else 0.0)
        for e in values
        for k in range(len(labels[e]))
    ]
    figure = feature_sensitivity(rows)
    figure.savefig(tmp_path / "sensitivity.png")
    assert [bar.get_height() for bar in figure.axes[0].containers[0]] == pytest.approx(
        [0.0, 0.1, 0.2, 0.3, 0.4, 0.5]
    )
    named = [text.get_text() for text in figure.axes[3].get_yticklabels()]
    assert named[0] == "d"
    for draw in (lambda: fingerprint_distributions({}, []), lambda: feature_sensitivity([])):
        with pytest.raises(DataError, match="no "):
            draw()


def test_losses_per_image_share_an_axis(tmp_path: Path) -> None:
    figure = learning_curves(history(), n_images=(10, 2), log_iterations=True)
    figure.savefig(tmp_path / "curves.png")
    loss = figure.axes[0]
    assert loss.get_ylabel() == "loss per image"
    assert loss.get_xscale() == "log"
    curves = {line.get_label(): line for line in loss.lines}
    assert curves["training"].get_ydata()[0] == pytest.approx(3.0 / 10)
    assert curves["validation"].get_ydata()[3] == pytest.approx(1.0 / 2)
    assert learning_curves(history()).axes[0].get_ylabel() == "training loss"
