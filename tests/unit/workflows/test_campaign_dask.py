"""A campaign on Dask: a worker is killed, and nothing is lost or done twice."""

from __future__ import annotations

import os
import signal
import threading
from collections import Counter
from pathlib import Path

import pytest

import lionn_rs as lionn
from lionn_rs.workflows.campaign.folder import prepare_campaign
from lionn_rs.workflows.campaign.status import read_tasks
from lionn_rs.workflows.campaign.worker import run_task
from lionn_rs.workflows.jobs import claim
from tests.campaign_example import LONG_PS, config, same_bits, save_potential
from tests.programs import LIMIT_S, until

distributed = pytest.importorskip("distributed")
pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="no /proc")


def parent_of(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[1])


def in_production(place: Path) -> bool:
    """Whether a run has made its first checkpoint of the production."""
    path = place / "md.json"
    return path.exists() and '"step": 100' in path.read_text()


@pytest.fixture(scope="module")
def potential(tmp_path_factory) -> Path:
    return save_potential(tmp_path_factory.mktemp("potential") / "lgps.json")


@pytest.mark.parametrize("whole_node", [False, True], ids=["worker", "node"])
def test_killed_worker(whole_node, potential, tmp_path):
    """The process of the worker, or with it that of the run, as when a machine is lost."""
    settings = config(
        potential, md={"temperatures_K": [300, 350, 400], "seeds": [1], "production_ps": LONG_PS}
    )
    folder = prepare_campaign(settings, tmp_path / "out")
    tasks = read_tasks(folder)
    result: list[lionn.CampaignResult] = []
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
    ) as cluster:
        work = threading.Thread(
            target=lambda: result.append(
                lionn.campaign(settings, folder, dask=cluster.scheduler_address, progress=False)
            )
        )
        work.start()
        begun: list[Path] = []
        until(lambda: begun.extend(filter(in_production, (folder / "tasks").iterdir())) or begun)
        victim = begun[0]
        run = claim.holder(victim)["pid"]
        worker = parent_of(run)
        assert worker in {nanny.pid for nanny in cluster.workers.values()}
        os.kill(worker, signal.SIGKILL)
        if whole_node:
            os.kill(run, signal.SIGKILL)
        work.join(LIMIT_S)
        assert not work.is_alive()
    (outcome,) = result
    assert [entry.state for entry in outcome.runs] == ["finished"] * len(tasks)
    assert outcome.errors == {}

    # Nothing is done twice: one attempt at each run, and two at that which lost its worker.
    attempts = {task.name: claim.attempts(folder / "tasks" / task.name) for task in tasks}
    assert Counter(map(len, attempts.values())) == {1: len(tasks) - 1, 2: 1}
    first, second = attempts[victim.name]
    assert bool(first["ended"]) is not whole_node
    # Nothing is lost: the second attempt begins at the last checkpoint of the first.
    assert second["first_step"] == first.get("last_step", 100)
    assert second["first_step"] >= 100
    assert second["last_step"] == tasks[0].n_steps

    alone = prepare_campaign(settings, tmp_path / "alone") / "tasks" / victim.name
    run_task(alone)
    assert same_bits(victim, alone)


def test_workers_of_dask_give_the_same_as_this_machine(potential, tmp_path):
    settings = config(potential, md={"temperatures_K": [300], "seeds": [1]})
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=2, processes=False, protocol="tcp", dashboard_address=None
    ) as cluster:
        lionn.campaign(settings, tmp_path / "dask", dask=cluster.scheduler_address, progress=False)
    lionn.campaign(settings, tmp_path / "here", workers=1, progress=False)
    (ours,) = (tmp_path / "dask" / "tasks").iterdir()
    assert same_bits(ours, tmp_path / "here" / "tasks" / ours.name)
    assert "on Dask, 1 thread each" in (tmp_path / "dask" / "campaign.log").read_text()
