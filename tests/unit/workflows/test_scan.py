"""Running a scan: what is trained, what is kept, how it ends."""

from __future__ import annotations

import copy
import json
import shutil
import signal
import sys
from pathlib import Path

import numpy as np
import pytest

import lionn_rs as lionn
from lionn_rs import datasets
from lionn_rs.config import ScanConfig
from lionn_rs.data import label_images, read_images
from lionn_rs.data.images import data_hash
from lionn_rs.errors import ConfigError, SimulationError
from lionn_rs.workflows.jobs.executors import open_executor, share_processors
from lionn_rs.workflows.scan import run as work
from lionn_rs.workflows.scan import timing as scan_timing
from lionn_rs.workflows.scan import worker as scan_worker
from lionn_rs.workflows.scan.grid import expand
from lionn_rs.workflows.training import train_command

CONTENT = {
    "data": {"images": ["dataset:lgps_gpaw_pbe"], "index": "::10"},
    "training": {"max_iterations": 3, "validation_interval": 1, "max_memory_gb": 1.0},
    "scan": {
        "descriptors": [{"name": "A", "cutoff": 3.0}],
        "hidden_layers": [[2]],
        "seeds": [1, 2],
    },
}


def config(**sections) -> ScanConfig:
    content = copy.deepcopy(CONTENT)
    for name, keys in sections.items():
        content[name].update(keys)
    return ScanConfig.model_validate(content)


@pytest.fixture(scope="module", autouse=True)
def short_samples():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scan_timing, "BUDGET_S", 0.0)
        yield


@pytest.fixture(scope="module")
def base(tmp_path_factory) -> Path:
    """Folder of a finished scan of two members."""
    folder = tmp_path_factory.mktemp("base") / "scan"
    lionn.scan(config(), folder, workers=1, threads=1, progress=False)
    return folder


@pytest.fixture
def folder(base, tmp_path) -> Path:
    """Copy of it."""
    shutil.copytree(base, tmp_path / "scan")
    return tmp_path / "scan"


def run(config: ScanConfig, folder: Path, **options) -> lionn.ScanResult:
    return lionn.scan(config, folder, workers=1, threads=1, progress=False, **options)


def refuse_to_train(monkeypatch) -> None:
    def fail(task):
        raise AssertionError(f"{task.name} must not be trained")

    monkeypatch.setattr(work, "run_member", fail)


def test_folder_holds_everything(base):
    names = {path.name for path in base.iterdir()}
    assert names == {
        *("config.resolved.toml", "images.traj", "split.json", "scan.json", "scan.log"),
        *("members", "timings.json", "results.json", "table.csv", "table.md"),
        *("errors.png", "errors.svg", "pareto.png", "pareto.svg"),
    }
    assert {path.name for path in (base / "members").iterdir()} == {"A-2-seed1", "A-2-seed2"}
    assert "A-2-seed2: validation" in (base / "scan.log").read_text()


def test_images_of_the_workers_are_the_same_to_the_bit(base):
    images = label_images(read_images(base / "images.traj"))
    expected = label_images(read_images(datasets.load("lgps_gpaw_pbe")[::10]))
    assert data_hash(images) == data_hash(expected)
    assert [image.group for image in images] == [image.group for image in expected]
    assert [image.weight for image in images] == [image.weight for image in expected]


def test_member_is_what_train_gives(base, tmp_path):
    plan = expand(config())[1]
    train_command(plan.config, tmp_path / "alone", resume=False, force=False, progress=False)
    member = base / "members" / plan.name
    ours = lionn.Potential.load(member / "best.json")
    assert ours.hash == lionn.Potential.load(tmp_path / "alone" / "best.json").hash
    written = {path.name for path in (tmp_path / "alone").iterdir()}
    assert {path.name for path in member.iterdir()} == {*written, "result.json"}
    for name in ("split.json", "config.resolved.toml"):
        assert (member / name).read_text() == (tmp_path / "alone" / name).read_text()


def test_results_belong_to_the_potentials(base):
    record = json.loads((base / "results.json").read_text())
    first, second = record["members"]
    potentials = [
        lionn.Potential.load(base / member["folder"] / "best.json") for member in (first, second)
    ]
    assert not np.array_equal(potentials[0].parameters, potentials[1].parameters)
    images = read_images(base / "images.traj")
    split = json.loads((base / "split.json").read_text())
    test = [images[k] for k in split["indices"]["test"]]
    for member, potential in zip((first, second), potentials, strict=True):
        metrics = lionn.evaluate(potential, test)
        assert member["metrics"]["test"]["force_rmse"] == pytest.approx(metrics.force_rmse)
        assert member["n_parameters"] == len(potential.parameters)
        assert member["us_per_atom"] > 0
        found = member["metrics"]["validation"]
        loss = found["energy_rmse_per_atom"] ** 2 + 0.04 * found["force_rmse"] ** 2
        assert member["validation_loss"] == pytest.approx(loss)
    best = min((first, second), key=lambda member: member["validation_loss"])
    assert record["best_by_validation"]["member"] == best["name"]


