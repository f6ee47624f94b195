"""Labelling with GPAW itself, where it is installed."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from ase.io import read

import lionn_rs as lionn
from lionn_rs.config_label import LabelConfig

pytest.importorskip("gpaw", reason="GPAW is installed on request (pip install gpaw)")

LABEL = {
    "calculator": "gpaw",
    "stress_every": 2,
    "n_workers": 1,
    "n_threads": 1,
    "settings": {"mode": {"name": "pw", "ecut": 300}, "convergence": {"density": 1e-6}},
}
STEP = 0.01
"""Displacement of finite differences, Å; their error is third order, 1e-3 eV/Å here."""


def hydrogen(distance: float) -> Atoms:
    position = [[2.0, 2.0, 1.6], [2.0, 2.0, 1.6 + distance]]
    return Atoms("H2", positions=position, cell=[4, 4, 4], pbc=True)


@pytest.mark.peers
def test_gpaw_labels_a_tiny_cell(tmp_path):
    """Two hydrogen atoms: the label is the derivative of the energy, and repels when squeezed."""
    frames = [hydrogen(d) for d in (0.70, 0.70 + STEP, 0.70 - STEP)]
    config = LabelConfig.model_validate({"label": LABEL})
    result = lionn.label(frames, tmp_path / "out", config=config, progress=False)
    assert (result.n_labelled, result.failed) == (3, [])
    images = read(result.file, ":")
    assert ["stress" in image.calc.results for image in images] == [True, False, True]
    energies = [image.calc.results["free_energy"] for image in images]
    slope = (energies[1] - energies[2]) / (2 * STEP)
    force = images[0].get_forces()[1, 2]
    assert force == pytest.approx(-slope, abs=0.02)  # cutoff 300 eV: the egg-box of the grid
    assert force > 0.5
    assert np.abs(images[0].get_forces()[:, :2]).max() < 0.02
    assert images[0].info["code"].startswith("gpaw ")
    assert len(lionn.read_images(result.file)) == 3


@pytest.mark.peers
def test_gpaw_that_does_not_converge_gives_no_label(tmp_path):
    config = LabelConfig.model_validate(
        {"label": LABEL | {"settings": LABEL["settings"] | {"maxiter": 2}}}
    )
    result = lionn.label([hydrogen(0.74)], tmp_path / "out", config=config, progress=False)
    assert result.n_labelled == 0
    ((_, reason),) = result.failed
    assert reason.startswith("KohnShamConvergenceError")
    assert not result.file.exists()
