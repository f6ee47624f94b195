from __future__ import annotations

import numpy as np
import pytest

from lionn_rs.analysis.diagnosis.residuals import energy_residuals, force_residuals, force_sizes
from lionn_rs.errors import DataError
from lionn_rs.training.metrics import Metrics, Predictions


def predictions(*, forces: bool = True, n_images: int = 40) -> Predictions:
    """Two groups; in the second energies are 10 meV/atom too high, Li forces are 20 % too small."""
    rng = np.random.default_rng(0)
    reference = rng.normal(size=(4 * n_images, 3))
    symbols = np.array(["Li", "Li", "S", "S"] * n_images)
    predicted = reference * np.where(symbols == "Li", 0.8, 1.0)[:, None]
    energies = rng.normal(-16.0, 0.1, n_images)
    shift = np.repeat([0.0, 0.04], n_images // 2)
    return Predictions(
        n_atoms=np.full(n_images, 4),
        groups=["cold"] * (n_images // 2) + [""] * (n_images // 2),
        symbols=symbols,
        energies=energies + shift,
        reference_energies=energies,
        forces=predicted if forces else None,
        reference_forces=reference if forces else None,
        stresses=None,
        reference_stresses=None,
        n_extrapolating=np.zeros(n_images, dtype=np.int64),
    )


def test_energy_residuals_by_group():
    everything, cold, unnamed = energy_residuals(predictions())
    assert (everything.name, cold.name, unnamed.name) == ("all", "cold", "unnamed")
    assert everything.bias == pytest.approx(0.005)
    assert everything.rmse == pytest.approx(0.01 / np.sqrt(2))
    assert cold.largest == pytest.approx(0.0, abs=1e-12)
    assert (unnamed.n_images, unnamed.mae) == (20, pytest.approx(0.01))


def test_force_residuals_by_element_group_and_size():
    p = predictions()
    tables = force_residuals(p)
    lithium, sulfur = tables["element"]
    assert (lithium.name, lithium.n_atoms) == ("Li", 80)
    assert lithium.slope == pytest.approx(0.8)
    assert lithium.relative == pytest.approx(0.2)
    assert (sulfur.rmse, sulfur.slope) == (pytest.approx(0.0), pytest.approx(1.0))
    assert [row.name for row in tables["group"]] == ["cold", "unnamed"]
    assert sum(row.n_atoms for row in tables["size"]) == 160
    rms = [row.reference_rms for row in tables["size"]]
    assert rms == sorted(rms)
    squares = sum(3 * row.n_atoms * row.rmse**2 for row in tables["size"])
    assert np.sqrt(squares / (3 * 160)) == pytest.approx(Metrics.of(p).force_rmse)
    assert tables["all"][0].rmse == pytest.approx(Metrics.of(p).force_rmse)


def test_equal_forces_fall_in_one_bin():
    assert len(force_sizes(np.zeros(10))) == 1
    p = predictions(n_images=2)
    p.reference_forces[:] = 0.0  # type: ignore[index]
    (row,) = force_residuals(p)["size"]
    assert row.n_atoms == 8
    assert np.isnan(row.slope)
    assert np.isnan(row.relative)


def test_images_without_forces_are_refused():
    with pytest.raises(DataError, match="the images have no forces"):
        force_residuals(predictions(forces=False))
