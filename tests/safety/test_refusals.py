"""What cannot be resumed is said in one line, and nothing in the folder changes."""

from __future__ import annotations

import io
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.io import read

from lionn_rs._core import LennardJones
from lionn_rs.errors import LionnError
from lionn_rs.md import Protocol, run_md
from tests.conftest import random_potential
from tests.safety.conftest import command
from tests.safety.program import Program
from tests.safety.test_disk import one_line


def cut_in_half(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def change(path: Path, **entries: object) -> None:
    """Replace entries of a checkpoint; ``None`` removes one."""
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files} | entries
    np.savez(path, **{name: value for name, value in arrays.items() if value is not None})


@pytest.mark.parametrize(
    ("name", "damage", "code", "message"),
    [
        ("trajectory.h5", cut_in_half, 1, "trajectory.h5: cannot continue this trajectory"),
        ("thermo.csv", cut_in_half, 1, "thermo.csv: cannot continue this table, it ends at step"),
        ("checkpoint.npz", cut_in_half, 1, "checkpoint.npz: cannot be read as a checkpoint"),
        ("checkpoint.npz", Path.unlink, 1, "checkpoint.npz: missing, this run cannot be continued"),
        (
            "checkpoint.npz",
            lambda p: change(p, version=7),
            1,
            "checkpoint.npz: checkpoint version 7 is unknown, expected 1",
        ),
        (
            "checkpoint.npz",
            lambda p: change(p, positions=np.zeros((5, 3))),
            1,
            "checkpoint.npz: does not belong to this run: positions must have shape (8, 3)",
        ),
        ("checkpoint.npz", lambda p: change(p, stage=5), 1, "it is of stage 5, the protocol has 3"),
        ("checkpoint.npz", lambda p: change(p, step=10**6), 1, "is not in its stage"),
        ("checkpoint.npz", lambda p: change(p, velocities=None), 1, "no entry 'velocities'"),
        (
            "checkpoint.npz",
            lambda p: change(p, thermostat=np.zeros(2)),
            1,
            "does not belong to this run: thermostat variables must have shape",
        ),
        ("md.json", cut_in_half, 1, "md.json: damaged"),
    ],
)
def test_damage(
    program: Program,
    inputs: Path,
    whole: Path,
    tmp_path: Path,
    name: str,
    damage: Callable[[Path], object],
    code: int,
    message: str,
) -> None:
    output = tmp_path / "run"
    shutil.copytree(whole / "one", output)
    damage(output / name)
    before = {path.name: path.read_bytes() for path in output.iterdir()}
    assert program.run(*command(inputs, output, "--time-ps", 5)) == code
    assert message in one_line(program)
    assert str(output / name) in one_line(program)
    del before["config.resolved.toml"]
    assert {n: (output / n).read_bytes() for n in before} == before


def test_another_potential_structure_or_version(
    program: Program, inputs: Path, whole: Path, tmp_path: Path
) -> None:
    output, other = tmp_path / "run", tmp_path / "other"
    shutil.copytree(whole / "one", output)
    shutil.copytree(inputs, other)
    random_potential(2, cutoff=3.0).save(other / "model.json", force=True)
    assert program.run(*command(other, output)) == 2
    assert "md.json: cannot resume, the potential is another one (" in one_line(program)

    shutil.copy(inputs / "model.json", other)
    atoms = read(inputs / "crystal.extxyz")
    atoms.positions[0] += 0.01
    atoms.write(other / "crystal.extxyz")
    assert program.run(*command(other, output)) == 2
    assert "md.json: cannot resume, the structure is another one (" in one_line(program)

    assert program.run(*command(inputs, output, "--temperature", 310)) == 2
    assert "temperature_K was 300.0 and is 310.0 now" in one_line(program)

    state = json.loads((output / "md.json").read_text())
    (output / "md.json").write_text(json.dumps(state | {"schema_version": 2}))
    assert program.run(*command(inputs, output)) == 1
    assert "md.json: not the metadata of a run of this version of lionn_rs" in one_line(program)


def test_committee_that_cannot_watch(program: Program, inputs: Path, tmp_path: Path) -> None:
    import lionn_rs as lionn

    elements = ["Ge", "Li", "P"]
    members = [random_potential(k, elements=elements, cutoff=3.0) for k in (1, 2)]
    lionn.Committee(members).save(tmp_path / "committee.json")
    arguments = command(inputs, tmp_path / "run", "--committee", tmp_path / "committee.json")
    assert program.run(*arguments) == 1
    assert "committee.json: cannot watch this run: " in one_line(program)
    assert "element S is not in the model" in one_line(program)
    arguments = command(inputs, tmp_path / "run", "--committee", inputs / "model.json")
    assert program.run(*arguments) == 1
    assert "model.json: one potential, not a committee" in one_line(program)
    arguments = command(inputs, tmp_path / "run", "--committee", tmp_path / "none.json")
    assert program.run(*arguments) == 1
    assert "none.json" in one_line(program)
    assert not (tmp_path / "run").exists()


def test_bytes_that_changed_in_a_checkpoint(tmp_path: Path) -> None:
    """Cut or altered at 200 random places: refused with its name, or of no consequence."""
    from ase.build import bulk

    argon: Atoms = bulk("Ar", "fcc", a=5.3, cubic=True)
    lj = LennardJones(epsilon=0.0104, sigma=3.4, onset=5.5, cutoff=7.0)
    protocol = Protocol(temperature_K=60, heating_ps=0.1, equilibration_ps=0, production_ps=0.1)
    output = tmp_path / "run"
    whole = run_md(lj, argon, protocol, output=output, progress=False)
    content = (output / "checkpoint.npz").read_bytes()
    rng = np.random.default_rng(3)
    refusals = []
    for _ in range(200):
        altered = bytearray(content)
        place = int(rng.integers(len(content)))
        if rng.random() < 0.3:
            del altered[place:]
        else:
            altered[place] ^= 1 << int(rng.integers(8))
        (output / "checkpoint.npz").write_bytes(altered)
        try:
            result = run_md(lj, argon, protocol, output=output, resume=True, progress=False)
        except LionnError as error:
            refusals.append(str(error))
        else:
            final = result.trajectory.positions()
            assert final.tobytes() == whole.trajectory.positions().tobytes()
            with np.load(output / "checkpoint.npz") as a, np.load(io.BytesIO(content)) as b:
                assert all(a[name].tobytes() == b[name].tobytes() for name in b.files)
    assert len(refusals) > 100
    assert all("checkpoint.npz: " in text and "\n" not in text for text in refusals)
