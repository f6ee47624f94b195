"""Real ab initio MD: Li6PS5Cl at 500 K, 70 ps (B. J. Morgan, Chem. Mater. 33, 2004 (2021)).

The lithium ions move fast inside cages around the anions and rarely leave them: the MSD bends and
nearly stops growing. DiffusionAnalyzer returns numbers for it all the same.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lionn_rs.analysis import DiffusionResult, diffusivity, unwrap


def find_data() -> Path | None:
    for parent in Path(__file__).resolve().parents:
        folder = parent / "shared" / "data" / "argyrodite_aimd"
        if folder.is_dir():
            return folder
    return None


DATA = find_data()
pytestmark = pytest.mark.skipif(DATA is None, reason="the argyrodite trajectory is not at hand")


@pytest.fixture(scope="module")
def reference() -> dict[str, Any]:
    assert DATA is not None
    text = (DATA / "reference_pymatgen_Li6PS5Cl_100p.json").read_text()
    return json.loads(text)["smoothed"]


@pytest.fixture(scope="module")
def result() -> DiffusionResult:
    assert DATA is not None
    with np.load(DATA / "Li6PS5Cl_100p_500K.npz") as file:
        return diffusivity(
            unwrap(file["frac_coords"], file["lattice"], fractional=True),
            cell=file["lattice"],
            frame_interval_fs=float(file["time_between_frames_fs"]),
            temperature_K=float(file["temperature_K"]),
            symbols=[str(s) for s in file["species"]],
            drift_weights="mean",
            compare_pymatgen=True,
        )


def test_pymatgen_values_are_reproduced(result: DiffusionResult, reference: dict[str, Any]) -> None:
    for value in result.pymatgen:
        expected = reference[value.smoothed]
        assert value.diffusivity_cm2_s == pytest.approx(expected["D"], rel=1e-6)
        assert value.conductivity_mS_cm == pytest.approx(expected["S"], rel=1e-6)


def test_msd_is_that_of_pymatgen(result: DiffusionResult, reference: dict[str, Any]) -> None:
    curve = result.msd
    at_1_ps = np.interp(1.0, curve.lag_ps, curve.total_A2)
    assert at_1_ps == pytest.approx(reference["max"]["msd_at"]["0"], rel=1e-3)


def test_motion_in_cages_is_refused_with_a_bound(
    result: DiffusionResult, reference: dict[str, Any]
) -> None:
    assert not result.diffusive
    assert "subdiffusive" in result.refusal
    assert all(species.verdict == "solid" for species in result.framework)
    # A bound with a margin for 99 %, and yet about what a blind fit gives as the value.
    assert reference["False"]["D"] < result.upper_bound_cm2_s < 1.25 * reference["max"]["D"]