def test_finished_scan_is_not_trained_again(folder, monkeypatch):
    refuse_to_train(monkeypatch)
    monkeypatch.setattr(scan_timing, "benchmark", None)
    result = run(config(training={"max_memory_gb": 2.0}), folder, resume=True)
    assert [member.name for member in result.finished] == ["A-2-seed1", "A-2-seed2"]
    assert result.members[0].us_per_atom is not None


def test_members_that_cannot_be_timed_have_errors_all_the_same(folder, monkeypatch):
    def fail(*_, **__):
        raise SimulationError("no time")

    monkeypatch.setattr(scan_timing, "benchmark", fail)
    for name in ("timings.json", "pareto.png", "table.md"):
        (folder / name).unlink()
    result = run(config(), folder, resume=True)
    assert [member.us_per_atom for member in result.finished] == [None, None]
    assert (folder / "table.md").exists()
    assert not (folder / "pareto.png").exists()
    assert "A-2-seed1: not timed: no time" in (folder / "scan.log").read_text()


def test_added_members_alone_are_trained(folder, monkeypatch):
    trained = []

    def note(task):
        trained.append(task.name)
        return scan_worker.run_member(task)

    monkeypatch.setattr(work, "run_member", note)
    before = {path: path.stat().st_mtime_ns for path in (folder / "members").rglob("*")}
    result = run(config(scan={"seeds": [3, 1, 2]}), folder, resume=True)
    assert trained == ["A-2-seed3"]
    assert [m.name for m in result.finished] == ["A-2-seed3", "A-2-seed1", "A-2-seed2"]
    assert {path: path.stat().st_mtime_ns for path in before if path.is_file()} == {
        path: time for path, time in before.items() if path.is_file()
    }


def test_other_settings_are_refused_and_named(folder, monkeypatch):
    refuse_to_train(monkeypatch)
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.suffix != ".log"}
    with pytest.raises(ConfigError, match=r"max_iterations was 3 and is now 4 .*--force"):
        run(config(training={"max_iterations": 4}), folder, resume=True)
    with pytest.raises(ConfigError, match="the images are not the same"):
        run(config(data={"index": "::11"}), folder, resume=True)
    with pytest.raises(ConfigError, match="not empty"):
        run(config(), folder)
    after = {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.suffix != ".log"}
    assert after == before


def test_folder_of_a_training_is_refused(folder):
    with pytest.raises(ConfigError, match="holds no scan"):
        run(config(), folder / "members" / "A-2-seed1", resume=True)


def test_result_of_other_settings_is_not_taken(folder):
    path = folder / "members" / "A-2-seed1" / "result.json"
    fingerprint = json.loads(path.read_text())["fingerprint"]
    assert scan_worker.read_result(path.parent, fingerprint) is not None
    assert scan_worker.read_result(path.parent, "another") is None
    path.write_text("{")
    assert scan_worker.read_result(path.parent, fingerprint) is None


def test_descriptor_that_cannot_be_made_is_refused_at_once(tmp_path, monkeypatch):
    refuse_to_train(monkeypatch)
    bad = config(scan={"descriptors": [{"name": "bad", "elements": ["Li", "Xx"]}]})
    with pytest.raises(ConfigError, match=r"descriptor 'bad': .*Xx"):
        run(bad, tmp_path / "scan")
    assert not (tmp_path / "scan").exists()


def task(folder: Path, **changes) -> scan_worker.MemberTask:
    """Task of the first member, as the scan at work."""
    plan = expand(config())[0]
    scan = work.Scan(config(), *_images(), folder, progress=False)
    (made,) = scan._tasks([plan], 1, 2, on_cluster=False)
    (folder / scan_worker.TICKET_FILE).write_text(made.ticket)
    return scan_worker.MemberTask(**{**made.__dict__, **changes})


def _images():
    from lionn_rs.workflows.inputs import load_images
    from lionn_rs.workflows.training import split_images

    images = load_images(config().data)
    return images, split_images(config().data, images)


def test_memory_is_divided_among_the_workers(folder):
    assert task(folder).max_memory_gb == 0.5


def test_process_that_is_killed_is_a_failure_with_its_signal(folder, monkeypatch):
    code = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    monkeypatch.setattr(
        scan_worker, "module_process", lambda *_: {"args": [sys.executable, "-c", code]}
    )
    outcome = scan_worker.run_member(task(folder))
    assert outcome.result is None
    assert outcome.error == f"signal {signal.SIGKILL.name} (out of memory?)"


def test_images_that_have_changed_are_a_failure(folder):
    outcome = scan_worker.run_member(task(folder, data_hash="another"))
    assert outcome.error == f"{folder / 'images.traj'}: has changed since the scan was started"


