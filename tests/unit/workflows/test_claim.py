"""Claims: one process at a time, and nothing is left behind by the dead."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from lionn_rs.workflows.jobs import claim

HOLD = (
    "import sys, time; from pathlib import Path; from lionn_rs.workflows.jobs import claim\n"
    "taken = claim.take(Path(sys.argv[1]))\n"
    "print(taken is not None, flush=True)\n"
    "time.sleep(float(sys.argv[2]))\n"
)
needs_proc = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="no /proc")


def hold(folder: Path, seconds: float = 60.0) -> subprocess.Popen[str]:
    """Process that claims a folder and does not give it back."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder), str(seconds)],
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    )


def answer(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_claim_is_held_and_given_back(tmp_path):
    folder = tmp_path / "task"
    with claim.take(folder, n_threads=3) as taken:
        assert taken.number == 1
        assert claim.take(folder) is None
        found = claim.holder(folder)
        assert (found["pid"], found["n_threads"], found["ended"]) == (os.getpid(), 3, None)
        taken.release(last_step=7)
    assert claim.holder(folder) is None
    second = claim.take(folder)
    assert second.number == 2
    second.release()
    first, second = claim.attempts(folder)
    assert first["last_step"] == 7
    assert first["ended"]
    assert second["ended"]


def test_error_gives_a_claim_back(tmp_path):
    with pytest.raises(KeyError), claim.take(tmp_path):
        raise KeyError
    assert claim.holder(tmp_path) is None


def test_one_of_many_wins(tmp_path):
    """Threads that start together: the file system decides, as between processes."""
    for k in range(30):
        folder = tmp_path / str(k)
        barrier = threading.Barrier(8)
        found: list[claim.Claim | None] = []

        def race(folder: Path = folder, barrier=barrier, found=found) -> None:
            barrier.wait()
            found.append(claim.take(folder))

        threads = [threading.Thread(target=race) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        winners = [taken for taken in found if taken is not None]
        assert len(winners) == 1
        winners[0].release()


@needs_proc
def test_claim_of_a_killed_process_is_taken_over_at_once(tmp_path):
    process = hold(tmp_path)
    assert answer(process) == "True"
    assert claim.take(tmp_path) is None
    process.kill()
    # Not waited for: what is left of it in the table of processes does not count as alive.
    limit = time.monotonic() + 10
    while claim.holder(tmp_path) is not None:
        assert time.monotonic() < limit
    taken = claim.take(tmp_path)
    assert taken.number == 2
    taken.release()
    process.communicate()


@needs_proc
def test_number_of_a_process_that_is_used_again_is_another_process(tmp_path):
    claim.take(tmp_path).release()
    path = tmp_path / "attempt-1.json"
    record = json.loads(path.read_text()) | {"ended": None}
    path.write_text(json.dumps(record))
    assert claim.holder(tmp_path) is not None
    path.write_text(json.dumps(record | {"process_start": record["process_start"] - 1}))
    assert claim.holder(tmp_path) is None


@pytest.mark.parametrize("content", ['{"host": "elsewhere", "pid": 1, "process_start": 5}', ""])
def test_other_machines_are_dead_after_a_time_without_a_sign(content, tmp_path):
    path = tmp_path / "attempt-1.json"
    path.write_text(content)
    assert claim.take(tmp_path) is None
    old = time.time() - claim.STALE_S - 5
    os.utime(path, (old, old))
    assert claim.holder(tmp_path) is None
    claim.take(tmp_path).release()


def test_process_that_was_taken_for_dead_notices(tmp_path, monkeypatch):
    monkeypatch.setattr(claim, "HEARTBEAT_S", 0.05)
    lost = threading.Event()
    taken = claim.take(tmp_path)
    taken.on_lost = lost.set
    before = taken.path.stat().st_mtime_ns
    limit = time.monotonic() + 10
    while taken.path.stat().st_mtime_ns == before:  # signs of life
        assert time.monotonic() < limit
    assert not lost.is_set()
    (tmp_path / "attempt-2.json").write_text("{}")
    assert lost.wait(10)
    taken.release()


def test_lost_claim_ends_the_process(tmp_path):
    code = (
        "import sys, time; from pathlib import Path; from lionn_rs.workflows.jobs import claim\n"
        "claim.HEARTBEAT_S = 0.05\n"
        "claim.take(Path(sys.argv[1])); Path(sys.argv[1], 'attempt-2.json').touch()\n"
        "time.sleep(60)\n"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    ended = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], env=environment, check=False, timeout=50
    )
    assert ended.returncode == claim.LOST
