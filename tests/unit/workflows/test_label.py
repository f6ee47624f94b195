"""Labelling: numbers, provenance, what is left out, what goes wrong with single frames."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

import ase
import numpy as np
import pytest
from ase.calculators.emt import EMT
from ase.calculators.singlepoint import SinglePointCalculator
from ase.constraints import FixAtoms
from ase.io import read, write

import lionn_rs as lionn
from lionn_rs.config_label import LabelConfig
from lionn_rs.errors import ConfigError, DataError, SimulationError
from lionn_rs.md.uncertainty import UncertainWriter
from lionn_rs.workflows.label.calculators import resolve, settings_hash
from lionn_rs.workflows.label.frames import frame_hash, without_labels
from lionn_rs.workflows.label.output import CodeOutput
from tests.label_toys import FREE_MINUS_ENERGY, TOY, copper, counts
from tests.programs import until

# Extended XYZ keeps 8 decimals of forces, and more of what stands in its comment line.
LAST_DECIMAL = 1e-8
ROUNDING = 1e-12


def config(log: Path, **label: object) -> LabelConfig:
    section = {"calculator": TOY, "running": {"log": str(log)}, "n_workers": 1, **label}
    return LabelConfig.model_validate({"label": section})


@pytest.fixture
def log(tmp_path) -> Path:
    return tmp_path / "calculations"


def label(frames, folder, settings, **options):
    return lionn.label(frames, folder, config=settings, progress=False, **options)


def test_labels_are_those_of_the_calculator_in_the_order_of_the_frames(tmp_path):
    frames = copper(9)
    write(tmp_path / "md.extxyz", frames)
    result = lionn.label(
        tmp_path / "md.extxyz", tmp_path / "out", calculator="emt", workers=2, progress=False
    )
    assert (result.n_labelled, result.n_waiting, result.failed) == (9, 0, [])
    images = read(result.file, ":")
    for number, (image, frame) in enumerate(
        zip(images, read(tmp_path / "md.extxyz", ":"), strict=True)
    ):
        frame.calc = EMT()
        assert np.array_equal(image.positions, frame.positions)
        found = image.calc.results
        # A calculator that is kept sums in the order of its old neighbor list.
        assert found["energy"] == pytest.approx(frame.get_potential_energy(), abs=ROUNDING)
        assert found["free_energy"] == found["energy"]
        np.testing.assert_allclose(found["forces"], frame.get_forces(), rtol=0, atol=LAST_DECIMAL)
        assert ("stress" in found) == (number % 6 == 0)
        if "stress" in found:
            np.testing.assert_allclose(found["stress"], frame.get_stress(), rtol=0, atol=ROUNDING)


def test_every_frame_says_where_it_comes_from_and_nothing_about_the_machine(tmp_path):
    write(tmp_path / "md.extxyz", copper(4))
    result = lionn.label(
        tmp_path / "md.extxyz", tmp_path / "out", calculator="emt", index="1::2", progress=False
    )
    text = result.file.read_text()
    assert str(tmp_path) not in text
    images = read(result.file, ":")
    assert [image.info["source_frame"] for image in images] == [1, 3]
    hashed = settings_hash("emt", {})
    for image in images:
        assert image.info["source_file"] == image.info["source"] == "md.extxyz"
        assert image.info["calculator"] == "emt"
        assert image.info["code"].startswith("ase ")
        assert image.info["settings_hash"] == f"sha256:{hashed[:12]}"
        assert image.info["label_seconds"] >= 0


def test_training_takes_the_free_energy(tmp_path, log):
    result = label(copper(8), tmp_path / "out", config(log))
    images = result.images()
    for image, raw in zip(images, read(result.file, ":"), strict=True):
        assert image.get_potential_energy() == raw.calc.results["free_energy"]
        assert raw.calc.results["free_energy"] == raw.calc.results["energy"] + FREE_MINUS_ENERGY
    descriptor = lionn.Gaussian.amp_default(["Cu"], cutoff=lionn.Cosine(3.5))
    trained = lionn.train(
        images, descriptor=descriptor, hidden_layers=(2,), max_iterations=2, progress=False
    )
    assert np.isfinite(trained.best.evaluate(images[0]).energy)


def test_frames_of_dynamics_get_labels_in_place_of_what_the_network_said(tmp_path):
    (start,) = copper(1)
    network = {"energy": -888.0, "forces": np.full((4, 3), 9.0), "excess": np.zeros(4)}
    spread = {"force_std": np.arange(4.0), "energy_std": 0.5}
    frame = {"step": 5, "positions": start.positions, "cell": start.cell.array}
    origin = {"timestep_fs": 2.0, "info": {"temperature_K": 900.0, "run": "md-900K"}}
    file = tmp_path / "uncertain_frames.extxyz"
    UncertainWriter(file).append([frame | network | spread], start, origin)
    result = lionn.label(file, tmp_path / "out", calculator="emt", progress=False)
    (image,) = read(result.file, ":")
    bare = read(file)
    bare.calc = EMT()
    assert image.get_potential_energy() == pytest.approx(bare.get_potential_energy(), abs=ROUNDING)
    np.testing.assert_allclose(image.get_forces(), bare.get_forces(), rtol=0, atol=LAST_DECIMAL)
    # What the network said stays for comparison, under its own names.
    assert image.info["network_energy"] == -888.0
    assert image.info["source"] == "md-900K"
    assert np.array_equal(image.arrays["force_std"], np.arange(4.0))
    (trained_on,) = result.images()
    assert trained_on.get_potential_energy() == image.calc.results["free_energy"]


def test_labels_of_the_input_do_not_survive(tmp_path):
    (frame,) = copper(1)
    frame.calc = SinglePointCalculator(
        frame, energy=-999.0, free_energy=-999.0, forces=np.full((4, 3), 999.0), stress=np.ones(6)
    )
    frame.info["virial"] = 999.0 * np.ones((3, 3))
    write(tmp_path / "old.extxyz", frame)
    assert read(tmp_path / "old.extxyz").get_potential_energy() == -999.0
    result = lionn.label(
        tmp_path / "old.extxyz", tmp_path / "out", calculator="emt", progress=False
    )
    image, bare = read(result.file), copper(1)[0]
    bare.positions, bare.calc = image.positions, EMT()
    assert image.get_potential_energy() == pytest.approx(bare.get_potential_energy(), abs=ROUNDING)
    np.testing.assert_allclose(image.get_forces(), bare.get_forces(), rtol=0, atol=LAST_DECIMAL)
    assert "virial" not in image.info


def test_constraints_do_not_hide_forces(tmp_path):
    (frame,) = copper(1)
    frame.set_constraint(FixAtoms([0, 1, 2, 3]))
    write(tmp_path / "POSCAR", frame, format="vasp")
    assert read(tmp_path / "POSCAR").constraints
    result = lionn.label(tmp_path / "POSCAR", tmp_path / "out", calculator="emt", progress=False)
    assert np.abs(read(result.file).get_forces()).max() > 0.1


def test_frames_that_fail_are_dropped_with_the_reason(tmp_path, log):
    frames = copper(6, "", "scf", "nan", "", "scf")
    result = label(frames, tmp_path / "out", config(log))
    assert [image.info["n"] for image in read(result.file, ":")] == [0, 3, 5]
    reasons = [reason for _, reason in result.failed]
    assert reasons[0] == reasons[2] == "SCFError: did not converge in 60 iterations"
    assert reasons[1].startswith("DataError: label: reference force of atom 0 is not finite")
    assert result.reasons["SCFError: did not converge in N iterations"] == 2
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert (summary["labelled"], len(summary["failed"]), summary["waiting"]) == (3, 3, 0)
    assert summary["failed"][0]["frame"] == 1

    assert all(len(processes) == 1 for processes in counts(log).values())
    label(frames, tmp_path / "out", config(log))  # a failure is not tried again unasked
    assert len(counts(log)[1]) == 1
    label(frames, tmp_path / "out", config(log), retry_failed=True)
    assert [len(counts(log)[n]) for n in range(6)] == [1, 2, 2, 1, 2, 1]


def test_nothing_is_labelled_twice_and_new_frames_are_added(tmp_path, log):
    frames = copper(5)
    label(frames[:2], tmp_path / "out", config(log))
    result = label([frames[4], *frames[1:4], frames[4]], tmp_path / "out", config(log))
    assert all(len(processes) == 1 for processes in counts(log).values())
    # In the order in which they were given first.
    assert [image.info["n"] for image in read(result.file, ":")] == [0, 1, 4, 2, 3]
    with_stress = ["stress" in image.calc.results for image in read(result.file, ":")]
    assert with_stress == [True, False, False, False, False]


def test_levels_of_theory_are_not_mixed(tmp_path, log):
    frames = copper(2)
    label(frames, tmp_path / "out", config(log))
    other = config(log, settings={"level": 1.0})
    with pytest.raises(ConfigError, match=r"holds labels of other settings .*must not be mixed"):
        label(frames, tmp_path / "out", other)
    # How a code is run is no other level.
    label(frames, tmp_path / "out", config(log, running={"log": str(log), "seconds": 0.001}))
    assert [len(processes) for processes in counts(log).values()] == [1, 1]
    label(frames, tmp_path / "out", other, force=True)
    assert [len(processes) for processes in counts(log).values()] == [2, 2]


def test_settings_that_never_worked_may_be_corrected_in_the_same_folder(tmp_path, log):
    frames = copper(2)
    with pytest.raises(ConfigError, match=r"unexpected keyword argument 'ecut'"):
        label(frames, tmp_path / "out", config(log, settings={"ecut": 300}))
    assert label(frames, tmp_path / "out", config(log)).n_labelled == 2


def test_a_frame_that_takes_too_long_is_dropped_and_the_others_go_on(tmp_path, log):
    result = label(copper(3, "", "sleep"), tmp_path / "out", config(log, time_limit_s=2.0))
    assert [image.info["n"] for image in read(result.file, ":")] == [0, 2]
    assert [reason for _, reason in result.failed] == ["time limit of 2 s"]


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="no /proc")
def test_the_program_of_a_frame_that_takes_too_long_ends_with_it(tmp_path, log):
    result = label(copper(2, "program"), tmp_path / "out", config(log, time_limit_s=2.0))
    assert [reason for _, reason in result.failed] == ["time limit of 2 s"]
    shell = int(log.with_name("calculations.pids").read_text())
    until(lambda: not Path(f"/proc/{shell}").exists())
    assert all(b"sleep\x00600" not in text for text in command_lines())


def command_lines() -> list[bytes]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            found.append(path.read_bytes())
    return found


def test_a_warning_in_the_output_of_a_code_is_no_convergence(tmp_path, log):
    result = label(copper(4, "", "quiet", "", "quiet"), tmp_path / "out", config(log))
    assert [image.info["n"] for image in read(result.file, ":")] == [0, 2]
    assert {reason for _, reason in result.failed} == {"SCFError: SCF run NOT converged"}


@pytest.mark.parametrize(
    ("calculator", "file", "text", "expected"),
    [
        ("vasp", "OUTCAR", " vasp.6.3.0 20Jan22 (build", "VASP 6.3.0"),
        ("cp2k", "cp2k.out", " CP2K| version string:    CP2K version 2023.1\n", "CP2K 2023.1"),
        ("espresso", "a.pwo", "     Program PWSCF v.7.2 starts on", "PWSCF 7.2"),
    ],
)
def test_version_of_a_code_outside_python(calculator, file, text, expected, tmp_path):
    output = CodeOutput(calculator, tmp_path)
    assert output.version() == f"ase {ase.__version__}"
    (tmp_path / file).write_text(text)
    assert output.version() == expected


def test_a_frame_that_kills_its_worker_is_dropped_at_the_second_time(tmp_path, log):
    result = label(copper(4, "", "crash", "crash once"), tmp_path / "out", config(log))
    assert [image.info["n"] for image in read(result.file, ":")] == [0, 2, 3]
    ((entry, reason),) = result.failed
    assert entry.source_frame == 1
    assert reason.startswith("its worker died 2 times, the last: signal SIGKILL")
    assert [len(counts(log)[n]) for n in range(4)] == [1, 2, 2, 1]


def test_one_calculator_serves_frames_of_one_cell(tmp_path, log):
    frames = copper(3)
    frames[2].set_cell(frames[2].cell * 1.01, scale_atoms=True)
    label(frames, tmp_path / "out", config(log))
    assert len({process for processes in counts(log).values() for process in processes}) == 1


def test_wrong_settings_stop_the_work_at_the_first_frame(tmp_path, log):
    with pytest.raises(ConfigError, match=r"cannot label \(FileNotFoundError: pseudopotential"):
        label(copper(6, "missing"), tmp_path / "out", config(log))
    assert len(counts(log)) == 1


def test_work_stops_when_the_first_frames_all_fail(tmp_path, log):
    frames = copper(40, *["scf"] * 40)
    with pytest.raises(SimulationError, match=r"the first \d+ frames failed and none was label"):
        label(frames, tmp_path / "out", config(log, running={"log": str(log), "seconds": 0.2}))
    assert 5 <= len(counts(log)) < 40


@pytest.mark.parametrize(
    ("calculator", "message"),
    [
        ("gpw", r"unknown calculator 'gpw' \(did you mean 'gpaw'\?; others as"),
        ("dft", r"unknown calculator 'dft' \(.*'module:Class'\)"),
        ("a b:C", "calculator must look like 'package.module:Class', got 'a b:C'"),
        ("asap", "calculator 'asap' needs the package asap3: pip install asap3"),
        ("nowhere:Toy", "calculator 'nowhere:Toy' cannot be imported .*No module named 'nowhere'"),
        ("tests.label_toys:Nothing", "cannot be imported .*has no attribute 'Nothing'"),
        ("tests.label_toys:NoStress", "has no stress: stress_every = 0 leaves it out"),
        ("builtins:dict", "'builtins:dict' is no ASE calculator but dict"),
    ],
)
def test_message_of_bad_calculator(calculator, message, tmp_path):
    with pytest.raises(ConfigError, match=message):
        lionn.label(copper(2), tmp_path / "out", calculator=calculator, progress=False)


def test_missing_gpaw_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setattr("lionn_rs.workflows.label.calculators.util.find_spec", lambda _: None)
    with pytest.raises(ConfigError, match="needs the package gpaw: pip install gpaw, which needs"):
        lionn.label(copper(1), tmp_path / "out", calculator="gpaw", progress=False)
    assert not (tmp_path / "out").exists()


def test_code_without_stress_labels_the_rest(tmp_path):
    settings = LabelConfig.model_validate(
        {"label": {"calculator": "tests.label_toys:NoStress", "stress_every": 0}}
    )
    result = lionn.label(copper(2), tmp_path / "out", config=settings, progress=False)
    # It has no free energy either, and none is made up.
    assert sorted(read(result.file).calc.results) == ["energy", "forces"]


def test_frames_that_cannot_be_labelled_are_refused_before_anything_is_written(tmp_path):
    with pytest.raises(DataError, match=r"no\.xyz: no such file"):
        lionn.label(tmp_path / "no.xyz", tmp_path / "out", calculator="emt", progress=False)
    frames = copper(2)
    frames[1].positions[0, 0] = np.nan
    with pytest.raises(DataError, match="images, frame 1: positions or cell are not finite"):
        lionn.label(frames, tmp_path / "out", calculator="emt", progress=False)
    assert not (tmp_path / "out").exists()


def test_preset_of_gpaw_is_the_level_of_the_bundled_set():
    section = LabelConfig.model_validate({"label": {"calculator": "gpaw"}}).label
    settings, running = resolve(section)
    assert settings["mode"] == {"name": "pw", "ecut": 350.0}
    assert settings["kpts"] == [[0.25, 0.25, 0.25]]
    assert running == {"txt": "gpaw.txt"}
    changed = section.model_copy(update={"settings": {"mode": {"name": "pw", "ecut": 500}}})
    assert resolve(changed)[0] == settings | {"mode": {"name": "pw", "ecut": 500}}
    assert settings_hash("gpaw", resolve(changed)[0]) != settings_hash("gpaw", settings)
    same = settings | {"mode": {"ecut": 350, "name": "pw"}, "kpts": [(0.25, 0.25, 0.25)]}
    assert settings_hash("gpaw", same) == settings_hash("gpaw", settings)


def test_a_frame_is_known_by_its_structure():
    one, two = copper(2)
    known = frame_hash(one, "level")
    named = one.copy()
    named.info["anything"] = 1
    assert frame_hash(without_labels(named), "level") == known
    changed = [two, one * (2, 1, 1), one.copy(), one.copy(), one.copy()]
    changed[2].pbc = False
    changed[3].cell[0, 0] += 1e-12
    changed[4].numbers[0] = 28
    assert len({known, frame_hash(one, "other"), *(frame_hash(a, "level") for a in changed)}) == 7