def test_folder_that_a_worker_does_not_see_is_a_failure(folder):
    outcome = scan_worker.run_member(task(folder, scan="/nowhere/scan"))
    assert outcome.error == "/nowhere/scan: no such folder on the machine of the worker"


def test_members_of_a_scan_that_has_gone_are_not_started(folder, monkeypatch):
    asked = task(folder)
    monkeypatch.setattr("subprocess.Popen", None)
    (folder / scan_worker.TICKET_FILE).write_text("of another scan")
    assert scan_worker.run_member(asked) == scan_worker.MemberOutcome()
    (folder / scan_worker.TICKET_FILE).unlink()
    assert scan_worker.run_member(asked) == scan_worker.MemberOutcome()


def test_second_scan_in_one_folder_ends_the_first(folder, monkeypatch):
    def taken_over(task):
        (folder / scan_worker.TICKET_FILE).write_text("of another scan")
        return scan_worker.run_member(task)

    monkeypatch.setattr(work, "run_member", taken_over)
    with pytest.raises(ConfigError, match="another scan has taken over this folder"):
        run(config(scan={"seeds": [1, 2, 3]}), folder, resume=True)
    assert (folder / scan_worker.TICKET_FILE).read_text() == "of another scan"


def test_processors_are_shared(monkeypatch):
    monkeypatch.setattr("lionn_rs.workflows.jobs.executors.available_cores", lambda: 8)

    def share(workers, threads, n_members=100, **options):
        return share_processors(workers, threads, n_members=n_members, **options)

    assert share(None, None) == (8, 1)
    assert share(3, None) == (3, 2)
    assert share(None, 4) == (2, 4)
    assert share(2, 4) == (2, 4)
    # Fewer members than processors: none of these is idle.
    assert share(None, None, n_members=2) == (2, 4)
    assert share(None, 1, n_members=2) == (2, 1)
    assert share(None, None, n_members=0) == (1, 8)
    assert share(None, None, on_cluster=True) == (1, 1)
    assert share(None, 16, on_cluster=True) == (1, 16)
    with pytest.raises(ConfigError, match=r"must be at most 8, .* got 3 times 3"):
        share(3, 3)
    with pytest.raises(ConfigError, match=r"must be at most 8, .* got 1 times 9"):
        share(None, 9)
    with pytest.raises(ConfigError, match="--workers must be at least 1, got 0"):
        share(0, None)


def test_progress_counts_iterations_of_members_under_way(folder):
    scan = work.Scan(config(training={"n_starts": 1}), *_images(), folder, progress=False)
    (made, other) = scan._tasks(scan.plans, 1, 1, on_cluster=False)
    assert scan._share(made) == 1.0
    history = made.folder / "history.csv"
    lines = history.read_text().splitlines()
    history.write_text("\n".join(lines[:3]) + "\n")  # header, iterations 0 and 1 of 3
    assert scan._share(made) == pytest.approx(1 / 3)
    history.write_text(lines[0] + "\n")
    assert scan._share(made) == 0.0
    (other.folder / "history.csv").unlink()
    assert scan._share(other) == 0.0


def test_dask_workers_train_the_same(folder):
    distributed = pytest.importorskip("distributed")
    shutil.move(folder / "members" / "A-2-seed1", folder / "reference")
    with distributed.LocalCluster(
        n_workers=1,
        threads_per_worker=2,
        processes=False,
        protocol="tcp",
        dashboard_address=None,
    ) as cluster:
        with open_executor(1, cluster.scheduler_address) as (_, side_by_side):
            assert side_by_side == 2
        result = lionn.scan(
            config(), folder, dask=cluster.scheduler_address, resume=True, progress=False
        )
    assert not result.failed
    ours, reference = (
        lionn.Potential.load(path / "best.json").hash
        for path in (folder / "members" / "A-2-seed1", folder / "reference")
    )
    assert ours == reference
    assert "training 1 of 2 members, on Dask, 1 thread each" in (folder / "scan.log").read_text()


def test_scheduler_that_does_not_answer_is_one_line(tmp_path, monkeypatch):
    pytest.importorskip("distributed")
    monkeypatch.setattr("lionn_rs.workflows.jobs.executors.DASK_TIMEOUT_S", 0.2)
    with pytest.raises(ConfigError, match=r"--dask tcp://127\.0\.0\.1:9: no scheduler answers"):
        lionn.scan(config(), tmp_path / "scan", dask="tcp://127.0.0.1:9", progress=False)


def test_dask_that_is_not_installed_says_how(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ConfigError, match=r"pip install 'lionn_rs\[dask\]'"):
        lionn.scan(config(), tmp_path / "scan", dask="tcp://127.0.0.1:9", progress=False)
    with pytest.raises(ConfigError, match="--workers is for this machine"):
        lionn.scan(config(), tmp_path / "scan", dask="tcp://127.0.0.1:9", workers=2)
