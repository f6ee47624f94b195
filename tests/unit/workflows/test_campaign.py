"""Running a campaign: what is done, what is kept, what is refused, what comes out."""

from __future__ import annotations

import csv
import json
import shutil
import signal
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from ase import Atoms
from ase.io import write

import lionn_rs as lionn
from lionn_rs import datasets
from lionn_rs.config_campaign import CampaignConfig
from lionn_rs.errors import ConfigError, DataError
from lionn_rs.md import run_md
from lionn_rs.workflows.campaign import run as work
from lionn_rs.workflows.campaign import worker as campaign_worker
from lionn_rs.workflows.campaign.analysis import analyze_campaign
from lionn_rs.workflows.campaign.folder import prepare_campaign
from lionn_rs.workflows.campaign.status import (
    HEADER,
    read_states,
    read_tasks,
    status_line,
    status_rows,
)
from lionn_rs.workflows.campaign.worker import Order, Outcome, run_order, run_task, step_of
from lionn_rs.workflows.jobs import claim
from tests.campaign_example import config, same_bits, save_potential
from tests.conftest import random_potential


@pytest.fixture(scope="module")
def potential(tmp_path_factory) -> Path:
    return save_potential(tmp_path_factory.mktemp("potential") / "lgps.json")


def run(settings, folder: Path, **options) -> lionn.CampaignResult:
    return lionn.campaign(settings, folder, workers=2, threads=1, progress=False, **options)


@pytest.fixture(scope="module")
def base(potential, tmp_path_factory) -> Path:
    """Folder of a finished campaign of four runs."""
    folder = tmp_path_factory.mktemp("base") / "out"
    run(config(potential), folder)
    return folder


@pytest.fixture
def folder(base, tmp_path) -> Path:
    """Copy of it."""
    shutil.copytree(base, tmp_path / "out")
    return tmp_path / "out"


def places(folder: Path) -> list[Path]:
    return sorted((folder / "tasks").iterdir())


def refuse_to_run(monkeypatch) -> None:
    def fail(order):
        raise AssertionError(f"{order.name} must not be run")

    monkeypatch.setattr(work, "run_order", fail)


def test_folder_holds_everything(base):
    assert {path.name for path in base.iterdir()} == {
        *("campaign.json", "campaign.log", "config.resolved.toml"),
        *("inputs", "tasks", "tickets", "analysis"),
    }
    assert len(places(base)) == 4
    for place in places(base):
        assert {path.name for path in place.iterdir()} >= {
            *("task.json", "attempt-1.json", "result.json", "diffusion.json"),
            *("trajectory.h5", "thermo.csv", "checkpoint.npz", "md.json"),
        }
        assert json.loads((place / "result.json").read_text())["attempts"] == 1
    assert list((base / "tickets").iterdir()) == []
    assert "4 of 4 runs finished" in (base / "campaign.log").read_text()


def test_run_is_what_md_gives(base, potential, tmp_path):
    settings = config(potential)
    task = read_tasks(base)[1]
    run_md(
        lionn.load(potential),
        datasets.structure("lgps"),
        settings.md.protocol(task.temperature_K, task.seed),
        output=tmp_path / "alone",
        progress=False,
    )
    assert (task.temperature_K, task.seed) == (300.0, 2)
    assert same_bits(base / "tasks" / task.name, tmp_path / "alone")


def test_pymatgen_is_asked_only_if_the_file_says_so(base, potential, tmp_path):
    def asked(folder):
        return json.loads((folder / "campaign.json").read_text())["diffusion"]["compare_pymatgen"]

    assert asked(base) is False
    said = config(potential, diffusion={"compare_pymatgen": True})
    assert asked(prepare_campaign(said, tmp_path / "out")) is True


def test_finished_runs_are_not_repeated(folder, potential, monkeypatch):
    refuse_to_run(monkeypatch)
    result = run(config(potential), folder)
    assert [entry.state for entry in result.runs] == ["finished"] * 4


