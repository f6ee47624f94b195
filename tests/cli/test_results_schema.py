"""What the commands write is what the JSON Schemas say, and can be read back."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from ase.io import write

from lionn_rs.analysis import DiffusionResult, result_schema, synthetic
from lionn_rs.analysis.schema import RESULTS
from lionn_rs.errors import ConfigError, DataError
from lionn_rs.units import BOLTZMANN_EV_K
from tests.cli.test_arrhenius_options import write_run as write_short_run
from tests.cli.test_mechanism import CELL, DT, LATTICE, write_run

HOT = (700, 900, 1200)


def valid(name: str, content: Any) -> list[str]:
    """Errors of a file against its schema."""
    jsonschema = pytest.importorskip(
        "jsonschema", reason="needs jsonschema (pip install jsonschema)"
    )
    validator = jsonschema.Draft202012Validator
    schema = result_schema(name)
    validator.check_schema(schema)
    return [
        f"{error.json_path}: {error.message}" for error in validator(schema).iter_errors(content)
    ]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_run(tmp_path_factory.mktemp("schema") / "800K", velocities=True)


@pytest.fixture(scope="module")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same motion as extended XYZ of another program, at three temperatures."""
    folder = tmp_path_factory.mktemp("foreign")
    for k, temperature in enumerate(HOT):
        rng = np.random.default_rng(k)
        value = 6e-4 * np.exp(-0.12 / (BOLTZMANN_EV_K * temperature))
        ions = synthetic.lattice_hops(
            rng, n_ions=12, n_frames=401, frame_interval_fs=DT, diffusivity_cm2_s=value
        )
        ions += LATTICE[rng.permutation(27)[:12]]
        positions, symbols = synthetic.with_framework(rng, ions, n_framework=9)
        frames = [Atoms(symbols, x, cell=CELL, pbc=True) for x in positions]
        write(folder / f"{temperature}.extxyz", frames)
    return folder


@pytest.mark.parametrize("name", ["rdf", "density", "jumps", "vacf", "vanhove"])
def test_mechanism_files_follow_their_schemas(name, run, lionn, tmp_path) -> None:
    outcome = lionn(name, run, "--output", tmp_path)
    assert outcome.code == 0, outcome.err
    assert valid(name, json.loads((tmp_path / RESULTS[name][0]).read_text())) == []


def test_diffusion_and_arrhenius_follow_their_schemas(foreign, lionn, tmp_path) -> None:
    options = ("--frame-interval-fs", DT, "--no-pymatgen", "--output", tmp_path)
    for temperature in HOT:
        path = foreign / f"{temperature}.extxyz"
        outcome = lionn("diffusion", path, "--temperature", temperature, *options)
        assert outcome.code == 0, outcome.err
    written = [tmp_path / f"{t}.extxyz.diffusion.json" for t in HOT]
    contents = [json.loads(path.read_text()) for path in written]
    assert contents[0]["source"]["format"] == "extxyz"
    for content in contents:
        assert valid("diffusion", content) == []

    outcome = lionn("arrhenius", *written, "--output", tmp_path / "fit")
    assert outcome.code == 0, outcome.err
    fit = json.loads((tmp_path / "fit" / "arrhenius.json").read_text())
    assert valid("arrhenius", fit) == []
    assert fit["activation_energy_interval_eV"][0] < 0.12 < fit["activation_energy_interval_eV"][1]

    # From the files themselves, temperatures in the names: the same line.
    named = [f"{foreign / f'{t}.extxyz'}@{t}" for t in HOT]
    outcome = lionn("arrhenius", *named, "--frame-interval-fs", DT, "--output", tmp_path / "same")
    assert outcome.code == 0, outcome.err
    same = json.loads((tmp_path / "same" / "arrhenius.json").read_text())
    assert same["activation_energy_eV"] == fit["activation_energy_eV"]
    assert same["points"] == fit["points"]


def test_compare_follows_its_schema(run, foreign, lionn, tmp_path) -> None:
    files = ",".join(f"{foreign / f'{t}.extxyz'}@{t}" for t in HOT)
    same = ",".join(f"{foreign / f'{t}.extxyz'}@{t}" for t in HOT[:2])
    options = ("--frame-interval-fs", DT, "--output", tmp_path / "out")
    outcome = lionn("compare", files, same, *options)
    assert outcome.code == 0, outcome.err
    assert valid("compare", json.loads((tmp_path / "out" / "compare.json").read_text())) == []


