"""How often a run saves itself, and what it says about its speed."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from ase import Atoms

from lionn_rs import _core
from lionn_rs._core import LennardJones
from lionn_rs.md import MdJob, Protocol, run_many, run_md, runner, single_run, stopping
from lionn_rs.md.storage import FolderStore
from lionn_rs.workflows.dynamics import describe_run, describe_speed, run_record


class Clock:
    """Time that passes in calls into the core only."""

    now = 0.0

    def monotonic(self) -> float:
        return self.now


@pytest.mark.parametrize("interval_s", [0.1, 1.0, 5.0])
def test_time_between_checkpoints(
    lj: LennardJones,
    argon: Atoms,
    short: Protocol,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    interval_s: float,
) -> None:
    """Never longer than the interval and the call in which it ends; not needlessly short."""
    clock = Clock()
    written: list[float] = []
    original = FolderStore.write

    class Slow:
        """Every call uses the time it is given for two steps."""

        def __init__(self, *arguments: Any, **options: Any) -> None:
            self.core = _core.MdRun(*arguments, **options)

        def __getattr__(self, name: str) -> Any:
            return getattr(self.core, name)

        def run(self, n_steps: int, time_limit_s: float) -> int:
            clock.now += time_limit_s
            return int(self.core.run(min(n_steps, 2)))

    class Core:
        MdRun = Slow
        maxwell_boltzmann = staticmethod(_core.maxwell_boltzmann)

    def write(store: FolderStore, *arguments: Any) -> None:
        written.append(clock.now)
        original(store, *arguments)

    monkeypatch.setattr(single_run, "time", clock)
    monkeypatch.setattr(single_run, "_core", Core)
    monkeypatch.setattr(FolderStore, "write", write)
    run_md(lj, argon, short, output=tmp_path, progress=False, checkpoint_interval_s=interval_s)
    gaps = [after - before for before, after in pairwise(written)]
    call = min(single_run.CALL_S, interval_s)
    assert max(gaps) <= interval_s + call + 1e-9
    assert sum(gaps) == pytest.approx(175 * call)
    # Those at the ends of stages come early.
    assert len(gaps) <= sum(gaps) / interval_s + 3


def test_speed_is_recorded_and_said(
    lj: LennardJones,
    argon: Atoms,
    short: Protocol,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    jobs = [
        MdJob(lj, argon, short.model_copy(update={"seed": seed}), tmp_path / f"{seed}")
        for seed in (1, 2, 3)
    ]
    results = run_many(jobs, 2, stop_folders=[tmp_path])
    printed = capsys.readouterr().err
    assert f"Ctrl-C or 'touch {tmp_path}/stop' ends" in printed
    assert "MD 3 runs: done, 1050/1050 steps in" in printed
    assert "ns/day" in printed.splitlines()[-1]
    state = json.loads((tmp_path / "1" / "md.json").read_text())
    rate = state["steps_per_second"]
    assert state["atom_steps_per_second"] == pytest.approx(32 * rate)
    # 4 fs per step, 86400 s per day.
    assert state["ns_per_day"] == pytest.approx(rate * 4e-6 * 86400)
    assert state["last_session"]["first_step"] == 0
    assert " ns/day, " in describe_run(run_record(results[0]))
    # 3 * 350 steps of 4 fs are 4.2 ps; in 2 s that makes 181.44 ns per day, 16800 atom-steps/s.
    assert describe_speed(results, 2.0) == (
        "3 runs together: 181 ns/day, 1.68e+04 atom-steps/s in 2.0 s"
    )
    again = [MdJob(j.potential, j.atoms, j.protocol, j.output, resume=True) for j in jobs]
    done = run_many(again, 2, progress=False)
    assert describe_speed(done, 2.0) == "3 runs, no step was left to make"


def test_a_run_that_was_ended_by_a_file_is_not_called_done(
    lj: LennardJones,
    argon: Atoms,
    short: Protocol,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    jobs = [MdJob(lj, argon, short, tmp_path / "one")]
    (tmp_path / "stop").touch()
    (result,) = run_many(jobs, stop_folders=[tmp_path])
    assert result.status == "stopped"
    assert "MD: stopped, 0/350 steps in" in capsys.readouterr().err

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runner, "Stop", lambda: stopping.Stop([tmp_path]))
        assert run_md(lj, argon, short, output=tmp_path / "one", resume=True).status == "stopped"
    assert "K: stopped, 0/350 steps in" in capsys.readouterr().err
    assert run_md(lj, argon, short, output=tmp_path / "one", resume=True).status == "finished"
    assert "K: done, 350/350 steps in" in capsys.readouterr().err
