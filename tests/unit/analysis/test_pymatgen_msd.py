"""The curves themselves against pymatgen's DiffusionAnalyzer, lag by lag."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from lionn_rs.analysis import collective_msd, msd, remove_drift, synthetic

pytest.importorskip("pymatgen.analysis.diffusion", reason="pymatgen-analysis-diffusion is absent")


def test_msd_per_axis_and_charge_msd_are_those_of_pymatgen() -> None:
    from pymatgen.analysis.diffusion.analyzer import DiffusionAnalyzer
    from pymatgen.core.structure import Structure

    rng = np.random.default_rng(1)
    ions = synthetic.lattice_hops(
        rng, n_ions=20, n_frames=1001, frame_interval_fs=20.0, diffusivity_cm2_s=6e-5
    )
    positions, symbols = synthetic.with_framework(rng, ions, n_framework=7)
    positions += np.cumsum(0.02 * rng.standard_normal((1001, 1, 3)), axis=0)
    structure = Structure(60.0 * np.eye(3), symbols, positions[0], coords_are_cartesian=True)
    displacements = np.ascontiguousarray((positions - positions[0]).transpose(1, 0, 2))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        peer = DiffusionAnalyzer(structure, displacements, "Li", 800.0, 20.0, 1, smoothed="max")
    lags = np.round(np.asarray(peer.dt) / 20.0).astype(int)
    # pymatgen subtracts the plain mean of all other atoms.
    relative, _ = remove_drift(positions, np.array(symbols), carrier="Li", weights="mean")
    lithium = np.ascontiguousarray(relative[:, :20])
    curves = msd(lithium)[0][:, lags]
    np.testing.assert_allclose(peer.msd, curves.sum(axis=0), rtol=1e-8)
    np.testing.assert_allclose(np.asarray(peer.msd_components), curves.T, rtol=1e-8)
    collective = collective_msd(lithium, np.ones(20))[:, lags].sum(axis=0)
    np.testing.assert_allclose(peer.mscd, collective, rtol=1e-8)
