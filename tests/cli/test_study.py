"""``lionn run`` with a doping study: it runs, goes on, and compares the compositions."""

from __future__ import annotations

from tests.campaign_example import save_potential
from tests.unit.workflows.test_campaign_ladder import TEXT


def test_a_study_runs_goes_on_and_says_what_it_found(lionn, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save_potential(tmp_path / "lgps.json")
    (tmp_path / "study.toml").write_text(TEXT)
    first = lionn("run", "study.toml", "--output", "out", "--quiet")
    assert first.code == 0, first.err
    assert "9 of 9 runs finished" in first.out.replace("\n", " ") or "9 finished" in first.out
    # 0.2 ps are not diffusive: nothing is compared, and that is said.
    assert "with diffusive runs at 2 temperatures" in first.out.replace("\n", " ")
    tasks = sorted((tmp_path / "out" / "tasks").iterdir())
    before = [(task / "md.json").stat().st_mtime_ns for task in tasks]
    again = lionn("run", "study.toml", "--output", "out", "--quiet")
    assert again.code == 0
    assert [(task / "md.json").stat().st_mtime_ns for task in tasks] == before
    table = (tmp_path / "out" / "analysis" / "table.md").read_text(encoding="utf-8")
    assert "## Which composition conducts best" in table


def test_force_and_resume_exclude_each_other(lionn, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "study.toml").write_text(TEXT)
    outcome = lionn("run", "study.toml", "--output", "out", "--force", "--resume")
    assert outcome.code == 2
    assert outcome.err == "lionn: --force and --resume exclude each other\n"