def test_run_that_was_killed_before_its_result_was_written_gets_one(folder, potential):
    (place, *_) = places(folder)
    content = json.loads((place / "result.json").read_text())
    (place / "result.json").unlink()
    assert [entry.state for entry in run(config(potential), folder).runs] == ["finished"] * 4
    again = json.loads((place / "result.json").read_text())
    assert (again["attempts"], again["run"]["n_steps"]) == (2, content["run"]["n_steps"])
    assert claim.attempts(place)[1]["first_step"] == 400


def test_other_settings_are_other_runs_and_the_old_ones_stay(folder, potential):
    before = {place.name: (place / "result.json").stat().st_mtime_ns for place in places(folder)}
    settings = {"temperatures_K": [400, 500], "seeds": [1]}
    result = run(config(potential, md=settings), folder)
    assert [entry.task.temperature_K for entry in result.finished] == [400.0, 500.0]
    assert len(places(folder)) == 5
    for name, time_ns in before.items():
        assert (folder / "tasks" / name / "result.json").stat().st_mtime_ns == time_ns
    log = (folder / "campaign.log").read_text()
    assert "3 runs of earlier settings stay in tasks/" in log
    assert "1 of 2 runs to do" in log


def test_longer_production_continues_finished_runs_with_the_same_bits(folder, potential, tmp_path):
    settings = config(potential, md={"production_ps": 1.0, "seeds": [1]})
    result = run(settings, folder)
    assert [entry.state for entry in result.runs] == ["finished"] * 2
    place = folder / "tasks" / result.runs[0].task.name
    assert json.loads((place / "task.json").read_text())["continues"].startswith("LGPS-1x1x1-300K")
    assert result.runs[0].diffusion.n_frames == 51
    (attempt,) = claim.attempts(place)
    assert (attempt["first_step"], attempt["last_step"]) == (400, 600)
    assert 0.0 < attempt["processor_s"] < 600.0
    fresh = tmp_path / "fresh"
    assert run(settings, fresh).runs[0].task.name == place.name
    assert same_bits(place, fresh / "tasks" / place.name)
    state = json.loads((place / "md.json").read_text())
    assert (state["step"], state["stages"][-1]["n_steps"]) == (600, 500)


def one_run(potential: Path, production_ps: float) -> CampaignConfig:
    """One run, with a checkpoint every 50 ms."""
    return config(
        potential,
        md={
            "production_ps": production_ps,
            "seeds": [1],
            "temperatures_K": [300],
            "checkpoint_interval_s": 0.05,
        },
    )


def interrupted_run(settings: CampaignConfig, folder: Path) -> Path:
    """Folder of a run that a file has stopped after its first checkpoint."""
    prepare_campaign(settings, folder)
    (task,) = read_tasks(folder)
    place = folder / "tasks" / task.name

    def stop() -> None:
        while step_of(place) == 0:
            time.sleep(0.005)
        (place / "stop").touch()

    thread = threading.Thread(target=stop)
    thread.start()
    assert run_task(place, n_threads=1).state == "stopped"
    thread.join()
    assert 0 < step_of(place) < task.n_steps
    return place


def test_longer_production_continues_an_interrupted_run_with_the_same_bits(potential, tmp_path):
    shorter = interrupted_run(one_run(potential, 20.0), tmp_path / "out")
    settings = one_run(potential, 20.2)
    prepare_campaign(settings, tmp_path / "out")
    (task,) = read_tasks(tmp_path / "out")
    place = shorter.with_name(task.name)
    assert run_task(place) == Outcome("finished")
    assert claim.attempts(place)[0]["first_step"] == step_of(shorter)
    assert claim.attempts(shorter)[-1]["outcome"] == f"copied to {task.name}"
    fresh = run(settings, tmp_path / "fresh")
    assert same_bits(place, tmp_path / "fresh" / "tasks" / fresh.runs[0].task.name)


def test_run_that_somebody_is_at_work_on_is_not_continued_as_another(potential, tmp_path):
    shorter = interrupted_run(one_run(potential, 20.0), tmp_path / "out")
    prepare_campaign(one_run(potential, 20.2), tmp_path / "out")
    (task,) = read_tasks(tmp_path / "out")
    place = shorter.with_name(task.name)
    with claim.take(shorter):
        assert run_task(place) == Outcome("finished")
    assert claim.attempts(place)[0]["first_step"] == 0


