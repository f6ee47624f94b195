"""Output of electronic-structure codes: energies, signs, units, what did not converge."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from lionn_rs.data import read_images
from lionn_rs.data.formats import RawImage, ReadOptions, open_images
from lionn_rs.errors import DataError
from tests.unit.data.formats.samples import cp2k_run, images, outcar, vasprun

POSITION = 1e-5  # Å; OUTCAR has five decimals
PRESSURE = 1e-8  # eV/Å³; 1e-5 kB, the last digit of an OUTCAR, is 6e-9


def assert_same(found: list[RawImage], wanted: list[RawImage], position: float) -> None:
    assert len(found) == len(wanted)
    for one, other in zip(found, wanted, strict=True):
        assert one.numbers.tolist() == other.numbers.tolist()
        assert one.pbc.all()
        np.testing.assert_allclose(one.cell, other.cell, atol=1e-8)
        np.testing.assert_allclose(one.positions, other.positions, atol=position)
        np.testing.assert_allclose(one.results["forces"], other.results["forces"], atol=1e-6)
        assert one.results["free_energy"] == pytest.approx(other.results["free_energy"], abs=1e-8)
        if "stress" in other.results:
            np.testing.assert_allclose(
                one.results["stress"], other.results["stress"], atol=PRESSURE
            )


def test_outcar(tmp_path: Path) -> None:
    wanted = images(3)
    path = tmp_path / "OUTCAR"
    path.write_text(outcar(wanted))
    source = open_images(path)
    found = list(source.images)
    assert_same(found, wanted, POSITION)
    assert found[0].results["energy"] == pytest.approx(wanted[0].results["energy"], abs=1e-8)
    assert not source.dropped
    other = tmp_path / "calculation.gz"
    other.write_bytes(gzip.compress(outcar(wanted).encode()))
    assert len(list(open_images(other, format="outcar").images)) == 3
    (tmp_path / "job.txt").write_text(outcar(wanted))
    assert open_images(tmp_path / "job.txt").format == "outcar"


def test_vasprun(tmp_path: Path) -> None:
    wanted = images(3)
    path = tmp_path / "vasprun.xml"
    path.write_text(vasprun(wanted))
    found = list(open_images(path).images)
    assert_same(found, wanted, 1e-9)
    # sigma -> 0 comes from the last electronic step: the final block has 9.0 there.
    assert found[0].results["energy"] == pytest.approx(wanted[0].results["energy"], abs=1e-8)
    assert "stress" not in found[1].results


@pytest.mark.parametrize(("name", "text"), [("OUTCAR", outcar), ("vasprun.xml", vasprun)])
def test_unconverged_steps_are_left_out(name, text, tmp_path: Path, caplog) -> None:
    wanted = images(4)
    path = tmp_path / name
    path.write_text(text(wanted, n_electronic=[5, 60, 5, 61]))
    source = open_images(path)
    assert_same(list(source.images), [wanted[0], wanted[2]], POSITION)
    assert source.dropped == {"not converged electronically": 2}
    kept = list(open_images(path, options=ReadOptions(keep_unconverged=True)).images)
    assert_same(kept, wanted, POSITION)
    with caplog.at_level("WARNING", logger="lionn_rs"):
        assert len(read_images(path)) == 2
    assert "2 images left out: not converged electronically" in caplog.text
    path.write_text(text(wanted[:1], n_electronic=[60]))
    with pytest.raises(DataError, match=r"holds no images \(1 not converged electronically\)"):
        read_images(path)


def test_energies_of_a_force_field_are_no_labels(tmp_path: Path) -> None:
    path = tmp_path / "vasprun.xml"
    path.write_text(vasprun(images(3), n_electronic=[5, 0, 0]))
    source = open_images(path)
    assert len(list(source.images)) == 1
    assert list(source.dropped.values()) == [2]
    text = outcar(images(2)).replace("TOTAL-FORCE (eV/Angst)\n", "TOTAL-FORCE (eV/Angst) (ML)\n")
    text = text.replace("free  energy   TOTEN", "free  energy ML TOTEN")
    (tmp_path / "OUTCAR").write_text(text)
    with pytest.raises(DataError, match="from a force field of VASP"):
        list(open_images(tmp_path / "OUTCAR").images)


def test_run_that_was_stopped_loses_its_last_step(tmp_path: Path) -> None:
    wanted = images(3)
    for name, text in (("OUTCAR", outcar(wanted)), ("vasprun.xml", vasprun(wanted))):
        path = tmp_path / name
        path.write_text(text[: int(0.95 * len(text))])
        source = open_images(path)
        assert_same(list(source.images), wanted[:2], POSITION)
        assert source.notes == ["the file ends within image 2, which is left out"]


def test_cp2k_dynamics(tmp_path: Path) -> None:
    wanted = images(4)
    log = cp2k_run(tmp_path, wanted, bad={2})
    for path in (log, tmp_path / "run-pos-1.xyz"):
        source = open_images(path)
        found = list(source.images)
        assert_same(found, [wanted[0], wanted[1], wanted[3]], 1e-9)
        assert source.dropped == {"not converged electronically": 1}
    kept = open_images(log, options=ReadOptions(keep_unconverged=True))
    assert_same(list(kept.images), wanted, 1e-9)


def test_cp2k_positions_of_every_second_step(tmp_path: Path) -> None:
    wanted = images(4)
    log = cp2k_run(tmp_path, wanted)
    for name in ("run-pos-1.xyz", "run-frc-1.xyz"):
        lines = (tmp_path / name).read_text().splitlines(keepends=True)
        (tmp_path / name).write_text("".join([*lines[:6], *lines[12:18]]))
    assert_same(list(open_images(log).images), [wanted[0], wanted[2]], 1e-9)


def test_cp2k_files_that_do_not_belong_together(tmp_path: Path) -> None:
    log = cp2k_run(tmp_path, images(2))
    other = tmp_path / "other"
    other.mkdir()
    cp2k_run(other, images(2, seed=5))
    (tmp_path / "run-pos-1.xyz").write_text((other / "run-pos-1.xyz").read_text())
    with pytest.raises(DataError, match="do the two files belong together"):
        list(open_images(log).images)
    (tmp_path / "run-pos-1.xyz").unlink()
    with pytest.raises(DataError, match=r"run-pos-1\.xyz with their positions is not beside it"):
        list(open_images(log).images)


def test_cp2k_single_point(tmp_path: Path) -> None:
    wanted = images(1)[0]
    wanted.cell = np.diag([5.0, 6.0, 7.0])
    log = cp2k_run(tmp_path, [wanted])
    force = wanted.results["forces"] * 0.529177210903 / 27.211386245988
    rows = "\n".join(
        f"   {k}  1  Li " + "".join(f"{x:16.10f}" for x in row) for k, row in enumerate(force, 1)
    )
    text = log.read_text().replace(
        " STRESS| Analytical",
        f" ATOMIC FORCES in [a.u.]\n\n # Atom   Kind   Element\n{rows}\n SUM OF ATOMIC FORCES 0\n"
        " STRESS| Analytical",
    )
    log.write_text(text)
    for name in ("run-pos-1.xyz", "run-frc-1.xyz", "run-1.cell"):
        (tmp_path / name).unlink()
    assert_same(list(open_images(log).images), [wanted], 1e-6)  # six decimals in the output
    log.write_text(text.replace("ATOMIC FORCES in [a.u.]", "ATOMIC FORCES in [kcal/mol]"))
    with pytest.raises(DataError, match="forces in an unknown unit"):
        list(open_images(log).images)
