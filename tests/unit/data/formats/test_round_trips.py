"""Every format gives back what was written, to its digits; what it cannot hold is reported."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lionn_rs.data.formats import DATA_FORMATS, RawImage, ReadOptions, open_images, writing_images
from lionn_rs.data.labels import Keys
from lionn_rs.data.reading import iter_images
from lionn_rs.errors import ConfigError, DataError
from tests.unit.data.formats.samples import images, write

NAMES = {
    "extxyz": "a.extxyz",
    "traj": "a.traj",
    "db": "a.db",
    "npz": "a.npz",
    "deepmd": "folder",
    "n2p2": "input.data",
    "xsf": "folder",
    "xdatcar": "XDATCAR",
}
ROUNDING = 1e-13
"""Å, eV, eV/Å: products with a volume, a cell or a unit round once or twice at 10 Å."""


def read(path: Path, **options: object) -> list[RawImage]:
    return list(iter_images(path, options=ReadOptions(**options)))  # type: ignore[arg-type]


def assert_same(found: RawImage, wanted: RawImage, name: str, tolerance: float) -> None:
    carried = DATA_FORMATS[name]
    assert found.numbers.tolist() == wanted.numbers.tolist()
    np.testing.assert_array_equal(found.pbc, wanted.pbc)
    np.testing.assert_allclose(found.cell, wanted.cell, rtol=0, atol=tolerance)
    np.testing.assert_allclose(found.positions, wanted.positions, rtol=0, atol=tolerance)
    if carried.energies:
        energy = found.results.get("free_energy", found.results["energy"])
        assert energy == pytest.approx(wanted.results["free_energy"], abs=tolerance)
    if carried.energies == 2:
        assert found.results["energy"] == wanted.results["energy"]
    for key in ("forces", "stress"):
        if getattr(carried, key) and key in wanted.results:
            np.testing.assert_allclose(
                found.results[key], wanted.results[key], rtol=0, atol=tolerance
            )
        else:
            assert key not in found.results
    if carried.group:
        assert found.info["group"] == wanted.info["group"]
    if carried.info:
        assert found.info["step"] == wanted.info["step"]


@pytest.mark.parametrize("name", NAMES)
def test_round_trip(name: str, tmp_path: Path) -> None:
    wanted = images(4)
    for image in wanted:  # as ASE and NumPy hand energies over
        image.results["free_energy"] = np.float64(image.results["free_energy"])
    # float64 survives in text through repr; a division by the volume or a unit rounds.
    exact = 0.0 if name in ("extxyz", "traj", "db", "npz", "n2p2") else ROUNDING
    tolerance = 2e-11 if name == "xdatcar" else exact  # 12 decimals of fractional coordinates
    if name == "xdatcar":
        for image in wanted:
            image.positions = np.linalg.solve(image.cell.T, image.positions.T).T % 1.0 @ image.cell
    path = write(tmp_path / NAMES[name], wanted, format=name)
    found = read(path, units="eV-A")
    assert len(found) == len(wanted)
    if name == "deepmd":  # images with and without stress are different systems
        found = [found[0], found[3], found[1], found[2]]
        energies = [image.results["energy"] for image in found]
        order = np.argsort(energies)
        wanted = [wanted[k] for k in np.argsort([w.results["free_energy"] for w in wanted])]
        found = [found[k] for k in order]
    for one, other in zip(found, wanted, strict=True):
        assert_same(one, other, name, tolerance)


@pytest.mark.parametrize("name", ["extxyz", "traj", "db", "npz", "deepmd", "n2p2", "xsf"])
def test_images_of_different_size(name: str, tmp_path: Path) -> None:
    wanted = images(5, sizes=True, stress=False)
    found = read(write(tmp_path / NAMES[name], wanted, format=name), units="eV-A")
    # Systems of DeePMD come one after the other.
    key = lambda image: image.results.get("free_energy", image.results["energy"])  # noqa: E731
    if name == "deepmd":
        found, wanted = sorted(found, key=key), sorted(wanted, key=key)
    assert [i.n_atoms for i in found] == [i.n_atoms for i in wanted]
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_allclose(one.positions, other.positions, rtol=0, atol=ROUNDING)
        np.testing.assert_allclose(
            one.results["forces"], other.results["forces"], rtol=0, atol=ROUNDING
        )


@pytest.mark.parametrize("name", ["extxyz", "traj", "db", "npz", "deepmd", "n2p2", "xsf"])
def test_a_molecule_keeps_no_cell(name: str, tmp_path: Path) -> None:
    molecule = images(1, stress=False)[0]
    molecule.cell, molecule.pbc = np.zeros((3, 3)), np.zeros(3, dtype=bool)
    (found,) = read(write(tmp_path / NAMES[name], [molecule], format=name), units="eV-A")
    assert not found.pbc.any()
    np.testing.assert_allclose(found.positions, molecule.positions, rtol=0, atol=ROUNDING)
    with pytest.raises(DataError, match="an XDATCAR needs a cell"):
        write(tmp_path / "XDATCAR", [molecule])


def test_n2p2_in_hartree_and_bohr(tmp_path: Path) -> None:
    wanted = images(2, stress=False)
    path = write(tmp_path / "input.data", wanted, units="Ha-bohr")
    for one, other in zip(read(path), wanted, strict=True):  # the file says its units
        np.testing.assert_allclose(one.positions, other.positions, rtol=1e-14)
        np.testing.assert_allclose(one.results["forces"], other.results["forces"], rtol=1e-14)
    first = path.read_text().splitlines()[2].split()
    assert float(first[1]) == pytest.approx(wanted[0].cell[0, 0] / 0.529177210903, rel=1e-14)


def test_losses_are_reported(tmp_path: Path) -> None:
    with writing_images(tmp_path / "input.data") as writer:
        for image in images(3):
            writer.write(image)
        lost = writer.report()
    assert lost == [
        "lost in 3 images: energy, where it differs from free_energy, which is kept",
        "lost in 2 images: stress",
        "lost in 3 images: entries step",
    ]
    with writing_images(tmp_path / "all.extxyz") as writer:
        writer.write(images(1)[0])
        assert writer.report() == []


def test_ase_reads_what_is_written(tmp_path: Path) -> None:
    from ase.io import read as ase_read

    wanted = images(2)
    for name in ("a.extxyz", "a.traj"):
        for atoms, image in zip(ase_read(write(tmp_path / name, wanted), ":"), wanted, strict=True):
            np.testing.assert_array_equal(atoms.positions, image.positions)
            np.testing.assert_array_equal(atoms.cell.array, image.cell)
            assert atoms.calc.results["free_energy"] == image.results["free_energy"]
            np.testing.assert_array_equal(atoms.calc.results["forces"], image.results["forces"])
            assert atoms.info["group"] == image.info["group"]
    (atoms, _) = ase_read(write(tmp_path / "XDATCAR", wanted), ":")
    inside = np.linalg.solve(wanted[0].cell.T, wanted[0].positions.T).T % 1.0
    np.testing.assert_allclose(atoms.get_scaled_positions(), inside, atol=1e-11)


def unwritable() -> RawImage:
    image = images(1)[0]
    image.positions = image.positions[:2]
    return image


def test_nothing_is_overwritten_and_nothing_unfinished_stays(tmp_path: Path) -> None:
    for name in ("a.extxyz", "a.npz", "a.db", "a.traj"):
        path = write(tmp_path / name, images(1))
        before = path.read_bytes()
        with pytest.raises(ConfigError, match=r"exists \(--force to replace it\)"):
            write(path, images(1))
        with pytest.raises(DataError, match="image 1 cannot be written"):
            write(path, [*images(1), unwritable()], force=True)
        assert path.read_bytes() == before
        write(path, images(2), force=True)
        assert len(read(path)) == 2
    folder = write(tmp_path / "dp", images(2), format="deepmd")
    with pytest.raises(DataError, match="image 1 cannot be written"):
        write(folder, [*images(1), unwritable()], format="deepmd", force=True)
    assert len(read(folder)) == 2
    write(folder, images(3), format="deepmd", force=True)
    assert len(read(folder)) == 3
    (folder / "notes.txt").write_text("mine")
    with pytest.raises(ConfigError, match="holds other things than images"):
        write(folder, images(3), format="deepmd", force=True)
    assert not [entry for entry in tmp_path.iterdir() if entry.name.startswith(".")]
    with pytest.raises(DataError, match="no images to write"):
        write(tmp_path / "empty.extxyz", [])
    assert not (tmp_path / "empty.extxyz").exists()


def test_format_is_found_by_name_and_content(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="its name does not tell the format"):
        write(tmp_path / "images.dat", images(1))
    with pytest.raises(ConfigError, match="cannot write 'outcar'"):
        write(tmp_path / "a", images(1), format="outcar")
    with pytest.raises(ConfigError, match="is not written"):
        write(tmp_path / "vasprun.xml", images(1))
    with pytest.raises(DataError, match="no such file"):
        open_images(tmp_path / "nothing.xyz")
    with pytest.raises(DataError, match="neither DeePMD data"):
        open_images(tmp_path)
    path = write(tmp_path / "a.npz", images(1))
    with pytest.raises(DataError, match=r"label 'E' \(found: energy"):
        list(iter_images(path, keys=Keys(energy="E")))