def test_run_whose_predecessor_has_gone_starts_from_its_beginning(folder, potential):
    settings = config(potential, md={"production_ps": 1.0, "seeds": [1], "temperatures_K": [300]})
    prepare_campaign(settings, folder)
    (task,) = read_tasks(folder)
    place = folder / "tasks" / task.name
    shorter = json.loads((place / "task.json").read_text())["continues"]
    shutil.rmtree(folder / "tasks" / shorter)
    assert run_task(place) == Outcome("finished")
    assert claim.attempts(place)[0]["first_step"] == 0


def test_renamed_structure_keeps_its_runs(folder, potential, monkeypatch):
    refuse_to_run(monkeypatch)
    entry = {"name": "pure", "files": ["dataset:lgps"]}
    result = run(config(potential, campaign={"structures": [entry]}), folder)
    assert {entry.task.structure for entry in result.finished} == {"pure"}
    assert result.runs[0].task.name.startswith("LGPS-1x1x1-")


def test_failed_run_is_reported_and_the_others_go_on(potential, tmp_path):
    close = datasets.structure("lgps")
    close.positions[1] = close.positions[0] + [0.3, 0, 0]  # nearer than min_distance
    write(tmp_path / "close.extxyz", close)
    structures = [
        {"name": "LGPS", "files": ["dataset:lgps"]},
        {"name": "close", "files": [str(tmp_path / "close.extxyz")]},
    ]
    settings = config(
        potential,
        campaign={"structures": structures},
        md={"temperatures_K": [300], "seeds": [1]},
    )
    result = run(settings, tmp_path / "out")
    assert [entry.state for entry in result.runs] == ["finished", "failed"]
    assert "Å apart" in result.failed[0].reason
    page = (tmp_path / "out" / "analysis" / "table.md").read_text()
    assert "- close-1x1x1-300K-seed1-" in page.rpartition("## Failures")[2]
    attempts = claim.attempts(tmp_path / "out" / "tasks" / result.failed[0].task.name)
    assert [entry["outcome"] for entry in attempts] == ["failed"]
    # It would fail again: it is not attempted again.
    again = run(settings, tmp_path / "out")
    assert again.failed[0].reason == result.failed[0].reason
    assert len(claim.attempts(tmp_path / "out" / "tasks" / result.failed[0].task.name)) == 1


def unfinished(potential: Path, folder: Path) -> Path:
    """Folder of one run of a campaign that was prepared only."""
    settings = config(potential, md={"temperatures_K": [300], "seeds": [1]})
    return places(prepare_campaign(settings, folder))[0]


def order(place: Path) -> Order:
    (place.parents[1] / "tickets" / "ticket").touch()
    return Order(str(place.parents[1]), place.name, "ticket", 1, 1)


def test_run_that_another_process_is_at_work_on_is_left_alone(potential, tmp_path):
    place = unfinished(potential, tmp_path / "out")
    with claim.take(place):
        assert run_task(place).state == "busy"
        assert run_order(order(place)).state == "busy"
        assert not (place / "trajectory.h5").exists()
    assert run_task(place) == Outcome("finished")
    assert run_task(place) == Outcome("finished")
    assert len(claim.attempts(place)) == 2


def test_campaign_waits_for_runs_of_another_and_takes_over_what_it_leaves(
    potential, tmp_path, monkeypatch
):
    place = unfinished(potential, tmp_path / "out")
    taken = claim.take(place)
    looks = []
    look = work.Work._free

    def free(self):
        looks.append(len(self._elsewhere))
        if len(looks) == 3:
            taken.release()  # without a result, as a process that was interrupted
        return look(self)

    monkeypatch.setattr(work.Work, "_free", free)
    settings = config(potential, md={"temperatures_K": [300], "seeds": [1]})
    assert [entry.state for entry in run(settings, tmp_path / "out").runs] == ["finished"]
    assert len(claim.attempts(place)) == 2


