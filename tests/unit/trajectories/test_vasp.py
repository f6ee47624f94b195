"""XDATCAR in its dialects and vasprun.xml, against pymatgen's readers."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from lionn_rs.errors import ConfigError, DataError
from lionn_rs.md import Trajectory
from lionn_rs.trajectories import convert_trajectory, read_trajectory
from lionn_rs.trajectories.geometry import fold

from .conftest import SKEWED, SYMBOLS, random_walk

N_STEPS = 12


def vectors(name: str, rows: np.ndarray) -> str:
    lines = "".join("<v> {:.16f} {:.16f} {:.16f} </v>\n".format(*row) for row in rows)
    return f'<varray name="{name}">\n{lines}</varray>\n'


def structure(fractional: np.ndarray, name: str = "") -> str:
    title = f' name="{name}"' if name else ""
    crystal = f"<crystal>\n{vectors('basis', SKEWED)}</crystal>\n"
    return f"<structure{title}>\n{crystal}{vectors('positions', fractional)}</structure>\n"


def vasprun(*, force_field: bool = False, **settings: str) -> str:
    """The skeleton of a vasprun.xml: as much as a reader of structures may ask for."""
    incar = {"IBRION": "0", "POTIM": "2.0", "TEBEG": "500.0", "NSW": str(N_STEPS), "NELM": "60"}
    incar |= settings
    if force_field:
        incar["ML_LMLFF"] = "T"
    kinds = {
        "ML_LMLFF": "logical",
        "IBRION": "int",
        "NSW": "int",
        "NELM": "int",
        "ML_OUTBLOCK": "int",
    }
    entries = "".join(
        f'<i type="{kinds[key]}" name="{key}"> {value} </i>\n'
        if key in kinds
        else f'<i name="{key}"> {value} </i>\n'
        for key, value in incar.items()
    )
    atoms = "".join(f"<rc><c>{symbol}</c><c> 1</c></rc>\n" for symbol in SYMBOLS)
    inside, _ = fold(random_walk()[:N_STEPS], np.broadcast_to(SKEWED, (N_STEPS, 3, 3)))
    energy = '<energy><i name="e_fr_energy"> -1.0 </i><i name="e_0_energy"> -1.0 </i>{}</energy>\n'
    forces = vectors("forces", np.zeros((len(SYMBOLS), 3)))
    entropy = '<i name="e_wo_entrp"> -1.0 </i>'
    steps = []
    for fractional in inside:
        if force_field:
            kinetic = energy.format('<i name="kinetic"> 0.1 </i>')
            steps.append(structure(fractional) + forces + kinetic)
        else:
            scf = f"<scstep>{energy.format(entropy)}</scstep>\n"
            body = scf + structure(fractional) + forces + energy.format("")
            steps.append(f"<calculation>\n{body}</calculation>\n")
    return (
        '<?xml version="1.0" encoding="ISO-8859-1"?>\n<modeling>\n<generator>'
        '<i name="program" type="string">vasp</i><i name="version" type="string">6.4.3</i>'
        f"</generator>\n<incar>\n{entries}</incar>\n"
        '<kpoints><generation param="Gamma"><v type="int" name="divisions"> 1 1 1 </v>'
        '</generation><varray name="kpointlist"><v> 0.0 0.0 0.0 </v></varray>'
        '<varray name="weights"><v> 1.0 </v></varray></kpoints>\n'
        f'<parameters><separator name="ionic">\n{entries}</separator></parameters>\n'
        f'<atominfo><atoms>{len(SYMBOLS)}</atoms><types>3</types><array name="atoms">'
        f"<set>\n{atoms}</set></array>"
        '<array name="atomtypes"><set>'
        "<rc><c>4</c><c>Li</c><c>6.9</c><c>1.0</c><c>PAW_PBE Li</c></rc>"
        "</set></array></atominfo>\n"
        f"{structure(inside[0], 'initialpos')}{''.join(steps)}"
        f"{structure(inside[-1], 'finalpos')}</modeling>\n"
    )


def expected() -> np.ndarray:
    """Continuous paths that begin inside the cell."""
    walk = random_walk()[:N_STEPS]
    images = np.floor(walk[0] @ np.linalg.inv(SKEWED))
    return walk - images @ SKEWED


@pytest.mark.parametrize("force_field", [False, True], ids=["ab initio", "force field"])
def test_vasprun(force_field: bool, tmp_path: Path) -> None:
    from pymatgen.io.vasp.outputs import Vasprun

    path = tmp_path / "vasprun.xml"
    path.write_text(vasprun(force_field=force_field))
    run = read_trajectory(path)
    assert run.n_frames == N_STEPS
    assert np.abs(run.positions() - expected()).max() < 1e-12
    assert run.frame_interval_fs == 2.0
    assert run.temperature_K == 500.0
    assert run.metadata["source"]["notes"] == []
    # pymatgen finds the same structures, in the order of the file.
    peer = Vasprun(path, parse_dos=False, parse_eigen=False, parse_potcar_file=False)
    steps = peer.md_data if force_field else peer.ionic_steps
    assert len(steps) == N_STEPS
    for k, step in enumerate(steps):
        off = (step["structure"].cart_coords - run.positions()[k]) @ np.linalg.inv(SKEWED)
        assert np.abs(off - np.rint(off)).max() < 1e-12


def test_vasprun_may_be_compressed(tmp_path: Path) -> None:
    path = tmp_path / "vasprun.xml.gz"
    path.write_bytes(gzip.compress(vasprun().encode()))
    assert read_trajectory(path).n_frames == N_STEPS


def test_vasprun_of_a_run_that_goes_on(tmp_path: Path) -> None:
    text = vasprun()
    cut = text[: text.index("<calculation>", text.rindex("</calculation>") - 2000) + 900]
    path = tmp_path / "vasprun.xml"
    path.write_text(cut)
    run = read_trajectory(path)
    assert run.n_frames < N_STEPS
    assert np.abs(run.positions() - expected()[: run.n_frames]).max() < 1e-12
    assert run.metadata["source"]["notes"] == [
        f"the file ends within frame {run.n_frames}, which is left out"
    ]


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"IBRION": "2"}, DataError, "not a molecular-dynamics run \\(IBRION = 2, expected 0\\)"),
        ({"ML_OUTBLOCK": "10"}, ConfigError, "ML_OUTBLOCK = 10: .* give --frame-interval-fs"),
    ],
)
def test_vasprun_that_needs_a_person(
    change: dict[str, str], error: type[Exception], message: str, tmp_path: Path
) -> None:
    path = tmp_path / "vasprun.xml"
    path.write_text(vasprun(force_field="ML_OUTBLOCK" in change, **change))
    with pytest.raises(error, match=message):
        read_trajectory(path)


def test_heating_run_has_no_temperature(tmp_path: Path) -> None:
    path = tmp_path / "vasprun.xml"
    path.write_text(vasprun(TEEND="900.0"))
    run = read_trajectory(path)
    assert "TEBEG = 500.0, TEEND = 900.0" in run.metadata["source"]["notes"][0]
    with pytest.raises(ConfigError, match="does not say the temperature: give --temperature"):
        _ = run.temperature_K
    assert read_trajectory(path, temperature_K=700).temperature_K == 700


def test_broken_xml_in_the_middle(tmp_path: Path) -> None:
    path = tmp_path / "vasprun.xml"
    path.write_text(vasprun().replace("</crystal>", "</christal>", 4))
    with pytest.raises(DataError, match="not valid XML"):
        read_trajectory(path)


@pytest.fixture
def xdatcar(run: Trajectory, tmp_path: Path) -> Path:
    path = tmp_path / "XDATCAR"
    convert_trajectory(run.path, path, progress=False)
    return path


def test_xdatcar_of_vasp_4_names_no_elements(xdatcar: Path) -> None:
    text = xdatcar.read_text()
    names = next(line for line in text.splitlines() if line.split()[:1] == ["Li"])
    xdatcar.write_text(text.replace(names + "\n", ""))
    with pytest.raises(DataError, match=r"names no elements .* give 6 symbols with --types"):
        read_trajectory(xdatcar, frame_interval_fs=20)
    run = read_trajectory(xdatcar, frame_interval_fs=20, types=names.split())
    assert run.atoms(0).get_chemical_symbols() == SYMBOLS


def test_scale_of_an_xdatcar(xdatcar: Path) -> None:
    plain = read_trajectory(xdatcar, frame_interval_fs=20)
    lines = xdatcar.read_text().splitlines(keepends=True)
    volume = abs(np.linalg.det(SKEWED))
    for scale, factor in (("  1.5", 1.5), (f" {-8 * volume:.12f}", 2.0)):
        xdatcar.write_text("".join([lines[0], scale + "\n", *lines[2:]]))
        run = read_trajectory(xdatcar, frame_interval_fs=20)
        assert np.abs(run.positions() - factor * plain.positions()).max() < 1e-9


@pytest.mark.parametrize("n_bytes", [5, 200, 700])
def test_cut_off_xdatcar(n_bytes: int, xdatcar: Path) -> None:
    whole = read_trajectory(xdatcar, frame_interval_fs=20)
    xdatcar.write_bytes(xdatcar.read_bytes()[:-n_bytes])
    run = read_trajectory(xdatcar, frame_interval_fs=20)
    assert run.n_frames == 60 - 1 - n_bytes // (8 * 37 + 28)
    assert np.array_equal(run.positions(), whole.positions()[: run.n_frames])
    assert "left out" in run.metadata["source"]["notes"][0]


def test_skipping_and_thinning(xdatcar: Path) -> None:
    whole = read_trajectory(xdatcar, frame_interval_fs=20, temperature_K=500)
    run = read_trajectory(xdatcar, frame_interval_fs=20, skip_ps=0.3, every=4)
    assert np.array_equal(run.positions(), whole.positions()[15::4])
    assert run.frame_interval_fs == pytest.approx(80.0)
    assert run.time_fs[0] == pytest.approx(300.0)
    assert run.metadata["source"]["selection"] == {"every": 4, "skip_ps": 0.3}


def test_xdatcar_with_another_composition_later(xdatcar: Path) -> None:
    text = xdatcar.read_text()
    other = text.replace("Li    S   Li    P    S   Li", "Li    S   Li    P    S   Na")
    assert other != text
    xdatcar.write_text(text + other)
    with pytest.raises(DataError, match="frame 60: atom 7 is another element than in the first"):
        read_trajectory(xdatcar, frame_interval_fs=20)
