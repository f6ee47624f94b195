"""Nernst-Einstein factors and radial distribution functions."""

from __future__ import annotations

import numpy as np
import pytest

from lionn_rs.analysis import nernst_einstein_factor, rdf
from lionn_rs.errors import ConfigError


@pytest.mark.parametrize(("volume", "factor"), [(960.2, 1.291e8), (976.7, 1.269e8)])
def test_factor_of_lgps(volume: float, factor: float) -> None:
    """20 Li at 300 K in the measured and in the PBE cell, mS/cm per cm²/s."""
    found = nernst_einstein_factor(n_carriers=20, charge=1, volume_A3=volume, temperature_K=300.0)
    assert found == pytest.approx(factor, rel=1e-3)


def test_factor_refuses_nonsense() -> None:
    with pytest.raises(ConfigError, match="positive number of carriers"):
        nernst_einstein_factor(n_carriers=0, charge=1, volume_A3=1.0, temperature_K=300.0)


def test_rdf_of_an_ideal_gas_is_one() -> None:
    rng = np.random.default_rng(1)
    cell = np.array([[8.0, 0.0, 0.0], [2.0, 9.0, 0.0], [1.0, -3.0, 7.0]])
    positions = rng.uniform(size=(40, 60, 3)) @ cell
    found = rdf(positions, cell=cell, pair=("Li", "S"), symbols=["Li"] * 30 + ["S"] * 30, r_max=9.0)
    assert np.mean(found.g[100:]) == pytest.approx(1.0, abs=0.02)
    assert found.coordination[-1] == pytest.approx(
        30 / abs(np.linalg.det(cell)) * 4 / 3 * np.pi * 9.0**3, rel=0.02
    )


def test_rdf_refuses_missing_species() -> None:
    with pytest.raises(ConfigError, match="no Cl atoms"):
        rdf(np.zeros((1, 3)), cell=np.eye(3), pair=("Li", "Cl"), symbols=["Li"])