def test_inputs_that_have_changed_are_refused(potential, tmp_path):
    place = unfinished(potential, tmp_path / "out")
    (structure,) = (tmp_path / "out" / "inputs").glob("structure-*")
    (model,) = (tmp_path / "out" / "inputs").glob("potential-*")
    content = structure.read_bytes()
    moved = datasets.structure("lgps")
    moved.positions[0] += 1e-9
    write(structure, moved)
    with pytest.raises(DataError, match=r"structure-\w{8}\.traj: has changed since"):
        run_task(place)
    structure.write_bytes(content)
    random_potential(cutoff=4.0).save(model, force=True)
    with pytest.raises(DataError, match=r"potential-\w{8}\.json: has changed since"):
        run_task(place)
    record = json.loads((place / "task.json").read_text())
    record["spec"]["protocol"]["seed"] = 7
    (place / "task.json").write_text(json.dumps(record))
    with pytest.raises(DataError, match=r"task\.json: has been changed, its hash is not"):
        run_task(place)


def test_errors_are_told_and_tried_again(potential, tmp_path):
    place = unfinished(potential, tmp_path / "out")
    (model,) = (tmp_path / "out" / "inputs").glob("potential-*")
    model.write_text("{")
    settings = config(potential, md={"temperatures_K": [300], "seeds": [1]})
    result = run(settings, tmp_path / "out")
    assert model.name in result.errors[place.name]
    assert [entry.state for entry in result.runs] == ["waiting"]
    assert "Traceback" in (place / "errors.log").read_text()
    model.write_bytes(potential.read_bytes())
    assert [entry.state for entry in run(settings, tmp_path / "out").runs] == ["finished"]


def test_process_that_keeps_dying_is_given_up_for_now(potential, tmp_path, monkeypatch):
    code = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    monkeypatch.setattr(
        campaign_worker, "module_process", lambda *_: {"args": [sys.executable, "-c", code]}
    )
    place = unfinished(potential, tmp_path / "out")
    settings = config(potential, md={"temperatures_K": [300], "seeds": [1]})
    result = run(settings, tmp_path / "out")
    assert result.errors == {place.name: f"signal {signal.SIGKILL.name} (out of memory?)"}
    log = (tmp_path / "out" / "campaign.log").read_text()
    assert log.count("goes on from its checkpoint") == work.MAX_DEATHS - 1


def test_run_that_a_file_has_stopped_goes_on_when_it_is_called_again(
    potential, tmp_path, monkeypatch
):
    """What is said of it is in its md.json; here it is said of a run that has reached its end."""
    place = unfinished(potential, tmp_path / "out")

    def stopped(*arguments, **options):
        result = run_md(*arguments, **options)
        said = {"stopped_by": "stop file"}
        return replace(
            result, status="stopped", message="a file says so", metadata=result.metadata | said
        )

    with monkeypatch.context() as patch:
        patch.setattr("lionn_rs.md.run_md", stopped)
        assert run_task(place) == Outcome("stopped", "a file says so")
    assert claim.attempts(place)[0]["outcome"] == "stopped"
    assert not (place / "result.json").exists()
    assert run_task(place) == Outcome("finished")


def test_nobody_runs_what_is_not_wanted_any_more(potential, tmp_path, monkeypatch):
    place = unfinished(potential, tmp_path / "out")
    asked = order(place)
    (tmp_path / "out" / "tickets" / "ticket").unlink()
    monkeypatch.setattr("subprocess.Popen", None)
    assert run_order(asked) == Outcome("stopped")
    nowhere = Order("/nowhere/out", "x", "ticket", 1, 1)
    assert run_order(nowhere).message == (
        "/nowhere/out: no such folder on the machine of the worker"
    )


def test_folder_of_something_else_is_refused(folder, potential, tmp_path):
    with pytest.raises(ConfigError, match=r"holds the campaign 'test', not 'other' \(another"):
        run(config(potential, campaign={"name": "other"}), folder)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").touch()
    with pytest.raises(ConfigError, match="output folder is not empty"):
        run(config(potential), tmp_path / "mine")
    with pytest.raises(ConfigError, match="--force refused"):
        run(config(potential), tmp_path / "mine", force=True)