def test_a_changed_file_is_not_valid(run, lionn, tmp_path) -> None:
    assert lionn("rdf", run, "--pairs", "Li-S", "--output", tmp_path).code == 0
    content = json.loads((tmp_path / "rdf.json").read_text())
    changes = {
        "$.run.cell: ": lambda c: c["run"]["cell"].pop(),
        "$.run.n_frames: ": lambda c: c["run"].update(n_frames=1.5),
        "$.rdf[0]: ": lambda c: c["rdf"][0].update(peak=1.0),
        "$.rdf[0].g[3]: ": lambda c: c["rdf"][0]["g"].__setitem__(3, "one"),
        "$: ": lambda c: c.pop("rdf"),
        "$.run.schema_version: ": lambda c: c["run"].update(schema_version=1),
    }
    for where, change in changes.items():
        wrong = copy.deepcopy(content)
        change(wrong)
        errors = valid("rdf", wrong)
        assert len(errors) == 1
        assert errors[0].startswith(where)


def test_results_are_read_back(foreign, lionn, tmp_path) -> None:
    path = foreign / "900.extxyz"
    options = ("--temperature", 900, "--frame-interval-fs", DT, "--output", tmp_path)
    assert lionn("diffusion", path, *options).code == 0
    content = json.loads((tmp_path / "900.extxyz.diffusion.json").read_text())
    result = DiffusionResult.from_dict(content)
    content.pop("source")
    assert result.to_dict() == content
    assert result.msd.total_A2.shape == result.msd.lag_ps.shape
    content.pop("clock")  # as version 2 was
    assert DiffusionResult.from_dict(content).clock is None
    content.pop("carrier")
    with pytest.raises(DataError, match="missing 1 required keyword-only argument: 'carrier'"):
        DiffusionResult.from_dict(content)
    with pytest.raises(DataError, match=r"DiffusionResult\.msd: "):
        DiffusionResult.from_dict(content | {"carrier": "Li", "msd": 3})
    with pytest.raises(DataError, match=r"DiffusionResult\.n_frames: expected int, got 'many'"):
        DiffusionResult.from_dict(content | {"carrier": "Li", "n_frames": "many"})


def test_schema_command(lionn) -> None:
    outcome = lionn("schema")
    assert outcome.code == 0
    assert [line.split()[0] for line in outcome.out.splitlines()] == list(RESULTS)
    for name in RESULTS:
        outcome = lionn("schema", name)
        assert json.loads(outcome.out) == result_schema(name)
    found = result_schema("diffusion")["properties"]["cell_A"]
    assert (found["minItems"], found["items"]["minItems"], found["unit"]) == (3, 3, "Å")
    outcome = lionn("schema", "diffusivity")
    assert outcome.code == 2
    assert "no result file is called 'diffusivity' (there are diffusion, arrhenius," in outcome.err
    with pytest.raises(ConfigError):
        result_schema("nothing")


def test_arrhenius_says_what_it_cannot_read(tmp_path, lionn) -> None:
    (tmp_path / "md.json").write_text('{"status": "finished"}')
    (tmp_path / "broken.json").write_text("{")
    expected = {
        "md.json": "md.json: not a result of 'lionn diffusion' (diffusion.json)",
        "broken.json": "broken.json: not a JSON file",
        "none.json": "none.json: no such file",
    }
    for name, text in expected.items():
        outcome = lionn("arrhenius", tmp_path / name)
        assert outcome.code == 1
        assert text in outcome.err
    outcome = lionn("arrhenius", f"{tmp_path / 'md.json'}@600")
    assert outcome.code == 2
    assert "is a result, which knows its temperature" in outcome.err
    outcome = lionn("arrhenius", tmp_path / "md.json", "--every", 2)
    assert outcome.code == 2
    assert "--every is for files of other programs" in outcome.err


def test_runs_and_results_mix(tmp_path, lionn) -> None:
    for k, temperature in enumerate((600, 800, 1000)):
        value = 7e-4 * np.exp(-0.12 / (BOLTZMANN_EV_K * temperature))
        write_short_run(tmp_path / f"{temperature}K", temperature, value, seed=k)
    assert lionn("diffusion", tmp_path / "600K", "--no-pymatgen").code == 0
    inputs = (tmp_path / "600K" / "diffusion.json", tmp_path / "800K", tmp_path / "1000K")
    mixed = lionn("arrhenius", *inputs)
    assert mixed.code == 0, mixed.err
    whole = lionn("arrhenius", tmp_path)
    assert [s for s in whole.out.splitlines() if s.startswith("E_a")] == [
        s for s in mixed.out.splitlines() if s.startswith("E_a")
    ]
