"""DeePMD folders against dpdata, where it is installed: both directions, and mixed types."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lionn_rs.data.formats import open_images
from tests.unit.data.formats.samples import images, vasprun, write

pytestmark = pytest.mark.peers
dpdata = pytest.importorskip("dpdata", reason="dpdata is not installed (pip install dpdata)")


def test_dpdata_reads_our_folders(tmp_path: Path) -> None:
    wanted = [image for image in images(4) if "stress" in image.results]
    folder = write(tmp_path / "dp", wanted, format="deepmd")
    data = dpdata.LabeledSystem(str(folder), fmt="deepmd/npy").data
    names = [data["atom_names"][kind] for kind in data["atom_types"]]
    assert names == ["Li", "S", "P", "Li"]
    for k, image in enumerate(wanted):
        np.testing.assert_array_equal(data["coords"][k], image.positions)
        np.testing.assert_array_equal(data["cells"][k], image.cell)
        np.testing.assert_array_equal(data["forces"][k], image.results["forces"])
        assert data["energies"][k] == image.results["free_energy"]
        np.testing.assert_allclose(
            data["virials"][k], -image.volume * image.results["stress"], rtol=1e-14
        )


@pytest.mark.parametrize("mixed", [False, True])
def test_we_read_folders_of_dpdata(mixed: bool, tmp_path: Path) -> None:
    wanted = [image for image in images(6) if "stress" in image.results]
    folder = write(tmp_path / "dp", wanted, format="deepmd")
    system = dpdata.LabeledSystem(str(folder), fmt="deepmd/npy")
    fmt = "deepmd/npy/mixed" if mixed else "deepmd/npy"
    system.to(fmt, str(tmp_path / "back"), set_size=2)
    found = list(open_images(tmp_path / "back").images)
    assert len(found) == len(wanted)
    # dpdata writes single precision unless told otherwise.
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_allclose(one.positions, other.positions, atol=1e-6)
        np.testing.assert_allclose(one.results["forces"], other.results["forces"], atol=1e-6)
        np.testing.assert_allclose(one.results["stress"], other.results["stress"], atol=1e-6)


def test_vasprun_as_dpdata_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "vasprun.xml"
    path.write_text(vasprun(images(3), n_electronic=[5, 60, 7]))
    data = dpdata.LabeledSystem(str(path), fmt="vasp/xml").data
    found = list(open_images(path).images)
    assert [image.results["free_energy"] for image in found] == data["energies"].tolist()
    for k, image in enumerate(found):
        np.testing.assert_allclose(image.results["forces"], data["forces"][k], atol=1e-12)