def test_campaign_that_another_process_is_just_beginning_is_joined(base, potential, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    half_written = out / ".campaign.json.1.tmp"
    half_written.write_bytes((base / "campaign.json").read_bytes())
    timer = threading.Timer(0.5, half_written.replace, [out / "campaign.json"])
    timer.start()
    assert prepare_campaign(config(potential), out) == out.resolve()
    timer.join()


def test_force_replaces_a_campaign_but_not_one_at_work(folder, potential):
    settings = config(potential, campaign={"name": "other"}, md={"seeds": [5]})
    (place, *_) = places(folder)
    (place / "result.json").unlink()
    taken = claim.take(place)
    with pytest.raises(ConfigError, match="--force refused, 1 runs are at work in it"):
        prepare_campaign(settings, folder, force=True)
    taken.release()
    prepare_campaign(settings, folder, force=True)
    assert len(places(folder)) == 2
    assert not (folder / "analysis").exists()


def test_longest_runs_come_first(potential, tmp_path):
    sizes = {"supercells": [[1, 1, 1], [1, 1, 2]]}
    prepared = prepare_campaign(config(potential, campaign=sizes), tmp_path / "out")
    todo = work.Work(prepared, progress=False).todo
    assert [task.n_atoms for task in todo] == [100] * 4 + [50] * 4


def test_status_counts_and_times(folder):
    (first, second, *_) = places(folder)
    (first / "result.json").unlink()
    (second / "result.json").unlink()
    taken = claim.take(second)
    states = read_states(folder, read_tasks(folder))
    assert [state.state for state in states] == ["waiting", "running", "finished", "finished"]
    assert status_line(states) == "2 of 4 runs finished, 1 running, 1 waiting"
    rows = [dict(zip(HEADER, row, strict=True)) for row in status_rows(states)]
    assert [row["structure"] for row in rows] == ["LGPS", "LGPS", "all"]
    assert (rows[0]["T / K"], rows[0]["waiting"], rows[0]["running"]) == ("300", "1", "1")
    assert (rows[2]["ps done"], rows[2]["of"]) == ("3.2", "3.2")
    metadata = json.loads((first / "md.json").read_text())
    (first / "md.json").write_text(json.dumps(metadata | {"step": 100, "seconds": 0.2}))
    (second / "md.json").write_text(json.dumps(metadata | {"step": 200, "seconds": 0.2}))
    states = read_states(folder, read_tasks(folder))
    taken.release()
    # 300 and 200 of 400 steps are left, at 1000 steps a second of the run at work.
    row = dict(zip(HEADER, status_rows(states)[0], strict=True))
    assert row["time left"] == "0.5 s"
    # 500 and 1000 steps of 2 fs a second: 86.4 and 172.8 ns/day, the mean of them.
    assert row["ns/day"] == "130"
    assert row["ps done"] == "0.6"


def test_analysis_of_runs_that_have_not_ended_is_preliminary(folder):
    """Also of one that has its trajectory open."""
    import h5py

    (first, second, *_) = places(folder)
    for place in (first, second):
        (place / "result.json").unlink()
        (place / "diffusion.json").unlink()
    shutil.rmtree(second)
    (second).mkdir()
    with claim.take(first), h5py.File(first / "trajectory.h5", "r+"):
        result = analyze_campaign(folder, progress=False)
    assert [entry.state for entry in result.runs] == ["running", "waiting", "finished", "finished"]
    assert result.runs[0].diffusion is not None
    assert result.runs[0].diffusion.n_frames == 31
    assert not (first / "diffusion.json").exists()
    assert result.runs[1].reason == "not begun"
    assert len(result.groups[0].finished) == 2
    assert "1 waiting" in (folder / "analysis" / "table.md").read_text()
    with (folder / "analysis" / "runs.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert [row["state"] for row in rows] == [entry.state for entry in result.runs]
    assert float(rows[2]["upper_bound_cm2_s"]) == pytest.approx(
        result.runs[2].diffusion.upper_bound_cm2_s
    )
    record = json.loads((folder / "analysis" / "results.json").read_text())
    assert record["groups"][0]["n_finished"] == 2
    assert "3 temperatures or more" in record["groups"][0]["no_arrhenius"]


def test_structures_are_the_same_to_the_bit_for_every_worker(base):
    from ase.io import read

    (path,) = (base / "inputs").glob("structure-*")
    atoms = read(path)
    expected = datasets.structure("lgps")
    assert isinstance(atoms, Atoms)
    assert (atoms.positions == expected.positions).all()
    assert (atoms.cell[:] == expected.cell[:]).all()
